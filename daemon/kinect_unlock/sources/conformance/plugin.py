"""Options of pytest for an installed source: ``--source``, ``--source-path``, ``--source-device``.

Imported by pytest alone, never by the program.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import pytest

from kinect_unlock.clock import SystemClock
from kinect_unlock.settings import Source
from kinect_unlock.sources import DriverMemory, open_source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.conformance import CHECKS, Subject

_NOT_THERE: Final = "no-such-camera"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the tests of the program's own tree take them from here."""
    group = parser.getgroup("kinect-unlock")
    group.addoption("--source", metavar="NAME", help="put this source through the contract's checks")
    group.addoption("--source-path", metavar="PATH", help="source.path for it")
    group.addoption("--source-device", metavar="DEVICE", help="source.device for it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a ``check`` with each of them, and one that takes a ``subject`` with the named source."""
    if "check" in metafunc.fixturenames:
        metafunc.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    if "subject" in metafunc.fixturenames:
        subject = named_subject(metafunc.config)
        if subject is None:
            raise pytest.UsageError("name the source to be checked: --source NAME")
        metafunc.parametrize("subject", [subject], ids=[subject.name])


def named_subject(config: pytest.Config) -> Subject | None:
    """Return the source that the options name, None if they name none."""
    kind = config.getoption("--source")
    if kind is None:
        return None
    path, device = config.getoption("--source-path"), config.getoption("--source-device")
    return subject_of(Source(kind=kind, path=path, device=device))


def subject_of(settings: Source) -> Subject:
    """Return a subject that is made as the daemon makes a source: from the configuration, by its name.

    Like the daemon it remembers a camera's driver from one opening to the next.
    """
    missing = settings
    if settings.device is not None:
        missing = msgspec.structs.replace(settings, device=_NOT_THERE)
    elif settings.path is not None:
        missing = msgspec.structs.replace(settings, path=f"{settings.path}.{_NOT_THERE}")
    return Subject(settings.kind, _making(settings), None if missing is settings else _making(missing))


def _making(settings: Source) -> Callable[[], FrameSource]:
    clock = SystemClock()
    memory = DriverMemory.of(settings, clock, cache_dir=None)
    return lambda: open_source(settings, clock=clock, memory=memory)
