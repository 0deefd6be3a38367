"""Logging in through real libpam by the real daemon, which plays the demo's recordings of people who do not exist."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Limits, Models
from kinect_unlock.wire import Enrol, Word
from pam.rehearsing import (
    ASKING_LINE,
    AUTH_ERR,
    AUTHINFO_UNAVAIL,
    MAXTRIES,
    SUCCESS,
    USER,
    Built,
    Told,
    write_password_program,
)

pytestmark = pytest.mark.slow

PASSWORD = ("prompt", "Password: ")
REFUSED = ("error", "Face not recognised.")
TRIES = 3


@dataclass(frozen=True, slots=True)
class Desk:
    """A daemon whose user is enrolled, and stacks with our module alone and with a password."""

    daemon: PrivateDaemon
    folder: Path
    recording: Path
    built: Built

    def log_in(self, stream: str, *arguments: str, service: str = "login") -> Told:
        """Log in while somebody is before the camera."""
        show(stream, self.recording)
        (told,) = self.built.log_in(self.folder, *arguments, service=service)
        return told


def show(stream: str, at: Path) -> None:
    """Let the source play one of the demo's recordings next."""
    shutil.copy(folder_of_recordings() / f"{stream}.mkv", at)


@pytest.fixture(scope="module")
def daemon(cache_dir: Path) -> Iterator[tuple[PrivateDaemon, Path]]:
    """A daemon that knows its user, and its folder; it takes seconds to start, so all tests here share it."""
    with PrivateDaemon.folder() as folder:
        show("owner-enrols", folder / "now.mkv")
        limits, models = Limits(max_failures=TRIES), Models(cache_dir=str(cache_dir))
        base = msgspec.structs.replace(Config(), models=models, limits=limits)
        with PrivateDaemon(private_settings(base, folder=folder / "now.mkv", pace="asap"), folder) as running:
            assert running.client.request(Enrol(USER), timeout_s=120.0).word is Word.ENROLLED
            yield running, folder


@pytest.fixture
def desk(built: Built, daemon: tuple[PrivateDaemon, Path]) -> Desk:
    running, folder = daemon
    face = f"{built.module} socket={folder}/run/socket timeout=60 nobody=60 test_source"
    (folder / "face").write_text(f"auth required {face}\n")
    (folder / "login").write_text(
        f"auth [success=2 default=ignore] {face}\n"
        f"{ASKING_LINE} {write_password_program(folder)}\n"
        "auth requisite pam_deny.so\n"
        "auth required pam_permit.so\n"
        f"auth optional {face} report\n"
    )
    return Desk(running, folder, folder / "now.mkv", built)


def test_the_owner_is_let_in_and_nobody_else_and_the_password_works_always(desk: Desk) -> None:
    """One story: what each is shown, the codes, and who is locked out when."""
    owner = desk.log_in("owner-returns")
    stranger = desk.log_in("stranger", service="face")
    photo = desk.log_in("flat-photo", service="face")
    empty = desk.log_in("empty-room", service="face")
    bent = desk.log_in("bent-photo", service="face")
    locked_out = desk.log_in("owner-returns", service="face")
    wrong = desk.log_in("owner-returns", "password=wrong")
    still_locked_out = desk.log_in("owner-returns", service="face")
    right = desk.log_in("owner-returns", "password=secret")
    owner_again = desk.log_in("owner-returns")

    assert (owner.code, owner.told[-1]) == (SUCCESS, ("info", "Face recognised."))
    for refused in (stranger, photo, bent):
        assert (refused.code, refused.told[-1]) == (AUTH_ERR, REFUSED)
    assert (empty.code, empty.told[-1]) == (AUTHINFO_UNAVAIL, ("error", "No face was recognised in time."))
    assert [told.code for told in (locked_out, still_locked_out)] == [MAXTRIES, MAXTRIES]
    assert (wrong.code, wrong.told[-1]) == (AUTH_ERR, PASSWORD)
    assert (right.code, right.told[-1]) == (SUCCESS, PASSWORD)
    assert (owner_again.code, PASSWORD in owner_again.told) == (SUCCESS, False)


def test_a_recording_logs_nobody_in_where_it_is_not_tried_out(desk: Desk) -> None:
    (desk.folder / "system").write_text(f"auth required {desk.built.module} socket={desk.folder}/run/socket\n")
    told = desk.log_in("owner-returns", service="system")

    assert told.code == AUTHINFO_UNAVAIL
    assert ("info", "Face recognised.") not in told.told
