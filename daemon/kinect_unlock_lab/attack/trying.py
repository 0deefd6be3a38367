"""Whole attempts: liveness and match together, decided as the daemon decides, without a daemon.

A victim is enrolled with three real captures, and an instrument is made of another one. It is shown at 10 Hz, trembling
in somebody's hands, until the evidence accepts it or rejects it or the attempt's time is up: the product's pipeline,
encoder, thresholds, evidence and limits of time, all as configured. Left out is what counts attempts instead of judging
them (failures, pauses, policy), and the nod that some services ask for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product as every_pair
from math import hypot
from typing import Final

import cv2
import msgspec
import numpy as np

from kinect_unlock import evidence as ev
from kinect_unlock import networks
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.matching import Known
from kinect_unlock.observations import Embedding, HeadPose, Observation
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.ports import Recogniser
from kinect_unlock.settings import Config, EvidenceRules
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock_lab.attack import streams
from kinect_unlock_lab.attack.exhibit import Species, Victim
from kinect_unlock_lab.attack.looking import JUDGED
from kinect_unlock_lab.attack.measuring import Plan
from kinect_unlock_lab.attack.results import CAMERA, Tried
from kinect_unlock_lab.attack.victims import Looked, others_for, victim_of
from kinect_unlock_lab.mapping import HERE, Workers, mapped
from kinect_unlock_lab.trial import wide_ranges

RATE_HZ: Final = 10.0  # of what is shown: neighbouring frames of a trembling hand are hardly different ones
_ENROLLED_RANKS: Final = (0, 2, 3)  # by rising turn; the second one is left for an attacker
_STILL_NS: Final = 200_000_000
_TAMPERED_S: Final = 1.5  # at the camera's own rate, on which frozen and looped streams depend


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """Somebody enrolled, and what is shown in their name: ``probes`` are real captures that were not enrolled."""

    template: Template
    victim: Victim
    probes: tuple[Frame, ...]

    @property
    def person(self) -> str:
        """Who it is."""
        return self.template.user


class Judge:
    """Looks at the frames of attempts and decides them. Used by one thread."""

    def __init__(self, config: Config) -> None:
        detector, encoder = networks.detector(config), networks.encoder(config)
        entry = networks.model_store(config).encoder
        thresholds = pick_thresholds(entry, config.match.far, config.match.strategy)
        self.recogniser = Recogniser(config.models.encoder, entry, thresholds)
        self._config = config
        self._pipeline = Pipeline(detector, encoder, config)
        self._enrolling = Pipeline(detector, encoder, msgspec.structs.replace(config, ranges=wide_ranges(config)))
        self._attempts = 0

    def enrolled(self, frame: Frame) -> tuple[Embedding, HeadPose] | None:
        """Return what an enrolment would keep of a capture, None if it would not take it."""
        self._attempts += 1
        seen = self._enrolling.observe(frame, self._attempts, "enrol")
        return None if seen.embedding is None or seen.face is None else (seen.embedding, seen.face.pose)

    def decide(self, frames: Iterable[Frame], template: Template, rules: EvidenceRules) -> "Decision":
        """Decide an attempt, frame after frame; no more are asked for than the daemon would look at."""
        self._attempts += 1
        bars, layout = self.recogniser.bars, self.recogniser.encoder.layout
        known, evidence = Known(template, self._config.match.strategy, layout), ev.Evidence(layout)
        seen, votes = Counter[str](), Counter[str]()
        times = _Times(self._config)
        for frame in frames:
            observation = self._pipeline.observe(frame, self._attempts, "verify")
            if times.are_up(observation):
                break
            vote, _ = ev.vote_of(observation, known, bars, model_id=template.model_id)
            evidence = ev.with_observation(evidence, observation, vote, rules)
            seen[observation.seen.value] += 1
            votes.update([] if vote is None else [vote.value])
            scores, needed = ev.mean_scores(evidence, known), ev.needed_of_mean(evidence, bars)
            judgement = ev.judge(evidence, scores_of_mean=scores, needed=needed, rules=rules)
            if judgement is not ev.Judgement.UNDECIDED:
                return Decision(judgement is ev.Judgement.ACCEPTED, seen, votes)
        return Decision(accepted=False, seen=seen, votes=votes)


@dataclass(frozen=True, slots=True)
class Decision:
    """How an attempt ended; time that is up accepts nobody."""

    accepted: bool
    seen: Counter[str]
    votes: Counter[str]


class _Times:
    """An attempt's limits, by its frames' own time."""

    def __init__(self, config: Config) -> None:
        self._limits = config.attempt
        self._first_ns: int | None = None
        self._face_ns = 0

    def are_up(self, observation: Observation) -> bool:
        """Take note of a frame; say whether the daemon would not weigh it any more."""
        now_ns = observation.captured_ns
        if self._first_ns is None:
            self._first_ns = self._face_ns = now_ns
        if observation.shows_face:
            self._face_ns = now_ns
        too_long = now_ns - self._first_ns >= self._limits.timeout_s * NS_PER_S
        return too_long or now_ns - self._face_ns >= self._limits.nobody_timeout_s * NS_PER_S


@lru_cache(maxsize=1)
def _judge(settings: bytes) -> Judge:
    cv2.setNumThreads(1)
    return Judge(msgspec.json.decode(settings, type=Config))


def owner_of(looks: Sequence[Looked], judge: Judge) -> Owner | None:
    """Enrol one person with three of their captures, as an enrolment would take them; None without four such.

    They are the first, third and fourth by rising turn. What is stolen is the least turned of those left.
    """
    person = looks[0].capture.person
    taken = [(one, kept) for one in looks if (kept := judge.enrolled(one.frame)) is not None]
    taken.sort(key=lambda pair: hypot(pair[1][1].yaw_deg, pair[1][1].pitch_deg))
    if len(taken) <= max(_ENROLLED_RANKS):
        return None
    chosen = [taken[rank] for rank in _ENROLLED_RANKS]
    enrolled = {id(one) for one, _ in chosen}
    left = [one for one in looks if id(one) not in enrolled]
    victim = victim_of(person, left)
    if victim is None:
        return None
    template = Template(
        user=person,
        vectors=np.stack([kept.vector for _, (kept, _) in chosen]),
        poses=tuple(pose for _, (_, pose) in chosen),
        model_id=judge.recogniser.encoder.model_id,
        origin=Origin.IMAGES,
        generation=1,
        enrolled_s=0,
    )
    probes = sorted((one for one in left if one.observation.seen in JUDGED), key=lambda one: one.turn_deg)
    return Owner(template, victim, tuple(one.frame for one in probes))


def owners_of(
    looks: Sequence[Looked], config: Config, workers: Workers = HERE, *, on_done: Callable[[int], object]
) -> list[Owner]:
    """Enrol everybody who can be; ``on_done`` is told how many people are finished.

    Raises:
        SourceError: nobody can be.
    """
    people = sorted({one.capture.person for one in looks})
    own = ([one for one in looks if one.capture.person == person] for person in people)
    found = mapped(partial(_owner, msgspec.json.encode(config)), own, workers, on_done=on_done)
    owners = [one for one in found if one is not None]
    if not owners:
        raise SourceError("nobody has four captures that an enrolment would take; give a data set with more")
    return owners


def tried(
    plan: Plan, owners: Sequence[Owner], workers: Workers = HERE, *, on_done: Callable[[int], object]
) -> Iterator[list[Tried]]:
    """Yield owners' own attempts and those of every instrument, in the owners' order; `task_count` lists of them."""
    victims = [owner.victim for owner in owners]
    tasks = (
        _Task(species, owner, others_for(place, victims))
        for (place, owner), species in every_pair(enumerate(owners), _shown_by(plan))
    )
    yield from mapped(partial(_attempts, plan), tasks, workers, on_done=on_done)


def task_count(plan: Plan, owners: Sequence[Owner]) -> int:
    """Return how often `tried` yields."""
    return len(owners) * len(_shown_by(plan))


def _shown_by(plan: Plan) -> tuple[Species | None, ...]:
    """Return what is shown in an owner's name: themselves, and every species."""
    return (None, *dict.fromkeys((*plan.makers, *plan.tampered)))


