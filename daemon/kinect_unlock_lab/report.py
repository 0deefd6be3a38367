"""An evaluation as a report: what was measured on what data, and as tables of plain text that every output shares."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from kinect_unlock_lab.figures import Point
from kinect_unlock_lab.findings import AS_IT_IS, Findings, GroupRow, Row
from kinect_unlock_lab.metrics import Interval

_TOO_FEW: Final = "too few"
_MAIN_FARS: Final = (1e-2, 1e-3)

TERMS: Final = "Aggregate figures only: no image, no embedding and no score of a single person is in this report."
_METHOD: Final = """
Rates are shares of comparisons (FMR, FNMR) or of whole attempts (FRR, which counts frames that may not be used as
misses). In brackets 95 % intervals from drawing people, not comparisons, with replacement; where nothing happened,
by the rule of three: 3 / people, or 3 / pairs of people.

A TAR is given down to FAR = 3 / comparisons and marked † below 3 / pairs of people, where comparisons of the same
two people are counted as if they were independent. Curves are solid down to there, then dashed.

A sample that gave no embedding counts as a rejection in pairs and in FRR, genuine or not.

An attempt is the mean of its frames' embeddings, half by half, made unit again and weighted by the halves' shares;
a template's score is the best of its vectors. Enrolled are a person's most frontal samples, or several draws of
any; no enrolled sample is ever tried with.

Two votes: the colour half's score counts where the depth half reaches a bar for its distance; bars are fitted on
the people of four folds, to refuse 4 % of genuine looks, and judge the fifth.

In verify range: frames that the daemon would refuse for distance, pose, blur or a second face are not used, and for
scores that need depth those whose depth does not lie well on the mean face.
"""
METHOD: Final = tuple(" ".join(paragraph.split()) for paragraph in _METHOD.strip().split("\n\n"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about."""

    dataset: str
    kind: str
    split: str  # all, tune or report
    people: int
    samples: int
    enrolled: int
    version: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run of an evaluation."""

    subject: Subject
    findings: Findings

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"subject": asdict(self.subject), "terms": TERMS, "method": list(METHOD), **self.findings.as_json()}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain text; the first column is words, the others are figures."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(report: Report) -> tuple[Table, ...]:
    """Lay a report out as tables, the headline first; a table without rows is left out."""
    findings = report.findings
    every = (
        _headline(findings),
        _rows(findings),
        _dim(findings),
        _naming(findings),
        _groups(findings),
        _acquisition(findings),
    )
    return tuple(table for table in every if table.rows)


def sentence(report: Report) -> str:
    """Say what a report is about."""
    about = report.subject
    whose = "all people" if about.split == "all" else f"the {about.split} half of the people"
    counted = f"{about.people:,} people, {about.samples:,} samples"
    return f"{about.kind}, {whose}: {counted}. kinect-unlock {about.version}. All rates in per cent."


def headline_rows(findings: Findings) -> Iterator[Row]:
    """Yield the rows that say most: pairs of all samples, and attempts in range, against strangers of one place."""
    for row in findings.rows:
        label = row.label
        wide = label.samples in {"all poses", "photographs"} and label.protocol == "pairs"
        gated = label.samples == "in verify range" and label.protocol.startswith("2 frames") and "any" in label.protocol
        if label.light == AS_IT_IS and hardest(row, findings) and (wide or gated):
            yield row


def hardest(row: Row, findings: Findings) -> bool:
    """Say whether no harder strangers were counted for the same label."""
    return row.impostors == "of one place" or not any(
        other.label == row.label and other.impostors == "of one place" for other in findings.rows
    )


def _headline(findings: Findings) -> Table:
    speed = {one.system: one for one in findings.speed}
    by_score: dict[tuple[str, str], list[Row]] = {}
    for row in headline_rows(findings):
        by_score.setdefault((row.label.system, row.label.score), []).append(row)
    rows = []
    for (name, score), own in by_score.items():
        first = own[0].figures
        gated = next((one for one in own if one.label.samples == "in verify range"), None)
        cost = speed[name]
        rows.append(
            (
                f"{name}, {score}",
                _percent(first.eer),
                *(_tar(_at(own[0], far)) for far in _MAIN_FARS),
                _fnmr(_at(gated, 1e-3)) if gated else "-",
                _frr(gated, 1e-3) if gated else "-",
                f"{cost.encode_ms:.1f}",
                f"{cost.size_mb:.1f}",
            )
        )
    return Table(
        "Headline",
        "EER and TAR: pairs of all samples. FNMR and FRR at FAR 1e-3: attempts of two frames in verify range at "
        "templates of any samples. Strangers of one place. Milliseconds of one processor for a face; a system's whole "
        "time and size stand beside each of its scores.",
        ("system, score", "EER", "TAR @1e-2", "TAR @1e-3", "FNMR @1e-3", "FRR @1e-3", "ms", "MB"),
        tuple(rows),
    )


def _rows(findings: Findings) -> Table:
    return _attempts("Every protocol", "", [row for row in findings.rows if row.label.light == AS_IT_IS])


def _dim(findings: Findings) -> Table:
    note = (
        "Templates in the light of the data set, attempts with colour scaled by the factor and noise of 1.5 of 255 "
        "added; depth as it was. Landmarks are found on the bright image or on the dark one. Simulated: a camera would "
        "lengthen its exposure first."
    )
    return _attempts("Dim light", note, [row for row in findings.rows if row.label.light != AS_IT_IS])


def _attempts(title: str, note: str, rows: Sequence[Row]) -> Table:
    columns = ("system, score", "samples", "protocol", "strangers", "genuine", "impostor", "EER")
    rates = ("TAR @1e-2", "TAR @1e-3", "TAR @1e-4", "cosine @1e-3", "FRR @1e-3")
    return Table(title, note, (*columns, *rates), tuple(_attempt(row) for row in rows))


def _attempt(row: Row) -> tuple[str, ...]:
    label, figures = row.label, row.figures
    at = _at(row, 1e-3)
    light = "" if label.light == AS_IT_IS else f", {label.light}"
    return (
        f"{label.system}, {label.score}",
        f"{label.samples}{light}",
        label.protocol,
        row.impostors,
        f"{figures.genuine:,}",
        f"{figures.impostor:,}",
        _percent(figures.eer),
        *(_tar(point) for point in figures.points),
        "-" if at is None or at.threshold is None else f"{at.threshold:.3f}",
        _frr(row, 1e-3),
    )


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
    return Table("Identification", note, columns, tuple(rows))


def _groups(findings: Findings) -> Table:
    note = (
        "One frame at templates of any samples, all poses, one threshold for all, from everybody's comparisons with "
        "strangers of one place. Face width and hair (share of the outer face that stands out or has no reading) are "
        "of people, from depth, and divide them into thirds."
    )
    columns = ("system, score", "group", "people", "attempts", "at FAR", "FNMR", "FMR")
    return Table("Groups", note, columns, tuple(_group(one) for one in findings.groups))


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
    return Table("Failure to acquire", note, columns, rows)


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
