from pathlib import Path

import cv2
import numpy as np
import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock_lab.vap import VAP_CAMERA, load_vap

SIZE = (VAP_CAMERA.height_px, VAP_CAMERA.width_px)


def write_pair(folder: Path, name: str, depth: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    color = np.zeros((*SIZE, 3), np.uint8)
    color[..., 2] = 200  # BGR: red
    cv2.imwrite(str(folder / f"{name}_c.bmp"), color)
    rows = ("\t".join(str(value) for value in row) for row in depth)
    (folder / f"{name}_d.dat").write_text("\n".join(rows) + "\n", encoding="ascii")


def test_a_pair_is_read_in_millimetres_with_missing_readings_as_zero(tmp_path: Path) -> None:
    depth = np.full(SIZE, 950)
    depth[0, :3] = (-1, 70_000, 1)
    write_pair(tmp_path / "anna", "004_1", depth)

    (sample,) = load_vap(tmp_path)
    frame = sample.frame(seq=7)

    assert (sample.person, sample.name, sample.group, sample.near_frontal) == ("anna", "004_1", "vap", False)
    assert frame.seq == 7
    assert frame.color[0, 0].tolist() == [200, 0, 0]
    assert frame.depth_mm is not None
    assert frame.depth_mm[0, :4].tolist() == [0, 0, 1, 950]
    assert frame.calibration is not None


def test_samples_come_person_by_person_in_the_order_of_their_names(tmp_path: Path) -> None:
    for person, name in (("b", "002_1"), ("a", "010_2"), ("a", "001_1")):
        write_pair(tmp_path / person, name, np.zeros(SIZE, int))

    assert [(one.person, one.name) for one in load_vap(tmp_path)] == [("a", "001_1"), ("a", "010_2"), ("b", "002_1")]


@pytest.mark.parametrize(
    ("text", "fault"), [("1 2 3", "3 numbers; expected 307200"), ("1 x", "no depth can be read"), ("", "0 numbers")]
)
def test_depth_that_is_no_depth_is_refused_by_name(tmp_path: Path, text: str, fault: str) -> None:
    write_pair(tmp_path / "a", "001_1", np.zeros(SIZE, int))
    file = tmp_path / "a" / "001_1_d.dat"
    file.write_text(text, encoding="ascii")

    with pytest.raises(SourceError, match=fault) as raised:
        load_vap(tmp_path)[0].frame()
    assert str(file) in str(raised.value)


def test_a_colour_image_without_its_depth_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "a", "001_1", np.zeros(SIZE, int))
    (tmp_path / "a" / "001_1_d.dat").unlink()

    with pytest.raises(SourceError, match=r"001_1_d.dat: missing"):
        load_vap(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected a VAP RGB-D folder"):
        load_vap(tmp_path)


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "a", "001_1", np.zeros(SIZE, int))
    cv2.imwrite(str(tmp_path / "a" / "001_1_c.bmp"), np.zeros((10, 12, 3), np.uint8))

    with pytest.raises(SourceError, match="12x10 pixels; expected 640x480"):
        load_vap(tmp_path)[0].frame()
