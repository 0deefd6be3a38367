"""Photographs: enrol a folder of them, and ask who is on a picture. Colour alone, so nothing here can unlock."""

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table
from rich.text import Text

from kinect_unlock import app, networks
from kinect_unlock.arrays import U8
from kinect_unlock.cli.asking import AsJson, ConfigFile, ask, client_of, leave, print_json, settings_of, tell
from kinect_unlock.cli.words import EXIT_CODES, exit_code, sentence
from kinect_unlock.errors import RequestError, SourceError
from kinect_unlock.photographs import PhotographEncoder
from kinect_unlock.settings import Config
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.photos import photos_in, read_photo
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock.wire import EnrolVectors, Identify, Reply, Word, pack_vector

NO_UNLOCK: Final = "[dim]a photograph has no depth, so it can say who it looks like but never unlock[/]"


def enrol_photographs(folder: Path, *, file: Path | None, as_json: bool) -> None:
    """Enrol everybody of a folder; a picture that shows no face or is none is named and left out, the others count."""
    people = photos_in(folder)
    settings = settings_of(file)
    encoder, most = _encoder(settings), _most_photographs(settings)
    client, errors = client_of(file), Console(stderr=True, highlight=False, soft_wrap=True)
    rows: list[tuple[str, int, int, Reply | None]] = []
    for user, paths in track(people.items(), description="enrolling", console=errors, disable=as_json):
        usable = (vector for path in paths if (vector := _one_face(encoder, path, errors)))
        vectors = list(islice(usable, most))
        reply = None
        if vectors:
            reply = client.request(EnrolVectors(user=user, model_id=encoder.model_id, vectors=tuple(vectors)))
        rows.append((user, len(paths), len(vectors), reply))
    if as_json:
        names = ("user", "photographs", "used", "word", "message")
        print_json([dict(zip(names, (u, n, k, r and r.word, r and r.message), strict=True)) for u, n, k, r in rows])
    else:
        _show_enrolled(rows)
    worst = max((exit_code(reply) if reply else 1 for *_, reply in rows), default=0)
    if worst:
        raise typer.Exit(worst)


def identify(
    *,
    file: ConfigFile = None,
    image: Annotated[Path | None, typer.Option("--image", help="A photograph instead of the daemon's camera.")] = None,
    webcam: Annotated[
        str | None, typer.Option("--webcam", help="An ordinary camera instead: its number or /dev/videoN.")
    ] = None,
    stream: Annotated[str | None, typer.Option("--stream", help="A recording of the replay source's folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who it is, of all who are enrolled, or nobody. With --image or --webcam every face in the picture is named.

    Exit codes: 0 somebody was named, 1 nobody that is enrolled, 3 no face was seen.
    """
    if image is not None and webcam is not None:
        raise RequestError("--image and --webcam are two different pictures; give one of them")
    if image is None and webcam is None:
        leave(ask(file, Identify(stream=stream), as_json=as_json))
        return
    settings = settings_of(file)
    color = read_photo(image) if image is not None else _webcam_picture(settings, webcam)
    encoder = _encoder(settings)
    faces = encoder.faces(color)
    if not faces:
        Console(stderr=True, highlight=False).print("kinect-unlock: no face is on the picture")
        raise typer.Exit(EXIT_CODES[Word.TIMED_OUT])
    client = client_of(file)
    last = [
        client.request(Identify(model_id=encoder.model_id, vectors=(pack_vector(embedding.vector),)))
        for _, embedding in faces
    ]
    for number, reply in enumerate(last, start=1):
        if as_json:
            print_json(reply)
        else:
            if len(last) > 1:
                Console(highlight=False).print(f"face {number}: ", end="")
            tell(reply)
    if not as_json:
        Console(stderr=True).print(NO_UNLOCK)
    code = min(exit_code(reply) for reply in last)
    if code:
        raise typer.Exit(code)


def _encoder(settings: Config) -> PhotographEncoder:
    return PhotographEncoder(networks.detector(settings), networks.encoder(settings))


def _most_photographs(settings: Config) -> int:
    """Return how many vectors of one person the threshold has evidence for."""
    match = settings.match
    thresholds = pick_thresholds(networks.model_store(settings).encoder, match.far, match.strategy)
    return min(threshold.template_vectors_max for threshold in thresholds)


def _one_face(encoder: PhotographEncoder, path: Path, errors: Console) -> str | None:
    """Return the vector of a photograph's only face; of several nobody can say whose name the file bears."""
    try:
        faces = encoder.faces(read_photo(path))
    except SourceError as fault:
        errors.print(f"[yellow]left out[/] {escape(str(fault))}")
        return None
    if len(faces) == 1:
        return pack_vector(faces[0][1].vector)
    found = f"{len(faces)} faces" if faces else "no face"
    errors.print(f"[yellow]left out[/] {escape(str(path))}: {found} found; crop it to one person")
    return None


def _webcam_picture(settings: Config, device: str | None) -> U8:
    webcam = msgspec.structs.replace(settings.source, kind="webcam", device=device)
    source = app.source(msgspec.structs.replace(settings, source=webcam))
    source.open()
    try:
        frame = source.read(settings.source.stall_timeout_s)
    except EndOfStream:
        frame = None
    finally:
        source.close()
    if frame is None:
        raise RequestError(f"webcam {device} gave no picture; is another program using it?")
    return frame.color


def _show_enrolled(rows: list[tuple[str, int, int, Reply | None]]) -> None:
    table = Table("user", "photographs", "used", "", box=SIMPLE_HEAD, padding=(0, 1))
    for user, given, used, reply in rows:
        outcome = "no usable photograph" if reply is None else sentence(reply)
        table.add_row(
            user, str(given), str(used), Text(outcome, style="green" if reply and not exit_code(reply) else "red")
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(NO_UNLOCK)
