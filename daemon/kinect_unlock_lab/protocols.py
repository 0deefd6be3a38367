"""A data set after embedding, and who of it is enrolled: what every protocol starts from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.halves import Half, HalfName, half_vectors
from kinect_unlock_lab.metrics import Comparisons

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Names: TypeAlias = NDArray[np.str_]

ENROLLED: Final = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Embedded:
    """A data set after embedding, one row a sample in the order of its index.

    ``embeddings`` f32[N,D] unit rows, zeros where ``acquired`` is False, made of ``halves``; ``person``, ``sample`` and
    ``place`` str[N], a place being where and when a sample was taken; ``seen`` str[N] says what the daemon would have
    made of the frame within its verify ranges; ``liveness`` str[N] the verdict or ``""``; ``depth_fit`` bool[N], True
    where depth may vote; ``near_frontal`` bool[N] by the data set's own rule. Angles f32[N] in degrees, ``distance_mm``
    and ``face_width_mm`` f32[N], ``hair`` f32[N] 0..1 and ``light`` f32[N] 0..255 as `kinect_unlock_lab.traits`
    measures them; NaN where not measurable.
    """

    embeddings: F32
    halves: tuple[Half, ...]
    person: Names
    sample: Names
    place: Names
    acquired: Bools
    seen: Names
    liveness: Names
    depth_fit: Bools
    near_frontal: Bools
    yaw_deg: F32
    pitch_deg: F32
    roll_deg: F32
    distance_mm: F32
    face_width_mm: F32
    hair: F32
    light: F32

    @classmethod
    def of(
        cls,
        embeddings: F32,
        person: Sequence[str] | Names,
        *,
        halves: tuple[Half, ...] = (),
        **known: Any,  # noqa: ANN401 - any of the arrays
    ) -> "Embedded":
        """Return samples of which little is known: what is not given is unknown, and what is not zero was acquired."""
        count, width = embeddings.shape
        acquired = np.asarray(embeddings.any(axis=1), bool)
        unknown = np.full(count, np.nan, np.float32)
        rows: dict[str, Any] = {
            "sample": np.array([f"{number:06d}" for number in range(count)]),
            "place": np.full(count, ""),
            "acquired": acquired,
            "seen": np.where(acquired, "face", "no-face"),
            "liveness": np.full(count, ""),
            "depth_fit": acquired,
            "near_frontal": np.ones(count, bool),
            **dict.fromkeys(
                ("yaw_deg", "pitch_deg", "roll_deg", "distance_mm", "face_width_mm", "hair", "light"), unknown
            ),
        }
        whole = halves or (Half("rgb", 0, width, 1.0),)
        return cls(embeddings=embeddings, halves=whole, person=np.asarray(person), **{**rows, **known})

    def __len__(self) -> int:
        return len(self.person)

    @property
    def person_index(self) -> I64:
        """Return i64[N], people numbered by name."""
        return np.unique(self.person, return_inverse=True)[1].astype(np.int64)

    @property
    def place_index(self) -> I64:
        """Return i64[N], places numbered by name."""
        return np.unique(self.place, return_inverse=True)[1].astype(np.int64)

    @property
    def turned_deg(self) -> F32:
        """Return f32[N]: how far heads are turned, sideways and up or down together; NaN where not measurable."""
        return np.asarray(np.hypot(self.yaw_deg, self.pitch_deg), np.float32)

    def half(self, name: HalfName) -> F32:
        """Return a half's unit vectors f32[N,dim]; NaN where it has no direction."""
        return half_vectors(self.embeddings, self.halves)[name]

    def where(self, mask: Bools | I64) -> "Embedded":
        """Keep the samples of ``mask``, or take those of an index in its order."""
        return replace(self, **{name: getattr(self, name)[mask] for name in ROW_ARRAYS})

    def with_vectors(self, vectors: F32, halves: tuple[Half, ...]) -> "Embedded":
        """Return the same samples with other embeddings f32[N,D]; a row of zeros was not acquired."""
        acquired = self.acquired & vectors.any(axis=1)
        shown = np.where(acquired[:, np.newaxis], vectors, np.float32(0))
        return replace(self, embeddings=shown, halves=halves, acquired=acquired)


ROW_ARRAYS: Final = tuple(one.name for one in fields(Embedded) if one.name != "halves")


def pairwise(embedded: Embedded) -> Comparisons:
    """Compare every sample with every other once; a failure to acquire on either side is a rejection."""
    people = embedded.person_index
    cosine = (embedded.embeddings @ embedded.embeddings.T).astype(np.float64)
    cosine[~embedded.acquired] = -np.inf
    cosine[:, ~embedded.acquired] = -np.inf
    first, second = np.triu_indices(len(people), 1)
    return Comparisons(cosine[first, second], people[first], people[second])


def most_frontal(embedded: Embedded, rows: I64, count: int) -> I64:
    """Return the ``count`` acquired rows whose heads are turned least; fewer if there are fewer."""
    turned = embedded.turned_deg[rows]
    # Where angles are not known, as in photographs, any will do; where they are, an unknown one is the last choice.
    turned = np.where(embedded.acquired[rows], np.where(np.isfinite(turned), turned, 360.0), np.inf)
    chosen = rows[np.argsort(turned, kind="stable")[:count]]
    return chosen[embedded.acquired[chosen]]


def any_of(embedded: Embedded, rows: I64, count: int, random: np.random.Generator) -> I64:
    """Return ``count`` acquired rows at random; fewer if there are fewer."""
    usable = rows[embedded.acquired[rows]]
    return np.sort(random.permutation(usable)[:count])


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
