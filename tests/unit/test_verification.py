import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from fakes.people import OWNER, STRANGER, face_at, seen_face, seen_other, seen_spoof, template_of
from fakes.rig import CONFIG, ME, OTHER, ROOT, Asked, Rig
from kinect_unlock.camera_report import CameraReport, Identity
from kinect_unlock.errors import InternalError, SourceLost
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.observations import Observation, Seen
from kinect_unlock.settings import Attempt, Config, EvidenceRules, Limits, PolicyRules, Source
from kinect_unlock.wire import Hint, PasswordOk, Status, Verify, Word

NS_PER_S = 1_000_000_000


def config_with(**parts: Any) -> Config:
    return msgspec.structs.replace(CONFIG, **parts)


def rig_with_anna(config: Config = CONFIG, **facts: Any) -> Rig:
    rig = Rig(config, **facts)
    rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=facts.get("origin", Origin.RECORDING))
    rig.enrolled("anna")
    return rig


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def test_the_owner_matches_and_the_camera_is_closed() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH
        assert asked.words == [Word.STARTED, Word.MATCH]
        assert rig.camera.attempt is None
        assert rig.camera.starts == [(1, "verify", None)]
        assert rig.hooks.ran == []

    play(scene)


def test_a_match_that_asks_for_it_runs_the_unlock_hook_once() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna", unlock=True))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.UNLOCKED
        assert rig.hooks.ran == [("unlock", "anna")]

    play(scene)


def test_a_failing_unlock_hook_is_reported_and_the_session_stays_locked() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.hooks.failing.add("unlock")
        asked = await rig.before_camera(Verify("anna", unlock=True))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.HOOK_FAILED
        status = await rig.ask(Status()).answer()
        assert status.data is not None
        assert (status.data["session"], status.data["session_confirmed"]) == ("locked", False)

    play(scene)


def test_a_stranger_is_refused_and_one_failure_is_counted() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 10)
        reply = await asked.answer()
        assert (reply.word, reply.message, reply.data) == (Word.NO_MATCH, None, None)
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_a_spoof_is_refused_with_the_same_words_as_a_stranger() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(10):
            rig.show(seen_spoof(rig.attempt, index))
        assert (await asked.answer()).word is Word.NO_MATCH
        assert "spoof" not in str(asked.replies)
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_an_empty_room_times_out_without_a_failure() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(61):
            rig.show(seen_other(rig.attempt, index, Seen.NO_FACE))
        assert not asked.task.done()
        rig.show(seen_other(rig.attempt, 61, Seen.NO_FACE))
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert rig.ledgers.kept["anna"].failures == 0
        assert rig.ledgers.kept["anna"].cooldown_s == 1.0

    play(scene)


def test_a_face_that_cannot_be_judged_times_out_without_a_failure() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(153):
            if rig.camera.attempt is not None:
                rig.show(seen_other(rig.attempt, index, Seen.TURNED_AWAY))
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert asked.replies[1].hint is Hint.LOOK_AT_CAMERA
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


def test_time_up_after_enough_strangers_is_a_rejection() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 3)
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.NO_MATCH
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_a_stream_that_ends_undecided_times_out() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 2)
        rig.controller.floor.on_source_ended(rig.attempt)
        reply = await asked.answer()
        assert (reply.word, rig.ledgers.kept["anna"].failures) == (Word.TIMED_OUT, 0)
        assert reply.message is not None
        assert "the stream ended" in reply.message

    play(scene)


@pytest.mark.parametrize(("frames", "failures"), [(2, 0), (3, 1), (9, 1)])
def test_hanging_up_before_the_no_escapes_nothing(frames: int, failures: int) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, frames)
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.camera.attempt is None
        assert rig.ledgers.kept["anna"].failures == failures
        assert (await rig.ask(Verify("anna")).answer()).word is Word.COOLING_DOWN

    play(scene)


