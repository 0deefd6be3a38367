import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from kinect_unlock_lab.training.lda import Scatter, discriminants


def _people(
    count: int = 40, looks: int = 6
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return looks at people who differ in the first two of five numbers, and looks that differ in the last two."""
    random = np.random.default_rng(3)
    person = np.repeat(np.arange(count), looks)
    between = random.normal(size=(count, 5)) * (4, 2, 0.1, 0.1, 0.1)
    within = random.normal(size=(len(person), 5)) * (0.5, 0.5, 0.5, 3, 5)
    return (between[person] + within + 7).astype(np.float32), person.astype(np.int64)


def test_sums_over_shards_give_what_all_samples_at_once_give() -> None:
    samples, person = _people()
    whole, parts = Scatter(5, 40), Scatter(5, 40)
    whole.add(samples, person)
    order = np.random.default_rng(0).permutation(len(person))
    for part in np.array_split(order, 7):  # a person's samples stand in several
        parts.add(samples[part], person[part])

    assert np.allclose(parts.within(), whole.within())
    assert np.allclose(parts.between(), whole.between())
    assert np.allclose(parts.mean, samples.mean(axis=0))


def test_scatter_within_people_is_the_pooled_covariance() -> None:
    samples, person = _people()
    scatter = Scatter(5, 40)
    scatter.add(samples, person)
    pooled = sum(np.cov(samples[person == one].T, ddof=1) for one in range(40)) / 40

    assert np.allclose(scatter.within(), pooled, rtol=1e-4, atol=1e-4)


def test_scatter_between_people_does_not_count_what_few_looks_make_of_it() -> None:
    random = np.random.default_rng(5)
    scatter = Scatter(3, 20_000)
    scatter.add(random.normal(size=(40_000, 3)).astype(np.float32), np.repeat(np.arange(20_000), 2))

    assert np.allclose(scatter.between(), 0, atol=0.03)


def test_directions_are_those_of_scikit_learn() -> None:
    samples, person = _people()
    scatter = Scatter(5, 40)
    scatter.add(samples, person)
    reference = LinearDiscriminantAnalysis(solver="eigen").fit(samples, person).scalings_[:, :2]

    ours = discriminants(scatter.within(), scatter.between(), dims=2, shrinkage=1e-6)

    for own, other in zip(ours.T, reference.T, strict=True):
        cosine = abs(own @ other) / (np.linalg.norm(own) * np.linalg.norm(other))
        assert cosine > 0.999


def test_a_direction_counts_by_how_much_more_people_differ_than_looks() -> None:
    within, between = np.eye(3), np.diag((9.0, 1.0, 0.0))

    ours = discriminants(within, between, dims=3, shrinkage=1e-9)

    assert np.allclose(np.abs(ours), np.diag((0.9**0.5, 0.5**0.5, 0.0)), atol=1e-6)


def test_nobody_looked_at_twice_is_refused() -> None:
    scatter = Scatter(2, 3)
    scatter.add(np.eye(2, dtype=np.float32), np.array((0, 2)))

    with pytest.raises(ValueError, match="nobody has two"):
        scatter.within()
