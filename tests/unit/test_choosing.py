import hashlib
import io
import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kinect_unlock import builds, choices, choosing
from kinect_unlock import kept_networks as kept
from kinect_unlock.arrays import F32, U8
from kinect_unlock.builds import FP32, OPENVINO_INT8, permitted
from kinect_unlock.choices import Choice, Measured
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.halves import Half
from kinect_unlock.inference import Network, _OpenVino
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Models

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO, an extra, is not installed")
_NAME = "rgbd-fused"


def _quietly(_: str, __: float) -> None: ...


def _choose(store: ModelStore) -> Choice:
    return choosing.choose(store, _NAME, threads=1, progress=_quietly)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, Choice]:
    """Every build, measured once; tests that spoil something copy the folder."""
    store = ModelStore(Models(), cache_dir=tmp_path_factory.mktemp("chosen"))
    return store, _choose(store)


@pytest.fixture
def own(chosen: tuple[ModelStore, Choice], tmp_path: Path) -> tuple[ModelStore, Path]:
    """A copy with OpenVINO's build chosen, whatever was faster while the tests ran."""
    source, folder = chosen[0]._cache_dir, tmp_path / "cache"
    folder.mkdir(mode=0o700)
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / path.name).chmod(0o600)
    store = ModelStore(Models(), cache_dir=folder)
    store.record(msgspec.structs.replace(chosen[1], chosen="openvino-int8"))
    return store, folder


def _npz(color: U8 | F32) -> bytes:
    file = io.BytesIO()
    np.savez(file, color=color)
    return file.getvalue()


def _record(folder: Path) -> Path:
    (path,) = folder.glob("*.choice.json")
    return path


def test_float32_is_the_first_build_of_everything_and_the_detectors_only_one() -> None:
    manifest = ModelStore(Models(), cache_dir=Path("nowhere")).manifest

    assert permitted(manifest.encoder(_NAME)) == (FP32, OPENVINO_INT8)
    assert permitted(manifest.detector("yunet")) == (FP32,)


def test_weights_that_nobody_has_measured_are_never_quantised() -> None:
    entry = ModelStore(Models(), cache_dir=Path("nowhere")).manifest.encoder(_NAME)
    half = entry.halves[0]
    strange = msgspec.structs.replace(half, weights=msgspec.structs.replace(half.weights, sha256="0" * 64))

    unmeasured = msgspec.structs.replace(entry, halves=(strange, *entry.halves[1:]), calibration=())
    assert permitted(unmeasured) == (FP32,)


def test_every_recipe_states_its_evidence() -> None:
    assert all(len(recipe.evidence) >= 1 for recipe in builds.recipes().values())


@needs_openvino
def test_the_record_names_processor_programs_times_cosines_and_hashes(chosen: tuple[ModelStore, Choice]) -> None:
    store, choice = chosen

    assert store.choice(_NAME) == choice
    assert (choice.processor, choice.programs) == (choices.processor(), choices.programs())
    assert [row.build for row in choice.measured] == ["fp32", "openvino-int8"]
    for row in choice.measured:
        assert row.file is not None
        assert row.sha256 == kept.digest(store._cache_dir / row.file)
        assert row.cpu_p50_ms is not None
        assert row.cosine_min is not None
        assert row.cosine_min >= 0.99


@needs_openvino
def test_a_start_takes_the_chosen_build_and_runs_it(own: tuple[ModelStore, Path]) -> None:
    store, _ = own
    path = store.build(_NAME)

    assert path.name.endswith(".openvino.onnx")
    assert store.build_in_use(_NAME) is OPENVINO_INT8
    assert Network(path, threads=1).outputs == ("embedding",)


@needs_openvino
def test_a_damaged_chosen_build_is_made_again_and_comes_out_the_same(own: tuple[ModelStore, Path]) -> None:
    store, _ = own
    path = store.build(_NAME)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert store.build(_NAME) == path
    assert kept.is_whole(path)


@needs_openvino
def test_a_chosen_build_that_is_gone_means_float32(own: tuple[ModelStore, Path]) -> None:
    store, _ = own
    store.build(_NAME).unlink()

    assert store.build_in_use(_NAME) is FP32