def test_losing_the_camera_ends_closed_with_its_word_and_counts_what_was_seen() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 5)
        rig.controller.floor.on_source_lost(rig.attempt, SourceLost("unplugged"))
        reply = await asked.answer()
        assert (reply.word, reply.message) == (Word.SOURCE_LOST, "unplugged")
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_a_camera_that_refuses_at_once_ends_closed() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.camera.refusal = SourceLost("no such stream")
        asked = rig.ask(Verify("anna", stream="nowhere"))
        assert (await asked.answer()).word is Word.SOURCE_LOST
        assert asked.words == [Word.SOURCE_LOST]
        assert rig.ledgers.kept["anna"].cooldown_from is not None

    play(scene)


def test_five_failures_lock_out_across_a_restart_until_a_password() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        for _ in range(5):
            assert (await rig.fail_once("anna")).word is Word.NO_MATCH
        states = [(line["event"], line["to"]) for line in rig.log if line["kind"] == "state"]
        assert states[-2:] == [("rejected", "cooldown"), ("retries-spent", "locked-out")]
        rig.restart()
        assert (await rig.ask(Verify("anna")).answer()).word is Word.LOCKED_OUT
        assert (await rig.ask(PasswordOk("anna")).answer()).word is Word.OK
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_a_match_forgives_failures() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        await rig.fail_once("anna")
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        await asked.answer()
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


def test_a_lock_out_is_one_users_own() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(limits=Limits(max_failures=1)))
        rig.templates.kept["bert"] = template_of(STRANGER, "bert")
        rig.enrolled("bert")
        await rig.fail_once("anna")
        assert (await rig.ask(Verify("anna")).answer()).word is Word.LOCKED_OUT
        asked = await rig.before_camera(Verify("bert"))
        rig.show_person(STRANGER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_a_cool_down_says_how_long_and_ends() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 10)
        await asked.answer()
        rig.clock.advance(NS_PER_S)
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.COOLING_DOWN
        assert reply.wait_s == pytest.approx(1.0, abs=0.11)
        rig.clock.advance(NS_PER_S)
        again = await rig.before_camera(Verify("anna"))
        again.gone.set()
        await again.answer()

    play(scene)


def test_a_cool_down_is_waited_in_full_after_a_reboot_and_then_ends() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 10)
        await asked.answer()
        rig.clock.reboot("boot-2")
        rig.clock.advance(3600 * NS_PER_S)
        rig.restart()
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.COOLING_DOWN
        assert reply.wait_s == pytest.approx(2.0, abs=0.11)
        rig.clock.advance(2 * NS_PER_S)
        again = await rig.before_camera(Verify("anna"))
        again.gone.set()
        await again.answer()

    play(scene)


def test_the_failure_is_saved_before_the_answer_goes_out() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        saved: list[int] = []
        asked.told = lambda reply: saved.append(rig.ledgers.kept["anna"].failures if reply.done else -1)
        rig.show_person(STRANGER, 10)
        await asked.answer()
        assert saved == [1]

    play(scene)


def test_a_match_that_cannot_be_written_down_is_no_match() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna", unlock=True))
        rig.ledgers.failing_save = True
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.STORE_ERROR
        assert rig.hooks.ran == []
        assert rig.camera.attempt is None

    play(scene)


def test_a_failure_that_cannot_be_written_down_is_remembered_and_stops_all_attempts() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.ledgers.failing_save = True
        rig.show_person(STRANGER, 10)
        assert (await asked.answer()).word is Word.STORE_ERROR
        rig.clock.advance(60 * NS_PER_S)
        assert (await rig.ask(Verify("anna")).answer()).word is Word.STORE_ERROR
        assert len(rig.camera.starts) == 1
        rig.ledgers.failing_save = False
        again = await rig.before_camera(Verify("anna"))
        assert rig.ledgers.kept["anna"].failures == 1
        again.gone.set()
        await again.answer()

    play(scene)


