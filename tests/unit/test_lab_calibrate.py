"""Thresholds come from the strictest protocol that may speak, and no row is there without pairs of people for it."""

import msgspec
import numpy as np
import pytest
from rich.console import Console

from kinect_unlock_lab.calibrate import (
    FARS,
    LFW,
    STRATEGIES,
    TUNED,
    Calibration,
    as_json,
    calibrate,
    lowest_threshold,
)
from kinect_unlock_lab.calibration_tables import summary, table
from kinect_unlock_lab.impostors import Looks

LOOKS_EACH = 4  # templates of three only: those of five and ten nobody has


def people(count: int, *, alike: float, seed: int) -> Looks:
    """Make people who all look somewhat alike: a share ``alike`` of every face is everybody's."""
    random = np.random.default_rng(seed)
    own = random.normal(size=(count, 1, 24)) + random.normal(0, 0.35, (count, LOOKS_EACH, 24))
    vectors = (own + alike * 24**0.5 * np.eye(24)[0]).reshape(-1, 24)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = np.repeat(np.arange(count), LOOKS_EACH)
    everybody = np.ones(len(person), bool)
    return Looks(vectors.astype(np.float32), person, person % 2, everybody, everybody)


@pytest.fixture(scope="module")
def many() -> Looks:
    random_crowd = people(80, alike=0.3, seed=1)
    return Looks(
        random_crowd.vectors,
        random_crowd.person,
        np.zeros_like(random_crowd.group),
        random_crowd.may_enrol,
        random_crowd.may_try,
    )


@pytest.fixture(scope="module")
def found(many: Looks) -> Calibration:
    few = people(50, alike=0.6, seed=2)
    return calibrate(many, few, few.person < 25, on_done=lambda _count, _of: None)


def test_a_threshold_is_the_lowest_that_few_enough_strangers_reach() -> None:
    scores = np.arange(1000) / 1000
    threshold = lowest_threshold(scores, 0.01)
    assert threshold is not None
    assert int((scores >= threshold).sum()) == 10
    assert int((scores >= np.nextafter(threshold, 0)).sum()) == 11


def test_ties_at_a_threshold_never_let_more_strangers_in() -> None:
    scores = np.array([0.5] * 900 + [0.9] * 100)
    threshold = lowest_threshold(scores, 0.05)
    assert threshold is not None
    assert int((scores >= threshold).sum()) == 0


def test_too_few_strangers_set_no_threshold() -> None:
    assert lowest_threshold(np.zeros(2999), 1e-3) is None
    assert lowest_threshold(np.zeros(3000), 1e-3) is not None


def test_no_row_claims_a_rate_that_the_pairs_of_people_cannot_show(found: Calibration) -> None:
    # 80 people are 3160 pairs: enough for 1e-3, far from enough for 1e-4.
    assert {(row.strategy, row.far) for row in found.rows} == {(strategy, 1e-3) for strategy in STRATEGIES}
    assert {row.claim_person_pairs for row in found.rows} == {3160}


def test_a_row_is_as_strict_as_its_strictest_protocol_and_rounded_up(found: Calibration) -> None:
    for row in found.rows:
        asked = [
            threshold
            for finding in found.findings
            if finding.protocol.strategy == row.strategy and finding.owners >= 20
            if (threshold := finding.thresholds[FARS.index(row.far)]) is not None
        ]
        assert max(asked) <= row.threshold < max(asked) + 0.005
        assert row.threshold >= row.without_report_half


def test_at_a_rows_threshold_no_protocol_with_a_say_accepts_more_than_its_rate(found: Calibration) -> None:
    for row in found.rows:
        speaking = [check for check in row.checks if check.at.comparisons >= 3 / row.far]
        assert speaking
        assert all(check.at.rate.value <= row.far for check in speaking)


def test_people_more_alike_ask_for_a_higher_threshold(found: Calibration) -> None:
    def asked(data: str) -> float:
        thresholds = [
            finding.thresholds[0]
            for finding in found.findings
            if (finding.protocol.data, finding.protocol.way, finding.protocol.strategy) == (data, "one look", "centre")
            and finding.protocol.template_vectors == 3
        ]
        return max(threshold for threshold in thresholds if threshold is not None)

    assert asked(TUNED) > asked(LFW)


def test_it_is_told_as_tables_and_as_json(found: Calibration) -> None:
    console = Console(record=True, width=220, file=None, quiet=False)
    with console.capture() as shown:
        console.print(table(found))
        console.print(summary(found))
    assert f"nearest 0.001 @{found.rows[0].threshold:.3f}" in shown.get()
    assert "centre, less" in shown.get()
    read = msgspec.json.decode(msgspec.json.encode(as_json(found)))
    assert list(read) == ["findings", "rows", "misses", "apart"]
    assert read["rows"][0]["checks"][0]["at"]["rate"].keys() == {"value", "low", "high"}
