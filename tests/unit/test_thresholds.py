import msgspec
import pytest

from kinect_unlock.errors import ConfigError
from kinect_unlock.manifest import CalibrationRow, Encoder, load_manifest
from kinect_unlock.settings import Config, Strategy
from kinect_unlock.thresholds import pick_infrared_thresholds, pick_threshold, pick_thresholds


def _encoder(*rows: tuple[Strategy, float, float, bool]) -> Encoder:
    shipped = load_manifest().encoder("rgbd-fused")
    evidence = shipped.calibration[0].evidence
    table = tuple(
        CalibrationRow(
            half="rgb",
            strategy=strategy,
            template_vectors_max=5,
            far=far,
            threshold=threshold,
            evidence=evidence if proven else None,
        )
        for strategy, far, threshold, proven in rows
    )
    return msgspec.structs.replace(shipped, calibration=table)


def test_the_default_configuration_names_networks_and_a_rate_that_have_entries() -> None:
    manifest, defaults = load_manifest(), Config()

    manifest.detector(defaults.models.detector)
    encoder = manifest.encoder(defaults.models.encoder)

    for strategy in ("nearest", "centre"):
        threshold = pick_threshold(encoder, defaults.match.far, strategy)
        assert threshold.far == defaults.match.far
        assert threshold.template_vectors_max >= len(defaults.enrol.stages) * defaults.enrol.samples_per_stage


def test_the_default_configuration_looks_no_farther_than_every_vote_has_thresholds() -> None:
    defaults = Config()
    encoder = load_manifest().encoder(defaults.models.encoder)

    for strategy in ("nearest", "centre"):
        thresholds = pick_thresholds(encoder, defaults.match.far, strategy)
        assert [threshold.bar.half for threshold in thresholds] == list(encoder.votes)
        for threshold in thresholds:
            assert threshold.bar.at(defaults.ranges.depth_vote.far_mm) is not None
            assert threshold.template_vectors_max >= len(defaults.enrol.stages) * defaults.enrol.samples_per_stage


def test_a_stricter_rate_has_a_higher_threshold() -> None:
    encoder = load_manifest().encoder("rgbd-fused")

    for strategy in ("nearest", "centre"):
        assert pick_threshold(encoder, 1e-4, strategy).cosine > pick_threshold(encoder, 1e-3, strategy).cosine


@pytest.mark.parametrize(("far", "cosine"), [(1e-3, 0.4), (5e-4, 0.5), (1e-4, 0.5), (0.1, 0.4)])
def test_the_row_of_the_rate_or_the_next_stricter_one_is_taken(far: float, cosine: float) -> None:
    encoder = _encoder(("nearest", 1e-3, 0.4, True), ("nearest", 1e-4, 0.5, True), ("centre", 1e-3, 0.3, True))

    assert pick_threshold(encoder, far, "nearest").cosine == cosine


def test_of_two_rows_for_one_rate_the_higher_threshold_counts() -> None:
    encoder = _encoder(("nearest", 1e-3, 0.4, True), ("nearest", 1e-3, 0.6, True))

    assert pick_threshold(encoder, 1e-3, "nearest").cosine == 0.6


def test_a_rate_without_evidence_is_a_configuration_error() -> None:
    encoder = _encoder(("nearest", 1e-3, 0.4, True), ("nearest", 1e-5, 0.6, False))

    with pytest.raises(ConfigError, match=r"\$\.match\.far: .* no evidence .* of 1e-05 .* rates with evidence: 0\.001"):
        pick_threshold(encoder, 1e-5, "nearest")
    with pytest.raises(ConfigError, match="rates with evidence: none"):
        pick_threshold(encoder, 1e-3, "centre")


def test_no_installed_encoder_has_evidence_for_infrared() -> None:
    for encoder in load_manifest().encoders.values():
        assert not encoder.infrared_calibration
        for strategy in ("nearest", "centre"):
            assert pick_infrared_thresholds(encoder, 0.1, strategy) == ()


def _in_infrared(*rows: tuple[Strategy, float, float, bool]) -> Encoder:
    shipped = load_manifest().encoder("rgbd-fused")
    return msgspec.structs.replace(shipped, infrared_calibration=_encoder(*rows).calibration)


def test_infrared_has_thresholds_of_its_own_and_depth_the_same_as_in_colour() -> None:
    encoder = _in_infrared(("nearest", 1e-4, 0.7, True), ("nearest", 1e-3, 0.6, True))
    identity, depth = pick_infrared_thresholds(encoder, 1e-4, "nearest")

    assert (identity.bar.half, identity.cosine, identity.far) == ("rgb", 0.7, 1e-4)
    assert depth == pick_thresholds(encoder, 1e-4, "nearest")[1]
    assert pick_thresholds(encoder, 1e-4, "nearest") == pick_thresholds(
        load_manifest().encoder("rgbd-fused"), 1e-4, "nearest"
    )


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(("nearest", 1e-4, 0.7, False), id="without-evidence"),
        pytest.param(("nearest", 1e-3, 0.7, True), id="not-strict-enough"),
        pytest.param(("centre", 1e-4, 0.7, True), id="of-another-strategy"),
    ],
)
def test_where_infrared_has_no_evidence_depth_alone_is_no_threshold(row: tuple[Strategy, float, float, bool]) -> None:
    assert pick_infrared_thresholds(_in_infrared(row), 1e-4, "nearest") == ()


def test_an_encoder_that_may_not_unlock_says_why_where_it_has_no_threshold() -> None:
    encoder = msgspec.structs.replace(
        _encoder(), votes=("rgb",), unlock=False, why_not="one stranger in five is accepted"
    )

    with pytest.raises(ConfigError, match=r"no evidence .* one stranger in five is accepted"):
        pick_threshold(encoder, 1e-4, "nearest")
