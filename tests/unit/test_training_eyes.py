"""Training the network for eyes, on dark discs that are there or not."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.eye_patches import PATCH_PX
from kinect_unlock.eyes import EyeReader
from kinect_unlock_lab.synthesis.eye_pictures import OPEN_SEEN, SHUT_SEEN, Eyes, openness
from kinect_unlock_lab.training.eyes import EyeChanges, EyeRecipe, changed, export, load_eye_recipe, shares, train

SHIPPED = Path(__file__).parents[2] / "models" / "training" / "eyes.yaml"
NOTHING = EyeChanges(gain_log=0.0, slope=0.0, noise_grey=0.0, coarse=0.0, shift_px=0)


def discs(count: int, *, seed: int = 0) -> Eyes:
    """Every second eye has a dark disc in it, which is what an open eye comes down to."""
    random = np.random.default_rng(seed)
    patches = random.normal(150, 6, (count, *PATCH_PX))
    row, column = np.indices(PATCH_PX)
    for patch in patches[::2]:
        middle = np.array(PATCH_PX) / 2 + random.normal(0, 2, 2)
        patch[np.hypot(row - middle[0], column - middle[1]) < random.uniform(4, 7)] -= random.uniform(50, 100)
    seen = np.where(np.arange(count) % 2 == 0, 0.25, 0.0).astype(np.float32)
    whole = np.ones(count, np.float32)
    numbers = np.arange(count, dtype=np.int64) // 2
    return Eyes(patches.astype(np.uint8), seen, numbers, whole > 2, 0 * whole, whole, 60 * whole)


def recipe(steps: int = 60) -> EyeRecipe:
    return msgspec.structs.replace(load_eye_recipe(SHIPPED), steps=steps, batch=32)


def test_it_learns_to_tell_discs_it_has_never_seen() -> None:
    network = train(discs(256), recipe())

    found = shares(network, discs(64, seed=1).patches.astype(np.float32))

    assert found[::2].min() > found[1::2].max()


def test_the_same_eyes_and_recipe_give_the_same_weights() -> None:
    first, second = (train(discs(64), recipe(5)).state_dict() for _ in range(2))

    assert all((first[name] == second[name]).all() for name in first)


def test_every_step_is_told() -> None:
    told: list[int] = []
    train(discs(64), recipe(4), on_step=told.append)

    assert told == [1, 2, 3, 4]


def test_the_exported_network_is_one_that_the_product_reads_with(tmp_path: Path) -> None:
    network = train(discs(64), recipe(5))

    written = export(network, tmp_path / "eyes.onnx")

    EyeReader(tmp_path / "eyes.onnx", threads=1)
    assert written.bytes == (tmp_path / "eyes.onnx").stat().st_size < 200_000
    assert [path.name for path in tmp_path.iterdir()] == ["eyes.onnx"]


def test_a_network_that_runs_otherwise_than_it_was_trained_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinect_unlock_lab.training.export.TOLERANCE", -1.0)

    with pytest.raises(ModelError, match="not written"):
        export(train(discs(64), recipe(1)), tmp_path / "eyes.onnx")
    assert not list(tmp_path.iterdir())


def test_light_and_contrast_make_no_difference() -> None:
    network = train(discs(256), recipe())
    patches = discs(16, seed=2).patches.astype(np.float32)

    plain, dimmed = shares(network, patches), shares(network, 0.5 * patches + 30.0)

    assert np.abs(plain - dimmed).max() < 0.1


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    patches = discs(8).patches.astype(np.float32)

    np.testing.assert_array_equal(changed(patches, NOTHING, np.random.default_rng(0)), patches)


@pytest.mark.parametrize("name", EyeChanges.__struct_fields__)
def test_each_change_changes_and_keeps_grey_levels(name: str) -> None:
    patches = discs(8).patches.astype(np.float32)
    one = msgspec.structs.replace(NOTHING, **{name: 2 if name == "shift_px" else 1.0})

    found = changed(patches, one, np.random.default_rng(0))

    assert found.shape == patches.shape
    assert found.dtype == np.float32
    assert not np.array_equal(found, patches)
    assert found.min() >= 0
    assert found.max() <= 255


def test_an_eye_is_the_more_open_the_more_of_it_is_seen() -> None:
    seen = np.array((0.0, SHUT_SEEN, (SHUT_SEEN + OPEN_SEEN) / 2, OPEN_SEEN, 0.3), np.float32)

    np.testing.assert_allclose(openness(seen), (0.0, 0.0, 0.5, 1.0, 1.0), atol=1e-6)


def test_a_recipe_that_says_what_it_may_not_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "eyes.yaml"
    file.write_text(SHIPPED.read_text().replace("seed: 1\n", "seed: 1\nreal_eyes: yes\n"))

    with pytest.raises(ConfigError, match="real_eyes"):
        load_eye_recipe(file)


def test_training_and_measuring_know_different_people() -> None:
    told = load_eye_recipe(SHIPPED)

    assert told.train.seed != told.held_out.seed
