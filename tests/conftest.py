"""What holds for every test: an environment that says nothing of the machine, examples without a deadline."""

import os

import hypothesis
import pytest

# A shared machine may be slow at any moment, so no example has a deadline; CI draws the same examples every time.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

_FOREIGN = ("XDG_", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
