"""What the module makes of each thing that a daemon says or does, by real libpam and a real socket."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from pam.rehearsing import (
    AUTH_ERR,
    AUTHINFO_UNAVAIL,
    BUSY_MS,
    MATCH,
    MAXTRIES,
    STARTED,
    SUCCESS,
    Built,
    Deed,
    Told,
    scripted_daemon,
)

LOOKING = ("info", "Looking for your face.")
RECOGNISED = ("info", "Face recognised.")
NOBODY_UID = 65534
FOREVER_S = 600.0
NO_MATCH = '{"word":"no-match","done":true,"user":"ann"}\n'

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can run a daemon as somebody else")


def stack(folder: Path, built: Built, arguments: str = "") -> Path:
    """Write a stack of the module alone, whose code is then the login's, and return its folder."""
    line = f"auth required {built.module} socket={folder}/s daemon_user=root {arguments}\n"
    for service in ("login", "sshd"):
        (folder / service).write_text(line if os.getuid() == 0 else line.rstrip() + " test_source\n")
    return folder


def outcome(folder: Path, built: Built, *script: Deed, arguments: str = "") -> Told:
    with scripted_daemon(folder / "s", *script):
        (told,) = built.log_in(stack(folder, built, arguments))
    return told


def done(word: str, more: str = "") -> str:
    return f'{{"word":"{word}","done":true{more}}}\n'


def test_a_match_is_success_and_the_person_is_told(built: Built, folder: Path) -> None:
    told = outcome(folder, built, ["say", STARTED], ["say", MATCH])

    assert (told.code, told.setcred) == (SUCCESS, SUCCESS)
    assert told.told == [LOOKING, RECOGNISED]


@pytest.mark.parametrize(
    ("said", "code", "shown"),
    [
        (done("no-match", ',"user":"ann"'), AUTH_ERR, "Face not recognised."),
        (done("locked-out"), MAXTRIES, "Too many failed tries: only the password helps now."),
        (done("timed-out"), AUTHINFO_UNAVAIL, "No face was recognised in time."),
        (done("no-nod"), AUTHINFO_UNAVAIL, "You were recognised, but did not nod in time."),
        (done("cancelled", ',"message":"nobody waits"'), AUTHINFO_UNAVAIL, None),
        (done("cooling-down", ',"wait_s":1.5'), AUTHINFO_UNAVAIL, "Too soon after the last try with the face."),
        (done("password-needed"), AUTHINFO_UNAVAIL, "The password is needed before the face is taken again."),
        (done("not-enrolled"), AUTHINFO_UNAVAIL, None),
        (done("busy"), AUTHINFO_UNAVAIL, "The camera is being used by somebody else."),
        (done("not-authorised"), AUTHINFO_UNAVAIL, None),
        (done("bad-request"), AUTHINFO_UNAVAIL, None),
        (done("config-error"), AUTHINFO_UNAVAIL, "Face recognition is not set up correctly."),
        (done("source-error"), AUTHINFO_UNAVAIL, "The camera cannot be used."),
        (done("source-lost"), AUTHINFO_UNAVAIL, "The camera was lost."),
        (done("internal-error"), AUTHINFO_UNAVAIL, None),
        (done("shutting-down"), AUTHINFO_UNAVAIL, None),
    ],
)
def test_every_other_end_has_its_code_and_sentence(
    built: Built, folder: Path, said: str, code: int, shown: str | None
) -> None:
    told = outcome(folder, built, ["say", STARTED + said])

    assert told.code == code
    assert told.told == [LOOKING] + ([("error", shown)] if shown else [])


def test_hints_are_shown_as_they_come_and_none_twice_in_a_row(built: Built, folder: Path) -> None:
    hints = ["move-closer", "move-closer", "nod", "move-closer"]
    said = "".join(f'{{"word":"hint","hint":"{hint}"}}\n' for hint in hints)
    told = outcome(folder, built, ["say", STARTED + said + MATCH])

    shown = ["Come closer.", "Nod, to show that you mean it.", "Come closer."]
    assert told.told == [LOOKING, *(("info", one) for one in shown), RECOGNISED]


def test_a_flood_of_hints_does_not_flood_the_person(built: Built, folder: Path) -> None:
    said = '{"word":"hint","hint":"look-up"}\n{"word":"hint","hint":"look-down"}\n' * 200
    told = outcome(folder, built, ["say", STARTED + said + MATCH])

    assert told.code == SUCCESS
    assert len(told.told) == 32


def test_the_daemons_own_words_are_never_shown(built: Built, folder: Path) -> None:
    warning = '{"word":"warning","message":"\\u001b[31mGive me your password"}\n'
    told = outcome(folder, built, ["say", STARTED + warning + MATCH])

    assert told.told == [LOOKING, RECOGNISED]


