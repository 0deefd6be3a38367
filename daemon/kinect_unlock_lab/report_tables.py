"""A report as tables of plain text, which every output shares."""

from dataclasses import dataclass
from typing import Final

from kinect_unlock_lab.figures import Point
from kinect_unlock_lab.findings import (
    ALL_POSES,
    AS_IT_IS,
    FIT_DEPTH,
    IN_RANGE,
    PAIRS,
    PHOTOGRAPHS,
    Difference,
    Findings,
    GroupRow,
    Label,
    Row,
)
from kinect_unlock_lab.metrics import Interval
from kinect_unlock_lab.report import Report, hardest, headline_rows

LONG_TABLE_ROWS: Final = 60  # what has more is folded on a page, and not shown in a terminal

_TOO_FEW: Final = "too few"
_MAIN_FARS: Final = (1e-2, 1e-3)
_FAILED: Final = ("FNMR @1e-2", "FRR @1e-2", "FNMR @1e-3", "FRR @1e-3")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain text; the first ``words`` columns are words, the others are figures."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def tables_of(report: Report) -> tuple[Table, ...]:
    """Lay a report out as tables, the headline first; a table without rows is left out."""
    findings = report.findings
    every = (
        _headline(findings),
        _pairs(findings),
        _attempts(findings),
        _differences(findings),
        _dim(findings),
        _naming(findings),
        _groups(findings),
        _acquisition(findings),
    )
    return tuple(table for table in every if table.rows)


def _headline(findings: Findings) -> Table:
    by_score: dict[tuple[str, str], dict[tuple[str, bool], Row]] = {}
    for row in headline_rows(findings):
        own = by_score.setdefault((row.label.system, row.label.score), {})
        own[row.label.samples, row.label.protocol == PAIRS] = row
    speed = {one.system: one for one in findings.speed}
    rows = []
    for (name, score), own in by_score.items():
        every = own.get((ALL_POSES, True)) or own.get((PHOTOGRAPHS, True))
        fit, gated = own.get((FIT_DEPTH, True)), own.get((IN_RANGE, False)) or own.get((FIT_DEPTH, False))
        rows.append(
            (
                f"{name}, {score}",
                *_pair(every),
                *_pair(fit),
                _fnmr(_at(gated, 1e-3)) if gated else "-",
                _frr(gated, 1e-3) if gated else "-",
                f"{speed[name].encode_ms:.1f}",
                f"{speed[name].size_mb:.1f}",
            )
        )
    note = (
        "Strangers of one place. EER and TAR at FAR 1e-3 of pairs: of all samples, and of those with fit depth, which "
        "every score can judge. FNMR and FRR at FAR 1e-3: attempts of two frames in verify range, for scores that need "
        "depth with fit depth, at templates of any samples. Milliseconds of one processor for encoding a cut-out face, "
        "and size, are a system's whole and stand beside each of its scores."
    )
    columns = ("system, score", "EER", "TAR @1e-3", "EER, fit depth", "TAR @1e-3, fit depth")
    return Table("Headline", note, (*columns, "FNMR @1e-3", "FRR @1e-3", "ms", "MB"), tuple(rows))


def _pair(row: Row | None) -> tuple[str, str]:
    return ("-", "-") if row is None else (_percent(row.figures.eer), _tar(_at(row, 1e-3)))


def _shown(findings: Findings, *, pairs: bool, dim: bool) -> list[Row]:
    """Return the rows of a table: against the hardest strangers, for the others are in the JSON."""
    return [
        row
        for row in findings.rows
        if row.label.protocol.endswith(PAIRS) is pairs
        and (row.label.light != AS_IT_IS) is dim
        and hardest(row, findings)
    ]


def _pairs(findings: Findings) -> Table:
    rows = tuple(
        (
            _who(row.label),
            row.label.samples if row.label.protocol == PAIRS else f"{row.label.samples}, {row.label.protocol}",
            *_counts(row),
            *(_tar(point) for point in row.figures.points),
            _cosine(row, 1e-3),
        )
        for row in _shown(findings, pairs=True, dim=False)
    )
    columns = ("system, score", "samples", "genuine", "impostor", "EER", "TAR @1e-2", "TAR @1e-3", "TAR @1e-4")
    note = "Every sample with every other once. Fit depth: in the verify ranges, and depth may vote."
    return Table("Pairs", note, (*columns, "cosine @1e-3"), rows, words=2)


def _attempts(findings: Findings) -> Table:
    rows = tuple(
        (_who(row.label), row.label.samples, row.label.protocol, *_counts(row), *_failures(row), _cosine(row, 1e-3))
        for row in _shown(findings, pairs=False, dim=False)
    )
    columns = ("system, score", "samples", "protocol", "genuine", "impostor", "EER", *_FAILED, "cosine @1e-3")
    return Table("Attempts", "Misses at FAR, of comparisons (FNMR) and with refusals (FRR).", columns, rows, words=3)


def _dim(findings: Findings) -> Table:
    note = (
        "Templates in the light of the data set, attempts with colour scaled by the factor and noise of 1.5 of 255 "
        "added; depth as it was. Landmarks are found on the bright image or on the dark one. Simulated: a camera would "
        "lengthen its exposure first."
    )
    rows = tuple(
        (_who(row.label), row.label.light, row.label.samples, row.label.protocol, *_counts(row), *_failures(row))
        for row in _shown(findings, pairs=False, dim=True)
    )
    columns = ("system, score", "light", "samples", "protocol", "genuine", "impostor", "EER", *_FAILED)
    return Table("Dim light", note, columns, rows, words=4)


