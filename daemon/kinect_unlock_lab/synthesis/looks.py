"""How an invented person looks: everything about colour and hair that a painter has to know, drawn from one seed.

Wide on purpose: a training set whose people differ only in shape teaches a network nothing about colour. Colours are
linear light, 0..1; shares and strengths 0..1; lengths in mm on the neutral head.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

import numpy as np

from kinect_unlock.arrays import F64
from kinect_unlock_lab.people import linear

#: From very light to very dark, sRGB; people lie between two of them.
_SKIN_TONES: Final = np.array(
    [(241, 204, 188), (229, 184, 158), (208, 160, 128), (178, 128, 96), (142, 96, 70), (104, 69, 52), (72, 50, 41)],
    np.float64,
)
_HAIR_TONES: Final = np.array(
    [(30, 25, 24), (48, 34, 27), (74, 50, 36), (112, 78, 50), (158, 122, 78), (196, 164, 112), (122, 58, 32),
     (150, 146, 142), (206, 204, 200)],
    np.float64,
)  # fmt: skip
_HAIR_CHANCES: Final = (0.26, 0.2, 0.15, 0.1, 0.07, 0.05, 0.05, 0.07, 0.05)
_IRIS_TONES: Final = np.array(
    [(52, 34, 24), (80, 52, 32), (108, 80, 48), (100, 112, 82), (94, 118, 138), (124, 136, 144)], np.float64
)
_CLOTHS: Final = np.array(
    [(48, 66, 92), (118, 44, 46), (66, 88, 68), (92, 92, 98), (168, 156, 134), (40, 40, 46), (206, 204, 200),
     (150, 110, 60), (96, 60, 110)],
    np.float64,
)  # fmt: skip


@unique
class HairStyle(StrEnum):
    """What grows, or lies, on a head."""

    BALD = "bald"
    BUZZED = "buzzed"
    SHORT = "short"
    FULL = "full"
    LONG = "long"
    SCARF = "scarf"


_STYLES: Final = tuple(HairStyle)
_STYLE_CHANCES: Final = (0.07, 0.13, 0.35, 0.13, 0.27, 0.05)
_CLOSE_CUT: Final = frozenset({HairStyle.BALD, HairStyle.BUZZED, HairStyle.SHORT, HairStyle.FULL})


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """Hair of the head: ``line_mm`` lifts the hairline (negative: higher), ``temples_mm`` is how far it recedes there.

    ``fringe_mm`` hangs below the line in the middle, ``fringe_side_mm`` moves that middle; ``edge_mm`` is how ragged
    the edge is.
    """

    style: HairStyle
    color: F64
    line_mm: float
    temples_mm: float
    peak_mm: float
    fringe_mm: float
    fringe_side_mm: float
    fringe_width_mm: float
    edge_mm: float
    thickness_mm: float
    sideburn_mm: float
    curl_mm: float
    drop_mm: float
    opening: float


@dataclass(frozen=True, slots=True, eq=False)
class Brows:
    """Both brows: where their middle line runs against the landmarks, and what grows along it."""

    color: F64
    lift_mm: float
    arch_mm: float
    tilt_mm: float
    gap_mm: float
    length: float
    thickness_mm: float
    density: float


@dataclass(frozen=True, slots=True, eq=False)
class Beard:
    """``strength`` 0 shaven to 1 thick; each part of the face has a share of it."""

    color: F64
    strength: float
    chin: float
    cheeks: float
    moustache: float
    top_mm: float
    length_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """The skin itself; ``mottling`` and the rest are strengths 0..1 and more."""

    color: F64
    mottling: float
    blush: float
    nose_red: float
    under_eyes: float
    freckles: float
    moles: int
    spots: int
    folds: float
    wrinkles: float
    gloss: float


@dataclass(frozen=True, slots=True, eq=False)
class Makeup:
    """Lips, lids and irises, painted or not; ``lips_full`` and ``lips_wide`` scale the outline."""

    lips: F64
    lips_share: float
    lips_full: float
    lips_wide: float
    lids: F64
    lids_share: float
    liner: float
    iris: F64
    iris_ring: float


@dataclass(frozen=True, slots=True, eq=False)
class Glasses:
    """A frame of two rims: ``roundness`` 2 is an ellipse, more is squarer."""

    color: F64
    half_width_mm: float
    half_height_mm: float
    rim_mm: float
    roundness: float
    drop_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Everything but a person's shape."""

    skin: Skin
    hair: Hair
    brows: Brows
    beard: Beard
    makeup: Makeup
    glasses: Glasses | None
    cloth: F64