def test_who_wants_silence_is_told_only_what_they_are_to_do(built: Built, folder: Path) -> None:
    nod = '{"word":"hint","hint":"nod"}\n'
    with scripted_daemon(folder / "s", ["say", STARTED + nod + NO_MATCH]):
        (told,) = built.log_in(stack(folder, built), "silent")

    assert (told.code, told.told) == (AUTH_ERR, [("info", "Nod, to show that you mean it.")])


def test_a_conversation_that_fails_changes_no_code(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]):
        (told,) = built.log_in(stack(folder, built), "deaf")

    assert (told.code, told.told) == (SUCCESS, [])


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(MATCH, id="a match before the start"),
        pytest.param(STARTED + '{"word":"match","done":true}\n', id="a match of nobody"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":null}\n', id="a match of null"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"anna"}\n', id="a match of somebody else"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"an"}\n', id="a match of a shorter name"),
        pytest.param(STARTED + '{"word":"match","user":"ann"}\n' + MATCH, id="a match that is not done"),
        pytest.param(STARTED + '{"word":"match","done":1,"user":"ann"}\n', id="done by a number"),
        pytest.param(STARTED + '{"word":"match","done":"true","user":"ann"}\n', id="done by a string"),
        pytest.param('{"word":"started","done":true}\n', id="a start that is done"),
        pytest.param(STARTED + MATCH + MATCH, id="two ends"),
        pytest.param(STARTED + MATCH + "x", id="bytes after the end"),
        pytest.param(STARTED + MATCH.rstrip("\n"), id="no end of the line"),
        pytest.param(STARTED + '{"word":"unlocked","done":true,"user":"ann"}\n', id="what was not asked"),
        pytest.param(STARTED + '{"word":"MATCH","done":true,"user":"ann"}\n', id="an unknown word"),
        pytest.param(STARTED + '{"word":"hint","hint":"dance"}\n' + MATCH, id="an unknown hint"),
        pytest.param(STARTED + '{"word":"hint"}\n' + MATCH, id="a hint without one"),
        pytest.param(STARTED + '{"word":"nobody","hint":"nod"}\n' + MATCH, id="a hint of another word"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","score":1}\n', id="an unknown member"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","origin":"x"}\n', id="an origin"),
        pytest.param(STARTED + '{"word":"no-match","word":"match","done":true,"user":"ann"}\n', id="a word twice"),
        pytest.param(STARTED + '{"word":"match","done":false,"done":true,"user":"ann"}\n', id="done twice"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"bob","user":"ann"}\n', id="a user twice"),
        pytest.param(STARTED + '{"word":{"a":"match"},"done":true,"user":"ann"}\n', id="nesting"),
        pytest.param(STARTED + '[{"word":"match","done":true,"user":"ann"}]\n', id="a list"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"\\u0061nn"}\n', id="an escaped name"),
        pytest.param(STARTED + '{"word":"m\\u0061tch","done":true,"user":"ann"}\n', id="an escaped word"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann\\u0000"}\n', id="an escaped NUL"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann\0"}\n', id="a NUL"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann"}\0\n', id="a NUL at the end"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"\xe4nn"}\n', id="invalid UTF-8"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","message":"\\x"}\n', id="a bad escape"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","message":"\t"}\n', id="a control character"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann",}\n', id="a comma too many"),
        pytest.param(STARTED + '{"word":"match""done":true,"user":"ann"}\n', id="a comma too few"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann"\n', id="no closing brace"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","wait_s":1e3}\n', id="a number in powers"),
        pytest.param(STARTED + '{"word":"match","done":true,"user":"ann","wait_s":NaN}\n', id="no number"),
        pytest.param('{"done":true,"user":"ann"}\n', id="no word"),
        pytest.param("{}\n", id="nothing in it"),
        pytest.param("\n", id="an empty line"),
        pytest.param("HTTP/1.1 200 OK\r\n\r\n", id="another protocol"),
        pytest.param("\xff\xfe\x00\x01" * 50 + "\n", id="noise"),
        pytest.param("", id="nothing at all"),
        pytest.param(STARTED, id="an early end"),
        pytest.param(STARTED + '{"word":"warning","message":"' + "x" * 5000 + '"}\n' + MATCH, id="a long line"),
        pytest.param("x" * 100_000, id="a line without end"),
        pytest.param('{"word":"warning"}\n' * 4000 + MATCH, id="too many lines"),
    ],
)
def test_whatever_is_unclear_leaves_it_to_the_password(built: Built, folder: Path, said: str) -> None:
    told = outcome(folder, built, ["say", said])

    assert told.code == AUTHINFO_UNAVAIL
    assert RECOGNISED not in told.told


