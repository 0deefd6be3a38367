import asyncio
from pathlib import Path

import pytest

import protocol_fuzz
from kinect_unlock.private import PrivateDaemon

DECODED = 20_000
KNOCKS = 1_500


def test_the_decoder_lets_in_requests_and_refuses_all_else_in_few_words() -> None:
    many = protocol_fuzz.lines(seed=5)
    seen = {protocol_fuzz.judge_line(next(many)) for _ in range(DECODED)}
    assert seen == {"refused", *(type(seed).__name__ for seed in protocol_fuzz.SEEDS)}


def test_equal_seeds_give_equal_inputs() -> None:
    one, other = protocol_fuzz.lines(seed=5), protocol_fuzz.lines(seed=5)
    assert [next(one) for _ in range(50)] == [next(other) for _ in range(50)]


@pytest.mark.parametrize("seed", [6, 7])
def test_the_door_answers_everything_with_one_last_word_and_no_fault_of_its_own(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    with PrivateDaemon.folder() as folder:
        words = asyncio.run(protocol_fuzz.knock(Path(folder) / "s", KNOCKS, seed))
    assert words.total() >= KNOCKS * 0.99  # some inputs are empty: who says nothing is told nothing
    assert words["bad-request"] > KNOCKS / 2
    assert words["ok"]
    assert "event=claim-fault" not in caplog.text
