"""``lab attack``: what is not a living face before the camera, simulated, and what the product says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import typer
from rich.console import Console

from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.errors import RequestError, SourceError
from kinect_unlock.settings import Config
from kinect_unlock_lab.cli import attack_showing
from kinect_unlock_lab.cli.shared import JsonFile, new_file, progress, write_json
from kinect_unlock_lab.datasets import Capture, Photograph, load_lfw, split
from kinect_unlock_lab.documents import Place
from kinect_unlock_lab.mapping import Workers

if TYPE_CHECKING:
    from kinect_unlock_lab.attack.exhibit import Species, Victim
    from kinect_unlock_lab.attack.measuring import Plan
    from kinect_unlock_lab.attack.results import About
    from kinect_unlock_lab.attack.streams import Tampering
    from kinect_unlock_lab.attack.victims import Looked

_QUICK: Final = 3  # instruments of a species and person
_ROUNDS: Final = 3  # of making all of them anew
_RESULTS: Final = Path("attacks.jsonl")
_ATTEMPTS: Final = Path("attempts.jsonl")

app = typer.Typer(
    name="attack",
    no_args_is_help=True,
    help="Simulated attacks: prints, screens, masks and streams shown to the product's own liveness.",
)
app.add_typer(attack_showing.app)


class People(StrEnum):
    """Which half of the people: bounds are chosen on the first, figures are stated of the second."""

    TUNE = "tune"
    REPORT = "report"
    ALL = "all"


Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same instruments.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes at a time.")]
Only = Annotated[str, typer.Option("--species", help="Only species with these words in their name.")]
Sensor = Annotated[str, typer.Option("--sensor", help="Only this model of the depth camera: first or second.")]
Whose = Annotated[People, typer.Option("--people", help="Half of the split by person; recordings are not split.")]
Most = Annotated[int | None, typer.Option("--persons", min=1, help="So many people at most, for a first look.")]
Data = Annotated[
    Path | None, typer.Argument(help="A folder of RGB-D samples; without one, the shipped recordings.", exists=True)
]
Photographs = Annotated[
    list[Path] | None,
    typer.Option("--photographs", help="A folder PERSON/*.jpg of colour photographs, such as of prints. Repeatable."),
]
Full = Annotated[bool, typer.Option("--full", help="Every instrument, made anew three times: for figures to keep.")]
Results = Annotated[
    Path, typer.Option("--out", help="The results, one line a presentation.", dir_okay=False, callback=new_file)
]
Attempts = Annotated[
    Path, typer.Option("--out", help="The results, one line an attempt.", dir_okay=False, callback=new_file)
]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", help="Put the tables into their place in this document.", exists=True)
]
PictureFile = Annotated[
    Path | None, typer.Option("--picture", help="Draw rates and cues into this file.", callback=new_file)
]


@app.command()
def measure(
    dataset: Data = None,
    *,
    photographs: Photographs = None,
    species: Only = "",
    sensor: Sensor = "",
    people: Whose = People.REPORT,
    persons: Most = None,
    full: Full = False,
    out: Results = _RESULTS,
    seed: Seed = 0,
    jobs: Jobs = 2,
    file: ConfigFile = None,
) -> None:
    """Show every instrument to the product, one frame each, and keep what every cue measured.

    An instrument is made of a person's colour and depth and is read by simulated depth cameras. Their faces themselves
    are looked at, too. `lab attack report` reads what comes of it, by any bounds, without measuring again.
    """
    from kinect_unlock_lab.attack import measuring, results  # noqa: PLC0415 - needs an extra
    from kinect_unlock_lab.attack.victims import victims_of  # noqa: PLC0415

    settings, workers = settings_of(file), Workers(jobs)
    cast = _Cast(dataset, tuple(photographs or ()), people, persons)
    plan = _plan(settings, species=species, sensor=sensor, full=full, seed=seed)
    looks = _looks(cast, settings, workers)
    victims = [*victims_of(looks), *_photographed(cast, settings)]
    if not victims:
        raise SourceError("nobody's face is in range: nothing to make attacks of")
    count = 0
    with results.writing(out, _about(plan, cast, "presentations")) as write:
        write(measuring.genuine(looks))
        with progress("victims x species", measuring.task_count(plan, victims)) as done:
            for shown in measuring.attacks(plan, victims, workers, on_done=done):
                write(shown)
                count += len(shown)
    console = Console(highlight=False)
    console.print(f"{out}: {len(looks)} {cast.faces} frames, {count} simulated presentations of {len(victims)} people")


@app.command()
def attempt(
    dataset: Data = None,
    *,
    species: Only = "",
    sensor: Sensor = "",
    people: Whose = People.REPORT,
    persons: Most = None,
    full: Full = False,
    out: Attempts = _ATTEMPTS,
    seed: Seed = 0,
    jobs: Jobs = 2,
    file: ConfigFile = None,
) -> None:
    """Enrol everybody, and try to be them with every instrument: whole attempts, liveness and match together.

    Everybody is enrolled with three of their captures, by the encoder and thresholds of the configuration; instruments
    are made of another one. Streams that were tampered with are tried, too. `lab attack report --attempts` reads it.
    """
    from kinect_unlock_lab.attack import results, trying  # noqa: PLC0415 - needs an extra
    from kinect_unlock_lab.attack.streams import TAMPERED  # noqa: PLC0415

    settings, workers = settings_of(file), Workers(jobs)
    cast = _Cast(dataset, (), people, persons)
    plan = _plan(settings, species=species, sensor=sensor, full=full, seed=seed, tampered=TAMPERED)
    looks = _looks(cast, settings, workers)
    with progress("enrolments", len({one.capture.person for one in looks})) as done:
        owners = trying.owners_of(looks, settings, workers, on_done=done)
    count = 0
    with (
        results.writing(out, _about(plan, cast, "attempts")) as write,
        progress("owners x species", trying.task_count(plan, owners)) as done,
    ):
        for found in trying.tried(plan, owners, workers, on_done=done):
            write(found)
            count += len(found)
    Console(highlight=False).print(f"{out}: {count} attempts in the name of {len(owners)} enrolled people")


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who is to be attacked."""

    dataset: Path | None
    photographs: tuple[Path, ...]
    people: People
    persons: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """What a report may say of where they are from."""
        first = "shipped recordings" if self.dataset is None else self.dataset.name
        return (first, *(folder.name for folder in self.photographs))

    @property
    def faces(self) -> Literal["real", "invented"]:
        """Whether they are of people who exist; those of the shipped recordings do not."""
        return "invented" if self.dataset is None else "real"

    @property
    def whose(self) -> People:
        """The half of the data set's people who are shown; recordings are not split."""
        from kinect_unlock_lab.kinds import kind_of  # noqa: PLC0415 - reads what an extra decodes

        split_up = self.dataset is not None and kind_of(self.dataset).name != "recordings"
        return self.people if split_up else People.ALL

    def captures(self) -> Sequence[Capture]:
        """Return what has depth."""
        from kinect_unlock_lab.attack.victims import shipped_takes  # noqa: PLC0415
        from kinect_unlock_lab.kinds import kind_of  # noqa: PLC0415 - reads what an extra decodes

        if self.dataset is None:
            return shipped_takes()
        kind = kind_of(self.dataset)
        if not kind.has_depth:
            raise RequestError(f"{self.dataset}: {kind.name}, which have no depth; name them with --photographs")
        items = [item for item in kind.load(self.dataset) if not isinstance(item, Photograph)]
        named = sorted({item.person for item in items})
        chosen = set(named[: self.persons] if kind.name == "recordings" else self._some(named))
        return [item for item in items if item.person in chosen]

    def pictures(self) -> Iterator[tuple[str, Photograph]]:
        """Yield one photograph of everybody in every folder, under a name of their own."""
        for folder in self.photographs:
            taken: dict[str, Photograph] = {}
            for one in load_lfw(folder):
                taken.setdefault(one.person, one)
            for person in self._some(sorted(taken)):
                yield f"{folder.name}/{person}", taken[person]

    def _some(self, people: Sequence[str]) -> Sequence[str]:
        half = people if self.people is People.ALL else [one for one in people if split(one).value == self.people.value]
        return half[: self.persons]