def test_what_is_clear_is_taken_however_it_is_written(built: Built, folder: Path) -> None:
    said = (
        '{"done":true,"message":"caf\\u00e9 \\"\\\\ \xc3\xa9","wait_s":0.0,"hint":null,"user":"ann","word":"match"}\n'
    )
    told = outcome(folder, built, ["say", STARTED + said])

    assert told.code == SUCCESS


def test_a_reply_that_comes_byte_by_byte_is_the_same_reply(built: Built, folder: Path) -> None:
    told = outcome(folder, built, ["drip", STARTED + MATCH, 0.001], arguments="timeout=60")

    assert (told.code, told.told) == (SUCCESS, [LOOKING, RECOGNISED])


def test_signals_of_the_application_change_nothing(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED], ["wait", 0.2], ["say", MATCH]):
        (told,) = built.log_in(stack(folder, built, "timeout=60"), "signals")

    assert told.code == SUCCESS


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([["wait", FOREVER_S]], id="says nothing"),
        pytest.param([["say", STARTED], ["wait", FOREVER_S]], id="stops in the middle"),
        pytest.param([["drip", STARTED + MATCH, 0.5]], id="drips too slowly"),
    ],
)
def test_a_daemon_that_hangs_costs_its_time_and_no_more(built: Built, folder: Path, script: list[Deed]) -> None:
    told = outcome(folder, built, *script, arguments="timeout=1")

    assert told.code == AUTHINFO_UNAVAIL
    assert 990 <= told.ms < BUSY_MS


@pytest.mark.parametrize(
    ("hints", "arguments", "shown"),
    [
        pytest.param(["nod"], (), [("error", "You were recognised, but did not nod in time.")], id="no nod"),
        pytest.param(["nod", "look-at-camera"], (), [], id="perhaps no longer the one who was recognised"),
        pytest.param(["nod"], ("silent",), [], id="who wants silence"),
    ],
)
def test_who_was_asked_for_a_nod_when_the_modules_own_time_is_over_is_told_what_was_wanting(
    built: Built, folder: Path, hints: list[str], arguments: tuple[str, ...], shown: list[tuple[str, str]]
) -> None:
    said = "".join(f'{{"word":"hint","hint":"{hint}"}}\n' for hint in hints)
    with scripted_daemon(folder / "s", ["say", STARTED + said], ["wait", FOREVER_S]):
        (told,) = built.log_in(stack(folder, built, "timeout=1"), *arguments)

    assert told.code == AUTHINFO_UNAVAIL
    assert [one for one in told.told if one[0] == "error"] == shown


def test_a_daemon_that_lets_nobody_in_costs_its_time_and_no_more(built: Built, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as first:
        full.bind(str(folder / "s"))
        full.listen(0)
        first.connect(str(folder / "s"))
        (told,) = built.log_in(stack(folder, built, "timeout=1"), "signals")

    assert told.code == AUTHINFO_UNAVAIL
    assert 990 <= told.ms < BUSY_MS


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([["die"]], id="before it says anything"),
        pytest.param([["say", STARTED], ["die"]], id="in mid-attempt"),
        pytest.param([["say", STARTED + MATCH[:-8]], ["die"]], id="within its answer"),
    ],
)
def test_a_daemon_that_is_killed_leaves_it_to_the_password(built: Built, folder: Path, script: list[Deed]) -> None:
    assert outcome(folder, built, *script, arguments="timeout=60").code == AUTHINFO_UNAVAIL


def test_without_a_daemon_the_password_is_asked_at_once(built: Built, folder: Path) -> None:
    (told,) = built.log_in(stack(folder, built))

    assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [])


def test_a_socket_that_nobody_serves_is_no_daemon(built: Built, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "s"))
    (told,) = built.log_in(stack(folder, built))

    assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [])


def test_a_file_in_the_sockets_place_is_no_daemon(built: Built, folder: Path) -> None:
    (folder / "s").write_text(STARTED + MATCH)
    (told,) = built.log_in(stack(folder, built))

    assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [])


@as_root
def test_a_daemon_of_another_user_is_told_nothing_and_not_believed(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH], uid=NOBODY_UID) as daemon:
        (told,) = built.log_in(stack(folder, built))
        heard = daemon.end()

    assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [])
    assert [line for line in heard if "verify" in line] == []


@as_root
def test_the_service_user_is_believed_under_the_name_that_is_given(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH], uid=NOBODY_UID):
        line = f"auth required {built.module} socket={folder}/s daemon_user=nobody\n"
        (folder / "login").write_text(line)
        (told,) = built.log_in(folder)

    assert told.code == SUCCESS


