"""Under which conditions a picture is taken: where the head is, what the face does, the light, the camera's mood.

Two ranges: `ORDINARY` is a lit room and a person who looks at the camera, `VARIED` is what training must cover.
"""

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

import numpy as np

from kinect_unlock_lab.body import Stance
from kinect_unlock_lab.lighting import Lamp, Light
from kinect_unlock_lab.sensor import EMITTER_MM
from kinect_unlock_lab.synthesis.depth_sensor import Errors, ErrorSpread, draw_errors

_CALM: Final = (("eyeBlink", 0.0, 0.2), ("eyeSquint", 0.0, 0.2))
#: Groups of movements that go together, with the range of each one's strength.
_MOODS: Final = (
    (),
    (("mouthSmile", 0.2, 0.9), ("cheekSquint", 0.1, 0.5), ("mouthUpperUp", 0.0, 0.25)),
    (("mouthSmile", 0.1, 0.5), ("jawOpen", 0.05, 0.3), ("cheekRaiser", 0.0, 0.4)),
    (("jawOpen", 0.05, 0.35), ("mouthFunnel", 0.0, 0.4)),
    (("browInnerUp", 0.2, 0.8), ("browOuterUp", 0.2, 0.8), ("eyeWide", 0.0, 0.5)),
    (("browDown", 0.2, 0.8), ("noseSneer", 0.0, 0.4), ("mouthPress", 0.0, 0.5)),
    (("mouthFrown", 0.1, 0.6), ("mouthShrugLower", 0.0, 0.4)),
    (("mouthPucker", 0.1, 0.7),),
    (("eyeSquint", 0.2, 0.8), ("mouthStretch", 0.0, 0.4)),
)


@unique
class View(StrEnum):
    """Whose pixels a picture has: the Kinect's own colour camera, or colour moved to its depth camera's pixels."""

    KINECT_COLOR = "kinect-color"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Ranges:
    """How far conditions reach; angles are the largest of a uniform draw but ``roll_deg``, a spread.

    ``mild`` 0..1 holds expressions and light back; ``dim_chance`` of a light of ``dim_least`` to 1.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    near_mm: float
    far_mm: float
    mild: float
    dim_chance: float
    dim_least: float


ORDINARY: Final = Ranges(15.0, 10.0, 4.0, 550.0, 1000.0, mild=0.5, dim_chance=0.0, dim_least=1.0)
VARIED: Final = Ranges(30.0, 20.0, 7.0, 450.0, 1300.0, mild=1.0, dim_chance=0.35, dim_least=0.04)


@dataclass(frozen=True, slots=True)
class Camera:
    """What a colour camera does to light: brightness it aims at, balance, curve, grain, compression, blur."""

    dim: float
    exposure: float
    balance: tuple[float, float, float]
    gamma: float
    grain: float
    blur_px: float
    sharpen: float
    jpeg_quality: int
    haze: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """All about one picture but the person."""

    view: View
    stance: Stance
    gaze_deg: tuple[float, float]
    light: Light
    camera: Camera
    wall_mm: float
    depth_errors: Errors


def draw_conditions(ranges: Ranges, names: frozenset[str], rng: np.random.Generator) -> Conditions:
    """Draw one picture's conditions; ``names`` are the expressions that the head model knows."""
    distance = rng.uniform(ranges.near_mm, ranges.far_mm)
    view = View.REGISTERED if rng.random() < 0.4 else View.KINECT_COLOR
    return Conditions(
        view=view,
        stance=Stance(
            at_mm=(rng.uniform(-0.2, 0.2) * distance, rng.uniform(-0.12, 0.12) * distance, distance),
            yaw_deg=rng.uniform(-ranges.yaw_deg, ranges.yaw_deg),
            pitch_deg=rng.uniform(-ranges.pitch_deg, ranges.pitch_deg),
            roll_deg=float(np.clip(rng.normal(0, ranges.roll_deg), -30, 30)),
            expression=_expression(ranges.mild, names, rng),
        ),
        gaze_deg=(float(rng.normal(0, 6)), float(rng.normal(0, 4))),
        light=_light(ranges.mild, rng),
        camera=_camera(ranges, rng),
        wall_mm=distance + rng.uniform(250, 2500),
        depth_errors=_errors(view, rng),
    )


def _errors(view: View, rng: np.random.Generator) -> Errors:
    drawn = draw_errors(ErrorSpread(), rng)
    if view is View.REGISTERED:
        return drawn
    return replace(drawn, steps="fine", color_mm=0.0, lamp_mm=float(EMITTER_MM[0]))  # the alignment makes the shadow


def _expression(mild: float, names: frozenset[str], rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    moves = {name: rng.uniform(low, high) for name, low, high in _CALM}
    for name, low, high in _MOODS[rng.integers(len(_MOODS))]:
        moves[name] = moves.get(name, 0.0) + mild * rng.uniform(low, high)
    sided = {
        f"{name}{side}": float(np.clip(strength * rng.uniform(0.8, 1.2), 0, 1))
        for name, strength in moves.items()
        for side in ("", "_L", "_R")
    }
    return tuple((name, strength) for name, strength in sided.items() if name in names)


def _light(mild: float, rng: np.random.Generator) -> Light:
    lamps = [_lamp(1.1 * rng.uniform(0.35, 1.0), mild, rng)]
    lamps += [_lamp(rng.uniform(0.05, 0.6), mild, rng) for _ in range(rng.integers(0, 3))]
    room = (0.16 + 0.3 * (1 - mild) + 0.35 * rng.random()) * _tone(mild, rng)
    floor = room * rng.uniform(0.25, 0.8)
    return Light(tuple(lamps), _triple(room), _triple(floor))


def _lamp(strength: float, mild: float, rng: np.random.Generator) -> Lamp:
    across, up = rng.uniform(-75, 75) * (0.5 + 0.5 * mild), rng.uniform(-15, 65)
    a, b = np.radians((across, up))
    direction = (float(np.sin(a) * np.cos(b)), float(-np.sin(b)), float(-np.cos(a) * np.cos(b)))
    return Lamp(direction, _triple(strength * _tone(mild, rng)), rng.uniform(18, 45))


def _tone(mild: float, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a light's colour: from lamp-warm to sky-blue, brightness 1."""
    warm = rng.normal(0, 0.17 * mild)
    tone = np.array((np.exp(warm), 1.0, np.exp(-1.3 * warm)))
    return np.asarray(tone / tone.mean(), np.float64)


def _camera(ranges: Ranges, rng: np.random.Generator) -> Camera:
    dim = 1.0
    if rng.random() < ranges.dim_chance:
        dim = float(np.exp(rng.uniform(np.log(ranges.dim_least), 0.0)))
    return Camera(
        dim=dim,
        exposure=float(np.exp(rng.normal(0, 0.28 * (0.4 + 0.6 * ranges.mild)))),
        balance=_triple(np.exp(rng.normal(0, 0.05 * ranges.mild, 3))),
        gamma=2.2 * float(np.exp(rng.normal(0, 0.08 * ranges.mild))),
        grain=rng.uniform(0.4, 2.5),
        blur_px=rng.uniform(0.35, 0.55 + 0.6 * ranges.mild),
        sharpen=rng.uniform(0.0, 0.5),
        jpeg_quality=int(rng.integers(60, 97)),
        haze=rng.uniform(0, 0.03 * ranges.mild),
    )


def _triple(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
