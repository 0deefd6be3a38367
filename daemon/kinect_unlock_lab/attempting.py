"""Who tries with which frames at whose templates: the protocols as work that can be divided.

People are enrolled with ``enrolled`` samples, the most frontal ones or several draws of any; their other samples make
attempts of ``frames`` different samples. Everybody tries at everybody's template. People with too few usable samples
to enrol cannot be owners; they still try.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.observations import Seen
from kinect_unlock_lab.mapping import HERE, Workers, mapped
from kinect_unlock_lab.protocols import ENROLLED, I64, Bools, Embedded, any_of, most_frontal
from kinect_unlock_lab.scoring import Attempts, Block, Gallery, Rule, Search, blocks, compared, compared_pairs, joined
from kinect_unlock_lab.tally import Part, Resampling, Tally

Enrolling: TypeAlias = Literal["most frontal", "any"]
Refusing: TypeAlias = Literal["left out", "rejections"]

_EACH: Final = 10  # attempts of a person at most, for one choice of templates
# What the gates of the verify ranges let pass; liveness is no matter of identity, so it does not choose here.
_PASSED: Final = tuple(seen.value for seen in (Seen.FACE, Seen.SPOOF, Seen.UNSURE))


@dataclass(frozen=True, slots=True)
class Protocol:
    """How many samples are enrolled, how they are chosen, and how many frames an attempt has.

    ``refusing`` says what becomes of frames that are not usable: they are *left out* before attempts are made (which
    gives FNMR, a rate of comparisons), or attempts are made of any frames, use what they can, and count as *rejections*
    where that is nothing (which gives FRR, with the refusals in it).
    """

    enrolled: int = ENROLLED
    enrolling: Enrolling = "most frontal"
    frames: int = 1
    refusing: Refusing = "left out"
    draws: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Who is enrolled from and who tries with which of the same samples: rows of ``enrol`` and ``attempt`` agree.

    They are the same but where attempts are made in other light. ``usable`` bool[N] says which frames may count in an
    attempt, ``trying`` bool[N] which samples are used for attempts at all (a group, for instance).
    """

    enrol: Embedded
    attempt: Embedded
    usable: Bools
    trying: Bools

    @classmethod
    def of(cls, embedded: Embedded) -> "Data":
        """Return samples that all try, and may if they were acquired."""
        return cls(embedded, embedded, embedded.acquired, np.ones(len(embedded), bool))


def passes_gate(embedded: Embedded) -> Bools:
    """Return bool[N], True where the daemon would look at who it is: acquired, and within the verify ranges."""
    return embedded.acquired & np.isin(embedded.seen, _PASSED)


def pairs(embedded: Embedded, rule: Rule, resampling: Resampling, workers: Workers = HERE) -> Tally:
    """Compare every sample with every other once."""
    singles = _singles(embedded)
    gallery = Gallery(singles.vectors[:, np.newaxis], singles.person, singles.place, singles.order)
    return _tallied(blocks(singles, gallery), rule, resampling, workers)


def listed(embedded: Embedded, rows: I64, rule: Rule, resampling: Resampling) -> Tally:
    """Compare the pairs of samples i64[M,2] that a data set lists itself."""
    total = Tally.empty(resampling)
    total.join(Part.of(compared_pairs(rule, _singles(embedded), rows), resampling))
    return total


def _singles(embedded: Embedded) -> Attempts:
    """Take every sample as an attempt of its own, NaN where it, or a half of it, has no direction."""
    order = np.arange(len(embedded))
    shown = joined(embedded, [order[row : row + 1][embedded.acquired[row : row + 1]] for row in order])
    return Attempts(shown, embedded.person_index, embedded.place_index, embedded.distance_mm, order)


def against_templates(
    data: Data, protocol: Protocol, rule: Rule, resampling: Resampling, workers: Workers = HERE
) -> Tally:
    """Let everybody's attempts try everybody's template."""
    work = (block for attempts, gallery in settings(data, protocol) for block in blocks(attempts, gallery))
    return _tallied(work, rule, resampling, workers)


