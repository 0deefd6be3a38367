"""The course of a view, with a display and frames that a test holds in its hand; and the real window, unseen."""

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from demo_frames import frames_of
from kinect_unlock.arrays import U8
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import ManualClock, SystemClock
from kinect_unlock.errors import ConfigError, RequestError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.looks import Look
from kinect_unlock.observations import Observation, Seen
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.settings import DepthVote, Ranges
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.pictures import read_color
from kinect_unlock.sources.replay import ReplaySource
from kinect_unlock.viewing import displays, places, terminal
from kinect_unlock.viewing.displays import KEYS, Wish
from kinect_unlock.viewing.feeds import OwnFeed, RateMeter, Shown
from kinect_unlock.viewing.files import FilmWriter, free_name, save_png
from kinect_unlock.viewing.gauges import Limits
from kinect_unlock.viewing.show import Painter, Show, words_about

LIMITS = Limits(Ranges().verify, DepthVote())
PAINTER = Painter("a test", 3, LIMITS, "nobody")
INTERVAL_NS = 40_000_000


def shown(number: int, dropped: int = 0) -> Shown:
    frame = Frame(number, number * INTERVAL_NS, np.full((8, 8, 3), 40 + number, np.uint8), None, None)
    return Shown(frame, Look(Seen.NO_DEPTH), None, number, dropped)


class Frames:
    """A feed of some frames; `live` as it is made."""

    def __init__(self, count: int, *, live: bool) -> None:
        self.live = live
        self.opened = self.rested = 0
        self._count = count
        self._left: deque[Shown] = deque()

    def open(self) -> None:
        self.opened += 1
        self._left = deque(shown(number) for number in range(self._count))

    def next(self, timeout_s: float) -> Shown | None:
        del timeout_s
        if not self._left:
            raise EndOfStream
        return self._left.popleft()

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self._left.clear()


class Screen:
    """A display that keeps what it was shown, and asks for what it is told to, when asked the n-th time."""

    def __init__(self, clock: ManualClock, asked: dict[int, Wish]) -> None:
        self.pictures: list[U8] = []
        self.at_ns: list[int] = []
        self.words: list[str] = []
        self._clock = clock
        self._asked = asked
        self._times = 0

    def show(self, picture: U8, words: str) -> None:
        self.pictures.append(picture)
        self.words.append(words)
        self.at_ns.append(self._clock.monotonic_ns())

    def wishes(self, wait_s: float) -> list[Wish]:
        self._clock.advance(max(1_000_000, round(wait_s * 1e9)))
        self._times += 1
        return [self._asked[self._times]] if self._times in self._asked else []

    def close(self) -> None:
        pass


def _show(
    feed: Frames, asked: dict[int, Wish], *, once: bool = True, stop: Callable[[], bool] = lambda: False
) -> tuple[Screen, Show]:
    clock = ManualClock(start_ns=0)
    screen = Screen(clock, asked)
    show = Show(feed, screen, PAINTER, clock=clock, stop=stop)
    feed.open()
    show.run(once=once)
    return screen, show


def test_a_recording_is_shown_whole_at_the_pace_it_was_captured_at() -> None:
    screen, _ = _show(Frames(5, live=False), {})
    assert screen.words == [f"frame {n}, no depth of the face" for n in range(5)]
    assert all(after - before >= INTERVAL_NS for before, after in zip(screen.at_ns, screen.at_ns[1:], strict=False))
    assert screen.at_ns[-1] - screen.at_ns[0] < 5 * INTERVAL_NS


def test_a_camera_is_shown_as_it_comes() -> None:
    screen, _ = _show(Frames(5, live=True), {})
    assert len(screen.pictures) == 5
    assert screen.at_ns[-1] - screen.at_ns[0] < INTERVAL_NS


def test_a_recording_begins_again_until_somebody_has_seen_enough() -> None:
    feed = Frames(2, live=False)
    screen, _ = _show(feed, {400: Wish.END}, once=False)
    assert feed.opened > 2
    assert screen.words[:4] == [words_about(shown(n)) for n in (0, 1, 0, 1)]


@pytest.mark.parametrize("how", ["key", "signal"])
def test_it_ends_when_it_is_asked_to(how: str) -> None:
    asked = {20: Wish.END} if how == "key" else {}
    seen: list[int] = []

    def stop() -> bool:
        seen.append(1)
        return how == "signal" and len(seen) > 20

    screen, _ = _show(Frames(200, live=True), asked, stop=stop)
    assert 0 < len(screen.pictures) < 20


