"""polkit is asked on a real bus, and whatever is not a plain yes is a no."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from xml.etree import ElementTree as ET

import pytest

from fakes.login1 import DAEMON, PrivateBus, private_bus
from fakes.polkit1 import Polkit1
from kinect_unlock.complaints import COMPLAINTS
from kinect_unlock.deeds import Deed, deed_of
from kinect_unlock.installing.plan import data
from kinect_unlock.polkit import Polkit
from kinect_unlock.ports import Peer
from kinect_unlock.wire import (
    AnyRequest,
    Enrol,
    EnrolVectors,
    Export,
    Forget,
    History,
    Identify,
    Import,
    Lock,
    PasswordOk,
    Preview,
    Records,
    Status,
    Undo,
    Users,
    Verify,
)

needs_bus = pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed")
ANNA = Peer(pid=4321, uid=1000, gid=1000)
BEN = Peer(pid=4322, uid=1001, gid=1001)
WAIT_S = 20.0


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with private_bus() as running:
        yield running


@asynccontextmanager
async def polkit(bus: PrivateBus) -> AsyncIterator[Polkit1]:
    one = Polkit1(bus.address)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(WAIT_S):
            await scene()

    asyncio.run(whole())


async def name_of(uid: int) -> str | None:
    return {1000: "anna", 1001: "ben"}.get(uid)


@needs_bus
@pytest.mark.parametrize("answer", [True, False])
def test_what_polkit_says_of_a_process_and_its_user_counts(bus: PrivateBus, *, answer: bool) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            real.answer = answer
            assert await Polkit(name_of, bus.address).allows(ANNA, Deed.ENROL) is answer
            subject = {"kind": "unix-process", "pid": 4321, "start-time": 0, "uid": 1000}
            assert real.asked == [(subject, "org.kinect_unlock.enrol", 1)]

    play(scene)


@needs_bus
def test_a_request_is_asked_about_by_what_it_is_to_who_asks_it(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            one = Polkit(name_of, bus.address)
            assert await one.permits(ANNA, Enrol("anna")) is True
            assert await one.permits(BEN, Enrol("anna")) is True
            assert await one.permits(Peer(1, 7, 7), Enrol("anna")) is True
            assert await one.permits(ANNA, Export("anna", b"k" * 32)) is False
            assert [action.rpartition(".")[2] for _, action, _ in real.asked] == ["enrol", "manage", "manage"]

    play(scene)


@needs_bus
def test_without_polkit_the_answer_is_no(bus: PrivateBus) -> None:
    async def scene() -> None:
        assert await Polkit(name_of, bus.address).allows(ANNA, Deed.ENROL) is False
        bus.stop()
        assert await Polkit(name_of, bus.address).allows(ANNA, Deed.ENROL) is False
        assert await Polkit(name_of, "no-address").allows(ANNA, Deed.ENROL) is False

    play(scene)


@needs_bus
def test_an_error_and_nonsense_are_no(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            real.refuses = True
            assert await Polkit(name_of, bus.address).allows(ANNA, Deed.WATCH) is False
            real.refuses, real.signature = False, "b"
            assert await Polkit(name_of, bus.address).allows(ANNA, Deed.WATCH) is False

    play(scene)


@needs_bus
def test_no_answer_in_time_is_no_and_the_question_is_taken_back(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            real.answer = None
            assert await Polkit(name_of, bus.address, limit_s=0.2).allows(ANNA, Deed.MANAGE) is False
            assert len(real.taken_back) == 1

    play(scene)


@needs_bus
def test_who_hangs_up_is_asked_no_more_and_may_ask_again(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            real.answer = None
            one = Polkit(name_of, bus.address)
            waiting = asyncio.get_running_loop().create_task(one.allows(ANNA, Deed.ENROL))
            await real.heard.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert len(real.taken_back) == 1
            real.answer = True
            assert await one.allows(ANNA, Deed.ENROL) is True

    play(scene)


@needs_bus
def test_one_question_of_a_user_waits_at_a_time_and_others_do_not_wait_for_it(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with polkit(bus) as real:
            real.answer = None
            one = Polkit(name_of, bus.address)
            waiting = asyncio.get_running_loop().create_task(one.allows(ANNA, Deed.ENROL))
            await real.heard.wait()
            assert await one.allows(ANNA, Deed.ENROL) is False
            real.answer = True
            assert await one.allows(BEN, Deed.ENROL) is True
            assert len(real.asked) == 2
            waiting.cancel()
            await asyncio.wait({waiting})

    play(scene)


def test_nobody_fills_the_log_by_asking(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        one = Polkit(name_of, "no-address")
        for _ in range(3 * COMPLAINTS):
            assert await one.allows(ANNA, Deed.ENROL) is False
        assert await one.allows(BEN, Deed.ENROL) is False

    with caplog.at_level(logging.INFO):
        play(scene)
    said = [line.partition(" pid=")[0] for line in caplog.messages]
    assert said == ["event=polkit uid=1000"] * COMPLAINTS + ["event=polkit uid=1001"]


def test_of_a_process_that_nobody_sees_polkit_is_not_asked() -> None:
    async def scene() -> None:
        assert await Polkit(name_of, "no-address").allows(Peer(0, 1000, 1000), Deed.ENROL) is False

    play(scene)


OWN: tuple[AnyRequest, ...] = (
    Enrol("anna"),
    EnrolVectors("anna", "m", ()),
    Forget("anna"),
    History("anna"),
    Undo("anna"),
)
ROOTS: tuple[AnyRequest, ...] = (
    Verify("anna", explain=True),
    Enrol("anna", explain=True),
    Export("anna", b"k" * 32),
    Import(b"x", b"k" * 32, "anna"),
    Identify(),
    Users(),
    Records(),
    Status(),
    Lock(),
    PasswordOk("anna"),
)


@pytest.mark.parametrize("request_", OWN, ids=repr)
def test_ones_own_face_is_ones_own_and_anothers_an_administrators(request_: AnyRequest) -> None:
    assert deed_of(request_, "anna") is Deed.ENROL
    assert deed_of(request_, "ben") is Deed.MANAGE
    assert deed_of(request_, None) is Deed.MANAGE


@pytest.mark.parametrize("request_", ROOTS, ids=repr)
def test_the_rest_is_roots_alone(request_: AnyRequest) -> None:
    assert deed_of(request_, "anna") is None


def test_whoever_looks_through_the_camera_is_an_administrator() -> None:
    assert deed_of(Preview(), "anna") is Deed.WATCH


def test_the_installed_policy_has_what_is_asked_and_nothing_else() -> None:
    root = ET.fromstring(data("systemd/org.kinect_unlock.policy"))  # noqa: S314 - ours
    actions = {one.get("id"): {two.tag: two.text for two in one.iterfind("defaults/*")} for one in root.iter("action")}

    assert set(actions) == {deed.value for deed in Deed}
    for name, defaults in actions.items():
        own = "auth_self" if name == Deed.ENROL else "auth_admin"
        assert defaults == {"allow_any": "no", "allow_inactive": "no", "allow_active": own}
