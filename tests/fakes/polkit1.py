"""polkit, as something on a bus of a test's own that answers what it is told to; what it was asked lies open."""

import asyncio
from typing import Any

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply
from dbus_fast.aio import MessageBus

from kinect_unlock.polkit import INTERFACE, NAME


class Polkit1:
    """``answer`` is what it says; None: nothing, ever. Any other signature is nonsense."""

    def __init__(self, address: str) -> None:
        self.answer: bool | None = True
        self.refuses = False
        self.signature = "(bba{ss})"
        self.asked: list[tuple[dict[str, Any], str, int]] = []  # subject, action, flags
        self.taken_back: list[str] = []
        self.heard = asyncio.Event()
        self._bus = MessageBus(address)

    async def start(self) -> None:
        """Appear on the bus."""
        await self._bus.connect()
        self._bus.add_message_handler(self._hear)
        assert await self._bus.request_name(NAME, NameFlag.NONE) is RequestNameReply.PRIMARY_OWNER

    async def stop(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # dbus-fast's

    def _hear(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface != INTERFACE:
            return None
        self.heard.set()
        if message.member == "CancelCheckAuthorization":
            self.taken_back.append(message.body[0])
            return Message.new_method_return(message)
        (kind, facts), action, details, flags, name = message.body
        assert (message.signature, details, bool(name)) == ("(sa{sv})sa{ss}us", {}, True)
        self.asked.append(({"kind": kind, **{key: value.value for key, value in facts.items()}}, action, flags))
        if self.refuses:
            return Message.new_error(message, f"{NAME}.Error.NotAuthorized", "not yours to ask")
        if self.answer is None:
            return True  # how dbus-fast is told that nothing is to be said now
        body = [[self.answer, False, {}]] if self.signature == "(bba{ss})" else [self.answer]
        return Message.new_method_return(message, self.signature, body)
