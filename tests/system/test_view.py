"""`kinect-unlock view` on recordings, in files and terminals, and through the real daemon."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
import yaml

from commands import command
from demo_frames import frames_of
from kinect_unlock.arrays import U8
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import SystemClock
from kinect_unlock.recording import RecordingWriter
from kinect_unlock.sources.pictures import read_color
from kinect_unlock.viewing import colours
from kinect_unlock.viewing.canvas import Rect
from kinect_unlock.viewing.daemon_feed import DaemonFeed, PreviewEnded
from kinect_unlock.viewing.feeds import Shown
from kinect_unlock.viewing.sheet import COLOR_PANE, DEPTH_PANE, INFRARED_PANE
from kinect_unlock.wire import Preview, Verify, Word
from system.rehearsal import DaemonProcess, Start

NOBODY_UID = 65534
TEST = "--test-source"
DEMO = {"source": {"kind": "replay", "path": str(folder_of_recordings()), "pace": "recorded"}}
ROOM = {"source": {"kind": "rehearsed", "device": "room"}, "attempt": {"timeout_s": 1.0, "nobody_timeout_s": 1.0}}
SCORES = Rect(1072, 592, 512, 200)
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def config(tmp_path: Path, cache_dir: Path) -> Path:
    file = tmp_path / "config.yaml"
    settings = {"models": {"cache_dir": str(cache_dir)}, "daemon": {"socket": str(tmp_path / "nobody")}}
    file.write_text(yaml.safe_dump(settings))
    return file


def demo(name: str) -> Path:
    return folder_of_recordings() / f"{name}.mkv"


def share_of(picture: U8, colour: colours.Colour, at: Rect) -> float:
    return float((picture[at.y : at.bottom, at.x : at.right] == colour).all(axis=2).mean())


def test_a_png_shows_the_frame_that_was_asked_for(config: Path, tmp_path: Path) -> None:
    told = command("view", demo("flat-photo"), "--png", tmp_path / "a.png", "--frame", 4, "--config", config, "--json")
    picture = read_color(tmp_path / "a.png")
    depth = frames_of("flat-photo", 5)[4].depth_mm
    assert depth is not None

    assert (told.exit_code, told.objects) == (0, [{"path": str(tmp_path / "a.png"), "frames": 1}])
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o600
    beside = (slice(DEPTH_PANE.y, DEPTH_PANE.bottom), slice(DEPTH_PANE.x + 350, DEPTH_PANE.right))
    np.testing.assert_array_equal(picture[beside], colours.depth_picture(depth)[:, 350:])
    assert share_of(picture, colours.BAD, COLOR_PANE) > 0.001, "a print's box"
    assert share_of(picture, colours.GOOD, COLOR_PANE) == 0.0


@pytest.mark.slow
def test_scores_are_shown_beside_an_enrolment_and_nowhere_else(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder_of_recordings())
    against = ("--against", demo("owner-enrols").name)  # a path is the caller's, wherever the daemon is
    for name in ("owner-returns", "stranger"):
        view = ("view", demo(name), "--png", tmp_path / f"{name}.png", "--frame", 8, "--config", config)
        assert command(*view, *against).exit_code == 0
    plain = command("view", demo("owner-returns"), "--png", tmp_path / "plain.png", "--frame", 8, "--config", config)
    owner, stranger, without = (read_color(tmp_path / f"{name}.png") for name in ("owner-returns", "stranger", "plain"))

    assert plain.exit_code == 0
    assert share_of(owner, colours.GOOD, SCORES) > 0.02
    assert share_of(owner, colours.BAD, SCORES) == 0.0
    assert share_of(stranger, colours.BAD, SCORES) > 0.005
    assert share_of(without, colours.GOOD, SCORES) == share_of(without, colours.BAD, SCORES) == 0.0


@pytest.mark.slow
def test_a_film_holds_every_frame_at_its_time(config: Path, tmp_path: Path) -> None:
    told = command("view", demo("owner-returns"), "--mp4", tmp_path / "a.mp4", "--config", config, "--json")
    with av.open(str(tmp_path / "a.mp4")) as film:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in film.decode(video=0)]
    captured = [frame.captured_ns / 1e9 for frame in frames_of("owner-returns", 20)]

    assert (told.exit_code, told.objects[0]["frames"]) == (0, 20)
    assert (tmp_path / "a.mp4").stat().st_mode & 0o777 == 0o600
    assert [at for at, _ in frames] == pytest.approx([at - captured[0] for at in captured], abs=0.002)
    assert frames[0][1].shape == (900, 1600, 3)
    wall = frames[0][1][COLOR_PANE.y + 20, COLOR_PANE.x + 60].astype(int)
    drawn = frames_of("owner-returns", 1)[0].color[22, 33].astype(int)
    assert np.abs(wall - drawn).max() < 25


def test_a_film_ends_when_it_was_long_enough(config: Path, tmp_path: Path) -> None:
    view = ("view", demo("owner-returns"), "--mp4", tmp_path / "a.mp4", "--seconds", 0.3, "--config", config, "--json")
    assert 2 <= command(*view).objects[0]["frames"] <= 10


def test_infrared_is_shown_where_a_recording_has_it(config: Path, tmp_path: Path) -> None:
    (first,) = frames_of("owner-returns", 1)
    assert first.calibration is not None
    infrared = np.full((424, 512), 400, np.uint16)
    infrared[:, 256:] = 1600
    with RecordingWriter(
        tmp_path / "ir.mkv", calibration=first.calibration, provenance={"origin": "stand-in"}, infrared=True
    ) as writer:
        writer.write(
            type(first)(first.seq, first.captured_ns, first.color, first.depth_mm, first.calibration, infrared)
        )
    assert command("view", tmp_path / "ir.mkv", "--png", tmp_path / "a.png", "--config", config).exit_code == 0
    pane = read_color(tmp_path / "a.png")[INFRARED_PANE.y : INFRARED_PANE.bottom, INFRARED_PANE.x :]
    assert (pane[10, 10].tolist(), pane[10, 500].tolist()) == ([127] * 3, [255] * 3), "the root of a quarter is half"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--frame", "99"), 64, "there is no frame 99: owner-returns.mkv has 20, counted from 0"),
        (("--mp4", "b.mp4"), 64, "--png and --mp4 are two different files"),
        (("--user", "ann", "--against", str(demo("owner-enrols"))), 64, "two different people"),
        (("--source", "images"), 64, "a recording needs neither --source nor --from"),
        (("--against", str(demo("empty-room"))), 69, "nobody can be enrolled from it"),
        (("--user", "ann"), 64, "ann is not enrolled in your own templates"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_no_file(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(config.read_text())
    settings["daemon"]["state_dir"] = str(tmp_path / "state")
    config.write_text(yaml.safe_dump(settings))
    told = command("view", demo("owner-returns"), "--png", tmp_path / "a.png", *arguments, "--config", config)

    assert told.exit_code == code
    assert words in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("content", [b"", b"no recording", b"\x1aE\xdf\xa3" + bytes(500)])
def test_a_foreign_file_is_refused_in_words(config: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.mkv").write_bytes(content)
    told = command("view", tmp_path / "odd.mkv", "--png", tmp_path / "a.png", "--config", config)
    assert told.exit_code == 69
    assert "odd.mkv" in told.err
    assert not (tmp_path / "a.png").exists()


def test_a_picture_that_is_there_is_not_overwritten(config: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"precious")
    told = command("view", demo("owner-returns"), "--png", tmp_path / "a.png", "--config", config)
    assert told.exit_code == 64
    assert (tmp_path / "a.png").read_bytes() == b"precious"


def test_without_daemon_and_camera_it_says_what_is_missing(config: Path) -> None:
    told = command("view", "--png", "a.png", "--config", config)
    assert told.exit_code == 69
    assert "pylibfreenect2" in told.err


@pytest.mark.slow
def test_a_terminal_without_graphics_shows_blocks(config: Path) -> None:
    told = command(
        "view", demo("owner-returns"), "--in", "terminal", "--graphics", "blocks", "--once", "--config", config
    )
    assert told.exit_code == 0
    assert told.out.count("a live face") >= 15
    assert told.out.count("▀") > 1000


@pytest.fixture
def terminal(config: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A view of a recording in a real terminal."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "kinect_unlock", "view", str(demo("owner-returns")), "--in", "terminal"]
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        [*argv, "--graphics", "blocks", "--config", str(config)],
        stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield ours, process
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until(terminal: int, holds: Callable[[bytes], bool]) -> bytes:
    read = b""
    while not holds(read):
        assert select.select([terminal], [], [], 60.0)[0], read[-200:]
        try:
            read += os.read(terminal, 65_536)
        except OSError:  # the other side has gone
            break
    return read


@pytest.mark.parametrize("how", ["q", "\x1b", "SIGINT"])
def test_a_terminal_is_given_back_as_it_was(terminal: tuple[int, subprocess.Popen[bytes]], how: str) -> None:
    ours, process = terminal
    _read_until(ours, lambda read: read.count(b"a live face") >= 2)
    if how == "SIGINT":
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, how.encode())
    rest = _read_until(ours, lambda read: b"\x1b[?1049l" in read)
    drain = Thread(target=_read_until, args=(ours, lambda _: False))
    drain.start()
    assert process.wait(60.0) == 0
    drain.join(60.0)
    assert b"\x1b[?25h" in rest, "the cursor is back"


def test_a_recording_is_shown_again_from_its_beginning(terminal: tuple[int, subprocess.Popen[bytes]]) -> None:
    ours, process = terminal
    _read_until(ours, lambda read: read.count(b"frame 0, ") >= 2)
    os.write(ours, b"q")
    drain = Thread(target=_read_until, args=(ours, lambda _: False))
    drain.start()
    assert process.wait(60.0) == 0
    drain.join(60.0)


@pytest.mark.slow
def test_the_daemon_shows_what_it_sees(start: Start, tmp_path: Path) -> None:
    with start(DEMO, TEST) as running:
        running.hear("READY=1")
        file = running.socket_path.parents[1] / "c.yaml"
        told = command("view", "--stream", "owner-returns", "--png", tmp_path / "a.png", "--config", file, "--json")
        again = command("view", "--stream", "nowhere", "--png", tmp_path / "b.png", "--config", file)
        scores = command("view", "--user", "ann", "--png", tmp_path / "b.png", "--config", file)
        log = running.log()
    picture = read_color(tmp_path / "a.png")

    assert (told.exit_code, told.objects) == (0, [{"path": str(tmp_path / "a.png"), "frames": 1}])
    assert share_of(picture, colours.GOOD, COLOR_PANE) > 0.001
    assert share_of(picture, colours.GOOD, SCORES) == 0.0
    assert again.exit_code == 69
    assert (scores.exit_code, "a daemon tells no scores" in scores.err) == (64, True)
    assert re.search(rf"event=preview-begins attempt=1 uid={os.getuid()} pid={os.getpid()}", log)
    assert "event=preview-ended attempt=1" in log


def test_an_attempt_takes_the_camera_from_a_viewer_who_gets_it_back(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        feed = DaemonFeed(running.client, Preview(), clock=SystemClock())
        feed.open()
        try:
            first = _next_of(feed)
            reply = running.client.request(Verify(user="ann"))
            second = _next_of(feed)
            while "event=preview-begins attempt=3" not in running.log():
                second = _next_of(feed)
        finally:
            feed.close()
    assert first.frame.color.shape == second.frame.color.shape == (64, 64, 3)
    assert reply.word is Word.NOT_ENROLLED
    assert second.number > first.number


def _next_of(feed: DaemonFeed) -> Shown:
    while (shown := feed.next(1.0)) is None:
        pass
    return shown


def test_a_viewer_that_does_not_read_holds_one_picture_and_nobody_waits_for_it(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        with running.client.begin(Preview(rate_hz=30.0)):
            while running.log().count("event=preview-begins") < 1:
                select.select([], [], [], 0.01)
            before = _memory_files(running)
            for _ in range(5):
                assert running.client.request(Verify(user="ann")).word is Word.NOT_ENROLLED
        assert before <= 1


def _memory_files(running: DaemonProcess) -> int:
    """Return how many pictures the daemon keeps open itself."""
    links = Path(f"/proc/{running.process.pid}/fd").iterdir()
    return sum("kinect-unlock-preview" in str(link.readlink()) for link in links if link.is_symlink())


_ASKS_AS_SOMEBODY = """
import os, socket, sys
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(b'{{"op":"preview"}}\\n')
    text, descriptors, *_ = socket.recv_fds(line, 65536, 4)
print(text.decode(), len(descriptors))
"""


@as_root
def test_another_user_is_shown_nothing(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        running.socket_path.parents[1].chmod(0o711)
        program = _ASKS_AS_SOMEBODY.format(uid=NOBODY_UID)
        done = subprocess.run(
            [sys.executable, "-c", program, str(running.socket_path)], capture_output=True, text=True, check=True
        )
        log = running.log()
    text, descriptors = done.stdout.rsplit(maxsplit=1)
    assert (json.loads(text)["word"], descriptors) == ("not-authorised", "0")
    assert f"event=refused op=preview uid={NOBODY_UID}" in log
    assert "event=camera-open" not in log


def test_the_end_of_the_daemon_ends_a_view(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        feed = DaemonFeed(running.client, Preview(), clock=SystemClock())
        feed.open()
        _next_of(feed)
        running.tell(signal.SIGTERM)
        with pytest.raises(PreviewEnded, match="the daemon is stopping") as ended:
            deque(iter(lambda: feed.next(1.0), feed), maxlen=0)  # it never gives itself
        feed.close()
        assert running.exit_code() == 0
    assert ended.value.reply.word is Word.SHUTTING_DOWN
