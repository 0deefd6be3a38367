"""What a person can do about what the camera sees. Never says why somebody was refused."""

from typing import Final

from kinect_unlock.observations import HeadPose, Observation, Seen
from kinect_unlock.pipeline import out_of_range
from kinect_unlock.sampling import Band
from kinect_unlock.settings import Ranges, Stage
from kinect_unlock.wire import Hint

# A spoof, a doubtful face and one without depth give the same hint: a picture's holder learns nothing from it.
_HINTS: Final[dict[Seen, Hint]] = {
    Seen.NO_FACE: Hint.LOOK_AT_CAMERA,
    Seen.DARK: Hint.MORE_LIGHT,
    Seen.MANY_FACES: Hint.ONE_PERSON_ONLY,
    Seen.TOO_NEAR: Hint.MOVE_BACK,
    Seen.TOO_FAR: Hint.MOVE_CLOSER,
    Seen.TURNED_AWAY: Hint.LOOK_AT_CAMERA,
    Seen.BLURRED: Hint.HOLD_STILL,
    Seen.NO_DEPTH: Hint.KEEP_FACE_CLEAR,
    Seen.SPOOF: Hint.KEEP_FACE_CLEAR,
    Seen.UNSURE: Hint.KEEP_FACE_CLEAR,
    Seen.DEPTH_UNFIT: Hint.KEEP_FACE_CLEAR,
}
_STEERED: Final = frozenset({Seen.FACE, Seen.TURNED_AWAY, Seen.DEPTH_UNFIT})  # there is a pose to start from
_STEADY_FRAMES: Final = 3


def hint_for(observation: Observation, ranges: Ranges) -> Hint | None:
    """Return what helps the next frame to be usable, None when this one was."""
    seen, face = observation.seen, observation.face
    if seen is Seen.DEPTH_UNFIT and face is not None:
        seen = out_of_range(face.pose, ranges.depth_vote) or seen
    return _HINTS.get(seen)


def hint_towards(band: Band, stage: Stage, observation: Observation, ranges: Ranges) -> Hint | None:
    """Return what leads to a stage's pose, None when it is held."""
    if observation.seen not in _STEERED or observation.face is None:
        return hint_for(observation, ranges)
    found = steer(band, observation.face.pose)
    if found is not None and stage == "straight" and found not in {Hint.MOVE_BACK, Hint.MOVE_CLOSER}:
        return Hint.LOOK_STRAIGHT
    return found or hint_for(observation, ranges)


def steer(band: Band, pose: HeadPose) -> Hint | None:
    """Return the first thing to change to come into a band; left and right are the image's."""
    steps = (
        (pose.distance_mm, band.distance_mm, Hint.MOVE_BACK, Hint.MOVE_CLOSER),
        (pose.yaw_deg, band.yaw_deg, Hint.TURN_RIGHT, Hint.TURN_LEFT),
        (pose.pitch_deg, band.pitch_deg, Hint.LOOK_UP, Hint.LOOK_DOWN),
    )
    for value, (low, high), when_below, when_above in steps:
        if value < low:
            return when_below
        if value > high:
            return when_above
    return None


class SteadyHints:
    """Lets a hint through once it has held for some frames, and only when it is another than the last one."""

    def __init__(self) -> None:
        self._last: Hint | None = None
        self._waiting: Hint | None = None
        self._frames = 0

    def pick(self, hint: Hint | None) -> Hint | None:
        """Take one frame's hint; return it when the person should be told now."""
        self._frames = self._frames + 1 if hint is self._waiting else 1
        self._waiting = hint
        if hint is None or hint is self._last or self._frames < _STEADY_FRAMES:
            return None
        self._last = hint
        return hint

    def pick_now(self, hint: Hint) -> Hint | None:
        """Return a hint that need not hold for some frames, unless it was the last one told."""
        if hint is self._last:
            return None
        self._last = hint
        return hint
