"""Where the templates' key comes from, what is refused, and how it is exchanged for another."""

import stat
from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.errors import StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.keys import exchange_file_key, exchange_keys, find_key, read_key
from kinect_unlock.sealing import Key
from kinect_unlock.settings import KeyPlace
from kinect_unlock.store import FileTemplateStore
from kinect_unlock.templates import Template

OLD, NEW = Key(bytes(range(32))), Key(bytes(range(32, 64)))


def template(user: str = "alice") -> Template:
    vectors = np.eye(2, 4, dtype=np.float32)
    return Template(user, vectors, (None, None), "m", Origin.SENSOR, generation=7, enrolled_s=1)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def credentials(tmp_path: Path, secret: bytes = OLD.secret, *, mode: int = 0o400) -> dict[str, str]:
    """Make a folder of credentials as systemd does, and return the environment that names it."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "template-key").write_bytes(secret)
    (folder / "template-key").chmod(mode)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def keep(path: Path, key: Key) -> Path:
    path.write_bytes(key.secret)
    path.chmod(0o600)
    return path


def test_the_key_is_made_once(state: Path) -> None:
    first = find_key(state, {}, "auto").key
    assert find_key(state, {}, "auto").key == first
    assert stat.S_IMODE((state / "template.key").stat().st_mode) == 0o600
    assert [path.name for path in state.glob(".*")] == []


def test_a_lost_key_is_not_made_anew_while_templates_need_it(state: Path) -> None:
    FileTemplateStore(state, find_key(state, {}, "auto").key).save(template())
    (state / "template.key").unlink()
    with pytest.raises(StoreError, match=r"template\.key is missing, but a template needs it: restore it, or"):
        find_key(state, {}, "auto")
    assert not (state / "template.key").exists()


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_a_spoilt_key_is_refused_and_left_as_it_is(state: Path, content: bytes) -> None:
    (state / "template.key").write_bytes(content)
    (state / "template.key").chmod(0o600)
    with pytest.raises(StoreError, match=r"must hold 32 bytes|larger than 32 bytes"):
        find_key(state, {}, "auto")
    assert (state / "template.key").read_bytes() == content


def test_a_key_that_others_can_read_is_refused(state: Path) -> None:
    find_key(state, {}, "auto")
    (state / "template.key").chmod(0o644)
    with pytest.raises(StoreError, match=r"template\.key is open to others"):
        find_key(state, {}, "auto")


def test_a_crash_while_the_key_was_made_does_no_harm(state: Path) -> None:
    (state / ".template.key.0123456789abcdef.tmp").write_bytes(bytes(5))
    key = find_key(state, {}, "auto").key
    assert key.secret != bytes(32)
    assert list(state.glob(".*")) == []


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440])  # the last is what an ACL of systemd's looks like
def test_a_credential_is_the_key_and_no_file_is_made(tmp_path: Path, state: Path, mode: int) -> None:
    found = find_key(state, credentials(tmp_path, mode=mode), "auto")
    assert (found.key, found.source) == (OLD, "credential")
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("environ", [{}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "relative"}])
def test_without_a_credential_the_key_is_a_file(state: Path, environ: dict[str, str]) -> None:
    found = find_key(state, environ, "auto")
    assert found.source == "file"
    assert (state / "template.key").read_bytes() == found.key.secret


def test_a_folder_of_other_credentials_gives_no_key(tmp_path: Path, state: Path) -> None:
    environ = credentials(tmp_path)
    (tmp_path / "credentials/template-key").rename(tmp_path / "credentials/other")
    assert find_key(state, environ, "auto").source == "file"


def test_a_file_is_used_where_the_configuration_says_so_whatever_credentials_there_are(
    tmp_path: Path, state: Path
) -> None:
    keep(state / "template.key", NEW)
    found = find_key(state, credentials(tmp_path), "file")
    assert (found.key, found.source) == (NEW, "file")


@pytest.mark.parametrize(("environ", "lacking"), [({}, "is not set"), ({"CREDENTIALS_DIRECTORY": "/x"}, "holds none")])
def test_a_credential_that_is_asked_for_and_missing_is_said_with_what_to_do(
    state: Path, environ: dict[str, str], lacking: str
) -> None:
    keep(state / "template.key", OLD)
    with pytest.raises(StoreError, match=rf"template_key: .* {lacking}: .* LoadCredentialEncrypted=template-key:FILE"):
        find_key(state, environ, "credential")


@pytest.mark.parametrize(
    ("secret", "holds"), [(b"", "holds 0"), (bytes(31), "holds 31"), (bytes(33), "more than that")]
)
def test_a_credential_of_the_wrong_length_is_refused(tmp_path: Path, state: Path, secret: bytes, holds: str) -> None:
    with pytest.raises(StoreError, match=rf"credential template-key must hold 32 bytes, it {holds}|{holds}"):
        find_key(state, credentials(tmp_path, secret), "auto")


@pytest.mark.parametrize("mode", [0o404, 0o460, 0o444])
def test_a_credential_that_others_may_read_or_write_is_refused(tmp_path: Path, state: Path, mode: int) -> None:
    with pytest.raises(StoreError, match="is open to others"):
        find_key(state, credentials(tmp_path, mode=mode), "auto")


@pytest.mark.parametrize("name", ["template.key", "template.key.next"])
@pytest.mark.parametrize("place", ["auto", "credential"])
def test_a_credential_and_another_key_in_a_file_are_refused(
    tmp_path: Path, state: Path, name: str, place: KeyPlace
) -> None:
    keep(state / name, NEW)
    with pytest.raises(StoreError, match=rf"two different keys: .*{OLD.id}.*{name}; .* rotate --from"):
        find_key(state, credentials(tmp_path), place)


def test_a_credential_and_the_same_key_in_a_file_are_used_and_told(
    tmp_path: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(state / "template.key", OLD)
    assert find_key(state, credentials(tmp_path), "auto").source == "credential"
    assert "event=key-on-disk" in caplog.text
    assert "remove it" in caplog.text


def test_no_key_file_is_made_where_templates_were_sealed_with_a_credential(tmp_path: Path, state: Path) -> None:
    FileTemplateStore(state, find_key(state, credentials(tmp_path), "auto").key).save(template())
    with pytest.raises(StoreError, match="where they were sealed with the systemd credential template-key, start the"):
        find_key(state, {}, "auto")


def test_exchanging_the_files_key_seals_everything_anew(state: Path) -> None:
    old = find_key(state, {}, "auto").key
    for user in ("alice", "bob"):
        FileTemplateStore(state, old).save(template(user))
    done = exchange_file_key(state)
    new = find_key(state, {}, "auto").key

    assert (done.sealed, done.before) == (2, 0)
    assert new != old
    loaded = FileTemplateStore(state, new).load("bob")
    assert loaded is not None
    assert loaded.generation == 7
    with pytest.raises(StoreError, match="sealed with another key"):
        FileTemplateStore(state, old).load("alice")
    assert sorted(path.name for path in state.iterdir()) == ["template.key", "templates"]
    assert stat.S_IMODE((state / "template.key").stat().st_mode) == 0o600


def test_nothing_is_exchanged_while_a_template_cannot_be_read(state: Path) -> None:
    old = find_key(state, {}, "auto").key
    store = FileTemplateStore(state, old)
    store.save(template("alice"))
    store.save(template("bob"))
    spoilt = state / "templates/bob.tpl"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match=r"bob\.tpl is cut short, .*nothing was changed; `kinect-unlock forget bob`"):
        exchange_file_key(state)
    assert find_key(state, {}, "auto").key == old
    assert not (state / "template.key.next").exists()


def test_a_folder_without_a_key_file_has_none_to_exchange(state: Path) -> None:
    with pytest.raises(StoreError, match=r"template\.key does not exist, so the key is not kept here; .* credential"):
        exchange_file_key(state)


def test_an_exchange_that_a_later_start_finishes_leaves_a_spoilt_template_as_it_is(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = find_key(state, {}, "auto").key
    FileTemplateStore(state, old).save(template("alice"))
    FileTemplateStore(state, old).save(template("bob"))
    keep(state / "template.key.next", NEW)
    (state / "templates/bob.tpl").write_bytes(b"spoilt")
    assert find_key(state, {}, "auto").key == NEW
    assert FileTemplateStore(state, NEW).load("alice") is not None
    assert "event=template-unreadable user=bob" in caplog.text


def test_an_exchange_is_not_finished_over_a_template_that_cannot_be_trusted_now(state: Path) -> None:
    old = find_key(state, {}, "auto").key
    FileTemplateStore(state, old).save(template())
    keep(state / "template.key.next", NEW)
    path = state / "templates/alice.tpl"
    path.chmod(0o644)
    with pytest.raises(StoreError, match=r"alice\.tpl is open to others"):
        find_key(state, {}, "auto")
    path.chmod(0o600)
    assert find_key(state, {}, "auto").key == NEW
    assert FileTemplateStore(state, NEW).load("alice") is not None


def test_keys_from_outside_may_be_exchanged_again_and_again(state: Path) -> None:
    FileTemplateStore(state, OLD).save(template("alice"))
    FileTemplateStore(state, NEW).save(template("bob"))  # as an exchange that was interrupted leaves it
    first, second = exchange_keys(state, OLD, NEW), exchange_keys(state, OLD, NEW)

    assert (first.sealed, first.before, second.sealed, second.before) == (1, 1, 0, 2)
    assert all(FileTemplateStore(state, NEW).load(user) is not None for user in ("alice", "bob"))
    assert not (state / "template.key").exists()


def test_keys_from_outside_that_open_nothing_change_nothing(state: Path) -> None:
    FileTemplateStore(state, Key.new()).save(template())
    before = (state / "templates/alice.tpl").read_bytes()
    with pytest.raises(StoreError, match="sealed with another key"):
        exchange_keys(state, OLD, NEW)
    assert (state / "templates/alice.tpl").read_bytes() == before


def test_a_key_in_a_file_must_be_one(tmp_path: Path) -> None:
    assert read_key(keep(tmp_path / "key", OLD)) == OLD
    with pytest.raises(StoreError, match="does not exist"):
        read_key(tmp_path / "none")
    (tmp_path / "key").write_bytes(b"dGVtcGxhdGUta2V5\n")
    with pytest.raises(StoreError, match=r"must hold 32 bytes, it holds 17: is it a key, decrypted\?"):
        read_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(StoreError, match="is open to others"):
        read_key(tmp_path / "key")
