"""The composition root: makes every part from the configuration and knows how they fit; nobody else makes adapters.

`run` is the daemon. The other functions are for verbs that work without one.
"""

import asyncio
import hashlib
import logging
import os
import pwd
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import cv2

from kinect_unlock import __version__, trust
from kinect_unlock.audit import Record
from kinect_unlock.auditing import Announce, Auditor, log_line
from kinect_unlock.builds import FP32, Build
from kinect_unlock.capture import Capture, Ending, Shot
from kinect_unlock.client import Client
from kinect_unlock.clock import Clock, SystemClock
from kinect_unlock.config import Paths, cache_dir
from kinect_unlock.controller import Controller
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ConfigError, ModelError, SourceError
from kinect_unlock.eyes import EyeReader
from kinect_unlock.frames import Origin
from kinect_unlock.hooks import ProgramHooks
from kinect_unlock.journal import Journal, goes_to_journal
from kinect_unlock.keys import Resealed, exchange_file_key, exchange_keys, find_key, read_key
from kinect_unlock.listening import ListeningPlace
from kinect_unlock.logind import LogindWatch
from kinect_unlock.manifest import EYES, Encoder
from kinect_unlock.models import ModelStore, Progress
from kinect_unlock.pipeline import FaceEncoder, Pipeline
from kinect_unlock.polkit import Polkit
from kinect_unlock.ports import KeyFacts, Recogniser, RunFacts
from kinect_unlock.records import RecordBook
from kinect_unlock.sealing import Key
from kinect_unlock.secrecy import keep_memory_private
from kinect_unlock.server import Server
from kinect_unlock.service import Outcome, Parts, Service
from kinect_unlock.settings import Config, Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources import DriverMemory, open_source, recording_of
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.images import ImagesSource
from kinect_unlock.sources.replay import ReplaySource
from kinect_unlock.sources.webcam import WebcamSource
from kinect_unlock.spare import SparedEncoder
from kinect_unlock.store import BUDGETS, LEDGERS, FileLedgerStore, FileTemplateStore, hold_state_dir
from kinect_unlock.systemd import Notifier
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import Threshold, pick_infrared_thresholds, pick_thresholds
from kinect_unlock.vision import Vision
from kinect_unlock.writing import LedgersBehind

# Built in, and known without a path or a device; a plug-in is asked.
_ORIGINS: Final = {"replay": ReplaySource.origin, "images": ImagesSource.origin, "webcam": WebcamSource.origin}
_BUILD_STEP_S: Final = 60.0  # more than any step of building a network has taken on one core

_LOG = logging.getLogger(__name__)


def run(config: Config, *, test_source: bool, until_stdin_closes: bool = False) -> int:
    """Run the daemon until it is told to stop; return its exit code.

    Raises:
        KinectUnlockError: it cannot start.
    """
    with ExitStack() as held:
        cv2.setNumThreads(config.models.threads)  # else every resize wakes all cores
        clock = SystemClock()
        notifier = Notifier(os.environ)
        uid = os.getuid()
        paths = Paths.of(config, os.environ, uid)
        facts = RunFacts(_origin(config.source, clock), test_source, uid, __version__, os.getpid())
        held.enter_context(_logging(config.log.level, facts.origin))
        _say_what_may_match(facts)
        held.enter_context(hold_state_dir(paths.state_dir))
        found = find_key(paths.state_dir, os.environ, config.daemon.template_key)
        facts = replace(facts, key=KeyFacts(found.source, found.key.id))
        place = held.enter_context(ListeningPlace(paths.socket))
        facts = replace(facts, shared=place.shared)
        if facts.shared:
            keep_memory_private()
        decisions = held.enter_context(_decision_log(config, test_source=test_source))
        composer = _Composer(config, facts, paths, found.key, clock, notifier)
        outcome = asyncio.run(composer.serve(place, decisions, until_stdin_closes=until_stdin_closes))
    if outcome.zombies:
        # They may be inside native code, which must not find the interpreter taken down around it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(outcome.exit_code)
    return outcome.exit_code