def _plan(
    settings: Config,
    *,
    species: str,
    sensor: str,
    full: bool,
    seed: int,
    tampered: "Mapping[Species, Tampering]" = MappingProxyType({}),
) -> "Plan":
    from kinect_unlock_lab.attack.measuring import Plan  # noqa: PLC0415
    from kinect_unlock_lab.attack.sensors import SENSORS  # noqa: PLC0415
    from kinect_unlock_lab.attack.species import SPECIES  # noqa: PLC0415

    makers = {kind: maker for kind, maker in SPECIES.items() if species in kind.value}
    streams = {kind: how for kind, how in tampered.items() if species in kind.value}
    sensors = {name: model for name, model in SENSORS.items() if sensor in {"", name}}
    if not makers and not streams:
        raise typer.BadParameter(f"no species has {species!r} in its name", param_hint="--species")
    if not sensors:
        raise typer.BadParameter(f"no sensor {sensor!r}; known: {', '.join(SENSORS)}", param_hint="--sensor")
    each, rounds = (None, _ROUNDS) if full else (_QUICK, 1)
    return Plan(makers, sensors, settings, each, rounds, seed, streams)


def _about(plan: "Plan", cast: _Cast, of: Literal["presentations", "attempts"]) -> "About":
    from kinect_unlock_lab.attack.results import FORMAT, About  # noqa: PLC0415

    return About(
        format=FORMAT,
        of=of,
        version=version("kinect-unlock"),
        data=cast.names,
        people=cast.whose.value,
        seed=plan.seed,
        each=plan.each,
        rounds=plan.rounds,
        sensors=tuple(plan.sensors),
        faces=cast.faces,
    )


