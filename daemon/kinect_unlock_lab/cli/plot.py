"""``lab plot``."""

from enum import StrEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.errors import RequestError
from kinect_unlock.settings import Config
from kinect_unlock_lab.cli.shared import embed_samples
from kinect_unlock_lab.datasets import load_rgbd_faces

if TYPE_CHECKING:  # drawing takes a second to load, which `lab --help` need not wait for
    from matplotlib.figure import Figure

    from kinect_unlock_lab.plots.space import Gallery

app = typer.Typer()


@unique
class Picture(StrEnum):
    """What can be drawn."""

    TSNE = "tsne"
    PCA = "pca"
    HEAT = "heat"


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
    people: Annotated[int, typer.Option(min=2, help="Draw so many people: those with the most samples.")] = 12,
    looks: Annotated[int, typer.Option(min=1, help="And so many samples of each, the most frontal first.")] = 4,
    thumbnails: Annotated[bool, typer.Option(help="Show the faces themselves. Mind who will see the picture.")] = True,
    style: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
    file: ConfigFile = None,
) -> None:
    """Draw the embedding space: t-SNE and PCA scatters, and who is how alike to whom.

    Of a data set with the faces as points; of your own templates without any, for there is none in them. Templates are
    read from the state folder while no daemon uses it.
    """
    if (dataset is None) is not templates:
        raise RequestError("name a data set, or say --templates: one of the two")
    settings = settings_of(file)
    if dataset is None:
        shown, what = _own(settings), "own templates"
    else:
        shown, what = _some(dataset, file, people=people, looks=looks, thumbnails=thumbnails), dataset.name
    out.mkdir(parents=True, exist_ok=True)
    for one in picture or list(Picture):
        path = out / f"{one}.{style}"
        _draw(one, shown, what).savefig(path, dpi=150)
        Console(highlight=False).print(str(path))


def _own(settings: Config) -> "Gallery":
    from kinect_unlock_lab.plots.gallery import of_templates  # noqa: PLC0415

    return of_templates(product.enrolled(settings))


def _some(dataset: Path, file: Path | None, *, people: int, looks: int, thumbnails: bool) -> "Gallery":
    from kinect_unlock_lab.plots.gallery import most_seen, of_samples  # noqa: PLC0415

    samples = load_rgbd_faces(dataset)
    embedded = embed_samples(samples, file)
    rows = most_seen(embedded, people=people, looks=looks)
    return of_samples(samples, embedded, product.detector(settings_of(file)), rows, faces=thumbnails)


def _draw(picture: Picture, shown: "Gallery", what: str) -> "Figure":
    from kinect_unlock_lab.plots import heat, space  # noqa: PLC0415

    count = f"{len(shown.vectors)} embeddings of {len(set(shown.person.tolist()))} people ({what})"
    match picture:
        case Picture.TSNE:
            return space.scatter(shown, "tsne", title=f"t-SNE of {count}")
        case Picture.PCA:
            return space.scatter(shown, "pca", title=f"PCA of {count}")
        case Picture.HEAT:
            return heat.heat_map(shown, title=f"Cosines between {count}")
