"""Training the depth half of `rgbd-fused`: from a set of synthetic maps and a recipe to an ONNX network.

No real face takes part: recipes were chosen on real ones, weights come from synthetic ones alone.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.arrays import F32, F64
from kinect_unlock.errors import ModelError
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.inference import Network
from kinect_unlock_lab.synthesis.shards import SampleSet
from kinect_unlock_lab.training.depth_features import FEATURES, MAP_SIDE_PX, Above0, DepthFeatures, features
from kinect_unlock_lab.training.depth_graph import INPUT, depth_graph
from kinect_unlock_lab.training.lda import Scatter, discriminants
from kinect_unlock_lab.training.nuisances import Nuisance, nuisance_scatter
from kinect_unlock_lab.training.recipe_files import read_recipe

TENTHS: Final = np.float32(0.1)  # a set's residuals are in tenths of a millimetre, a hole is -1000 mm there too
_ROWS: Final = 1000
_TRIED: Final = 16
_ROUNDING: Final = 1e-4


class DepthRecipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One training run of the depth half, whole; with a set of samples it names the weights."""

    features: DepthFeatures
    dims: Annotated[int, Meta(ge=1, le=512)]
    shrinkage: Above0
    nuisances: tuple[Nuisance, ...]
    seed: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class DepthHalf:
    """A trained depth half: a vector is ``(features - mean) @ directions``, f64[1568] and f64[1568,dims]."""

    recipe: DepthRecipe
    mean: F64
    directions: F64
    people: int
    samples: int

    def vectors(self, residual_mm: F32) -> F64:
        """Return f64[n,dims] of maps f32[n,112,112], not normalised."""
        found: F64 = (features(residual_mm, self.recipe.features) - self.mean) @ self.directions
        return found

    def network(self) -> bytes:
        """Return it as an ONNX network; see `depth_graph`."""
        return depth_graph(self.recipe.features, self.mean, self.directions)


def train(samples: SampleSet, recipe: DepthRecipe, *, on_done: Callable[[int], None] = lambda _: None) -> DepthHalf:
    """Train on all samples of a set; ``on_done`` is told how many are finished.

    Raises ValueError where nobody has two samples.
    """
    scatter = Scatter(FEATURES, samples.description.people)
    finished = 0
    for chunk in samples.chunks(_ROWS, "residual", "person"):
        maps = chunk["residual"].astype(np.float32) * TENTHS
        scatter.add(features(maps, recipe.features), chunk["person"].astype(np.int64))
        finished += len(maps)
        on_done(finished)
    return solved(scatter, recipe)


def solved(scatter: Scatter, recipe: DepthRecipe) -> DepthHalf:
    """Find the directions; features that no sample has (outside the ellipse) get none of their weight."""
    within = scatter.within() + nuisance_scatter(recipe.nuisances, recipe.features, seed=recipe.seed)
    live = np.flatnonzero(np.diag(within) > 0)
    block = np.ix_(live, live)
    directions = np.zeros((FEATURES, recipe.dims))
    directions[live] = discriminants(
        within[block], scatter.between()[block], dims=recipe.dims, shrinkage=recipe.shrinkage
    )
    return DepthHalf(recipe, scatter.mean, directions, scatter.people, scatter.samples)


def load_depth_recipe(path: Path) -> DepthRecipe:
    """Read a recipe.

    Raises:
        ConfigError: it cannot be read, or says what it may not; the message names file and place.
    """
    return read_recipe(path, DepthRecipe)


@dataclass(frozen=True, slots=True)
class Exported:
    """A written network: its size and hash, and how far ONNX Runtime's vectors are from NumPy's, as a share."""

    bytes: int
    sha256: str
    largest_difference: float


def export(half: DepthHalf, path: Path) -> Exported:
    """Write the network after comparing what ONNX Runtime makes of it with NumPy, whole or not at all.

    Raises:
        ModelError: the two differ by more than rounding.
    """
    network = half.network()
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(network)
    try:
        difference = _difference(half, part)
        if not difference <= _ROUNDING:
            raise ModelError(f"{path}: ONNX Runtime is off by {difference:.1g} of the vectors, expected rounding only")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Exported(len(network), hashlib.sha256(network).hexdigest(), difference)


def _difference(half: DepthHalf, path: Path) -> float:
    """Compare on maps of noise with holes, mistakes and nothing at all in them."""
    random = np.random.default_rng(half.recipe.seed)
    maps = random.normal(0, 8, (_TRIED, MAP_SIDE_PX, MAP_SIDE_PX)).astype(np.float32)
    maps[random.random(maps.shape) < random.random((_TRIED, 1, 1))] = HOLE_MM
    maps[-1] = HOLE_MM
    expected = half.vectors(maps)
    (found,) = Network(path, threads=1).run({INPUT: maps[:, np.newaxis]}).values()
    return float(np.abs(found - expected).max() / np.linalg.norm(expected, axis=1).max())
