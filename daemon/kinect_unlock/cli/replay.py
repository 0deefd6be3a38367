"""``kinect-unlock replay``: a recording through the whole daemon, threads and socket and all, in private."""

import os
import shutil
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from kinect_unlock.cli.asking import AsJson, ConfigFile, leave, print_json, settings_of, tell
from kinect_unlock.cli.explaining import require_new, save_why
from kinect_unlock.cli.timeline import Timeline
from kinect_unlock.errors import RecordingError, RequestError
from kinect_unlock.ports import Use
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config, Log, Pace, Source
from kinect_unlock.wire import Enrol, Reply, Request, Verify, Word

USER: Final = "owner"
PROBE: Final = "probe.mkv"
ENROLMENT: Final = "enrolment.mkv"
TIMEOUT_S: Final = 600.0
DECISIONS: Final = frozenset({Word.MATCH, Word.NO_MATCH, Word.TIMED_OUT, Word.ENROLLED, Word.ENROL_FAILED})
FAULTS: Final = frozenset({Word.SOURCE_ERROR, Word.SOURCE_LOST, Word.RECORDING_ERROR})


def private_settings(settings: Config, *, folder: Path, pace: Pace, decisions: Path | None = None) -> Config:
    """Return settings for playing recordings of a folder: what asks for a password or for patience is off."""
    return msgspec.structs.replace(
        settings,
        source=Source(kind="replay", path=str(folder), pace=pace),
        attempt=msgspec.structs.replace(settings.attempt, cooldown_s=0.0),
        policy=msgspec.structs.replace(settings.policy, password_after_boot=False),
        log=Log(level=settings.log.level, decisions=None if decisions is None else str(decisions)),
    )


def replay(
    recording: Annotated[Path, typer.Argument(help="The recording to play.", exists=True, dir_okay=False)],
    *,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Enrol this recording first. Left out: the one that the recording itself names, if any.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(help="Write the decision log here: a line a frame, equal bytes in every run.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every cue of the frame that shows best what decided, and the times.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw that frame into this new PNG: face, depth, surface, cues, and why."),
    ] = None,
    pace: Annotated[Pace, typer.Option(help="As it was recorded, as soon as possible, or frame by frame.")] = "asap",
    file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Play a recording through a private daemon and show what it decided, frame by frame, and of a refusal why.

    Nothing of this machine is touched: the daemon has its own socket, templates and counters, which are gone
    afterwards. A recording made for enrolling is enrolled; any other is judged against the enrolment it names, or
    against --against. Exit code 0: it was played to a decision, whatever that was; 69: the recording cannot be played.
    """
    with RecordingReader(recording) as reader:
        provenance = reader.provenance
    against = against or _named_enrolment(recording, provenance)
    if against is None and provenance.get("purpose") != "enrol":
        raise RequestError(f"{recording} names no enrolment to be judged against; give one with --against FILE.mkv")
    if picture is not None:
        require_new(picture)
    if decisions is not None:
        _make_log(decisions)
    with PrivateDaemon.folder() as folder:
        log = folder / "decisions.jsonl"
        settings = private_settings(settings_of(file), folder=folder / "streams", pace=pace, decisions=log)
        (folder / "streams").mkdir()
        _put(recording, folder / "streams" / PROBE)
        if against is not None:
            _put(against, folder / "streams" / ENROLMENT)
        with PrivateDaemon(settings, folder) as daemon:
            if against is not None:
                _enrol(daemon, against, folder / "streams" / ENROLMENT)
            begun = log.stat().st_size
            request: Request = (
                Enrol(user=USER, stream=PROBE, explain=True)
                if against is None
                else Verify(user=USER, stream=PROBE, explain=True)
            )
            timeline = Timeline(Console(highlight=False, quiet=as_json), in_full=explain)
            last = _play(daemon, request, timeline, as_json=as_json)
        if decisions is not None:
            decisions.write_bytes(log.read_bytes()[begun:])
    if last.word in FAULTS:
        raise RecordingError(_told_of(recording, folder / "streams" / PROBE, last))
    if picture is not None:
        use: Use = "enrol" if against is None else "verify"
        save_why(picture, recording, timeline.decided_by(last), settings, use)
    if last.word not in DECISIONS:
        leave(last)


def _named_enrolment(recording: Path, provenance: dict[str, object]) -> Path | None:
    name = provenance.get("against")
    if not isinstance(name, str):
        return None
    beside = recording.parent / Path(name).name
    return beside if beside.exists() else None


def _make_log(decisions: Path) -> None:
    """Make the log's file before anything is played; raises `RequestError` where none can be."""
    try:
        # It holds scores, hence the mode; a file that is there keeps its own.
        os.close(os.open(decisions, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as fault:
        raise RequestError(f"{decisions}: no decision log can be written there: {fault.strerror}") from fault


def _put(recording: Path, where: Path) -> None:
    """Make a recording available under another name; by a link where that can be, a large one is not copied."""
    try:
        where.hardlink_to(recording.resolve())
    except OSError:
        shutil.copyfile(recording, where)


def _enrol(daemon: PrivateDaemon, against: Path, copy: Path) -> None:
    last = daemon.client.request(Enrol(user=USER, stream=ENROLMENT), timeout_s=TIMEOUT_S)
    if last.word is not Word.ENROLLED:
        raise RecordingError(f"cannot be enrolled from: {_told_of(against, copy, last)}")


def _told_of(recording: Path, copy: Path, last: Reply) -> str:
    """Return what the daemon said, of the recording that was named instead of the copy it was given."""
    message = last.message or str(last.word)
    if str(copy) in message:
        return message.replace(str(copy), str(recording))
    return f"{recording}: {message}"


def _play(daemon: PrivateDaemon, request: Request, timeline: Timeline, *, as_json: bool) -> Reply:
    def show(reply: Reply) -> None:
        timeline.show(reply)
        if as_json:
            print_json(reply)

    last = daemon.client.request(request, on_reply=show, timeout_s=TIMEOUT_S)
    timeline.close(last)
    if last.word not in FAULTS and not as_json:
        tell(last)
    return last