def invent_looks(rng: np.random.Generator) -> Looks:
    """Draw one person's looks."""
    skin = _skin(rng)
    darkness = 1.0 - float(np.clip(skin.color.mean() / 0.5, 0, 1))
    hair_color = _hair_color(darkness, rng)
    hair = _hair(hair_color, rng)
    close_cut = hair.style in _CLOSE_CUT
    made_up = not close_cut and rng.random() < 0.6
    return Looks(
        skin=skin,
        hair=hair,
        brows=_brows(hair_color, rng),
        beard=_beard(hair_color, rng) if close_cut and rng.random() < 0.6 else _no_beard(hair_color),
        makeup=_makeup(skin.color, made_up, rng),
        glasses=_glasses(rng) if rng.random() < 0.2 else None,
        cloth=linear(_CLOTHS[rng.integers(len(_CLOTHS))]) * rng.uniform(0.5, 1.2, 3),
    )


def _between(tones: F64, place: float) -> F64:
    """Return the colour at ``place`` 0..1 along a row of sRGB tones."""
    at = place * (len(tones) - 1)
    mixed = [np.interp(at, np.arange(len(tones)), tones[:, channel]) for channel in range(3)]
    return linear(np.array(mixed))


def _skin(rng: np.random.Generator) -> Skin:
    undertone = np.exp(rng.normal(0, 1, 3) * (0.05, 0.06, 0.09))
    old = rng.beta(1.2, 2.0)
    return Skin(
        color=_between(_SKIN_TONES, rng.beta(1.1, 1.5)) * undertone * rng.uniform(0.8, 0.98),
        mottling=rng.uniform(0.01, 0.08),
        blush=rng.beta(1.3, 2.0) * 0.45,
        nose_red=rng.beta(1.2, 2.5) * 0.4,
        under_eyes=rng.uniform(0.05, 0.4),
        freckles=rng.uniform(0.3, 1.0) if rng.random() < 0.22 else 0.0,
        moles=int(rng.poisson(2.2)),
        spots=int(rng.poisson(9)) if rng.random() < 0.2 else 0,
        folds=0.08 + 0.4 * old * rng.uniform(0.4, 1.0),
        wrinkles=0.55 * float(np.clip(old - 0.3, 0, 1)),
        gloss=rng.uniform(0.2, 0.9),
    )


def _hair_color(darkness: float, rng: np.random.Generator) -> F64:
    chances = np.array(_HAIR_CHANCES)
    chances[3:7] *= max(0.02, 1.0 - 1.6 * darkness)
    tone = _HAIR_TONES[rng.choice(len(chances), p=chances / chances.sum())] * rng.uniform(0.75, 1.2)
    if rng.random() < 0.04:
        tone = rng.uniform(30, 190, 3)  # dyed
    return linear(np.clip(tone, 0, 255))


def _hair(color: F64, rng: np.random.Generator) -> Hair:
    style = _STYLES[rng.choice(len(_STYLES), p=_STYLE_CHANCES)]
    thickness = {
        HairStyle.BALD: (0.0, 0.1), HairStyle.BUZZED: (1.0, 3.5), HairStyle.SHORT: (6.0, 20.0),
        HairStyle.FULL: (20.0, 42.0), HairStyle.LONG: (3.0, 9.0), HairStyle.SCARF: (5.0, 12.0),
    }[style]  # fmt: skip
    fringed = style in {HairStyle.SHORT, HairStyle.FULL, HairStyle.LONG} and rng.random() < 0.35
    receding = style is not HairStyle.LONG and rng.random() < 0.3
    return Hair(
        style=style,
        color=linear(_CLOTHS[rng.integers(len(_CLOTHS))]) if style is HairStyle.SCARF else color,
        line_mm=float(rng.normal(-2, 5)) - (rng.uniform(0, 14) if receding else 0.0),
        temples_mm=rng.uniform(6, 32) if receding else rng.uniform(0, 6),
        peak_mm=float(rng.normal(0, 3)),
        fringe_mm=rng.uniform(10, 34) if fringed else 0.0,
        fringe_side_mm=float(rng.normal(0, 22)),
        fringe_width_mm=rng.uniform(30, 75),
        edge_mm=0.5 if style is HairStyle.SCARF else rng.uniform(1.5, 5.0),
        thickness_mm=rng.uniform(*thickness),
        sideburn_mm=rng.uniform(0, 30),
        curl_mm=rng.uniform(8, 40),
        drop_mm=rng.uniform(35, 190),
        opening=rng.uniform(0.7, 1.15),
    )


