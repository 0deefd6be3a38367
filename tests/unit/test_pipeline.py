import dataclasses
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
import numpy as np
import pytest

from kinect_unlock.arrays import F32, U8, U16
from kinect_unlock.cli.timeline import STAGE_ORDER
from kinect_unlock.clock import NS_PER_MS, ManualClock
from kinect_unlock.crop import TEMPLATE_PX
from kinect_unlock.errors import ModelError, SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.halves import Half
from kinect_unlock.observations import Box, DepthFit, Detection, Observation, Seen, Verdict
from kinect_unlock.pipeline import Pipeline, is_fit
from kinect_unlock.ports import Use
from kinect_unlock.settings import Config, DepthVote, Liveness, PoseRange, Ranges

SIDE_PX = 240
FOCAL_PX = 365.0
HEAD_RADIUS_MM = 90.0
BACKGROUND_MM = 2600
CAMERA = Intrinsics(SIDE_PX, SIDE_PX, FOCAL_PX, FOCAL_PX, SIDE_PX / 2, SIDE_PX / 2)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
# With no cue at all to hold, liveness is unsure; this one always holds.
LAX = Liveness(**{**dict.fromkeys(Liveness.__struct_fields__), "valid_depth": (0.0, None)})
ANY_POSE = PoseRange(near_mm=450, far_mm=1350, yaw_deg=60, pitch_deg=60, roll_deg=60)


class ScriptedDetector:
    """Finds what it was told to find, and counts how often it was asked."""

    def __init__(self, found: Sequence[Detection]) -> None:
        self._found = tuple(found)
        self.asked = 0

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:  # noqa: ARG002 - as scripted
        assert color.dtype == np.uint8
        self.asked += 1
        return self._found


class ScriptedEncoder:
    """Encodes every face as the same direction."""

    model_id = "test/1"
    depth_channel = "registered"
    halves = (Half("rgb", 0, 128, 1.0),)

    def encode(self, batch: F32) -> F32:
        assert batch.shape[1:] == (4, 112, 112)
        return np.tile(np.array([0.6, 0.8], np.float32), (len(batch), 1))


def _detection(distance_mm: float, *, x_px: float = SIDE_PX / 2, width_mm: float = 150.0) -> Detection:
    """A face of natural proportions around a point of the middle row."""
    width_px = width_mm * FOCAL_PX / distance_mm
    landmarks = (TEMPLATE_PX - TEMPLATE_PX.mean(axis=0)) * width_px / 75.0 + (x_px, SIDE_PX / 2)
    box = Box(x_px - width_px / 2, SIDE_PX / 2 - 0.65 * width_px, width_px, 1.3 * width_px)
    return Detection(box, 0.9, landmarks.astype(np.float32))


def _depth(*heads: tuple[float, float]) -> U16:
    """A room with a round head at each (distance, column)."""
    depth = np.full((SIDE_PX, SIDE_PX), BACKGROUND_MM, np.float64)
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    for distance_mm, x_px in heads:
        across_mm = np.hypot(columns - x_px, rows - SIDE_PX / 2) * distance_mm / FOCAL_PX
        bulge_mm = np.sqrt(np.maximum(HEAD_RADIUS_MM**2 - across_mm**2, 0.0))
        inside = across_mm < HEAD_RADIUS_MM
        depth[inside] = distance_mm + HEAD_RADIUS_MM - bulge_mm[inside]
    return depth.astype(np.uint16)


def _frame(depth_mm: U16 | None, calibration: Calibration | None = CALIBRATION, *, textured: bool = True) -> Frame:
    noise = np.random.default_rng(1).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    return Frame(5, 77, noise if textured else np.full_like(noise, 128), depth_mm, calibration)


def _config(liveness: Liveness = LAX, verify: PoseRange = ANY_POSE) -> Config:
    return Config(liveness=liveness, ranges=Ranges(enrol=ANY_POSE, verify=verify))


def _observe(
    frame: Frame, found: Sequence[Detection], *, config: Config | None = None, use: Use = "verify"
) -> Observation:
    return Pipeline(ScriptedDetector(found), ScriptedEncoder(), config or _config()).observe(frame, 3, use)


def test_a_live_face_in_range_is_encoded() -> None:
    observation = _observe(_frame(_depth((800, 120))), [_detection(800)])

    assert (observation.attempt, observation.seq, observation.captured_ns) == (3, 5, 77)
    assert observation.seen is Seen.FACE
    assert observation.embedding is not None
    assert (observation.embedding.model_id, observation.embedding.vector.tolist()) == (
        "test/1",
        pytest.approx([0.6, 0.8]),
    )
    assert observation.liveness is not None
    assert observation.liveness.verdict is Verdict.LIVE
    assert observation.face is not None
    assert observation.face.pose.distance_mm == pytest.approx(800, abs=60)


