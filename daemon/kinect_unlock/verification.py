"""Is it the user? Drives the verify machine with the frames' evidence and keeps the user's ledger."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from kinect_unlock import evidence as ev
from kinect_unlock import limiter
from kinect_unlock.adaptation import Impression, View
from kinect_unlock.attempts import CameraAttempt, Claim, Desk, Machine
from kinect_unlock.decisions import NO_ATTEMPT, Facts, frame_facts
from kinect_unlock.errors import OtherCamera
from kinect_unlock.halves import HalfName
from kinect_unlock.hinting import hint_for
from kinect_unlock.limiter import Ledger
from kinect_unlock.machines.verify import OPEN_STATES, VERIFY, Effect, Event, State
from kinect_unlock.matching import Bar, HalfScores, Known, cosines_needed
from kinect_unlock.nod import Nodding, Tilt, with_tilt
from kinect_unlock.observations import Modality, Observation, Seen
from kinect_unlock.ports import Use
from kinect_unlock.templates import Template
from kinect_unlock.wire import Hint, Reply, Word

MACHINE: Final = Machine(VERIFY, OPEN_STATES, Event.START, Event.TIMED_OUT, Event.CANCEL, Event.SOURCE_LOST)


def resting_state(ledger: Ledger) -> State:
    """Return the state that a user's machine is in between attempts."""
    if ledger.locked_out:
        return State.LOCKED_OUT
    return State.IDLE if ledger.cooldown_from is None else State.COOLDOWN


