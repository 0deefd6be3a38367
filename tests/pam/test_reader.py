"""The module's reader of replies against the daemon's writer, and against Python's reader of JSON."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinect_unlock.wire import Hint, Reply, Word
from pam.rehearsing import HERE, TIMEOUT_S, Built

Read: TypeAlias = Callable[[list[bytes]], list[str]]

MEMBERS: Final = {"word", "done", "hint", "user", "wait_s", "message", "origin"}
PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
BATCH: Final = 200

any_text = st.text(max_size=8)
value = st.one_of(
    st.sampled_from(["match", "started", "ann", "nod", "", "caf\u00e9", "a\\b", 'a"b', "\x00", "\U0001f600"]),
    any_text, st.none(), st.booleans(), st.integers(-5, 10**6), st.floats(), st.lists(st.none(), max_size=2),
)  # fmt: skip
pairs = st.lists(st.tuples(st.sampled_from([*sorted(MEMBERS), "score", "Word", ""]), value), max_size=8)
replies = st.builds(
    Reply,
    word=st.sampled_from(Word),
    done=st.booleans(),
    hint=st.none() | st.sampled_from(Hint),
    user=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", fullmatch=True),
    wait_s=st.none() | st.floats(0.0, 86_400.0).map(lambda number: round(number, 1)),
    message=st.none() | st.text(max_size=200),
    origin=st.none() | st.sampled_from(["recording", "stand-in"]),
)


@pytest.fixture(scope="module")
def read(module: Built) -> Read:
    """Reads lines by the module's reader, built with sanitizers."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None  # or there would be no module
    program = module.application.with_name("reader")
    options = ["-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *options, "-o", program, HERE / "reader.c", "-lpam"], check=True, timeout=TIMEOUT_S)
    return lambda lines: _answers(program, lines)


def _answers(program: Path, lines: list[bytes]) -> list[str]:
    given_lines = b"".join(b"1" + line + b"\n" for line in lines)
    done = subprocess.run([program], input=given_lines, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = done.stdout.decode().splitlines()
    assert len(answers) == len(lines)
    return answers


def _expected(line: bytes) -> str:
    """Say what the rules make of a line, by another reader."""
    try:
        said = json.loads(line.decode("utf-8"), object_pairs_hook=list, parse_constant=_refused)
    except (ValueError, UnicodeDecodeError):
        return "-"
    if not isinstance(said, list) or not all(isinstance(pair, tuple) for pair in said) or not said:
        return "-"
    names = [name for name, _ in said]
    found: dict[str, Any] = dict(said)
    strings = [found.get(name) for name in ("word", "hint", "user")]
    rest = [found.get(name) for name in ("message", "origin")]
    wait_s = found.get("wait_s")
    fits = (
        len(set(names)) == len(names)
        and set(names) <= MEMBERS
        and isinstance(found.get("word"), str)
        and all(one is None or (isinstance(one, str) and PLAIN.fullmatch(one)) for one in strings)
        and all(one is None or isinstance(one, str) for one in rest)
        and isinstance(found.get("done", False), bool)
        and (wait_s is None or (isinstance(wait_s, int | float) and not isinstance(wait_s, bool)))
    )
    if not fits:
        return "-"
    texts = ["." if one is None else one for one in strings]
    return "\t".join([*texts, "done" if found.get("done") else "more"])


def _refused(constant: str) -> None:
    raise ValueError(constant)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(replies, min_size=1, max_size=BATCH))
def test_it_reads_whatever_the_daemon_writes(read: Read, said: list[Reply]) -> None:
    expected = [
        "\t".join([reply.word, reply.hint or ".", reply.user or ".", "done" if reply.done else "more"])
        for reply in said
    ]

    assert read([msgspec.json.encode(reply) for reply in said]) == expected


def _written(said: list[tuple[str, object]]) -> bytes:
    parts = (f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in said)
    return f"{{{','.join(parts)}}}".encode()


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(pairs, min_size=1, max_size=BATCH))
def test_it_takes_of_json_only_what_the_rules_allow(read: Read, said: list[list[tuple[str, object]]]) -> None:
    lines = [_written(one) for one in said]
    answers = read(lines)

    for line, answer in zip(lines, answers, strict=True):
        plainer = re.search(rb"[eE-]|\\", line) is not None  # powers, negative numbers and escapes it may leave
        assert answer == _expected(line) or (plainer and answer == "-")


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(replies, st.integers(0, 400), st.binary(max_size=2)), min_size=1, max_size=BATCH))
def test_a_damaged_line_is_never_taken_for_more_than_it_says(read: Read, said: list[tuple[Reply, int, bytes]]) -> None:
    lines = []
    for reply, at, bytes_ in said:
        whole = msgspec.json.encode(reply)
        lines.append((whole[: at % len(whole)] + bytes_ + whole[at % len(whole) + 1 :]).replace(b"\n", b""))
    answers = read(lines)

    for line, answer in zip(lines, answers, strict=True):
        # What is not used, such as a message, need not be UTF-8.
        assert answer in {"-", _expected(line.decode("utf-8", "replace").encode())}
