"""The recordings of the embedded demo, made again by ``kinect-unlock lab render-demo``.

The same seeds give the same frames. What each recording shows and what must come of it stands in `SCRIPTS`; the
folder gets one recording each, the index ``demo.yaml`` and nothing else. The people belong to nobody: they prove
that the plumbing works, not how accurate it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from kinect_unlock.arrays import F64
from kinect_unlock.frames import Calibration, Frame
from kinect_unlock.recording import RecordingWriter
from kinect_unlock_lab.body import Body, Stance, pose_body, sitter
from kinect_unlock_lab.head_model import HeadModel, load_head_model
from kinect_unlock_lab.lighting import DAYLIGHT, EVENING, OFFICE, Light
from kinect_unlock_lab.people import linear
from kinect_unlock_lab.render import Solid, blank_canvas, depth_of, develop, head_solid, paint_body
from kinect_unlock_lab.scene import (
    Hold,
    Room,
    hold_hands,
    hold_sheet,
    hold_sleeves,
    make_room,
    paint_sheet,
    paint_solid,
    photograph,
)
from kinect_unlock_lab.sensor import DEMO_CROP, DepthNoise, nominal_kinect

OWNER_SEED: Final = 13
STRANGER_SEED: Final = 38
HOLDER_SEED: Final = 26
ROOM_SEED: Final = 1
FRAME_NS: Final = 80_000_000
COLOR_QUANTISER: Final = 3
SIZE_LIMIT_BYTES: Final = 6_000_000

_HELD_FRAMES: Final = 6
_MOVING_FRAMES: Final = 3
#: Yaw and pitch of the enrolment's stages, in its order.
_STAGES: Final = ((0.0, 0.0), (-18.0, 0.0), (18.0, 0.0), (0.0, 15.0), (0.0, -15.0))


@dataclass(frozen=True, slots=True)
class Script:
    """One recording of the demo: what it shows, what must come of it, and how it is made."""

    name: str
    shows: str
    expect: str
    purpose: str
    seed: int
    frames: Callable[["Stage", "Script"], Iterator[Frame]]

    @property
    def file(self) -> str:
        """The recording's file name."""
        return f"{self.name}.mkv"


