"""Who looks like whom: the matrix of cosines as a heat map, with faces along its edges where they are wanted."""

from typing import Final

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from kinect_unlock.arrays import U8
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.plots.colors import IMPOSTOR
from kinect_unlock_lab.plots.space import Gallery

_CELL_INCHES: Final = 0.34
_POINTS_PER_INCH: Final = 72.0
_SMALLEST_INCHES: Final = 5.0
_LARGEST_INCHES: Final = 16.0
_FONT_POINTS: Final = (9.0, 15.0)  # in the smallest picture and in the largest
_WRITTEN_CELLS: Final = 16  # more numbers than this a side are too small to read


def heat_map(gallery: Gallery, *, title: str, threshold: float | None = None) -> Figure:
    """Draw cosines between all embeddings, grouped by person; a line divides people.

    Raises:
        SourceError: there is nothing to compare.
    """
    count = len(gallery.vectors)
    if count < 2:
        raise SourceError("a heat map needs at least two embeddings")
    order = np.argsort(gallery.person, kind="stable")
    vectors, people = gallery.vectors[order], gallery.person[order]
    side = float(np.clip(count * _CELL_INCHES, _SMALLEST_INCHES, _LARGEST_INCHES))
    figure = Figure(figsize=(side + 2.2, side + 1.0), layout="constrained")
    axes = figure.add_subplot()
    points = float(np.interp(side, (_SMALLEST_INCHES, _LARGEST_INCHES), _FONT_POINTS))
    sns.heatmap(
        vectors @ vectors.T,
        ax=axes,
        vmin=-0.2,
        vmax=1.0,
        cmap="mako",
        square=True,
        annot=count <= _WRITTEN_CELLS,
        fmt=".2f",
        annot_kws={"fontsize": 7},
        xticklabels=False,
        yticklabels=False,
        cbar_kws={"label": "cosine" if threshold is None else f"cosine; opens at {threshold:g}", "shrink": 0.6},
    )
    bar = axes.collections[0].colorbar
    if threshold is not None and bar is not None:
        bar.ax.axhline(threshold, color=IMPOSTOR, lw=2.5)
    if bar is not None:
        bar.ax.tick_params(labelsize=points)
        bar.ax.yaxis.label.set_fontsize(points)
    starts = [place for place in range(count) if place == 0 or people[place] != people[place - 1]]
    for place in starts[1:]:
        axes.axhline(place, color="white", lw=1.4)
        axes.axvline(place, color="white", lw=1.4)
    middles = [(a + b) / 2 for a, b in zip(starts, [*starts[1:], count], strict=True)]
    axes.set_xticks(middles, people[starts], rotation=90, fontsize=points)
    if gallery.faces is None:
        axes.set_yticks(middles, people[starts], rotation=0, fontsize=points)
    else:
        _line_up(axes, [gallery.faces[place] for place in order], side / count)
    axes.tick_params(length=0)
    axes.set_title(title, loc="left", fontsize=points + 2)
    return figure


def _line_up(axes: Axes, faces: list[U8], cell_inches: float) -> None:
    """Put a face to the left of each row."""
    side_points = 0.94 * cell_inches * _POINTS_PER_INCH
    for row, face in enumerate(faces):
        picture = OffsetImage(face, zoom=side_points / face.shape[0])
        axes.add_artist(
            AnnotationBbox(
                picture,
                (0, row + 0.5),
                xybox=(-0.55 * side_points, 0),
                boxcoords="offset points",
                frameon=False,
                pad=0,
                annotation_clip=False,
            )
        )
