"""``kinect-unlock view``: what the camera sees and what is made of it, in a window, a terminal or a file."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from kinect_unlock.cli.asking import AsJson, ConfigFile, client_of, leave, print_json, settings_of, tell
from kinect_unlock.cli.views import Subject, View, daemon_view, own_view
from kinect_unlock.clock import NS_PER_S, SystemClock
from kinect_unlock.errors import RequestError, SourceError
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.viewing.daemon_feed import PreviewEnded
from kinect_unlock.viewing.displays import Graphics, Where
from kinect_unlock.viewing.feeds import Shown
from kinect_unlock.viewing.files import FilmWriter, save_png
from kinect_unlock.viewing.places import open_display
from kinect_unlock.viewing.sheet import HEIGHT_PX, WIDTH_PX
from kinect_unlock.viewing.show import READ_TIMEOUT_S, Show


def view(
    recording: Annotated[
        Path | None, typer.Argument(help="A recording. Left out: the camera.", exists=True, dir_okay=False)
    ] = None,
    *,
    file: ConfigFile = None,
    kind: Annotated[
        str | None, typer.Option("--source", help="Another source than the configured one: images, webcam, ...")
    ] = None,
    where: Annotated[
        Path | None, typer.Option("--from", help="What that source reads: a folder of images, a recording.")
    ] = None,
    stream: Annotated[str | None, typer.Option("--stream", help="A recording of the replay source's folder.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw one frame into this new file.")] = None,
    frame: Annotated[int, typer.Option(min=0, help="--png: which frame, counted from 0.")] = 0,
    mp4: Annotated[Path | None, typer.Option(help="Draw all frames into this new film, until Ctrl-C.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="--mp4: stop after so long.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Enrol this recording in private, and show how alike the face is.", exists=True, dir_okay=False
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Show how alike the face is to this user of your own templates.")
    ] = None,
    place: Annotated[Where, typer.Option("--in", help="Where a moving picture is shown.")] = "auto",
    graphics: Annotated[Graphics, typer.Option(help="What a terminal is drawn with.")] = "auto",
    once: Annotated[bool, typer.Option("--once", help="End where a recording ends; do not begin again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show colour, depth and infrared, and all that is made of them: face, pose, liveness, and why.

    In a window where there is a display, else in the terminal; with --png or --mp4 in a file, anywhere. Without a
    recording it asks the daemon that runs for what its camera sees, as root or the daemon's own user, or after polkit
    has asked for an administrator's password; anybody who wants to be recognised has the camera at once. Where no
    daemon runs it opens the source itself. A file shows faces: it is created for you alone (mode 0600). Scores are
    drawn only beside --against or --user, in your own process; they are never logged. Space pauses, s saves a picture
    into the current folder, q ends it.
    """
    if png is not None and mp4 is not None:
        raise RequestError("--png and --mp4 are two different files; make one after the other")
    settings = settings_of(file)
    subject, client = Subject(against, user), client_of(file)
    own = recording is not None or kind is not None or where is not None
    if not own and client.is_there():
        shown = daemon_view(settings, client, stream, subject)
    else:
        shown = own_view(settings, _source(settings.source, recording, kind, where), subject, stream)
    with _interruptible() as stop, closing(shown.feed):
        try:
            if png is not None:
                _draw_one(shown, png, frame, as_json=as_json)
            elif mp4 is not None:
                _draw_all(shown, mp4, seconds, stop, as_json=as_json)
            else:
                _show(shown, place, graphics, stop, once=once, as_json=as_json)
        except PreviewEnded as ended:
            (print_json if as_json else tell)(ended.reply)
            leave(ended.reply)


def _source(configured: Source, recording: Path | None, kind: str | None, where: Path | None) -> Source:
    """Return which source is meant; a recording is read as it comes, for the viewer keeps its pace."""
    if recording is not None:
        if kind is not None or where is not None:
            raise RequestError("a recording needs neither --source nor --from")
        return Source(kind="replay", path=str(recording), pace="asap")
    changes = {name: value for name, value in (("kind", kind), ("path", where and str(where))) if value is not None}
    return msgspec.structs.replace(configured, pace="asap", **changes)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Make Ctrl-C and SIGTERM a wish to end, which is asked for; the second Ctrl-C interrupts."""
    stopping = False

    def stop(number: int, _: object) -> None:
        nonlocal stopping
        if stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _frames(shown: View, stop: Callable[[], bool]) -> Iterator[Shown]:
    """Give the frames of a view as they come, until they end or somebody has seen enough."""
    shown.feed.open()
    while not stop():
        try:
            one = shown.feed.next(READ_TIMEOUT_S)
        except EndOfStream:
            return
        if one is not None:
            yield one


def _draw_one(shown: View, path: Path, number: int, *, as_json: bool) -> None:
    seen = 0
    for one in _frames(shown, lambda: False):
        if one.number == number:
            save_png(path, shown.painter.paint(one))
            _report(path, 1, as_json=as_json)
            return
        seen = one.number + 1
    raise RequestError(f"there is no frame {number}: {shown.painter.source} has {seen}, counted from 0")


def _draw_all(shown: View, path: Path, seconds: float | None, stop: Callable[[], bool], *, as_json: bool) -> None:
    columns = (TextColumn("[bold]drawing"), BarColumn(), TextColumn("{task.completed} frames"), TimeElapsedColumn())
    with (
        FilmWriter(path, width_px=WIDTH_PX, height_px=HEIGHT_PX) as film,
        Progress(*columns, console=Console(stderr=True), disable=as_json) as progress,
    ):
        task = progress.add_task("drawing", total=shown.painter.count)
        first_ns: int | None = None
        for one in _frames(shown, stop):
            first_ns = one.frame.captured_ns if first_ns is None else first_ns
            if seconds is not None and one.frame.captured_ns - first_ns > seconds * NS_PER_S:
                break
            film.write(shown.painter.paint(one), one.frame.captured_ns)
            progress.advance(task)
    if not film.frames:
        raise SourceError(f"{path}: not written, because {shown.painter.source} gave no frame")
    _report(path, film.frames, as_json=as_json)


def _show(
    shown: View, place: Where, graphics: Graphics, stop: Callable[[], bool], *, once: bool, as_json: bool
) -> None:
    with closing(open_display(place, graphics, f"kinect-unlock: {shown.painter.source}")) as display:
        shown.feed.open()
        show = Show(shown.feed, display, shown.painter, clock=SystemClock(), stop=stop)
        show.run(once=once)
    for path in show.saved:
        _report(path, 1, as_json=as_json)


def _report(path: Path, frames: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(path), "frames": frames})
    else:
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        Console(highlight=False, soft_wrap=True).print(f"{path}: {frames} frame{'s' * (frames != 1)}, {size}")