def test_every_stage_that_ran_is_timed_in_order() -> None:
    observation = _observe(_frame(_depth((800, 120))), [_detection(800)])
    stages = ["integrity", "gate", "detect", "align", "pose", "crop", "frontalise", "liveness", "encode"]
    assert list(observation.stage_ms) == stages
    assert all(spent_ms >= 0.0 for spent_ms in observation.stage_ms.values())


def test_a_stages_time_is_the_clocks() -> None:
    clock = ManualClock()

    class Slow(ScriptedDetector):
        def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:  # noqa: ARG002 - as scripted
            clock.advance(7 * NS_PER_MS)
            return super().detect(color)

    observation = Pipeline(Slow([]), ScriptedEncoder(), _config(), clock=clock).observe(
        _frame(_depth((800, 120))), 1, "verify"
    )
    assert observation.stage_ms == {"integrity": 0.0, "gate": 0.0, "detect": 7.0, "light": 0.0}


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(_frame(None), id="no depth"),
        pytest.param(_frame(_depth((800, 120)), None), id="no calibration"),
        pytest.param(_frame(None, None), id="neither"),
    ],
)
def test_a_frame_without_depth_or_calibration_is_never_looked_at(frame: Frame) -> None:
    detector = ScriptedDetector([_detection(800)])
    observation = Pipeline(detector, ScriptedEncoder(), _config()).observe(frame, 1, "verify")

    assert observation.seen is Seen.NO_DEPTH
    assert detector.asked == 0


@pytest.mark.parametrize(
    ("depth", "asked"),
    [
        pytest.param(_depth(), 0, id="only the room"),
        pytest.param(np.zeros((SIDE_PX, SIDE_PX), np.uint16), 0, id="no reading at all"),
        pytest.param(np.full((SIDE_PX, SIDE_PX), 200, np.uint16), 0, id="a hand on the lens"),
        pytest.param(_depth((1340, 120)), 1, id="a head at the far end"),
        pytest.param(_depth((500, 120)), 1, id="a head at the near end"),
    ],
)
def test_the_detector_runs_only_if_depth_shows_somebody(depth: U16, asked: int) -> None:
    detector = ScriptedDetector([])
    observation = Pipeline(detector, ScriptedEncoder(), _config()).observe(_frame(depth), 1, "verify")

    assert observation.seen is Seen.NO_FACE
    assert detector.asked == asked


def test_specks_in_range_are_not_somebody() -> None:
    depth = _depth()
    depth[::80, ::80] = 800
    detector = ScriptedDetector([])
    Pipeline(detector, ScriptedEncoder(), _config()).observe(_frame(depth), 1, "verify")

    assert detector.asked == 0


def test_of_two_faces_of_different_size_the_larger_is_meant() -> None:
    small = _detection(1300, x_px=200, width_mm=110)
    observation = _observe(_frame(_depth((800, 100), (1300, 200))), [small, _detection(800, x_px=100)])

    assert observation.seen is Seen.FACE
    assert observation.face is not None
    assert observation.face.pose.distance_mm == pytest.approx(800, abs=60)


def test_a_second_face_as_large_and_as_near_is_one_too_many() -> None:
    pair = [_detection(900, x_px=70), _detection(950, x_px=170)]
    assert _observe(_frame(_depth((900, 70), (950, 170))), pair).seen is Seen.MANY_FACES


def test_a_large_face_far_behind_is_a_poster() -> None:
    poster = _detection(BACKGROUND_MM, x_px=190, width_mm=380)
    observation = _observe(_frame(_depth((800, 90))), [_detection(800, x_px=90), poster])

    assert observation.seen is Seen.FACE


def test_a_second_face_of_unknown_depth_is_one_too_many() -> None:
    depth = _depth((900, 70), (950, 170))
    depth[:, 125:] = 0
    pair = [_detection(900, x_px=70), _detection(950, x_px=170)]
    assert _observe(_frame(depth), pair).seen is Seen.MANY_FACES


def test_a_face_without_readings_has_no_depth() -> None:
    depth = _depth((800, 120))
    depth[60:180, 60:180] = 0
    depth[:60] = 800  # somebody's hand: the detector does run
    assert _observe(_frame(depth), [_detection(800)]).seen is Seen.NO_DEPTH


