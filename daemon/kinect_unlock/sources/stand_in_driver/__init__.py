"""A driver for a camera that is not there: pylibfreenect2's calls, on a recording, with faults on request.

It ships because whoever writes what stands behind a driver must be able to rehearse what drivers do. Its frames are
nobody's (`Origin.STAND_IN`) and never match nor unlock outside a run that was started for trying out.
"""

from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from kinect_unlock.clock import Clock
from kinect_unlock.errors import DriverMissing, SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources.kinect_v2 import KinectV2Source
from kinect_unlock.sources.stand_in_driver.binding import Binding
from kinect_unlock.sources.stand_in_driver.camera import Camera
from kinect_unlock.sources.stand_in_driver.device_file import DeviceFile
from kinect_unlock.sources.stand_in_driver.plan import Moment, Plan, read_plan

_SUFFIX: Final = ".mkv"


def stand_in(settings: Source, clock: Clock) -> KinectV2Source:
    """Make the Kinect's own source on a driver that is not there; for a driver's child.

    ``settings.path`` is a recording, or a folder of them; then ``settings.device`` names one, and without it the
    first by name is taken. ``settings.faults`` is a fault plan (`plan`). A ``settings.pace`` other than "recorded"
    gives frames as fast as they are asked for, instead of at the plan's rate.

    Raises:
        SourceError: the recording or the plan cannot be had.
    """
    recording = _recording(settings)
    serial = None if Path(settings.path or "").is_dir() else settings.device
    camera = msgspec.structs.replace(settings, path=str(recording), device=serial)
    return KinectV2Source(camera, clock, binding=partial(stand_in_binding, camera, clock), origin=Origin.STAND_IN)


def stand_in_binding(settings: Source, clock: Clock) -> Binding:
    """Return what stands for ``import pylibfreenect2``; ``settings`` as for `stand_in`.

    Raises:
        DriverMissing: the plan says so.
        SourceError: the recording or the plan cannot be had.
    """
    plan_path = None if settings.faults is None else Path(settings.faults)
    plan = Plan() if plan_path is None else read_plan(plan_path)
    device = DeviceFile(plan_path, clock, reappear_s=plan.reappear_s)
    if plan.due(Moment.IMPORT, device.opened + 1):
        raise DriverMissing("the stand-in cannot load libfreenect2.so.0.2, as its fault plan says")
    unpaced = settings.pace != "recorded"
    recording = _recording(settings)
    return Binding(lambda log: Camera(recording, plan, device, log=log, clock=clock, unpaced=unpaced))


def _recording(settings: Source) -> Path:
    if settings.path is None:
        raise SourceError("source.kind 'stand-in' needs source.path: a recording to play, or a folder of them")
    path = Path(settings.path)
    if not path.is_dir():
        return path
    if settings.device is None:
        found = sorted(path.glob(f"*{_SUFFIX}"))
        if not found:
            raise SourceError(f"{path} holds no recording (*{_SUFFIX}) to play; name another folder in source.path")
        return found[0]
    if Path(settings.device).name != settings.device:
        raise SourceError(f"source.device {settings.device!r} is not the bare name of a recording inside {path}")
    return path / (settings.device.removesuffix(_SUFFIX) + _SUFFIX)
