"""``lab attack picture``, ``record`` and ``review``: one simulated attack to look at, and real ones, to contribute."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import RequestError
from kinect_unlock.sources import recorder
from kinect_unlock_lab.cli.shared import JsonFile, progress, write_json

if TYPE_CHECKING:
    from kinect_unlock.arrays import U8
    from kinect_unlock.settings import Config
    from kinect_unlock_lab.attack import contributing, measuring
    from kinect_unlock_lab.attack.exhibit import Instrument, Victim

app = typer.Typer()


@app.command()
def picture(
    out: Annotated[Path, typer.Argument(help="The new picture, a PNG.")],
    *,
    species: Annotated[str, typer.Option("--species", help="Words in the species' name.")] = "bent print",
    number: Annotated[int, typer.Option("--number", min=0, help="Which of its instruments, counted from 0.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same instruments.")] = 0,
    file: ConfigFile = None,
) -> None:
    """Draw one simulated attack on the demo's owner: colour, depth, what is off each shape, every cue, why refused.

    One part for every sensor model, one below the other. The person does not exist.
    """
    from kinect_unlock.viewing.files import save_png  # noqa: PLC0415 - heavy imports stay off --help
    from kinect_unlock_lab.attack import measuring  # noqa: PLC0415
    from kinect_unlock_lab.attack.sensors import SENSORS  # noqa: PLC0415
    from kinect_unlock_lab.attack.species import SPECIES  # noqa: PLC0415
    from kinect_unlock_lab.attack.victims import others_for  # noqa: PLC0415

    kind = next((kind for kind in SPECIES if species in kind.value), None)
    if kind is None:
        known = "; ".join(SPECIES)
        raise typer.BadParameter(f"no species has {species!r} in its name; known: {known}", param_hint="--species")
    settings = settings_of(file)
    victims = _shipped(settings)
    plan = measuring.Plan(SPECIES, SENSORS, settings, seed=seed)
    made = plan.instruments(kind, victims[0], others_for(0, victims))
    if number >= len(made):
        raise typer.BadParameter(f"{kind} has {len(made)} for the demo's owner, counted from 0", param_hint="--number")
    instrument = made[number][1]
    parts = [_drawn(plan, victims[0], instrument, name, settings) for name in plan.sensors]
    save_png(out, np.vstack([part for part, _ in parts]))
    numbers = ", ".join(f"{key} {value:.4g}" for key, value in instrument.parameters.items())
    Console(highlight=False).print(f"{out}: simulated {kind} ({numbers}): {'; '.join(told for _, told in parts)}")


def _shipped(settings: "Config") -> "list[Victim]":
    from kinect_unlock_lab.attack import measuring  # noqa: PLC0415
    from kinect_unlock_lab.attack.victims import shipped_takes, victims_of  # noqa: PLC0415

    takes = shipped_takes()
    with progress("invented faces", len(takes)) as done:
        return victims_of(measuring.looks_at(takes, settings, on_done=done))


def _drawn(
    plan: "measuring.Plan", victim: "Victim", instrument: "Instrument", name: str, settings: "Config"
) -> "tuple[U8, str]":
    """Draw an instrument as one sensor sees it, and say what it was seen as."""
    from kinect_unlock.looks import look_of  # noqa: PLC0415
    from kinect_unlock.viewing.explanation import draw_why  # noqa: PLC0415
    from kinect_unlock.viewing.sheet import Caption  # noqa: PLC0415
    from kinect_unlock_lab.attack.looking import looker  # noqa: PLC0415
    from kinect_unlock_lab.attack.measuring import frame_of  # noqa: PLC0415

    rng = plan.rng(victim, instrument.species, name)
    frame = frame_of(instrument, 1.0, victim, plan.sensors[name], rng)
    observation = looker(settings).look(frame)
    caption = Caption(f"simulated {instrument.species}, {name} sensor")
    return draw_why(frame, look_of(observation), caption), f"{name} sensor: {observation.seen}"


@app.command()
def record(
    path: Annotated[Path, typer.Argument(help="The new recording, by custom ending in .mkv.")],
    *,
    species: Annotated[str, typer.Option("--species", prompt="Species", help="What it is, such as 'bent print'.")],
    person: Annotated[
        str, typer.Option("--person", prompt="Made-up name of who is shown", help="The same in all of their files.")
    ],
    instrument: Annotated[
        str, typer.Option("--instrument", prompt="Made of", help="Paper, ink, screen, resin ... and how it was made.")
    ],
    size_mm: Annotated[
        tuple[float, float], typer.Option("--size-mm", help="Width and height of what is held, in millimetres.")
    ],
    distance_mm: Annotated[
        float,
        typer.Option("--distance-mm", prompt="Distance from the camera, mm", min=1.0, help="From camera to face."),
    ],
    motion: Annotated[str, typer.Option("--motion", help="How it is held: still, by hand, tilted, bent slowly ...")],
    depth_only: Annotated[
        bool, typer.Option("--depth-only", help="Keep no colour and no infrared, only where face and eyes are.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.5, help="Stop after so long.")] = 5.0,
    notes: Annotated[str, typer.Option("--notes", help="Whatever else is worth knowing, for the sheet.")] = "",
    agreed: Annotated[bool, typer.Option("--agreed", help="Everybody agreed; do not ask.")] = False,
    kind: Annotated[str | None, typer.Option("--source", help="Another source than the configured one.")] = None,
    where: Annotated[Path | None, typer.Option("--from", help="What that source reads.")] = None,
    file: ConfigFile = None,
) -> None:
    """Record a real attack with your own camera, to contribute it: see docs/attack-protocol.md.

    Writes the recording, mode 0600, and beside it a sheet of what it shows (.yaml). Nothing is sent anywhere.
    """
    from kinect_unlock_lab.attack import contributing  # noqa: PLC0415 - heavy imports stay off --help

    known = {one.value: one for one in contributing.HELD}
    if species not in known:
        raise typer.BadParameter(f"{species!r}; known: {'; '.join(known)}", param_hint="--species")
    wanted = {
        "species": species,
        "person": person,
        "instrument": instrument,
        "width_mm": size_mm[0],
        "height_mm": size_mm[1],
        "distance_mm": distance_mm,
        "motion": motion,
        "depth_only": depth_only,
        "notes": notes,
    }
    try:
        sheet = msgspec.convert(wanted, contributing.Sheet)
    except msgspec.ValidationError as fault:
        raise RequestError(f"the sheet cannot be written: {fault}") from fault
    if contributing.sheet_path(path).exists():
        raise RequestError(f"{contributing.sheet_path(path)}: is there already; name another recording")
    if not agreed:
        typer.confirm(contributing.CONSENT, abort=True, err=True)
    settings = settings_of(file)
    changes = {name: value for name, value in (("kind", kind), ("path", where and str(where))) if value is not None}
    settings = msgspec.structs.replace(settings, source=msgspec.structs.replace(settings.source, **changes))
    done, faces = _record(settings, path, sheet, seconds)
    written = contributing.write_sheet(path, sheet, msgspec.to_builtins(done), faces)
    Console(highlight=False).print(f"{path}: {done.frames} frames in {done.seconds:.1f} s; {written} says what it is")


def _record(
    settings: "Config", path: Path, sheet: "contributing.Sheet", seconds: float
) -> "tuple[recorder.Progress, list[contributing.FaceAt]]":
    """Record what the source gives until it ends, the time is up, or Ctrl-C."""
    from kinect_unlock_lab.attack.contributing import DepthAlone  # noqa: PLC0415

    source = product.source(settings)
    veiled = DepthAlone(source, networks.detector(settings)) if sheet.depth_only else None
    stopping: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: stopping.append(number))
    source.open()
    try:
        with progress("frames", int(seconds * 30)) as bar:
            done = recorder.record(
                veiled or source,
                path,
                clock=SystemClock(),
                provenance=sheet.provenance(),
                limit=recorder.Limit(seconds=seconds),
                on_progress=lambda now: bar(now.frames),
                stop=lambda: bool(stopping),
            )
    finally:
        source.close()
        signal.signal(signal.SIGINT, before)
    return done, veiled.faces if veiled else []


@app.command()
def review(
    folder: Annotated[Path, typer.Argument(help="Recordings with a sheet beside each.", exists=True, file_okay=False)],
    *,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Show what the product says of attacks that were really recorded: frames judged, found live, and what refused.

    These are no simulations. Recordings of depth alone are judged by where their sheets say that faces were.
    """
    from kinect_unlock_lab.attack import contributing, reviewing, tables  # noqa: PLC0415 - heavy imports stay off --help

    recordings = [path for path in sorted(folder.glob("**/*.mkv")) if contributing.sheet_path(path).exists()]
    if not recordings:
        raise RequestError(f"{folder}: no recording with a sheet in it; make some: lab attack record")
    settings, found = settings_of(file), []
    with progress("recordings", len(recordings)) as done:
        for number, path in enumerate(recordings, start=1):
            found.append(reviewing.review(path, settings))
            done(number)
    Console(highlight=False).print(tables.reviewed(found))
    write_json(json_file, msgspec.to_builtins(found))
