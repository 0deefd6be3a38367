"""An evaluation as a report: what was measured, on what data, how, and which of it says most."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from kinect_unlock_lab.findings import ALL_POSES, AS_IT_IS, FIT_DEPTH, IN_RANGE, PAIRS, PHOTOGRAPHS, Findings, Row

TERMS: Final = "Aggregate figures only: no image, no embedding and no score of a single person is in this report."
_METHOD: Final = """
Rates are shares of comparisons (FMR, FNMR) or of whole attempts (FRR, which counts frames that may not be used as
misses). In brackets 95 % intervals from drawing people, not comparisons, with replacement; where nothing happened,
by the rule of three: 3 / people, or 3 / pairs of people.

A TAR is given down to FAR = 3 / comparisons and marked † below 3 / pairs of people, where comparisons of the same
two people are counted as if they were independent. Curves are solid down to there, then dotted.

A sample that gave no embedding counts as a rejection in pairs and in FRR, genuine or not.

An attempt is the mean of its frames' embeddings, half by half, made unit again and weighted by the halves' shares;
a template's score is the best of its vectors. Enrolled are a person's most frontal samples, or several draws of
any; no enrolled sample is ever tried with.

Two votes: the colour half's score counts where the depth half reaches a bar for its distance; bars are fitted on
the people of four folds, to refuse 4 % of genuine looks, and judge the fifth.

In verify range: frames that the daemon would refuse for distance, pose, blur or a second face are not used. Fit
depth: nor are those whose depth does not lie well on the mean face, to try with or to enrol. Scores that need depth
are given there alone; in FRR every frame that may not be used is a miss.

Differences between two systems are of the same comparisons, and their intervals of the same drawings of people.
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


def sentence(report: Report) -> str:
    """Say what a report is about."""
    about = report.subject
    whose = "all people" if about.split == "all" else f"the {about.split} half of the people"
    counted = f"{about.people:,} people, {about.samples:,} samples"
    return f"{about.kind}, {whose}: {counted}. kinect-unlock {about.version}. All rates in per cent."


def headline_rows(findings: Findings) -> Iterator[Row]:
    """Yield the rows that say most: pairs, and attempts of two frames in range, against the hardest strangers."""
    for row in findings.rows:
        label = row.label
        wide = label.samples in {ALL_POSES, FIT_DEPTH, PHOTOGRAPHS} and label.protocol == PAIRS
        gated = label.samples in {IN_RANGE, FIT_DEPTH} and label.protocol.startswith("2 frames") and _any(row)
        if label.light == AS_IT_IS and hardest(row, findings) and (wide or gated):
            yield row


def _any(row: Row) -> bool:
    return row.label.protocol.endswith("any")


def hardest(row: Row, findings: Findings) -> bool:
    """Say whether no harder strangers were counted for the same label."""
    return row.impostors == "of one place" or not any(
        other.label == row.label and other.impostors == "of one place" for other in findings.rows
    )
