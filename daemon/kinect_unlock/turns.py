"""Gives whoever asked a turn before the camera: takes the place, begins the attempt, and opens what it was for."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias, assert_never

from kinect_unlock.adapting import Adapting
from kinect_unlock.admission import Door, Entry, begin_enrol, begin_verify, is_allowed
from kinect_unlock.attempts import Claim, Desk, fault_reply
from kinect_unlock.claims import Rank
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.floor import AnyAttempt, Floor
from kinect_unlock.identification import IdentifyAttempt
from kinect_unlock.ports import Peer, PictureLine, RunFacts
from kinect_unlock.previewing import PreviewAttempt, noted
from kinect_unlock.sessions import Sessions
from kinect_unlock.tally import Tally
from kinect_unlock.verification import VerifyAttempt
from kinect_unlock.wire import AnyRequest, Enrol, Identify, Preview, Reply, Verify, Word

Send: TypeAlias = Callable[[Reply], None]
CameraRequest: TypeAlias = Verify | Enrol | Identify

_TAKEN: Final = Reply(Word.BUSY, done=True, message="another claim has the camera; ask again when it is done")


def op_of(request: AnyRequest) -> str:
    """Return what a request is called on the wire."""
    return str(request.__struct_config__.tag)


class Turns:
    """One turn after the other; who may ask at all was found out before."""

    def __init__(self, desk: Desk, floor: Floor, door: Door, sessions: Sessions, adapting: Adapting) -> None:
        self._desk = desk
        self._floor = floor
        self._door = door
        self._sessions = sessions
        self._adapting = adapting

    async def attempt(
        self, request: CameraRequest, entry: Entry, tell: Send, gone: asyncio.Event, tally: Tally
    ) -> Reply:
        """Answer somebody who wants to be looked at, to the last reply."""
        peer = entry.peer
        if not await self._floor.place.take(peer.uid):
            return _TAKEN
        try:
            claim = Claim(
                number=self._floor.next_number(),
                uid=peer.uid,
                user=None if isinstance(request, Identify) else request.user,
                stream=request.stream,
                explain=is_explained(request, peer, self._desk.facts),
                send=tell,
                intent=entry.intent,
                tally=tally,
            )
            reply = await self._attempted(request, claim, gone, entry)
            self._desk.log.decision(claim.number, op_of(request), claim.user, reply)
            return reply
        finally:
            self._floor.place.leave()

    async def preview(
        self, request: Preview, peer: Peer, tell: Send, gone: asyncio.Event, pictures: PictureLine
    ) -> Reply:
        """Answer somebody who wants to see what the camera sees, to the last reply."""
        if not await self._floor.place.take(peer.uid, Rank.PREVIEW):
            return _TAKEN
        try:
            number = self._floor.next_number()
            claim = Claim(number, peer.uid, user=None, stream=request.stream, explain=False, send=tell)
            watching = PreviewAttempt(self._desk, claim, pictures, request.rate_hz)
            with noted(watching, peer):
                return await self._floor.see_through(watching, gone)
        except KinectUnlockError as error:
            return fault_reply(error)
        finally:
            self._floor.place.leave()

    async def _attempted(self, request: CameraRequest, claim: Claim, gone: asyncio.Event, entry: Entry) -> Reply:
        try:
            begun = self._begin(request, claim)
            ticket = self._sessions.ticket(request.user) if isinstance(request, Verify) and request.unlock else None
            reply = begun if isinstance(begun, Reply) else await self._floor.see_through(begun, gone)
            if isinstance(begun, VerifyAttempt):
                self._adapting.ended(begun, matched=reply.word is Word.MATCH)
            if reply.word is Word.MATCH and (refused := self._door.refusal(entry)) is not None:
                claim.tally.barred = refused.cause
                message = f"matched, but something is another than it was: {refused.message}"
                return Reply(Word.CANCELLED, done=True, user=claim.user, message=message)
            if ticket is not None and claim.user is not None and reply.word is Word.MATCH:
                waits = partial(self._is_waited_for, gone)
                return await self._sessions.opened(ticket, claim.user, is_wanted=waits)
        except KinectUnlockError as error:
            return fault_reply(error)
        return reply

    def _is_waited_for(self, gone: asyncio.Event) -> bool:
        return not (gone.is_set() or self._floor.closing or self._floor.barred)

    def _begin(self, request: CameraRequest, claim: Claim) -> AnyAttempt | Reply:
        match request:
            case Verify():
                return begin_verify(self._desk, request, claim)
            case Enrol(user=user):
                return begin_enrol(self._desk, claim, user)
            case Identify():
                return IdentifyAttempt(self._desk, claim)
            case _:
                assert_never(request)


def is_explained(request: AnyRequest, peer: Peer, facts: RunFacts) -> bool:
    """Say whether a peer asked for reasons and may have them: root and the daemon's own user, never PAM's users."""
    return isinstance(request, Verify | Enrol) and request.explain and is_allowed(request, peer, facts)