def identified(
    data: Data, protocol: Protocol, rule: Rule, resampling: Resampling, *, margin: float, workers: Workers = HERE
) -> Tally:
    """Ask of everybody's attempts who it is; a gallery is searched whole."""
    search = partial(_searched, Search(margin), rule, resampling)
    return _summed(search, settings(data, protocol), resampling, workers)


def settings(data: Data, protocol: Protocol) -> Iterator[tuple[Attempts, Gallery]]:
    """Yield each draw's attempts and templates, unless nobody could enrol or nobody is left to try."""
    draws = 1 if protocol.enrolling == "most frontal" else protocol.draws
    for draw in range(draws):
        random = np.random.default_rng((protocol.seed, draw))
        enrolled = _enrolled(data.enrol, protocol, random)
        taken = np.zeros(len(data.enrol), bool)
        taken[[row for rows in enrolled.values() for row in rows]] = True
        attempts = _attempts(data, protocol, ~taken & data.trying, random)
        if enrolled and len(attempts):
            yield attempts, _gallery(data.enrol, protocol, enrolled)


def _enrolled(embedded: Embedded, protocol: Protocol, random: np.random.Generator) -> dict[int, I64]:
    """Choose each person's enrolled rows; whoever has fewer usable ones is left out."""
    person = embedded.person_index
    chosen: dict[int, I64] = {}
    for one in range(int(person.max(initial=-1)) + 1):
        rows = np.flatnonzero(person == one)
        if protocol.enrolling == "most frontal":
            own = most_frontal(embedded, rows, protocol.enrolled)
        else:
            own = any_of(embedded, rows, protocol.enrolled, random)
        if len(own) == protocol.enrolled:
            chosen[one] = own
    return chosen


def _gallery(embedded: Embedded, protocol: Protocol, enrolled: dict[int, I64]) -> Gallery:
    rows = np.array(list(enrolled.values()), np.int64).reshape(-1, protocol.enrolled)
    owners = np.array(list(enrolled), np.int64)
    return Gallery(embedded.embeddings[rows], owners, embedded.place_index[rows[:, 0]], np.zeros(len(rows), np.int64))


def _attempts(data: Data, protocol: Protocol, free: Bools, random: np.random.Generator) -> Attempts:
    person = data.attempt.person_index
    frames: list[I64] = []
    for one in np.unique(person[free]):
        frames.extend(_chosen_frames(np.flatnonzero(free & (person == one)), data.usable, protocol, random))
    first = np.array([rows[0] for rows in frames], np.int64)
    usable = [rows[data.usable[rows]] for rows in frames]
    farthest = np.array([np.max(data.attempt.distance_mm[rows], initial=-np.inf) for rows in usable], np.float32)
    return Attempts(
        joined(data.attempt, usable),
        person[first],
        data.attempt.place_index[first],
        farthest,
        np.ones(len(frames), np.int64),
    )


def _chosen_frames(rows: I64, usable: Bools, protocol: Protocol, random: np.random.Generator) -> list[I64]:
    """Return the rows of each of a person's attempts: all combinations, or ten at random where there are more."""
    offered = rows[usable[rows]] if protocol.refusing == "left out" else rows
    every = list(combinations(offered.tolist(), protocol.frames))
    if protocol.frames > 1 and len(every) > _EACH:
        every = [every[place] for place in np.sort(random.permutation(len(every))[:_EACH])]
    return [np.array(one, np.int64) for one in every]


def _tallied(work: Iterator[Block], rule: Rule, resampling: Resampling, workers: Workers) -> Tally:
    return _summed(partial(_counted, rule, resampling), work, resampling, workers)


def _summed(function: "partial[Part]", work: Iterator[Block], resampling: Resampling, workers: Workers) -> Tally:
    total = Tally.empty(resampling)
    for part in mapped(function, work, workers):
        total.join(part)
    return total


def _counted(rule: Rule, resampling: Resampling, block: Block) -> Part:
    return Part.of(compared(rule, block), resampling)


def _searched(search: Search, rule: Rule, resampling: Resampling, block: Block) -> Part:
    attempts, gallery = block
    return Part.of(search.searched(rule, attempts, gallery), resampling)