def test_a_pause_shows_nothing_new_until_it_ends() -> None:
    feed = Frames(50, live=True)
    screen, _ = _show(feed, {6: Wish.PAUSE, 60: Wish.PAUSE, 70: Wish.END})
    assert feed.rested > 50
    assert len(set(screen.words)) < 15


def test_a_picture_is_saved_where_one_stands_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, show = _show(Frames(50, live=True), {5: Wish.SAVE, 6: Wish.SAVE, 30: Wish.END})
    first, second = show.saved
    assert first.parent == second.parent == tmp_path
    assert first != second
    assert [path.stat().st_mode & 0o777 for path in show.saved] == [0o600, 0o600]
    assert read_color(first).shape == (900, 1600, 3)


def test_a_folder_that_cannot_be_written_is_said_in_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(1, 1001):
        (tmp_path / f"kinect-unlock-{1}{'' if number == 1 else f'-{number}'}.png").touch()
    _, show = _show(Frames(50, live=True), {5: Wish.SAVE, 30: Wish.END})
    assert show.saved == []


def test_the_rate_is_that_of_what_was_shown() -> None:
    clock = ManualClock(start_ns=0)
    meter = RateMeter(clock)
    assert meter.count() is None
    rates = []
    for _ in range(100):
        clock.advance(50_000_000)
        rates.append(meter.count())
    assert rates == pytest.approx([20.0] * 100)


class Silent:
    """A camera that gives nothing."""

    origin = Origin.SENSOR

    def open(self) -> None: ...

    def read(self, timeout_s: float) -> None:
        del timeout_s

    def close(self) -> None: ...


def test_a_camera_that_falls_silent_is_lost_but_not_while_nobody_asks() -> None:
    clock = ManualClock(start_ns=0)
    feed = OwnFeed(Silent, cast("Pipeline", None), None, clock=clock, stall_s=2.0)  # it never has a frame to look at
    feed.open()
    clock.advance(1_900_000_000)
    assert feed.next(0.1) is None
    clock.advance(1_000_000_000)
    feed.rest()
    assert feed.next(0.1) is None
    clock.advance(2_100_000_000)
    with pytest.raises(SourceLost, match="no frame for 2 s"):
        feed.next(0.1)


class SeesNobody:
    """A pipeline to which every frame shows nobody."""

    def observe(self, frame: Frame, attempt: int, purpose: str) -> Observation:
        del purpose
        return Observation(attempt, frame.seq, frame.captured_ns, Seen.NO_FACE)


def test_each_round_has_a_source_of_its_own_for_one_is_opened_once() -> None:
    made: list[ReplaySource] = []

    def make() -> ReplaySource:
        made.append(ReplaySource(folder_of_recordings() / "empty-room.mkv", pace="asap", clock=SystemClock()))
        return made[-1]

    feed = OwnFeed(make, cast("Pipeline", SeesNobody()), None, clock=SystemClock(), stall_s=2.0)
    for _ in range(2):
        feed.open()
        first = feed.next(0.1)
        assert first is not None
        assert first.number == 0
        feed.close()
    assert len(made) == 2


@pytest.mark.parametrize(
    ("where", "environ", "terminal", "place"),
    [
        ("auto", {"DISPLAY": ":0"}, True, "window"),
        ("auto", {"WAYLAND_DISPLAY": "wayland-0"}, False, "window"),
        ("auto", {"DISPLAY": ""}, True, "terminal"),
        ("terminal", {"DISPLAY": ":0"}, False, "terminal"),
        ("window", {}, False, "window"),
    ],
)
def test_it_is_shown_where_there_is_a_place(
    where: displays.Where,
    environ: dict[str, str],
    terminal: bool,  # noqa: FBT001 - parametrised
    place: str,
) -> None:
    assert places.place_to_show(where, environ, terminal=terminal) == place


def test_without_a_place_it_says_what_else_there_is() -> None:
    with pytest.raises(RequestError, match="--png or --mp4"):
        places.place_to_show("auto", {}, terminal=False)


