"""A preview as a claim: whom it is shown to, that it gives way, and that it decides nothing."""

import asyncio
import logging
from collections.abc import Awaitable
from itertools import count

import msgspec
import numpy as np
import pytest

from fakes.people import OWNER, seen_face, template_of
from fakes.rig import ME, OTHER, ROOT, Rig
from kinect_unlock.claims import CameraPlace, Rank
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.ports import Peer
from kinect_unlock.previewing import LIMIT_S
from kinect_unlock.sealed import Picture, opened
from kinect_unlock.wire import Enrol, Identify, Preview, Reply, Request, Verify, Word

EVERY = Preview(rate_hz=30.0)
COLOR = np.full((4, 6, 3), 9, np.uint8)


class Viewer:
    """A client that takes pictures, or not."""

    def __init__(self, rig: Rig, peer: Peer = ME, request: Preview = EVERY) -> None:
        self.replies: list[Reply] = []
        self.pictures: list[tuple[Picture, Frame]] = []
        self.gone = asyncio.Event()
        self.free = True
        self._rig = rig
        serving = rig.controller.preview(request, peer, self.replies.append, self.gone, self)
        self.task = asyncio.get_running_loop().create_task(serving)

    def send_picture(self, reply: Reply, descriptor: int) -> bool:
        assert reply.word is Word.PICTURE
        picture = msgspec.convert(reply.data, Picture)
        self.pictures.append((picture, opened(picture, descriptor)))
        return True

    async def begun(self) -> "Viewer":
        """Wait until the camera is open for it."""
        await self._rig.camera.opened.wait()
        self._rig.controller.floor.on_camera_ready(self._rig.attempt)
        return self

    async def answer(self) -> Reply:
        await self.task
        assert [reply.done for reply in self.replies].count(True) == 1
        return self.replies[-1]


def show(rig: Rig, index: int, person: int = OWNER) -> None:
    """Let a frame come with what was seen in it, a thirtieth of a second after the last."""
    rig.clock.advance(33_400_000)
    seen = seen_face(rig.attempt, index, person)
    rig.controller.floor.on_picture(Frame(seen.seq, seen.captured_ns, COLOR.copy(), None, None), seen)


def _run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20.0):
            await test

    asyncio.run(bounded())


def test_a_viewer_gets_pictures_and_what_was_seen_but_never_an_embedding() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig).begun()
        for index in range(3):
            show(rig, index)
        viewer.gone.set()

        assert (await viewer.answer()).word is Word.CANCELLED
        assert [picture.seq for picture, _ in viewer.pictures] == [0, 1, 2]
        picture, frame = viewer.pictures[0]
        np.testing.assert_array_equal(frame.color, COLOR)
        assert picture.look.face is not None
        text = msgspec.json.encode(viewer.pictures[0][0]).decode()
        assert "vector" not in text
        assert "embedding" not in text
        assert [start[1] for start in rig.camera.starts] == ["preview"]
        assert rig.camera.attempt is None, "the camera is closed when the viewer has gone"

    _run(test())


def test_a_viewer_that_does_not_take_its_picture_gets_no_more() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig).begun()
        show(rig, 0)
        viewer.free = False
        for index in range(1, 50):
            show(rig, index)
        assert len(viewer.pictures) == 1
        viewer.free = True
        show(rig, 50)
        assert [picture.seq for picture, _ in viewer.pictures] == [0, 50]
        viewer.gone.set()
        await viewer.answer()

    _run(test())


def test_no_more_pictures_are_sent_than_were_asked_for() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig, request=Preview(rate_hz=5.0)).begun()
        for index in range(31):  # a second of them
            show(rig, index)
        assert len(viewer.pictures) in {5, 6}
        viewer.gone.set()
        await viewer.answer()

    _run(test())


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 31.0, 1e-310])
def test_a_rate_that_is_none_is_no_request(rate_hz: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"op": "preview", "rate_hz": rate_hz}, Preview)


