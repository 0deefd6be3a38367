"""Lets views join templates after an attempt, as far as `kinect_unlock.adaptation` allows; never before its answer.

What it remembers between attempts is in memory alone: when a spoof was last seen, and each user's last near miss.
"""

import logging
from dataclasses import dataclass

from kinect_unlock.adaptation import Refusal, Terms, View, joined, reason_to_join
from kinect_unlock.attempts import Desk
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.errors import StoreError
from kinect_unlock.templates import Reason
from kinect_unlock.verification import VerifyAttempt

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Offer:
    view: View
    generation: int
    ended_ns: int


class Adapting:
    """What joins whose template; on the event loop."""

    def __init__(self, desk: Desk) -> None:
        config, recogniser = desk.config, desk.recogniser
        self._desk = desk
        self._terms = Terms(
            halves=recogniser.encoder.layout,
            strategy=config.match.strategy,
            poses=config.ranges.enrol,
            rules=config.adapt,
            most=recogniser.template_vectors_max,
            votes_needed=config.evidence.votes_needed,
        )
        self._spoof_ns: int | None = None  # when one was last seen, whoever it was to be
        self._missed: dict[str, _Offer] = {}
        self._ended: list[tuple[VerifyAttempt, bool]] = []  # of which nothing was learned yet

    def ended(self, attempt: VerifyAttempt, *, matched: bool) -> None:
        """Take notice of an attempt that is over; `learn` when it has been answered."""
        self._ended.append((attempt, matched))

    def learn(self) -> None:
        """Let join what may of the attempts that are over."""
        while self._ended:
            attempt, matched = self._ended.pop(0)
            self._learn(attempt, matched=matched)

    def password_accepted(self, user: str) -> None:
        """Take notice that a user's password was right, as root's login stack says."""
        self.learn()
        missed, now_ns = self._missed.pop(user, None), self._desk.clock.monotonic_ns()
        if missed is None or self._is_quiet(now_ns):
            return
        if now_ns - missed.ended_ns <= self._desk.config.adapt.password_within_s * NS_PER_S:
            self._join(user, missed, Reason.PASSWORD)

    def forget(self, user: str) -> None:
        """Give up what a password of this user's could still let join."""
        self._missed.pop(user, None)

    def _learn(self, attempt: VerifyAttempt, *, matched: bool) -> None:
        user, now_ns = attempt.template.user, self._desk.clock.monotonic_ns()
        self._missed.pop(user, None)
        if attempt.saw_spoof:
            self._spoof_ns = now_ns
            self._missed.clear()
        impression = attempt.impression
        if not self._desk.config.adapt.on or impression is None or self._is_quiet(now_ns):
            return
        reason = reason_to_join(impression, self._terms, matched=matched)
        missed = _Offer(impression.view, attempt.template.generation, now_ns)
        if reason is Reason.MATCH:
            self._join(user, missed, reason)
        elif reason is Reason.PASSWORD:
            self._missed[user] = missed

    def _is_quiet(self, now_ns: int) -> bool:
        """Say whether a spoof was seen so lately that nothing may join."""
        quiet_ns = self._desk.config.adapt.quiet_after_spoof_s * NS_PER_S
        return self._spoof_ns is not None and now_ns - self._spoof_ns <= quiet_ns

    def _join(self, user: str, found: _Offer, reason: Reason) -> None:
        """Save the template with the view; what fails here costs nobody their login."""
        desk = self._desk
        try:
            template = desk.templates.load(user)
            if template is None or template.generation != found.generation:
                return  # forgotten, or enrolled anew meanwhile
            after = joined(template, found.view, reason, desk.clock.wall_s(), self._terms)
            if isinstance(after, Refusal):
                _LOG.debug("event=not-adapted user=%s why=%s", user, after)
                return
            desk.templates.save(after)
        except StoreError as fault:
            _LOG.warning("event=not-adapted user=%s message=%r", user, str(fault))
        else:
            _LOG.info("event=adapted user=%s reason=%s joined=%d", user, reason, len(after.joined))
