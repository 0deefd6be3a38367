"""What the frames of one attempt add up to. Pure: frozen evidence in, frozen evidence out; time is the frames' own.

Only usable frames cast a ballot: one face in range, with depth, judged by liveness. A frame is the owner's if every
half of the encoder that votes says so. An attempt is accepted on votes (so many of the last usable frames are the
owner's, none of them a spoof, spread over a least time) *and* on the mean of all its embeddings, with which every half
must agree again; it is rejected on the strangers and spoofs of its whole length. A jump of place, distance or identity,
a gap, or a second face begins votes and mean anew, so that nobody may be swapped in; rejections stay. So does a change
of the light that is looked in, whatever the configuration: colour and infrared are never counted together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.clock import NS_PER_MS, NS_PER_S
from kinect_unlock.halves import Half, HalfName, half_vectors
from kinect_unlock.matching import Bar, HalfScores, Known, cosines_needed, mean_of_halves, mean_vector
from kinect_unlock.observations import Box, Modality, Observation, Seen, Verdict
from kinect_unlock.settings import EvidenceRules

# A head moves at most so far between two frames: a noise part, and a speed of some 1 m/s sideways (a face is about
# 0.15 m wide) and 2 m/s towards the camera, faster than people move who want to be looked at.
_SHIFT_WIDTHS: Final = 0.4
_SHIFT_WIDTHS_PER_S: Final = 6.0
_STEP_MM: Final = 80.0
_STEP_MM_PER_S: Final = 2000.0
# Frames of one person in one attempt are alike to well over this; of two people hardly ever (cosine).
_SAME_PERSON_COSINE: Final = 0.25
_LONGEST_GAP_S: Final = 1.0


@unique
class Vote(StrEnum):
    """What a usable frame says."""

    OWNER = "owner"
    STRANGER = "stranger"
    SPOOF = "spoof"


@unique
class Judgement(StrEnum):
    """What the evidence says so far."""

    UNDECIDED = "undecided"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ballot:
    """One usable frame and its vote. ``vector`` f32[D] is None for a spoof, which is not encoded."""

    seq: int
    captured_ns: int
    vote: Vote
    box: Box
    distance_mm: float
    vector: F32 | None
    fingerprint: bytes  # equal for identical frames; among a spoof's cues is how often its depth came before
    modality: Modality = Modality.COLOR


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evidence:
    """Everything that counts of an attempt so far; begins empty, with the halves of what will come."""

    halves: tuple[Half, ...]  # of every embedding; the first one says who it is
    window: tuple[Ballot, ...] = ()  # the last usable frames since the last break, newest last
    encoded: tuple[Ballot, ...] = ()  # the frames with an embedding since the last break
    owner_since_ns: int | None = None  # the first frame of the owner since the last break
    rejections: int = 0  # strangers and spoofs of the whole attempt
    breaks: int = 0
    newest_ns: int = -1
    counted: frozenset[bytes] = frozenset()

    @property
    def modality(self) -> Modality:
        """The light that every frame since the last break was seen in."""
        return self.window[-1].modality if self.window else Modality.COLOR

    @property
    def vectors(self) -> tuple[F32, ...]:
        """The embeddings f32[D] since the last break."""
        return tuple(ballot.vector for ballot in self.encoded if ballot.vector is not None)


def vote_for(scores: HalfScores, needed: Mapping[HalfName, float]) -> Vote:
    """Return a live face's vote: the owner's if every half reaches what it needs; NaN is a stranger's."""
    return Vote.OWNER if scores.reach(needed) else Vote.STRANGER


def vote_of(
    observation: Observation, known: Known, bars: Sequence[Bar], *, model_id: str
) -> tuple[Vote | None, HalfScores | None]:
    """Return a frame's vote and its scores; no vote where a half of the encoder has no say.

    That is beyond its distances, and in a light without ``bars``: what could never speak for somebody does not speak
    against them either. ``model_id`` is the template's space; an embedding of another one says nothing.
    """
    if observation.seen is Seen.SPOOF:
        return (Vote.SPOOF if bars else None), None
    embedding, face = observation.embedding, observation.face
    if embedding is None or face is None or embedding.model_id != model_id:
        return None, None
    scores = known.scores(embedding.vector, observation.modality)
    needed = cosines_needed(bars, (face.pose.distance_mm,))
    return (vote_for(scores, needed) if needed else None), scores


def shows_live_face(observation: Observation) -> bool:
    """Say whether a frame shows one face that liveness called live; without a report it did not."""
    report = observation.liveness
    return observation.seen is Seen.FACE and report is not None and report.verdict is Verdict.LIVE


def ballot_of(observation: Observation, vote: Vote) -> Ballot | None:
    """Return the ballot of a usable frame, None if something that a ballot needs was not measured."""
    face = observation.face
    if face is None or not math.isfinite(face.pose.distance_mm):
        return None
    if (observation.seen, vote) not in _MAY_VOTE or (vote is not Vote.SPOOF and not shows_live_face(observation)):
        return None
    vector = None if observation.embedding is None else observation.embedding.vector
    what = repr(observation.liveness).encode() if vector is None else vector.tobytes()
    return Ballot(
        seq=observation.seq,
        captured_ns=observation.captured_ns,
        vote=vote,
        box=face.detection.box,
        distance_mm=face.pose.distance_mm,
        vector=vector,
        fingerprint=what,
        modality=observation.modality,
    )


_MAY_VOTE: Final = frozenset({(Seen.FACE, Vote.OWNER), (Seen.FACE, Vote.STRANGER), (Seen.SPOOF, Vote.SPOOF)})


