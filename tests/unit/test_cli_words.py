import re

import pytest

from kinect_unlock import cli
from kinect_unlock.cli.asking import tell
from kinect_unlock.cli.words import EXIT_CODES, HINTS, SENTENCES, exit_code, sentence
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.wire import Hint, Reply, Word

PROGRESS = {
    Word.STARTED, Word.HINT, Word.NOBODY, Word.SOMEBODY, Word.FRAME, Word.STAGE, Word.STAGE_PASSED, Word.PICTURE,
    Word.WARNING,
}  # fmt: skip
YES = {Word.MATCH, Word.UNLOCKED, Word.ENROLLED, Word.IDENTIFIED, Word.OK}
LAST_WORDS = sorted(set(Word) - PROGRESS)


def _tree(root: type[KinectUnlockError]) -> set[type[KinectUnlockError]]:
    return {root}.union(*(_tree(child) for child in root.__subclasses__()))


def test_every_word_that_can_be_the_last_has_an_exit_code_of_its_own_and_no_other_has() -> None:
    assert set(EXIT_CODES) == set(LAST_WORDS)


def test_only_a_yes_is_exit_code_0() -> None:
    assert {word for word, code in EXIT_CODES.items() if code == 0} == YES


def test_a_word_without_an_exit_code_is_never_a_yes() -> None:
    with pytest.raises(KeyError):
        exit_code(Reply(Word.FRAME))


def test_a_question_whose_answer_is_nobody_is_exit_code_1() -> None:
    assert exit_code(Reply(Word.IDENTIFIED, done=True)) == 1
    assert exit_code(Reply(Word.IDENTIFIED, done=True, user="ann")) == 0


@pytest.mark.parametrize("kind", sorted(_tree(KinectUnlockError), key=str))
def test_a_fault_has_the_same_exit_code_whether_the_daemon_or_the_command_met_it(kind: type[KinectUnlockError]) -> None:
    if kind.word in set(Word):  # who finds no daemon has no reply
        assert EXIT_CODES[Word(kind.word)] == kind.exit_code


def test_the_help_explains_every_exit_code() -> None:
    explained = {int(code) for code in re.findall(r"(?<!\S)(\d+) [a-z]", " ".join(cli._EPILOG.split()))}

    assert explained >= set(EXIT_CODES.values())


@pytest.mark.parametrize("word", LAST_WORDS)
def test_every_last_reply_is_a_whole_sentence_without_gaps(word: Word) -> None:
    said = sentence(Reply(word, done=True))

    assert said[0].isupper() or said.startswith("this user")
    assert said.endswith(".")
    assert "{" not in said
    assert "None" not in said


def test_a_fault_is_told_in_the_daemons_own_words() -> None:
    assert sentence(Reply(Word.MODEL_ERROR, done=True, message="enrol again")) == "enrol again"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "ann is not enrolled; run `kinect-unlock enrol ann`."),
        ("ann is enrolled by photographs only", "ann is enrolled by photographs only; run `kinect-unlock enrol ann`."),
    ],
)
def test_who_is_not_enrolled_is_told_why_and_how_to(message: str | None, said: str) -> None:
    assert sentence(Reply(Word.NOT_ENROLLED, done=True, user="ann", message=message)) == said


def test_a_cool_down_says_how_long() -> None:
    assert "in 4 s" in sentence(Reply(Word.COOLING_DOWN, done=True, wait_s=3.6))


def test_every_hint_is_said_and_each_in_its_own_words() -> None:
    assert set(HINTS) == set(Hint)
    assert len(set(HINTS.values())) == len(HINTS)


def test_no_sentence_tells_why_somebody_was_refused() -> None:
    said = " ".join([*SENTENCES.values(), *HINTS.values()]).lower()

    assert not [word for word in ("spoof", "photo", "score", "fake", "live") if word in said.replace("deliver", "")]


def test_brackets_in_a_message_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Reply(Word.CONFIG_ERROR, done=True, message="hooks: [/bin/x] [red] is not [a list]"))
    tell(Reply(Word.WARNING, message="[/] odd"))
    told = capsys.readouterr()

    assert told.out == "hooks: [/bin/x] [red] is not [a list]\n"
    assert "[/] odd" in told.err


def test_hints_and_warnings_go_to_standard_error_and_the_end_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(Reply(Word.HINT, hint=Hint.MOVE_CLOSER))
    hint = capsys.readouterr()
    tell(Reply(Word.MATCH, done=True, user="ann", origin="recording"))
    end = capsys.readouterr()

    assert (hint.out, hint.err.strip()) == ("", "move closer")
    assert (end.out, end.err) == ("It is ann. (frames: recording, no camera)\n", "")
