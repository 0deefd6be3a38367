import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinect_unlock.private import PrivateDaemon
from pam.rehearsing import Built, NotBuildable, build


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module is built once for all tests."""
    return tmp_path_factory.mktemp("pam")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the networks are built once; never the user's own cache."""
    return tmp_path_factory.mktemp("cache")


def _built(kept: Path, *, sanitized: bool) -> Built:
    try:
        return build(kept, sanitized=sanitized)
    except NotBuildable as lack:
        pytest.skip(f"the PAM module cannot be built: {lack}")


@pytest.fixture(scope="session")
def module(kept: Path) -> Built:
    """The module as it is installed."""
    return _built(kept, sanitized=False)


@pytest.fixture(scope="session", params=["hardened", "sanitized"])
def built(request: pytest.FixtureRequest, kept: Path) -> Built:
    """The module as it is installed, and with AddressSanitizer, LeakSanitizer and UBSan."""
    return _built(kept, sanitized=request.param == "sanitized")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a path short enough for sockets."""
    with PrivateDaemon.folder() as made:
        yield made


@pytest.fixture(scope="session")
def valgrind() -> str:
    """valgrind's path."""
    found = shutil.which("valgrind")
    if found is None:
        pytest.skip("there is no valgrind")
    return found
