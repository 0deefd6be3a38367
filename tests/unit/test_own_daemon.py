"""A daemon of one's own with a camera: where its user must be to ask, with the real watch on a real bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from fakes.login1 import DAEMON, Login1, PrivateBus, private_bus
from fakes.people import OWNER, template_of
from fakes.rig import ME, OWN_UID, ROOT, Rig
from kinect_unlock import app
from kinect_unlock.entitlement import WORDS, Cause
from kinect_unlock.frames import Origin
from kinect_unlock.logind import LogindWatch
from kinect_unlock.logins import Knowledge
from kinect_unlock.ports import RunFacts
from kinect_unlock.settings import Config, Watch
from kinect_unlock.wire import Reply, Status, Verify, Word

pytestmark = pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed")
WAIT_S = 20.0
ABOUT_ME = Verify("me")


class Own:
    """The daemon, its watch, and what the watch has told of."""

    def __init__(self, address: str, origin: Origin) -> None:
        self.watch = LogindWatch(address, lid_s=60.0, retry_s=(0.01,))
        self.heard = asyncio.Queue[object]()
        self.watch.on_event(self.heard.put_nowait)
        self.rig = Rig(origin=origin, test_source=origin is not Origin.SENSOR, logins=self.watch)
        for user in ("me", "anna"):
            self.rig.templates.kept[user] = template_of(OWNER, user, origin=origin)
            self.rig.enrolled(user)

    async def until_known(self, *, known: bool = True) -> None:
        async with asyncio.timeout(WAIT_S):
            while await self.heard.get() != Knowledge(known):
                pass

    async def until_absent(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while not self.watch.now().absent:  # noqa: ASYNC110 - nothing is told of it: nobody has lost anything
                await asyncio.sleep(0.01)

    async def matched(self, request: Verify) -> Reply:
        asked = await self.rig.before_camera(request)
        self.rig.show_person(OWNER, 10)
        return await asked.answer()

    async def refused(self, request: Verify = ABOUT_ME) -> str | None:
        reply = await self.rig.ask(request, ME).answer()
        assert reply.word is Word.NOT_AUTHORISED
        assert self.rig.camera.starts == []
        return reply.message


@asynccontextmanager
async def own(address: str, origin: Origin = Origin.SENSOR) -> AsyncIterator[Own]:
    one = Own(address, origin)
    run = asyncio.get_running_loop().create_task(one.watch.run())
    try:
        yield one
    finally:
        run.cancel()
        await asyncio.wait({run})


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with private_bus() as running:
        yield running


@pytest.fixture
def play(bus: PrivateBus) -> Callable[[Callable[[Login1], Awaitable[None]]], None]:
    async def whole(scene: Callable[[Login1], Awaitable[None]]) -> None:
        login1 = Login1(bus.address)
        login1.session("2", OWN_UID)
        login1.session("9", OWN_UID, Remote=True, Seat=["", "/"], Type="tty")
        login1.pids = {ME.pid: "2", ROOT.pid: "2"}
        await login1.start()
        try:
            await scene(login1)
        finally:
            await login1.stop()

    return lambda scene: asyncio.run(whole(scene))


Play = Callable[[Callable[[Login1], Awaitable[None]]], None]


def test_who_sits_before_the_camera_may_ask_about_whomever_they_enrolled(bus: PrivateBus, play: Play) -> None:
    async def scene(login1: Login1) -> None:
        async with own(bus.address) as one:
            await one.until_known()
            assert (await one.matched(Verify("me"))).word is Word.MATCH
            assert [member for member, _ in login1.asked] == ["Inhibit"]

    play(scene)


def test_a_remote_session_a_process_of_none_and_a_shut_lid_are_refused(bus: PrivateBus, play: Play) -> None:
    async def scene(login1: Login1) -> None:
        async with own(bus.address) as one:
            await one.until_known()
            login1.pids = {ME.pid: "9"}
            assert await one.refused() == WORDS[Cause.REMOTE]
            assert await one.refused(Verify("anna", unlock=True)) == WORDS[Cause.REMOTE]
            login1.pids = {}
            assert await one.refused() == WORDS[Cause.NO_SESSION]
            login1.pids = {ME.pid: "2"}
            login1.lid_closed = True
            assert await one.refused() == WORDS[Cause.LID_SHUT]

    play(scene)


def test_a_session_that_leaves_the_seat_during_the_attempt_gets_no_match(bus: PrivateBus, play: Play) -> None:
    async def scene(login1: Login1) -> None:
        async with own(bus.address) as one:
            await one.until_known()
            asked = await one.rig.before_camera(Verify("anna", unlock=True))
            login1.change("2", State="online", Active=False)
            async with asyncio.timeout(WAIT_S):
                while one.watch.now().shown_on("seat0") is not None:
                    await one.heard.get()
            one.rig.show_person(OWNER, 10)
            assert (await asked.answer()).word is Word.CANCELLED
            assert "UnlockSession" not in [member for member, _ in login1.asked]

    play(scene)


def test_logind_that_has_gone_is_not_taken_for_a_machine_without(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with own(bus.address) as one:
            first = Login1(bus.address)
            first.session("2", OWN_UID)
            first.pids = {ME.pid: "2"}
            await first.start()
            await one.until_known()
            await first.stop()
            await one.until_known(known=False)
            assert await one.refused() == WORDS[Cause.LOGINS_UNKNOWN]
            bus.stop()
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert await one.refused(Verify("anna", unlock=True)) == WORDS[Cause.LOGINS_UNKNOWN]
            bus.start()

    asyncio.run(scene())


def test_logind_that_is_there_and_tells_us_nothing_is_not_taken_for_a_machine_without(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        login1 = Login1(bus.address)
        login1.refuses = {"ListSessions"}
        await login1.start()
        async with own(bus.address) as one, asyncio.timeout(WAIT_S):
            while "event=logind-unusable" not in caplog.text:  # noqa: ASYNC110 - a line of the log is all that is told
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert await one.refused() == WORDS[Cause.LOGINS_UNKNOWN]
        await login1.stop()

    asyncio.run(scene())


def test_a_machine_on_which_logind_appears_is_none_without_even_before_it_answers(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with own(bus.address) as one:
            await one.until_absent()
            login1 = Login1(bus.address)
            login1.silent = True
            await login1.start()
            async with asyncio.timeout(WAIT_S):
                while one.watch.now().absent:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
            assert await one.refused() == WORDS[Cause.LOGINS_UNKNOWN]
            await login1.stop()

    asyncio.run(scene())


def test_until_logind_has_answered_nobody_is_looked_at(bus: PrivateBus) -> None:
    async def scene() -> None:
        one = Own(bus.address, Origin.SENSOR)  # its watch has not begun
        assert await one.refused() == WORDS[Cause.LOGINS_UNKNOWN]

    asyncio.run(scene())


@pytest.mark.parametrize("has_bus", [False, True])
def test_without_logind_its_user_is_served_from_anywhere_and_told_so(bus: PrivateBus, *, has_bus: bool) -> None:
    async def scene() -> None:
        async with own(bus.address if has_bus else "unix:path=/nowhere/bus") as one:
            await one.until_absent()
            asking = (await one.rig.ask(Status()).answer()).data
            assert asking is not None
            assert asking["asking"]["placed"] is False
            assert (await one.matched(Verify("me", unlock=True))).word is Word.UNLOCKED
            assert one.rig.hooks.ran == [("unlock", "me")]

    asyncio.run(scene())


def test_recordings_are_played_to_their_owner_wherever_that_is(bus: PrivateBus, play: Play) -> None:
    async def scene(login1: Login1) -> None:
        async with own(bus.address, Origin.RECORDING) as one:
            await one.until_known()
            login1.pids = {ME.pid: "9"}
            assert (await one.matched(Verify("me"))).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize(
    ("origin", "shared", "watch", "asks"),
    [
        (Origin.SENSOR, False, False, True),
        (Origin.RECORDING, False, False, False),
        (Origin.RECORDING, False, True, True),
        (Origin.RECORDING, True, False, True),
    ],
)
def test_logind_is_asked_wherever_it_matters_who_is_where(
    origin: Origin, *, shared: bool, watch: bool, asks: bool
) -> None:
    config = Config(watch=Watch(enabled=watch))
    facts = RunFacts(origin, test_source=False, own_uid=OWN_UID, version="0", pid=1, shared=shared)
    assert app._asks_logind(config, facts) is asks
