"""What a driver's process may do, tried by real ones: everything that this user may and a driver need not is refused.

A process with the daemon's user, confined as a driver's child is, goes for the daemon's secrets and the daemon itself.
"""

import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinect_unlock.clock import NS_PER_S, SystemClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources import confinement
from kinect_unlock.sources.confinement import landlock_version
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline
from kinect_unlock.sources.syscall_filter import is_known

_TESTS = Path(__file__).parents[1]
_REFUSED = {"EACCES", "EPERM", "EXDEV"}  # the last for a file that would come to where more may be done with it
_CLOCK = SystemClock()
_WITHOUT_LANDLOCK = "confine.__globals__['landlock_version'] = lambda: 0"
_WITHOUT_FILTER = "confine.__globals__['forbid_calls'] = lambda connects: False"

# `int $0x80`, as 32-bit programs call: push rbx; mov ebx, esi; mov ecx, edx; mov eax, edi; int; pop rbx; ret
_OLD_CALLS = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("53 89f3 89d1 89f8 cd80 5b c3"))
at = ctypes.addressof(ctypes.c_char.from_buffer(code))
enter = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int)(at)
def old(*arguments):
    if (result := enter(*arguments)) < 0:
        raise OSError(-result, "")
"""

needs_landlock = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")
needs_filter = pytest.mark.skipif(not is_known(), reason="no filter for this processor")


@dataclass(frozen=True, slots=True)
class Home:
    """A daemon's places, and a process that stands for the daemon."""

    folder: Path
    daemon: int

    @property
    def key(self) -> Path:
        return self.folder / "state" / "template.key"

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "daemon.sock"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A key, a state folder, a socket with somebody behind it, and a process to be had."""
    for name in ("state", "run", "keeps"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "state" / "template.key").write_bytes(b"secret")
    (tmp_path / "given").write_text("given")
    (tmp_path / "tally").touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "run" / "daemon.sock"))
        listening.listen()
        daemon = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        try:
            yield Home(tmp_path, daemon.pid)
            assert daemon.poll() is None, "what stands for the daemon was ended"
        finally:
            daemon.kill()
            daemon.wait()


def told_by(home: Home, *attempts: str, connects: bool = False, setting: str = "") -> dict[str, str]:
    """Return what becomes of each attempt in one confined process: OK, or the name of the error."""
    program = f"""
import ctypes, errno, json, os, signal, socket, sys
from pathlib import Path
from kinect_unlock.sources.confinement import Grants, confine
home, daemon, attempts = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)) < 0:
        raise OSError(ctypes.get_errno(), "")
