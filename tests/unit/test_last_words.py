import os
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.sources.last_words import LastWords, harmless
from leftovers import holdings, left_since


@pytest.fixture
def heard() -> Callable[[bytes], str]:
    def listen_to(printed: bytes) -> str:
        words = LastWords()
        other = os.dup(words.pipe)
        words.listen()
        rest = memoryview(printed)
        while rest:
            rest = rest[os.write(other, rest) :]
        os.close(other)
        return words.end()

    return listen_to


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        (b"", ""),
        (b"\n \n\t\n", ""),
        (b"one\ntwo\n\n", "two"),
        (b"no end", "no end"),
        (b"\x1b[1;31m[Error]\x1b[0m \x07lost\x00 it\x1b]0;title\x07\n", "[Error] lost it ]0;title"),
        (b"\xff\xfe\n", "\ufffd\ufffd"),
        ("umlaut ä\n".encode(), "umlaut ä"),
        (b"a\rb\n", "b"),
        (b"x" * 10_000, "x" * 300),
    ],
)
def test_the_last_line_that_says_anything_is_kept_and_does_nothing(
    heard: Callable[[bytes], str], printed: bytes, last: str
) -> None:
    assert heard(printed) == last


def test_a_flood_is_drained_and_its_end_kept(heard: Callable[[bytes], str]) -> None:
    assert heard(b"noise\n" * 100_000 + b"the end\n") == "the end"


def test_who_still_holds_the_pipe_is_not_waited_for() -> None:
    words = LastWords()
    other = os.dup(words.pipe)
    words.listen()
    os.write(other, b"still here\n")

    assert words.end() == "still here"
    os.close(other)


def test_a_stranger_who_prints_on_for_ever_does_not_keep_the_end_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LastWords, "_read", lambda _: b"more\n")  # whenever it is looked, there is more
    words = LastWords()
    other = os.dup(words.pipe)
    words.listen()
    os.write(other, b"it begins\n")
    end = threading.Thread(target=words.end, daemon=True)
    end.start()
    end.join(20.0)
    os.close(other)

    assert not end.is_alive()


def test_nothing_is_left_open() -> None:
    before = holdings()
    words = LastWords()
    words.listen()
    words.end()

    assert not left_since(before)


@given(st.text())
def test_harmless_text_is_one_short_printable_line(text: str) -> None:
    made = harmless(text)

    assert made.isprintable()
    assert len(made) <= 300
