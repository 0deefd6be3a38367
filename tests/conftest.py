"""What holds for every test: an environment that says nothing of the machine, examples without a deadline."""

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything loads torch or numpy: on tests' small arrays a second thread only waits for the first, spinning, and
# on a busy machine one of three seconds took three minutes. Programs that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shared machine may be slow at any moment, so no example has a deadline. A plain run looks for new examples and keeps
# what fails; `make check` draws the same ones every time, so that it fails for the change that is checked and no other.
# For the same reason it shuffles the tests the same way, and a plain run each time another.
hypothesis.settings.register_profile("new", deadline=None)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("new")

_FOREIGN = ("XDG_", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add ``--source`` and its like, for tests/conformance."""
    from kinect_unlock.sources.conformance import plugin  # noqa: PLC0415 - numpy comes after the above

    if not pluginmanager.has_plugin(plugin.__name__):  # an installed source is checked from this very folder
        plugin.pytest_addoption(parser)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def evaluation_data() -> Path:
    """Return the folder of the evaluation data, which is no part of the project; without it the test is skipped."""
    folder = os.environ.get("KINECT_UNLOCK_DATA")
    if folder is None:
        pytest.skip("KINECT_UNLOCK_DATA names no folder with evaluation data")
    return Path(folder)
