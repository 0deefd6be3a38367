"""Makes one record of every attempt, whatever way it ends, and keeps and tells it. On the event loop only."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from kinect_unlock.audit import WELL, Op, Record, ending, fields, is_of, kept
from kinect_unlock.clock import NS_PER_MS, NS_PER_S, Clock
from kinect_unlock.complaints import told_apart
from kinect_unlock.frames import Origin
from kinect_unlock.ports import AuditTrail, Camera, Peer, Recogniser, RunFacts
from kinect_unlock.tally import Tally
from kinect_unlock.wire import AnyRequest, Enrol, Hint, Identify, Records, Reply, Verify, Word

_LOG = logging.getLogger(__name__)

HashOf: TypeAlias = Callable[[str | None], Awaitable[str | None]]
NameOf: TypeAlias = Callable[[int], Awaitable[str | None]]
Announce: TypeAlias = Callable[[Record], None]

# A user's refusals that never reached the camera, of which each has a record; more are counted.
REFUSALS: Final = 30
REFUSALS_NS: Final = 60 * NS_PER_S
_UNSAID: Final = Reply(Word.INTERNAL_ERROR, done=True, message="it ended without an answer")


def log_line(record: Record) -> None:
    """Write a record as a line of the log."""
    told = " ".join(f"{name}={_quoted(value)}" for name, value in fields(record).items())
    _LOG.info("event=attempt %s", told)


async def unknown(what: object) -> None:
    """Say that nothing is known of it."""
    del what


@dataclass(slots=True)
class Course:
    """One attempt from its request to its record; ``op`` None: a request that is no attempt, and leaves none."""

    op: Op | None
    peer: Peer
    user: str | None
    service: str | None
    stream: str | None
    begun_ns: int
    tally: Tally = field(default_factory=Tally)
    hint: Hint | None = None
    reply: Reply | None = None
    hashed: asyncio.Task[str | None] | None = None

    def hear(self, reply: Reply) -> None:
        """Take notice of what the person was told."""
        self.hint = reply.hint or self.hint


@dataclass(slots=True)
class _Refusals:
    """How many of one uid's were noted since when, and how many were not."""

    since_ns: int
    noted: int = 0
    uncounted: int = 0


class Auditor:
    """Opens a course for every request and closes it with one record."""

    def __init__(
        self,
        facts: RunFacts,
        recogniser: Recogniser,
        camera: Camera,
        clock: Clock,
        trail: AuditTrail,
        *,
        announce: Announce = log_line,
        hash_of: HashOf = unknown,
        name_of: NameOf = unknown,
    ) -> None:
        """``hash_of`` knows the recording that is played as a stream, ``name_of`` a uid's user."""
        self.trail = trail
        self._facts = facts
        self._model_id = recogniser.encoder.model_id
        self._camera = camera
        self._clock = clock
        self._announce = announce
        self._hash_of = hash_of
        self._name_of = name_of
        self._refusals: dict[int, _Refusals] = {}

    def begin(self, request: AnyRequest, peer: Peer) -> Course:
        """Begin the course of somebody's request."""
        begun_ns = self._clock.monotonic_ns()
        match request:
            case Verify(user=user, service=service, stream=stream):
                return self._hashed(Course("verify", peer, user, service, stream, begun_ns))
            case Enrol(user=user, stream=stream):
                return self._hashed(Course("enrol", peer, user, None, stream, begun_ns))
            case Identify(vectors=(), stream=stream):
                return self._hashed(Course("identify", peer, None, None, stream, begun_ns))
            case _:
                return Course(None, peer, None, None, None, begun_ns)

    def begin_own(self, user: str, op: Op | None) -> Course:
        """Begin the course of what the daemon does by itself; with an ``op`` if that is an attempt to open."""
        me = Peer(self._facts.pid, self._facts.own_uid, self._facts.own_uid)
        course = Course(op, me, user, None, None, self._clock.monotonic_ns())
        return course if op is None else self._hashed(course)

    @asynccontextmanager
    async def following(self, course: Course) -> AsyncIterator[Course]:
        """Follow a course to its end, and make its record whatever end that is."""
        try:
            yield course
            if course.hashed is not None:
                await asyncio.wait({course.hashed})
        finally:
            self._close(course)

    async def told(self, ask: Records, peer: Peer, *, everybodys: bool) -> Reply:
        """Tell records, newest first: a peer's own, or everybody's."""
        name = None if everybodys else await self._name_of(peer.uid)

        def is_wanted(record: Record) -> bool:
            theirs = everybodys or is_of(record, uid=peer.uid, name=name)
            asked = ask.user is None or record.user == ask.user
            return theirs and asked and (ask.since_s is None or record.at_s >= ask.since_s)

        found = self.trail.newest(is_wanted, most=ask.count, before=ask.before)
        return Reply(Word.OK, done=True, data={"records": [msgspec.to_builtins(record) for record in found]})

    def _hashed(self, course: Course) -> Course:
        """Begin to find out which recording is played, where one is."""
        if self._facts.origin is Origin.RECORDING:
            course.hashed = asyncio.ensure_future(self._hash_of(course.stream))
        return course

    def _close(self, course: Course) -> None:
        hashed = course.hashed
        if hashed is not None and not hashed.done():
            hashed.cancel()
        if course.op is None:
            return
        uncounted = self._uncounted(course)
        if uncounted is None:
            return
        reply = course.reply or _UNSAID
        told = kept(ending(reply, course.tally, course.hint))
        record = Record(
            number=0,
            at_s=self._clock.wall_s(),
            op=course.op,
            word=told.word,
            uid=course.peer.uid,
            pid=course.peer.pid,
            user=course.user or told.user,
            service=course.service,
            cause=told.cause,
            detail=told.detail,
            cues=told.cues,
            duration_ms=(self._clock.monotonic_ns() - course.begun_ns) // NS_PER_MS,
            frames=course.tally.frames,
            hint=told.hint,
            model_id=self._model_id,
            camera=self._camera.report().serial if course.tally.frames else "",
            origin=self._facts.origin.value,
            stream=course.stream,
            stream_sha256=hashed.result() if hashed is not None and _has_result(hashed) else None,
            uncounted=uncounted,
        )
        self._announce(self.trail.note(record))

    def _uncounted(self, course: Course) -> int | None:
        """Return how many refusals had no record before this one, None if this one has none either.

        Whoever asks in vain as fast as they can fills neither the journal nor the place of others' records.
        """
        if course.tally.frames or (course.reply is not None and course.reply.word in WELL):
            return 0
        now_ns = self._clock.monotonic_ns()
        whose = told_apart(course.peer.uid, self._refusals, lambda one: now_ns - one.since_ns >= REFUSALS_NS)
        known = self._refusals.setdefault(whose, _Refusals(now_ns))
        if now_ns - known.since_ns >= REFUSALS_NS:
            known.since_ns, known.noted = now_ns, 0
        if known.noted >= REFUSALS:
            known.uncounted += 1
            return None
        known.noted += 1
        uncounted, known.uncounted = known.uncounted, 0
        return uncounted


def _has_result(task: "asyncio.Task[str | None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _quoted(value: str) -> str:
    """Return a value as it stands in a line: bare if it is one word of harmless signs."""
    return value if value.isascii() and value.isprintable() and " " not in value and value else repr(value)
