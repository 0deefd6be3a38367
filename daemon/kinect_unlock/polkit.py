"""Asks polkit whether somebody may do what only root may otherwise; polkit asks them for a password.

A connection of its own for each question, which lasts as long as a person takes to answer: what waits here is one
claim, never the event loop. Without polkit, without an answer in time, and for a second question of the same user while
the first waits, the answer is no.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from dbus_fast import BusType, DBusError, InvalidAddressError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from kinect_unlock.complaints import Complaints
from kinect_unlock.deeds import Deed, deed_of
from kinect_unlock.ports import Peer
from kinect_unlock.wire import AnyRequest

NAME: Final = "org.freedesktop.PolicyKit1"
PATH: Final = "/org/freedesktop/PolicyKit1/Authority"
INTERFACE: Final = "org.freedesktop.PolicyKit1.Authority"
LIMIT_S: Final = 45.0  # for a person to type a password; the command waits for a minute
_CONNECT_S: Final = 2.0
_CANCEL_S: Final = 1.0
_MAY_ASK_THE_USER: Final = 1  # CheckAuthorizationFlags
_START_TIME_UNKNOWN: Final = 0  # polkit looks: the service sees no other user's processes

_LOG = logging.getLogger(__name__)


class Polkit:
    """An `Authority`."""

    def __init__(
        self,
        name_of: Callable[[int], Awaitable[str | None]],
        address: str | None = None,
        *,
        limit_s: float = LIMIT_S,
    ) -> None:
        """``name_of`` knows a uid's user; ``address`` is a bus's, None the system's; an answer may take ``limit_s``."""
        self._name_of = name_of
        self._address = address
        self._limit_s = limit_s
        self._asking: set[int] = set()
        self._complaints = Complaints()

    async def permits(self, peer: Peer, request: AnyRequest) -> bool:
        """See `Authority.permits`."""
        deed = deed_of(request, await self._name_of(peer.uid))
        return deed is not None and await self.allows(peer, deed)

    async def allows(self, peer: Peer, deed: Deed) -> bool:
        """Ask polkit; not more than one question of a user's at a time."""
        if peer.uid in self._asking or peer.pid <= 0:
            return False
        self._asking.add(peer.uid)
        try:
            allowed = await self._asked(peer, deed)
        except (OSError, EOFError, DBusError, InvalidAddressError, TimeoutError, ValueError) as fault:
            self._log(logging.WARNING, peer, f"deed={deed} fault={fault!r}")
            return False
        finally:
            self._asking.discard(peer.uid)
        self._log(logging.INFO, peer, f"deed={deed} allowed={allowed}")
        return allowed

    def _log(self, level: int, peer: Peer, said: str) -> None:
        if self._complaints.may(peer.uid, asyncio.get_running_loop().time()):
            _LOG.log(level, "event=polkit uid=%d pid=%d %s", peer.uid, peer.pid, said)

    async def _asked(self, peer: Peer, deed: Deed) -> bool:
        bus = MessageBus(self._address, BusType.SYSTEM)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await bus.connect()
            return await self._check(bus, peer, deed)
        finally:
            bus.disconnect()

    async def _check(self, bus: MessageBus, peer: Peer, deed: Deed) -> bool:
        who = {
            "pid": Variant("u", peer.pid),
            "start-time": Variant("t", _START_TIME_UNKNOWN),
            "uid": Variant("i", peer.uid),  # as the kernel said: a number that was used again is not believed
        }
        name = secrets.token_hex(8)
        question: list[object] = [["unix-process", who], deed.value, {}, _MAY_ASK_THE_USER, name]
        try:
            async with asyncio.timeout(self._limit_s):
                reply = await bus.call(_call("CheckAuthorization", "(sa{sv})sa{ss}us", *question))
        except (TimeoutError, asyncio.CancelledError):
            await _take_back(bus, name)
            raise
        if reply.message_type is not MessageType.METHOD_RETURN or reply.signature != "(bba{ss})":
            raise ValueError(f"{reply.error_name} {reply.body}")
        ((allowed, _, _),) = reply.body
        return allowed is True


async def _take_back(bus: MessageBus, name: str) -> None:
    """Have the question disappear from the screen."""
    with suppress(OSError, EOFError, DBusError, TimeoutError):
        async with asyncio.timeout(_CANCEL_S):
            await bus.call(_call("CancelCheckAuthorization", "s", name))


def _call(member: str, signature: str, *body: object) -> Message:
    return Message(NAME, PATH, INTERFACE, member, signature=signature, body=list(body))
