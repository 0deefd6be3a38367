"""A real screen lock of X11, i3lock, with the module and the whole daemon: the face opens it, and the password does."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import msgspec
import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Models
from kinect_unlock.wire import Enrol, Word
from pam.rehearsing import ASKING_LINE, TIMEOUT_S, Built, write_password_program

pytestmark = pytest.mark.slow

_PROGRAMS = ("i3lock", "Xvfb", "xdotool")
_SHOWN = "redraw_screen"  # in what i3lock says once it holds the keyboard
_REFUSED = "Authentication failure"


@pytest.fixture(scope="module")
def wrapper() -> Path:
    """libpam_wrapper.so, which has programs read another folder than /etc/pam.d."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    found = next(Path("/usr").glob("lib*/**/libpam_wrapper.so"), None)
    if missing or found is None:
        pytest.skip(f"not installed: {', '.join(missing) or 'libpam-wrapper'} (tests/debian-packages.txt)")
    return found


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """An X server that nobody looks at."""
    ours, theirs = os.pipe()
    argv = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "640x480x24"]
    server = subprocess.Popen(argv, pass_fds=(theirs,), stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with os.fdopen(ours) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait(TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Seat:
    """A screen that can be locked, and a camera."""

    folder: Path
    environ: dict[str, str]

    def show(self, recording: str) -> None:
        """Put somebody before the camera."""
        shutil.copy(folder_of_recordings() / f"{recording}.mkv", self.folder / "now.mkv")

    @contextmanager
    def locked(self, wrapper: Path) -> Iterator["subprocess.Popen[str]"]:
        """Lock the screen by i3lock."""
        services = {"PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": str(self.folder / "services")}
        argv = ("i3lock", "--nofork", "--debug")
        locker = subprocess.Popen(
            argv,
            env={**self.environ, **services, "LD_PRELOAD": str(wrapper)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            hear(locker, _SHOWN)
            yield locker
        finally:
            locker.kill()
            locker.communicate()

    def type(self, *keys: str) -> None:
        """Press keys."""
        argv = ("xdotool", "key", *keys)
        subprocess.run(argv, env=self.environ, check=True, timeout=TIMEOUT_S)


def hear(locker: "subprocess.Popen[str]", wanted: str) -> None:
    """Wait until the locker says something."""
    assert locker.stdout is not None
    said = []
    for line in locker.stdout:
        said.append(line)
        if wanted in line:
            return
    raise AssertionError(f"never said {wanted!r}: {said}")


@pytest.fixture
def seat(module: Built, screen: str, cache_dir: Path) -> Iterator[Seat]:
    with PrivateDaemon.folder() as folder:
        seat = Seat(folder, {**os.environ, "DISPLAY": screen})
        seat.show("owner-enrols")
        face = f"{module.module} socket={folder}/run/socket timeout=60 nobody=60 test_source"
        (folder / "services").mkdir()
        (folder / "services" / "i3lock").write_text(
            f"auth [success=2 default=ignore] {face}\n"
            f"{ASKING_LINE} {write_password_program(folder)}\n"
            "auth requisite pam_deny.so\n"
            "auth required pam_permit.so\n"
            "account required pam_permit.so\n"
        )
        base = msgspec.structs.replace(Config(), models=Models(cache_dir=str(cache_dir)))
        with PrivateDaemon(private_settings(base, folder=folder / "now.mkv", pace="asap"), folder) as daemon:
            assert daemon.client.request(Enrol(getuser()), timeout_s=120.0).word is Word.ENROLLED
            yield seat


def test_return_and_the_owners_face_or_anybodys_right_password_open_it(seat: Seat, wrapper: Path) -> None:
    seat.show("owner-returns")
    with seat.locked(wrapper) as locker:
        seat.type("Return")
        assert locker.wait(TIMEOUT_S) == 0

    seat.show("stranger")
    with seat.locked(wrapper) as locker:
        seat.type("Return")
        hear(locker, _REFUSED)
        assert locker.poll() is None
        seat.type("BackSpace", *"secret", "Return")
        assert locker.wait(TIMEOUT_S) == 0
