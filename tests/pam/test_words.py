"""The module's tables and the daemon's words are the same, and so are the rules of what a name may be."""

import re
from typing import Final

import msgspec
import pytest

from kinect_unlock.wire import Hint, PasswordOk, Reply, Verify, Word
from pam.rehearsing import PAM_FOLDER

SOURCE: Final = (PAM_FOLDER / "pam_kinect_unlock.c").read_text()
# Of enrolment, of naming, of opening a session, of other requests, and of explanations and previews.
NOT_OF_VERIFYING: Final = {
    Word.FRAME, Word.STAGE, Word.STAGE_PASSED, Word.PICTURE, Word.UNLOCKED, Word.ENROLLED, Word.ENROL_FAILED,
    Word.IDENTIFIED, Word.OK, Word.NOTHING_KEPT, Word.HOOK_FAILED,
}  # fmt: skip
PROGRESS: Final = {Word.STARTED, Word.HINT, Word.NOBODY, Word.SOMEBODY, Word.WARNING}


def _table(name: str) -> str:
    found = re.search(rf"\b{name}\[[A-Z_]*\] = \{{(.*?)\}};", SOURCE, re.DOTALL)
    assert found is not None
    return found[1]


def _words() -> dict[str, tuple[bool, str]]:
    """Return, of each word in the table, whether it is done, and its code."""
    rows = {}
    for kind, name, rest in re.findall(r'(GOES_ON\(|NO_ANSWER\(|\{)"([a-z-]+)", ?([^\n]*)', _table("WORDS")):
        code = rest.split(", ")[1] if kind == "{" else "PAM_AUTHINFO_UNAVAIL"
        rows[name] = (kind == "NO_ANSWER(" or rest.startswith("true"), code)
    return rows


def test_it_knows_every_word_that_an_attempt_can_get_and_no_other() -> None:
    assert set(_words()) == {str(word) for word in set(Word) - NOT_OF_VERIFYING}


def test_it_goes_on_for_progress_and_ends_for_the_rest() -> None:
    assert {name for name, (done, _) in _words().items() if not done} == {str(word) for word in PROGRESS}


def test_one_word_is_success_one_is_a_wrong_face_and_one_is_all_tries_used() -> None:
    codes = {name: code for name, (_, code) in _words().items() if code != "PAM_AUTHINFO_UNAVAIL"}

    assert codes == {"match": "PAM_SUCCESS", "no-match": "PAM_AUTH_ERR", "locked-out": "PAM_MAXTRIES"}


def test_it_has_a_sentence_for_every_hint() -> None:
    rows = re.findall(r'\{"([a-z-]+)", "([^"]+\.)"\}', _table("HINTS"))

    assert {name for name, _ in rows} == {str(hint) for hint in Hint}
    assert len({sentence for _, sentence in rows}) == len(rows)


def test_it_reads_the_members_that_a_reply_to_an_attempt_may_have() -> None:
    names = re.findall(r'"([a-z_]+)"', _table("MEMBERS"))

    assert set(names) == set(Reply.__struct_fields__) - {"stage", "data"}


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"op": "verify", "user": "a" * 64, "service": "polkit-1", "tty": "/dev/pts/0"}, Verify),
        ({"op": "verify", "user": "_", "service": "sudo-i", "tty": ""}, Verify),
        ({"op": "verify", "user": "a.b-c_D9", "service": "gdm-password", "tty": "[::1]:10.0@x"}, Verify),
        ({"op": "verify", "user": "ann", "service": "su-l", "tty": "/" * 64}, Verify),
        ({"op": "password-ok", "user": "ann", "service": "login"}, PasswordOk),
    ],
)
def test_the_daemon_takes_what_the_module_sends(request_: dict[str, str], kind: type[Verify | PasswordOk]) -> None:
    assert isinstance(msgspec.json.decode(msgspec.json.encode(request_), type=kind), kind)
