import asyncio
import hashlib
import os
import pwd
from pathlib import Path

from kinect_unlock.lookups import recording_hash, user_name
from kinect_unlock.settings import Source


def test_a_recording_is_known_by_its_hash_and_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    played = Source(kind="replay", path=str(path))
    for content in (b"first", b"another"):
        path.write_bytes(content)

        assert asyncio.run(recording_hash(played, None)) == hashlib.sha256(content).hexdigest()


def test_what_cannot_be_read_has_no_hash(tmp_path: Path) -> None:
    assert asyncio.run(recording_hash(Source(kind="replay", path=str(tmp_path / "none.mkv")), None)) is None


def test_a_camera_plays_no_recording() -> None:
    assert asyncio.run(recording_hash(Source(kind="kinect-v2"), None)) is None


def test_users_have_names_and_nobody_has_none() -> None:
    uid = os.getuid()

    assert asyncio.run(user_name(uid)) == pwd.getpwuid(uid).pw_name
    assert asyncio.run(user_name(2**32 - 7)) is None
