from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.halves import Half, HalfName
from kinect_unlock.manifest import DepthBand, DepthRow, Encoder, EncoderHalf, load_manifest

_MODELS = Path(__file__).parents[2] / "models"
_SHIPPED = (_MODELS / "manifest.yaml").read_text()


def _written(folder: Path, text: str) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_installed_manifest_is_the_one_in_models(tmp_path: Path) -> None:
    assert load_manifest() == load_manifest(_written(tmp_path, _SHIPPED))


def test_every_network_has_its_card_and_every_row_its_evidence() -> None:
    manifest = load_manifest()

    assert all((_MODELS / entry.card).is_file() for entry in manifest.entries.values())
    for encoder in manifest.encoders.values():
        for depth_row in encoder.depth_calibration:
            assert depth_row.evidence is not None
            assert depth_row.evidence.weights is not None
        for row in encoder.calibration:
            assert row.evidence is not None
            assert row.evidence.weights is not None
            low, high = row.evidence.far_interval or (0, 1)
            assert low <= row.far
            assert low < high


def test_evidence_for_infrared_is_of_the_halfs_own_weights(tmp_path: Path) -> None:
    rows = """
    infrared_calibration:
      - half: rgb
        strategy: nearest
        template_vectors_max: 10
        far: 1.0e-04
        threshold: 0.7
        evidence: {data: d, protocol: p, impostor_comparisons: 1, far_interval: null, note: n, weights: "000000000000"}
    unlock: true
"""
    path = _written(tmp_path, _SHIPPED.replace("\n    unlock: true\n", rows, 1))
    with pytest.raises(ModelError, match="evidence of rgb is of the weights 000000000000"):
        load_manifest(path)


def test_unknown_networks_are_named_with_the_known_ones() -> None:
    manifest = load_manifest()

    with pytest.raises(ConfigError, match=r"\$\.models\.encoder: no encoder is called 'x'; known: rgbd-fused"):
        manifest.encoder("x")
    with pytest.raises(ConfigError, match=r"\$\.models\.detector: no detector is called 'x'; known: yunet"):
        manifest.detector("x")
    with pytest.raises(ConfigError, match="no network is called 'x'; the manifest has: yunet, eyes, rgbd-fused"):
        manifest.entry("x")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("dim: 128", "dim: 128\n        colour: yes", r"unknown field `colour` - at `\$\.encoders"),
        ("dim: 128", "dim: many", r"Expected `int`.*dim"),
        ("dim: 128", "dim: 128\n        dim: 64", "dim: is here twice"),
        ("name: rgb", "name: infrared", "name"),
        ("half: rgb", "half: rgbd", "calibration is about the first half, rgb; got rgbd"),
        ("share: 0.7", "share: 0.6", "shares must be 1 together, got 0.9"),
        ("share: 0.7", "share: 0.0", "> 0.0.*share"),
        ("share: 0.7", "share: .nan", "share"),
        ("votes: [rgb, depth]", "votes: [depth]", r"the first half, rgb, says who it is and must vote"),
        ("votes: [rgb, depth]", "votes: [rgb, rgb]", "votes must name each a half of its own"),
        ("votes: [rgb, depth]", "votes: [rgb]", "lets every half vote"),
        ("to_mm: 1000", "to_mm: 2000", "bands must end farther and farther away"),
        ("threshold: 0.50", "threshold: .nan", "threshold"),
        ("threshold: 0.50", "threshold: 0.0", r"> 0\.0.*threshold"),
        ("threshold: 0.50", "threshold: 1.5", r"< 1\.0.*threshold"),
        ("far: 1.0e-04", "far: .nan", "far"),
        ("votes: [rgb, depth]", "votes: []", "votes"),
        ("votes: [rgb, depth]", "votes: [infrared]", "votes"),
        ("depth: frontalised-mm", "depth: guessed", "guessed"),
        ("depth: frontalised-mm", "depth: registered", "needs frontalised-mm"),
        ("kind: yunet", "kind: other", "kind"),
        ("file: face_detection", "file: ../face_detection", "file"),
        ("folder: models", "folder: /etc", "folder"),
        ("sha256: 49f0", "sha256: 49F0", "sha256"),
        ("bytes: 122489", "bytes: 0", "bytes"),
        ("version: 1", "version: 2", "version"),
        ("  yunet:\n", "  rgbd-fused:\n", "rgbd-fused names two networks"),
        ("  yunet:\n", "  eyes:\n", "eyes names two networks"),
        ("kind: eyes", "kind: ears", "kind"),
        ("version: 1", "version: [", "not YAML"),
        ("version: 1", "version: &x 1", "anchors"),
    ],
)
def test_a_manifest_that_says_what_it_may_not_is_refused(tmp_path: Path, before: str, after: str, fault: str) -> None:
    assert before in _SHIPPED
    path = _written(tmp_path, _SHIPPED.replace(before, after, 1))

    with pytest.raises(ModelError, match=rf"(?s){path}.*{fault}"):
        load_manifest(path)