def _brows(color: F64, rng: np.random.Generator) -> Brows:
    return Brows(
        color=color * rng.uniform(0.4, 0.95),
        lift_mm=float(rng.normal(0, 1.8)),
        arch_mm=float(rng.normal(0, 2.0)),
        tilt_mm=float(rng.normal(0, 1.6)),
        gap_mm=float(rng.normal(0, 2.2)),
        length=rng.uniform(0.8, 1.12),
        thickness_mm=rng.uniform(1.8, 6.0),
        density=rng.beta(2.0, 1.3),
    )


def _beard(color: F64, rng: np.random.Generator) -> Beard:
    strength = float(rng.choice([0.2, 0.45, 0.75, 0.95]) * rng.uniform(0.8, 1.05))
    form = rng.integers(4)  # all of it, chin and lip, lip alone, chin strap
    return Beard(
        color=color * rng.uniform(0.7, 1.1),
        strength=strength,
        chin=(1.0, 1.0, 0.1, 1.0)[form],
        cheeks=(1.0, 0.12, 0.1, 0.8)[form],
        moustache=(1.0, 1.0, 1.0, 0.2)[form] * rng.uniform(0.6, 1.0),
        top_mm=rng.uniform(4, 30),
        length_mm=rng.uniform(4, 18) if strength > 0.6 and rng.random() < 0.6 else 0.0,
    )


def _no_beard(color: F64) -> Beard:
    return Beard(color, strength=0.0, chin=0.0, cheeks=0.0, moustache=0.0, top_mm=0.0, length_mm=0.0)


def _makeup(skin: F64, made_up: bool, rng: np.random.Generator) -> Makeup:  # noqa: FBT001 - a trait, not a mode
    lips = skin * (1 - rng.uniform(0.3, 1.0) * np.array([0.22, 0.55, 0.48])) * rng.uniform(0.8, 1.05)
    if made_up and rng.random() < 0.7:
        lips = linear(np.array([rng.uniform(110, 200), rng.uniform(20, 90), rng.uniform(35, 100)]))
    return Makeup(
        lips=lips,
        lips_share=rng.uniform(0.5, 0.95),
        lips_full=float(np.clip(rng.normal(1.0, 0.2), 0.6, 1.5)),
        lips_wide=float(np.clip(rng.normal(1.0, 0.06), 0.85, 1.15)),
        lids=linear(rng.uniform(20, 130, 3)) if made_up else skin * 0.55,
        lids_share=rng.uniform(0.1, 0.6) if made_up else rng.uniform(0.0, 0.3),
        liner=rng.uniform(0.5, 1.0) if made_up else rng.uniform(0.15, 0.6),
        iris=linear(_IRIS_TONES[rng.choice(6, p=(0.3, 0.25, 0.13, 0.1, 0.13, 0.09))]) * rng.uniform(0.7, 1.3),
        iris_ring=rng.uniform(0.3, 0.85),
    )


def _glasses(rng: np.random.Generator) -> Glasses:
    dark = rng.random() < 0.7
    return Glasses(
        color=linear(rng.uniform(15, 60, 3) if dark else rng.uniform(60, 190, 3)),
        half_width_mm=rng.uniform(23, 29),
        half_height_mm=rng.uniform(14, 23),
        rim_mm=rng.uniform(1.0, 4.0),
        roundness=rng.uniform(2.0, 5.0),
        drop_mm=rng.uniform(2, 7),
    )