def test_a_preview_that_cannot_begin_leaves_the_camera_to_others() -> None:
    async def test() -> None:
        rig = Rig()
        rig.templates.save(template_of(OWNER, "ann"))
        rig.enrolled("ann")
        viewer = Viewer(rig, request=Preview(rate_hz=0))  # as only our own fault could let it through
        with pytest.raises(ZeroDivisionError):
            await viewer.task
        asked = await rig.before_camera(Verify("ann"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    _run(test())


def test_another_user_sees_nothing_and_the_camera_stays_closed() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = Viewer(rig, OTHER)
        assert (await viewer.answer()).word is Word.NOT_AUTHORISED
        assert rig.camera.starts == []

    _run(test())


def test_root_may_watch() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig, ROOT).begun()
        show(rig, 0)
        assert len(viewer.pictures) == 1
        viewer.gone.set()
        await viewer.answer()

    _run(test())


@pytest.mark.parametrize("watcher", [ME, ROOT], ids=["own", "root"])
@pytest.mark.parametrize("request_", [Verify("ann"), Enrol("bob"), Identify()], ids=["verify", "enrol", "identify"])
def test_whoever_wants_to_be_seen_has_the_camera_at_once(watcher: Peer, request_: Request) -> None:
    async def test() -> None:
        rig = Rig()
        rig.templates.save(template_of(OWNER, "ann"))
        rig.enrolled("ann")
        viewer = await Viewer(rig, watcher).begun()
        show(rig, 0)
        asked = rig.ask(request_, ME)
        assert (await viewer.answer()).word is Word.CANCELLED
        await rig.camera.opened.wait()
        assert rig.camera.starts[-1][1] != "preview"
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED

    _run(test())


def test_an_attempt_that_sent_a_viewer_away_decides_as_always() -> None:
    async def test() -> None:
        rig = Rig()
        rig.templates.save(template_of(OWNER, "ann"))
        rig.enrolled("ann")
        viewer = await Viewer(rig).begun()
        for index in range(40):
            show(rig, index)
        asked = await rig.before_camera(Verify("ann"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH
        assert (await viewer.answer()).word is Word.CANCELLED

    _run(test())


def test_frames_of_a_preview_count_for_and_against_nobody() -> None:
    async def test() -> None:
        rig = Rig()
        rig.templates.save(template_of(OWNER, "ann"))
        rig.enrolled("ann")
        before = rig.ledgers.load("ann")
        viewer = await Viewer(rig).begun()
        for index in range(60):
            show(rig, index)
        viewer.gone.set()
        await viewer.answer()
        assert rig.ledgers.load("ann") == before
        assert rig.hooks.ran == []
        assert [line["kind"] for line in rig.log if line["kind"] != "state"] == [], "it holds scores and frames"

    _run(test())


@pytest.mark.parametrize("watcher", [ME, ROOT], ids=["own", "root"])
def test_nobody_is_sent_away_for_a_preview(watcher: Peer) -> None:
    async def test() -> None:
        rig = Rig()
        rig.templates.save(template_of(OWNER, "ann"))
        rig.enrolled("ann")
        asked = await rig.before_camera(Verify("ann"))
        viewer = Viewer(rig, watcher)
        assert (await viewer.answer()).word is Word.BUSY
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    _run(test())


def test_a_second_viewer_is_told_that_there_is_one() -> None:
    async def test() -> None:
        rig = Rig()
        first = await Viewer(rig).begun()
        assert (await Viewer(rig, ROOT).answer()).word is Word.BUSY
        first.gone.set()
        await first.answer()

    _run(test())


def test_an_attempt_gets_the_place_though_viewers_slip_in_between() -> None:
    async def test() -> None:
        numbers, held = count(), []
        evicted = asyncio.Event()
        place = CameraPlace(evicted.set, lambda: False)
        assert await place.take(1, Rank.PREVIEW)
        attempt = asyncio.get_running_loop().create_task(place.take(1))
        for _ in range(5):
            await evicted.wait()
            evicted.clear()
            place.leave()
            held.append(await place.take(next(numbers), Rank.PREVIEW))  # before the attempt is woken
        await evicted.wait()
        place.leave()
        assert held == [True] * 5
        assert await attempt

    _run(test())


def test_the_end_of_a_recording_ends_a_preview_well() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig).begun()
        show(rig, 0)
        rig.controller.floor.on_source_ended(rig.attempt)
        reply = await viewer.answer()
        assert (reply.word, reply.message) == (Word.OK, "the stream ended")

    _run(test())


def test_a_lost_camera_ends_a_preview_with_its_reason() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig).begun()
        rig.controller.floor.on_source_lost(rig.attempt, SourceLost("unplugged"))
        reply = await viewer.answer()
        assert (reply.word, reply.message) == (Word.SOURCE_LOST, "unplugged")

    _run(test())


def test_a_viewer_that_was_forgotten_does_not_keep_the_camera_for_ever() -> None:
    async def test() -> None:
        rig = Rig(origin=Origin.SENSOR, test_source=False)
        viewer = await Viewer(rig).begun()
        show(rig, 0)
        late = seen_face(rig.attempt, int(LIMIT_S * 31), OWNER)
        rig.controller.floor.on_picture(Frame(late.seq, late.captured_ns, COLOR.copy(), None, None), late)
        assert (await viewer.answer()).word is Word.OK

    _run(test())


def test_the_log_says_who_watched(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig, ROOT).begun()
        show(rig, 0)
        viewer.gone.set()
        await viewer.answer()

    with caplog.at_level(logging.INFO, logger="kinect_unlock"):
        _run(test())
    assert f"event=preview-begins attempt=1 uid=0 pid={ROOT.pid}" in caplog.text
    assert "event=preview-ended attempt=1 uid=0 pictures=1 dropped=0" in caplog.text


def test_a_daemon_that_stops_says_so_to_viewers() -> None:
    async def test() -> None:
        rig = Rig()
        viewer = await Viewer(rig).begun()
        rig.controller.shut_down()
        assert (await viewer.answer()).word is Word.CANCELLED
        assert (await Viewer(rig).answer()).word is Word.SHUTTING_DOWN

    _run(test())
