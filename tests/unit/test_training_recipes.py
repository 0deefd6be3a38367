from pathlib import Path

import pytest

from kinect_unlock.errors import ConfigError
from kinect_unlock_lab.training.recipes import CosFace, load_recipe
from kinect_unlock_lab.training.schedule import learning_rate

RECIPES = Path(__file__).parents[2] / "models" / "training"
NAMES = ("squeezenet-contrastive", "squeezenet-triplet", "squeezenet-cosface", "article-contrastive", "quick")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_recipe_is_read(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")

    assert recipe.architecture.dim == 128
    assert recipe.validation.eer_max < 0.5


def test_losses_of_one_network_are_compared_under_equal_recipes() -> None:
    recipes = [load_recipe(RECIPES / f"squeezenet-{loss}.yaml") for loss in ("contrastive", "triplet", "cosface")]

    same = [(r.architecture, r.batch, r.optimiser, r.augmentation, r.validation, r.steps, r.seed) for r in recipes]

    assert same[0] == same[1] == same[2]
    assert isinstance(recipes[2].loss, CosFace)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param("seed: 1", "seed: 1\nspeed: 2", "speed", id="unknown key"),
        pytest.param("margin: 0.3", "margin: 0.3\n  scale: 2.0", "scale", id="key of another loss"),
        pytest.param("name: triplet", "name: quadruplet", "quadruplet", id="unknown loss"),
        pytest.param("eer_max: 0.35", "eer_max: 0.5", r"\$.validation.eer_max", id="a bound that chance meets"),
        pytest.param("seed: 1", "seed: one", r"\$.seed", id="wrong type"),
    ],
)
def test_recipe_with_a_fault_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = (RECIPES / "squeezenet-triplet.yaml").read_text()
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace(before, after, 1))

    with pytest.raises(ConfigError, match=said):
        load_recipe(path)


def test_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml"):
        load_recipe(tmp_path / "nothing.yaml")


def test_learning_rate_rises_along_a_line_and_falls_to_nothing() -> None:
    optimiser = load_recipe(RECIPES / "squeezenet-triplet.yaml").optimiser
    rates = [learning_rate(optimiser, step, 1000) for step in range(1000)]

    assert rates[0] == pytest.approx(optimiser.learning_rate / optimiser.warmup_steps)
    assert max(rates) == rates[optimiser.warmup_steps - 1] == optimiser.learning_rate
    assert rates[optimiser.warmup_steps :] == sorted(rates[optimiser.warmup_steps :], reverse=True)
    assert rates[-1] < 1e-4 * optimiser.learning_rate
