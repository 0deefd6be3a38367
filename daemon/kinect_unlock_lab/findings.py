"""What an evaluation finds out, as plain records; nothing is computed here."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from kinect_unlock_lab.figures import Figures
from kinect_unlock_lab.metrics import Interval

Impostors: TypeAlias = Literal["of one place", "everybody"]

AS_IT_IS: Final = "as it is"

# Which samples are compared. Fit depth: in the verify ranges, and depth may vote.
NEAR_FRONTAL: Final = "near-frontal"
ALL_POSES: Final = "all poses"
IN_RANGE: Final = "in verify range"
FIT_DEPTH: Final = "fit depth"
PHOTOGRAPHS: Final = "photographs"
PAIRS: Final = "pairs"


@dataclass(frozen=True, slots=True)
class Label:
    """Whose figures: a system, the score made of its vectors, the samples, the light of attempts, the protocol."""

    system: str
    score: str
    samples: str
    protocol: str
    light: str = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Row:
    """One protocol against impostors of one place or everybody.

    ``frr`` holds, for each point, the share of genuine attempts that fail at its threshold for whatever reason, frames
    that may not count among them; it is empty for pairs. FNMR, of comparisons that could be made, is 1 - TAR.
    """

    label: Label
    impostors: Impostors
    figures: Figures
    frr: tuple[Interval | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A row's rates less those of another system's row of the same samples, protocol, light and impostors.

    Both are of the same people in every round of drawing. ``tar`` by FAR, None where the data cannot support it.
    """

    label: Label
    impostors: Impostors
    against: str
    eer: Interval
    tar: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What cannot be compared at all: shares of samples, intervals by person.

    ``out_of_range`` are those that the daemon would not look at, for pose, distance or blur, ``depth_unfit`` those of
    the others whose depth may not vote; None where there is no depth.
    """

    system: str
    light: str
    samples: int
    people: int
    not_acquired: Interval
    out_of_range: Interval | None
    depth_unfit: Interval | None


@dataclass(frozen=True, slots=True)
class Naming:
    """Who is it, among everybody enrolled: ``rank_one`` for people who are, and the open set's rates in ``figures``.

    There FAR is FPIR, the share of strangers' searches that name somebody, and 1 - TAR is FNIR.
    """

    label: Label
    gallery: int
    margin: float
    rank_one: Interval
    figures: Figures


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group's misses and false accepts at the threshold that everybody's comparisons give at ``far``."""

    label: Label
    quantity: str
    group: str
    people: int
    attempts: int
    far: float
    threshold: float
    fnmr: Interval
    fmr: Interval


@dataclass(frozen=True, slots=True)
class Speed:
    """What a system costs: the processor's time for a face, one thread, and the size of its weights."""

    system: str
    encode_ms: float
    size_mb: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything found out about a data set."""

    speed: tuple[Speed, ...]
    acquisition: tuple[Acquisition, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    naming: tuple[Naming, ...]
    groups: tuple[GroupRow, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)
