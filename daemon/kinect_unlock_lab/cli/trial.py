"""``lab trial``."""

from typing import Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock_lab import trial as trials
from kinect_unlock_lab import trial_report
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, embed_under, progress, write_json
from kinect_unlock_lab.datasets import load_rgbd_faces

app = typer.Typer()


@app.command()
def trial(
    dataset: Dataset,
    *,
    json_file: JsonFile = None,
    votes: Annotated[int, typer.Option(min=1, help="Frames of the owner that an attempt needs.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Daemons at a time.")] = 2,
    file: ConfigFile = None,
) -> None:
    """Enrol everybody through the daemon's socket with three captures, and let everybody try to be everybody.

    Stills are no stream: checks for jumps and for a span of time are off, and the report says so.
    """
    samples, settings = load_rgbd_faces(dataset), settings_of(file)
    asked = pick_thresholds(networks.model_store(settings).encoder, settings.match.far, settings.match.strategy)
    bars = [one.bar for one in asked]
    wide = msgspec.structs.replace(settings, ranges=trials.wide_ranges(settings))
    embedded = embed_under(samples, wide)
    turned_deg = np.hypot(embedded.yaw_deg, embedded.pitch_deg)
    people = trials.people_of(samples, turned_deg, trials.enrollable(embedded))
    total = len(people) * sum(1 for person in people if person.enrolled)
    with progress("attempts", total) as done:
        outcomes = trials.run_trial(people, settings, votes_needed=votes, jobs=jobs, on_done=done)
    found = trial_report.report(
        people, outcomes, votes_needed=votes, thresholds=bars, not_as_shipped=trials.NOT_AS_SHIPPED
    )
    Console(highlight=False).print(trial_report.table(found))
    write_json(json_file, trial_report.as_json(found))
