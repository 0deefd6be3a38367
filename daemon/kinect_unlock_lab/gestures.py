"""The demo's owner, who nods or shakes the head, made again by ``kinect-unlock lab render-gestures``.

They try out whether a nod that is asked for is seen, and nothing else taken for one. Without the noise of the cameras
a recording is a third as large; who plays them adds some, for no camera gives one depth image twice.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import cos, pi, sin
from pathlib import Path
from typing import Final, TypeAlias

from kinect_unlock.frames import Frame
from kinect_unlock_lab.body import Stance
from kinect_unlock_lab.demo_recordings import (
    FRAME_NS,
    OWNER_SEED,
    Script,
    Stage,
    resting_face,
    sway,
    write_recording,
)
from kinect_unlock_lab.head_model import load_head_model
from kinect_unlock_lab.lighting import DAYLIGHT
from kinect_unlock_lab.sensor import DepthNoise

#: Yaw and pitch in degrees at a time in seconds.
Course: TypeAlias = Callable[[float], tuple[float, float]]

BEGINS_S: Final = 0.6  # held still before
_RESTS_S: Final = 0.4  # and after
_PLACE_MM: Final = (-40.0, -20.0, 720.0)
_NOISELESS: Final = DepthNoise(white_mm=0.0, blotch_mm=0.0, stray_hole=0.0)


def dips(at_s: float, *, by_deg: float, lasts_s: float) -> tuple[float, float]:
    """Go down by so much and come up again, as a raised cosine."""
    share = (at_s - BEGINS_S) / lasts_s
    return 0.0, -by_deg * (1 - cos(2 * pi * share)) / 2 if 0 < share < 1 else 0.0


def shakes(at_s: float, *, by_deg: float, lasts_s: float) -> tuple[float, float]:
    """Turn to one side and to the other and look straight again."""
    share = (at_s - BEGINS_S) / lasts_s
    return by_deg * sin(2 * pi * share) if 0 < share < 1 else 0.0, 0.0


def _frames(stage: Stage, script: Script, *, course: Course, lasts_s: float) -> Iterator[Frame]:
    count = round((BEGINS_S + lasts_s + _RESTS_S) * 1e9 / FRAME_NS)
    stances = _stances(course, count)
    room = stage.room(DAYLIGHT)
    return stage.shoot_sitter(script.seed, stances, DAYLIGHT, room, noise=_NOISELESS, grain=0.0)


def _stances(course: Course, count: int) -> Iterator[Stance]:
    for index, (x, y, z, yaw, pitch, roll) in enumerate(sway(OWNER_SEED + 200, count)):
        turned = course(index * FRAME_NS / 1e9)
        place = (_PLACE_MM[0] + x, _PLACE_MM[1] + y, _PLACE_MM[2] + z)
        yield Stance(place, turned[0] + yaw, turned[1] + pitch, roll, resting_face(index, blink_at=4))


def _script(name: str, shows: str, expect: str, course: Course, lasts_s: float) -> Script:
    return Script(name, shows, expect, "verify", OWNER_SEED, partial(_frames, course=course, lasts_s=lasts_s))


SCRIPTS: Final = (
    _script("nods", "the owner nods once", "unlocked", partial(dips, by_deg=20.0, lasts_s=0.9), 0.9),
    _script(
        "shakes-head", "the owner shakes their head once", "refused", partial(shakes, by_deg=18.0, lasts_s=1.0), 1.0
    ),
)


def write_all(model: Path, folder: Path, on_done: Callable[[Path], None] = lambda _: None) -> None:
    """Write every recording into ``folder``; ``on_done`` is told of each file.

    Raises:
        SourceError: the head model cannot be read.
        RecordingError: a recording cannot be written.
    """
    stage = Stage(load_head_model(model))
    for script in SCRIPTS:
        on_done(write_recording(stage, script, folder))
