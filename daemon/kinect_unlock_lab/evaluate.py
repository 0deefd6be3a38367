"""How well people are told apart on a data set, without the daemon: EER and TAR at FAR, with intervals by person."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from kinect_unlock.frames import Seen
from kinect_unlock_lab.metrics import Comparisons, Interval, Roc, by_person, smallest_far
from kinect_unlock_lab.protocols import ENROLLED, Bools, Embedded, against_templates, pairwise

FARS: Final = (1e-2, 1e-3)


@dataclass(frozen=True, slots=True)
class Point:
    """TAR at a FAR: None where the comparisons are too few to claim it (rule of three)."""

    far: float
    tar: Interval | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One protocol on one choice of samples."""

    system: str
    protocol: str
    samples: str
    people: int
    sample_count: int
    not_acquired: int
    genuine: int
    impostor: int
    eer: Interval
    points: tuple[Point, ...]


def evaluate(embedded: Embedded, near_frontal: Bools, *, system: str, rounds: int = 200) -> tuple[Row, ...]:
    """Compare every choice of samples by pairs and by templates of three."""
    return tuple(
        _row(chosen, compared, system=system, protocol=protocol, samples=name, rounds=rounds)
        for name, chosen in _choices(embedded, near_frontal)
        for protocol, compared in _protocols(chosen)
    )


def as_json(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """Return the rows as plain data."""
    return [asdict(row) for row in rows]


def table(rows: tuple[Row, ...]) -> Group:
    """Lay the rows out for a terminal of 80 columns, a table a system; thresholds stand in the JSON."""
    systems = dict.fromkeys(row.system for row in rows)
    views = [_table_of(system, [row for row in rows if row.system == system]) for system in systems]
    return Group(*views, "95 % intervals by person; a failure to acquire counts as a rejection")


def _table_of(system: str, rows: list[Row]) -> Table:
    view = Table(
        title=f"[bold]{system}[/]",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    view.add_column("samples,\nprotocol", no_wrap=True)
    for heading in ("genuine\nimpostor", "EER", *(f"TAR\n@ FAR {far:g}" for far in FARS)):
        view.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        points = ["too few" if point.tar is None else point.tar.percent() for point in row.points]
        rates = (_broken(cell) for cell in (row.eer.percent(), *points))
        view.add_row(f"{row.samples}\n  {row.protocol}", f"{row.genuine:,}\n{row.impostor:,}", *rates)
    return view


def _broken(cell: str) -> str:
    """Put an interval below its value."""
    return cell.replace(" [", "\n[", 1)


def _choices(embedded: Embedded, near_frontal: Bools) -> Iterator[tuple[str, Embedded]]:
    yield "near-frontal", embedded.where(near_frontal)
    yield "all poses", embedded
    # What the gates let pass; liveness and blur are no matter of identity, so they do not choose here.
    passed = np.isin(embedded.seen, [seen.value for seen in (Seen.FACE, Seen.SPOOF, Seen.UNSURE, Seen.BLURRED)])
    yield "in verify range", embedded.where(passed)


def _protocols(embedded: Embedded) -> Iterator[tuple[str, Comparisons]]:
    if not len(embedded.person):
        return
    named = (("pairs", pairwise(embedded)), (f"template of {ENROLLED}", against_templates(embedded)))
    for name, compared in named:
        if compared.genuine.any() and not compared.genuine.all():
            yield name, compared


def _row(embedded: Embedded, compared: Comparisons, *, system: str, protocol: str, samples: str, rounds: int) -> Row:
    genuine = int(compared.genuine.sum())
    impostor = len(compared.scores) - genuine
    fars = tuple(far for far in FARS if far >= smallest_far(impostor))
    eer, *tars = by_person(compared, Roc.eer, *(_tar_at(far) for far in fars), rounds=rounds)
    roc = Roc.of(compared)
    claimed = {far: Point(far, tar, roc.at_far(far)[1]) for far, tar in zip(fars, tars, strict=True)}
    return Row(
        system=system,
        protocol=protocol,
        samples=samples,
        people=len(np.unique(embedded.person)),
        sample_count=len(embedded.person),
        not_acquired=int((~embedded.acquired).sum()),
        genuine=genuine,
        impostor=impostor,
        eer=eer,
        points=tuple(claimed.get(far, Point(far, None, None)) for far in FARS),
    )


def _tar_at(far: float) -> Callable[[Roc], float]:
    return lambda roc: roc.at_far(far)[0]