def rules_for_stills(config: Config) -> EvidenceRules:
    """Return the rules for a person's few stills, which are no stream: one vote, no least time, no look for jumps."""
    rules = config.evidence
    return EvidenceRules(
        votes_needed=1,
        votes_window=rules.votes_window,
        min_span_ms=0.0,
        reject_after=rules.reject_after,
        distinct_frames=True,
        integrity=False,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One owner and what is shown in their name: instruments of a species, or their own stills."""

    species: Species | None
    owner: Owner
    others: tuple[Victim, ...]


def _owner(settings: bytes, looks: Sequence[Looked]) -> Owner | None:
    return owner_of(looks, _judge(settings))


def _attempts(plan: Plan, task: _Task) -> list[Tried]:
    judge, species = _judge(msgspec.json.encode(plan.config)), task.species
    if species is None:
        return [*_own_stills(plan, task, judge), *_brought_to_life(plan, task, judge)]
    return list((_held if species in plan.makers else _tampered)(plan, task, species, judge))


def _own_stills(plan: Plan, task: _Task, judge: Judge) -> Iterator[Tried]:
    """Let an owner show the real stills that were not enrolled, as one attempt."""
    owner = task.owner
    if owner.probes:
        played = [
            Frame(number, number * _STILL_NS, one.color, one.depth_mm, one.calibration)
            for number, one in enumerate(owner.probes, start=1)
        ]
        found = judge.decide(played, owner.template, rules_for_stills(plan.config))
        yield _told(owner, None, 0, CAMERA, found, {})


def _brought_to_life(plan: Plan, task: _Task, judge: Judge) -> Iterator[Tried]:
    """Let an owner's look be seen by the simulated sensors, as attacks are."""
    owner, victim = task.owner, task.owner.victim
    for name, sensor in plan.sensors.items():
        rng = plan.rng(victim, Species.FULL_RELIEF_MASK, "alive", name)
        frames = streams.living(victim, sensor, rng, rate_hz=RATE_HZ)
        found = judge.decide(frames, owner.template, plan.config.evidence)
        yield _told(owner, None, 0, name, found, {})


def _held(plan: Plan, task: _Task, species: Species, judge: Judge) -> Iterator[Tried]:
    """Show every instrument of a species."""
    owner, victim = task.owner, task.owner.victim
    for number, instrument in plan.instruments(species, victim, task.others):
        for name, sensor in plan.sensors.items():
            rng = plan.rng(victim, species, str(number), name, "attempt")
            frames = streams.shown(instrument, victim, sensor, rng, rate_hz=RATE_HZ)
            found = judge.decide(frames, owner.template, plan.config.evidence)
            yield _told(owner, instrument.species, number, name, found, instrument.parameters)


def _tampered(plan: Plan, task: _Task, species: Species, judge: Judge) -> Iterator[Tried]:
    """Play the owner's own living stream, tampered with, at the camera's rate."""
    owner, victim = task.owner, task.owner.victim
    for name, sensor in plan.sensors.items():
        rng = plan.rng(victim, species, "tampered", name)
        own = streams.first(streams.living(victim, sensor, rng), _TAMPERED_S)
        for number, one in enumerate(plan.tampered[species](own)):
            found = judge.decide(one.frames, owner.template, plan.config.evidence)
            yield _told(owner, one.species, number, name, found, one.parameters)


def _told(
    owner: Owner, species: Species | None, number: int, sensor: str, found: Decision, parameters: Mapping[str, float]
) -> Tried:
    rounded = {key: round(value, 3) for key, value in parameters.items()}
    count = found.seen.total()
    seen, votes = dict(found.seen), dict(found.votes)
    return Tried(owner.person, species, number, sensor, found.accepted, count, seen, votes, rounded)
