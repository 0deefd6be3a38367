"""What the pipeline makes of too little light, with and without infrared."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import pytest

from demo_frames import frames_of
from infrared_frames import in_the_dark, with_infrared
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import SourceError
from kinect_unlock.eyes import EyeReader
from kinect_unlock.frames import Frame
from kinect_unlock.models import ModelStore
from kinect_unlock.observations import Modality, Observation, Seen, Verdict
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.ports import Use
from kinect_unlock.settings import Config, Match

_ATTEMPTS = count(1)  # no two frames of these tests make a stream

OFF, ON = Config(), Config(match=Match(infrared=True))


@pytest.fixture(scope="module")
def pipelines(yunet_path: Path, fused_path: Path, model_store: ModelStore) -> dict[bool, Pipeline]:
    detector = YuNetDetector(yunet_path, OFF.detector, threads=1)
    encoder = FusedEncoder(model_store.encoder, fused_path, threads=1)
    eyes = EyeReader(model_store.build("eyes"), threads=1)
    return {config.match.infrared: Pipeline(detector, encoder, config, eyes=eyes) for config in (OFF, ON)}


@pytest.fixture(scope="module")
def owner() -> Frame:
    return frames_of("owner-returns", 1)[0]


def _told(observation: Observation) -> tuple[object, ...]:
    """Everything of an observation but its times."""
    pose = None if observation.face is None else observation.face.pose
    vector = None if observation.embedding is None else observation.embedding.vector.tobytes()
    return (observation.seen, observation.modality, observation.beside, pose, observation.liveness, vector)


def test_somebody_in_the_dark_is_seen_as_such_and_not_as_nobody(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    observation = pipelines[False].observe(in_the_dark(owner), next(_ATTEMPTS), "verify")

    assert (observation.seen, observation.somebody) == (Seen.DARK, True)
    assert list(observation.stage_ms) == ["integrity", "gate", "detect", "light"]


def test_a_lit_frame_without_a_face_is_nobody_as_ever(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    blank = with_infrared(replace(owner, color=np.full_like(owner.color, 120)))
    for pipeline in pipelines.values():
        assert pipeline.observe(blank, next(_ATTEMPTS), "verify").seen is Seen.NO_FACE


def test_a_dark_room_with_nobody_in_it_is_empty(pipelines: dict[bool, Pipeline]) -> None:
    empty = in_the_dark(frames_of("empty-room", 1)[0])
    for pipeline in pipelines.values():
        observation = pipeline.observe(empty, next(_ATTEMPTS), "verify")
        assert (observation.seen, observation.somebody) == (Seen.NO_FACE, False)


def test_eyes_are_looked_at_in_colour_alone(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    by_day = pipelines[True].observe(owner, next(_ATTEMPTS), "verify").liveness
    by_night = pipelines[True].observe(in_the_dark(owner), next(_ATTEMPTS), "verify").liveness

    assert by_day is not None
    assert by_night is not None
    (seen,), (unseen,) = ([cue.value for cue in told.cues if cue.name == "eyes_open"] for told in (by_day, by_night))
    assert seen is not None
    assert 0.5 < seen <= 1.0
    assert unseen is None


def test_infrared_finds_the_face_that_colour_cannot_show(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    by_day = pipelines[True].observe(owner, next(_ATTEMPTS), "verify")
    by_night = pipelines[True].observe(in_the_dark(owner), next(_ATTEMPTS), "verify")

    assert (by_night.seen, by_night.modality) == (Seen.FACE, Modality.INFRARED)
    assert by_day.face is not None
    assert by_night.face is not None
    assert by_night.face.pose.distance_mm == pytest.approx(by_day.face.pose.distance_mm, abs=10.0)
    assert by_night.liveness is not None
    assert by_night.liveness.verdict is Verdict.LIVE
    assert by_night.depth_fit is not None
    assert list(by_night.stage_ms)[:5] == ["integrity", "gate", "detect", "light", "tone"]


@pytest.mark.parametrize("use", ["verify", "enrol"])
@pytest.mark.parametrize("recording", ["owner-returns", "flat-photo", "empty-room"])
def test_off_is_off_whatever_infrared_shows(pipelines: dict[bool, Pipeline], recording: str, use: Use) -> None:
    frame = frames_of(recording, 1)[0]
    strange = replace(frame, infrared=np.zeros((3, 5), np.uint16))

    assert _told(pipelines[False].observe(strange, next(_ATTEMPTS), use)) == _told(
        pipelines[False].observe(frame, next(_ATTEMPTS), use)
    )


def test_in_the_light_a_verification_is_the_same_with_infrared_on(
    pipelines: dict[bool, Pipeline], owner: Frame
) -> None:
    both = with_infrared(owner)
    assert _told(pipelines[True].observe(both, next(_ATTEMPTS), "verify")) == _told(
        pipelines[False].observe(both, next(_ATTEMPTS), "verify")
    )


def test_the_dark_stays_dark_without_an_infrared_image(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    blind = replace(in_the_dark(owner), infrared=None)
    assert pipelines[True].observe(blind, next(_ATTEMPTS), "verify").seen is Seen.DARK


@pytest.mark.parametrize("level", [0, 65535], ids=["nothing-comes-back", "too-near"])
def test_the_dark_stays_dark_where_infrared_shows_nobody(
    pipelines: dict[bool, Pipeline], owner: Frame, level: int
) -> None:
    dark = in_the_dark(owner)
    assert dark.infrared is not None
    even = replace(dark, infrared=np.full_like(dark.infrared, level))
    observation = pipelines[True].observe(even, next(_ATTEMPTS), "verify")
    assert (observation.seen, observation.modality) == (Seen.DARK, Modality.COLOR)


@pytest.mark.parametrize("recording", ["flat-photo", "bent-photo"])
def test_a_print_that_looks_right_in_infrared_is_a_spoof_by_its_depth(
    pipelines: dict[bool, Pipeline], recording: str
) -> None:
    for frame in frames_of(recording, 2):
        observation = pipelines[True].observe(in_the_dark(frame), next(_ATTEMPTS), "verify")
        assert (observation.seen, observation.modality) == (Seen.SPOOF, Modality.INFRARED)
        assert observation.embedding is None


def test_a_print_of_infrared_before_a_lit_face_in_colour_is_not_enrolled(
    pipelines: dict[bool, Pipeline], owner: Frame
) -> None:
    other = in_the_dark(frames_of("flat-photo", 1)[0])
    print_alone = replace(with_infrared(owner), infrared=other.infrared)  # its depth is the owner's, elsewhere
    observation = pipelines[True].observe(print_alone, next(_ATTEMPTS), "enrol")
    assert (observation.seen, observation.modality) == (Seen.FACE, Modality.COLOR)
    assert observation.beside is None


def test_infrared_of_another_size_is_the_sources_fault(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    dark = in_the_dark(owner)
    assert dark.infrared is not None
    cut = replace(dark, infrared=dark.infrared[::2, ::2].copy())
    with pytest.raises(SourceError, match="infrared image is"):
        pipelines[True].observe(cut, next(_ATTEMPTS), "verify")
    assert pipelines[False].observe(cut, next(_ATTEMPTS), "verify").seen is Seen.DARK


def test_an_enrolment_takes_infrared_beside_colour(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    observation = pipelines[True].observe(with_infrared(owner), next(_ATTEMPTS), "enrol")

    assert (observation.seen, observation.modality) == (Seen.FACE, Modality.COLOR)
    assert observation.embedding is not None
    assert observation.beside is not None
    assert observation.beside.model_id == observation.embedding.model_id
    assert (observation.beside.vector != observation.embedding.vector).any()


def test_an_enrolment_in_the_dark_waits_for_light(pipelines: dict[bool, Pipeline], owner: Frame) -> None:
    observation = pipelines[True].observe(in_the_dark(owner), next(_ATTEMPTS), "enrol")
    assert (observation.seen, observation.modality) == (Seen.DARK, Modality.COLOR)


def test_infrared_is_not_enrolled_where_it_shows_no_live_face(owner: Frame, yunet_path: Path, fused_path: Path) -> None:
    detector = YuNetDetector(yunet_path, OFF.detector, threads=1)
    encoder = FusedEncoder(ModelStore(OFF.models, cache_dir=fused_path.parent).encoder, fused_path, threads=1)
    strict = msgspec.structs.replace(ON, liveness=msgspec.structs.replace(ON.liveness, face_width_mm=(10.0, 20.0)))
    observation = Pipeline(detector, encoder, strict).observe(with_infrared(owner), next(_ATTEMPTS), "enrol")
    assert (observation.seen, observation.beside) == (Seen.SPOOF, None)
