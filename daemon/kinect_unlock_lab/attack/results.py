"""What was measured, one line of JSON a presentation or an attempt.

Of presentations every cue is kept: bounds can be chosen again without showing anything. The first line says of what
the others are. No line has a picture, an embedding or a depth reading.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from kinect_unlock.errors import SourceError
from kinect_unlock.observations import Observation, Seen
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.looking import JUDGED

CAMERA: Final = "camera"  # the sensor of living faces
FORMAT: Final = 1
Cues: TypeAlias = dict[str, float | None]
_Line = TypeVar("_Line", bound=msgspec.Struct)


class About(msgspec.Struct, frozen=True):
    """What a file of results is of: enough to make it again."""

    format: int
    of: Literal["presentations", "attempts"]
    version: str
    data: tuple[str, ...]  # names of data sets, no paths
    people: str  # tune, report or all
    seed: int
    each: int | None  # instruments of a species and person at most
    rounds: int  # of making them anew
    sensors: tuple[str, ...]
    simulated: bool = True  # every attack in it
    faces: Literal["real", "invented"] = "real"  # whose they are that the attacks are made of


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the product measured in one frame.

    ``seen`` is the pipeline's word with the bounds that were configured; ``refused_by`` the enforced cues that did not
    hold. ``cues`` are empty where liveness was not asked: no face, out of range, blurred.
    """

    seen: Seen
    distance_mm: float | None = None
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    cues: Cues = {}
    refused_by: tuple[str, ...] = ()

    @classmethod
    def of(cls, observation: Observation) -> "Measured":
        """Keep what an observation says."""
        face, report = observation.face, observation.liveness
        cues = () if report is None else report.cues
        values = {cue.name: None if cue.value is None else round(cue.value, 4) for cue in cues}
        refused = tuple(cue.name for cue in cues if cue.enforced and not cue.holds)
        if face is None:
            return cls(observation.seen, cues=values, refused_by=refused)
        pose = face.pose
        yaw, pitch, roll = (round(angle, 2) for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
        return cls(observation.seen, round(pose.distance_mm, 1), yaw, pitch, roll, values, refused)


class Presentation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One frame of a living face (``species`` None) or of an instrument, as a sensor gave it."""

    person: str
    species: Species | None
    number: int
    sensor: str
    look: Measured
    parameters: dict[str, float] = {}
    sample: str = ""
    group: str = ""

    @property
    def judged(self) -> bool:
        """True if liveness was asked."""
        return self.look.seen in JUDGED

    @property
    def live(self) -> bool:
        """True if it was taken for a living face in range."""
        return self.look.seen is Seen.FACE


@dataclass(frozen=True, slots=True)
class Results:
    """A file of results, read."""

    about: About
    genuine: tuple[Presentation, ...]
    attacks: tuple[Presentation, ...]


class Tried(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt in an owner's name: their own (``species`` None), by real stills or brought to life, or an attack.

    ``seen`` counts what the frames were seen as, ``votes`` what they voted.
    """

    person: str
    species: Species | None
    number: int
    sensor: str
    accepted: bool
    frames: int
    seen: dict[str, int]
    votes: dict[str, int] = {}
    parameters: dict[str, float] = {}

    @property
    def found_live(self) -> bool:
        """True if at least one frame was taken for a living face."""
        return any(seen.value in self.seen for seen in (Seen.FACE, Seen.DEPTH_UNFIT))


class Writer(Protocol):
    """Takes lines as they are made."""

    def __call__(self, lines: Iterable[Presentation] | Iterable[Tried], /) -> None:
        """Write them."""
        ...


@contextmanager
def writing(path: Path, about: About) -> Iterator[Writer]:
    """Begin a file anew; what is written is there when the block ends, however it ends."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(encode(about) + b"\n")

        def write(lines: Iterable[Presentation] | Iterable[Tried]) -> None:
            file.writelines(encode(one) + b"\n" for one in lines)

        yield write


def read(path: Path) -> Results:
    """Read what `lab attack measure` wrote.

    Raises:
        SourceError: it is not that, or of another version's format.
    """
    about, lines = _lines(path, Presentation, "presentations")
    genuine = tuple(one for one in lines if one.species is None)
    return Results(about, genuine, tuple(one for one in lines if one.species is not None))


def read_attempts(path: Path) -> tuple[About, list[Tried]]:
    """Read what `lab attack attempt` wrote.

    Raises:
        SourceError: it is not that, or of another version's format.
    """
    return _lines(path, Tried, "attempts")


def _lines(path: Path, kind: type[_Line], of: str) -> tuple[About, list[_Line]]:
    try:
        with path.open("rb") as file:
            about = msgspec.json.decode(file.readline(), type=About)
            if (about.format, about.of) != (FORMAT, of):
                found, expected = f"{about.of}, format {about.format}", f"{of}, format {FORMAT}"
                raise SourceError(f"{path}: {found}; expected {expected}: make them anew")
            decode = msgspec.json.Decoder(kind).decode
            return about, [decode(line) for line in file if line.strip()]
    except (OSError, msgspec.MsgspecError) as fault:
        raise SourceError(f"{path}: no results can be read from it ({fault}); make them anew: lab attack") from fault
