"""The drivers that run in a child of their own, and what each may be taken for.

A closed table: where frames come from is said here, in the daemon, and by nothing that runs in the child.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source


def _nothing(settings: Source) -> Path | None:
    del settings
    return None


def _beside_plan(settings: Source) -> Path | None:
    """Return where the stand-in remembers its camera, as `stand_in_driver.device_file` does."""
    return None if settings.faults is None else Path(settings.faults + ".state")


@dataclass(frozen=True, slots=True)
class Driver:
    """``target`` names the callable ``(settings.Source, Clock) -> FrameSource`` as ``package.module:callable``.

    ``has_pipelines``: what decodes its depth can be chosen among those of ``settings.Source.pipeline``. ``reads_path``:
    there is no such camera without ``settings.Source.path``. ``writes`` names the one file that it may write to.
    """

    target: str
    origin: Origin
    model: str
    has_pipelines: bool = False
    reads_path: bool = False
    writes: Callable[[Source], Path | None] = _nothing


DRIVERS: Final[Mapping[str, Driver]] = MappingProxyType(
    {
        "kinect-v2": Driver(
            "kinect_unlock.sources.kinect_v2:kinect_v2", Origin.SENSOR, "Kinect v2", has_pipelines=True
        ),
        "stand-in": Driver(
            "kinect_unlock.sources.stand_in_driver:stand_in",
            Origin.STAND_IN,
            "stand-in for a Kinect",
            has_pipelines=True,
            reads_path=True,
            writes=_beside_plan,
        ),
        "kinect-v1": Driver("kinect_unlock.sources.kinect_v1:kinect_v1", Origin.UNPROVEN, "Kinect v1"),
    }
)
