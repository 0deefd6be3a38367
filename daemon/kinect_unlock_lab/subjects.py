"""What is scored of a system's embeddings, and on which samples of a data set.

Scores that need depth are looked at where depth may vote, and nowhere else: elsewhere the daemon refuses the frame,
which is no matter of telling people apart. Scores that do not are looked at everywhere, there too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kinect_unlock_lab.attempting import Data, passes_gate
from kinect_unlock_lab.findings import ALL_POSES, FIT_DEPTH, IN_RANGE, NEAR_FRONTAL, PHOTOGRAPHS, Label
from kinect_unlock_lab.folds import two_votes
from kinect_unlock_lab.grouping import DISTANCE, groups_of
from kinect_unlock_lab.protocols import Bools, Embedded
from kinect_unlock_lab.scoring import Fused, OneHalf, Rule


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Some samples by name: those compared in pairs, and how attempts are made of them; None where that is not done."""

    name: str
    paired: Embedded | None = None
    data: Data | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One system's embeddings scored in one way; ``needs_depth`` where a frame without fit depth does not count."""

    system: str
    score: str
    rule: Rule
    needs_depth: bool
    embedded: Embedded

    @property
    def has_depth(self) -> bool:
        """False for photographs."""
        return bool(np.isfinite(self.embedded.distance_mm).any())

    def label(self, samples: str, protocol: str) -> Label:
        """Return what a row about it is called, in the light of the data set."""
        return Label(self.system, self.score, samples, protocol)

    def choices(self) -> Iterator[Choice]:
        """Yield the samples to look at; photographs have neither poses nor ranges, nor depth to be judged by."""
        embedded = self.embedded
        if not self.has_depth:
            if not self.needs_depth:
                yield Choice(PHOTOGRAPHS, embedded, Data.of(embedded))
            return
        if not self.needs_depth:
            frontal = embedded.where(embedded.near_frontal)
            yield Choice(NEAR_FRONTAL, frontal, Data.of(frontal))
            yield Choice(ALL_POSES, embedded, Data.of(embedded))
            yield Choice(IN_RANGE, data=replace(Data.of(embedded), usable=passes_gate(embedded)))
            yield from _by_distance(ALL_POSES, embedded)
        fit = has_fit_depth(embedded)
        yield Choice(f"{NEAR_FRONTAL}, {FIT_DEPTH}", embedded.where(embedded.near_frontal & fit))
        yield Choice(FIT_DEPTH, embedded.where(fit), self.fit_alone(embedded))
        yield from _by_distance(FIT_DEPTH, embedded.where(fit))

    def in_light(self, dark: Embedded) -> Iterator[Choice]:
        """Yield attempts in other light at templates of this one."""
        if not self.needs_depth:
            everything = Data(self.embedded, dark, dark.acquired, np.ones(len(dark), bool))
            yield Choice(ALL_POSES, data=everything)
            yield Choice(IN_RANGE, data=replace(everything, usable=passes_gate(dark)))
        yield Choice(FIT_DEPTH, data=self.fit_alone(dark))

    def fit_alone(self, attempt: Embedded) -> Data:
        """Return attempts in which frames with fit depth count alone, at templates of nothing else."""
        enrol = replace(self.embedded, acquired=has_fit_depth(self.embedded))
        return Data(enrol, attempt, has_fit_depth(attempt), np.ones(len(attempt), bool))


def has_fit_depth(embedded: Embedded) -> Bools:
    """Return bool[N], True where a frame counts for two votes: in the verify ranges, and its depth may vote."""
    return passes_gate(embedded) & embedded.depth_fit


def _by_distance(name: str, embedded: Embedded) -> Iterator[Choice]:
    for group in groups_of(embedded):
        if group.quantity == DISTANCE:
            yield Choice(f"{name}, {group.name}", embedded.where(group.members))


def subjects(name: str, embedded: Embedded) -> Iterator[Subject]:
    """Yield each way to score a system: its halves, these as one cosine, and two votes."""
    names = [half.name for half in embedded.halves]
    if len(names) == 1:
        yield Subject(name, names[0], Fused(), names[0] == "depth", embedded)
        return
    # The first half says who somebody is, and is what can be compared with others on every sample.
    for half in embedded.halves:
        yield Subject(name, f"{half.name} half", OneHalf(half), half.name == "depth", embedded)
    yield Subject(name, "fused", Fused(), "depth" in names, embedded)
    if "depth" in names:
        yield Subject(name, "two votes", two_votes(Data.of(embedded)), needs_depth=True, embedded=embedded)
