"""``kinect-unlock demo``: the real daemon, started in private, on recordings of people who do not exist."""

import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json, settings_of
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.cli.timeline import Timeline
from kinect_unlock.cli.words import sentence
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Hooks, Pace
from kinect_unlock.wire import Enrol, PasswordOk, Reply, Request, Verify, Word

OWNER: Final = "owner"
TIMEOUT_S: Final = 120.0
# Runs on the machine of whoever watches: it leaves a line in the demo's own folder, and that is all it does.
_HOOK: Final = 'echo unlocked >> "$0"'


class Recording(msgspec.Struct, frozen=True):
    """One of the shipped recordings."""

    name: str
    file: str
    shows: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One row of the demo: what is played or said, and how it must end."""

    title: str
    act: Literal["enrol", "verify", "password"]
    stream: str | None
    expected: Word
    frames_must_show: str | None = None  # at least one frame must have been seen so


SCENES: Final = (
    Scene("the owner enrols, five poses", "enrol", "owner-enrols", Word.ENROLLED, "face"),
    Scene("the owner returns", "verify", "owner-returns", Word.UNLOCKED, "face"),
    Scene("a stranger tries", "verify", "stranger", Word.NO_MATCH, "face"),
    Scene("a flat photo of the owner", "verify", "flat-photo", Word.NO_MATCH, "spoof"),
    Scene("a bent photo of the owner", "verify", "bent-photo", Word.NO_MATCH, "spoof"),
    Scene("an empty room", "verify", "empty-room", Word.TIMED_OUT, "no-face"),
    Scene("the stranger tries again", "verify", "stranger", Word.NO_MATCH, "face"),
    Scene("and a fifth failure", "verify", "stranger", Word.NO_MATCH, "face"),
    Scene("the owner, now locked out", "verify", "owner-returns", Word.LOCKED_OUT),
    Scene("the owner's password is accepted", "password", None, Word.OK),
    Scene("the owner returns once more", "verify", "owner-returns", Word.UNLOCKED, "face"),
)


@dataclass(slots=True)
class Result:
    """How a scene went."""

    scene: Scene
    word: Word
    spent_ms: float
    hook_runs: int
    frames: Counter[str] = field(default_factory=Counter)

    @property
    def as_expected(self) -> bool:
        """True if it ended as it must, for the reason it must, and the hook ran exactly when it must."""
        shown = self.scene.frames_must_show
        return (
            self.word is self.scene.expected
            and self.hook_runs == int(self.scene.expected is Word.UNLOCKED)
            and (shown is None or self.frames[shown] > 0)
        )


def demo(
    *,
    show_list: Annotated[bool, typer.Option("--list", help="Name the recordings and their folder, and stop.")] = False,
    pace: Annotated[Pace, typer.Option(help="`recorded` to watch it happen, `asap` to have it done.")] = "asap",
    file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Watch the real daemon enrol an owner, unlock for them, and refuse a stranger, photos and an empty room.

    It is a process of its own with its own socket, templates and counters, which are gone afterwards; nothing of this
    machine is unlocked. The people are synthetic and belong to nobody: this shows that everything works together, not
    how accurate it is. With --config it runs with your settings. `kinect-unlock replay FILE --explain` shows every
    measurement of one recording. Exit code 0: every row is as it should be.
    """
    if show_list:
        _list(as_json=as_json)
        return
    settings = settings_of(file)
    console = Console(highlight=False, quiet=as_json)
    played = "as fast as it goes" if pace == "asap" else "at the recorded pace"
    console.print(f"[bold]kinect-unlock demo[/]: synthetic people, the real daemon, played {played}\n")
    with PrivateDaemon.folder() as folder, PrivateDaemon(_private(settings, folder, pace), folder) as daemon:
        console.print(f"[dim]daemon started in {daemon.started_ms:.0f} ms: its own process, socket and state[/]\n")
        results = [_play(daemon, scene, folder / "hook", console) for scene in SCENES]
    if as_json:
        for result in results:
            print_json(_plain(result))
    else:
        console.print(_table(results))
    if not all(result.as_expected for result in results):
        Console(stderr=True).print(
            "[red]Not every row is as it should be.[/] Please report this with the output above."
        )
        raise typer.Exit(1)
    console.print("\n[green]Every row is as it should be.[/] Synthetic people prove the plumbing, not the accuracy.")


