"""The embedding space on paper: t-SNE and PCA scatters, with the faces themselves as points where that is wanted."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.plots.colors import color_of, marker_of

Projection: TypeAlias = Literal["tsne", "pca"]

_SEED: Final = 0  # t-SNE starts from PCA and is repeatable; the seed settles the rest
_PERPLEXITY: Final = 12.0  # about twice the faces a person has; at most a third of all
_FEWEST: Final = 4
_THUMBNAIL_PX: Final = 34.0
_LEGEND_NAMES: Final = 24


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """What is shown: unit ``vectors`` f32[N,D], whose they are (str[N]), and a face u8[h,w,3] for each, or none."""

    vectors: F32
    person: NDArray[np.str_]
    faces: tuple[U8, ...] | None = None


def project(vectors: F32, how: Projection) -> tuple[F64, tuple[float, float] | None]:
    """Return f64[N,2], and for PCA the shares of variance that the two axes hold.

    Raises:
        SourceError: fewer than four vectors: there is no space to show.
    """
    if len(vectors) < _FEWEST:
        raise SourceError(f"{len(vectors)} embeddings are too few for a picture; at least {_FEWEST} are needed")
    if how == "pca":
        pca = PCA(n_components=2, random_state=_SEED)
        points = pca.fit_transform(vectors.astype(np.float64))
        across, up = pca.explained_variance_ratio_
        return np.asarray(points, np.float64), (float(across), float(up))
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    tsne = TSNE(n_components=2, perplexity=perplexity, metric="cosine", init="random", random_state=_SEED)
    return np.asarray(tsne.fit_transform(vectors.astype(np.float64)), np.float64), None


def scatter(gallery: Gallery, how: Projection, *, title: str) -> Figure:
    """Draw every embedding as a dot, or as its face in a frame of its person's colour."""
    points, shares = project(gallery.vectors, how)
    figure = Figure(figsize=(9.0, 7.2), layout="constrained")
    axes = figure.add_subplot()
    names = sorted(set(gallery.person.tolist()))
    for number, name in enumerate(names):
        mine = gallery.person == name
        x, y = points[mine].T
        color, marker = color_of(number), marker_of(number)
        axes.scatter(x, y, 46.0, label=name, color=color, marker=marker, edgecolor="white", linewidth=0.6)
    if gallery.faces is not None:
        numbers = {name: number for number, name in enumerate(names)}
        for point, name, face in zip(points, gallery.person.tolist(), gallery.faces, strict=True):
            _pin(axes, point, face, color_of(numbers[name]))
        for number, name in enumerate(names):
            _sign(axes, points[gallery.person == name], name, color_of(number))
    _name_axes(axes, how, shares)
    axes.set_title(title, loc="left", fontsize=12)
    axes.margins(0.07)
    if gallery.faces is None and len(names) <= _LEGEND_NAMES:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8, title="person")
    return figure


def _pin(axes: Axes, point: F64, face: U8, color: str) -> None:
    picture = OffsetImage(face, zoom=_THUMBNAIL_PX / face.shape[0])
    frame = {"edgecolor": color, "lw": 2.0, "boxstyle": "square,pad=0.0"}
    axes.add_artist(AnnotationBbox(picture, (float(point[0]), float(point[1])), pad=0.0, bboxprops=frame))


def _sign(axes: Axes, points: F64, name: str, color: str) -> None:
    """Write a person's name below their faces, for colours come round again."""
    x, y = float(np.median(points[:, 0])), float(points[:, 1].min())
    back = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.6}
    axes.annotate(
        name,
        (x, y),
        xytext=(0, -0.5 * _THUMBNAIL_PX - 4),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8,
        color=color,
        zorder=9,
        bbox=back,
    )


def _name_axes(axes: Axes, how: Projection, shares: tuple[float, float] | None) -> None:
    if shares is None:
        axes.set_xlabel("t-SNE of cosine distance; only who is near whom means something")
        axes.set_xticks([])
        axes.set_yticks([])
    else:
        axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second ({shares[1]:.0%})")
    axes.spines[["top", "right"]].set_visible(False)
    if how == "pca":
        axes.grid(alpha=0.25)
