from pathlib import Path

import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock_lab.takes import load_takes
from small_dataset import DEMO


def test_every_tenth_frame_of_a_persons_recordings_is_a_sample(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "first.mkv").symlink_to(DEMO / "stranger.mkv")

    takes = load_takes(tmp_path)

    assert [take.name for take in takes][:2] == ["first-0", "first-10"]
    assert {(take.person, take.group, take.near_frontal) for take in takes} == {("anna", "recordings", False)}
    assert takes[0].frame(seq=5, captured_ns=9).seq == 5
    assert takes[0].frame().depth_mm is not None


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected recordings in a folder a person"):
        load_takes(tmp_path)
