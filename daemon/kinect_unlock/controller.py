"""Decides: who may ask what, who has the camera, and what every claim is answered. On the event loop only.

No threads, no sockets, no files: all of that is behind the ports. `Controller.serve` is the whole life of one claim
and sends exactly one reply with ``done``.
"""

import asyncio
from collections.abc import Callable

from kinect_unlock.clock import Clock
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.frames import Observation
from kinect_unlock.ports import Camera, Hooks, LedgerStore, LoopTimers, Peer, Recogniser, RunFacts, TemplateStore, Timers
from kinect_unlock.settings import Config
from kinect_unlock.wire import Reply, Request

__all__ = ["Controller", "Peer"]


class Controller:
    """The daemon's one decider."""

    def __init__(
        self,
        config: Config,
        facts: RunFacts,
        recogniser: Recogniser,
        *,
        camera: Camera,
        templates: TemplateStore,
        ledgers: LedgerStore,
        hooks: Hooks,
        clock: Clock,
        timers: Timers | None = None,
        decisions: Callable[[str], None] | None = None,
    ) -> None:
        """``decisions`` takes one line, without newline, of the decision log at a time."""

    async def serve(
        self, request: Request, peer: Peer, send: Callable[[Reply], None], gone: asyncio.Event
    ) -> None:
        """Answer one claim from its request to its one ``done`` reply."""

    def shut_down(self) -> None:
        """End the attempt that runs, and answer every later claim with SHUTTING_DOWN."""

    def on_camera_ready(self, attempt: int) -> None:
        """Take notice that the source is open."""

    def on_observation(self, observation: Observation) -> None:
        """Judge one frame."""

    def on_source_lost(self, attempt: int, error: KinectUnlockError) -> None:
        """Take notice that no more frames can be had."""

    def on_source_ended(self, attempt: int) -> None:
        """Take notice that a finite source is spent."""
