"""Linear discriminant analysis from sums: directions in which people differ more than looks at one person.

scikit-learn's needs all samples in memory at once; this adds them up shard by shard, which is exact, and gives the
same directions (tested). Their weights are those of probabilistic LDA (Ioffe, ECCV 2006): a direction whose variance
between people is ``ev`` times that within one counts for sqrt(ev / (ev + 1)) of a sure one.
"""

import numpy as np
from scipy import linalg

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.metrics import I64


class Scatter:
    """Adds up samples of known people; how they come in, and in which order, changes nothing but rounding.

    Holds one vector a person and one square matrix, whatever the number of samples.
    """

    def __init__(self, length: int, people: int) -> None:
        self._products = np.zeros((length, length))
        self._sums = np.zeros((people, length))
        self._counts = np.zeros(people, np.int64)

    def add(self, features: F32, person: I64) -> None:
        """Add samples f32[n,length] of people i64[n], numbered from 0."""
        samples = features.astype(np.float64)
        self._products += samples.T @ samples
        np.add.at(self._sums, person, samples)
        self._counts += np.bincount(person, minlength=len(self._counts))

    @property
    def samples(self) -> int:
        """How many samples were added."""
        return int(self._counts.sum())

    @property
    def people(self) -> int:
        """How many people they are of."""
        return int(np.count_nonzero(self._counts))

    @property
    def mean(self) -> F64:
        """The mean of all samples f64[length]."""
        mean: F64 = self._sums.sum(axis=0) / self._counts.sum()
        return mean

    def within(self) -> F64:
        """Return the covariance f64[length,length] of looks at one person.

        Raises ValueError where nobody has two samples.
        """
        freedom = self.samples - self.people
        if freedom <= 0:
            raise ValueError(f"{self.samples} samples of {self.people} people: nobody has two")
        seen = self._counts > 0
        weighted = self._sums[seen] / np.sqrt(self._counts[seen])[:, np.newaxis]
        within: F64 = (self._products - weighted.T @ weighted) / freedom
        return within

    def between(self) -> F64:
        """Return the covariance f64[length,length] of people, less what their few samples make of it."""
        seen = self._counts > 0
        means = self._sums[seen] / self._counts[seen][:, np.newaxis]
        means -= means.mean(axis=0)
        per_mean = float((1 / self._counts[seen]).mean())
        between: F64 = means.T @ means / (self.people - 1) - self.within() * per_mean
        return between


def discriminants(within: F64, between: F64, *, dims: int, shrinkage: float) -> F64:
    """Return f64[length,dims], the best direction first, so that ``(x - mean) @ directions`` may be compared by cosine.

    ``shrinkage`` adds so many times the mean variance to every feature's own within a person: what the samples say
    about rare changes is little, and real sensors know more of them than simulated ones.
    """
    length = len(within)
    ridge = shrinkage * float(np.trace(within)) / length
    values, vectors = linalg.eigh(between, within + ridge * np.eye(length), subset_by_index=(length - dims, length - 1))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    # A vector's sign is the solver's whim: the largest component is made positive, so that files can be compared.
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(dims)])
    directions: F64 = vectors * signs * np.sqrt(values / (values + 1))
    return directions
