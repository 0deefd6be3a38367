"""What the laboratory's verbs share: their common arguments, progress bars and files of figures."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kinect_unlock import networks
from kinect_unlock.cli.asking import settings_of
from kinect_unlock.settings import Config
from kinect_unlock_lab import embed as embedding
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.protocols import Embedded


def new_file(path: Path | None) -> Path | None:
    """Refuse, as an option's callback, a file that could not be written: better now than after an hour's work."""
    if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written; name a file in a folder that exists and may be written")
    return path


Dataset = Annotated[
    Path, typer.Argument(help="A folder of RGB-D samples with index.csv.", exists=True, file_okay=False)
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures here as JSON.", dir_okay=False, callback=new_file)
]


class Done(Protocol):
    """Is told how many are done in all, and how many there are if that changed."""

    def __call__(self, count: int, of: int = ..., /) -> None:
        """Take the count."""
        ...


@contextmanager
def progress(what: str, total: int) -> Iterator[Done]:
    """Show a bar; what is yielded is told how many are done in all, and how many there are if that changed."""
    columns = (TextColumn(f"[bold]{what}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)

        def done(count: int, of: int = total) -> None:
            bar.update(task, completed=count, total=of)

        yield done


def embed_samples(samples: tuple[Sample, ...], file: Path | None) -> Embedded:
    """Embed samples with the configured networks, showing a bar."""
    return embed_under(samples, settings_of(file))


def embed_under(samples: tuple[Sample, ...], settings: Config) -> Embedded:
    """Embed samples with the networks and ranges of these settings, showing a bar."""
    with progress("embedding", len(samples)) as done:
        return embedding.embed(samples, networks.detector(settings), networks.encoder(settings), settings, on_done=done)


def write_json(path: Path | None, figures: Any) -> None:  # noqa: ANN401 - whatever is JSON
    """Write figures as JSON, if a file for them was named."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
