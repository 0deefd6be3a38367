"""The shipped `rgbd-squeezenet`: it encodes all four planes, and may not unlock."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.crop import DepthChannel
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ConfigError
from kinect_unlock.manifest import load_manifest
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Models
from kinect_unlock.thresholds import pick_thresholds

NAME = "rgbd-squeezenet"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> FusedEncoder:
    store = ModelStore(Models(encoder=NAME), cache_dir=tmp_path_factory.mktemp("cache"))
    return FusedEncoder(store.encoder, store.build(NAME), threads=1)


def test_its_weights_are_small_and_carry_the_project_s_licence() -> None:
    (weights,) = load_manifest().encoder(NAME).files

    assert weights.bytes < 4_000_000
    assert (weights.package, weights.licence) == ("kinect_unlock", "Apache-2.0")


def test_it_gives_unit_vectors_that_depend_on_colour_and_depth(encoder: FusedEncoder) -> None:
    random = np.random.default_rng(1)
    face = random.uniform(0, 255, (4, 112, 112)).astype(np.float32)
    face[3] = face[3] / 127.5 - 1
    other_color, other_depth = face.copy(), face.copy()
    other_color[:3, 40:80, 40:80] = 0
    other_depth[3, 40:80, 40:80] *= -1

    vectors = encoder.encode(np.stack([face, other_color, other_depth]))

    assert encoder.depth_channel is DepthChannel.REGISTERED
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert float(vectors[0] @ vectors[1]) < 0.999
    assert float(vectors[0] @ vectors[2]) < 0.999


def test_it_may_not_unlock_and_says_its_measured_error() -> None:
    entry = load_manifest().encoder(NAME)

    assert not entry.unlock
    assert "EER" in entry.why_not
    with pytest.raises(ConfigError, match=r"may not unlock: .*EER"):
        pick_thresholds(entry, 1e-4, "nearest")


def test_its_card_tells_the_error_that_the_refusal_tells() -> None:
    entry = load_manifest().encoder(NAME)
    card = (Path(__file__).parents[2] / "models" / entry.card).read_text()
    rate = entry.why_not.split(" % EER")[0].split()[-1]

    assert f"{rate} %" in card
