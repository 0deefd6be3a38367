from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kinect_unlock.private import PrivateDaemon
from system.rehearsal import Start, daemon, install_plug_in


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the networks are built once for all system tests; never the user's own cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a path short enough for sockets."""
    with PrivateDaemon.folder() as made:
        yield made


@pytest.fixture
def start(folder: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a daemon in a private folder, where the source kind ``rehearsed`` is installed."""
    monkeypatch.setenv("PYTHONPATH", str(install_plug_in(folder)))
    return partial(daemon, folder, cache_dir)