class VerifyAttempt(CameraAttempt[State, Event, Effect]):
    """One attempt to be recognised as ``template``'s user."""

    use: ClassVar[Use] = "verify"

    def __init__(self, desk: Desk, claim: Claim, template: Template, ledger: Ledger) -> None:
        super().__init__(desk, claim, MACHINE, resting_state(ledger))
        self._template = template
        self._known = Known(template, desk.config.match.strategy, desk.recogniser.encoder.layout)
        self._ledger = ledger
        self._evidence = ev.Evidence(desk.recogniser.encoder.layout)
        self._somebody = True  # as the client was told
        self._nodding = Nodding()  # the owner's head, since the last break
        self.saw_spoof = False
        self.impression: Impression | None = None  # of the newest frame in colour that counted

    @property
    def template(self) -> Template:
        """What the attempt compares with."""
        return self._template

    def rest(self) -> None:
        """Leave a cool-down that is over."""
        now = self.desk.clock.boot_time()
        if self.state is State.COOLDOWN and limiter.cooldown_left_s(self._ledger, now) == 0.0:
            self.feed(Event.COOLDOWN_OVER)

    def password_accepted(self) -> None:
        """End because the user gave their password meanwhile."""
        if not self.ended.done():
            self.message = "a password was accepted meanwhile"
            self.feed(Event.PASSWORD_OK)

    def limit_s(self) -> float:
        """Return how long an attempt may take."""
        return self.desk.config.attempt.timeout_s

    def expire(self) -> None:
        """End because time is up: as a rejection, if enough was seen to reject, or for want of a nod alone."""
        if limiter.is_failure(self._evidence.rejections, self.desk.config.evidence):
            self.feed(Event.REJECTED)
        else:
            self.feed(Event.NOT_MEANT if self.claim.tally.nod_due else Event.TIMED_OUT)

    def judge(self, observation: Observation, first_ns: int) -> None:
        """Weigh one frame."""
        other = self._other_camera()
        if other is not None:
            self.lost(other)
            return
        if self.has_waited_long(observation, first_ns):
            self.expire()
            return
        self.feed(Event.FACE_FOUND if observation.shows_face else Event.FACE_LOST)
        self._tell_presence(observation)
        votes = bool(self._bars(observation.modality))
        self.tell_hint(hint_for(observation, self.desk.config.ranges) if votes else Hint.MORE_LIGHT)
        judgement = self._weigh(observation, first_ns)
        if judgement is ev.Judgement.ACCEPTED:
            nod_due = self.claim.tally.nod_due = self.claim.intent and not self._nodding.nodded
            self.feed(Event.RECOGNISED if nod_due else Event.ACCEPTED)
        elif judgement is ev.Judgement.REJECTED:
            self.feed(Event.REJECTED)

    def carry_out(self, effect: Effect) -> None:
        """Do what a step orders."""
        orders: dict[Effect, Callable[[], None]] = {
            Effect.OPEN_SOURCE: self.open_source,
            Effect.CLOSE_SOURCE: self.close_source,
            Effect.SETTLE: self._settle,
            Effect.CLEAR_FAILURES: self._clear_failures,
            Effect.RECORD_PASSWORD: self._record_password,
            Effect.END_COOLDOWN: self._end_cooldown,
            Effect.ASK_NOD: lambda: self.tell_now(Hint.NOD),
            Effect.REPORT_MATCH: lambda: self.report(Word.MATCH),
            Effect.REPORT_NO_MATCH: lambda: self.report(Word.NO_MATCH),
            Effect.REPORT_TIMED_OUT: lambda: self.report(Word.TIMED_OUT),
            Effect.REPORT_NO_NOD: lambda: self.report(Word.NO_NOD),
            Effect.REPORT_CANCELLED: lambda: self.report(Word.CANCELLED),
            Effect.REPORT_FAULT: self.report_fault,
            Effect.REPORT_COOLING_DOWN: self._report_cooling_down,
            Effect.REPORT_LOCKED_OUT: lambda: self.report(Word.LOCKED_OUT),
        }
        orders[effect]()

    def _other_camera(self) -> OtherCamera | None:
        """Return why this camera's frames are not compared with the template; one that hides its number is another."""
        enrolled, found = self._template.camera, self.desk.camera.report().serial
        if enrolled in {"", found}:
            return None
        this = f"this is camera {found}" if found else "this one does not say its number"
        return OtherCamera(f"enrolled with camera {enrolled}, {this}: enrol again with this camera")

    def _tell_presence(self, observation: Observation) -> None:
        """Tell when nobody is in range any more, and when somebody is again: a login may not want to wait."""
        if observation.somebody is not self._somebody:
            self._somebody = observation.somebody
            self.claim.send(Reply(Word.SOMEBODY if observation.somebody else Word.NOBODY))

    def _weigh(self, observation: Observation, first_ns: int) -> ev.Judgement:
        config = self.desk.config
        vote, scores_of_frame = self._vote(observation)
        before = self._evidence
        self._evidence = ev.with_observation(before, observation, vote, config.evidence)
        counted = vote is not None and self._evidence is not before
        if self._evidence.breaks != before.breaks or vote is ev.Vote.SPOOF:
            self._nodding = Nodding()  # whoever nods is the one who was there before
            self.claim.tally.nod_due = False  # and nobody else is told that they were recognised
        if counted and vote is ev.Vote.OWNER and observation.face is not None:
            tilt = Tilt(observation.captured_ns, observation.face.pose.pitch_deg)
            self._nodding = with_tilt(self._nodding, tilt)
        scores_of_mean = ev.mean_scores(self._evidence, self._known)
        needed = ev.needed_of_mean(self._evidence, self._bars(self._evidence.modality))
        facts = frame_facts(
            observation,
            first_ns,
            vote=None if vote is None else vote.value,
            counted=counted,
            scores=None if scores_of_frame is None else scores_of_frame.cosines,
            mean_scores=scores_of_mean.cosines if counted else None,
            thresholds=needed,
        )
        self.saw_spoof = self.saw_spoof or observation.seen is Seen.SPOOF
        if counted:
            self.impression = self._impression(observation, scores_of_mean, needed)
        would = self._would(observation, scores_of_frame)
        self.tell_frame({**facts, **would, "breaks": self._evidence.breaks}, observation)
        return ev.judge(self._evidence, scores_of_mean=scores_of_mean, needed=needed, rules=config.evidence)

    def _impression(
        self, observation: Observation, scores_of_mean: HalfScores, needed: Mapping[HalfName, float]
    ) -> Impression | None:
        embedding, face = observation.embedding, observation.face
        if embedding is None or face is None or observation.modality is not Modality.COLOR:
            return None
        of_frame = cosines_needed(self._bars(Modality.COLOR), (face.pose.distance_mm,))
        return Impression(View(embedding.vector, face.pose, of_frame), self._evidence, scores_of_mean, needed)

    def _vote(self, observation: Observation) -> tuple[ev.Vote | None, HalfScores | None]:
        """Return a frame's vote and its scores, and count which halves fell short."""
        bars = self._bars(observation.modality)
        vote, scores = ev.vote_of(observation, self._known, bars, model_id=self._template.model_id)
        if scores is not None and observation.face is not None:
            needed = cosines_needed(bars, (observation.face.pose.distance_mm,))
            self.claim.tally.fell_short(scores.short_of(needed))
        return vote, scores

    def _bars(self, modality: Modality) -> tuple[Bar, ...]:
        """Return what a face must reach in one light; none, where nothing is ever enough."""
        enrolled = self._template.views(modality) is not None
        return self.desk.recogniser.bars_in(modality) if enrolled else ()

    def _would(self, observation: Observation, scores: HalfScores | None) -> Facts:
        """Return, for an explanation only, how a face would vote in a light without thresholds by those of colour."""
        if observation.face is None or scores is None or not scores.cosines or self._bars(observation.modality):
            return {}
        needed = cosines_needed(self.desk.recogniser.bars, (observation.face.pose.distance_mm,))
        return {"would": ev.vote_for(scores, needed).value} if needed else {}

    def _settle(self) -> None:
        config = self.desk.config
        self._ledger = limiter.settle(
            self._ledger,
            self.desk.clock.boot_time(),
            failed=limiter.is_failure(self._evidence.rejections, config.evidence),
            base_s=config.attempt.cooldown_s,
            max_failures=config.limits.max_failures,
        )
        self.desk.book.settle(self._template.user, self._ledger)
        if self._ledger.locked_out:
            self.step(Event.RETRIES_SPENT)

    def _clear_failures(self) -> None:
        self._keep(limiter.matched(self._ledger, self.desk.clock.boot_time()))

    def _record_password(self) -> None:
        self._keep(limiter.password_accepted(self._ledger, self.desk.clock.boot_time()))

    def _end_cooldown(self) -> None:
        self._keep(limiter.rested(self._ledger))

    def _keep(self, ledger: Ledger) -> None:
        self.desk.book.save(self._template.user, ledger)
        self._ledger = ledger

    def _report_cooling_down(self) -> None:
        left_s = limiter.cooldown_left_s(self._ledger, self.desk.clock.boot_time())
        self.end(Reply(Word.COOLING_DOWN, done=True, user=self._template.user, wait_s=round(left_s + 0.05, 1)))


def record_password(desk: Desk, user: str) -> None:
    """Clear what is held against a user who is not before the camera, for their password was right.

    Raises:
        StoreError: their ledger cannot be read or written; everything stays held against them.
    """
    ledger = desk.book.open(user)
    before = resting_state(ledger)
    after = VERIFY.step(before, Event.PASSWORD_OK).to
    desk.book.save(user, limiter.password_accepted(ledger, desk.clock.boot_time()))
    desk.log.state(VERIFY.name, NO_ATTEMPT, before, Event.PASSWORD_OK, after)
