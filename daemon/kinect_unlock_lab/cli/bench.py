"""``lab bench``."""

from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.builds import FP32
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock_lab import bench as benchmark
from kinect_unlock_lab.cli.shared import JsonFile, progress, write_json

app = typer.Typer()


@app.command()
def bench(
    *,
    rounds: Annotated[int, typer.Option(min=10, help="Frames to time.")] = 60,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Time every stage on 1080p colour and 512x424 depth, one thread, and starting the daemon.

    The columns `plain` are of the same frames in the same run, with the encoder as float32 and faces looked for in the
    whole image: what choosing a build and looking only where somebody is bring.
    """
    settings = settings_of(file)
    recording = folder_of_recordings() / "owner-enrols.mkv"
    with progress("rounds", rounds) as done:
        pair = networks.detector(settings), networks.encoder(settings)
        store = networks.model_store(settings)
        reference = store.compose(settings.models.encoder, FP32)
        plain = FusedEncoder(store.encoder, reference, settings.models.threads)
        eyes = networks.eyes(settings) if store.manifest.eyes else None
        report = benchmark.bench(recording, *pair, settings, plain=plain, eyes=eyes, rounds=rounds, on_round=done)
    Console(highlight=False).print(benchmark.table(report))
    write_json(json_file, report.as_json())
