import os
from pathlib import Path

import pytest

from kinect_unlock import trust

ME = os.getuid()


def test_a_file_of_ours_is_believed(tmp_path: Path) -> None:
    (tmp_path / "x").touch(mode=0o644)
    assert trust.write_faults(tmp_path / "x", (tmp_path / "x").stat(), uid=ME) == []
    assert trust.folder_faults(tmp_path / "x", uid=ME) == []


@pytest.mark.skipif(ME != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    os.chown(tmp_path / "x", 12345, -1)
    (fault,) = trust.write_faults(tmp_path / "x", (tmp_path / "x").stat(), uid=ME)
    assert "belongs to uid 12345" in fault


def test_a_private_file_must_not_be_readable_by_others(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "x").chmod(0o640)
    (fault,) = trust.privacy_faults(tmp_path / "x", (tmp_path / "x").stat(), uid=ME)
    assert "is open to others (mode 0640): chmod go= " in fault


def test_a_private_file_of_another_user_is_refused_even_from_root(tmp_path: Path) -> None:
    (tmp_path / "x").touch(mode=0o600)
    (fault,) = trust.privacy_faults(tmp_path / "x", (tmp_path / "x").stat(), uid=ME + 1)
    assert f"belongs to uid {ME}, not to uid {ME + 1}" in fault


def test_a_sticky_folder_on_the_way_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)
    assert trust.folder_faults(tmp_path / "sticky" / "x", uid=ME) == []


def test_opening_neither_waits_for_a_pipe_nor_follows_a_link_when_told_not_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        trust.open_regular(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic links"):
        trust.open_regular(tmp_path / "link", follow_links=False)
