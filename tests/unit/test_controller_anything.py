"""Whatever happens in whatever order: nothing opens without evidence, and every claim has exactly one last word."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fakes.people import (
    FRAME_MS,
    OWNER,
    STRANGER,
    face_at,
    in_infrared,
    seen_face,
    seen_other,
    seen_spoof,
    template_of,
    with_infrared,
)
from fakes.rig import CONFIG, ME, ROOT, Asked, Rig
from kinect_unlock.errors import SourceLost
from kinect_unlock.limiter import Ledger
from kinect_unlock.observations import Seen
from kinect_unlock.ports import Peer
from kinect_unlock.settings import Enrol as EnrolRules
from kinect_unlock.wire import Enrol, Identify, Lock, PasswordOk, Request, Verify, Word

RULES = CONFIG.evidence
USERS = {"anna": OWNER, "bert": STRANGER}
SMALL = msgspec.structs.replace(CONFIG, enrol=EnrolRules(stages=("any",), samples_per_stage=2, stage_timeout_s=3.0))

peers = st.sampled_from([ME, ROOT])
users = st.sampled_from(sorted(USERS))
people = st.sampled_from([OWNER, STRANGER, 2])


@dataclass
class Shown:
    """What an attempt was shown, by a plain count of its own."""

    people: list[int | None] = field(default_factory=list)  # None for a spoof
    at_ms: list[int] = field(default_factory=list)

    def may_open_for(self, person: int) -> bool:
        """Say whether acceptance is possible at all: enough late frames of the person, and long enough of them."""
        recent = self.people[-RULES.votes_window :]
        mine = [at_ms for who, at_ms in zip(self.people, self.at_ms, strict=True) if who == person]
        return (
            recent.count(person) >= RULES.votes_needed
            and None not in recent
            and recent[-1] == person
            and mine[-1] - mine[0] >= RULES.min_span_ms
        )


class Anything(RuleBasedStateMachine):
    """Drives a controller with random claims, frames, faults and hang-ups."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._build())
        self.claims: list[tuple[Request, Asked]] = []
        self.shown: dict[int, Shown] = defaultdict(Shown)
        self.accepted: set[int] = set()
        self.accepted_before = 0  # the daemon's restart
        self.lines_read = 0
        self.frame = 0

    async def _build(self) -> None:
        self.rig = Rig(SMALL)
        for user, person in USERS.items():
            self.rig.templates.kept[user] = with_infrared(template_of(person, user), person)
            self.rig.enrolled(user)

    def settle(self) -> None:
        """Let the loop run until everybody waits for the outside."""
        for _ in range(12 + 3 * len(self.claims)):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def ask(self, request: Request, peer: Peer) -> None:
        async def asking() -> Asked:
            return self.rig.ask(request, peer)

        self.claims.append((request, self.loop.run_until_complete(asking())))
        self.settle()

    @rule(user=users, unlock=st.booleans(), explain=st.booleans(), peer=peers)
    def ask_verify(self, user: str, peer: Peer, *, unlock: bool, explain: bool) -> None:
        self.ask(Verify(user, unlock=unlock, explain=explain), peer)

    @rule(user=users, unlock=st.booleans(), person=people, frames=st.integers(4, 8))
    def somebody_visits(self, user: str, person: int, frames: int, *, unlock: bool) -> None:
        """Wait out any cool-down and be looked at: random steps alone seldom come so far."""
        self.rig.clock.advance(31_000_000_000)
        self.ask(Verify(user, unlock=unlock), ME)
        if self.rig.camera.attempt is not None:
            self.show_person(person, frames, 1)

    @rule(user=users, peer=peers)
    def ask_enrol(self, user: str, peer: Peer) -> None:
        self.ask(Enrol(user), peer)

    @rule(peer=peers)
    def ask_identify(self, peer: Peer) -> None:
        self.ask(Identify(), peer)

    @rule()
    def ask_lock(self) -> None:
        self.ask(Lock(), ME)

    @rule(user=users)
    def tell_password(self, user: str) -> None:
        self.ask(PasswordOk(user), ROOT)

    @precondition(lambda self: self.rig.camera.attempt is not None)
    @rule(person=people, frames=st.integers(1, 12), step=st.sampled_from([1, 1, 2, 40]))
    def show_person(self, person: int, frames: int, step: int) -> None:
        for _ in range(frames):
            number = self.rig.camera.attempt
            if number is None:
                return
            self.frame += step
            self.note(number, person)
            self.rig.show(seen_face(number, self.frame, person))

    @precondition(lambda self: self.rig.camera.attempt is not None)
    @rule(person=people, frames=st.integers(1, 12))
    def show_in_infrared(self, person: int, frames: int) -> None:
        """Count nothing: without evidence for infrared nobody is accepted or refused by it."""
        for _ in range(frames):
            number = self.rig.camera.attempt
            if number is None:
                return
            self.frame += 1
            self.rig.show(in_infrared(seen_face(number, self.frame, person)))

    @precondition(lambda self: self.rig.camera.attempt is not None)
    @rule(frames=st.integers(1, 12))
    def show_spoof(self, frames: int) -> None:
        for _ in range(frames):
            number = self.rig.camera.attempt
            if number is None:
                return
            self.frame += 1
            self.note(number, None)
            self.rig.show(seen_spoof(number, self.frame))

    @precondition(lambda self: self.rig.camera.attempt is not None)
    @rule(
        seen=st.sampled_from([seen for seen in Seen if seen not in {Seen.FACE, Seen.SPOOF}]), frames=st.integers(1, 70)
    )
    def show_nothing_usable(self, seen: Seen, frames: int) -> None:
        for _ in range(frames):
            if self.rig.camera.attempt is None:
                return
            self.frame += 1
            self.rig.show(seen_other(self.rig.attempt, self.frame, seen))

    @rule(person=people, off=st.sampled_from([-1, 1, 5]))
    def show_a_frame_of_another_attempt(self, person: int, off: int) -> None:
        self.frame += 1
        self.rig.show(seen_face(self.rig.camera.last_attempt + off, self.frame, person))
        self.settle()

    @precondition(lambda self: self.rig.camera.attempt is not None and self.shown[self.rig.attempt].people)
    @rule(person=people)
    def show_an_old_frame(self, person: int) -> None:
        self.rig.show(seen_face(self.rig.attempt, max(0, self.frame - 3), person, face=face_at(x_px=310.0)))

    @rule(late=st.booleans())
    def camera_is_ready(self, *, late: bool) -> None:
        self.rig.controller.floor.on_camera_ready(self.rig.camera.last_attempt - int(late))

    @rule(late=st.booleans())
    def source_is_lost(self, *, late: bool) -> None:
        self.rig.controller.floor.on_source_lost(self.rig.camera.last_attempt - int(late), SourceLost("unplugged"))
        self.settle()

    @rule(late=st.booleans())
    def source_is_spent(self, *, late: bool) -> None:
        self.rig.controller.floor.on_source_ended(self.rig.camera.last_attempt - int(late))
        self.settle()

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def somebody_hangs_up(self, data: st.DataObject) -> None:
        _, asked = data.draw(st.sampled_from(self.claims))
        asked.gone.set()
        self.settle()

    @rule(seconds=st.integers(0, 40))
    def time_passes(self, seconds: int) -> None:
        self.rig.clock.advance(seconds * 1_000_000_000)

    @rule(full=st.booleans())
    def the_disk_changes(self, *, full: bool) -> None:
        self.rig.ledgers.failing_save = full
        self.rig.templates.failing = full

    @rule(failing=st.booleans(), slow=st.booleans())
    def the_hooks_change(self, *, failing: bool, slow: bool) -> None:
        self.rig.hooks.failing = {"unlock"} if failing else set()
        (self.rig.hooks.gate.clear if slow else self.rig.hooks.gate.set)()
        self.settle()

    @precondition(lambda self: all(asked.task.done() for _, asked in self.claims))
    @rule()
    def the_daemon_restarts(self) -> None:
        self.rig.restart()
        self.accepted_before += len(self.accepted)
        self.accepted.clear()
        self.shown.clear()

    @invariant()
    def every_claim_has_at_most_one_last_word_and_a_finished_one_exactly_one(self) -> None:
        self.settle()
        for _, asked in self.claims:
            assert [reply.done for reply in asked.replies].count(True) == int(asked.task.done())
            if asked.task.done():
                assert asked.task.exception() is None
                assert asked.replies[-1].done

    @invariant()
    def the_camera_is_open_only_for_one_claim_under_way(self) -> None:
        if self.rig.camera.attempt is not None:
            before_camera = [asked for request, asked in self.claims if isinstance(request, Verify | Enrol | Identify)]
            assert [asked.task.done() for asked in before_camera].count(False) == 1

    @invariant()
    def nothing_is_accepted_without_enough_frames_of_its_user(self) -> None:
        for line in self.rig.log[self.lines_read :]:
            if line["kind"] == "state" and line["event"] == "accepted":
                self.accepted.add(line["attempt"])
            if line["kind"] == "decision" and line["op"] == "verify":
                number, opens = line["attempt"], line["word"] in {Word.MATCH, Word.UNLOCKED, Word.HOOK_FAILED}
                assert not opens or number in self.accepted
                if number in self.accepted:
                    assert self.shown[number].may_open_for(self.person_enrolled_as(line["user"]))
        self.lines_read = len(self.rig.log)

    @invariant()
    def the_unlock_hook_runs_for_accepted_attempts_only(self) -> None:
        assert [hook for hook, _ in self.rig.hooks.ran].count("unlock") <= self.accepted_before + len(self.accepted)

    @invariant()
    def who_is_locked_out_stays_so_without_a_password(self) -> None:
        locked: dict[str, Ledger] = {}
        for user, ledger in self.rig.ledgers.saves:
            if user in locked and not ledger.locked_out:
                assert ledger.last_password != locked[user].last_password
            locked.pop(user, None)
            if ledger.locked_out:
                locked[user] = ledger

    def teardown(self) -> None:
        """Let everybody hang up: every claim still ends with one last word, and the camera closed."""
        if not hasattr(self, "loop"):
            return
        self.rig.hooks.gate.set()
        for _, asked in self.claims:
            asked.gone.set()
        self.settle()
        assert all(asked.task.done() for _, asked in self.claims)
        self.every_claim_has_at_most_one_last_word_and_a_finished_one_exactly_one()
        self.nothing_is_accepted_without_enough_frames_of_its_user()
        assert self.rig.camera.attempt is None
        self.loop.close()

    def note(self, number: int, person: int | None) -> None:
        self.shown[number].people.append(person)
        self.shown[number].at_ms.append(self.frame * FRAME_MS)

    def person_enrolled_as(self, user: str) -> int:
        return int(np.argmax(self.rig.templates.kept[user].vectors.mean(axis=0)))


Anything.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestAnything = Anything.TestCase