class Stage:
    """Camera, people and rooms, made when first needed and kept."""

    def __init__(self, model: HeadModel, *, directions: int = 96, calibration: Calibration | None = None) -> None:
        self.calibration = calibration or nominal_kinect(DEMO_CROP)
        self._model = model
        self._directions = directions
        self._bodies: dict[int, Body] = {}

    def body(self, seed: int) -> Body:
        """Return the person of this seed, dressed."""
        if seed not in self._bodies:
            self._bodies[seed] = sitter(self._model, seed, directions=self._directions)
        return self._bodies[seed]

    def room(self, light: Light, *, taken: bool = True) -> Room:
        """Return the room in this light, with a sitter's shadow on its wall or without."""
        return make_room(self.calibration, light, seed=ROOM_SEED, taken=taken)

    def shoot_sitter(
        self, seed: int, stances: Iterator[Stance], light: Light, room: Room, *, noise: DepthNoise, grain: float
    ) -> Iterator[Frame]:
        """Record a person sitting like this, one stance a frame."""
        for seq, stance in enumerate(stances):
            rng = np.random.default_rng([seed, 21, seq])
            posed = pose_body(self.body(seed), stance)
            canvas = blank_canvas(self.calibration, room.backdrop)
            paint_body(canvas, posed, self.calibration, light)
            color = develop(canvas, gain=_gain(light), noise=grain, rng=rng)
            depth = depth_of((head_solid(posed),), room.wall_mm, self.calibration, noise, rng)
            yield Frame(seq, (seq + 1) * FRAME_NS, color, depth, self.calibration, device_us=seq * FRAME_NS // 1000)

    def shoot_print(self, owner: int, holder: int, holds: Iterator[Hold], light: Light, room: Room) -> Iterator[Frame]:
        """Record somebody who holds a printed portrait of ``owner`` before their own face."""
        paper = photograph(self.body(owner))
        looks = self.body(holder).person.traits
        for seq, hold in enumerate(holds):
            rng = np.random.default_rng([owner, 22, seq])
            x, y, z = hold.at_mm
            posed = pose_body(self.body(holder), Stance((0.8 * x, y - 8.0, z + 210.0)))
            sheet, hands, sleeves = hold_sheet(hold), hold_hands(hold), hold_sleeves(hold)
            canvas = blank_canvas(self.calibration, room.backdrop)
            paint_body(canvas, posed, self.calibration, light)
            paint_sheet(canvas, sheet, paper, self.calibration, light)
            for hand in hands:
                paint_solid(canvas, hand, linear(looks.skin) * 0.9, self.calibration, light)
            for sleeve in sleeves:
                paint_solid(canvas, sleeve, linear(looks.shirt), self.calibration, light)
            color = develop(canvas, gain=_gain(light), noise=0.8, rng=rng)
            solids: tuple[Solid, ...] = (head_solid(posed), sheet.solid, *hands, *sleeves)
            depth = depth_of(solids, room.wall_mm, self.calibration, DepthNoise(), rng)
            yield Frame(seq, (seq + 1) * FRAME_NS, color, depth, self.calibration, device_us=seq * FRAME_NS // 1000)

    def shoot_room(self, light: Light, room: Room, count: int) -> Iterator[Frame]:
        """Record the room with nobody in it."""
        for seq in range(count):
            rng = np.random.default_rng([23, seq])
            color = develop(blank_canvas(self.calibration, room.backdrop), gain=_gain(light), noise=0.8, rng=rng)
            depth = depth_of((), room.wall_mm, self.calibration, DepthNoise(), rng)
            yield Frame(seq, (seq + 1) * FRAME_NS, color, depth, self.calibration, device_us=seq * FRAME_NS // 1000)


def _gain(light: Light) -> float:
    """Expose as the camera's automatic would, by the light that falls on a face."""
    return 1.1 / (0.55 + 0.35 * sum(light.key().color) / 3.0)


def sway(seed: int, count: int, *, size: float = 1.0) -> F64:
    """Return small natural movement f64[count,6]: x, y, z in mm, then yaw, pitch, roll in degrees."""
    rng = np.random.default_rng([seed, 24])
    t = np.arange(count)[:, None, None] * FRAME_NS / 1e9
    rate_hz = rng.uniform(0.15, 1.1, (1, 4, 6))
    waves = np.sin(2 * np.pi * (rate_hz * t + rng.random((1, 4, 6)))) / np.sqrt(rate_hz * 4)
    return np.asarray(waves.sum(axis=1) * np.array([2.2, 1.6, 2.6, 0.9, 0.8, 0.7]) * size, np.float64)


def resting_face(frame: int, *, blink_at: int, smile: float = 0.0) -> tuple[tuple[str, float], ...]:
    """Return a resting face that blinks once, its lids never quite as wide open as the model's."""
    lids = 0.15 + 0.8 * max(0.0, 1.0 - abs(frame - blink_at) / 1.5)
    both = {"eyeBlink": lids, "eyeSquint": 0.12 + 0.2 * smile, "mouthSmile": smile, "cheekSquint": 0.5 * smile}
    return tuple((f"{name}_{side}", strength) for name, strength in both.items() for side in "LR")


def _enrolling() -> Iterator[Stance]:
    path = [_STAGES[0]] * _HELD_FRAMES
    for (yaw0, pitch0), (yaw1, pitch1) in pairwise(_STAGES):
        for step in range(1, _MOVING_FRAMES + 1):
            share = step / (_MOVING_FRAMES + 1)
            share = share * share * (3 - 2 * share)
            path.append((yaw0 + (yaw1 - yaw0) * share, pitch0 + (pitch1 - pitch0) * share))
        path += [(yaw1, pitch1)] * _HELD_FRAMES
    drift = sway(OWNER_SEED, len(path))
    for index, (yaw, pitch) in enumerate(path):
        x, y, z, dyaw, dpitch, roll = drift[index]
        yield Stance(
            (x - 40.0, y - 20.0, 720.0 + z), yaw + dyaw, pitch + dpitch, roll, resting_face(index, blink_at=20)
        )


def _sitting(
    seed: int, count: int, *, at_mm: tuple[float, float, float], turn: tuple[float, float], smile: float
) -> Iterator[Stance]:
    for index, (x, y, z, yaw, pitch, roll) in enumerate(sway(seed + 100, count)):
        place = (at_mm[0] + x, at_mm[1] + y, at_mm[2] + z)
        yield Stance(place, turn[0] + yaw, turn[1] + pitch, roll, resting_face(index, blink_at=11, smile=smile))


def _holding(seed: int, count: int, *, bend_radius_mm: float) -> Iterator[Hold]:
    """Hold a sheet as steadily as a hand can: it trembles and tilts."""
    for x, y, z, yaw, pitch, roll in sway(seed, count, size=1.6):
        yield Hold((x - 36.0, y - 15.0, 640.0 + z), 3.0 + 2 * yaw, -2.0 + 2 * pitch, roll, bend_radius_mm)


def _owner_enrols(stage: Stage, script: Script) -> Iterator[Frame]:
    room = stage.room(DAYLIGHT)
    return stage.shoot_sitter(script.seed, _enrolling(), DAYLIGHT, room, noise=DepthNoise(), grain=0.8)


def _owner_returns(stage: Stage, script: Script) -> Iterator[Frame]:
    stances = _sitting(script.seed, 20, at_mm=(-20.0, -28.0, 850.0), turn=(4.0, -3.0), smile=0.45)
    noise = DepthNoise(white_mm=1.2, blotch_mm=1.1)
    return stage.shoot_sitter(script.seed, stances, EVENING, stage.room(EVENING), noise=noise, grain=1.3)


def _stranger(stage: Stage, script: Script) -> Iterator[Frame]:
    stances = _sitting(script.seed, 20, at_mm=(-48.0, -15.0, 700.0), turn=(-3.0, 2.0), smile=0.2)
    return stage.shoot_sitter(script.seed, stances, DAYLIGHT, stage.room(DAYLIGHT), noise=DepthNoise(), grain=0.8)


def _flat_photo(stage: Stage, script: Script) -> Iterator[Frame]:
    holds = _holding(31, 20, bend_radius_mm=0.0)
    return stage.shoot_print(script.seed, HOLDER_SEED, holds, OFFICE, stage.room(OFFICE))


def _bent_photo(stage: Stage, script: Script) -> Iterator[Frame]:
    holds = _holding(32, 20, bend_radius_mm=130.0)
    return stage.shoot_print(script.seed, HOLDER_SEED, holds, OFFICE, stage.room(OFFICE))


def _empty_room(stage: Stage, _script: Script) -> Iterator[Frame]:
    return stage.shoot_room(DAYLIGHT, stage.room(DAYLIGHT, taken=False), 28)


SCRIPTS: Final = (
    Script(
        "owner-enrols",
        "the owner looks straight, left, right, up and down",
        "enrolled",
        "enrol",
        OWNER_SEED,
        _owner_enrols,
    ),
    Script(
        "owner-returns",
        "the owner in evening light, farther away and smiling",
        "unlocked",
        "verify",
        OWNER_SEED,
        _owner_returns,
    ),
    Script("stranger", "somebody else", "refused", "verify", STRANGER_SEED, _stranger),
    Script("flat-photo", "a life-size print of the owner, held flat", "refused", "verify", OWNER_SEED, _flat_photo),
    Script("bent-photo", "the same print, bent round a radius of 13 cm", "refused", "verify", OWNER_SEED, _bent_photo),
    Script("empty-room", "nobody", "timed-out", "verify", 0, _empty_room),
)


def provenance(script: Script) -> dict[str, object]:
    """Say in the recording itself what it is."""
    return {
        "origin": "rendered",
        "made_by": "kinect_unlock_lab.demo_recordings",
        "shows": script.shows,
        "purpose": script.purpose,
        "against": None if script.purpose == "enrol" else f"{SCRIPTS[0].name}.mkv",
        "seed": script.seed,
        "jittered": False,
        "licence": "Apache-2.0; head shape from ICT-FaceKit (MIT, see LICENSE.ict_facekit.txt)",
        "note": "Synthetic: belongs to nobody. Proves plumbing, not accuracy. Colour is a crop of the half-size image; "
        "depth beyond 1.4 m is rounded to 16 mm to keep the file small.",
    }


def write_recording(stage: Stage, script: Script, folder: Path) -> Path:
    """Render one recording into ``folder``, replacing the one that is there."""
    path = folder / script.file
    path.unlink(missing_ok=True)
    with RecordingWriter(
        path, calibration=stage.calibration, provenance=provenance(script), color_quantiser=COLOR_QUANTISER
    ) as writer:
        for frame in script.frames(stage, script):
            writer.write(frame)
    path.chmod(0o644)  # shows nobody, so everybody may read it
    return path


def index() -> dict[str, object]:
    """Return what ``demo.yaml`` says."""
    rows = [
        {"name": s.name, "file": s.file, "shows": s.shows, "purpose": s.purpose, "expect": s.expect} for s in SCRIPTS
    ]
    return {"note": "Synthetic people: they prove plumbing, not accuracy.", "recordings": rows}


def write_all(model: Path, folder: Path, on_done: Callable[[Path], None] = lambda _: None) -> None:
    """Write every recording and the index into ``folder``; ``on_done`` is told of each file.

    Raises:
        SourceError: the head model cannot be read.
        RecordingError: a recording cannot be written.
    """
    stage = Stage(load_head_model(model))
    for script in SCRIPTS:
        on_done(write_recording(stage, script, folder))
    (folder / "demo.yaml").write_text(yaml.safe_dump(index(), sort_keys=False, width=110))
