"""Rows say what plain counting says, claim nothing too small, and look the same to whoever scripts them."""

import msgspec
import numpy as np
import pytest
from rich.console import Console

from kinect_unlock_lab.evaluate import Row, as_json, evaluate, table
from kinect_unlock_lab.protocols import Embedded

PEOPLE, EACH = 12, 6


def embedded_of(noise: float) -> Embedded:
    random = np.random.default_rng(5)
    own = np.repeat(random.normal(size=(PEOPLE, 16)), EACH, axis=0)
    vectors = (own + noise * random.normal(size=own.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    count = len(vectors)
    acquired = np.arange(count) != 7
    vectors[~acquired] = 0
    return Embedded.of(
        embeddings=vectors,
        person=np.repeat([f"p{number:02d}" for number in range(PEOPLE)], EACH),
        sample=np.array([f"s{number}" for number in range(count)]),
        acquired=acquired,
        seen=np.where(np.arange(count) % 3 == 0, "turned-away", "face"),
        liveness=np.full(count, "live"),
        yaw_deg=np.zeros(count, np.float32),
        pitch_deg=np.zeros(count, np.float32),
        roll_deg=np.zeros(count, np.float32),
        distance_mm=np.full(count, 800, np.float32),
    )


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    embedded = embedded_of(0.8)
    return evaluate(embedded, np.arange(PEOPLE * EACH) % 2 == 0, system="mine", rounds=20)


def _row(rows: tuple[Row, ...], samples: str, protocol: str) -> Row:
    return next(row for row in rows if (row.samples, row.protocol) == (samples, protocol))


def test_pairs_are_counted_as_a_plain_loop_counts_them(rows: tuple[Row, ...]) -> None:
    embedded, row = embedded_of(0.8), _row(rows, "all poses", "pairs")
    genuine: list[float] = []
    impostor: list[float] = []
    for one in range(PEOPLE * EACH):
        for other in range(one):
            both = embedded.acquired[one] and embedded.acquired[other]
            score = float(embedded.embeddings[one] @ embedded.embeddings[other]) if both else -2.0
            (genuine if embedded.person[one] == embedded.person[other] else impostor).append(score)

    assert (row.genuine, row.impostor) == (len(genuine), len(impostor)) == (180, 2376)
    assert row.not_acquired == 1
    far = row.points[0]
    assert far.far == 1e-2
    assert far.tar is not None
    assert far.threshold is not None
    assert np.mean(np.array(impostor) >= far.threshold - 1e-6) <= 1e-2
    assert far.tar.value == pytest.approx(np.mean(np.array(genuine) >= far.threshold - 1e-6))
    crossing = min(
        max(float(np.mean(np.array(impostor) >= level)), float(np.mean(np.array(genuine) < level)))
        for level in (*genuine, *impostor)
    )
    assert row.eer.value == pytest.approx(crossing, abs=0.01)


def test_a_rate_below_three_over_the_comparisons_is_not_claimed(rows: tuple[Row, ...]) -> None:
    point = _row(rows, "all poses", "pairs").points[1]
    assert point.far == 1e-3
    assert point.tar is None
    assert point.threshold is None


def test_choices_of_samples_are_what_they_say(rows: tuple[Row, ...]) -> None:
    assert _row(rows, "near-frontal", "pairs").sample_count == PEOPLE * EACH // 2
    assert _row(rows, "in verify range", "pairs").sample_count == PEOPLE * EACH * 2 // 3
    assert _row(rows, "all poses", "template of 3").genuine == PEOPLE * (EACH - 3)


def test_without_people_to_compare_there_is_no_row() -> None:
    alone = embedded_of(0.8).where(np.arange(PEOPLE * EACH) < 2)
    assert evaluate(alone, np.ones(2, bool), system="mine", rounds=2) == ()


def test_more_noise_makes_more_errors(rows: tuple[Row, ...]) -> None:
    worse = evaluate(embedded_of(1.6), np.ones(PEOPLE * EACH, bool), system="mine", rounds=5)
    assert _row(worse, "all poses", "pairs").eer.value > _row(rows, "all poses", "pairs").eer.value


def test_rows_are_told_as_a_table_and_as_stable_json(rows: tuple[Row, ...]) -> None:
    console = Console(width=250)
    with console.capture() as shown:
        console.print(table(rows))
    assert "in verify range" in shown.get()
    assert "too few" in shown.get()
    first = msgspec.json.decode(msgspec.json.encode(as_json(rows)))[0]
    assert list(first) == [
        "system",
        "protocol",
        "samples",
        "people",
        "sample_count",
        "not_acquired",
        "genuine",
        "impostor",
        "eer",
        "points",
    ]
    assert list(first["points"][0]) == ["far", "tar", "threshold"]
