"""How well people are told apart, counted for a picture: one half or the whole, and where it opens."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.errors import ConfigError, RequestError, SourceError
from kinect_unlock.halves import Half
from kinect_unlock.manifest import Encoder
from kinect_unlock.settings import Match
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock_lab.attempting import pairs
from kinect_unlock_lab.figures import Figures, figures_of
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.scoring import Fused
from kinect_unlock_lab.tally import EVERYBODY, SAME_PLACE, Resampling

Part: TypeAlias = Literal["fused", "rgb", "depth", "rgbd"]

_ROUNDS: Final = 2  # a picture shows no intervals


def parts_of(halves: tuple[Half, ...]) -> tuple[Part, ...]:
    """Return what of an embedding can be shown: the whole, and each half where there are several."""
    return ("fused", *(half.name for half in halves)) if len(halves) > 1 else (halves[0].name,)


def part_of(embedded: Embedded, part: Part) -> Embedded:
    """Return the samples with this part of their embeddings as the whole.

    Where depth is in it, samples whose depth may not vote count as not acquired.

    Raises:
        RequestError: the embeddings have no such part.
    """
    known = parts_of(embedded.halves)
    if part not in known:
        raise RequestError(f"these embeddings have no part {part!r}; they have {', '.join(known)}")
    if part == "fused":
        return _fit(embedded) if any(half.name == "depth" for half in embedded.halves) else embedded
    vectors = np.nan_to_num(embedded.half(part))
    alone = embedded.with_vectors(vectors, (Half(part, 0, vectors.shape[1], 1.0),))
    return _fit(alone) if part == "depth" else alone


def _fit(embedded: Embedded) -> Embedded:
    shown = np.where(embedded.depth_fit[:, np.newaxis], embedded.embeddings, np.float32(0))
    return embedded.with_vectors(np.asarray(shown, np.float32), embedded.halves)


def of_templates(templates: Sequence[Template], encoder: Encoder) -> Embedded:
    """Return the vectors of templates as samples of one place, by their users' names.

    Raises:
        SourceError: nobody is enrolled, or templates are of another encoder.
    """
    if not templates:
        raise SourceError("nobody is enrolled here; enrol somebody, or name a data set")
    others = sorted({template.model_id for template in templates} - {encoder.model_id})
    if others:
        raise SourceError(f"templates here are of {', '.join(others)}, the configured encoder is {encoder.model_id}")
    people = [template.user for template in templates for _ in template.vectors]
    vectors = np.concatenate([template.vectors for template in templates])
    return Embedded.of(vectors, people, halves=encoder.layout)


def told_apart(embedded: Embedded) -> Figures | None:
    """Compare all acquired samples, strangers of one place where there are such; None without people to compare."""
    known = embedded.where(embedded.acquired)
    people = len(np.unique(known.person))
    if people < 2:
        return None
    tally = pairs(known, Fused(), Resampling(people, _ROUNDS))
    return figures_of(tally, SAME_PLACE if tally.total(SAME_PLACE) else EVERYBODY)


def opening(encoder: Encoder, match: Match, part: Part) -> Mapping[str, float]:
    """Return the cosines at which the daemon opens, by what they are called; none for a part that has no vote."""
    try:
        thresholds = pick_thresholds(encoder, match.far, match.strategy) if encoder.unlock else ()
    except ConfigError:
        return {}
    marks: dict[str, float] = {}
    for threshold in thresholds:
        bar = threshold.bar
        if bar.half == part:
            for band in bar.bands:
                reach = f" up to {band.to_mm / 1000:g} m" if np.isfinite(band.to_mm) else ""
                marks[f"opens{reach}: {band.cosine:.2f}"] = band.cosine
    return marks