def test_a_ledger_that_cannot_be_read_opens_no_camera() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.ledgers.failing_load = True
        assert (await rig.ask(Verify("anna")).answer()).word is Word.STORE_ERROR
        assert rig.camera.starts == []

    play(scene)


def test_a_password_given_meanwhile_ends_the_attempt_and_clears_the_failures() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        await rig.fail_once("anna")
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 5)
        assert (await rig.ask(PasswordOk("anna")).answer()).word is Word.OK
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.ledgers.kept["anna"] == Ledger(
            enrolled=rig.ledgers.kept["anna"].enrolled,
            last_password=rig.clock.boot_time(),
            last_unlock=rig.clock.boot_time(),
        )
        assert rig.camera.attempt is None

    play(scene)


def test_a_password_that_cannot_be_written_down_is_not_confirmed() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.ledgers.failing_save = True
        assert (await rig.ask(PasswordOk("anna")).answer()).word is Word.STORE_ERROR
        assert (await asked.answer()).word is Word.STORE_ERROR
        assert rig.camera.attempt is None

    play(scene)


def test_a_password_is_needed_after_boot() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(policy=PolicyRules()))
        assert (await rig.ask(Verify("anna")).answer()).word is Word.PASSWORD_NEEDED
        assert rig.camera.starts == []
        await rig.ask(PasswordOk("anna")).answer()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(lambda number: seen_face(number - 1, 50, OWNER), id="of-an-earlier-attempt"),
        pytest.param(lambda number: seen_face(number + 1, 50, OWNER), id="of-an-attempt-to-come"),
    ],
)
def test_frames_of_another_attempt_are_dropped(observation: Callable[[int], Observation]) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(20):
            rig.show(replace(observation(rig.attempt), seq=index, captured_ns=index * 33_000_000))
        assert not asked.task.done()
        assert [line for line in rig.log if line["kind"] == "frame"] == []
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        status = await rig.ask(Status()).answer()
        assert status.data is not None
        assert status.data["counters"]["late"] == 20

    play(scene)


def test_a_live_frame_from_before_the_attempt_is_dropped() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(source=Source(kind="kinect-v2")), origin=Origin.SENSOR)
        rig.clock.advance(10 * NS_PER_S)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 20)
        assert rig.camera.attempt is not None
        rig.show_person(OWNER, 20, first=10 * NS_PER_S // 33_000_000 + 1)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_a_recordings_own_clock_may_begin_before_the_attempt() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.clock.advance(10 * NS_PER_S)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 20)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_frames_out_of_order_are_not_even_looked_at() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 3, first=2)
        for index in (0, 2, 4):
            rig.show(seen_face(rig.attempt, index, STRANGER))
        assert [line["seq"] for line in rig.log if line["kind"] == "frame"] == [2, 3, 4]
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_news_of_an_ended_attempt_is_dropped() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        number = rig.attempt
        rig.show_person(OWNER, 10)
        rig.controller.floor.on_source_ended(number)
        rig.controller.floor.on_source_lost(number, SourceLost("late"))
        rig.controller.floor.on_camera_ready(number)
        rig.show(seen_face(number, 40, STRANGER))
        assert (await asked.answer()).word is Word.MATCH
        assert rig.timers.pending == []

    play(scene)


def test_a_face_of_another_space_is_no_vote() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(20):
            frame = seen_face(rig.attempt, index, OWNER)
            assert frame.embedding is not None
            rig.show(replace(frame, embedding=replace(frame.embedding, model_id="elsewhere")))
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED

    play(scene)


def test_a_live_camera_that_gives_no_frames_is_ended_by_the_loops_timer() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(source=Source(kind="kinect-v2")), origin=Origin.SENSOR)
        asked = await rig.before_camera(Verify("anna"))
        assert [timer.delay_s for timer in rig.timers.pending] == [6.0]
        rig.timers.fire()
        assert (await asked.answer()).word is Word.TIMED_OUT

    play(scene)


