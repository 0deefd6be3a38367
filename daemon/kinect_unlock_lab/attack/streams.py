"""Streams of frames: an instrument or a living person before a camera for some time, and what is done to streams.

`shown` takes an instrument and a sensor. Somebody living is one, too: `living` puts a victim's own head before the
camera, which sways as heads do. Whoever tampers with a stream sits between the camera and the daemon: he has frames,
of this very moment or recorded, and sends them when he likes. `TAMPERED` holds what is tried with their time, each with
parameters of its own; streams that are put together from two are made by `injected`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.frames import Frame
from kinect_unlock_lab.attack import heads
from kinect_unlock_lab.attack.exhibit import Instrument, SensorModel, Species, Victim, calibration_of
from kinect_unlock_lab.attack.hand import trembling
from kinect_unlock_lab.attack.likeness import likeness
from kinect_unlock_lab.attack.things import Held

RATE_HZ: Final = 30.0
_NS_PER_US: Final = 1000
_HEAD_SWAY_MM: Final = 4.0  # of somebody who sits and looks at a screen
_HEAD_SWAY_DEG: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Tampered:
    """One stream that somebody tampered with, and how."""

    species: Species
    parameters: Mapping[str, float]
    frames: tuple[Frame, ...]


# A stream as the camera gives it: what the attacker makes of it.
Tampering: TypeAlias = Callable[[Sequence[Frame]], Iterator[Tampered]]


def shown(
    instrument: Instrument, victim: Victim, sensor: SensorModel, rng: np.random.Generator, *, rate_hz: float = RATE_HZ
) -> Iterator[Frame]:
    """Show an instrument to a camera without end, from the moment at which it is held still for the first time."""
    calibration = calibration_of(instrument)
    camera = sensor(calibration, victim.steps, rng)
    for number in count():
        exhibit = instrument.at(number / rate_hz)
        yield stamped(Frame(0, 0, exhibit.color, camera.read(exhibit, rng), calibration), number, rate_hz=rate_hz)


def living(
    victim: Victim, sensor: SensorModel, rng: np.random.Generator, *, rate_hz: float = RATE_HZ
) -> Iterator[Frame]:
    """Put the victim before a camera without end: their own colour on their own relief, which is what is known of them.

    Raises:
        ValueError: the victim has no depth.
    """
    source = likeness(victim)
    head = Held(
        species=Species.FULL_RELIEF_MASK,  # which cannot be told from life by what one look shows
        things=(heads.head(victim, source.lived()),),
        camera=source.camera,
        pose=source.pose(victim.pose.distance_mm),
        hand=trembling(rng, sway_mm=_HEAD_SWAY_MM, sway_deg=_HEAD_SWAY_DEG),
    )
    return shown(head, victim, sensor, rng, rate_hz=rate_hz)


def stamped(frame: Frame, number: int, *, rate_hz: float = RATE_HZ) -> Frame:
    """Return a frame as the n-th one of a camera that gives so many a second and keeps time."""
    at_ns = round((number + 1) * NS_PER_S / rate_hz)
    return replace(frame, seq=number, captured_ns=at_ns, device_us=at_ns // _NS_PER_US)


def frozen(frames: Sequence[Frame]) -> Iterator[Tampered]:
    """Let a stream stand still, with everything or in depth alone, while the clock goes on."""
    for after in (1, 3):
        last = frames[after - 1]
        whole = [_as(frame, last if number >= after else frame) for number, frame in enumerate(frames)]
        yield Tampered(Species.FROZEN, {"after_frames": after}, tuple(whole))
        depth = [replace(frame, depth_mm=one.depth_mm) for frame, one in zip(frames, whole, strict=True)]
        yield Tampered(Species.FROZEN, {"after_frames": after, "depth_alone": 1.0}, tuple(depth))


def looped(frames: Sequence[Frame]) -> Iterator[Tampered]:
    """Send the first frames again and again; or every frame more than once."""
    for length in (2, 4, 8, 16):
        yield Tampered(
            Species.LOOPED,
            {"length_frames": length},
            tuple(_as(frame, frames[number % length]) for number, frame in enumerate(frames)),
        )
    for times in (2, 3):
        yield Tampered(
            Species.LOOPED,
            {"each_times": times},
            tuple(_as(frame, frames[number // times]) for number, frame in enumerate(frames)),
        )


def shifted(frames: Sequence[Frame]) -> Iterator[Tampered]:
    """Send colour late, or with clocks that do not agree or go back."""
    for late in (3, 9, 15):
        colors = [frames[max(0, number - late)].color for number in range(len(frames))]
        apart = tuple(replace(frame, color=color) for frame, color in zip(frames, colors, strict=True))
        yield Tampered(Species.SHIFTED, {"color_late_frames": late}, apart[late:])
    for speed in (0.5, 2.0):
        retimed = tuple(replace(frame, device_us=int((frame.device_us or 0) * speed)) for frame in frames)
        yield Tampered(Species.SHIFTED, {"device_clock_speed": speed}, retimed)
    backwards = tuple(replace(frame, device_us=one.device_us) for frame, one in zip(frames, frames[::-1], strict=True))
    yield Tampered(Species.SHIFTED, {"device_clock_speed": -1.0}, backwards)


TAMPERED: Final[Mapping[Species, Tampering]] = MappingProxyType(
    {
        Species.FROZEN: frozen,
        Species.LOOPED: looped,
        Species.SHIFTED: shifted,
    }
)


def first(frames: Iterator[Frame], seconds_s: float, *, rate_hz: float = RATE_HZ) -> tuple[Frame, ...]:
    """Return so much of a stream."""
    return tuple(islice(frames, max(1, round(seconds_s * rate_hz))))


def _as(frame: Frame, other: Frame) -> Frame:
    """Return what another frame shows at this one's time."""
    return replace(other, seq=frame.seq, captured_ns=frame.captured_ns, device_us=frame.device_us)
