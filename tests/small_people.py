"""A few people to train on who are nothing but patches of colour and depth, each their own."""

from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock_lab.training.faces import Faces
from kinect_unlock_lab.training.recipes import Batch, Recipe, load_recipe

RECIPES: Final = Path(__file__).parents[1] / "models" / "training"
_SIDE: Final = 112
_PATCH: Final = 28
_HOLE: Final = -20_000


def patch_people(people: int, samples_each: int, *, seed: int = 0) -> Faces:
    """Return people whose samples differ by noise and holes alone."""
    random = np.random.default_rng(seed)
    patches = random.uniform(40, 215, (people, _SIDE // _PATCH, _SIDE // _PATCH, 4))
    person = np.repeat(np.arange(people), samples_each)
    planes = patches[person].repeat(_PATCH, axis=1).repeat(_PATCH, axis=2)
    planes += random.normal(0, 10, planes.shape)
    depth = np.clip(80 * (planes[..., 3] - 127), -10_000, 10_000).astype(np.int16)
    depth[random.uniform(size=depth.shape) < 0.05] = _HOLE
    return Faces(np.clip(planes[..., :3], 0, 255).astype(np.uint8), depth, person.astype(np.int64))


def small_recipe(name: str, *, steps: int = 4) -> Recipe:
    """Return a shipped recipe cut down to a few steps of few samples."""
    whole = load_recipe(RECIPES / f"{name}.yaml")
    fields = {key: getattr(whole, key) for key in Recipe.__struct_fields__}
    return Recipe(**{**fields, "batch": Batch(people=4, samples_each=2), "steps": steps})