def with_observation(evidence: Evidence, observation: Observation, vote: Vote | None, rules: EvidenceRules) -> Evidence:
    """Return the evidence with one more frame; one that says nothing, or nothing new, changes nothing."""
    if observation.seen is Seen.MANY_FACES:
        return with_second_face(evidence, rules)
    ballot = None if vote is None else ballot_of(observation, vote)
    return evidence if ballot is None else with_ballot(evidence, ballot, rules)


def with_ballot(evidence: Evidence, ballot: Ballot, rules: EvidenceRules) -> Evidence:
    """Return the evidence with one more usable frame; an old or identical frame changes nothing."""
    if ballot.captured_ns <= evidence.newest_ns:
        return evidence
    if rules.distinct_frames and ballot.fingerprint in evidence.counted:
        return evidence
    other_light = bool(evidence.window) and ballot.modality is not evidence.modality
    if other_light or (rules.integrity and _is_break(evidence, ballot)):
        evidence = _broken(evidence)
    first_of_owner = evidence.owner_since_ns is None and ballot.vote is Vote.OWNER
    return replace(
        evidence,
        window=(*evidence.window, ballot)[-rules.votes_window :],
        encoded=evidence.encoded if ballot.vector is None else (*evidence.encoded, ballot),
        owner_since_ns=ballot.captured_ns if first_of_owner else evidence.owner_since_ns,
        rejections=evidence.rejections + int(ballot.vote is not Vote.OWNER),
        newest_ns=ballot.captured_ns,
        counted=evidence.counted | {ballot.fingerprint},
    )


def with_second_face(evidence: Evidence, rules: EvidenceRules) -> Evidence:
    """Return the evidence after a frame with several faces, of which none can be said to be the one before."""
    return _broken(evidence) if rules.integrity else evidence


def votes_hold(evidence: Evidence, rules: EvidenceRules) -> bool:
    """Say whether the last usable frames suffice: enough of the owner, the newest among them, none a spoof.

    Their time is counted from the owner's first frame since the last break. Counted inside the window it could never
    be reached at 30 Hz, where five frames span 133 ms.
    """
    if evidence.owner_since_ns is None or not evidence.window or evidence.window[-1].vote is not Vote.OWNER:
        return False
    votes = [ballot.vote for ballot in evidence.window]
    span_ns = evidence.window[-1].captured_ns - evidence.owner_since_ns
    return (
        Vote.SPOOF not in votes
        and votes.count(Vote.OWNER) >= rules.votes_needed
        and span_ns >= rules.min_span_ms * NS_PER_MS
    )


def mean_scores(evidence: Evidence, known: Known) -> HalfScores:
    """Return how alike the mean of the attempt's embeddings is to a template; no scores when there is no mean."""
    try:
        mean = mean_of_halves(evidence.vectors, evidence.halves)
    except ValueError:
        return HalfScores({})
    return known.scores(mean, evidence.modality)


def needed_of_mean(evidence: Evidence, bars: Sequence[Bar]) -> Mapping[HalfName, float]:
    """Return what the mean of the attempt's embeddings needs: the most that any of its frames needs."""
    return cosines_needed(bars, [ballot.distance_mm for ballot in evidence.encoded])


def judge(
    evidence: Evidence, *, scores_of_mean: HalfScores, needed: Mapping[HalfName, float], rules: EvidenceRules
) -> Judgement:
    """Say what the evidence adds up to. Rejection is looked at first; NaN reaches no threshold."""
    if evidence.rejections >= rules.reject_after:
        return Judgement.REJECTED
    if votes_hold(evidence, rules) and scores_of_mean.reach(needed):
        return Judgement.ACCEPTED
    return Judgement.UNDECIDED


def _broken(evidence: Evidence) -> Evidence:
    return replace(evidence, window=(), encoded=(), owner_since_ns=None, breaks=evidence.breaks + 1)


def _is_break(evidence: Evidence, ballot: Ballot) -> bool:
    if not evidence.window:
        return False
    before = evidence.window[-1]
    passed_s = (ballot.captured_ns - before.captured_ns) / NS_PER_S
    return (
        passed_s > _LONGEST_GAP_S
        or not _shift_widths(before.box, ballot.box) <= _SHIFT_WIDTHS + _SHIFT_WIDTHS_PER_S * passed_s
        or not abs(ballot.distance_mm - before.distance_mm) <= _STEP_MM + _STEP_MM_PER_S * passed_s
        or not _same_person(evidence, ballot)
    )


def _shift_widths(before: Box, after: Box) -> float:
    """Return how far the box's centre moved, in widths of the smaller box."""
    across_px = (after.x_px + after.width_px / 2) - (before.x_px + before.width_px / 2)
    along_px = (after.y_px + after.height_px / 2) - (before.y_px + before.height_px / 2)
    width_px = min(before.width_px, after.width_px)
    return math.hypot(across_px, along_px) / width_px if width_px > 0 else math.inf


def _same_person(evidence: Evidence, ballot: Ballot) -> bool:
    """Say whether the first half, which tells people apart best, sees the one who was there before."""
    if ballot.vector is None or not evidence.encoded:
        return True
    first = evidence.halves[0].name
    known = half_vectors(np.stack(evidence.vectors), evidence.halves)[first]
    try:
        mean = mean_vector(known)
    except ValueError:
        return False
    return float(np.dot(mean, half_vectors(ballot.vector, evidence.halves)[first])) >= _SAME_PERSON_COSINE
