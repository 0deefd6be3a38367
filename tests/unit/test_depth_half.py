from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest

from depth_recipes import FACE
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.graphs import HalfWeights, encoder_graph
from kinect_unlock.inference import Network
from kinect_unlock_lab.metrics import Comparisons, Roc
from kinect_unlock_lab.synthesis.shards import HeadModelSource, SampleSet, SetDescription, open_writer, read_set
from kinect_unlock_lab.training import depth_half
from kinect_unlock_lab.training.depth_half import DepthHalf, DepthRecipe, export, load_depth_recipe, train
from kinect_unlock_lab.training.nuisances import Height

_PEOPLE: Final = 40
_LOOKS: Final = 4
_MIDDLE: Final = msgspec.structs.replace(FACE, half_width_mm=36.0, half_height_mm=36.0)  # a few hundred features
_RECIPE: Final = DepthRecipe(features=_MIDDLE, dims=8, shrinkage=0.1, nuisances=(Height(12.0, 0.5),), seed=3)


def _bumps(random: np.random.Generator, deviation_mm: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return a smooth map f64[112,112] of a dozen bumps."""
    y, x = np.mgrid[0:112, 0:112]
    middles = random.uniform(20, 92, (12, 2))
    heights = random.normal(0, deviation_mm, 12)
    return np.asarray(
        sum(h * np.exp(-((x - u) ** 2 + (y - v) ** 2) / 200) for h, (u, v) in zip(heights, middles, strict=True))
    )


def _samples(folder: Path, seed: int) -> SampleSet:
    """Write a set of people made of bumps, each look with a little noise of its own and some holes."""
    random = np.random.default_rng(seed)
    source = HeadModelSource("none.npz", "0" * 64, "none", "none")
    described = SetDescription("bumps", 1, seed, _PEOPLE, _LOOKS, _PEOPLE // 2, source)
    writer = open_writer(folder, described)
    for shard in range(described.shards):
        person = np.repeat(np.array(described.people_of(shard)), _LOOKS)
        shapes = {one: _bumps(random, 4.0) for one in described.people_of(shard)}
        maps = np.stack([shapes[one] + _bumps(random, 0.5) for one in person])
        tenths = np.where(random.random(maps.shape) < 0.02, 10 * HOLE_MM, np.rint(10 * maps)).astype(np.int16)
        writer.write(shard, {"residual": tenths, "person": person.astype(np.int32)})
    return read_set(folder)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> DepthHalf:
    return train(_samples(tmp_path_factory.mktemp("trained"), 1), _RECIPE)


def test_people_never_seen_are_told_apart(half: DepthHalf, tmp_path: Path) -> None:
    columns = _samples(tmp_path / "others", 2)
    maps = columns.column("residual").astype(np.float32) * depth_half.TENTHS
    person = columns.column("person").astype(np.int64)
    vectors = half.vectors(maps)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(person), 1)

    roc = Roc.of(Comparisons((vectors @ vectors.T)[first, second], person[first], person[second]))

    assert roc.eer() < 0.05  # chance: 0.5


def test_training_again_gives_the_same_network(half: DepthHalf, tmp_path: Path) -> None:
    assert train(_samples(tmp_path / "again", 1), _RECIPE).network() == half.network()


def test_the_network_computes_what_numpy_does_holes_and_all(half: DepthHalf, tmp_path: Path) -> None:
    written = export(half, tmp_path / "half.onnx")

    assert written.largest_difference < 1e-5
    assert written.bytes == (tmp_path / "half.onnx").stat().st_size
    assert list(tmp_path.iterdir()) == [tmp_path / "half.onnx"]


class _Astray(DepthHalf):
    """A half whose network is another's."""

    def network(self) -> bytes:
        return DepthHalf(self.recipe, self.mean + 1.0, self.directions, self.people, self.samples).network()


def test_a_network_that_differs_from_numpy_is_not_written(half: DepthHalf, tmp_path: Path) -> None:
    astray = _Astray(half.recipe, half.mean, half.directions, half.people, half.samples)

    with pytest.raises(ModelError, match="is off by"):
        export(astray, tmp_path / "half.onnx")
    assert not list(tmp_path.iterdir())


def test_the_encoder_takes_it_as_its_depth_half(half: DepthHalf, tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(encoder_graph([HalfWeights("depth", _RECIPE.dims, 1.0, half.network())]))
    maps = np.random.default_rng(0).normal(0, 5, (3, 112, 112)).astype(np.float32)
    rgbd = np.concatenate([np.zeros((3, 3, 112, 112), np.float32), maps[:, np.newaxis]], axis=1)

    (found,) = Network(path, threads=1).run({"rgbd": rgbd}).values()

    expected = half.vectors(maps)
    assert np.allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)


def test_the_shipped_recipe_is_read() -> None:
    recipe = load_depth_recipe(Path(__file__).parents[2] / "models/training/depth-lda.yaml")

    assert recipe.dims == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [("dims: [", "not YAML"), ("dims: 64\n", "missing required field"), ("dims: 0\n", "at .*dims")],
)
def test_a_recipe_with_a_fault_is_refused_by_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        load_depth_recipe(path)


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_depth_recipe(tmp_path / "none.yaml")
