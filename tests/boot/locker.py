"""Run inside the machine, in a session: as much of a screen locker as logind knows of.

It says by the session's idle hint that it listens.
"""

import asyncio
import os
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

LOGIND: Final = "org.freedesktop.login1"
SESSION: Final = "org.freedesktop.login1.Session"


async def main() -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    async def call(name: str, path: str, member: str, signature: str, *body: object) -> list[Any]:
        interface, _, method = member.rpartition(".")
        asked = Message(name, path, interface, method, signature=signature, body=list(body))
        reply = await bus.call(asked)
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return list(reply.body)

    manager = f"/{LOGIND.replace('.', '/')}"
    (path,) = await call(LOGIND, manager, f"{LOGIND}.Manager.GetSession", "s", os.environ["XDG_SESSION_ID"])
    asked: asyncio.Queue[bool] = asyncio.Queue()

    def hear(message: Message) -> None:
        if message.interface == SESSION and message.path == path and message.member in {"Lock", "Unlock"}:
            asked.put_nowait(message.member == "Lock")

    bus.add_message_handler(hear)
    rule = f"type='signal',interface='{SESSION}',path='{path}'"
    await call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.AddMatch", "s", rule)
    is_listening = True
    await call(LOGIND, path, f"{SESSION}.SetIdleHint", "b", is_listening)
    while True:
        await call(LOGIND, path, f"{SESSION}.SetLockedHint", "b", await asked.get())


asyncio.run(main())
