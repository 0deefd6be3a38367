"""A disk that takes its time: nobody waits for it but whose ledger it is, and they are answered once it is written."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fakes.logins import FakeLoginWatch, at_desk
from fakes.people import OWNER, template_of
from fakes.rig import OTHER, Rig
from kinect_unlock.controller import Controller
from kinect_unlock.errors import StoreError
from kinect_unlock.limiter import Ledger
from kinect_unlock.sealing import Key, seal
from kinect_unlock.store import FileLedgerStore
from kinect_unlock.wire import Forget, Import, PasswordOk, Status, Verify, Word
from kinect_unlock.writing import LedgersBehind

WAIT_S = 20.0
ONE, TWO = Ledger(failures=1), Ledger(failures=2)


class SlowDisk:
    """Ledgers on a disk that writes only while it is told to, and not at all while it is full."""

    def __init__(self) -> None:
        self.kept: dict[str, Ledger] = {}
        self.order: list[tuple[str, Ledger | None]] = []
        self.turns = threading.Event()
        self.turns.set()
        self.writing = threading.Event()
        self.full = False

    def load(self, user: str) -> Ledger:
        return self.kept.get(user, Ledger())

    def save(self, user: str, ledger: Ledger) -> None:
        self._wait()
        self.kept[user] = ledger
        self.order.append((user, ledger))

    def delete(self, user: str) -> None:
        self._wait()
        self.kept.pop(user, None)
        self.order.append((user, None))

    def _wait(self) -> None:
        self.writing.set()
        assert self.turns.wait(WAIT_S)
        self.writing.clear()
        if self.full:
            raise StoreError("no space left")


def play(scene: Callable[[SlowDisk, LedgersBehind], Awaitable[None]]) -> None:
    async def whole() -> None:
        disk = SlowDisk()
        with LedgersBehind(disk) as ledgers:
            try:
                async with asyncio.timeout(WAIT_S):
                    await scene(disk, ledgers)
            finally:
                disk.turns.set()

    asyncio.run(whole())


def test_what_was_saved_is_read_at_once_and_written_in_order() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        disk.turns.clear()
        ledgers.save("anna", ONE)
        ledgers.save("ben", ONE)
        ledgers.save("anna", TWO)
        assert (ledgers.load("anna"), ledgers.load("ben"), disk.kept) == (TWO, ONE, {})
        ledgers.delete("ben")
        assert ledgers.load("ben") == Ledger()
        waiting = asyncio.ensure_future(ledgers.written("anna"))
        await asyncio.sleep(0)
        assert not waiting.done()
        disk.turns.set()
        await waiting
        await ledgers.written("ben")
        assert disk.order == [("anna", ONE), ("ben", ONE), ("anna", TWO), ("ben", None)]
        disk.kept["anna"] = ONE  # as by a person, once all is written
        assert ledgers.load("anna") == ONE

    play(scene)


def test_what_could_not_be_written_is_owed_and_nothing_rests_on_it_until_it_is() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        disk.full = True
        ledgers.save("anna", ONE)
        with pytest.raises(StoreError, match="no space left"):
            await ledgers.written("anna")
        assert ledgers.load("ben") == Ledger()
        for _ in range(2):
            with pytest.raises(StoreError, match="no space left"):
                ledgers.load("anna")
            with pytest.raises(StoreError, match="no space left"):
                await ledgers.written("anna")
        disk.full = False
        with pytest.raises(StoreError):
            ledgers.load("anna")  # it is told once more, and tried again
        await ledgers.written("anna")
        assert ledgers.load("anna") == disk.kept["anna"] == ONE

    play(scene)


def test_who_waits_no_more_takes_nothing_back() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        disk.turns.clear()
        ledgers.save("ben", ONE)
        ledgers.save("anna", ONE)  # not yet begun
        waiting = asyncio.ensure_future(ledgers.written("anna"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        disk.turns.set()
        await ledgers.written("anna")
        assert disk.kept == {"anna": ONE, "ben": ONE}

    play(scene)


def test_all_is_written_when_the_daemon_ends(tmp_path: Path) -> None:
    with LedgersBehind(FileLedgerStore(tmp_path)) as ledgers:
        for count in range(20):
            ledgers.save("anna", Ledger(failures=count))
    assert FileLedgerStore(tmp_path).load("anna") == Ledger(failures=19)


class SlowRig(Rig):
    """A daemon whose ledgers are on a slow disk; anna is enrolled."""

    def __init__(self, ledgers: LedgersBehind, logins: FakeLoginWatch | None = None) -> None:
        self._behind = ledgers
        super().__init__(logins=logins)
        self.templates.kept["anna"] = template_of(OWNER, "anna")

    def new_controller(self) -> Controller:
        """Return a controller over the slow disk."""
        self.ledgers = self._behind  # type: ignore[assignment]  # in the place of those in memory
        return super().new_controller()

    async def until_writing(self, disk: SlowDisk) -> None:
        assert await asyncio.to_thread(disk.writing.wait, WAIT_S)


async def _rig(disk: SlowDisk, ledgers: LedgersBehind, logins: FakeLoginWatch | None = None) -> SlowRig:
    rig = SlowRig(ledgers, logins)
    disk.kept["anna"] = Ledger(enrolled=rig.clock.boot_time())
    return rig


def test_a_refusal_waits_for_the_disk_and_nobody_else_does() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        asked = await rig.before_camera(Verify("anna"))
        disk.turns.clear()
        rig.show_person(OWNER + 1, 10)
        await rig.until_writing(disk)
        assert (await rig.ask(Status()).answer()).word is Word.OK
        assert (await rig.ask(Verify("ben")).answer()).word is Word.BUSY  # the next one's turn comes when it is kept
        assert (await rig.ask(Status(), OTHER).answer()).word is Word.NOT_AUTHORISED
        assert not asked.task.done()
        assert disk.kept["anna"].failures == 0
        disk.turns.set()
        assert (await asked.answer()).word is Word.NO_MATCH
        assert disk.kept["anna"].failures == 1

    play(scene)


def test_who_hangs_up_while_the_refusal_is_being_written_has_failed_all_the_same() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        asked = await rig.before_camera(Verify("anna"))
        disk.turns.clear()
        rig.show_person(OWNER + 1, 10)
        await rig.until_writing(disk)
        asked.gone.set()
        asked.task.cancel()
        await asyncio.wait({asked.task})
        again = rig.ask(Verify("anna"))
        assert (await rig.ask(Status()).answer()).word is Word.OK
        assert not again.task.done()  # what it will be told rests on what is not yet written
        disk.turns.set()
        assert (await again.answer()).word is Word.COOLING_DOWN
        assert disk.kept["anna"].failures == 1

    play(scene)


def test_who_hangs_up_in_mid_attempt_keeps_the_next_one_waiting_for_no_disk() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        asked = await rig.before_camera(Verify("anna"))
        disk.turns.clear()
        ledgers.save("anna", ledgers.load("anna"))
        asked.gone.set()
        following = rig.ask(Verify("ben"))  # at once, before that is even noticed
        assert (await asked.answer()).word is Word.CANCELLED
        assert (await following.answer()).word is Word.NOT_ENROLLED  # had their turn, and not: busy
        disk.turns.set()

    play(scene)


def test_a_match_that_cannot_be_written_is_none_and_opens_nothing() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        asked = await rig.before_camera(Verify("anna", unlock=True))
        disk.full = True
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.STORE_ERROR
        assert rig.hooks.ran == []
        assert Word.MATCH not in asked.words

    play(scene)


@pytest.mark.parametrize("unlock", [False, True])
@pytest.mark.parametrize("sleeps", [False, True], ids=["lid", "sleep"])
@pytest.mark.parametrize("back", [False, True], ids=["on", "over"])
def test_a_match_that_is_written_when_the_machine_sleeps_already_opens_nothing(
    *, unlock: bool, sleeps: bool, back: bool
) -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        logins = FakeLoginWatch(at_desk("2", "anna", locked=True))
        rig = await _rig(disk, ledgers, logins)
        asked = await rig.before_camera(Verify("anna", unlock=unlock))
        disk.turns.clear()
        rig.show_person(OWNER, 10)
        await rig.until_writing(disk)
        if sleeps:
            logins.sleep(about=True)
        else:
            logins.lid(closed=True)
        if back:
            logins.sleep(about=False)
            logins.lid(closed=False)
        disk.turns.set()
        reply = await asked.answer()
        assert reply.word is Word.CANCELLED
        assert reply.message is not None
        assert ("sleep" if sleeps and not back else "lid") in reply.message
        assert rig.hooks.ran == []

    play(scene)


@pytest.mark.parametrize("request_", [PasswordOk("anna"), Forget("anna")], ids=repr)
def test_what_ends_a_lock_out_is_said_once_it_is_written(request_: PasswordOk | Forget) -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        disk.kept["anna"] = Ledger(failures=5, locked_out=True)
        disk.turns.clear()
        asked = rig.ask(request_)
        await rig.until_writing(disk)
        assert (await rig.ask(Status()).answer()).word is Word.OK
        assert not asked.task.done()
        disk.turns.set()
        assert (await asked.answer()).word is Word.OK
        assert disk.kept.get("anna", Ledger()).locked_out is (request_ == Forget("anna"))  # root alone forgets that

    play(scene)


def test_what_is_taken_in_is_said_once_the_ledger_is_written() -> None:
    async def scene(disk: SlowDisk, ledgers: LedgersBehind) -> None:
        rig = await _rig(disk, ledgers)
        key = Key.new()
        taken = Import(seal(template_of(OWNER, "ben"), key), key.secret)
        disk.full = True
        assert (await rig.ask(taken).answer()).word is Word.STORE_ERROR
        disk.full = False
        rig.templates.delete("ben")
        with pytest.raises(StoreError):
            ledgers.load("ben")
        await ledgers.written("ben")
        assert (await rig.ask(taken).answer()).word is Word.ENROLLED
        assert disk.kept["ben"].enrolled is not None

    play(scene)
