"""The composition root: makes every part from the configuration and knows how they fit; nobody else makes adapters.

`run` is the daemon. The other functions are for verbs that work without one.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import cv2

from kinect_unlock import __version__, networks
from kinect_unlock.audit import Record
from kinect_unlock.auditing import Announce, Auditor, log_line
from kinect_unlock.capture import Capture, Ending, Shot
from kinect_unlock.client import Client
from kinect_unlock.clock import Clock, SystemClock
from kinect_unlock.config import Paths
from kinect_unlock.controller import Controller
from kinect_unlock.frames import Origin
from kinect_unlock.hooks import ProgramHooks
from kinect_unlock.journal import Journal, goes_to_journal
from kinect_unlock.keys import Resealed, exchange_file_key, exchange_keys, find_key, read_key
from kinect_unlock.listening import ListeningPlace
from kinect_unlock.logind import LogindWatch
from kinect_unlock.logs import decision_log, log_to_stderr
from kinect_unlock.lookups import recording_hash, user_name
from kinect_unlock.manifest import Encoder
from kinect_unlock.models import ModelStore
from kinect_unlock.polkit import Polkit
from kinect_unlock.ports import KeyFacts, Recogniser, RunFacts
from kinect_unlock.records import RecordBook
from kinect_unlock.sealing import Key
from kinect_unlock.secrecy import keep_memory_private
from kinect_unlock.server import Server
from kinect_unlock.service import Outcome, Parts, Service
from kinect_unlock.settings import Config, Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources import DriverMemory, open_source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.images import ImagesSource
from kinect_unlock.sources.replay import ReplaySource
from kinect_unlock.sources.webcam import WebcamSource
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
        held.enter_context(log_to_stderr(config.log.level, facts.origin))
        _say_what_may_match(facts)
        held.enter_context(hold_state_dir(paths.state_dir))
        found = find_key(paths.state_dir, os.environ, config.daemon.template_key)
        facts = replace(facts, key=KeyFacts(found.source, found.key.id))
        place = held.enter_context(ListeningPlace(paths.socket))
        facts = replace(facts, shared=place.shared)
        if facts.shared:
            keep_memory_private()
        decisions = held.enter_context(decision_log(config, test_source=test_source))
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
            hash_of=partial(recording_hash, config.source),
            name_of=user_name,
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
            authority=Polkit(user_name) if self._facts.shared else None,
            budgets=budgets,
            decisions=decisions,
        )
        vision = Vision(
            partial(networks.pipeline, config, models=self._models, progress=self._report),
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