@pytest.mark.parametrize(
    ("limits", "seen"),
    [
        pytest.param({"near_mm": 900.0}, Seen.TOO_NEAR, id="too near"),
        pytest.param({"far_mm": 700.0}, Seen.TOO_FAR, id="too far"),
        pytest.param({"roll_deg": 1.0}, Seen.TURNED_AWAY, id="rolled"),
    ],
)
def test_a_face_out_of_range_is_not_judged(limits: dict[str, float], seen: Seen) -> None:
    tilted = _detection(800)
    turn = np.deg2rad(10.0)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = tilted.landmarks_px.mean(axis=0)
    points = ((tilted.landmarks_px - middle) @ rotation + middle).astype(np.float32)
    verify = PoseRange(**{**{name: getattr(ANY_POSE, name) for name in ANY_POSE.__struct_fields__}, **limits})
    observation = _observe(
        _frame(_depth((800, 120))), [dataclasses.replace(tilted, landmarks_px=points)], config=_config(verify=verify)
    )

    assert observation.seen is seen
    assert observation.face is not None
    assert (observation.liveness, observation.embedding) == (None, None)


def test_each_use_has_its_own_range() -> None:
    config = _config(verify=PoseRange(near_mm=900, far_mm=1350, yaw_deg=60, pitch_deg=60, roll_deg=60))
    frame = _frame(_depth((800, 120)))

    assert _observe(frame, [_detection(800)], config=config).seen is Seen.TOO_NEAR
    assert _observe(frame, [_detection(800)], config=config, use="enrol").seen is Seen.FACE


def test_a_face_without_detail_is_blurred() -> None:
    observation = _observe(_frame(_depth((800, 120)), textured=False), [_detection(800)])
    assert (observation.seen, observation.embedding) == (Seen.BLURRED, None)


