"""Which of libfreenect2's ways to decode depth is used, by what became of each when a camera was really opened.

Nothing but opening tells: OpenGL ends the process where it cannot run, OpenCL may find no device and then gives no
frame, and how fast either is depends on the machine. So a child opens the camera with what is picked here, its
parent says what came of it, and that is remembered for the camera and the library it was seen with, in a small file
of the cache folder. Losing the file costs some seconds of trying again; it decides nothing else.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from kinect_unlock.clock import NS_PER_S, BootTime, Clock
from kinect_unlock.errors import StoreError
from kinect_unlock.private_files import PrivateFolder, read_private
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import Identity

Pipeline: TypeAlias = Literal["opengl", "opencl", "cpu"]

ORDER: Final[tuple[Pipeline, ...]] = get_args(Pipeline)  # what is tried first, before anything is known
BINDING: Final = "pylibfreenect2"
FAST_HZ: Final = 20.0  # a camera gives 30; whoever reaches this need not look for better
PATIENCE: Final = 3  # failures on end of a pipeline that worked before: a plug pulled out is not its fault
AGAIN_AFTER_S: Final = 86_400

_FOLDER: Final = "cameras"
_LIMIT_BYTES: Final = 16_384
_WHY_SHOWN: Final = 300
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_log = logging.getLogger(__name__)


class Pipelines(Protocol):
    """Who says what to decode with, and is told what came of it. For one thread."""

    def pick(self) -> Pipeline:
        """Return the pipeline to open the camera with now."""
        ...

    def worked(self, pipeline: str, identity: Identity, rate_hz: float) -> None:
        """Take note that frames came, so many a second while nobody asked for fewer; may be said again and again."""
        ...

    def failed(self, pipeline: str, why: str) -> None:
        """Take note that no frame came of it, or that it ended the child; not that driver or device is missing."""
        ...


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one pipeline so far; ``failures`` since it last worked, the last of them at ``failed_at``."""

    best_hz: Annotated[float, Meta(gt=0.0)] | None = None
    failures: Annotated[int, Meta(ge=0)] = 0
    why: Annotated[str, Meta(max_length=_WHY_SHOWN)] = ""
    failed_at: BootTime = BootTime("", 0)

    def rests(self, now: BootTime) -> bool:
        """Tell whether it is not to be tried: it failed, within this boot and a day, and that counts against it."""
        if self.failures < (1 if self.best_hz is None else PATIENCE) or self.failed_at.boot_id != now.boot_id:
            return False
        return now.since_boot_ns - self.failed_at.since_boot_ns < AGAIN_AFTER_S * NS_PER_S


_NEVER_TRIED: Final = Outcome()


def choose(possible: Sequence[Pipeline], outcomes: Mapping[Pipeline, Outcome], now: BootTime) -> Pipeline:
    """Return which of ``possible``, best first and at least one, to open the camera with.

    The fastest known if it is fast enough; else the first that was never seen to work; else the fastest known. If
    all of them rest, the one that failed longest ago, so that there is always something to try.
    """
    found = {name: outcomes.get(name, _NEVER_TRIED) for name in possible}
    awake = [name for name in possible if not found[name].rests(now)]
    if not awake:
        return min(possible, key=lambda name: found[name].failed_at.since_boot_ns)
    fastest = max(awake, key=lambda name: found[name].best_hz or 0.0)
    if (found[fastest].best_hz or 0.0) >= FAST_HZ:
        return fastest
    return next((name for name in awake if found[name].best_hz is None), fastest)


def costly(pipeline: str) -> bool:
    """Tell whether decoding takes a core of its own; OpenCL on a processor does as well, but cannot be told here."""
    return pipeline == "cpu"


def display_exists(environ: Mapping[str, str]) -> bool:
    """Tell whether a program with this environment has a display, without which OpenGL ends the process."""
    return any(environ.get(name) for name in _DISPLAYS)


def installed_binding() -> str:
    """Say which pylibfreenect2 is installed, and when; empty if none is. Imports nothing of it.

    It is compiled against one build of libfreenect2, so that a new build with other pipelines shows here.
    """
    try:
        found = metadata.distribution(BINDING)
        built_s = max(int(path.stat().st_mtime) for path in Path(str(found.locate_file(BINDING))).glob("*.so"))
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return ""
    return f"{found.version} of {built_s}"


def pipelines_for(
    settings: Source, *, cache_dir: Path | None, environ: Mapping[str, str], clock: Clock
) -> "FixedPipeline | PipelineBook":
    """Return what the configuration asks for; ``cache_dir`` None remembers nothing beyond this process."""
    if settings.pipeline != "auto":
        return FixedPipeline(settings.pipeline)
    possible = tuple(name for name in ORDER if name != "opengl" or display_exists(environ))
    return PipelineBook(
        None if cache_dir is None else cache_dir / _FOLDER / f"{settings.kind}.json",
        possible=possible,
        device=settings.device,
        clock=clock,
    )


def remembered(settings: Source, *, cache_dir: Path) -> Mapping[Pipeline, Outcome]:
    """Return what is known of each pipeline, for reports; unlike a book it makes, clears and writes nothing."""
    try:
        data = read_private(cache_dir / _FOLDER / f"{settings.kind}.json", _LIMIT_BYTES)
        kept = None if data is None else msgspec.json.decode(data, type=_Kept)
    except (StoreError, msgspec.DecodeError):
        return {}
    return kept.outcomes if kept is not None and kept.library == installed_binding() else {}


