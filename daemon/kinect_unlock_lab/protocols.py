"""Who is compared with whom: pairs of samples, and probes against templates of several enrolled samples."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock_lab.metrics import Comparisons

F32: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]

ENROLLED: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A data set after embedding, one row a sample in the order of its index.

    ``embeddings`` f32[N,D] unit rows, zeros where ``acquired`` is False; ``person`` and ``sample`` str[N]; ``seen``
    str[N] says what the daemon would have made of the frame within its verify ranges; ``liveness`` str[N] the verdict
    or ``""``; angles f32[N] in degrees and ``distance_mm`` f32[N], NaN where not measurable.
    """

    embeddings: F32
    person: NDArray[np.str_]
    sample: NDArray[np.str_]
    acquired: Bools
    seen: NDArray[np.str_]
    liveness: NDArray[np.str_]
    yaw_deg: F32
    pitch_deg: F32
    roll_deg: F32
    distance_mm: F32

    @property
    def person_index(self) -> NDArray[np.int64]:
        """Return i64[N], people numbered by name."""
        return np.unique(self.person, return_inverse=True)[1].astype(np.int64)

    def where(self, mask: Bools) -> "Embedded":
        """Keep the samples of ``mask``."""
        return Embedded(*(getattr(self, name)[mask] for name in self.__slots__))


def pairwise(embedded: Embedded) -> Comparisons:
    """Compare every sample with every other once; a failure to acquire on either side is a rejection."""
    people = embedded.person_index
    cosine = (embedded.embeddings @ embedded.embeddings.T).astype(np.float64)
    cosine[~embedded.acquired] = -np.inf
    cosine[:, ~embedded.acquired] = -np.inf
    first, second = np.triu_indices(len(people), 1)
    return Comparisons(cosine[first, second], people[first], people[second])


def most_frontal(embedded: Embedded, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the ``count`` acquired rows whose heads are turned least; fewer if there are fewer."""
    turned = np.hypot(embedded.yaw_deg[rows], embedded.pitch_deg[rows])
    turned = np.where(embedded.acquired[rows] & np.isfinite(turned), turned, np.inf)
    chosen = rows[np.argsort(turned, kind="stable")[:count]]
    return chosen[embedded.acquired[chosen]]


def templates_of(embedded: Embedded, *, enrolled: int = ENROLLED) -> dict[int, NDArray[np.int64]]:
    """Choose each person's enrolled samples; people without ``enrolled`` usable ones and one more are left out."""
    people = embedded.person_index
    templates: dict[int, NDArray[np.int64]] = {}
    for person in range(int(people.max()) + 1):
        rows = np.flatnonzero(people == person)
        chosen = most_frontal(embedded, rows, enrolled)
        if len(chosen) == enrolled and len(rows) > enrolled:
            templates[person] = chosen
    return templates


def against_templates(embedded: Embedded, *, enrolled: int = ENROLLED) -> Comparisons:
    """Compare every sample that nobody enrolled with every template, by the best of the template's vectors."""
    people = embedded.person_index
    templates = templates_of(embedded, enrolled=enrolled)
    taken = np.zeros(len(people), bool)
    for rows in templates.values():
        taken[rows] = True
    probes = np.flatnonzero(~taken)
    scores, references = [np.zeros(0)], [np.zeros(0, np.int64)]
    for person, rows in templates.items():
        best = (embedded.embeddings[probes] @ embedded.embeddings[rows].T).max(axis=1).astype(np.float64)
        best[~embedded.acquired[probes]] = -np.inf
        scores.append(best)
        references.append(np.full(len(probes), person, np.int64))
    return Comparisons(
        np.concatenate(scores),
        np.tile(people[probes], len(templates)),
        np.concatenate(references),
    )
