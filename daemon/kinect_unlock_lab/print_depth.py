"""Simulated prints before the depth vote: how much of a sheet of paper passes for whose face, liveness off and on.

The colour is the victim's own and taken for agreed. Every figure made here is to be called *simulated*.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.frames import Frame, Verdict
from kinect_unlock.matching import Bar
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.settings import Config, Strategy
from kinect_unlock_lab.attacks import Print, Victim, present
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.depth_calibration import share_of_people
from kinect_unlock_lab.embed import Study, side_by_side
from kinect_unlock_lab.impostors import template_rows
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.metrics import F64, I64, Bools, Interval
from kinect_unlock_lab.presentations import examine, instruments
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.votes import Faces, Rule, Shown

TEMPLATE_VECTORS: Final = 3
_IN_RANGE: Final = ("face", "spoof", "unsure")


@dataclass(frozen=True, slots=True)
class Presented:
    """A print of a person's face, held before the camera once."""

    victim: Sample
    middle_px: tuple[float, float]
    distance_mm: float
    sheet: Print
    number: int

    @property
    def person(self) -> str:
        """Whose face is printed."""
        return self.victim.person

    @property
    def name(self) -> str:
        """Its number among the person's prints."""
        return f"print-{self.number:03d}"

    @property
    def group(self) -> str:
        """Where and when the picture was taken."""
        return self.victim.group

    @property
    def near_frontal(self) -> bool:
        """False: the sheet is held anyhow."""
        return False

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Hold it before the camera; the same at every call."""
        random = np.random.default_rng(zlib.crc32(f"{self.person}/{self.name}".encode()))
        return present(
            Victim(self.victim.frame(seq, captured_ns), self.middle_px, self.distance_mm), self.sheet, random
        )


@dataclass(frozen=True, slots=True)
class Stopped:
    """One kind of print; shares are of its presentations, intervals by `share_of_people` of those printed.

    ``usable``: a face in range whose depth may vote. ``depth_accepts``: usable, and the depth half takes it for the
    victim. ``liveness_accepts``: usable, and found live. ``both_accept``: all of that.
    """

    species: str
    presentations: int
    people: int
    usable: Interval
    depth_accepts: Interval
    liveness_accepts: Interval
    both_accept: Interval


def presented(faces: Faces, samples: Sequence[Sample], detector: FaceDetector, config: Config) -> Iterator[Presented]:
    """Print an enrolled look of everybody who has enough to be enrolled, every way once."""
    for row in _templates(faces)[:, 0]:
        sample = samples[row]
        look = examine(sample.frame(), detector, config.liveness)
        if isinstance(look, str):
            continue
        points = look.detection.landmarks_px
        x, y = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
        random = np.random.default_rng(zlib.crc32(sample.person.encode()))
        for number, sheet in enumerate(instruments(random)):
            yield Presented(sample, (float(x), float(y)), look.pose.distance_mm, sheet, number)


def stopped(
    faces: Faces,
    names: Sequence[str],
    prints: Sequence[Presented],
    config: Config,
    depth: Bar,
    strategy: Strategy,
    workers: Workers = HERE,
    *,
    on_done: Callable[[int], object] = lambda _: None,
) -> tuple[Stopped, ...]:
    """Show the prints to the encoder, and count by kind what the depth vote and liveness let pass.

    ``names`` are the people's, by their numbers in ``faces``.
    """
    encoder = config.models.encoder
    seen = side_by_side(Study(config, (encoder,)), prints, workers, on_done=on_done)[encoder].embedded
    passed = _Passed(
        usable := seen.acquired & seen.depth_fit & np.isin(seen.seen, _IN_RANGE),
        usable & (_depth_margins(faces, names, seen, Rule((depth,), strategy)) >= 0.0),
        usable & np.equal(seen.liveness, Verdict.LIVE.value),
    )
    kinds = [_kind(one.sheet) for one in prints]
    found = [
        _counted(kind, np.array([one == kind for one in kinds]), seen.person_index, passed)
        for kind in sorted(set(kinds))
    ]
    return (*found, _counted("all", np.ones(len(prints), bool), seen.person_index, passed))


@dataclass(frozen=True, slots=True, eq=False)
class _Passed:
    """What each presentation passed, bool[N]."""

    usable: Bools
    depth: Bools
    live: Bools


def _kind(sheet: Print) -> str:
    return f"{sheet.shape.value}, {'held by thumbs' if sheet.thumbs_mm is not None else 'free'}"


def _counted(kind: str, chosen: Bools, person: I64, passed: _Passed) -> Stopped:
    who = person[chosen]

    def share(events: Bools) -> Interval:
        return share_of_people(events[chosen], who)

    return Stopped(
        kind,
        len(who),
        len(np.unique(who)),
        share(passed.usable),
        share(passed.depth),
        share(passed.live),
        share(passed.depth & passed.live),
    )


def _templates(faces: Faces) -> I64:
    """Return one template i64[P,K] of everybody who has looks enough."""
    return template_rows(faces.person, faces.may_enrol, size=TEMPLATE_VECTORS, draws=1)


def _depth_margins(faces: Faces, names: Sequence[str], seen: Embedded, rule: Rule) -> F64:
    """Return f64[N]: by how much each print's depth reaches its victim's template."""
    rows = _templates(faces)
    shown = Shown({half.name: seen.half(half.name) for half in seen.halves}, seen.distance_mm.astype(np.float64))
    margins = rule.margins(shown, faces.templates(rows))
    column = {names[person]: place for place, person in enumerate(faces.person[rows[:, 0]])}
    return margins[np.arange(len(seen)), [column[name] for name in seen.person]]
