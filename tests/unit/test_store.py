"""Templates, ledgers and the key on a real disk: what comes back, and what is refused."""

import hashlib
import os
import re
import resource
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import BootTime
from kinect_unlock.errors import StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.keys import find_key
from kinect_unlock.limiter import Ledger
from kinect_unlock.observations import HeadPose
from kinect_unlock.private_files import make_folder
from kinect_unlock.sealing import Key, seal, unseal
from kinect_unlock.store import FileLedgerStore, FileTemplateStore, hold_state_dir
from kinect_unlock.templates import Joined, Reason, Template, Views

KEY = Key(bytes(range(32)))
LEDGER = Ledger(failures=3, locked_out=True, cooldown_s=8.0, cooldown_from=BootTime("boot", 5))


def template(user: str = "alice", *, generation: int = 1, rows: int = 3, seed: int = 0) -> Template:
    vectors = np.random.default_rng(seed).normal(size=(rows, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    poses = tuple(None if i % 2 else HeadPose(800.5, -3.0, 0.1, 7.0) for i in range(rows))
    return Template(
        user=user,
        vectors=vectors,
        poses=poses,
        model_id="m1",
        origin=Origin.RECORDING,
        generation=generation,
        enrolled_s=1_700_000_000,
    )


def same(a: Template | None, b: Template) -> bool:
    assert a is not None
    kept = ("user", "poses", "model_id", "origin", "generation", "enrolled_s")
    return a.vectors.tobytes() == b.vectors.tobytes() and all(getattr(a, name) == getattr(b, name) for name in kept)


@pytest.fixture
def store(tmp_path: Path) -> FileTemplateStore:
    return FileTemplateStore(tmp_path, KEY)


@pytest.fixture
def ledgers(tmp_path: Path) -> FileLedgerStore:
    return FileLedgerStore(tmp_path)


def test_a_template_comes_back_as_it_was_saved(store: FileTemplateStore) -> None:
    store.save(template())
    assert same(store.load("alice"), template())


@given(rows=st.integers(1, 40), seed=st.integers(0, 999), user=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z"))
def test_whatever_is_sealed_unseals_to_the_same(rows: int, seed: int, user: str) -> None:
    original = template(user, rows=rows, seed=seed)
    assert same(unseal(seal(original, KEY), user=user, key=KEY, name="x"), original)


def in_both_lights(user: str = "alice", *, rows: int = 3) -> Template:
    other = template(user, rows=rows, seed=7)
    return replace(template(user), infrared=Views(other.vectors, other.poses))


@pytest.mark.parametrize("rows", [1, 3])
def test_infrared_comes_back_beside_colour(store: FileTemplateStore, rows: int) -> None:
    original = in_both_lights(rows=rows)
    store.save(original)
    loaded = store.load("alice")

    assert same(loaded, original)
    assert loaded is not None
    assert loaded.infrared is not None
    assert original.infrared is not None
    assert loaded.infrared.vectors.tobytes() == original.infrared.vectors.tobytes()
    assert loaded.infrared.poses == original.infrared.poses


def sealed_by_an_earlier_version(version: int, old: Template, **more: object) -> bytes:
    """Seal as format 1 or 2 did, whose headers had no camera and nothing that joined."""
    header = {"user": "alice", "model_id": "m1", "origin": "recording", "generation": 1, "enrolled_s": 1_700_000_000}
    text = msgspec.json.encode({**header, "rows": len(old.vectors), "dim": 128, "key_id": KEY.id, **more})
    prefix = struct.pack(">8sHI", b"KUTPL\r\n\x1a", version, len(text)) + text
    views = [Views(old.vectors, old.poses)] + ([] if old.infrared is None else [old.infrared])
    numbers = b"".join(one.vectors.astype("<f4").tobytes() for one in views)
    plain = numbers + msgspec.json.encode([pose for one in views for pose in one.poses])
    return prefix + bytes(12) + AESGCM(KEY.secret).encrypt(bytes(12), plain, prefix)


def test_a_template_of_format_1_opens_without_infrared_and_of_an_unknown_camera() -> None:
    old = template()
    loaded = unseal(sealed_by_an_earlier_version(1, old), user="alice", key=KEY, name="x")

    assert same(loaded, old)
    assert (loaded.infrared, loaded.camera, loaded.joined) == (None, "", ())


def test_a_template_of_format_2_opens_with_infrared_and_of_an_unknown_camera() -> None:
    old = in_both_lights(rows=2)
    loaded = unseal(sealed_by_an_earlier_version(2, old, infrared_rows=2), user="alice", key=KEY, name="x")

    assert same(loaded, old)
    assert loaded.infrared is not None
    assert len(loaded.infrared.vectors) == 2
    assert (loaded.camera, loaded.joined) == ("", ())


def test_camera_and_what_joined_come_back(store: FileTemplateStore) -> None:
    joined = (Joined(1_700_000_100, Reason.MATCH), Joined(1_700_000_200, Reason.PASSWORD))
    store.save(replace(template(rows=4), camera="0123456789", joined=joined))
    loaded = store.load("alice")

    assert loaded is not None
    assert (loaded.camera, loaded.joined) == ("0123456789", joined)
    assert len(loaded.enrolled.vectors) == 2


def test_views_cannot_be_moved_from_one_light_to_the_other(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(in_both_lights())
    path = tmp_path / "templates/alice.tpl"
    path.write_bytes(path.read_bytes().replace(b'"infrared_rows":3', b'"infrared_rows":2'))
    with pytest.raises(StoreError, match="damaged or was changed"):
        store.load("alice")


def test_forgetting_leaves_no_infrared_behind(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(in_both_lights())
    store.delete("alice")
    assert store.load("alice") is None
    assert not list((tmp_path / "templates").iterdir())


@given(st.binary(max_size=400))
def test_foreign_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(StoreError, match="or enrol again"):
        unseal(data, user="alice", key=KEY, name="x")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, by: int) -> None:
    data = bytearray(seal(template(), KEY))
    data[at % len(data)] ^= by
    with pytest.raises(StoreError):
        unseal(bytes(data), user="alice", key=KEY, name="x")


@given(st.integers(0, 10_000))
def test_any_cut_is_refused(keep: int) -> None:
    data = seal(template(), KEY)
    with pytest.raises(StoreError):
        unseal(data[: keep % len(data)], user="alice", key=KEY, name="x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"alice"', b'"mally"'),
        (b'"m1"', b'"m2"'),
        (b'"generation":1', b'"generation":2'),
        (b'"recording"', b'"sensor"'),
        (b'"camera":"4711"', b'"camera":"4712"'),
        (b'"match"', b'"password"'),
        (b',"joined":[{"at_s":1,"reason":"match"}]', b""),
    ],
)
def test_everything_that_is_said_of_a_template_is_authenticated(before: bytes, after: bytes) -> None:
    data = seal(replace(template(), camera="4711", joined=(Joined(1, Reason.MATCH),)), KEY)
    assert data.count(before) == 1
    end = 14 + struct.unpack(">I", data[10:14])[0]
    header = data[14:end].replace(before, after)
    forged = data[:10] + struct.pack(">I", len(header)) + header + data[end:]
    with pytest.raises(StoreError, match="damaged or was changed"):
        unseal(forged, user="mally" if b"mally" in after else "alice", key=KEY, name="x")


def test_no_number_of_a_face_is_in_the_file_in_the_clear() -> None:
    data = seal(template(), KEY)
    rows = template().vectors.astype("<f4").tobytes()
    assert not any(rows[i : i + 8] in data for i in range(0, len(rows), 8))
    assert b"800.5" not in data


def test_two_seals_of_one_template_differ() -> None:
    assert seal(template(), KEY) != seal(template(), KEY)


def test_a_key_does_not_show_itself() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


def test_nobody_is_enrolled_at_first(store: FileTemplateStore) -> None:
    assert store.load("alice") is None
    assert store.users() == ()


def test_users_are_named_in_order(store: FileTemplateStore) -> None:
    for user in ("bob", "alice", "c.d"):
        store.save(template(user))
    assert store.users() == ("alice", "bob", "c.d")


def test_a_newer_template_takes_the_place_of_the_older(store: FileTemplateStore) -> None:
    store.save(template())
    store.save(template(generation=2, seed=1))
    assert same(store.load("alice"), template(generation=2, seed=1))


def test_an_older_template_put_back_during_a_run_is_noticed(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template())
    old = (tmp_path / "templates/alice.tpl").read_bytes()
    store.save(template(generation=2))
    (tmp_path / "templates/alice.tpl").write_bytes(old)
    with pytest.raises(StoreError, match=r"older template of alice was put back \(generation 1, was 2\)"):
        store.load("alice")


def test_deleting_leaves_nothing_and_may_be_repeated(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template(generation=5))
    store.delete("alice")
    store.delete("alice")
    assert store.load("alice") is None
    assert list((tmp_path / "templates").iterdir()) == []
    store.save(template(generation=1))
    assert store.load("alice") is not None


def test_deleting_takes_with_it_what_was_left_of_writing(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template("alice"))
    store.save(template("alice.b"))
    for user in ("alice", "alice.b"):
        (tmp_path / f"templates/.{user}.tpl.0123456789abcdef.tmp").write_bytes(b"half a face")
    store.delete("alice")
    left = sorted(path.name for path in (tmp_path / "templates").iterdir())
    assert left == [".alice.b.tpl.0123456789abcdef.tmp", "alice.b.tpl"]


def test_files_and_folders_are_the_daemons_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with hold_state_dir(tmp_path / "a" / "state"):
            state = tmp_path / "a" / "state"
            FileTemplateStore(state, find_key(state, {}, "auto").key).save(template())
            FileLedgerStore(state).save("alice", LEDGER)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").rglob("*")}
    assert modes == {
        "state": 0o700,
        "lock": 0o600,
        "template.key": 0o600,
        "templates": 0o700,
        "alice.tpl": 0o600,
        "ledgers": 0o700,
        "alice.json": 0o600,
    }


def test_a_renamed_template_is_refused(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template("alice"))
    (tmp_path / "templates/alice.tpl").rename(tmp_path / "templates/bob.tpl")
    with pytest.raises(StoreError, match=r"bob\.tpl is the template of 'alice', not of 'bob': was it renamed"):
        store.load("bob")


def test_a_template_of_another_key_is_refused(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template())
    with pytest.raises(StoreError, match=r"sealed with another key .* restore that key or enrol again"):
        FileTemplateStore(tmp_path, Key.new()).load("alice")


def test_a_template_of_a_newer_format_is_refused(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template())
    path = tmp_path / "templates/alice.tpl"
    data = path.read_bytes()
    path.write_bytes(data[:8] + struct.pack(">H", 4) + data[10:])
    with pytest.raises(StoreError, match="has format 4, this version reads up to 3: upgrade kinect-unlock"):
        store.load("alice")


@pytest.mark.parametrize("content", [b"", b"x", b"KUTPL\r\n\x1a", b"KUTPL\r\n\x1a\0\1\xff\xff\xff\xff" + bytes(99)])
def test_a_spoilt_template_is_refused_but_can_be_replaced(
    store: FileTemplateStore, tmp_path: Path, content: bytes
) -> None:
    store.save(template())
    (tmp_path / "templates/alice.tpl").write_bytes(content)
    with pytest.raises(StoreError, match="enrol again"):
        store.load("alice")
    store.save(template())
    assert same(store.load("alice"), template())


def test_a_huge_file_is_not_read(store: FileTemplateStore, tmp_path: Path) -> None:
    with (tmp_path / "templates/alice.tpl").open("wb") as file:
        file.truncate(1 << 34)
    (tmp_path / "templates/alice.tpl").chmod(0o600)
    with pytest.raises(StoreError, match="larger than 1048576 bytes"):
        store.load("alice")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o666])
def test_a_template_open_to_others_is_refused(store: FileTemplateStore, tmp_path: Path, mode: int) -> None:
    store.save(template())
    (tmp_path / "templates/alice.tpl").chmod(mode)
    with pytest.raises(StoreError, match=rf"is open to others \(mode 0{mode:o}\)"):
        store.load("alice")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_template_of_another_owner_is_refused(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template())
    os.chown(tmp_path / "templates/alice.tpl", 12345, -1)
    with pytest.raises(StoreError, match="belongs to uid 12345"):
        store.load("alice")


def test_a_linked_template_is_refused(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template("bob"))
    (tmp_path / "templates/alice.tpl").symlink_to(tmp_path / "templates/bob.tpl")
    with pytest.raises(StoreError, match="symbolic links"):
        store.load("alice")


def test_a_template_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    FileTemplateStore(tmp_path, KEY)
    (tmp_path / "templates").chmod(0o755)
    with pytest.raises(StoreError, match=r"templates is open to others \(mode 0755\)"):
        FileTemplateStore(tmp_path, KEY)


@pytest.mark.parametrize("user", ["", ".", "..", "../alice", "a/b", "a\0b", "alice\n", ".hidden", "x" * 65, "ü"])
def test_no_user_name_leads_out_of_the_folder(store: FileTemplateStore, ledgers: FileLedgerStore, user: str) -> None:
    with pytest.raises(StoreError, match="is no user name"):
        store.load(user)
    with pytest.raises(StoreError, match="is no user name"):
        ledgers.save(user, LEDGER)


def test_a_template_that_could_not_be_read_back_is_not_saved(store: FileTemplateStore, tmp_path: Path) -> None:
    store.save(template())
    lost = Template(
        user="alice",
        vectors=template().vectors,
        poses=(HeadPose(float("nan"), 0, 0, 0), None, None),
        model_id="m1",
        origin=Origin.SENSOR,
        generation=2,
        enrolled_s=1,
    )
    with pytest.raises(StoreError, match="so it is not saved"):
        store.save(lost)
    assert same(store.load("alice"), template())
    assert [path.name for path in (tmp_path / "templates").iterdir()] == ["alice.tpl"]


def test_what_a_crash_left_is_cleared_away(tmp_path: Path) -> None:
    FileTemplateStore(tmp_path, KEY).save(template())
    (tmp_path / "templates/.alice.tpl.0123456789abcdef.tmp").write_bytes(b"half")
    store = FileTemplateStore(tmp_path, KEY)
    assert [path.name for path in (tmp_path / "templates").iterdir()] == ["alice.tpl"]
    assert same(store.load("alice"), template())


def test_what_is_none_of_ours_in_the_state_folder_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / ".notes.tmp"
    foreign.write_text("a state folder may be somebody's home")
    (tmp_path / ".template.key.0123456789abcdef.tmp").write_bytes(b"half")
    find_key(tmp_path, {}, "auto")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [".notes.tmp", "template.key"]


def test_a_folder_that_somebody_else_made_first_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    theirs.chmod(0o755)
    monkeypatch.setattr(Path, "exists", lambda path: path in tmp_path.parents)  # it appears after we looked
    make_folder(theirs / "state")
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755
    assert stat.S_IMODE((theirs / "state").stat().st_mode) == 0o700


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit_bytes", [0, 1, 700])
def test_a_write_that_fails_half_way_keeps_the_old_template(
    store: FileTemplateStore, tmp_path: Path, limit_bytes: int
) -> None:
    store.save(template())
    with (
        file_size_limit(limit_bytes),
        pytest.raises(StoreError, match="File too large; what was there before is untouched"),
    ):
        store.save(template(generation=2))
    assert same(store.load("alice"), template())
    assert [path.name for path in (tmp_path / "templates").iterdir()] == ["alice.tpl"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    unmount = ["umount"]
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can be mounted by root alone")
    yield disk
    subprocess.run([*unmount, str(disk)], check=True)


def test_a_full_disk_keeps_the_old_template(small_disk: Path) -> None:
    store = FileTemplateStore(small_disk, KEY)
    store.save(template())
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "ballast").write_bytes(bytes(1 << 16))
    with pytest.raises(StoreError, match="No space left on device; what was there before is untouched"):
        store.save(template(generation=2))
    assert same(store.load("alice"), template())
    assert [path.name for path in (small_disk / "templates").iterdir()] == ["alice.tpl"]


def test_one_daemon_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    with hold_state_dir(tmp_path), pytest.raises(StoreError, match="another daemon is using"), hold_state_dir(tmp_path):
        pytest.fail("two daemons in one folder")
    with hold_state_dir(tmp_path):
        pass


def test_a_state_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(StoreError, match=r"state may be written by others"), hold_state_dir(tmp_path / "state"):
        pytest.fail("held")


def test_a_file_in_place_of_the_state_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StoreError, match="Not a directory"), hold_state_dir(tmp_path / "state"):
        pytest.fail("held")