def became(attempt):
    try:
        eval(attempt)
    except OSError as fault:
        return errno.errorcode[fault.errno]
    except Exception as fault:
        return type(fault).__name__
    return "OK"
{setting}
confine(Grants((home / "given",), (home / "tally",), home / "keeps", {connects}))
print(json.dumps({{one: became(one) for one in attempts}}))
"""
    argv = [sys.executable, "-P", "-c", program, str(home.folder), str(home.daemon), json.dumps(attempts)]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environ)
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout)
    return told


@needs_landlock
def test_files_that_are_no_drivers_are_not_to_be_had(home: Home) -> None:
    told = told_by(
        home,
        "(home / 'state' / 'template.key').read_bytes()",
        "os.listdir(home / 'state')",
        "(home / 'state' / 'template.key').write_bytes(b'mine')",
        "(home / 'state' / 'template.key').unlink()",
        "(home / 'state' / 'template.key').rename(home / 'keeps' / 'template.key')",
        "os.link(home / 'state' / 'template.key', home / 'keeps' / 'template.key')",
        "(home / 'state' / 'more').touch()",
        "(home / 'given').write_text('changed')",
        "os.listdir('/')",
        "os.listdir(Path.home())",
        "Path('/etc/shadow').read_bytes()",
        "Path('/etc/machine-id').read_bytes()",
        "Path(f'/proc/{daemon}/environ').read_bytes()",
        "os.listdir(f'/proc/{daemon}/fd')",
        "os.open(f'/proc/{daemon}/mem', os.O_RDWR)",
        "os.open(f'/proc/self/root{home}/state/template.key', os.O_RDONLY)",
        "os.open('/proc/self/root/etc/machine-id', os.O_RDONLY)",
    )

    assert set(told.values()) <= _REFUSED, told
    assert home.key.read_bytes() == b"secret"


@needs_landlock
def test_nobody_takes_the_place_of_the_daemons_socket(home: Home) -> None:
    told = told_by(
        home,
        "(home / 'run' / 'daemon.sock').unlink()",
        "(home / 'run' / 'daemon.sock').rename(home / 'run' / 'old.sock')",
        "socket.socket(socket.AF_UNIX).bind(str(home / 'run' / 'mine.sock'))",
        "socket.socket(socket.AF_UNIX).bind(str(home / 'keeps' / 'mine.sock'))",
        "os.symlink('x', home / 'keeps' / 'link')",
        "os.mkfifo(home / 'keeps' / 'pipe')",
    )

    assert set(told.values()) <= _REFUSED, told
    assert home.socket.is_socket()


@needs_filter
def test_it_speaks_to_no_daemon(home: Home) -> None:
    told = told_by(
        home,
        "socket.socket(socket.AF_UNIX).connect(str(home / 'run' / 'daemon.sock'))",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', str(home / 'run' / 'daemon.sock'))",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendmsg([b'x'], (), 0, str(home / 'run' / 'daemon.sock'))",
        "socket.socket().connect(('127.0.0.1', 9))",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",  # it could listen without a name of its own
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "call(425, 1, ctypes.create_string_buffer(128))",  # io_uring_setup
    )

    assert set(told.values()) <= _REFUSED, told


@needs_filter
def test_without_landlock_too_nobody_answers_in_the_daemons_place_or_speaks_in_its_name(home: Home) -> None:
    mine = "(lambda one: (one.bind(str(home / 'run' / 'mine.sock')), one.listen()))(socket.socket(socket.AF_UNIX))"
    told = told_by(
        home,
        mine,
        "socket.socket(socket.AF_UNIX).listen()",
        "socket.socket(socket.AF_UNIX).accept()",
        "socket.socket(socket.AF_UNIX).connect(str(home / 'run' / 'daemon.sock'))",
        "os.kill(daemon, signal.SIGKILL)",
        "(home / 'state').chmod(0o777)",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        setting=_WITHOUT_LANDLOCK,
    )

    assert set(told.values()) <= _REFUSED, told
    with socket.socket(socket.AF_UNIX) as caller, pytest.raises(ConnectionRefusedError):
        caller.connect(str(home.folder / "run" / "mine.sock"))


@needs_filter
def test_it_neither_ends_the_daemon_nor_opens_its_files_to_others(home: Home) -> None:
    told = told_by(
        home,
        "os.kill(daemon, signal.SIGKILL)",
        "os.kill(-1, signal.SIGTERM)",
        "os.kill(os.getppid(), 0)",
        "signal.pidfd_send_signal(os.pidfd_open(daemon), signal.SIGKILL)",
        "os.chmod(home / 'state', 0o777)",
        "os.chmod(home / 'state' / 'template.key', 0o644)",
        "os.chmod('template.key', 0o644, dir_fd=os.open(home / 'keeps', os.O_RDONLY))",
        "os.chown(home / 'state' / 'template.key', 1, 1)",
        "os.setxattr(home / 'state' / 'template.key', 'user.x', b'')",
        "os.truncate(home / 'state' / 'template.key', 0)",
        "__import__('resource').prlimit(daemon, 7, (0, 0))",
    )

    assert set(told.values()) <= _REFUSED, told
    assert home.key.read_bytes() == b"secret"
    assert home.key.parent.stat().st_mode & 0o777 == 0o700


@needs_filter
@pytest.mark.parametrize("setting", ["", _WITHOUT_LANDLOCK])
def test_it_has_no_descriptor_signal_the_daemon(home: Home, setting: str) -> None:
    told = told_by(
        home,
        "fcntl.fcntl(1, fcntl.F_SETOWN, daemon)",
        "fcntl.fcntl(1, fcntl.F_SETSIG, signal.SIGKILL)",
        "fcntl.fcntl(1, 15, struct.pack('ii', 1, daemon))",  # F_SETOWN_EX
        "fcntl.ioctl(socket.socketpair()[0], 0x8901, struct.pack('i', daemon))",  # FIOSETOWN
        "fcntl.ioctl(socket.socketpair()[0], 0x8902, struct.pack('i', daemon))",  # SIOCSPGRP
        setting=f"import fcntl, struct\n{setting}",
    )

    assert set(told.values()) <= _REFUSED, told


@pytest.mark.skipif(platform.machine() != "x86_64", reason="this processor has one way to call")
def test_the_calls_of_other_programs_are_no_way_past_the_filter(home: Home) -> None:
    told = told_by(home, "call(0x40000000 | 62, daemon, signal.SIGKILL)", setting=_WITHOUT_LANDLOCK)
    assert set(told.values()) <= _REFUSED, told

    if subprocess.run([sys.executable, "-c", f"{_OLD_CALLS}\nold(20, 0, 0)"], check=False).returncode != 0:
        pytest.skip("this kernel runs no 32-bit programs")
    told = told_by(home, "old(37, daemon, signal.SIGKILL)", setting=f"{_WITHOUT_LANDLOCK}\n{_OLD_CALLS}")
    assert set(told.values()) <= _REFUSED, told


@needs_filter
def test_it_sees_no_keyring_and_has_no_namespace_of_its_own(home: Home) -> None:
    x86 = platform.machine() == "x86_64"
    clone = 56 if x86 else 220
    told = told_by(
        home,
        f"call({250 if x86 else 219}, 0, -3, 0)",  # keyctl: the session's
        f"call({272 if x86 else 97}, 0x10000000)",  # unshare
        f"call({clone}, 0x10000011, 0, 0, 0, 0)",  # CLONE_NEWUSER
        f"call({clone}, 0x00008011, 0, 0, 0, 0)",  # CLONE_PARENT
        f"call({312 if x86 else 272}, daemon, daemon, 2, 0, 0)",  # kcmp
    )

    assert set(told.values()) <= _REFUSED, told
    assert told_by(home, "call(435, ctypes.create_string_buffer(88), 88)") == {
        "call(435, ctypes.create_string_buffer(88), 88)": "ENOSYS"
    }


@needs_filter
def test_it_starts_nothing_that_would_outlive_it(home: Home) -> None:
    told = told_by(
        home,
        "__import__('subprocess').run(['/bin/true'], start_new_session=True)",
        "__import__('subprocess').run(['/bin/true'], process_group=0)",
    )

    assert set(told.values()) <= _REFUSED, told


@needs_landlock
@needs_filter
@pytest.mark.parametrize("filtered", [True, False])
def test_it_traces_nobody(home: Home, filtered: bool) -> None:  # noqa: FBT001 - a parameter of the table
    number = {"x86_64": 101, "aarch64": 117}[platform.machine()]
    attach, seize = (f"call({number}, {what}, daemon, 0, 0)" for what in (16, 0x4206))
    told = told_by(home, attach, seize, setting="" if filtered else _WITHOUT_FILTER)

    assert set(told.values()) <= _REFUSED, told


@pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no network")
def test_landlock_alone_denies_the_network(home: Home) -> None:
    told = told_by(
        home,
        "socket.socket().bind(('127.0.0.1', 0))",
        "socket.socket().connect(('127.0.0.1', 9))",
        "socket.socket(socket.AF_INET6).connect(('::1', 9))",
        setting=_WITHOUT_FILTER,
    )

    assert set(told.values()) <= _REFUSED, told


@pytest.mark.skipif(landlock_version() < 6, reason="this kernel's Landlock knows no signals")
def test_landlock_alone_keeps_signals_inside(home: Home) -> None:
    told = told_by(home, "os.kill(daemon, signal.SIGKILL)", setting=_WITHOUT_FILTER)

    assert set(told.values()) <= _REFUSED, told


def test_what_drivers_need_they_have(home: Home) -> None:
    told = told_by(
        home,
        "(home / 'given').read_text()",
        "(home / 'tally').write_text('7')",
        "(home / 'keeps' / 'cache').write_text('x')",
        "(home / 'keeps' / 'folder').mkdir()",
        "(home / 'keeps' / 'a').touch(), (home / 'keeps' / 'a').rename(home / 'keeps' / 'b'), "
        "(home / 'keeps' / 'b').unlink()",
        "os.listdir('/sys/bus')",
        "os.listdir('/proc/self/fd')",
        "Path('/proc/cpuinfo').read_text()",
        "Path('/dev/null').write_text('x')",
        "os.kill(os.getpid(), 0)",
        "__import__('resource').setrlimit(7, (64, 64))",
        "ctypes.CDLL('libm.so.6')",
        "__import__('subprocess').run(['/bin/true'], check=True)",
        "__import__('sqlite3')",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15).bind((0, 2))",  # how libusb hears of devices
        "__import__('threading').Thread(target=print).start()",
        "[one.send(b'x') for one in socket.socketpair()]",
    )

    assert set(told.values()) == {"OK"}, told


def test_a_driver_that_decodes_on_a_display_may_reach_it(home: Home) -> None:
    told = told_by(home, "socket.socket(socket.AF_UNIX).connect(str(home / 'run' / 'daemon.sock'))", connects=True)

    assert set(told.values()) == {"OK"}, told


@needs_landlock
def test_it_holds_for_whatever_a_driver_starts(home: Home) -> None:
    code = "import sys; open(sys.argv[1])"
    argv = f"[sys.executable, '-c', {code!r}, str(home / 'state' / 'template.key')]"
    told = told_by(home, f"__import__('subprocess').run({argv}, check=True)")

    assert set(told.values()) == {"CalledProcessError"}


def test_with_a_thread_that_would_not_be_confined_it_refuses(home: Home) -> None:
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"

    with pytest.raises(AssertionError, match="has 2 threads before its driver begins"):
        told_by(home, setting=thread)


@needs_landlock
@needs_filter
def test_whoever_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nothing is confined: the kernel wants new privileges given up first."""
    monkeypatch.setattr(confinement, "_ADD_RULE", -1)
    with pytest.raises(SourceError, match=r"cannot be confined: allow "):
        confinement._restrict(landlock_version(), confinement.Grants(reads=(Path("/"),)))


