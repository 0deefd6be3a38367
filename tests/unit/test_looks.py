import math
from dataclasses import replace

import msgspec
import numpy as np

from fakes.people import seen_face
from kinect_unlock.looks import Look, look_of
from kinect_unlock.observations import Cue, LivenessReport, Modality, Seen, Verdict


def test_a_look_has_everything_of_an_observation_but_the_embedding() -> None:
    seen = seen_face(1, 0, 0)
    assert seen.face is not None
    look = look_of(seen)

    assert (look.seen, look.modality) == (Seen.FACE, Modality.COLOR)
    assert look.face is not None
    assert (look.face.box, look.face.pose) == (seen.face.detection.box, seen.face.pose)
    np.testing.assert_allclose(look.face.landmarks_px, seen.face.detection.landmarks_px)
    assert not any(isinstance(value, np.ndarray) for value in msgspec.structs.asdict(look).values())


def test_a_look_is_told_as_json_and_read_again() -> None:
    cues = (Cue("sheet_residual_mm", "mm", np.float64(21.5), 8.0, 60.0), Cue("face_height_mm", "mm", None, 6.0, None))
    seen = replace(seen_face(1, 0, 0), liveness=LivenessReport(Verdict.LIVE, cues), stage_ms={"detect": 5.5})
    look = look_of(seen)

    assert msgspec.json.decode(msgspec.json.encode(look), type=Look) == look
    assert look.cues[0].value == 21.5


def test_a_face_with_a_number_that_is_none_is_not_shown() -> None:
    seen = seen_face(1, 0, 0)
    assert seen.face is not None
    broken = replace(seen, face=replace(seen.face, pose=replace(seen.face.pose, yaw_deg=math.nan)))

    assert look_of(broken).face is None
    assert look_of(broken).seen is Seen.FACE