def test_a_manifest_may_do_without_a_network_for_eyes(tmp_path: Path) -> None:
    begin, end = _SHIPPED.index("\neyes:"), _SHIPPED.index("\nencoders:")

    manifest = load_manifest(_written(tmp_path, _SHIPPED[:begin] + _SHIPPED[end:]))

    assert manifest.eyes is None
    assert "eyes" not in manifest.entries


_WEIGHTS = load_manifest().encoder("rgbd-fused").halves[0].weights


def _half(name: HalfName, share: float, *, dim: int = 4) -> EncoderHalf:
    return EncoderHalf(name, dim, share, _WEIGHTS)


_BOTH = (_half("rgb", 0.7, dim=6), _half("depth", 0.3))
_BANDS = (DepthBand(900.0, 0.4), DepthBand(1200.0, 0.3))


def _two_halves(**changes: Any) -> Encoder:
    shipped = load_manifest().encoder("rgbd-fused")
    plain: dict[str, Any] = {"halves": _BOTH, "votes": ("rgb", "depth"), "depth": DepthChannel.FRONTALISED_MM}
    return msgspec.structs.replace(shipped, **{**plain, "depth_calibration": (), **changes})


def test_halves_stand_one_behind_the_other_in_an_embedding() -> None:
    encoder = _two_halves()

    assert encoder.dim == 10
    assert encoder.layout == (Half("rgb", 0, 6, 0.7), Half("depth", 6, 10, 0.3))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"halves": (_half("rgb", 0.5), _half("rgb", 0.5))}, "named once, got rgb, rgb"),
        ({"halves": (_half("rgb", 0.5), _half("depth", 0.4))}, "must be 1 together, got 0.9"),
        ({"votes": ("rgb",)}, r"may unlock lets every half vote \(rgb, depth\), got rgb"),
        ({"votes": ("depth",), "unlock": False}, "the first half, rgb, says who it is and must vote"),
        ({"halves": (_half("depth", 1.0),), "votes": ("depth",), "calibration": ()}, "depth alone never unlocks"),
        ({"halves": _BOTH[::-1], "votes": ("depth", "rgb"), "calibration": ()}, "depth alone never unlocks"),
        ({"depth": DepthChannel.REGISTERED}, "needs frontalised-mm"),
        ({"depth_calibration": (DepthRow("nearest", 5, _BANDS, None),) * 2}, "two rows for one strategy"),
        (
            {
                "halves": (_half("rgb", 1.0),),
                "votes": ("rgb",),
                "depth_calibration": (DepthRow("nearest", 5, _BANDS, None),),
            },
            "without a half named depth",
        ),
    ],
)
def test_halves_and_votes_that_contradict_each_other_are_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        _two_halves(**changes)


def test_an_encoder_that_may_not_unlock_may_have_a_half_without_a_vote() -> None:
    assert _two_halves(votes=("rgb",), unlock=False).votes == ("rgb",)
    assert _two_halves(halves=(_half("depth", 1.0),), votes=("depth",), calibration=(), unlock=False).dim == 4


@pytest.mark.parametrize("half", ["rgb", "depth"])
def test_evidence_of_other_weights_than_the_halfs_is_refused(tmp_path: Path, half: str) -> None:
    (digest,) = {one.weights.sha256 for one in load_manifest().encoder("rgbd-fused").halves if one.name == half}
    stale = _written(tmp_path, _SHIPPED.replace(f"weights: {digest[:12]}\n", "weights: 0123456789ab\n", 1))

    with pytest.raises(ModelError, match=f"evidence of {half} is of the weights 0123456789ab, the half's are"):
        load_manifest(stale)


def test_reasons_against_an_encoder_that_may_unlock_are_refused() -> None:
    with pytest.raises(ValueError, match="why_not"):
        _two_halves(why_not="one stranger in five is accepted")


@pytest.mark.parametrize("bands", [_BANDS[::-1], (_BANDS[0], _BANDS[0])], ids=["nearer", "equal"])
def test_bands_that_do_not_end_farther_and_farther_away_are_refused(bands: tuple[DepthBand, ...]) -> None:
    with pytest.raises(ValueError, match="bands must end farther and farther away"):
        DepthRow("nearest", 5, bands, None)


def test_a_manifest_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, _SHIPPED)
    path.chmod(0o666)

    with pytest.raises(ModelError, match="may be written by others"):
        load_manifest(path)


def test_a_manifest_that_others_could_exchange_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, _SHIPPED)
    tmp_path.chmod(0o777)

    with pytest.raises(ModelError, match="may be written by others"):
        load_manifest(path)


def test_a_manifest_that_is_missing_binary_or_endless_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_manifest(tmp_path / "nothing.yaml")
    binary = _written(tmp_path, "")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        load_manifest(binary)
    with pytest.raises(ModelError, match="longer than"):
        load_manifest(_written(tmp_path, "#" * 300_000))