def recordings() -> tuple[Recording, ...]:
    """Return what is shipped, in the order of the index."""
    index = yaml.safe_load((folder_of_recordings() / "demo.yaml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(index["recordings"], tuple[Recording, ...]))


def folder_of_recordings() -> Path:
    """Return where the recordings lie."""
    return Path(str(files("kinect_unlock"))) / "data" / "demo"


def _private(settings: Config, folder: Path, pace: Pace) -> Config:
    hook = ("/bin/sh", "-c", _HOOK, str(folder / "hook"))
    played = private_settings(settings, folder=folder_of_recordings(), pace=pace)
    return msgspec.structs.replace(played, hooks=Hooks(unlock=hook))


def _play(daemon: PrivateDaemon, scene: Scene, hook: Path, console: Console) -> Result:
    played = f" [dim]({scene.stream})[/]" if scene.stream else ""
    console.print(f"[bold]{scene.title}[/]{played}")
    timeline, frames = Timeline(console, in_full=False), Counter[str]()

    def show(reply: Reply) -> None:
        if reply.word is Word.FRAME and reply.data is not None:
            frames[reply.data["seen"]] += 1
        timeline.show(reply)

    runs, begun = _lines(hook), time.perf_counter()
    last = daemon.client.request(_request(scene), on_reply=show, timeout_s=TIMEOUT_S)
    spent_ms = (time.perf_counter() - begun) * 1000
    timeline.close(last)
    result = Result(scene, last.word, spent_ms, _lines(hook) - runs, frames)
    console.print(f"  [{'green' if result.as_expected else 'red'}]{last.word}[/]: {escape(sentence(last))}\n")
    return result


def _request(scene: Scene) -> Request:
    match scene.act:
        case "enrol":
            return Enrol(user=OWNER, stream=scene.stream, explain=True)
        case "verify":
            return Verify(user=OWNER, stream=scene.stream, unlock=True, explain=True)
        case "password":
            return PasswordOk(user=OWNER)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def _table(results: list[Result]) -> Table:
    table = Table("", "came out", "frames seen as", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("ms", justify="right")
    for result in results:
        seen = ", ".join(f"{count} {name}" for name, count in result.frames.most_common())
        if result.as_expected:
            outcome = f"[green]{result.word}[/]"
        else:
            outcome = f"[red]{result.word}, hook ran {result.hook_runs}x; must be {result.scene.expected}[/]"
        table.add_row(result.scene.title, outcome, seen, f"{result.spent_ms:.0f}")
    return table


def _plain(result: Result) -> dict[str, object]:
    return {
        "scene": result.scene.title,
        "stream": result.scene.stream,
        "expected": result.scene.expected,
        "word": result.word,
        "hook_runs": result.hook_runs,
        "frames": dict(result.frames),
        "spent_ms": round(result.spent_ms, 1),
        "as_expected": result.as_expected,
    }


def _list(*, as_json: bool) -> None:
    if as_json:
        folder = folder_of_recordings()
        print_json([{"name": r.name, "path": str(folder / r.file), "shows": r.shows} for r in recordings()])
        return
    table = Table("name", "shows", box=SIMPLE_HEAD, padding=(0, 1))
    for shipped in recordings():
        table.add_row(shipped.name, shipped.shows)
    console = Console(highlight=False, soft_wrap=True)  # the path must stay whole, for copying
    console.print(table)
    console.print(f"in {escape(str(folder_of_recordings()))}")
