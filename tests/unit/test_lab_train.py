"""``lab train``: from a set on disk to a file that the product's own runtime takes."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from fakes.heads import egg_head
from kinect_unlock.errors import ConfigError, ModelError, SourceError
from kinect_unlock.inference import Network
from kinect_unlock_lab.cli import app
from kinect_unlock_lab.cli.train import _synthesise
from kinect_unlock_lab.synthesis.head_files import save_head
from kinect_unlock_lab.synthesis.shards import HeadModelSource, SetDescription, open_writer, read_set
from kinect_unlock_lab.training.faces import Faces
from kinect_unlock_lab.training.recipes import Synthesis
from small_people import patch_people, small_recipe

PEOPLE, LOOKS, IN_A_SHARD = 10, 4, 5


def write_set(folder: Path, faces: Faces) -> Path:
    """Write a set in two shards."""
    source = HeadModelSource("none.npz", "0" * 64, "none", "none")
    writer = open_writer(folder, SetDescription("patches", 1, 1, PEOPLE, LOOKS, IN_A_SHARD, source))
    for shard in range(PEOPLE // IN_A_SHARD):
        rows = faces.person // IN_A_SHARD == shard
        person = faces.person[rows].astype(np.int32)
        writer.write(shard, {"color": faces.color[rows], "depth": faces.depth[rows], "person": person})
    return folder


@pytest.fixture(scope="module")
def people_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set of people who are easily told apart."""
    return write_set(tmp_path_factory.mktemp("set"), patch_people(PEOPLE, LOOKS))


def written(folder: Path, *, steps: int, eer_max: float) -> Path:
    recipe = small_recipe("squeezenet-triplet", steps=steps)
    validation = msgspec.structs.replace(recipe.validation, eer_max=eer_max, people_share=0.3)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(msgspec.to_builtins(msgspec.structs.replace(recipe, validation=validation))))
    return path


def train(*words: str) -> None:
    CliRunner().invoke(app, ["train", *words], catch_exceptions=False)


def test_set_becomes_a_network_that_tells_strangers_apart(people_set: Path, tmp_path: Path) -> None:
    out, recipe = tmp_path / "small.onnx", written(tmp_path, steps=20, eer_max=0.3)

    train(str(recipe), "--set", str(people_set), "--out", str(out))

    figures = json.loads((tmp_path / "small.json").read_text())
    assert figures["eer"] <= 0.3
    assert (figures["people_trained_on"], figures["people_kept_back"]) == (7, 3)
    assert figures["largest_difference"] < 1e-4
    assert Network(out, threads=1).inputs == {"rgbd": ("N", 4, 112, 112)}
    assert {path.name.split(".")[0] for path in (tmp_path / "small.run").iterdir()} >= {"checkpoint", "events"}


def test_network_no_better_than_chance_ends_the_command_with_a_fault(tmp_path: Path) -> None:
    faces, recipe = patch_people(PEOPLE, LOOKS), written(tmp_path, steps=1, eer_max=0.2)
    mixed_up = Faces(faces.color, faces.depth, np.tile(np.arange(PEOPLE), LOOKS))
    folder = write_set(tmp_path / "set", mixed_up)

    with pytest.raises(ModelError, match=r"chance is 50 %"):
        train(str(recipe), "--set", str(folder), "--out", str(tmp_path / "small.onnx"))


def test_unknown_recipe_names_the_shipped_ones(people_set: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"squeezenet-triplet"):
        train("resnet", "--set", str(people_set), "--out", str(tmp_path / "small.onnx"))


def test_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"set\.json"):
        train("quick", "--set", str(tmp_path), "--out", str(tmp_path / "small.onnx"))


def test_recipe_without_synthesis_makes_no_people(tmp_path: Path) -> None:
    head_model = tmp_path / "head.npz"
    head_model.touch()

    with pytest.raises(ConfigError, match="does not say whom to synthesise"):
        train("squeezenet-triplet", "--set", str(tmp_path / "set"), "--out", "x.onnx", "--head-model", str(head_model))


def test_recipe_that_says_whom_to_synthesise_needs_nothing_but_a_head_model(tmp_path: Path) -> None:
    head_model = tmp_path / "egg.npz"
    save_head(egg_head(), head_model, project="an egg", licence="CC0-1.0")
    told = msgspec.structs.replace(
        small_recipe("squeezenet-triplet"), synthesis=Synthesis(people=2, samples_each=2, seed=3)
    )

    _synthesise(told, tmp_path / "set", head_model)

    made = read_set(tmp_path / "set")
    assert made.complete
    assert (len(made), made.description.seed, made.description.head_model.project) == (4, 3, "an egg")
