"""A fault plan: what the stand-in driver shall do wrong, and when, as a YAML file that ``source.faults`` names.

For example::

    reappear_s: 4          # after a close, or a kill, the camera is not there for so long
    faults:
      - {does: exit-on-open, open: 1}               # the first opening ends the process
      - {does: unplug, open: 2, frame: 60}          # the second loses its camera after 60 frames
      - {does: garbage-depth, after_s: 3, frames: 10}
      - {does: segfault, mean_s: 20}                # at random, on average every 20 s

Openings are counted from 1 over all processes that use the plan. A fault without ``open`` belongs to every opening.
Those of the stream need one of ``frame`` (once that many frames were given), ``after_s`` (of streaming) and
``mean_s`` (at random moments, drawn anew from ``seed`` for each opening); the first two happen once in an opening.
"""

from enum import Enum, auto, unique
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from kinect_unlock.errors import SourceError

Deed: TypeAlias = Literal[
    "binding-missing",  # importing the binding fails
    "no-device",  # none is found
    "exit-on-open",  # the library calls exit(-1)
    "null-device",  # what is opened is dead: any call on it is a segmentation fault
    "segfault-on-start",
    "hang-on-start",  # start() never comes back, and lets no other thread run
    "garbage-parameters",  # calibration of NaN, zeros and far too much
    "no-frames",  # it starts, and nothing comes
    "silence",  # no frame from now on, although the camera is still listed
    "unplug",  # no frame from now on, and the camera is not listed, for `for_s` or for ever
    "stall",  # no frame for `for_s`
    "slow",  # `rate_hz` for `for_s`
    "segfault",
    "abort",
    "exit",
    "hang",  # a wait that never comes back; other threads run
    "hang-holding-gil",  # the same, and no other thread runs
    "missing-frame",  # the map lacks its depth: touching it is a segmentation fault
    "short-read",  # the lower half of every image is empty, for `frames`
    "garbage-depth",  # depth of NaN, infinities, below zero and 1e9, for `frames`
    "wrong-shape",  # images of half the size, for `frames`
    "noise",  # log lines with control characters, bytes that are no text, and no end
    "flood",  # very many log lines
]


@unique
class Moment(Enum):
    """When a fault can show."""

    IMPORT = auto()
    ENUMERATE = auto()
    OPEN = auto()
    START = auto()
    STREAM = auto()


_MOMENTS: Final[dict[Deed, Moment]] = {
    "binding-missing": Moment.IMPORT,
    "no-device": Moment.ENUMERATE,
    "exit-on-open": Moment.OPEN,
    "null-device": Moment.OPEN,
    "segfault-on-start": Moment.START,
    "hang-on-start": Moment.START,
    "garbage-parameters": Moment.START,
    "no-frames": Moment.START,
}
_LASTS_S: Final = frozenset({"stall", "slow", "unplug"})
_NEEDS_S: Final = frozenset({"stall", "slow"})
_LASTS_FRAMES: Final = frozenset({"short-read", "garbage-depth", "wrong-shape"})

_Positive: TypeAlias = Annotated[float, Meta(gt=0.0, le=86_400.0)]
_Count: TypeAlias = Annotated[int, Meta(ge=1)]


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that goes wrong, and when."""

    does: Deed
    open: _Count | None = None
    frame: Annotated[int, Meta(ge=0)] | None = None
    after_s: Annotated[float, Meta(ge=0.0)] | None = None
    mean_s: _Positive | None = None
    for_s: _Positive | None = None
    frames: _Count | None = None
    rate_hz: Annotated[float, Meta(gt=0.0, le=60.0)] | None = None
    lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; msgspec adds the place."""
        timed = [name for name in ("frame", "after_s", "mean_s") if getattr(self, name) is not None]
        if self.moment is Moment.STREAM and len(timed) != 1:
            raise ValueError(f"{self.does} needs one of frame, after_s and mean_s, and has {len(timed)}")
        if self.moment is not Moment.STREAM and timed:
            raise ValueError(f"{self.does} happens at every opening, or that of `open`: leave out {timed[0]}")
        _agree(self, "for_s", may=self.does in _LASTS_S, must=self.does in _NEEDS_S)
        _agree(self, "rate_hz", may=self.does == "slow", must=self.does == "slow")
        _agree(self, "frames", may=self.does in _LASTS_FRAMES, must=False)

    @property
    def moment(self) -> Moment:
        """When it can show."""
        return _MOMENTS.get(self.does, Moment.STREAM)

    def concerns(self, opening: int) -> bool:
        """Say whether it belongs to the opening of this number."""
        return self.open is None or self.open == opening


def _agree(fault: Fault, field: str, *, may: bool, must: bool) -> None:
    given = getattr(fault, field) is not None
    if must and not given:
        raise ValueError(f"{fault.does} needs {field}")
    if given and not may:
        raise ValueError(f"{fault.does} does not take {field}")


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """How the stand-in behaves; the defaults are a camera without a fault."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0
    rate_hz: Annotated[float, Meta(gt=0.0, le=60.0)] = 30.0
    start_s: Annotated[float, Meta(ge=0.0)] = 0.0  # from start() to the first frame
    reappear_s: Annotated[float, Meta(ge=0.0)] = 0.0

    def due(self, moment: Moment, opening: int) -> tuple[Fault, ...]:
        """Return the faults of a moment of an opening."""
        return tuple(fault for fault in self.faults if fault.moment is moment and fault.concerns(opening))


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        SourceError: it cannot be read, or says something that is no plan; the message names the place.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Plan | None) or Plan()
    except OSError as error:
        raise SourceError(f"source.faults {path} cannot be read: {error.strerror}; name a fault plan") from error
    except msgspec.ValidationError as error:
        known = f"; faults are {', '.join(get_args(Deed))}" if ".does`" in str(error) else ""
        raise SourceError(f"source.faults {path}: {error}{known}") from error
    except msgspec.DecodeError as error:
        raise SourceError(f"source.faults {path}: is not YAML: {error}") from error