def test_a_watch_looks_at_depth_alone_and_says_who_may_be_there() -> None:
    detector = ScriptedDetector([_detection(800)])
    pipeline = Pipeline(detector, ScriptedEncoder(), _config())
    somebody = _depth()
    somebody[:, SIDE_PX // 4 : 3 * SIDE_PX // 4] = 800
    seen = pipeline.observe(_frame(somebody), 3, "watch")
    nobody = pipeline.observe(_frame(_depth()), 3, "watch")
    without_depth = pipeline.observe(_frame(None), 3, "watch")

    assert (seen.seen, seen.somebody, nobody.somebody, without_depth.somebody) == (Seen.NO_FACE, True, False, False)
    assert [round(figure.distance_mm) for figure in seen.figures] == [800]
    assert (seen.face, seen.embedding, detector.asked) == (None, None, 0)


def test_a_flat_face_is_a_spoof_and_is_never_encoded() -> None:
    flat = np.full((SIDE_PX, SIDE_PX), BACKGROUND_MM, np.uint16)
    flat[40:200, 60:180] = 800
    observation = _observe(_frame(flat), [_detection(800)], config=_config(Liveness()))

    assert (observation.seen, observation.embedding) == (Seen.SPOOF, None)
    assert observation.liveness is not None
    assert observation.liveness.verdict is Verdict.SPOOF


def test_every_bound_has_its_cue() -> None:
    report = _observe(_frame(_depth((800, SIDE_PX // 2))), [_detection(800)]).liveness

    assert report is not None
    assert {cue.name for cue in report.cues} == set(Liveness.__struct_fields__)


def test_who_looks_past_the_camera_farther_than_is_set_gets_no_embedding() -> None:
    strict = msgspec.structs.replace(LAX, off_axis_deg=(None, 0.0))
    observation = _observe(_frame(_depth((800, SIDE_PX // 2))), [_detection(800)], config=_config(strict))

    assert (observation.seen, observation.embedding) == (Seen.SPOOF, None)


class ScriptedEyes:
    """Says of all eyes what it was told to say."""

    def __init__(self, share: float) -> None:
        self._share = share

    def eyes_open(self, image: U8, detection: Detection) -> float:
        assert image.dtype == np.uint8
        assert detection.landmarks_px.shape == (5, 2)
        return self._share


@pytest.mark.parametrize(("share", "expected"), [(0.9, Seen.FACE), (0.1, Seen.SPOOF)])
def test_shut_eyes_get_no_embedding_where_a_bound_asks_for_open_ones(share: float, expected: Seen) -> None:
    config = _config(msgspec.structs.replace(LAX, eyes_open=(0.5, None)))
    frame = _frame(_depth((800, SIDE_PX // 2)))
    pipeline = Pipeline(ScriptedDetector([_detection(800)]), ScriptedEncoder(), config, eyes=ScriptedEyes(share))

    observation = pipeline.observe(frame, 3, "verify")

    assert observation.seen is expected
    assert "eyes" in observation.stage_ms
    assert list(observation.stage_ms) == [name for name in STAGE_ORDER if name in observation.stage_ms]


def test_without_anybody_to_look_at_eyes_such_a_bound_lets_nobody_in() -> None:
    config = _config(msgspec.structs.replace(LAX, eyes_open=(0.5, None)))

    assert _observe(_frame(_depth((800, SIDE_PX // 2))), [_detection(800)], config=config).seen is Seen.UNSURE


def test_depth_of_another_size_than_calibrated_is_the_sources_fault() -> None:
    with pytest.raises(SourceError, match="contradict its calibration"):
        _observe(_frame(_depth((800, 120))[:200]), [_detection(800)])


@pytest.mark.parametrize("shown_mm", [800.0, 2600.0], ids=["somebody", "nobody"])
def test_colour_of_another_size_than_calibrated_is_the_sources_fault(shown_mm: float) -> None:
    frame = _frame(_depth((shown_mm, 120)))
    halved = dataclasses.replace(frame, color=frame.color[::2, ::2].copy())
    with pytest.raises(SourceError, match="contradict its calibration: colour image is"):
        _observe(halved, [_detection(800)])


def test_an_encoder_with_a_depth_channel_of_its_own_kind_is_refused_at_start() -> None:
    class Strange(ScriptedEncoder):
        depth_channel = "heat"

    with pytest.raises(ModelError, match="heat"):
        Pipeline(ScriptedDetector([]), Strange(), _config())


class FrontalisingEncoder(ScriptedEncoder):
    """Wants depth laid on the mean face, and keeps what it was given."""

    depth_channel = "frontalised-mm"

    def __init__(self) -> None:
        self.given: list[F32] = []

    def encode(self, batch: F32) -> F32:
        self.given.append(batch)
        return super().encode(batch)


LAX_FIT = DepthVote(fit_max_mm=100.0, coverage_min=0.0)  # the round head of these tests is nobody's


def _frontalised(
    depth_vote: DepthVote = LAX_FIT,
    *,
    use: Use = "verify",
    depth: U16 | None = None,
    limits: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Observation, list[F32]]:
    """Look at a round head with an encoder that wants frontalised depth; return what it was given, too."""
    plain = _config() if depth is None else _config(Liveness())
    voting = PoseRange(**{**{name: getattr(ANY_POSE, name) for name in ANY_POSE.__struct_fields__}, **limits})
    ranges = msgspec.structs.replace(plain.ranges, depth_vote=voting)
    config = msgspec.structs.replace(plain, ranges=ranges, depth_vote=depth_vote)
    encoder = FrontalisingEncoder()
    frame = _frame(_depth((800, 120)) if depth is None else depth)
    return Pipeline(ScriptedDetector([_detection(800)]), encoder, config).observe(frame, 1, use), encoder.given


def test_a_face_with_fit_depth_is_encoded_with_its_relief_as_fourth_plane() -> None:
    observation, given = _frontalised()

    assert observation.seen is Seen.FACE
    judged = ["integrity", "gate", "detect", "align", "pose", "crop", "frontalise", "liveness", "encode"]
    assert list(observation.stage_ms) == judged
    assert observation.depth_fit is not None
    assert 0.0 < observation.depth_fit.fit_mm < 20.0
    assert 0.0 < observation.depth_fit.coverage <= 1.0
    (batch,) = given
    relief = batch[0, 3]
    assert batch.dtype == np.float32
    assert ((relief == HOLE_MM) | (np.abs(relief) <= 40.0)).all()
    assert (relief > HOLE_MM).any()
    assert batch[0, :3].max() > 100.0


@pytest.mark.parametrize("use", ["verify", "enrol"])
@pytest.mark.parametrize(
    ("bounds", "limits", "is_measured"),
    [
        pytest.param(LAX_FIT, {"far_mm": 700.0}, False, id="too-far"),
        pytest.param(LAX_FIT, {"near_mm": 900.0}, False, id="too-near"),
        pytest.param(LAX_FIT, {"yaw_deg": 1e-9, "pitch_deg": 1e-9, "roll_deg": 1e-9}, False, id="too-turned"),
        pytest.param(DepthVote(fit_max_mm=0.01, coverage_min=0.0), {}, True, id="lies-badly-on-the-mean-face"),
        pytest.param(DepthVote(fit_max_mm=100.0, coverage_min=1.0), {}, True, id="holes"),
    ],
)
def test_a_live_face_with_unfit_depth_is_never_encoded(
    bounds: DepthVote,
    limits: dict[str, float],
    is_measured: bool,  # noqa: FBT001 - a table's cell
    use: Use,
) -> None:
    observation, given = _frontalised(bounds, use=use, limits=limits)

    assert (observation.seen, observation.embedding, given) == (Seen.DEPTH_UNFIT, None, [])
    assert observation.liveness is not None
    assert observation.liveness.verdict is Verdict.LIVE
    assert (observation.depth_fit is not None) is is_measured


def test_a_spoof_stays_a_spoof_wherever_its_depth_would_be_fit() -> None:
    flat = np.full((SIDE_PX, SIDE_PX), BACKGROUND_MM, np.uint16)
    flat[40:200, 60:180] = 800
    observation, given = _frontalised(depth=flat, limits={"far_mm": 700.0})

    assert (observation.seen, given) == (Seen.SPOOF, [])


def test_an_encoder_of_registered_depth_does_not_ask_for_fitness() -> None:
    nowhere = PoseRange(near_mm=1, far_mm=2, yaw_deg=1, pitch_deg=1, roll_deg=1)
    config = _config()
    strict = msgspec.structs.replace(config, ranges=msgspec.structs.replace(config.ranges, depth_vote=nowhere))
    assert _observe(_frame(_depth((800, 120))), [_detection(800)], config=strict).seen is Seen.FACE


@pytest.mark.parametrize(
    ("fit_mm", "coverage", "fit"),
    [(4.5, 0.7, True), (4.51, 0.9, False), (2.0, 0.69, False), (math.nan, 0.9, False), (2.0, math.nan, False)],
)
def test_depth_is_fit_within_both_bounds_and_nan_never_is(fit_mm: float, coverage: float, fit: bool) -> None:  # noqa: FBT001
    assert is_fit(DepthFit(fit_mm, coverage), DepthVote(fit_max_mm=4.5, coverage_min=0.7)) is fit


def _later(frame: Frame, number: int, depth_mm: U16 | None = None) -> Frame:
    """The same before the camera, so many frames on; of the same depth image if no other is given."""
    depth = frame.depth_mm if depth_mm is None else depth_mm
    return dataclasses.replace(
        frame, seq=frame.seq + number, captured_ns=frame.captured_ns + number * 33 * NS_PER_MS, depth_mm=depth
    )


STRICT_STREAM = msgspec.structs.replace(LAX, depth_repeats=(None, 0.0), steps_back=(None, 0.0))


def _stream_pipeline() -> Pipeline:
    return Pipeline(ScriptedDetector([_detection(800)]), ScriptedEncoder(), _config(STRICT_STREAM))


def test_a_live_face_whose_depth_image_comes_again_is_a_spoof() -> None:
    pipeline, first = _stream_pipeline(), _frame(_depth((800, 120)))
    moved = [_later(first, number, _depth((800 + number, 120))) for number in range(1, 4)]

    seen = [pipeline.observe(frame, 1, "verify").seen for frame in (first, *moved, _later(first, 4))]
    values = pipeline.observe(_later(first, 5), 1, "verify").liveness

    assert seen == [Seen.FACE] * 4 + [Seen.SPOOF]
    assert values is not None
    assert {cue.name: cue.value for cue in values.cues}["depth_repeats"] == 2


def test_what_came_before_a_face_was_seen_belongs_to_the_stream_too() -> None:
    pipeline, first = _stream_pipeline(), _frame(_depth((800, 120)), textured=False)

    assert pipeline.observe(first, 1, "verify").seen is Seen.BLURRED
    sharp = dataclasses.replace(_frame(first.depth_mm), seq=9, captured_ns=first.captured_ns + NS_PER_MS)
    assert pipeline.observe(sharp, 1, "verify").seen is Seen.SPOOF


def test_every_attempt_and_every_use_is_a_stream_of_its_own() -> None:
    pipeline, frame = _stream_pipeline(), _frame(_depth((800, 120)))
    streams: tuple[tuple[int, Use], ...] = ((1, "verify"), (2, "verify"), (2, "enrol"), (1, "verify"))

    assert [pipeline.observe(frame, attempt, use).seen for attempt, use in streams] == [Seen.FACE] * 4


def test_a_stream_that_goes_back_in_time_stays_a_spoof() -> None:
    pipeline, first = _stream_pipeline(), _frame(_depth((800, 120)))
    order = (0, 2, 1, 3)

    seen = [pipeline.observe(_later(first, number, _depth((800 + number, 120))), 1, "verify").seen for number in order]

    assert seen == [Seen.FACE, Seen.FACE, Seen.SPOOF, Seen.SPOOF]
