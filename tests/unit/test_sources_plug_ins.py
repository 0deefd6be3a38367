"""What an installed plug-in may put under its name: a callable, or a driver that is to run in a child."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

import kinect_unlock.sources
from fakes.sources import DutifulSource
from kinect_unlock.clock import Clock, ManualClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources import open_source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.drivers import DRIVERS, Driver
from kinect_unlock.sources.isolated import IsolatedSource

ISOLATED = Driver("fakes.sources:nothing", Origin.UNPROVEN, "Dutiful")
NEITHER = 42


def in_process(settings: Source, clock: Clock) -> FrameSource:
    assert (settings.kind, isinstance(clock, ManualClock)) == ("in-process", True)
    return DutifulSource()


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"in-process": in_process, "isolated": ISOLATED, "neither": NEITHER, "kinect-v2": in_process}
    points = [EntryPoint(name, f"{__name__}:{name}", kinect_unlock.sources.PLUG_INS) for name in names]
    monkeypatch.setattr(kinect_unlock.sources, "entry_points", EntryPoints(points).select)
    monkeypatch.setattr(EntryPoint, "load", lambda point: names[point.name])


def test_a_callable_makes_the_source_in_this_process() -> None:
    assert isinstance(open_source(Source(kind="in-process"), clock=ManualClock()), DutifulSource)


def test_a_driver_is_run_in_a_child_and_is_what_its_entry_says() -> None:
    source = open_source(Source(kind="isolated"), clock=ManualClock())

    assert isinstance(source, IsolatedSource)
    assert source.origin is Origin.UNPROVEN
    assert source.identity is None


def test_something_else_is_refused() -> None:
    with pytest.raises(SourceError, match="neither a callable that makes a source nor a Driver"):
        open_source(Source(kind="neither"), clock=ManualClock())


def test_a_plug_in_cannot_take_the_name_of_a_built_in_camera() -> None:
    assert isinstance(open_source(Source(kind="kinect-v2"), clock=ManualClock()), IsolatedSource)


def test_only_the_camera_that_thresholds_were_measured_on_is_a_sensor() -> None:
    assert [name for name, driver in DRIVERS.items() if driver.origin is Origin.SENSOR] == ["kinect-v2"]
