"""Training recipes: YAML files in ``models/training``, read strictly; neither torch nor data are needed to read one.

Every number that shapes the weights is here, so that a recipe, a seed and a set of samples name a network.
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from kinect_unlock.errors import ConfigError
from kinect_unlock_lab.training.recipe_files import read_recipe

Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Above0: TypeAlias = Annotated[float, Meta(gt=0.0)]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
NotNegative: TypeAlias = Annotated[float, Meta(ge=0.0)]


class Architecture(Struct, frozen=True, forbid_unknown_fields=True):
    """Which network: ``article`` is that of faceID_beta, ``squeezenet`` ours; ``dim`` numbers in an embedding."""

    name: Literal["article", "squeezenet"]
    dim: Positive
    dropout: Share


class Contrastive(Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="contrastive"):
    """Pairs: the same person at distance 0, others at ``margin`` or beyond (Euclidean, of unit vectors)."""

    margin: Above0


class Triplet(Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="triplet"):
    """FaceNet's: squared distance to another person larger by ``margin`` than to the same; semi-hard triplets."""

    margin: Above0


class CosFace(Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="cosface"):
    """Softmax over people whose own cosine is lessened by ``margin``; cosines are multiplied by ``scale``."""

    margin: Above0
    scale: Above0


class ArcFace(Struct, frozen=True, forbid_unknown_fields=True, tag_field="name", tag="arcface"):
    """Softmax over people whose own angle is widened by ``margin_deg``; cosines are multiplied by ``scale``."""

    margin_deg: Above0
    scale: Above0


Loss: TypeAlias = Contrastive | Triplet | CosFace | ArcFace


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """One step looks at so many people, and at so many samples of each; all processes together."""

    people: Annotated[int, Meta(ge=2)]
    samples_each: Annotated[int, Meta(ge=2)]

    @property
    def samples(self) -> int:
        """Samples in one step."""
        return self.people * self.samples_each


class Optimiser(Struct, frozen=True, forbid_unknown_fields=True):
    """AdamW, the rate rising for ``warmup_steps`` and then falling to nothing as a cosine does."""

    learning_rate: Above0
    weight_decay: NotNegative
    warmup_steps: Annotated[int, Meta(ge=0)]


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True):
    """What is changed at random in every sample, whoever it shows; zero leaves it alone.

    Genuine and impostor pairs are disturbed alike: a disturbance of the one kind alone would give the answer away.
    """

    gain_log: NotNegative  # deviation of the logarithm of the light
    tint_log: NotNegative  # of each colour's own share of it
    side_light: NotNegative  # deviation of the light's slope from edge to edge, as a share
    noise_grey: NotNegative  # largest deviation of the colours' noise, grey levels
    coarse: Share  # samples seen with fewer pixels
    shift_px: NotNegative  # largest shift of colour and depth together
    turn_deg: NotNegative
    stretch: Share  # largest change of size
    misalign_px: NotNegative  # largest shift of depth against colour
    depth_noise: NotNegative  # deviation, in units of the depth plane (one is 70 mm)
    holes: Share  # samples with a hole of random place and size
    black_shadow: Share  # samples whose colour is black where depth is missing, as registered frames have it


class Validation(Struct, frozen=True, forbid_unknown_fields=True):
    """People kept from training and looked at every so many steps; ``eer_max`` is what chance must be beaten to."""

    people_share: Annotated[float, Meta(gt=0.0, lt=1.0)]
    every_steps: Positive
    eer_max: Annotated[float, Meta(gt=0.0, lt=0.5)]


class Synthesis(Struct, frozen=True, forbid_unknown_fields=True):
    """Samples to synthesise where no set is given: so many people, and so many samples of each."""

    people: Positive
    samples_each: Positive
    seed: Annotated[int, Meta(ge=0)]


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One training run, whole."""

    architecture: Architecture
    loss: Loss
    batch: Batch
    optimiser: Optimiser
    augmentation: Augmentation
    validation: Validation
    steps: Positive
    seed: Annotated[int, Meta(ge=0)]
    synthesis: Synthesis | None = None


def shipped_recipe(name: str) -> Path:
    """Return the file of a recipe that is installed with the program, such as ``squeezenet-triplet``.

    Raises:
        ConfigError: there is none of that name.
    """
    folder = Path(str(files("kinect_unlock"))) / "data" / "models" / "training"
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml")))
        raise ConfigError(f"no recipe is called {name!r}; shipped are: {known}; or name a YAML file")
    return path


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ConfigError: it cannot be read, or says what it may not; the message names file and place.
    """
    return read_recipe(path, Recipe)
