"""``lab train-eyes`` and ``lab evaluate-eyes``: whether eyes are open."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab.cli.shared import JsonFile, new_file, progress, write_json
from kinect_unlock_lab.cli.synthesise import HeadModelFile, Jobs
from kinect_unlock_lab.mapping import Workers, mapped

if TYPE_CHECKING:
    from kinect_unlock_lab.synthesis.eye_pictures import EyePlan, Eyes

app = typer.Typer()


@app.command("train-eyes")
def train_eyes(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as models/training/eyes.yaml.", exists=True)],
    head_model: HeadModelFile,
    *,
    out: Annotated[Path, typer.Option(help="The ONNX file to write.", dir_okay=False, callback=new_file)],
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Train the network for eyes on invented people, measure it on others, and export it to ONNX.

    No real eye takes part. The exported file is run by ONNX Runtime and compared with torch before it is put in place.
    Same recipe, head model and kind of machine: same weights; torch uses one thread, the eyes are made by as many jobs
    as are wanted.
    """
    from kinect_unlock_lab import eye_study  # noqa: PLC0415 - compiles
    from kinect_unlock_lab.training import eyes  # noqa: PLC0415 - torch, seconds to load

    told = eyes.load_eye_recipe(recipe)
    shown, kept_back = (_made(plan, head_model, jobs) for plan in (told.train, told.held_out))
    eyes.use_one_thread()
    with progress("training", told.steps) as done:
        network = eyes.train(shown, told, on_step=done)
    rows = eye_study.told_apart(kept_back, eyes.shares(network, kept_back.patches.astype("float32")))
    written = eyes.export(network, out)
    console = Console(highlight=False)
    console.print(eye_study.apart_table(rows))
    console.print(f"{out}: {written.bytes / 1e3:.0f} kB, sha256 {written.sha256}", soft_wrap=True)
    console.print(f"{len(shown.seen):,} eyes of {told.train.people} people", end="; ")
    console.print(f"ONNX Runtime within {written.largest_difference:.1g} of torch")
    write_json(json_file, rows)


@app.command("evaluate-eyes")
def evaluate_eyes(
    *,
    rgbd: Annotated[Path | None, typer.Option(help="A folder of RGB-D samples with index.csv.", exists=True)] = None,
    lfw: Annotated[Path | None, typer.Option(help="LFW's photographs.", exists=True)] = None,
    nuaa: Annotated[Path | None, typer.Option(help="NUAA, of which the live half is looked at.", exists=True)] = None,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Count how many faces of real photographs, of which nearly all have open eyes, a bound would call shut."""
    from kinect_unlock_lab import eye_study  # noqa: PLC0415 - compiles

    if rgbd is lfw is nuaa is None:
        raise typer.BadParameter("no photographs are named; give --rgbd, --lfw or --nuaa", param_hint="--lfw")
    settings = settings_of(file)
    detector, reader = networks.detector(settings), networks.eyes(settings)
    rows = []
    for name, folder in (("rgbd", rgbd), ("lfw", lfw), ("nuaa", nuaa)):
        for photographs in eye_study.SETS[name](folder) if folder is not None else ():
            with progress(photographs.name, len(photographs.files)) as done:
                rows.append(eye_study.called_shut(photographs, detector, reader, on_done=done))
    Console(highlight=False).print(eye_study.called_table(rows))
    write_json(json_file, rows)


def _made(plan: "EyePlan", head_model: Path, jobs: int) -> "Eyes":
    from kinect_unlock_lab.synthesis import eye_pictures  # noqa: PLC0415 - compiles

    make = partial(eye_pictures.eyes_of, head_model.absolute(), plan)
    with progress("people", plan.people) as done:
        return eye_pictures.joined(list(mapped(make, eye_pictures.chosen_people(plan), Workers(jobs), on_done=done)))
