"""What `lab votes` measures, gathered: the parts stand in modules of their own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from kinect_unlock import networks
from kinect_unlock.errors import ConfigError
from kinect_unlock.matching import Bar
from kinect_unlock.settings import Config
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock_lab import farther, fusion, masks, print_depth, vote_costs
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.dimming import AS_IT_IS, DIM, Light
from kinect_unlock_lab.embed import Study, side_by_side
from kinect_unlock_lab.folds import folds_of
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.protocols import Bools, Embedded
from kinect_unlock_lab.votes import Faces, faces_of, has_depth

FARS: Final = (1e-4, 1e-3)
_FRAMES: Final = (1, 2)  # of an attempt in dim light
_LIGHTS: Final = (AS_IT_IS, *DIM)

OnDone: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A data set in one light."""

    embedded: Embedded
    faces: Faces

    @property
    def names(self) -> list[str]:
        """People by their numbers."""
        return [str(name) for name in np.unique(self.embedded.person)]


@dataclass(frozen=True, slots=True)
class Votes:
    """Everything found out; ``thresholds`` names those of the manifest that were tried."""

    strategy: str
    thresholds: dict[str, tuple[Bar, ...]]
    costs: tuple[vote_costs.Cost, ...]
    masks: dict[str, tuple[masks.Masked, ...]]
    prints: tuple[print_depth.Stopped, ...]
    farther: tuple[farther.FromFarther, ...]
    fused: tuple[fusion.Fused, ...]


def seen_in(
    light: Light,
    samples: Sequence[Sample],
    config: Config,
    workers: Workers = HERE,
    *,
    on_done: Callable[[int], object] = lambda _: None,
) -> Seen:
    """Embed everybody in one light.

    Raises:
        ConfigError: the configured encoder has no half called depth.
    """
    encoder = config.models.encoder
    study = Study(config, (encoder,), light)
    embedded = side_by_side(study, samples, workers, on_done=on_done)[encoder].embedded
    if {"rgb", "depth"} - {half.name for half in embedded.halves}:
        raise ConfigError(f"$.models.encoder: {encoder} has not the two halves rgb and depth, whose votes are studied")
    return Seen(embedded, faces_of(samples, embedded))


def shipped(config: Config) -> dict[str, tuple[Bar, ...]]:
    """Return what the manifest asks of each half, by the false accept rate that its first half's row stands for."""
    encoder = networks.model_store(config).encoder
    return {
        f"as shipped for FAR {far:g}": tuple(one.bar for one in pick_thresholds(encoder, far, config.match.strategy))
        for far in FARS
    }


def costs_of(seen: Seen, config: Config, on_done: OnDone) -> tuple[vote_costs.Cost, ...]:
    """Count what both votes cost, by frames, kinds of captures, and enrolment."""
    groups = vote_costs.groups_of(seen.embedded)
    faces: dict[vote_costs.Enrolling, Faces] = {
        "fit": seen.faces,
        "any": replace(seen.faces, may_enrol=has_depth(seen.embedded)),
    }
    strategy = config.match.strategy
    return vote_costs.costs(faces, groups, shipped(config), seen.names, strategy=strategy, on_done=on_done)


def masks_of(seen: Seen, report: Bools, config: Config, on_done: OnDone) -> dict[str, tuple[masks.Masked, ...]]:
    """Count masks accepted at the strictest thresholds, of all people and of those whom no threshold has seen."""
    bars = next(iter(shipped(config).values()))
    people = {"all": seen.faces, "report half": seen.faces.where(report)}
    return {name: masks.masked(faces, bars, config.match.strategy, on_done=on_done) for name, faces in people.items()}


def prints_of(
    seen: Seen, samples: Sequence[Sample], config: Config, workers: Workers, on_done: OnDone
) -> tuple[print_depth.Stopped, ...]:
    """Count what of simulated prints passes the depth vote and liveness."""
    prints = list(print_depth.presented(seen.faces, samples, config))
    depth = next(bar for bar in next(iter(shipped(config).values())) if bar.half == "depth")
    strategy = config.match.strategy

    def done(count: int) -> None:
        on_done(count, len(prints))

    return print_depth.stopped(seen.faces, seen.names, prints, config, depth, strategy, workers, on_done=done)


def farther_of(
    seen: Seen, samples: Sequence[Sample], config: Config, workers: Workers, on_done: OnDone
) -> tuple[farther.FromFarther, ...]:
    """Count whom depth misses from farther away than they were enrolled."""
    bars = next(iter(shipped(config).values()))
    return tuple(farther.from_farther(seen.embedded, samples, config, bars, workers, on_done=on_done))


def fused_in(
    good: Seen, samples: Sequence[Sample], config: Config, workers: Workers, on_done: OnDone
) -> Iterator[fusion.Fused]:
    """Yield what each weight of one cosine over both halves does in each light."""
    fold_of = folds_of(good.names)
    for number, light in enumerate(_LIGHTS, start=1):
        lit = good if light is AS_IT_IS else seen_in(light, samples, config, workers)
        for frames in _FRAMES:
            yield fusion.fused(good.faces, lit.faces, light.name, fold_of, frames=frames)
        on_done(number, len(_LIGHTS))


def as_json(found: Votes) -> dict[str, Any]:
    """Return it as plain data."""
    return asdict(found)
