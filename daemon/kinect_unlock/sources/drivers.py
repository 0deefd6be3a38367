"""The drivers that run in a child of their own, and what each may be taken for.

A closed table: where frames come from is said here, in the daemon, and by nothing that runs in the child.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kinect_unlock.frames import Origin


@dataclass(frozen=True, slots=True)
class Driver:
    """``target`` names the callable ``(settings.Source, Clock) -> FrameSource`` as ``package.module:callable``.

    ``has_pipelines``: what decodes its depth can be chosen among those of ``settings.Source.pipeline``. ``reads_path``:
    there is no such camera without ``settings.Source.path``.
    """

    target: str
    origin: Origin
    model: str
    has_pipelines: bool = False
    reads_path: bool = False


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
        ),
        "kinect-v1": Driver("kinect_unlock.sources.kinect_v1:kinect_v1", Origin.UNPROVEN, "Kinect v1"),
    }
)