def test_each_version_of_landlock_is_asked_for_what_it_knows() -> None:
    known = {version: int(confinement._known(version)) for version in range(1, 8)}

    assert [known[version].bit_length() for version in range(1, 8)] == [13, 14, 15, 15, 16, 16, 16]


# Through the daemon's own source.


def _frames(source: IsolatedSource, count: int) -> list[Frame]:
    found: list[Frame] = []
    deadline_ns = _CLOCK.monotonic_ns() + 60 * NS_PER_S
    while len(found) < count and _CLOCK.monotonic_ns() < deadline_ns:
        frame = source.read(0.1)
        found += [] if frame is None else [frame]
    return found


@needs_landlock
@needs_filter
def test_a_driver_that_was_taken_over_gives_frames_and_gets_nothing_else(
    monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(_TESTS))
    tally = home.folder / "tally"
    settings = Source(kind="fake", path=str(home.folder / "given"), faults=str(tally))
    driver = Driver("fakes.drivers:breaks_in", Origin.STAND_IN, "fake", writes=lambda _: tally)
    lives = DriverLives(_CLOCK, reappear_s=0.0)
    with closing(IsolatedSource(driver, settings, _CLOCK, lives=lives, pipelines=FixedPipeline("cpu"))) as source:
        source.open()
        frames = _frames(source, 10)
        held = source.identity.held_by if source.identity else ""
    told = dict(line.split() for line in tally.read_text().splitlines())

    assert held == f"landlock {landlock_version()} and filter"
    assert len(frames) == 10
    assert told.pop("nothing") == "OK"
    assert len(told) == 5
    assert set(told.values()) <= _REFUSED, told
    assert home.socket.is_socket()


def test_where_nothing_confines_it_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lives = DriverLives(_CLOCK, reappear_s=0.0)
    for _ in range(3):
        lives.warn_once("loose")

    assert [record.getMessage() for record in caplog.records] == ["event=driver-warning message='loose'"]