def test_a_live_camera_that_never_opens_is_lost() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(source=Source(kind="kinect-v2")), origin=Origin.SENSOR)
        asked = rig.ask(Verify("anna"))
        await rig.camera.opened.wait()
        rig.timers.fire()
        assert (await asked.answer()).word is Word.SOURCE_LOST

    play(scene)


def test_a_replay_as_fast_as_it_goes_has_no_timers() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        assert rig.timers.made == []
        rig.show_person(OWNER, 10)
        await asked.answer()

    play(scene)


def test_an_event_that_cannot_be_ends_the_attempt_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 5)
        attempt = rig.controller.floor.attempt
        assert attempt is not None
        attempt.start()
        reply = await asked.answer()
        assert reply.word is Word.INTERNAL_ERROR
        assert rig.camera.attempt is None
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)
    assert "cannot happen in state" in caplog.text


def test_an_attempt_cannot_end_twice() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        attempt = rig.controller.floor.attempt
        assert attempt is not None
        rig.show_person(OWNER, 10)
        with pytest.raises(InternalError, match="cannot end twice"):
            attempt.report(Word.MATCH)
        await asked.answer()

    play(scene)


def test_the_same_frames_decide_alike_and_write_the_same_log() -> None:
    def run_once(wait_ns: int) -> list[str]:
        lines: list[str] = []

        async def scene() -> None:
            rig = rig_with_anna()
            rig.clock.advance(wait_ns)
            for person in (STRANGER, OWNER):
                asked = await rig.before_camera(Verify("anna", explain=True))
                rig.show(seen_other(rig.attempt, 0, Seen.NO_FACE))
                rig.show_person(person, 12, first=1)
                await asked.answer()
                rig.clock.advance(5 * NS_PER_S)
            lines.extend(rig.lines)

        play(scene)
        return lines

    first = run_once(0)
    assert first == run_once(123_456_789)
    assert '{"kind":"decision","attempt":1,"op":"verify","user":"anna","word":"no-match"}' in first
    assert '{"kind":"decision","attempt":2,"op":"verify","user":"anna","word":"match"}' in first
    assert "stage_ms" not in "".join(first)


def test_explanations_go_to_those_who_ask_and_to_nobody_else() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        plain = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        await plain.answer()
        assert Word.FRAME not in plain.words
        assert all(reply.data is None for reply in plain.replies)
        asked = await rig.before_camera(Verify("anna", explain=True))
        rig.show_person(OWNER, 10)
        await asked.answer()
        data = asked.replies[1].data
        assert data is not None
        assert (data["seen"], data["vote"], data["counted"], data["stage_ms"]) == ("face", "owner", True, {"detect": 1})
        assert data["scores"]["rgb"] > data["thresholds"]["rgb"]

    play(scene)


def test_that_nobody_is_in_range_is_told_once_and_again_when_somebody_comes() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(20):
            rig.show(replace(seen_other(rig.attempt, index, Seen.NO_FACE), somebody=False))
        rig.show_person(OWNER, 10, first=20)
        assert (await asked.answer()).word is Word.MATCH
        assert asked.words == [Word.STARTED, Word.NOBODY, Word.HINT, Word.SOMEBODY, Word.MATCH]

    play(scene)


def test_who_is_in_range_from_the_first_frame_is_not_told_of() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.show(seen_other(rig.attempt, 0, Seen.NO_FACE))
        rig.show_person(OWNER, 10, first=1)
        assert (await asked.answer()).word is Word.MATCH
        assert asked.words == [Word.STARTED, Word.MATCH]

    play(scene)


def test_a_second_face_is_hinted_at_and_begins_the_votes_anew() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(evidence=EvidenceRules(min_span_ms=0.0)))
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 2)
        for index in range(2, 5):
            rig.show(seen_other(rig.attempt, index, Seen.MANY_FACES))
        rig.show_person(OWNER, 2, first=5)
        assert rig.camera.attempt is not None
        rig.show_person(OWNER, 1, first=7)
        assert (await asked.answer()).word is Word.MATCH
        assert Hint.ONE_PERSON_ONLY in [reply.hint for reply in asked.replies]

    play(scene)