class _Composer:
    """Makes the parts of one run; on the event loop, because some of them belong to it."""

    def __init__(
        self, config: Config, facts: RunFacts, paths: Paths, key: Key, clock: Clock, notifier: Notifier
    ) -> None:
        self._config = config
        self._facts = facts
        self._paths = paths
        self._clock = clock
        self._notifier = notifier
        self._models = ModelStore(config.models, cache_dir=paths.cache_dir)
        entry = self._models.encoder
        thresholds = pick_thresholds(entry, config.match.far, config.match.strategy)
        self._recogniser = Recogniser(config.models.encoder, entry, thresholds, _in_infrared(config, entry))
        _say_what_may_join(config, self._recogniser)
        self._templates = FileTemplateStore(paths.state_dir, key)
        self._hooks = hooks(config)

    async def serve(
        self, place: ListeningPlace, decisions: Callable[[str], None] | None, *, until_stdin_closes: bool
    ) -> Outcome:
        """Put the parts together and run them."""
        config, clock, post = self._config, self._clock, asyncio.get_running_loop().call_soon_threadsafe
        slot = LatestSlot[Shot | Ending]()
        memory = DriverMemory.of(config.source, clock, cache_dir=self._paths.cache_dir)
        capture = Capture(
            lambda stream: open_source(config.source, clock=clock, stream=stream, memory=memory),
            config.source,
            origin=self._facts.origin,
            slot=slot,
            clock=clock,
            on_ready=lambda attempt: post(partial(controller.floor.on_camera_ready, attempt)),
            driver_counters=memory.lives.counters,
        )
        state_dir = self._paths.state_dir
        ledgers, budgets = (LedgersBehind(FileLedgerStore(state_dir, folder)) for folder in (LEDGERS, BUDGETS))
        logins = LogindWatch() if _asks_logind(config, self._facts) else None
        auditor = Auditor(
            self._facts,
            self._recogniser,
            capture,
            clock,
            RecordBook(self._paths.state_dir, clock),
            announce=_announcer(),
            hash_of=partial(_hash_of, config.source),
            name_of=_name_of,
        )
        controller = Controller(
            config,
            self._facts,
            self._recogniser,
            camera=capture,
            templates=self._templates,
            ledgers=ledgers,
            hooks=self._hooks,
            clock=clock,
            auditor=auditor,
            logins=logins,
            authority=Polkit(_name_of) if self._facts.shared else None,
            budgets=budgets,
            decisions=decisions,
        )
        vision = Vision(
            partial(_pipeline, config, self._models, self._report),
            slot=slot,
            listener=controller.floor,
            post=post,
            max_frame_age_ms=config.source.max_frame_age_ms,
            clock=clock,
        )
        parts = Parts(
            controller=controller,
            server=Server(controller.serve, stamped=controller.stamped, preview=controller.preview),
            vision=vision,
            capture_worker=capture.worker,
            bound=place.socket,
            notifier=self._notifier,
            clock=clock,
            stop_timeout_s=config.daemon.stop_timeout_s,
            status=_status(self._facts, config),
        )
        with ledgers, budgets:
            async with _kept_up(logins):
                return await Service(parts).run(until_stdin_closes=until_stdin_closes)

    def _report(self, step: str, done: float) -> None:
        """Tell systemd and the log about the building of a network; called in the vision thread."""
        self._notifier.more_time(_BUILD_STEP_S, f"{step} ({done:.0%})")
        _LOG.info("event=models step=%r done=%.2f", step, done)


def model_store(config: Config) -> ModelStore:
    """Return the networks that the configuration names, and the folder they are kept in.

    Raises:
        ConfigError, ModelError: configuration or manifest is wrong.
    """
    return ModelStore(config.models, cache_dir=cache_dir(config, os.environ, os.getuid()))


def detector(config: Config, *, progress: Progress | None = None) -> YuNetDetector:
    """Return the configured face detector, built first where necessary.

    Raises:
        ConfigError, ModelError: it cannot be had.
    """
    return _detector(config, model_store(config), progress)


def encoder(config: Config, *, progress: Progress | None = None) -> FusedEncoder:
    """Return the configured encoder, built first where necessary.

    Raises:
        ConfigError, ModelError: it cannot be had.
    """
    return _encoder(config, model_store(config), progress)[0]


def eyes(config: Config, *, progress: Progress | None = None) -> EyeReader:
    """Return what tells whether eyes are open.

    Raises:
        ConfigError, ModelError: it cannot be had, as from a manifest without such a network.
    """
    return EyeReader(model_store(config).build(EYES, progress), config.models.threads)


def pipeline(config: Config, *, progress: Progress | None = None) -> Pipeline:
    """Return the whole look at a frame, as the daemon has it.

    Raises:
        ConfigError, ModelError: its networks cannot be had.
    """
    return _pipeline(config, model_store(config), progress)


def source(config: Config, *, stream: str | None = None) -> FrameSource:
    """Return the configured source, not yet opened; of a camera it remembers nothing from earlier openings.

    Raises:
        SourceError: it cannot be had.
    """
    return open_source(config.source, clock=SystemClock(), stream=stream)


