"""One connection to the system bus, for logind: calls with a limit, signals, and values as plain Python's.

The one module that uses dbus-fast; what that raises is translated here. Three errors of our own never leave the
adapter: `BusLost`, after which the connection is of no more use, `NoBus`, and `Refused`, an answer that is no.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from dbus_fast import BusType, DBusError, InvalidAddressError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from kinect_unlock.logins import Display, Kind, LoginSession, State

LOGIND: Final = "org.freedesktop.login1"
MANAGER_PATH: Final = "/org/freedesktop/login1"
MANAGER: Final = "org.freedesktop.login1.Manager"
SESSION: Final = "org.freedesktop.login1.Session"
USER: Final = "org.freedesktop.login1.User"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
_CALL_LIMIT_S: Final = 2.0  # logind answers in under a millisecond
_RULES: Final = (
    f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{LOGIND}'",
    f"type='signal',sender='{LOGIND}',interface='{MANAGER}'",
    f"type='signal',sender='{LOGIND}',interface='{SESSION}'",
    f"type='signal',sender='{LOGIND}',interface='{PROPERTIES}',path_namespace='{MANAGER_PATH}/session'",
)

_Word = TypeVar("_Word", bound=StrEnum)


class BusLost(Exception):
    """The bus, or logind on it, does not answer any more."""


class NoBus(BusLost):
    """There is no bus at all."""


class Refused(Exception):
    """The answer to one call is an error."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that somebody on the bus said to everybody, or to us alone; who, decides what it is worth."""

    sender: str
    name: str  # interface and member
    path: str
    body: tuple[Any, ...]


class LogindBus:
    """A connection, from `connected`."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus

    async def logind(self, member: str, signature: str = "", *body: object) -> tuple[Any, ...]:
        """Call a method of logind's manager.

        Raises:
            Refused: the answer is an error.
            BusLost: there is none.
        """
        reply = await self._answer(Message(LOGIND, MANAGER_PATH, MANAGER, member, signature=signature, body=list(body)))
        return tuple(reply.body)

    async def owner(self) -> str:
        """Return who owns logind's name.

        Raises:
            Refused: nobody does.
            BusLost: there is no answer.
        """
        reply = await self._answer(Message(BUS, _BUS_PATH, BUS, "GetNameOwner", signature="s", body=[LOGIND]))
        return str(reply.body[0])

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """Return all properties of an object of logind's.

        Raises:
            Refused: there is no such object.
            BusLost: there is no answer.
        """
        reply = await self._answer(Message(LOGIND, path, PROPERTIES, "GetAll", signature="s", body=[interface]))
        return {name: value.value for name, value in reply.body[0].items() if isinstance(value, Variant)}

    async def session(self, path: str) -> LoginSession | None:
        """Return a session, None if what logind says of it makes none.

        Raises:
            Refused: there is no such session.
            BusLost: there is no answer.
        """
        return session_from(await self.properties(path, SESSION))

    async def manager_property(self, name: str) -> object:
        """Return one property of logind's manager, which has many.

        Raises:
            Refused: there is no such property.
            BusLost: there is no answer.
        """
        reply = await self._answer(
            Message(LOGIND, MANAGER_PATH, PROPERTIES, "Get", signature="ss", body=[MANAGER, name])
        )
        value: object = reply.body[0].value
        return value

    async def delay_sleep(self, why: str) -> int | None:
        """Have the machine wait before it sleeps, for as long as the descriptor that is returned is open.

        Raises:
            Refused: logind does not let us.
            BusLost: there is no answer.
        """
        wish = ["sleep", "kinect-unlock", why, "delay"]
        reply = await self._answer(Message(LOGIND, MANAGER_PATH, MANAGER, "Inhibit", signature="ssss", body=wish))
        return reply.unix_fds[0] if reply.unix_fds else None

    async def hear_signals(self) -> None:
        """Have the bus send logind's signals, and tell when logind comes and goes.

        Raises:
            Refused, BusLost: it does not.
        """
        for rule in _RULES:
            await self._answer(Message(BUS, _BUS_PATH, BUS, "AddMatch", signature="s", body=[rule]))

    async def _answer(self, question: Message) -> Message:
        try:
            async with asyncio.timeout(_CALL_LIMIT_S):
                reply = await self._bus.call(question)
        except (OSError, EOFError, DBusError, TimeoutError) as fault:
            raise BusLost(f"no answer to {question.member}: {fault!r}") from fault
        if reply.message_type is not MessageType.METHOD_RETURN:
            raise Refused(f"{question.member}: {reply.error_name} {' '.join(map(str, reply.body))}")
        return reply


@asynccontextmanager
async def connected(
    address: str | None, on_signal: Callable[[Signal], None], on_lost: Callable[[], None]
) -> AsyncIterator[LogindBus]:
    """Connect to the bus at ``address``, None: the system's; ``on_signal`` and ``on_lost`` must be quick.

    Raises:
        NoBus: nobody listens there.
        BusLost: it cannot be reached.
    """

    def hear(message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            name = f"{message.interface}.{message.member}"
            on_signal(Signal(message.sender or "", name, message.path or "", tuple(message.body)))

    def ended(gone: asyncio.Future[None]) -> None:
        if not gone.cancelled():
            gone.exception()  # what it was is of no use; taken, so that asyncio does not complain
        on_lost()

    try:
        bus = MessageBus(address, BusType.SYSTEM, negotiate_unix_fd=True)
        async with asyncio.timeout(_CALL_LIMIT_S):
            await bus.connect()
    except (FileNotFoundError, ConnectionRefusedError) as fault:
        raise NoBus(f"there is no bus: {fault!r}") from fault
    except (OSError, EOFError, DBusError, InvalidAddressError, TimeoutError) as fault:
        raise BusLost(f"the bus cannot be reached: {fault!r}") from fault
    gone: asyncio.Future[None] = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call] # dbus-fast's
    gone.add_done_callback(ended)
    bus.add_message_handler(hear)
    try:
        yield LogindBus(bus)
    finally:
        bus.remove_message_handler(hear)
        bus.disconnect()
        await asyncio.wait({gone}, timeout=_CALL_LIMIT_S)


def session_from(facts: Mapping[str, object]) -> LoginSession | None:
    """Read a session's properties; without id and user it is none, and what else is missing counts against it."""
    session_id, name, user = facts.get("Id"), facts.get("Name"), facts.get("User")
    if not (isinstance(session_id, str) and session_id and isinstance(name, str) and isinstance(user, list | tuple)):
        return None
    seat, leader, tty, locked = (facts.get(key) for key in ("Seat", "Leader", "TTY", "LockedHint"))
    state = _word(State, facts.get("State"), State.CLOSING)
    return LoginSession(
        id=session_id,
        uid=int(user[0]),
        user=name,
        seat=str(seat[0]) if isinstance(seat, list | tuple) and seat else "",
        kind=_word(Kind, facts.get("Class"), Kind.OTHER),
        type=_word(Display, facts.get("Type"), Display.UNSPECIFIED),
        state=State.ONLINE if state is State.ACTIVE and facts.get("Active") is not True else state,
        remote=facts.get("Remote") is not False,
        locked=locked if isinstance(locked, bool) else None,
        leader_pid=leader if isinstance(leader, int) else 0,
        tty=tty if isinstance(tty, str) else "",
    )


def _word(words: type[_Word], said: object, otherwise: _Word) -> _Word:
    return next((word for word in words if word.value == said), otherwise)