def test_replies_name_an_origin_that_is_no_sensor() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna", explain=True))
        rig.show_person(OWNER, 10)
        await asked.answer()
        assert {reply.origin for reply in asked.replies} == {"recording"}

    play(scene)


def test_while_somebody_has_the_camera_others_are_told_so() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        assert (await rig.ask(Verify("anna")).answer()).word is Word.BUSY
        assert (await rig.ask(Verify("anna"), OTHER).answer()).word is Word.NOT_AUTHORISED
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_root_takes_the_camera_from_anybody_but_root() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.templates.kept["bert"] = template_of(STRANGER, "bert")
        rig.enrolled("bert")
        mine = await rig.before_camera(Verify("anna"))
        roots = rig.ask(Verify("bert"), ROOT)
        assert (await mine.answer()).word is Word.CANCELLED
        await rig.camera.opened.wait()
        assert rig.camera.starts[-1][0] == 2
        assert (await rig.ask(Verify("anna"), ROOT).answer()).word is Word.BUSY
        rig.show_person(STRANGER, 10)
        assert (await roots.answer()).word is Word.MATCH

    play(scene)


def test_a_client_gone_before_its_turn_opens_no_camera() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = rig.ask(Verify("anna"))
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.camera.starts == []

    play(scene)


def test_a_client_gone_at_the_match_is_not_unlocked() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna", unlock=True))
        rig.show_person(OWNER, 10)
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.hooks.ran == []

    play(scene)


def test_shutting_down_ends_the_attempt_and_refuses_the_next() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna"))
        rig.controller.shut_down()
        assert (await asked.answer()).word is Word.CANCELLED
        assert (await rig.ask(Verify("anna")).answer()).word is Word.SHUTTING_DOWN
        assert rig.camera.attempt is None

    play(scene)


def test_a_claim_whose_task_is_ended_closes_the_camera() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked: Asked = await rig.before_camera(Verify("anna"), ME)
        asked.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked.task
        assert rig.camera.attempt is None
        rig.clock.advance(5 * NS_PER_S)
        again = await rig.before_camera(Verify("anna"))
        again.gone.set()
        await again.answer()

    play(scene)


def test_a_zero_cool_down_lets_the_next_attempt_begin_at_once() -> None:
    async def scene() -> None:
        rig = rig_with_anna(config_with(attempt=Attempt(cooldown_s=0.0)))
        for _ in range(3):
            asked = await rig.before_camera(Verify("anna"))
            rig.show(seen_face(rig.attempt, 0, OWNER, face=face_at()))
            asked.gone.set()
            await asked.answer()

    play(scene)


def camera_called(serial: str) -> CameraReport:
    return CameraReport(identity=Identity("Kinect v2", serial))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("0002", "enrolled with camera 0001, this is camera 0002: enrol again with this camera"),
        ("", "enrolled with camera 0001, this one does not say its number: enrol again with this camera"),
    ],
)
def test_another_camera_than_the_enrolments_is_told_with_what_helps(found: str, told: str) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.templates.kept["anna"] = replace(template_of(OWNER, "anna"), camera="0001")
        rig.camera.shown = camera_called(found)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 1)
        reply = await asked.answer()
        assert (reply.word, reply.message) == (Word.SOURCE_ERROR, told)
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


@pytest.mark.parametrize(("before", "now"), [("0001", "0002"), ("0001", ""), ("", "0001")])
def test_a_camera_that_changes_during_an_attempt_ends_it(before: str, now: str) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.camera.shown = camera_called(before)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 2)
        rig.camera.shown = camera_called(now)
        rig.show_person(OWNER, 10, first=2)
        reply = await asked.answer()
        assert reply.word is Word.SOURCE_ERROR
        assert reply.message is not None
        assert reply.message.startswith("the camera changed during the attempt, from ")
        assert rig.camera.attempt is None

    play(scene)
