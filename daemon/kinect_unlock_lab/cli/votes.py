"""``lab votes``."""

from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab import vote_study, vote_tables
from kinect_unlock_lab.calibrate import tune_half
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, progress, write_json
from kinect_unlock_lab.datasets import load_rgbd_faces
from kinect_unlock_lab.dimming import AS_IT_IS
from kinect_unlock_lab.mapping import Workers

app = typer.Typer()


@app.command()
def votes(
    dataset: Dataset,
    *,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that embed.")] = 2,
    prints: Annotated[bool, typer.Option(help="Simulate prints: 4,000 frames, the longest part.")] = True,
    dim: Annotated[bool, typer.Option(help="Weigh one cosine in five lights: embeds everybody in each.")] = True,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Measure two votes: what asking depth too costs owners, and what it brings against masks and simulated prints.

    Templates are of captures that the daemon would enrol, strangers are people of the same year. Also whether one
    cosine over both halves, and with what weight, would tell people apart better, in good and in dim light.
    """
    samples, settings, workers = load_rgbd_faces(dataset), settings_of(file), Workers(jobs)
    console = Console(highlight=False)
    with progress("embedding", len(samples)) as done:
        seen = vote_study.seen_in(AS_IT_IS, samples, settings, workers, on_done=done)
    with progress("attempts", 1) as done:
        costs = vote_study.costs_of(seen, settings, done)
    console.print(vote_tables.costs(costs))
    with progress("masks", 1) as done:
        worn = vote_study.masks_of(seen, ~tune_half(samples), settings, done)
    console.print(vote_tables.masks(worn))
    with progress("simulated prints", 1) as done:
        stopped = vote_study.prints_of(seen, samples, settings, workers, done) if prints else ()
    console.print(vote_tables.prints(stopped))
    with progress("farther away", 1) as done:
        moved = vote_study.farther_of(seen, samples, settings, workers, done)
    console.print(vote_tables.farther(moved))
    with progress("lights", 1) as done:
        fused = tuple(vote_study.fused_in(seen, samples, settings, workers, done)) if dim else ()
    console.print(vote_tables.weights(fused))
    asked = vote_study.shipped(settings)
    found = vote_study.Votes(settings.match.strategy, asked, costs, worn, stopped, moved, fused)
    write_json(json_file, vote_study.as_json(found))
