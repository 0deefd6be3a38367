"""``lab article``."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config
from kinect_unlock.thresholds import pick_threshold
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, new_file, progress, write_json
from kinect_unlock_lab.datasets import load_rgbd_faces

app = typer.Typer()


@app.command()
def article(
    dataset: Dataset,
    *,
    encoder: Annotated[
        list[str] | None, typer.Option(help="Encoders of the manifest; by default the configured one.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Also draw the distances, as PNG, SVG or PDF.", dir_okay=False, callback=new_file),
    ] = None,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Repeat the Face ID article's experiment: enrol three poses, print distances to oneself and to strangers.

    The article shows one distance of 0.30 to the same person, whom it was trained on, and one of 1.41 to another, and
    opens below 0.4. Here everybody of the data set is the owner once, and nobody was trained on. Of an encoder of
    several halves the first is shown, which says who somebody is, with its threshold; and all of them as one vector,
    on samples with fit depth.
    """
    from kinect_unlock_lab import article as experiments  # noqa: PLC0415 - draws, which takes a second to load
    from kinect_unlock_lab import embed as embedding  # noqa: PLC0415
    from kinect_unlock_lab.plots.apart import part_of  # noqa: PLC0415

    settings, samples = settings_of(file), load_rgbd_faces(dataset)
    found = []
    for name in encoder or [settings.models.encoder]:
        chosen = msgspec.structs.replace(settings, models=msgspec.structs.replace(settings.models, encoder=name))
        with progress(name, len(samples)) as done:
            pair = networks.detector(chosen), networks.encoder(chosen)
            embedded = embedding.embed(samples, *pair, chosen, on_done=done)
        groups = [sample.group for sample in samples]
        first, cosine = embedded.halves[0].name, _threshold(chosen)
        of_first = name if len(embedded.halves) == 1 else f"{name}, {first} half"
        found.append(experiments.experiment(part_of(embedded, first), groups, system=of_first, cosine=cosine))
        if len(embedded.halves) > 1:
            whole = part_of(embedded, "fused")
            found.append(experiments.experiment(whole, groups, system=f"{name}, halves fused", cosine=None))
    Console(highlight=False).print(experiments.table(found))
    if picture is not None:
        experiments.picture(found).savefig(picture, dpi=150)
    write_json(json_file, {"dataset": dataset.name, "experiments": experiments.as_json(found)})


def _threshold(settings: Config) -> float | None:
    """Return the cosine at which the daemon opens; None for an encoder that never does."""
    entry = networks.model_store(settings).encoder
    try:
        return pick_threshold(entry, settings.match.far, settings.match.strategy).cosine if entry.unlock else None
    except ConfigError:
        return None
