"""One Debian for all of these tests: made once, set up once in a session, and lent to each module in a layer."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from boot.image import ADMINISTRATOR, ROOT, WHEELS, cache_folder, debian, mounted, place, run, why_not
from boot.machine import HOST, Done, Machine, Session, booted
from boot.rehearsing import GIVEN_MODULE, PASSWORDS, PATIENTLY, Desk, Installed, Rehearsal, snapshot

_LOCKER = "/opt/locker.py"


@pytest.fixture(scope="session")
def cache() -> Path:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    return cache_folder()


@pytest.fixture(scope="session")
def base(cache: Path) -> Path:
    """Make the Debian and boot it once as it is; a machine on which even that fails can try nothing here."""
    try:
        base = debian(cache)
        with place(cache) as made, mounted(made, base) as root, booted(root):
            return base
    except (AssertionError, OSError, subprocess.SubprocessError) as fault:
        pytest.skip(f"no Debian can be made and booted here: {fault}")


@pytest.fixture(scope="session")
def installed(cache: Path, base: Path) -> Iterator[Installed]:
    """Set the program up as an administrator would: from a wheel, with one command, on the booted machine."""
    with place(cache) as made:
        with mounted(made, base) as root, _with_people(root, made) as (wheel, machine):
            machine.must("systemctl", "is-system-running", "--wait")
            install = (f"{ADMINISTRATOR}/bin/python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
            machine.must(*install, wheel)
            before = snapshot(root, ("opt",))
            setup = (f"{ADMINISTRATOR}/bin/kinect-unlock", "setup", "--yes", f"--wheel={wheel}", f"--wheels={WHEELS}")
            done = machine.run(*setup)
            assert done.code == 0, done.text
            state = machine.show("kinect-unlock.service", "ActiveState", "SubState", "StatusText", "User", "NRestarts")
            again = machine.run(*setup)
            exposure = machine.must("systemd-analyze", "security", "--no-pager", "kinect-unlock.service")
            rehearsal = Rehearsal(machine)
            rehearsal.play("owner-enrols")
            rehearsal.enrol("anna")
        yield Installed((made / "changes", base), setup, before, done, again, state, exposure)


@pytest.fixture(scope="module")
def machine(cache: Path, installed: Installed) -> Iterator[Machine]:
    """Boot what was set up, for one module's tests; what they change is gone after them."""
    with place(cache) as made, mounted(made, *installed.layers) as root, booted(root) as machine:
        machine.must("systemctl", "is-system-running", "--wait")
        yield machine


@pytest.fixture(scope="module")
def rehearsal(machine: Machine) -> Rehearsal:
    """The same, with recordings before the camera, which the module believes."""
    rehearsal = Rehearsal(machine)
    rehearsal.play("owner-returns")
    rehearsal.believe(*PATIENTLY)
    return rehearsal


@pytest.fixture
def desk(rehearsal: Rehearsal) -> Iterator[Desk]:
    """Log two users in, who have not been recognised yet."""
    machine = rehearsal.machine
    shutil.copyfile(Path(__file__).with_name("locker.py"), machine.root / _LOCKER[1:])
    rehearsal.nobody_logged_in()
    rehearsal.show("owner-returns")
    rehearsal.password("anna")
    with ExitStack() as held:
        names = [
            held.enter_context(machine.session(Session(user), f"{ADMINISTRATOR}/bin/python", "-I", _LOCKER))
            for user in ("ben", "anna")
        ]
        for name in names:
            rehearsal.eventually(partial(rehearsal.listens, name))
        yield Desk(rehearsal, *names)


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[str, Done], None]:
    """Writes down how a login ended, for the report (--junitxml)."""

    def tell(case: str, done: Done) -> None:
        said = " | ".join(line.strip() for line in done.text.splitlines() if line.strip())
        record_property(case, f"exit {done.code}, {done.ms:.0f} ms: {said}")

    return tell


@contextmanager
def _with_people(root: Path, work: Path) -> Iterator[tuple[str, Machine]]:
    wheel = _prepare(root, work)
    with booted(root) as machine:
        yield wheel, machine


def _prepare(root: Path, work: Path) -> str:
    """Make the machine's people, and put the program there as one file; return its name inside."""
    for number, user in enumerate(("anna", "ben")):
        run("chroot", root, "useradd", "--create-home", f"--uid={1000 + number}", user)
    words = "".join(f"{user}:{word}\n" for user, word in PASSWORDS.items())
    subprocess.run(["chroot", str(root), "chpasswd"], input=words, text=True, check=True)
    (root / "etc/sudoers.d/people").write_text("anna, ben ALL=(ALL) ALL\n")
    (root / "etc/sudoers.d/people").chmod(0o440)
    # Else a session that begins while its user's manager is being stopped, ten seconds after the last one, may hang.
    (root / "etc/systemd/logind.conf.d").mkdir()
    (root / "etc/systemd/logind.conf.d/rehearsal.conf").write_text("[Login]\nUserStopDelaySec=infinity\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {HOST}\n")  # sudo looks for it
    (root / "etc/hostname").write_text(f"{HOST}\n")
    source = work / "source"
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build", "dist", "tests")
    shutil.copytree(ROOT, source, symlinks=True, ignore=left_out)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", f"--outdir={work}", source)
    (wheel,) = work.glob("*.whl")
    run("make", "-C", source / "pam", f"BUILD={work}")
    shutil.copyfile(wheel, root / "opt" / wheel.name)
    shutil.copyfile(work / "pam_kinect_unlock.so", root / GIVEN_MODULE[1:])
    shutil.rmtree(source)
    return f"/opt/{wheel.name}"