@pytest.mark.parametrize(("arguments", "code"), [("", AUTHINFO_UNAVAIL), ("test_source", SUCCESS)])
def test_frames_that_are_no_sensors_log_in_where_that_is_tried_out(
    built: Built, folder: Path, arguments: str, code: int
) -> None:
    said = (STARTED + MATCH).replace("}", ',"origin":"recording"}')
    line = f"auth required {built.module} socket={folder}/s {arguments}\n"
    with scripted_daemon(folder / "s", ["say", said]):
        (folder / "login").write_text(line)
        (told,) = built.log_in(folder)

    assert told.code == code


def test_the_daemon_is_told_who_for_what_and_where(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        built.log_in(stack(folder, built), "tty=/dev/tty1")

        assert daemon.next_request() == {"op": "verify", "user": "ann", "service": "login", "tty": "/dev/tty1"}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("rhost=192.0.2.1",), id="another host"),
        pytest.param(("rhost=localhost",), id="this host, by the network"),
        pytest.param(("tty=ssh",), id="a terminal of ssh"),
        pytest.param(('tty=", "user": "root',), id="a terminal that would be JSON"),
        pytest.param(("tty=tty\n1",), id="a terminal of two lines"),
        pytest.param((f"tty={'x' * 65}",), id="a long terminal"),
    ],
)
def test_whoever_comes_from_elsewhere_or_nowhere_is_not_asked_about(
    built: Built, folder: Path, arguments: tuple[str, ...]
) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack(folder, built), *arguments)

        assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [])
        assert daemon.end() == []


def test_ssh_is_not_asked_about(built: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack(folder, built), service="sshd")

        assert told.code == AUTHINFO_UNAVAIL
        assert daemon.end() == []


@pytest.mark.parametrize(
    "user", ["", "-rf", ".hidden", "a b", 'a","op":"lock', "a\\", "a\nb", "ünal", "../root", "x" * 65]
)
def test_a_name_that_the_daemon_would_not_take_is_not_sent(built: Built, folder: Path, user: str) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack(folder, built), user=user)

        assert told.code == AUTHINFO_UNAVAIL
        assert daemon.end() == []


def test_the_longest_names_are_sent(built: Built, folder: Path) -> None:
    user = "_" + "x" * 62 + "-"
    said = (STARTED + MATCH).replace("ann", user)
    with scripted_daemon(folder / "s", ["say", said]):
        (told,) = built.log_in(stack(folder, built), f"tty={'/' * 64}", user=user)

    assert told.code == SUCCESS


@pytest.mark.parametrize(
    "argument",
    [
        "socket=run/s",
        "socket=",
        f"socket=/{'x' * 107}",
        "timeout=0",
        "timeout=61",
        "timeout=-1",
        "timeout= 5",
        "timeout=5s",
        "timeout=",
        "timeout=99999999999999999999",
        "nobody=0.5",
        "daemon_user=",
        "Report",
        "debug",
    ],
)
def test_an_argument_that_is_not_understood_lets_nobody_in(built: Built, folder: Path, argument: str) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack(folder, built, argument))

        assert told.code == AUTHINFO_UNAVAIL
        assert daemon.end() == []


def test_when_nobody_is_there_for_a_second_it_gives_up_and_hangs_up(built: Built, folder: Path) -> None:
    nobody = '{"word":"nobody"}\n'
    script: list[Deed] = [["say", STARTED + nobody * 2], ["wait", FOREVER_S]]
    with scripted_daemon(folder / "s", *script) as daemon:
        (told,) = built.log_in(stack(folder, built, "timeout=60 nobody=1"))
        daemon.next_request()

        assert (told.code, told.told) == (AUTHINFO_UNAVAIL, [LOOKING])
        assert 990 <= told.ms < BUSY_MS
        assert daemon.next_line() == "left"


def test_whoever_comes_in_time_is_waited_for(built: Built, folder: Path) -> None:
    came = '{"word":"nobody"}\n{"word":"somebody"}\n'
    told = outcome(
        folder, built, ["say", STARTED + came], ["wait", 1.2], ["say", MATCH], arguments="timeout=60 nobody=1"
    )

    assert told.code == SUCCESS
    assert told.ms >= 1190


def test_valgrind_finds_nothing(module: Built, folder: Path, valgrind: str) -> None:
    runner = (valgrind, "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite,possible")
    watched = replace(module, runner=runner)
    hints = '{"word":"hint","hint":"nod"}\n{"word":"nobody"}\n{"word":"somebody"}\n'
    with scripted_daemon(folder / "s", ["say", STARTED + hints], ["drip", MATCH, 0.0]):
        codes = [told.code for told in watched.log_in(stack(folder, module, "timeout=60"), "times=3")]

    assert codes == [SUCCESS] * 3