class FixedPipeline:
    """The one that the configuration names, whatever becomes of it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def pick(self) -> Pipeline:
        """Return it."""
        return self._pipeline

    def worked(self, pipeline: str, identity: Identity, rate_hz: float) -> None:
        """Take no note."""

    def failed(self, pipeline: str, why: str) -> None:
        """Take no note."""


class _Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: outcomes, and the camera and library that they were seen with."""

    library: str
    serial: str  # empty until one was read from a camera that worked
    outcomes: dict[Pipeline, Outcome]


class PipelineBook:
    """Remembers what became of each pipeline, and picks by it.

    What was seen with another camera or another build of the library is forgotten. A file that cannot be used is
    none; one that cannot be written is done without, and said once.
    """

    def __init__(
        self,
        file: Path | None,
        *,
        possible: Sequence[Pipeline],
        clock: Clock,
        device: str | None = None,
        library: Callable[[], str] = installed_binding,
    ) -> None:
        """Take where to remember (None: nowhere), what may be tried, best first, and the camera's serial if known."""
        if not possible:
            raise ValueError("at least one pipeline must be possible")
        self._file = file
        self._possible = tuple(possible)
        self._clock = clock
        self._device = device or ""
        self._library = library
        self._is_written = True
        self._kept = self._read() or self._fresh(self._device)

    def pick(self) -> Pipeline:
        """Return the pipeline to open the camera with now."""
        self._forget_what_changed(self._device)
        return choose(self._possible, self._kept.outcomes, self._clock.boot_time())

    def worked(self, pipeline: str, identity: Identity, rate_hz: float) -> None:
        """Take note that frames came, so many a second; the best rate counts, since dark rooms halve a camera's."""
        self._forget_what_changed(identity.serial)
        name = _known(pipeline)
        before = self._kept.outcomes.get(name, _NEVER_TRIED)
        if not (isfinite(rate_hz) and rate_hz > 0):
            raise ValueError(f"a rate must be above 0 Hz, got {rate_hz}")
        best_hz = max(before.best_hz or 0.0, round(rate_hz, 1), 0.1)
        serial = identity.serial or self._kept.serial
        self._keep({**self._cleared(), name: Outcome(best_hz=best_hz)}, serial)

    def failed(self, pipeline: str, why: str) -> None:
        """Take note that no frame came of it, or that it ended the child."""
        name = _known(pipeline)
        before = self._kept.outcomes.get(name, _NEVER_TRIED)
        now = self._clock.boot_time()
        failures = before.failures + 1 if before.failed_at.boot_id == now.boot_id else 1
        failed = Outcome(best_hz=before.best_hz, failures=failures, why=why[:_WHY_SHOWN], failed_at=now)
        self._keep({**self._kept.outcomes, name: failed}, self._kept.serial)
        _log.warning("pipeline=%s failures=%d why=%r", name, failures, why[:_WHY_SHOWN])

    @property
    def outcomes(self) -> Mapping[Pipeline, Outcome]:
        """What is known of each, for reports."""
        return dict(self._kept.outcomes)

    def _forget_what_changed(self, serial: str) -> None:
        other_camera = serial and self._kept.serial and serial != self._kept.serial
        if other_camera or self._kept.library != self._library():
            self._kept = self._fresh(serial)

    def _fresh(self, serial: str) -> _Kept:
        return _Kept(library=self._library(), serial=serial, outcomes={})

    def _cleared(self) -> dict[Pipeline, Outcome]:
        """Return the outcomes without failures if all that is possible rests: the camera's trouble, not theirs."""
        known, now = self._kept.outcomes, self._clock.boot_time()
        if not all(known.get(name, _NEVER_TRIED).rests(now) for name in self._possible):
            return known
        return {name: Outcome(best_hz=outcome.best_hz) for name, outcome in known.items()}

    def _keep(self, outcomes: dict[Pipeline, Outcome], serial: str) -> None:
        kept = _Kept(library=self._kept.library, serial=serial, outcomes=outcomes)
        if kept != self._kept:
            self._kept = kept
            self._write()

    def _read(self) -> _Kept | None:
        if self._file is None:
            return None
        try:
            data = PrivateFolder(self._file.parent).read(self._file.name, _LIMIT_BYTES)
            return None if data is None else msgspec.json.decode(data, type=_Kept)
        except (StoreError, msgspec.DecodeError) as fault:
            _log.warning(
                "file=%s fault=%r: what each pipeline did is not known, and found out again", self._file, fault
            )
            return None

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            PrivateFolder(self._file.parent).write(
                self._file.name, msgspec.json.format(msgspec.json.encode(self._kept))
            )
            self._is_written = True
        except StoreError as fault:
            if self._is_written:
                _log.warning(
                    "file=%s fault=%r: what each pipeline does is found out again next time", self._file, fault
                )
            self._is_written = False


def _known(pipeline: str) -> Pipeline:
    """Raise ValueError unless it is the name of a pipeline."""
    for name in ORDER:
        if name == pipeline:
            return name
    raise ValueError(f"{pipeline!r} is no pipeline; {', '.join(ORDER)} are")
