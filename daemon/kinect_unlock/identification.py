"""Who is it? By the camera, with the same care for frames as an attempt to unlock, or by a vector. Never opens.

What it says of a face counts for and against nobody: it is about no user, so that a count would let whoever sits there
lock others out, and ends no lock-out. It can therefore be asked as often as one likes whether a forgery looks live, and
whom it is taken for. Only root and the daemon's own user may, who can read templates and counts anyway, and polkit lets
nobody else (`kinect_unlock.deeds`); what the daemon looks at by itself (`kinect_unlock.guarding`) opens nothing either.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from kinect_unlock import evidence as ev
from kinect_unlock.arrays import F32
from kinect_unlock.attempts import CameraAttempt, Claim, Desk, Machine
from kinect_unlock.decisions import frame_facts
from kinect_unlock.hinting import hint_for
from kinect_unlock.machines.identify import IDENTIFY, OPEN_STATES, Effect, Event, State
from kinect_unlock.matching import identify, mean_of_halves
from kinect_unlock.observations import Modality, Observation, Seen
from kinect_unlock.ports import Use
from kinect_unlock.templates import Template
from kinect_unlock.wire import Hint, Reply, Word

MACHINE: Final = Machine(IDENTIFY, OPEN_STATES, Event.START, Event.TIMED_OUT, Event.CANCEL, Event.SOURCE_LOST)


def name_of(desk: Desk, vectors: Sequence[F32]) -> str | None:
    """Return the user that the mean of embeddings f32[D] belongs to by the encoder's first half, None for nobody.

    Raises:
        StoreError: a template cannot be read: naming somebody else instead would be wrong.
    """
    layout = desk.recogniser.encoder.layout
    try:
        mean = mean_of_halves(vectors, layout)
    except ValueError:  # they show several people
        return None
    found = identify(
        mean,
        _comparable(desk),
        layout,
        threshold=desk.recogniser.identity.cosine,
        margin=desk.config.match.identify_margin,
        strategy=desk.config.match.strategy,
    )
    return found.user


def _comparable(desk: Desk) -> list[Template]:
    loaded = [desk.templates.load(name) for name in desk.templates.users()]
    return [one for one in loaded if one is not None and desk.recogniser.fits(one)]


class IdentifyAttempt(CameraAttempt[State, Event, Effect]):
    """One look at who is before the camera."""

    use: ClassVar[Use] = "verify"

    def __init__(self, desk: Desk, claim: Claim) -> None:
        super().__init__(desk, claim, MACHINE, State.IDLE)
        self._evidence = ev.Evidence(desk.recogniser.encoder.layout)

    def limit_s(self) -> float:
        """Return how long a look may take."""
        return self.desk.config.attempt.timeout_s

    def judge(self, observation: Observation, first_ns: int) -> None:
        """Gather one frame."""
        if self.has_waited_long(observation, first_ns):
            self.expire()
            return
        self._gather(observation)
        in_color = observation.modality is Modality.COLOR
        self.tell_hint(hint_for(observation, self.desk.config.ranges) if in_color else Hint.MORE_LIGHT)
        self.tell_frame(frame_facts(observation, first_ns), observation)
        rules = self.desk.config.evidence
        if self._evidence.rejections >= rules.reject_after:
            self.feed(Event.REJECTED)
        elif ev.votes_hold(self._evidence, rules):
            self.feed(Event.SEEN_ENOUGH)

    def carry_out(self, effect: Effect) -> None:
        """Do what a step orders."""
        orders: dict[Effect, Callable[[], None]] = {
            Effect.OPEN_SOURCE: self.open_source,
            Effect.CLOSE_SOURCE: self.close_source,
            Effect.REPORT_NAME: self._report_name,
            Effect.REPORT_UNKNOWN: lambda: self.report(Word.IDENTIFIED),
            Effect.REPORT_TIMED_OUT: lambda: self.report(Word.TIMED_OUT),
            Effect.REPORT_CANCELLED: lambda: self.report(Word.CANCELLED),
            Effect.REPORT_FAULT: self.report_fault,
        }
        orders[effect]()

    def _gather(self, observation: Observation) -> None:
        """Count every live face as the one to be named; who it is, is asked of their mean alone."""
        rules = self.desk.config.evidence
        if observation.seen is Seen.MANY_FACES:
            self._evidence = ev.with_second_face(self._evidence, rules)
            return
        embedding = observation.embedding
        if observation.modality is not Modality.COLOR:  # names are by colour alone
            return
        if embedding is not None and embedding.model_id != self.desk.recogniser.encoder.model_id:
            return
        vote = ev.Vote.SPOOF if observation.seen is Seen.SPOOF else ev.Vote.OWNER
        ballot = ev.ballot_of(observation, vote)
        if ballot is not None:
            self._evidence = ev.with_ballot(self._evidence, ballot, rules)

    def _report_name(self) -> None:
        user = name_of(self.desk, self._evidence.vectors)
        self.end(Reply(Word.IDENTIFIED, done=True, user=user))
