"""Protocols compare whom they say, counted by plain loops."""

import numpy as np
import pytest

from kinect_unlock_lab.protocols import Embedded, against_templates, most_frontal, pairwise, templates_of

PEOPLE, EACH = 4, 5


@pytest.fixture
def embedded() -> Embedded:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(PEOPLE * EACH, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    acquired = np.ones(len(vectors), bool)
    acquired[[3, 9]] = False
    vectors[~acquired] = 0
    count = len(vectors)
    return Embedded.of(
        embeddings=vectors,
        person=np.repeat([f"p{i}" for i in range(PEOPLE)], EACH),
        sample=np.array([f"s{i}" for i in range(count)]),
        acquired=acquired,
        seen=np.full(count, "face"),
        liveness=np.full(count, "live"),
        yaw_deg=random.normal(0, 20, count).astype(np.float32),
        pitch_deg=random.normal(0, 20, count).astype(np.float32),
        roll_deg=np.zeros(count, np.float32),
        distance_mm=np.full(count, 800, np.float32),
    )


def test_every_pair_is_compared_once_and_never_a_sample_with_itself(embedded: Embedded) -> None:
    pairs = pairwise(embedded)
    count = PEOPLE * EACH
    assert len(pairs.scores) == count * (count - 1) // 2
    assert int(pairs.genuine.sum()) == PEOPLE * EACH * (EACH - 1) // 2


def test_a_sample_that_was_not_acquired_is_a_rejection_in_every_pair(embedded: Embedded) -> None:
    pairs = pairwise(embedded)
    lost, count = 2, PEOPLE * EACH
    assert int(np.isneginf(pairs.scores).sum()) == lost * (count - lost) + 1


def test_templates_hold_the_least_turned_acquired_samples(embedded: Embedded) -> None:
    rows = np.arange(EACH)
    chosen = most_frontal(embedded, rows, 3)
    turned = np.hypot(embedded.yaw_deg, embedded.pitch_deg)
    others = [r for r in rows if r not in chosen and embedded.acquired[r]]
    assert 3 not in chosen
    assert max(turned[chosen]) <= min(turned[others])


def test_no_enrolled_sample_is_ever_a_probe(embedded: Embedded) -> None:
    compared = against_templates(embedded)
    enrolled = sum(len(rows) for rows in templates_of(embedded).values())
    assert len(compared.scores) == (PEOPLE * EACH - enrolled) * len(templates_of(embedded))


def test_the_score_against_a_template_is_the_best_of_its_vectors(embedded: Embedded) -> None:
    compared = against_templates(embedded)
    templates = templates_of(embedded)
    enrolled = {int(r) for rows in templates.values() for r in rows}
    probes = [r for r in range(PEOPLE * EACH) if r not in enrolled]
    expected = [
        max(float(embedded.embeddings[p] @ embedded.embeddings[r]) for r in rows) if embedded.acquired[p] else -np.inf
        for rows in templates.values()
        for p in probes
    ]
    assert compared.scores == pytest.approx(expected, abs=1e-6)
