"""``lab plot``."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.errors import RequestError
from kinect_unlock.settings import Config
from kinect_unlock_lab.cli.shared import embed_samples
from kinect_unlock_lab.datasets import Sample, load_rgbd_faces
from kinect_unlock_lab.protocols import Embedded

if TYPE_CHECKING:  # drawing takes a second to load, which `lab --help` need not wait for
    from matplotlib.figure import Figure

    from kinect_unlock_lab.figures import Figures
    from kinect_unlock_lab.plots.space import Gallery

app = typer.Typer()


@unique
class Picture(StrEnum):
    """What can be drawn."""

    TSNE = "tsne"
    PCA = "pca"
    HEAT = "heat"
    SCORES = "scores"
    DET = "det"


@unique
class Part(StrEnum):
    """What of the embeddings to draw."""

    FUSED = "fused"
    RGB = "rgb"
    DEPTH = "depth"
    RGBD = "rgbd"


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A data set, or one's own templates, and what of its embeddings is asked for."""

    name: str
    embedded: Embedded
    samples: tuple[Sample, ...]
    part: Part

    @property
    def titled(self) -> str:
        """What to write above a picture."""
        return f"{self.name}, {self.part} half" if self.part is not Part.FUSED else f"{self.name}, halves fused"


@app.command()
def plot(
    dataset: Annotated[
        Path | None, typer.Argument(help="A folder of RGB-D samples with index.csv.", exists=True, file_okay=False)
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to draw into; made if need be.", file_okay=False)],
    templates: Annotated[
        bool, typer.Option("--templates", help="Draw your own templates instead of a data set.")
    ] = False,
    picture: Annotated[list[Picture] | None, typer.Option(help="Only these, instead of all.")] = None,
    half: Annotated[
        Part | None, typer.Option(help="One half of the encoder, or fused; by default the first, which says who it is.")
    ] = None,
    people: Annotated[int, typer.Option(min=2, help="Draw so many people: those with the most samples.")] = 12,
    looks: Annotated[int, typer.Option(min=1, help="And so many samples of each, the most frontal first.")] = 4,
    thumbnails: Annotated[bool, typer.Option(help="Show the faces themselves. Mind who will see the picture.")] = True,
    style: Annotated[Literal["png", "svg", "pdf"], typer.Option("--format", help="Of the files.")] = "png",
    file: ConfigFile = None,
) -> None:
    """Draw the embedding space: t-SNE and PCA scatters, who is how alike to whom, scores, and errors.

    Of a data set with the faces as points; of your own templates without any, for there is none in them. Templates are
    read from the state folder while no daemon uses it. Scores and errors (det) are of all pairs of samples, with the
    thresholds at which the daemon opens; of an encoder of several halves det shows all, on samples with fit depth.
    """
    if (dataset is None) is not templates:
        raise RequestError("name a data set, or say --templates: one of the two")
    settings = settings_of(file)
    _make_folder(out)
    part = half or Part(networks.model_store(settings).encoder.halves[0].name)
    shown = _own(settings, part) if dataset is None else _some(dataset, file, part)
    console = Console(highlight=False)
    gallery = _gallery(shown, settings, people=people, looks=looks, thumbnails=thumbnails)
    for one in picture or list(Picture):
        figure = _drawn(one, shown, gallery, settings)
        if figure is None:
            console.print(f"{one}: not drawn, for there is nobody to compare with")
            continue
        path = out / f"{one}.{style}"
        figure.savefig(path, dpi=150)
        console.print(str(path))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise RequestError(f"{folder} cannot be made ({fault.strerror}); name a folder of your own") from fault


def _own(settings: Config, part: Part) -> _Shown:
    from kinect_unlock_lab.plots.apart import of_templates  # noqa: PLC0415

    embedded = of_templates(product.enrolled(settings), networks.model_store(settings).encoder)
    return _Shown("own templates", embedded, (), part)


def _some(dataset: Path, file: Path | None, part: Part) -> _Shown:
    samples = load_rgbd_faces(dataset)
    return _Shown(dataset.name, embed_samples(samples, file), samples, part)


def _gallery(shown: _Shown, settings: Config, *, people: int, looks: int, thumbnails: bool) -> "Gallery":
    from kinect_unlock_lab.plots.apart import part_of  # noqa: PLC0415
    from kinect_unlock_lab.plots.gallery import most_seen, of_samples, of_vectors  # noqa: PLC0415

    embedded = part_of(shown.embedded, shown.part.value)
    if not shown.samples:
        return of_vectors(embedded)
    rows = most_seen(embedded, people=people, looks=looks)
    return of_samples(shown.samples, embedded, networks.detector(settings), rows, faces=thumbnails)


def _drawn(picture: Picture, shown: _Shown, gallery: "Gallery", settings: Config) -> "Figure | None":
    from kinect_unlock_lab.plots import apart, curves, heat, space  # noqa: PLC0415

    names = sorted(set(gallery.person.tolist()))
    whose = names[0] if len(names) == 1 else f"{len(names)} people"
    count = f"{len(gallery.vectors)} embeddings of {whose} ({shown.titled})"
    opens = apart.opening(networks.model_store(settings).encoder, settings.match, shown.part.value)
    match picture:
        case Picture.TSNE:
            return space.scatter(gallery, "tsne", title=f"t-SNE of {count}")
        case Picture.PCA:
            return space.scatter(gallery, "pca", title=f"PCA of {count}")
        case Picture.HEAT:
            return heat.heat_map(gallery, title=f"Cosines between {count}", threshold=max(opens.values(), default=None))
        case Picture.SCORES:
            figures = apart.told_apart(apart.part_of(shown.embedded, shown.part.value))
            title = f"Scores of pairs ({shown.titled})"
            return None if figures is None else curves.histogram(figures, title=title, opens=opens)
        case Picture.DET:
            found = dict(_counted(shown))
            if not found:
                return None
            first = next(iter(found.values()))
            title = f"{shown.name}: {first.genuine:,} pairs of one person, {first.impostor:,} of two"
            return curves.det({name: one.curve for name, one in found.items()}, title=title)


def _counted(shown: _Shown) -> "Iterator[tuple[str, Figures]]":
    """Yield the figures of every part, all on the samples that every part can judge."""
    from kinect_unlock_lab.plots import apart  # noqa: PLC0415

    parts = {name: apart.part_of(shown.embedded, name) for name in apart.parts_of(shown.embedded.halves)}
    common = np.logical_and.reduce([one.acquired for one in parts.values()])
    for name, embedded in parts.items():
        figures = apart.told_apart(embedded.where(common))
        if figures is not None:
            yield f"{name}, EER {100 * figures.eer.value:.1f} %", figures