def test_a_window_without_its_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    monkeypatch.delitem(sys.modules, "kinect_unlock.viewing.window", raising=False)
    with pytest.raises(ConfigError, match=r"a window needs pygame.*pip install 'kinect-unlock\[view\]'"):
        places.open_display("window", "auto", "title")


@pytest.mark.parametrize("graphics", ["kitty", "sixel"])
def test_graphics_without_their_library_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, graphics: displays.Graphics
) -> None:
    monkeypatch.setitem(sys.modules, "textual_image", None)
    with pytest.raises(ConfigError, match=r"textual_image is not installed: pip install 'kinect-unlock\[view\]'"):
        terminal.graphics_of(graphics)
    assert terminal.graphics_of("auto") is None
    assert terminal.graphics_of("blocks") is None


def test_a_terminal_s_graphics_are_asked_of_the_library() -> None:
    renderable = pytest.importorskip("textual_image.renderable")
    assert terminal.graphics_of("kitty") is renderable.TGPImage
    assert terminal.graphics_of("sixel") is renderable.SixelImage


def test_blocks_hold_two_pixels_each() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2], picture[2:, 2:] = (200, 10, 20), (1, 2, 3)
    (line,) = terminal.blocks(picture, 2).splitlines()
    assert line == "\x1b[38;2;200;10;20;48;2;0;0;0m\u2580\x1b[38;2;200;10;20;48;2;1;2;3m\u2580\x1b[0m"


def test_a_window_shows_the_picture_and_hears_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = places.open_display("window", "auto", "a test")
    try:
        picture = np.zeros((900, 1600, 3), np.uint8)
        picture[:, 800:] = (10, 200, 30)
        window.show(picture, "half green")
        surface = pygame.display.get_surface()
        drawn = pygame.surfarray.array3d(surface).transpose(1, 0, 2)
        left, right = drawn[drawn.shape[0] // 2, [drawn.shape[1] // 4, 3 * drawn.shape[1] // 4]]
        assert (left.tolist(), right.tolist()) == ([0, 0, 0], [10, 200, 30])
        assert pygame.display.get_caption()[0] == "a test: half green"
        window.wishes(0.0)
        for key in (pygame.K_SPACE, pygame.K_s, pygame.K_x, pygame.K_q, pygame.K_ESCAPE):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert window.wishes(0.5) == [Wish.PAUSE, Wish.SAVE, Wish.END, Wish.END, Wish.END]
    finally:
        window.close()


def test_a_window_without_a_screen_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(ConfigError, match=r"no window can be opened .*--png or --mp4"):
        places.open_display("window", "auto", "a test")


def test_a_window_that_nobody_could_see_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    for variable in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigError, match=r"no window can be opened .*--png or --mp4"):
        places.open_display("window", "auto", "a test")


def test_the_keys_are_told() -> None:
    assert all(word in KEYS for word in ("space", "s:", "q:"))


def test_a_png_is_its_owner_s_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    path = tmp_path / "a.png"
    save_png(path, picture)
    assert path.stat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(read_color(path), picture)
    with pytest.raises(RequestError, match="is there already"):
        save_png(path, picture)
    with pytest.raises(RequestError, match="cannot be written"):
        save_png(tmp_path / "nowhere" / "a.png", picture)
    assert free_name(tmp_path, "a") == tmp_path / "a-2.png"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "victim")
    with pytest.raises(RequestError, match="is there already"):
        save_png(tmp_path / "link.png", np.zeros((4, 4, 3), np.uint8))
    assert not (tmp_path / "victim").exists()


def test_a_film_without_pictures_leaves_no_file(tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "a.mp4", width_px=64, height_px=64):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_film_keeps_the_time_of_its_frames(tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "a.mp4", width_px=64, height_px=64) as film:
        for at_ms in (0, 40, 40, 500):  # two of one moment must not stop it
            film.write(np.full((64, 64, 3), at_ms % 256, np.uint8), at_ms * 1_000_000)
    with av.open(str(tmp_path / "a.mp4")) as read:
        times = [frame.time for frame in read.decode(video=0)]
    assert times == pytest.approx([0.0, 0.04, 0.041, 0.5], abs=0.002)


def test_a_demo_frame_is_drawn_with_its_registered_depth() -> None:
    (frame,) = frames_of("owner-returns", 1)
    picture = PAINTER.paint(Shown(frame, Look(Seen.NO_FACE), None, 0, 0))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
