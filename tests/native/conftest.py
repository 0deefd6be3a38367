"""The true binding, built once and kept in pytest's own cache."""

from pathlib import Path

import pytest

from native.building import Built, NotBuildable, build


@pytest.fixture(scope="session")
def built(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the binding; without compiler or network the test is skipped."""
    has_cache = pytestconfig.pluginmanager.hasplugin("cacheprovider")
    folder = pytestconfig.cache.mkdir("binding") if has_cache else tmp_path_factory.mktemp("binding")
    try:
        return build(Path(folder))
    except NotBuildable as reason:
        pytest.skip(f"the true binding cannot be built here: {reason}")