def test_a_ledger_outlives_a_restart(ledgers: FileLedgerStore, tmp_path: Path) -> None:
    ledgers.save("alice", LEDGER)
    assert FileLedgerStore(tmp_path).load("alice") == LEDGER


def test_a_user_without_a_ledger_has_an_empty_one(ledgers: FileLedgerStore) -> None:
    assert ledgers.load("alice") == Ledger()


def test_a_deleted_ledger_is_gone(ledgers: FileLedgerStore) -> None:
    ledgers.save("alice", LEDGER)
    ledgers.delete("alice")
    assert ledgers.load("alice") == Ledger()


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_of_a_ledger_passes(tmp_path_factory: pytest.TempPathFactory, at: int, by: int) -> None:
    state = tmp_path_factory.getbasetemp() / "state"
    ledgers = FileLedgerStore(state)
    ledgers.save("alice", LEDGER)
    path = state / "ledgers/alice.json"
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= by
    path.write_bytes(data)
    with pytest.raises(StoreError, match="so this user cannot try"):
        ledgers.load("alice")


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff\xfe", b"[" * 16_000, b'{"format":2}'])
def test_a_spoilt_ledger_never_counts_as_an_empty_one(ledgers: FileLedgerStore, tmp_path: Path, content: bytes) -> None:
    ledgers.save("alice", LEDGER)
    (tmp_path / "ledgers/alice.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"alice\.json cannot be believed"):
        ledgers.load("alice")


def test_the_ledger_of_another_user_is_refused(ledgers: FileLedgerStore, tmp_path: Path) -> None:
    ledgers.save("bob", Ledger())
    (tmp_path / "ledgers/bob.json").rename(tmp_path / "ledgers/alice.json")
    with pytest.raises(StoreError, match="it is that of 'bob'"):
        ledgers.load("alice")


def test_a_ledger_of_an_older_version_without_a_newer_field_is_read(ledgers: FileLedgerStore, tmp_path: Path) -> None:
    ledgers.save("alice", LEDGER)
    path = tmp_path / "ledgers/alice.json"
    raw = re.sub(rb',"last_unlock":null', b"", path.read_bytes())
    inner = bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])["ledger"])
    digest = hashlib.sha256(b"alice\n" + inner).hexdigest().encode()
    path.write_bytes(re.sub(rb'"sha256":"[0-9a-f]+"', b'"sha256":"' + digest + b'"', raw))
    assert ledgers.load("alice") == LEDGER


def test_a_ledger_that_cannot_be_written_is_an_error(ledgers: FileLedgerStore) -> None:
    ledgers.save("alice", LEDGER)
    with file_size_limit(0), pytest.raises(StoreError, match="what was there before is untouched"):
        ledgers.save("alice", Ledger())
    assert ledgers.load("alice") == LEDGER