def hooks(config: Config) -> ProgramHooks:
    """Return the configured programs, found but not run.

    Raises:
        HookError: a program is missing, cannot be run, or others may write it.
    """
    return ProgramHooks(config.hooks, os.environ)


def enrolled(config: Config) -> tuple[Template, ...]:
    """Return the template of everybody who is enrolled in the configured state folder; makes nothing there.

    Raises:
        StoreError: they cannot be read, as when they are another user's, or a daemon is using them.
    """
    state_dir = Paths.of(config, os.environ, os.getuid()).state_dir
    if not state_dir.is_dir():
        return ()
    with hold_state_dir(state_dir):
        key = find_key(state_dir, os.environ, config.daemon.template_key).key
        store = FileTemplateStore(state_dir, key)
        found = [store.load(user) for user in store.users()]
    return tuple(template for template in found if template is not None)


def key_of(file: Path) -> Key:
    """Return the key in a file that is this user's alone.

    Raises:
        StoreError: there is none, it is no key, or others may read it.
    """
    return read_key(file)


def exchange_key(state_dir: Path, *, keys: tuple[Key, Key] | None) -> Resealed:
    """Seal every template of a state folder that no daemon uses with a new key.

    ``keys`` are the old and the new one where they come from outside; None: the folder's own file gets a new one.

    Raises:
        StoreError: a daemon uses the folder, a template or key cannot be read, or the disk fails.
    """
    with hold_state_dir(state_dir):
        return exchange_file_key(state_dir) if keys is None else exchange_keys(state_dir, *keys)


def client(config: Config) -> Client:
    """Return a client of the daemon that runs with this configuration.

    Raises:
        ConfigError: it cannot be told where its socket is.
    """
    return Client(Paths.of(config, os.environ, os.getuid()).socket)


def _detector(config: Config, models: ModelStore, progress: Progress | None) -> YuNetDetector:
    name = config.models.detector
    models.manifest.detector(name)  # an encoder's name would build, and then fail less clearly
    return YuNetDetector(models.build(name, progress), config.detector, config.models.threads)


def _encoder(config: Config, models: ModelStore, progress: Progress | None) -> tuple[FusedEncoder, Build]:
    """Load the encoder's chosen build; where that fails the person is better served slowly than not at all."""
    name, threads = config.models.encoder, config.models.threads
    build = models.build_in_use(name)
    try:
        return FusedEncoder(models.encoder, models.compose(name, build, progress), threads), build
    except ModelError as fault:
        if build is FP32:
            raise
        _LOG.warning("event=build-fallback network=%s build=%s action=fp32 fault=%r", name, build.name, str(fault))
        return FusedEncoder(models.encoder, models.compose(name, FP32, progress), threads), FP32


def _with_spare(config: Config, models: ModelStore, progress: Progress | None) -> FaceEncoder:
    """Return the encoder, with float32 for the case that another build fails while it runs; that is made ready now."""
    encoder, build = _encoder(config, models, progress)
    if build is FP32:
        return encoder
    name, threads = config.models.encoder, config.models.threads
    try:
        models.compose(name, FP32, progress)
    except ModelError as fault:
        _LOG.warning("event=no-spare network=%s build=%s fault=%r", name, build.name, str(fault))
    return SparedEncoder(encoder, lambda: FusedEncoder(models.encoder, models.compose(name, FP32), threads))


def _pipeline(config: Config, models: ModelStore, progress: Progress | None) -> Pipeline:
    networks = _detector(config, models, progress), _with_spare(config, models, progress)
    return Pipeline(*networks, config, eyes=_eyes(config, models, progress))


def _eyes(config: Config, models: ModelStore, progress: Progress | None) -> EyeReader | None:
    if models.manifest.eyes is None:
        return None
    return EyeReader(models.build(EYES, progress), config.models.threads)


def _origin(settings: Source, clock: Clock) -> Origin:
    """Return where the configured source's frames will come from; refuses one that cannot be had at all."""
    return _ORIGINS.get(settings.kind) or open_source(settings, clock=clock).origin


def _say_what_may_join(config: Config, recogniser: Recogniser) -> None:
    enrolled, most = len(config.enrol.stages) * config.enrol.samples_per_stage, recogniser.template_vectors_max
    if config.adapt.on and enrolled >= most:
        meaning = f"enrolments have {enrolled} views, there is evidence for {most}: set enrol.samples_per_stage lower"
        _LOG.warning("event=cannot-adapt meaning=%r", f"$.adapt.on: nothing can join; {meaning}, and enrol again")


