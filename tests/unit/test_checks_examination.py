"""What the examination makes of the daemon's own answer."""

import pytest

from kinect_unlock.checks.examination import _key_words
from kinect_unlock.wire import Reply, Word


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"from": "credential", "id": "ab12"}, "; templates are sealed with key ab12, from a systemd credential"),
        ({"from": "file", "id": "ab12"}, "; templates are sealed with key ab12, from a file in its state folder"),
        (None, ""),
    ],
)
def test_where_the_key_is_from_is_told(found: dict[str, str] | None, words: str) -> None:
    assert _key_words(Reply(Word.OK, done=True, data={"template_key": found})) == words


def test_a_daemon_that_refuses_to_answer_tells_no_key() -> None:
    assert _key_words(Reply(Word.NOT_AUTHORISED, done=True)) == ""
