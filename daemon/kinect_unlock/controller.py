"""Decides: who may ask what, who has the camera, and what every claim is answered. On the event loop only.

No threads, no sockets, no files: all of that is behind the ports. `Controller.serve` is the whole life of one claim
and sends exactly one reply with ``done``.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from kinect_unlock import answers, keeping
from kinect_unlock.adapting import Adapting
from kinect_unlock.admission import Door, is_allowed
from kinect_unlock.attempts import Desk, fault_reply
from kinect_unlock.audit import explained
from kinect_unlock.auditing import Auditor
from kinect_unlock.claims import ROOT
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.complaints import Complaints
from kinect_unlock.decisions import DecisionLog
from kinect_unlock.entitlement import Cause, Refused
from kinect_unlock.errors import ConfigError, KinectUnlockError
from kinect_unlock.floor import Floor
from kinect_unlock.frames import Origin
from kinect_unlock.ledgers import LedgerBook
from kinect_unlock.ports import (
    Authority,
    Camera,
    Hooks,
    LedgerStore,
    LoginWatch,
    LoopTimers,
    Peer,
    PictureLine,
    Recogniser,
    RunFacts,
    TemplateStore,
    Timers,
)
from kinect_unlock.sessions import Sessions
from kinect_unlock.settings import Config
from kinect_unlock.tally import Tally
from kinect_unlock.turns import Turns, is_explained, op_of
from kinect_unlock.unasked import Unasked
from kinect_unlock.verification import VerifyAttempt, record_password
from kinect_unlock.wire import (
    AnyRequest,
    Enrol,
    EnrolVectors,
    Export,
    Forget,
    History,
    Identify,
    Import,
    KeepingRequest,
    Lock,
    PasswordOk,
    Preview,
    Records,
    Reply,
    Request,
    Status,
    Undo,
    Users,
    Verify,
    Word,
)

__all__ = ["Controller", "Peer"]

_LOG = logging.getLogger(__name__)

Send: TypeAlias = Callable[[Reply], None]

_ONLY_THEIRS: Final = Refused(Cause.NOT_ALLOWED)
_MOST_TOLD_OF: Final = 1024
_STOPPING: Final = "the daemon is stopping; ask again when it is back"


class Controller:
    """The daemon's one decider."""

    def __init__(
        self,
        config: Config,
        facts: RunFacts,
        recogniser: Recogniser,
        *,
        camera: Camera,
        templates: TemplateStore,
        ledgers: LedgerStore,
        hooks: Hooks,
        clock: Clock,
        auditor: Auditor,
        logins: LoginWatch | None = None,
        authority: Authority | None = None,
        budgets: LedgerStore | None = None,
        timers: Timers | None = None,
        decisions: Callable[[str], None] | None = None,
    ) -> None:
        """Without ``logins``, and ``budgets`` for what nobody asks for, nothing is done that nobody asks for.

        ``decisions`` takes one line, without newline, of the decision log at a time; test runs only.

        Raises:
            ConfigError: a decision log in a run that is not for trying out: it would hold scores.
        """
        if decisions is not None and not facts.test_source:
            raise ConfigError("$.log.decisions: a decision log holds scores; only a run with --test-source writes one")
        book = LedgerBook(ledgers, clock)
        log = DecisionLog(decisions)
        timers = timers or LoopTimers()
        self._desk = Desk(config, facts, recogniser, camera, templates, book, clock, timers, log, auditor)
        self._sessions = Sessions(config, hooks, log, logins=logins, timers=self._desk.timers)
        self._door = Door(config, facts, logins, authority)
        self.floor = Floor(self._desk)
        self._unasked: Unasked | None = None
        if logins is not None and budgets is not None:
            self._unasked = Unasked(self._desk, self.floor, self._sessions, logins=logins, budgets=budgets)
        self._adapting = Adapting(self._desk)
        self._turns = Turns(self._desk, self.floor, self._door, self._sessions, self._adapting)
        self._refused = 0
        self._told_of: set[tuple[int, str, Cause]] = set()  # in the log: of a uid's requests of one kind
        self._complaints = Complaints()

    # Claims.

    async def serve(self, request: Request, peer: Peer, send: Send, gone: asyncio.Event) -> None:
        """Answer one claim from its request to its one ``done`` reply."""
        course = self._desk.audit.begin(request, peer)

        def tell(reply: Reply) -> None:
            course.hear(reply)
            send(self.stamped(reply))

        async with self._desk.audit.following(course):
            try:
                reply = course.reply = await self._answer(request, peer, tell, gone, course.tally)
            except KinectUnlockError as error:
                _LOG.warning("event=claim-failed op=%s word=%s message=%r", op_of(request), error.word, str(error))
                reply = course.reply = fault_reply(error)
        if is_explained(request, peer, self._desk.facts):
            reply = explained(reply, course.tally, course.hint)
        tell(reply)
        self._adapting.learn()  # after the answer: nobody waits for a disk
        self._look_anew()

    async def preview(
        self, request: Preview, peer: Peer, send: Send, gone: asyncio.Event, pictures: PictureLine
    ) -> None:
        """Answer one viewer from its request to its one ``done`` reply; ``pictures`` is where pictures go."""

        def tell(reply: Reply) -> None:
            send(self.stamped(reply))

        if self.floor.closing:
            tell(Reply(Word.SHUTTING_DOWN, done=True, message=_STOPPING))
        elif not await self._door.may(request, peer, gone):
            tell(self._refuse(request, peer))
        else:
            tell(await self._turns.preview(request, peer, tell, gone, pictures))

    def stamped(self, reply: Reply) -> Reply:
        """Return a reply as this run says it: what is not a sensor's says so in every line."""
        origin = self._desk.facts.origin
        return reply if origin is Origin.SENSOR else replace(reply, origin=origin.value)

    def shut_down(self) -> None:
        """End the attempt that runs, and answer every later claim with SHUTTING_DOWN."""
        self.floor.close()
        self._look_anew()

    def _look_anew(self) -> None:
        """What was answered may change what is to be done without being asked."""
        if self._unasked is not None:
            self._unasked.refresh()

    # Answers.

    async def _answer(self, request: Request, peer: Peer, tell: Send, gone: asyncio.Event, tally: Tally) -> Reply:
        if self.floor.closing:
            return Reply(Word.SHUTTING_DOWN, done=True, message=_STOPPING)
        entry = await self._door.enter(request, peer, gone)
        if isinstance(entry, Refused):
            tally.barred = entry.cause
            return self._refuse(request, peer, entry)
        match request:
            case Verify() | Enrol() | Identify(vectors=()):
                return await self._turns.attempt(request, entry, tell, gone, tally)
            case Identify():
                return answers.identify_photographs(self._desk, request)
            case Lock() | Records() | PasswordOk() | Forget() | Import():
                return await self._answer_soon(request, peer)
            case _:
                return self._answer_at_once(request, peer)

    async def _on_disk(self, user: str) -> None:
        """Wait for what was done to a user's ledgers."""
        await self._desk.book.written(user)
        if self._unasked is not None:
            await self._unasked.written(user)

    async def _answer_soon(self, request: Lock | Records | PasswordOk | Forget | Import, peer: Peer) -> Reply:
        match request:
            case Records():
                everybodys = is_allowed(request, peer, self._desk.facts)
                return await self._desk.audit.told(request, peer, everybodys=everybodys)
            case PasswordOk() | Forget() | Import():
                reply = self._answer_at_once(request, peer)
                if reply.user is not None:
                    await self._on_disk(reply.user)
                return reply
            case _:
                await self._sessions.lock()
                return Reply(Word.OK, done=True)

    def _refuse(self, request: AnyRequest, peer: Peer, refused: Refused = _ONLY_THEIRS) -> Reply:
        """Answer a peer who may not ask; logged once, or anybody could fill the log until nothing else is kept."""
        op, cause, now_s = op_of(request), refused.cause, self._desk.clock.monotonic_ns() / NS_PER_S
        self._refused += 1
        if len(self._told_of) >= _MOST_TOLD_OF:
            self._told_of.clear()
        if (peer.uid, op, cause) not in self._told_of and self._complaints.may(peer.uid, now_s):
            self._told_of.add((peer.uid, op, cause))
            _LOG.warning("event=refused op=%s uid=%d pid=%d cause=%s", op, peer.uid, peer.pid, cause)
        return Reply(Word.NOT_AUTHORISED, done=True, message=refused.message)

    def _answer_at_once(
        self, request: EnrolVectors | Users | KeepingRequest | Status | PasswordOk, peer: Peer
    ) -> Reply:
        match request:
            case EnrolVectors(user=user) if self.floor.is_about(user):
                return _before_the_camera(user)
            case EnrolVectors():
                return answers.keep_photographs(self._desk, request)
            case Users():
                return answers.users(self._desk)
            case Forget() | History() | Undo() | Export() | Import():
                return self._keep(request, peer)
            case Status():
                unasked = None if self._unasked is None else self._unasked.told()
                return answers.status(self._desk, self._sessions.told(), unasked, self._counters(), self._door.told())
            case PasswordOk(user=user):
                return self._password_accepted(user, peer)
            case _:
                assert_never(request)

    def _keep(self, request: KeepingRequest, peer: Peer) -> Reply:
        """Do something with a template, unless its user is before the camera."""
        user = keeping.whose(request)
        if self.floor.is_about(user):
            return _before_the_camera(user)
        self._adapting.forget(user)
        by_root = peer.uid == ROOT
        if not isinstance(request, Forget):
            return keeping.answer(self._desk, request, by_root=by_root)
        tried = None if self._unasked is None else self._unasked.tried(user, by_root=by_root)
        reply = keeping.answer(self._desk, request, by_root=by_root)
        removed = self._desk.audit.trail.forget(user)
        if removed and reply.word is Word.NOTHING_KEPT:
            reply = replace(reply, word=Word.OK, message=_records_removed(user, removed))
        if self._unasked is not None:
            self._unasked.forget(user, tried)
        return reply

    def _password_accepted(self, user: str, peer: Peer) -> Reply:
        attempt = self.floor.attempt
        recorded = False
        if isinstance(attempt, VerifyAttempt) and attempt.claim.user == user and not attempt.ended.done():
            attempt.password_accepted()
            if attempt.fault is not None:
                return fault_reply(attempt.fault)
            recorded = attempt.desk is self._desk  # what the watch tries is in a ledger of its own
        if not recorded:
            record_password(self._desk, user)
        if peer.uid == ROOT or self._desk.facts.test_source:  # what users say of themselves teaches nothing
            self._adapting.password_accepted(user)
        _LOG.info("event=password-accepted user=%s", user)
        return Reply(Word.OK, done=True, user=user)

    def _counters(self) -> dict[str, int]:
        return {**self.floor.counters(), "refused": self._refused}


def _records_removed(user: str, count: int) -> str:
    records = "one record of an attempt" if count == 1 else f"{count} records of attempts"
    return f"{records} to be {user} removed; nothing else was kept"


def _before_the_camera(user: str) -> Reply:
    return Reply(Word.BUSY, done=True, user=user, message=f"{user} is before the camera; ask again later")