def _say_what_may_match(facts: RunFacts) -> None:
    if facts.origin is Origin.SENSOR:
        return
    if facts.test_source:
        _LOG.warning("event=test-source origin=%s meaning=%r", facts.origin, "whatever is played here may unlock")
    else:
        whose = "of an unproven kind of camera" if facts.origin is Origin.UNPROVEN else "that are no camera's"
        what_to_do = f"frames {whose} never match nor unlock; for trying out start with --test-source"
        _LOG.warning("event=cannot-match origin=%s meaning=%r", facts.origin, what_to_do)


def _announcer() -> Announce:
    """Return what tells of an attempt: the journal with its fields where our log goes there, else a line of the log."""
    if not goes_to_journal(os.environ):
        return log_line
    journal = Journal()

    def announce(record: Record) -> None:
        if not journal.send(record):
            log_line(record)

    return announce


async def _hash_of(settings: Source, stream: str | None) -> str | None:
    """Return the SHA-256 of the recording that is played, None where there is none that could be read."""

    def read() -> str | None:
        try:
            path = recording_of(settings, stream)
            found = path.stat()
            return _sha256(path, found.st_ino, found.st_size, found.st_mtime_ns)
        except (SourceError, OSError):
            return None

    return await asyncio.to_thread(read)


@lru_cache(maxsize=256)
def _sha256(path: Path, inode: int, size_bytes: int, changed_ns: int) -> str:
    """Return a file's SHA-256, read once for as long as it is the same file."""
    del inode, size_bytes, changed_ns
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _name_of(uid: int) -> str | None:
    """Return a user's name, None for a uid that is nobody's; a directory service may have to be asked."""

    def look_up() -> str | None:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return None

    return await asyncio.to_thread(look_up)


def _in_infrared(config: Config, entry: Encoder) -> tuple[Threshold, ...]:
    """Return what faces in infrared must reach; empty where infrared is off, or where nothing there is ever enough."""
    if not config.match.infrared:
        return ()
    found = pick_infrared_thresholds(entry, config.match.far, config.match.strategy)
    if not found:
        meaning = f"{entry.model_id} has no evidence for a threshold in infrared: faces there are scored, never matched"
        _LOG.warning("event=infrared-unproven meaning=%r", meaning)
    return found


def _status(facts: RunFacts, config: Config) -> str:
    kind = "TEST SOURCE" if facts.test_source else "source"
    return f"ready; {kind} {config.source.kind} ({facts.origin}), encoder {config.models.encoder}"


def _asks_logind(config: Config, facts: RunFacts) -> bool:
    """Say whether it matters who is where: not where frames are played, to those alone who have the socket."""
    unasked = config.watch.enabled or config.presence.enabled
    return facts.shared or unasked or facts.origin is Origin.SENSOR


@asynccontextmanager
async def _kept_up(logins: LogindWatch | None) -> AsyncIterator[None]:
    """Watch who is logged in; a fault of ours in that ends the daemon, as one anywhere on the loop does."""
    if logins is None:
        yield
        return

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            context = {"message": "watching logind", "exception": fault, "task": task}
            task.get_loop().call_exception_handler(context)

    task = asyncio.get_running_loop().create_task(logins.run())
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextmanager
def _decision_log(config: Config, *, test_source: bool) -> Iterator[Callable[[str], None] | None]:
    """Begin the decision log anew; it holds scores, so it is its owner's alone and no business of a real run."""
    if config.log.decisions is None:
        yield None
        return
    path = Path(config.log.decisions)
    if not test_source:
        raise ConfigError(f"$.log.decisions: {path} would hold scores; only a run with --test-source may write it")
    try:
        # Not O_TRUNC: what is not ours alone is left as it is. Not blocking: a pipe that nobody reads is an error.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", buffering=1)
    except OSError as fault:
        raise ConfigError(f"$.log.decisions: {path} cannot be written ({fault.strerror})") from fault
    with file:
        faults = trust.privacy_faults(path, os.fstat(file.fileno()), uid=os.geteuid())
        if faults:
            raise ConfigError(f"$.log.decisions: {'; '.join(faults)}")
        file.truncate()
        yield lambda line: print(line, file=file)


@contextmanager
def _logging(level: str, origin: Origin) -> Iterator[None]:
    """Write our loggers' and the loop's lines to standard error; the root logger is whoever's program this is.

    In a run that is not on a sensor every line says so.
    """
    handler = logging.StreamHandler()
    # The journal has the time already.
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    mark = "" if origin is Origin.SENSOR else f"origin={origin} "
    handler.setFormatter(logging.Formatter(f"{time}%(levelname)s %(name)s {mark}%(message)s"))
    loggers = [logging.getLogger(name) for name in ("kinect_unlock", "asyncio")]
    for logger in loggers:
        logger.setLevel(level.upper())
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