@needs_openvino
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"{"),
        lambda path: path.write_bytes(b'{"chosen": "openvino-int8"}'),
        lambda path: path.chmod(0o666),
        lambda path: path.write_bytes(path.read_bytes() + b" " * 70_000),
        lambda path: path.unlink(),
    ],
    ids=["cut", "incomplete", "writable", "too-long", "gone"],
)
def test_a_record_that_cannot_be_believed_means_float32(own: tuple[ModelStore, Path], spoil: Any) -> None:
    store, folder = own
    spoil(_record(folder))

    assert store.build_in_use(_NAME) is FP32


@needs_openvino
def test_a_link_in_the_records_place_is_not_followed(own: tuple[ModelStore, Path], tmp_path: Path) -> None:
    store, folder = own
    path = _record(folder)
    path.symlink_to(path.rename(tmp_path / "elsewhere.json"))

    assert store.build_in_use(_NAME) is FP32


@needs_openvino
@pytest.mark.parametrize("change", [{"processor": "another"}, {"programs": {"onnxruntime": "0"}}], ids=str)
def test_what_was_measured_elsewhere_does_not_count_and_is_said(
    own: tuple[ModelStore, Path], change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = own
    choice = store.choice(_NAME)
    assert choice is not None
    store.record(msgspec.structs.replace(choice, **change))

    with caplog.at_level(logging.INFO):
        assert store.build_in_use(_NAME) is FP32

    (said,) = (record for record in caplog.records if "measured elsewhere" in record.message)
    assert said.levelno == logging.INFO  # usual after an update: no line on the terminal of every command


@needs_openvino
def test_a_refused_build_is_not_used_even_if_a_record_chooses_it(own: tuple[ModelStore, Path]) -> None:
    store, _ = own
    choice = store.choice(_NAME)
    assert choice is not None
    rows = tuple(msgspec.structs.replace(row, refused="strays") for row in choice.measured)
    store.record(msgspec.structs.replace(choice, measured=rows))

    assert store.build_in_use(_NAME) is FP32


@needs_openvino
@pytest.mark.parametrize("cosine", [None, 0.5, float("nan")])
def test_a_record_below_the_bound_means_float32(own: tuple[ModelStore, Path], cosine: float | None) -> None:
    store, _ = own
    choice = store.choice(_NAME)
    assert choice is not None
    rows = tuple(msgspec.structs.replace(row, cosine_min=cosine) for row in choice.measured)
    store.record(msgspec.structs.replace(choice, measured=rows))

    assert store.build_in_use(_NAME) is FP32


@needs_openvino
def test_another_file_beside_the_measured_one_means_float32(own: tuple[ModelStore, Path]) -> None:
    store, folder = own
    key = store.build(_NAME).name.removesuffix(".openvino.onnx").rpartition("-")[0]
    strange = folder / f"{key}-{hashlib.sha256(b'strange').hexdigest()}.openvino.onnx"
    strange.write_bytes(b"strange")
    strange.chmod(0o600)

    assert kept.is_whole(strange)
    assert store.build_in_use(_NAME) is FP32


@needs_openvino
def test_a_build_that_cannot_encode_is_refused_and_float32_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = FusedEncoder.encode

    def failing(self: FusedEncoder, batch: F32) -> F32:
        if isinstance(self._network._engine, _OpenVino):
            raise ModelError("no such instruction")
        return encode(self, batch)

    monkeypatch.setattr(FusedEncoder, "encode", failing)

    choice = _choose(ModelStore(Models(), cache_dir=tmp_path / "cache"))

    assert (choice.chosen, choice.measured[1].refused) == ("fp32", "no such instruction")


@needs_openvino
def test_a_build_below_its_bound_is_refused_and_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = {sha: msgspec.structs.replace(recipe, cosine_min=0.99999) for sha, recipe in builds.recipes().items()}
    monkeypatch.setattr(builds, "recipes", lambda: strict)

    choice = _choose(ModelStore(Models(), cache_dir=tmp_path / "cache"))

    assert choice.chosen == "fp32"
    assert choice.measured[1].refused is not None
    assert "stray from fp32's: cosine 0.99" in choice.measured[1].refused


def test_without_openvino_float32_is_chosen_and_the_reason_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "openvino_version", lambda: None)

    choice = _choose(ModelStore(Models(), cache_dir=tmp_path / "cache"))

    assert choice.chosen == "fp32"
    assert [row.refused for row in choice.measured] == [None, "not installed: pip install 'kinect-unlock[openvino]'"]