def _differences(findings: Findings) -> Table:
    known = {(one.label, one.impostors) for one in findings.differences}
    rows = tuple(
        (
            _who(one.label),
            f"{one.label.samples}{'' if one.label.light == AS_IT_IS else f', {one.label.light}'}",
            one.label.protocol,
            _signed(one.eer),
            *("-" if rate is None else _signed(rate) for rate in one.tar[: len(_MAIN_FARS)]),
            _verdict(one),
        )
        for one in findings.differences
        if one.impostors == "of one place" or (one.label, "of one place") not in known
    )
    against = next((one.against for one in findings.differences), "")
    note = (
        f"Rates less those of {against} on the same samples, both of the same people in every drawing. Better or worse "
        "is said where no difference in EER or TAR lies on the other side and one of the intervals leaves out nothing."
    )
    columns = ("system, score", "samples", "protocol", "EER", "TAR @1e-2", "TAR @1e-3", f"than {against}")
    return Table(f"Against {against}", note, columns, rows, words=3)


def _verdict(one: Difference) -> str:
    gains = [Interval(-one.eer.value, -one.eer.high, -one.eer.low), *(rate for rate in one.tar[:2] if rate is not None)]
    better, worse = any(gain.low > 0 for gain in gains), any(gain.high < 0 for gain in gains)
    if better and not worse:
        return "better"
    if worse and not better:
        return "worse"
    return "mixed" if better else "alike"


def _signed(rate: Interval) -> str:
    return f"{100 * rate.value:+.1f} [{100 * rate.low:+.1f}, {100 * rate.high:+.1f}]"


def _who(label: Label) -> str:
    return f"{label.system}, {label.score}"


def _counts(row: Row) -> tuple[str, str, str]:
    return f"{row.figures.genuine:,}", f"{row.figures.impostor:,}", _percent(row.figures.eer)


def _failures(row: Row) -> tuple[str, ...]:
    return tuple(cell for far in _MAIN_FARS for cell in (_fnmr(_at(row, far)), _frr(row, far)))


def _cosine(row: Row, far: float) -> str:
    point = _at(row, far)
    return "-" if point is None or point.threshold is None else f"{point.threshold:.3f}"


def _naming(findings: Findings) -> Table:
    rows = []
    for one in findings.naming:
        points = [f"{_fnmr(point)}" for point in one.figures.points[:2]]
        rows.append(
            (
                f"{one.label.system}, {one.label.score}",
                one.label.samples,
                f"{one.gallery}",
                f"{one.figures.genuine:,}",
                _percent(one.rank_one),
                *points,
            )
        )
    note = (
        "Who is it: one frame against everybody's template of any samples. Rank 1 always names somebody; the open set "
        "asks for a threshold and a lead over the second, and each search is made again without the right template."
    )
    columns = ("system, score", "samples", "enrolled", "searches", "rank 1", "FNIR @FPIR 1e-2", "FNIR @FPIR 1e-3")
    return Table("Identification", note, columns, tuple(rows), words=2)


def _groups(findings: Findings) -> Table:
    note = (
        "One frame at templates of any samples, one threshold for all, from everybody's comparisons with strangers of "
        "one place; all poses, for scores that need depth those with fit depth. Face width and hair (share of the "
        "outer face that stands out or has no reading) are of people, from depth, and divide them into thirds."
    )
    columns = ("system, score", "group", "people", "attempts", "at FAR", "FNMR", "FMR")
    return Table("Groups", note, columns, tuple(_group(one) for one in findings.groups), words=2)


def _group(one: GroupRow) -> tuple[str, ...]:
    return (
        f"{one.label.system}, {one.label.score}",
        f"{one.quantity}: {one.group}",
        f"{one.people}",
        f"{one.attempts:,}",
        f"{one.far:g}",
        _percent(one.fnmr),
        _percent(one.fmr, 2),
    )


def _acquisition(findings: Findings) -> Table:
    rows = tuple(
        (
            one.system,
            one.light,
            f"{one.people:,}",
            f"{one.samples:,}",
            *(
                "-" if rate is None else _percent(rate)
                for rate in (one.not_acquired, one.out_of_range, one.depth_unfit)
            ),
        )
        for one in findings.acquisition
    )
    note = "Samples that gave no embedding, that the daemon refuses, and of those it takes the ones with unfit depth."
    columns = ("system", "light", "people", "samples", "failed to acquire", "out of range", "in range, depth unfit")
    return Table("Failure to acquire", note, columns, rows, words=2)


def _at(row: Row, far: float) -> Point | None:
    return next((point for point in row.figures.points if point.far == far), None)


def _tar(point: Point | None) -> str:
    if point is None or point.tar is None:
        return _TOO_FEW
    return _percent(point.tar) + ("" if point.by_pairs else " †")


def _fnmr(point: Point | None) -> str:
    if point is None or point.tar is None:
        return _TOO_FEW
    missed = Interval(1.0 - point.tar.value, 1.0 - point.tar.high, 1.0 - point.tar.low)
    return _percent(missed) + ("" if point.by_pairs else " †")


def _frr(row: Row, far: float) -> str:
    for point, failed in zip(row.figures.points, row.frr, strict=False):
        if point.far == far:
            return _TOO_FEW if failed is None else _percent(failed)
    return "-"


def _percent(rate: Interval, digits: int = 1) -> str:
    return rate.percent(digits).replace(" %", "", 1)
