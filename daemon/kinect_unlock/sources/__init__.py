"""Where frames come from: one factory for every kind of source.

Built in are ``replay``, ``images``, ``webcam`` and the cameras of `kinect_unlock.sources.drivers`, whose drivers run in
a child each. Further kinds join as entry points of the group ``kinect_unlock.sources``: a callable
``(settings.Source, Clock) -> FrameSource``, or a `drivers.Driver` that is to run in a child, imported only when the
configuration names it (docs/sources.md).
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, TypeAlias

from kinect_unlock.clock import Clock
from kinect_unlock.errors import SourceError
from kinect_unlock.private_files import make_folder
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.drivers import DRIVERS, Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline, Pipelines, pipelines_for

PLUG_INS: Final = "kinect_unlock.sources"
_IN_PROCESS: Final = ("replay", "images", "webcam")
BUILT_IN: Final = (*_IN_PROCESS, *DRIVERS)

_MakesSource: TypeAlias = Callable[[Source, Clock], FrameSource]
_RECORDING_SUFFIX: Final = ".mkv"
_NAMES_SHOWN: Final = 10
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DriverMemory:
    """What is remembered of a camera's driver from one opening to the next."""

    lives: DriverLives
    pipelines: Pipelines
    keeps: Path | None = None  # a folder for what the driver's libraries keep

    @classmethod
    def of(cls, settings: Source, clock: Clock, *, cache_dir: Path | None) -> "DriverMemory":
        """Make the memory of the configured camera; ``cache_dir`` None: nothing outlives this process."""
        lives = DriverLives(clock, reappear_s=settings.reappear_s)
        if settings.kind in _IN_PROCESS:
            return cls(lives, FixedPipeline("cpu"))  # nobody asks it
        pipelines = pipelines_for(settings, cache_dir=cache_dir, environ=os.environ, clock=clock)
        return cls(lives, pipelines, None if cache_dir is None else _kept(cache_dir))


def open_source(
    settings: Source, *, clock: Clock, stream: str | None = None, memory: DriverMemory | None = None
) -> FrameSource:
    """Construct the source that the configuration asks for; its user opens it.

    ``stream`` is the bare name of a recording (with or without ``.mkv``) or of a folder of images inside the folder
    ``settings.path``; other kinds of source have no streams to choose from. ``memory`` is that of a camera's driver,
    kept by who opens it more than once.

    Raises:
        SourceError: the kind is unknown or not installed, or path or stream is missing, foreign or not allowed.
    """
    if stream is not None and settings.kind not in ("replay", "images"):
        raise SourceError(f"source.kind {settings.kind!r} has no streams to choose from; leave out {stream!r}")
    match settings.kind:
        # These load video libraries; a driver's child imports this package as well, and starts faster without them.
        case "replay":
            from kinect_unlock.sources.replay import ReplaySource  # noqa: PLC0415 - see above

            path = _recording(_configured_path(settings), stream)
            return ReplaySource(path, pace=settings.pace, clock=clock)
        case "images":
            from kinect_unlock.sources.images import ImagesSource  # noqa: PLC0415 - see above

            folder = _configured_path(settings)
            folder = folder if stream is None else _inside(folder, stream)
            return ImagesSource(folder, pace=settings.pace, clock=clock)
        case "webcam":
            from kinect_unlock.sources.webcam import WebcamSource  # noqa: PLC0415 - see above

            return WebcamSource(settings.device, clock=clock)
        case kind:
            made = DRIVERS.get(kind) or _plugged_in(settings)
            if not isinstance(made, Driver):
                return made(settings, clock)
            if made.reads_path:
                _configured_path(settings)
            known = memory or DriverMemory.of(settings, clock, cache_dir=None)
            pipelines = known.pipelines if made.has_pipelines else FixedPipeline("cpu")
            return IsolatedSource(made, settings, clock, lives=known.lives, pipelines=pipelines, keeps=known.keeps)


def _kept(cache_dir: Path) -> Path | None:
    """Make the folder of the driver's own: apart from ours, for what a driver writes is not believed."""
    folder = cache_dir / "driver"
    try:
        make_folder(folder)
    except OSError as fault:
        _LOG.warning("event=driver-keeps-nothing folder=%s fault=%r", folder, fault)
        return None
    return folder


def recording_of(settings: Source, stream: str | None) -> Path:
    """Return the recording that a replay of this stream plays, there or not.

    Raises:
        SourceError: there is none that could be meant.
    """
    return _recording(_configured_path(settings), stream)


def _configured_path(settings: Source) -> Path:
    if settings.path is None:
        raise SourceError(f"source.kind {settings.kind!r} needs source.path; set it to a file or folder to read from")
    return Path(settings.path)


def _recording(path: Path, stream: str | None) -> Path:
    if stream is None:
        if path.is_dir():
            raise SourceError(
                f"{path} is a folder: name one of its recordings ({_names_in(path)}) by --stream or its path"
            )
        return path
    if not path.is_dir():
        raise SourceError(f"source.path {path} is not a folder, so that no stream {stream!r} can be chosen in it")
    found = _inside(path, stream)
    return found if found.exists() else _inside(path, stream + _RECORDING_SUFFIX)


def _inside(folder: Path, name: str) -> Path:
    """Join a bare name to its folder, refusing whatever would lead out of it."""
    path = folder / name
    if Path(name).name != name or path.resolve().parent != folder.resolve():
        raise SourceError(f"stream {name!r} is not a bare name of something inside {folder}")
    return path


def _names_in(folder: Path) -> str:
    names = sorted(path.stem for path in folder.glob(f"*{_RECORDING_SUFFIX}"))
    if not names:
        return f"it holds none; recordings end in {_RECORDING_SUFFIX}"
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")


def _plugged_in(settings: Source) -> Driver | _MakesSource:
    """Return what an installed plug-in has under the name of this kind."""
    for entry in entry_points(group=PLUG_INS, name=settings.kind):
        try:
            found: Driver | _MakesSource = entry.load()
        except (ImportError, AttributeError) as error:
            raise SourceError(
                f"source {settings.kind!r} is installed as {entry.value} but cannot be loaded: {error}"
            ) from error
        if not (isinstance(found, Driver) or callable(found)):
            raise SourceError(
                f"source {settings.kind!r} is installed as {entry.value}, which is neither a callable that makes a "
                "source nor a Driver"
            )
        return found
    built_in = ", ".join(BUILT_IN)
    installed = sorted(entry.name for entry in entry_points(group=PLUG_INS))
    plugged = f"; installed plug-ins: {', '.join(installed)}" if installed else ""
    raise SourceError(f"unknown source.kind {settings.kind!r}; built in are {built_in}{plugged}")
