"""A controller with stand-ins for everything around it, and claims that a test can watch."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import msgspec

from fakes.people import BOTH, DIM, SPACE, STRANGER, seen_face
from fakes.ports import FakeCamera, ManualTimers, MemoryLedgers, MemoryTemplates, MemoryTrail, ScriptedHooks
from kinect_unlock.auditing import Auditor, log_line
from kinect_unlock.clock import ManualClock
from kinect_unlock.controller import Controller
from kinect_unlock.crop import DepthChannel
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.manifest import Encoder, EncoderHalf, Evidence, Weights
from kinect_unlock.matching import Band, Bar
from kinect_unlock.observations import Observation
from kinect_unlock.ports import Authority, LoginWatch, Peer, Recogniser, RunFacts
from kinect_unlock.settings import Attempt, Config, Hooks, Match, PolicyRules, PoseRange, Ranges, Source, Strategy
from kinect_unlock.thresholds import Threshold
from kinect_unlock.wire import Reply, Request, Verify, Word

OWN_UID = 1000
ME = Peer(pid=1, uid=OWN_UID, gid=OWN_UID)
ROOT = Peer(pid=2, uid=0, gid=0)
OTHER = Peer(pid=3, uid=1001, gid=1001)
THRESHOLD = 0.5

# No password after boot, so that a test which is not about policy need not give one; what a hook runs is a fake.
CONFIG = Config(
    source=Source(kind="replay", pace="asap"),
    policy=PolicyRules(password_after_boot=False),
    hooks=Hooks(lock=("lock",), unlock=("unlock",)),
    attempt=Attempt(timeout_s=5.0, nobody_timeout_s=2.0, cooldown_s=1.0),
)


def recogniser(*, unlock: bool = True, why_not: str = "", template_vectors_max: int = 16) -> Recogniser:
    weights = Weights(package="p", folder="f", file="w.onnx", bytes=1, sha256="0" * 64, licence="none")
    encoder = Encoder(
        kind="siamese",
        card="card.md",
        model_id=SPACE,
        halves=(EncoderHalf("rgb", DIM, 1.0, weights),),
        votes=("rgb",),
        depth=DepthChannel.REGISTERED,
        unlock=unlock,
        why_not=why_not,
        calibration=(),
    )
    evidence = Evidence(data="none", protocol="none", impostor_comparisons=1, far_interval=None, note="a test's")
    bar = Bar("rgb", (Band(math.inf, THRESHOLD),))
    return Recogniser("test-encoder", encoder, (Threshold(bar, 1e-4, template_vectors_max, evidence),))


DEPTH_BANDS = (Band(900.0, 0.6), Band(1200.0, 0.3))


def two_votes(*, bands: tuple[Band, ...] = DEPTH_BANDS, strategy: Strategy = "nearest") -> tuple[Recogniser, Config]:
    """Return an encoder of two halves that must both agree, and a configuration that fits it."""
    plain = recogniser()
    (half,) = plain.encoder.halves
    halves = tuple(EncoderHalf(one.name, one.dim, one.share, half.weights) for one in BOTH)
    votes, contract = tuple(one.name for one in BOTH), DepthChannel.FRONTALISED_MM
    encoder = msgspec.structs.replace(plain.encoder, halves=halves, votes=votes, depth=contract)
    depth = Threshold(Bar("depth", bands), None, plain.template_vectors_max, plain.identity.evidence)
    ranges = Ranges(depth_vote=PoseRange(near_mm=450, far_mm=bands[-1].to_mm, yaw_deg=25, pitch_deg=20, roll_deg=25))
    config = msgspec.structs.replace(CONFIG, match=Match(strategy=strategy), ranges=ranges)
    return Recogniser("two-halves", encoder, (plain.identity, depth)), config


class Asked:
    """One claim under way."""

    def __init__(self, rig: "Rig", request: Request, peer: Peer) -> None:
        self.replies: list[Reply] = []
        self.gone = asyncio.Event()
        self.told: Callable[[Reply], None] | None = None
        self.task = asyncio.get_running_loop().create_task(rig.controller.serve(request, peer, self._hear, self.gone))

    def _hear(self, reply: Reply) -> None:
        self.replies.append(reply)
        if self.told is not None:
            self.told(reply)

    async def answer(self) -> Reply:
        """Wait for the end; there is exactly one last word, and it is the last."""
        await self.task
        assert [reply.done for reply in self.replies].count(True) == 1
        assert self.replies[-1].done
        return self.replies[-1]

    @property
    def words(self) -> list[Word]:
        return [reply.word for reply in self.replies]


class Rig:
    """Everything around one controller; needs a running loop."""

    def __init__(
        self,
        config: Config = CONFIG,
        *,
        origin: Origin = Origin.RECORDING,
        test_source: bool = True,
        recognised_by: Recogniser | None = None,
        logins: LoginWatch | None = None,
        shared: bool = False,
        authority: Authority | None = None,
    ) -> None:
        self.logins = logins
        self.authority = authority
        self.budgets = MemoryLedgers()
        self.config = config
        self.clock = ManualClock(start_ns=0)
        self.camera = FakeCamera()
        self.templates = MemoryTemplates()
        self.ledgers = MemoryLedgers()
        self.hooks = ScriptedHooks()
        self.timers = ManualTimers()
        self.trail = MemoryTrail()
        self.names: dict[int, str] = {}
        self.log: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.facts = RunFacts(
            origin=origin, test_source=test_source, own_uid=OWN_UID, version="0", pid=7, shared=shared
        )
        self.recogniser = recognised_by or recogniser()
        self.controller = self.new_controller()

    def new_controller(self) -> Controller:
        """Return another controller over the same stores, as after a restart."""
        return Controller(
            self.config,
            self.facts,
            self.recogniser,
            camera=self.camera,
            templates=self.templates,
            ledgers=self.ledgers,
            hooks=self.hooks,
            clock=self.clock,
            auditor=self.new_auditor(),
            logins=self.logins,
            authority=self.authority,
            budgets=self.budgets,
            timers=self.timers,
            decisions=self._note if self.facts.test_source else None,
        )

    def new_auditor(self) -> Auditor:
        """Return another auditor over the same trail."""

        async def name_of(uid: int) -> str | None:
            return self.names.get(uid)

        async def hash_of(stream: str | None) -> str:
            return f"hash of {stream}"

        return Auditor(
            self.facts,
            self.recogniser,
            self.camera,
            self.clock,
            self.trail,
            announce=log_line,
            hash_of=hash_of,
            name_of=name_of,
        )

    def restart(self) -> None:
        """Begin again over the same stores."""
        self.camera.last_attempt = 0
        self.controller = self.new_controller()

    def _note(self, line: str) -> None:
        self.lines.append(line)
        self.log.append(json.loads(line))

    def enrolled(self, user: str) -> None:
        """Let the limiter know the user, as an enrolment does."""
        self.ledgers.kept[user] = Ledger(enrolled=self.clock.boot_time())

    def ask(self, request: Request, peer: Peer = ME) -> Asked:
        return Asked(self, request, peer)

    async def before_camera(self, request: Request, peer: Peer = ME) -> Asked:
        """Ask, and wait until the camera is open."""
        asked = self.ask(request, peer)
        opened = asyncio.get_running_loop().create_task(self.camera.opened.wait())
        await asyncio.wait({opened, asked.task}, return_when=asyncio.FIRST_COMPLETED)
        assert opened.done(), f"the camera was not opened: {asked.replies}"
        self.controller.floor.on_camera_ready(self.attempt)
        return asked

    @property
    def attempt(self) -> int:
        assert self.camera.attempt is not None
        return self.camera.attempt

    def show(self, observation: Observation) -> None:
        self.controller.floor.on_observation(observation)

    def show_person(self, person: int, frames: int, *, first: int = 0) -> None:
        """Show a live person for some frames, or until the camera is closed."""
        for index in range(first, first + frames):
            if self.camera.attempt is None:
                return
            self.show(seen_face(self.attempt, index, person))

    async def fail_once(self, user: str) -> Reply:
        """Let a stranger be refused, and wait out the cool-down."""
        asked = await self.before_camera(Verify(user))
        self.show_person(STRANGER, 10)
        reply = await asked.answer()
        self.clock.advance(31 * 1_000_000_000)
        return reply