def test_a_detector_has_nothing_to_choose(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no encoder is called 'yunet'"):
        choosing.choose(ModelStore(Models(), cache_dir=tmp_path), "yunet", threads=1, progress=_quietly)


@pytest.mark.parametrize(
    ("times_ms", "refused", "best"),
    [
        ((10.0, 5.0), None, "openvino-int8"),
        ((10.0, 9.5), None, "fp32"),
        ((10.0, 12.0), None, "fp32"),
        ((10.0, 5.0), "strays", "fp32"),
        ((10.0, None), "not installed", "fp32"),
    ],
)
def test_the_fastest_must_win_clearly_and_be_allowed(times_ms: Any, refused: str | None, best: str) -> None:
    rows = [
        Measured("fp32", cpu_p50_ms=times_ms[0]),
        Measured("openvino-int8", cpu_p50_ms=times_ms[1], refused=refused),
    ]

    assert choosing.fastest(rows).build == best


def test_the_lowest_cosine_is_any_halfs_and_no_number_counts_as_lowest() -> None:
    halves = (Half("rgb", 0, 2, 0.5), Half("depth", 2, 4, 0.5))
    reference = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32) / np.float32(np.sqrt(2))
    turned = reference.copy()
    turned[1, 2:] = (np.sqrt(0.5) * np.array([0.6, 0.8])).astype(np.float32)

    assert choosing.lowest_cosine(turned, reference, halves) == pytest.approx(0.8, abs=1e-6)
    turned[0, 0:2] = 0
    assert np.isnan(choosing.lowest_cosine(turned, reference, halves))


def test_the_check_faces_are_face_tensors_with_a_depth_that_is_not_empty() -> None:
    faces = choosing.check_faces()

    assert faces.shape[1:] == (4, 112, 112)
    assert len(faces) >= 8
    assert faces[:, :3].min() >= 0
    assert faces[:, :3].max() <= 255
    holes = faces[:, 3] == HOLE_MM
    assert 0.2 < float(holes.mean()) < 0.5
    assert float(faces[:, 3][~holes].std()) > 1


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04cut", _npz(np.zeros((2, 8, 8, 3), np.uint8)), _npz(np.zeros((2, 112, 112, 3), np.float32))],
    ids=["empty", "cut", "small", "another-type"],
)
def test_check_faces_that_are_none_are_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    (folder / "calibration-faces.npz").write_bytes(content)
    monkeypatch.setattr(choosing, "files", lambda _: tmp_path)

    with pytest.raises(ModelError, match="install kinect-unlock again"):
        choosing.check_faces()


@needs_openvino
def test_openvino_reports_nothing_writes_nothing_and_prints_nothing(own: tuple[ModelStore, Path]) -> None:
    store, folder = own
    home = folder.parent / "home"
    home.mkdir()
    program = (
        "import sys; seen = [];"
        "watched = ('socket.', 'subprocess', 'os.fork', 'os.posix_spawn', 'os.mkdir');"
        "sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(watched) else None);"
        "import numpy; from pathlib import Path; from kinect_unlock.inference import Network;"
        "network = Network(Path(sys.argv[1]), threads=1);"
        "network.run({'rgbd': numpy.ones((2, 4, 112, 112), numpy.float32)});"
        "assert 'openvino' in sys.modules; print(seen)"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(store.build(_NAME))],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert list(home.rglob("*")) == []


def test_a_network_for_openvino_without_openvino_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)

    with pytest.raises(ModelError, match=r"OpenVINO is not installed: pip install 'kinect-unlock\[openvino\]'"):
        Network(tmp_path / "some.openvino.onnx", threads=1)


@needs_openvino
def test_openvino_refuses_what_is_no_network_and_inputs_that_do_not_fit(own: tuple[ModelStore, Path]) -> None:
    store, folder = own
    (folder / "foreign.openvino.onnx").write_bytes(b"something else")
    network = Network(store.build(_NAME), threads=1)

    with pytest.raises(ModelError, match="OpenVINO cannot load it"):
        Network(folder / "foreign.openvino.onnx", threads=1)
    for given in ({}, {"rgbd": np.zeros((1, 3, 112, 112), np.float32)}, {"rgbd": np.zeros((1, 4, 112, 112))}):
        with pytest.raises(ModelError, match="the network could not be run"):
            network.run(given)  # type: ignore[arg-type]  # one of them has another type
