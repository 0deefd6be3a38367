"""The verbs about people: enrol, verify, users, forget."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from kinect_unlock.cli.asking import EXIT_DECLINED, AsJson, ConfigFile, agreed, ask, leave, tell
from kinect_unlock.cli.meant import user_meant
from kinect_unlock.cli.words import HINTS
from kinect_unlock.errors import RequestError
from kinect_unlock.wire import Enrol, Forget, Reply, Users, Verify, Word

User = Annotated[str | None, typer.Argument(help="A user name.", show_default="you, by sudo and pkexec too")]
Stream = Annotated[
    str | None, typer.Option("--stream", help="The file in the replay source's folder to play; for trying out only.")
]
ENROL_TIMEOUT_S = 300.0

REFUSED = frozenset({Word.NO_MATCH, Word.TIMED_OUT, Word.NO_NOD})
STAGES = {
    "straight": "look straight at the camera",
    "left": "turn your head to the left",
    "right": "turn your head to the right",
    "up": "look up a little",
    "down": "look down a little",
    "near": "come closer",
    "far": "move back",
    "any": "look at the camera",
}


class _Stages:
    """Shows an enrolment's progress: a bar, the stage, and the latest hint."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("opening the camera", total=None, hint="")

    def show(self, reply: Reply) -> None:
        """Take one reply."""
        if reply.word is Word.STAGE and reply.data is not None and reply.stage is not None:
            self._progress.update(
                self._task,
                completed=reply.data["passed"],
                total=reply.data["of"],
                description=STAGES[reply.stage],
                hint="",
            )
        elif reply.word is Word.HINT and reply.hint is not None:
            self._progress.update(self._task, hint=HINTS[reply.hint])
        elif reply.word is Word.ENROLLED:
            self._progress.update(self._task, completed=len((reply.data or {}).get("stages", ())), hint="")
        if reply.word is Word.WARNING:
            tell(reply)


def enrol(
    user: User = None,
    *,
    file: ConfigFile = None,
    stream: Stream = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            "--photographs",
            help="A folder of photographs instead of the camera: the file's or sub-folder's name is the person's "
            "(anna.jpg, anna_2.jpg, ben/1.jpg). They can be identified with `identify`, but never unlock.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Teach the daemon a face: follow the instructions until the bar is full.

    A new enrolment replaces the older one once it is complete; until then nothing changes.
    Exit codes: 0 enrolled, 7 not enrolled and nothing changed.
    """
    if photographs is not None:
        if user is not None:
            raise RequestError(f"the files of --photographs say whose they are; leave out {user!r}")
        from kinect_unlock.cli.pictures import enrol_photographs  # noqa: PLC0415 - networks load only where used

        enrol_photographs(photographs, file=file, as_json=as_json)
        return
    request = Enrol(user=user_meant(user), stream=stream)
    if as_json:
        leave(ask(file, request, as_json=True, timeout_s=ENROL_TIMEOUT_S))
        return
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), TextColumn("[yellow]{task.fields[hint]}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        last = ask(file, request, as_json=False, show=_Stages(progress).show, timeout_s=ENROL_TIMEOUT_S)
    tell(last)
    leave(last)


def verify(
    user: User = None,
    *,
    file: ConfigFile = None,
    stream: Stream = None,
    unlock: Annotated[bool, typer.Option("--unlock", help="And if it is, unlock their session.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each frame showed, cue by cue.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask whether the person before the camera is this user.

    With --explain root and the daemon's own user see every frame, the cues, and of a refusal which of them decided.
    Exit codes: 0 yes, 1 no, 3 nobody could be judged in time, or the nod that is asked for did not come, 5 a password
    is needed, 6 not enrolled.
    """
    request = Verify(user=user_meant(user), unlock=unlock, stream=stream, explain=explain)
    if explain and not as_json:
        from kinect_unlock.cli.timeline import Timeline, ending_of  # noqa: PLC0415 - rich tables only where shown

        timeline = Timeline(Console(highlight=False))
        last = ask(file, request, as_json=False, show=timeline.show)
        timeline.close(last)
        tell(last)
        if last.word in REFUSED and ending_of(last) is None:
            Console(stderr=True).print("Why is told to root alone, and to you afterwards: `kinect-unlock log --why`.")
    else:
        last = ask(file, request, as_json=as_json)
    leave(last)


def users(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List who is enrolled, and from what."""
    last = ask(file, Users(), as_json=as_json, show=lambda _: None)
    if last.word is not Word.OK and not as_json:
        tell(last)
    elif not as_json:
        rows = (last.data or {}).get("users", [])
        if not rows:
            typer.echo("Nobody is enrolled; run `kinect-unlock enrol`.")
        else:
            Console(highlight=False).print(_user_table(rows))
    leave(last)


def forget(
    user: Annotated[str, typer.Argument(help="Whose template and counters to delete.")],
    *,
    file: ConfigFile = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a user's template, all that joined it, and their counters. There is no way back but to enrol again.

    Failed tries stay held against them unless root asks, or forgetting and enrolling would end a lock-out.
    Exit codes: 0 forgotten, 1 you said no, or nothing was kept of anybody by this name.
    """
    if not yes and not agreed(f"Delete everything that is kept of {user}?"):
        raise typer.Exit(EXIT_DECLINED)
    leave(ask(file, Forget(user=user), as_json=as_json))


def _user_table(rows: list[dict[str, object]]) -> Table:
    table = Table("user", "vectors", "from", "enrolled", "", box=SIMPLE_HEAD, padding=(0, 1))
    for row in rows:
        cells = (_cell(row.get(name)) for name in ("user", "vectors", "origin"))
        table.add_row(*cells, _date(row.get("enrolled_s")), _remark(row))
    return table


def _remark(row: dict[str, object]) -> Text:
    """Say what keeps a template from opening anything, and what it has beside colour.

    As Text, so that nothing in a fault is taken for markup.
    """
    if "fault" in row:
        return Text(str(row["fault"]), style="red")
    if not row["current"]:
        return Text("of another model: enrol again", style="red")
    if row["photographs"]:
        return Text("photographs: never unlock")
    told = [f"{row['joined']} joined later"] if row["joined"] else []
    told += ["of a camera not known: bound to none"] if row["origin"] == "sensor" and not row["camera"] else []
    told += [f"and {row['infrared_vectors']} in infrared"] if row["infrared_vectors"] else []
    return Text(", ".join(told))


def _cell(value: object) -> Text:
    return Text("-" if value is None else str(value))


def _date(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "-"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