def _looks(cast: _Cast, settings: Config, workers: Workers) -> "list[Looked]":
    from kinect_unlock_lab.attack import measuring  # noqa: PLC0415

    captures = cast.captures()
    with progress(f"{cast.faces} faces", len(captures)) as done:
        return measuring.looks_at(captures, settings, workers, on_done=done)


def _photographed(cast: _Cast, settings: Config) -> "Iterator[Victim]":
    from kinect_unlock_lab.attack.looking import looker  # noqa: PLC0415
    from kinect_unlock_lab.attack.victims import photographed  # noqa: PLC0415

    for person, picture in cast.pictures():
        victim = photographed(picture, looker(settings), person=person)
        if victim is not None:
            yield victim


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="What `lab attack measure` wrote.", exists=True)] = _RESULTS,
    *,
    attempts: Annotated[
        Path | None, typer.Option("--attempts", help="What `lab attack attempt` wrote.", exists=True)
    ] = None,
    json_file: JsonFile = None,
    document: MarkdownFile = None,
    picture: PictureFile = None,
    file: ConfigFile = None,
) -> None:
    """State error rates: what got through by species and sensor (simulated), what it costs living faces, cue by cue.

    Values are judged by the bounds of the configuration, so that other bounds can be tried on what was measured once.
    Attempts are told as they were decided. Of the half that bounds were chosen on, it is told what bounds would refuse
    and let pass that a rule chooses on four fifths of the people and that are tried on the fifth.
    """
    from kinect_unlock_lab.attack import acceptance, folds, study, tables  # noqa: PLC0415 - needs an extra
    from kinect_unlock_lab.attack import results as files  # noqa: PLC0415

    place = None if document is None else Place(document, "figures")
    read = files.read(results)
    settings = settings_of(file)
    found = study.study(read, settings)
    decided = None if attempts is None else acceptance.acceptance(*files.read_attempts(attempts))
    chosen_again = folds.folded(read, settings) if read.about.people == People.TUNE else ()  # who bounds are chosen on
    shown = (
        *tables.tables(found),
        *tables.folds(chosen_again, found.about.faces),
        *(() if decided is None else tables.attempts(decided)),
    )
    console = Console(highlight=False)
    console.print(*shown, sep="\n")
    console.print(tables.headline(found))
    if decided is not None:
        console.print(tables.accepted_most(decided))
    if place is not None:
        place.put(shown)
    if picture is not None:
        from kinect_unlock_lab.plots import attacks as drawing  # noqa: PLC0415

        drawing.figure(found, read).savefig(picture, dpi=150)
    told = {"liveness": found, "folds": chosen_again, "attempts": decided}
    write_json(json_file, {name: msgspec.to_builtins(one) for name, one in told.items()})
