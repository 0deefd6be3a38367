"""What docs/lockers.md says of GNOME's keyring, on the real one: a password opens it, and a locked screen leaves it so.

The daemon of the keyring, a session bus and a system bus with something like logind on it, all of the test's own.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from fakes.login1 import DAEMON, Login1, path_of, private_bus
from kinect_unlock.logind_bus import PROPERTIES, SESSION

KEYRING: Final = shutil.which("gnome-keyring-daemon")
SECRETS: Final = "org.freedesktop.secrets"
LOGIN_KEYRING: Final = "/org/freedesktop/secrets/collection/login"
WAIT_S: Final = 20.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed"),
    pytest.mark.skipif(KEYRING is None, reason="gnome-keyring is not installed"),
]


class Desktop:
    """A user's session, as far as a keyring needs one."""

    def __init__(self, folder: Path, session_bus: str, system_bus: str) -> None:
        self.session_bus = session_bus
        self.system_bus = system_bus
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "DBUS_SESSION_BUS_ADDRESS": session_bus,
            "DBUS_SYSTEM_BUS_ADDRESS": system_bus,
        }

    @contextmanager
    def keyring(self, password: str | None) -> Iterator[None]:
        """Run the keyring's daemon, given the password as by a login with it, or none as by a login by face."""
        assert KEYRING is not None
        how = () if password is None else ("--unlock",)
        with subprocess.Popen(
            [KEYRING, "--foreground", "--components=secrets", *how],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environ,
        ) as process:
            assert process.stdin is not None
            process.stdin.write((password or "").encode())
            process.stdin.close()
            try:
                yield
            finally:
                process.terminate()
                process.wait(WAIT_S)

    async def is_locked(self) -> bool:
        """Ask the keyring, once it has come up."""
        bus = await MessageBus(self.session_bus).connect()
        ask = Message(SECRETS, LOGIN_KEYRING, PROPERTIES, "Get", signature="ss")
        ask.body = ["org.freedesktop.Secret.Collection", "Locked"]
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    ask.serial = 0
                    answer = await bus.call(ask)
                    assert answer is not None
                    if answer.message_type is MessageType.METHOD_RETURN:
                        return bool(answer.body[0].value)
        finally:
            bus.disconnect()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    with ExitStack() as held:
        session_bus, system_bus = (held.enter_context(private_bus()) for _ in range(2))
        tmp_path.chmod(0o700)
        yield Desktop(tmp_path, session_bus.address, system_bus.address)


async def lock_and_unlock(system_bus: str) -> None:
    """Say all that logind says when a session is locked and unlocked by others than its user's password."""
    login1 = Login1(system_bus)
    login1.session("2")
    await login1.start()
    for member, locked in (("Lock", True), ("Unlock", False)):
        login1.say(member, "", path=path_of("2"), interface=SESSION)
        login1.change("2", LockedHint=locked)
    await login1.stop()


def _seen(desktop: Desktop, act: Callable[[str], Awaitable[None]] | None = None) -> bool:
    async def whole() -> bool:
        if act is not None:
            await act(desktop.system_bus)
        return await desktop.is_locked()

    return asyncio.run(whole())


def test_a_password_opens_the_keyring_and_a_screen_locked_and_unlocked_by_face_leaves_it_open(desktop: Desktop) -> None:
    with desktop.keyring("the password"):
        assert not _seen(desktop)
        assert not _seen(desktop, lock_and_unlock)


def test_a_login_without_a_password_leaves_the_keyring_locked(desktop: Desktop) -> None:
    with desktop.keyring("the password"):
        assert not _seen(desktop)
    with desktop.keyring(None):
        assert _seen(desktop)
    with desktop.keyring("the password"):
        assert not _seen(desktop)
