"""Which new views may join a template after its enrolment, so that it follows a face that changes. Pure.

A template is what guards, so nothing joins lightly. A view joins after a match that was strong, or after a near miss
that was followed soon by the right password; always live, straight, in colour, and unlike all views there are. And it
must be near to the views that were *enrolled*, as if none had joined: however many small steps are taken, none leads
further away than the first could have (`is_near`). Joined views are few; the oldest makes room, enrolled ones never do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.evidence import Evidence
from kinect_unlock.halves import Half, HalfName, half_vectors
from kinect_unlock.matching import HalfScores, half_scores
from kinect_unlock.observations import HeadPose, Modality
from kinect_unlock.sampling import band_of
from kinect_unlock.settings import Adapt, PoseRange, Strategy
from kinect_unlock.templates import Joined, Reason, Template

_UPRIGHT_DEG: Final = 15.0


@unique
class Refusal(StrEnum):
    """Why a view does not join."""

    NO_ROOM = "no-room"  # the thresholds have no evidence for templates of more views
    TURNED = "turned"
    NOT_NEAR = "not-near"  # to the views that were enrolled
    ALIKE = "alike"  # to one that is there already


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class View:
    """A view that may join: an embedding f32[D] in colour, the pose it was taken at, and what a match needed there."""

    vector: F32
    pose: HeadPose
    needed: Mapping[HalfName, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Impression:
    """Where an attempt stood at its newest frame that counted: the view of that frame, and all evidence up to it."""

    view: View
    evidence: Evidence
    scores_of_mean: HalfScores
    needed: Mapping[HalfName, float]  # of the mean


@dataclass(frozen=True, slots=True)
class Terms:
    """What a view is judged by beside its template."""

    halves: Sequence[Half]
    strategy: Strategy
    poses: PoseRange
    rules: Adapt
    most: int  # vectors of a template that every threshold has evidence for
    votes_needed: int  # frames of the owner that a match takes


def reason_to_join(impression: Impression, terms: Terms, *, matched: bool) -> Reason | None:
    """Return for what reason an attempt's view may join, None for none; a near miss needs a password beside.

    A match counts if it was strong and every vote of the attempt was the owner's, a miss if it was near and of as many
    frames as a match takes. In neither may anything have broken the evidence, and both are of colour alone.
    """
    evidence, rules = impression.evidence, terms.rules
    if evidence.breaks or evidence.modality is not Modality.COLOR:
        return None
    if matched:
        strong = is_strong(impression.scores_of_mean, impression.needed, rules)
        return Reason.MATCH if strong and not evidence.rejections else None
    enough = len(evidence.encoded) >= terms.votes_needed
    near = is_near_miss(impression.scores_of_mean, impression.needed, rules)
    return Reason.PASSWORD if enough and near else None


def is_strong(scores: HalfScores, needed: Mapping[HalfName, float], rules: Adapt) -> bool:
    """Say whether an attempt's mean matched by the margin: every half that has a vote."""
    return scores.reach({half: cosine + rules.margin for half, cosine in needed.items()})


def is_near_miss(scores: HalfScores, needed: Mapping[HalfName, float], rules: Adapt) -> bool:
    """Say whether an attempt's mean fell short of what was needed, but by no more than the bound of a near miss."""
    short = scores.reach({half: cosine - rules.near_miss for half, cosine in needed.items()})
    return short and not scores.reach(needed)


def room(template: Template, rules: Adapt, *, most: int) -> int:
    """Return how many views may have joined at once; 0 where the enrolment alone has as many as there is evidence for.

    Args:
        template: as it is.
        rules: of the configuration.
        most: vectors of a template that every threshold has evidence for.
    """
    return max(0, min(rules.most_joined, most - len(template.enrolled.vectors)))


def joined(template: Template, view: View, reason: Reason, at_s: int, terms: Terms) -> Template | Refusal:
    """Return the template with one more view, in the place of the oldest that joined where there is no room.

    Args:
        template: the user's.
        view: what may join.
        reason: why.
        at_s: when, in seconds since 1970.
        terms: what it is judged by.
    """
    refusal = _refusal(template, view, reason, terms)
    if refusal is not None:
        return refusal
    stay = room(template, terms.rules, most=terms.most) - 1
    kept = template.joined[max(0, len(template.joined) - stay) :]
    first = len(template.enrolled.vectors)
    begin = len(template.vectors) - len(kept)
    return replace(
        template,
        vectors=np.concatenate([template.vectors[:first], template.vectors[begin:], view.vector[np.newaxis]]),
        poses=(*template.poses[:first], *template.poses[begin:], view.pose),
        joined=(*kept, Joined(at_s, reason)),
        generation=template.generation + 1,
    )


def without_newest(template: Template, count: int) -> Template:
    """Return the template without the newest ``count`` views that joined; enrolled ones stay whatever the count."""
    gone = min(count, len(template.joined))
    left = len(template.vectors) - gone
    return replace(
        template,
        vectors=template.vectors[:left],
        poses=template.poses[:left],
        joined=template.joined[: len(template.joined) - gone],
        generation=template.generation + 1,
    )


def is_near(template: Template, view: View, reason: Reason, terms: Terms) -> bool:
    """Say whether a view is near to what was enrolled, as if nothing had joined.

    The enrolled views alone must match it, by the margin or as a near miss; and its first half, the one that says who
    it is, must be within ``centre_cosine`` of their mean direction. NaN is near to nothing.
    """
    enrolled, rules = template.enrolled, terms.rules
    by = rules.margin if reason is Reason.MATCH else -rules.near_miss
    alone = half_scores(view.vector, enrolled, terms.strategy, terms.halves)
    centre = half_scores(view.vector, enrolled, "centre", terms.halves).of(terms.halves[0].name)
    bounds = {half: cosine + by for half, cosine in view.needed.items()}
    return alone.reach(bounds) and centre >= rules.centre_cosine


def _refusal(template: Template, view: View, reason: Reason, terms: Terms) -> Refusal | None:
    if room(template, terms.rules, most=terms.most) == 0:
        return Refusal.NO_ROOM
    if not _is_straight(view.pose, terms.poses):
        return Refusal.TURNED
    if not is_near(template, view, reason, terms):
        return Refusal.NOT_NEAR
    return Refusal.ALIKE if _is_alike(template, view, terms) else None


def _is_straight(pose: HeadPose, within: PoseRange) -> bool:
    return band_of("straight", within).holds(pose) and abs(pose.roll_deg) <= _UPRIGHT_DEG  # False for NaN


def _is_alike(template: Template, view: View, terms: Terms) -> bool:
    """Say whether the first half of a view is nearly that of one that is there; NaN is."""
    name = terms.halves[0].name
    there, seen = (half_vectors(vectors, terms.halves)[name] for vectors in (template.vectors, view.vector))
    return not float((there @ seen).max()) < terms.rules.alike_cosine
