"""The evaluation data as samples: order, faults and the split of people."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Registered
from kinect_unlock_lab.datasets import Side, load_lfw, load_rgbd_faces, split

HEADER = "person,year,pose,rgb,depth,near_frontal"


def _folder(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    (tmp_path / "index.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return tmp_path


def test_samples_come_in_the_order_of_the_index(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "p9,2019,up,b_rgb.png,b_depth.png,0", "p1,2017,front,a_rgb.png,a_depth.png,1")

    samples = load_rgbd_faces(folder)

    assert [(s.person, s.year, s.pose, s.near_frontal) for s in samples] == [
        ("p9", 2019, "up", False),
        ("p1", 2017, "front", True),
    ]
    assert samples[1].rgb_path == folder / "a_rgb.png"


def test_frame_has_rgb_order_millimetres_and_a_registered_grid(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "p1,2017,front,a_rgb.png,a_depth.png,1")
    bgr = np.zeros((149, 119, 3), np.uint8)
    bgr[..., 2] = 200  # red, as OpenCV stores it
    cv2.imwrite(str(folder / "a_rgb.png"), bgr)
    cv2.imwrite(str(folder / "a_depth.png"), np.full((149, 119), 1016, np.uint16))

    frame = load_rgbd_faces(folder)[0].frame(seq=4, captured_ns=7)

    assert frame.color[0, 0].tolist() == [200, 0, 0]
    assert frame.depth_mm is not None
    assert frame.depth_mm[3, 5] == 1016
    assert frame.calibration is not None
    assert isinstance(frame.calibration.depth_to_color, Registered)
    assert (frame.seq, frame.captured_ns) == (4, 7)


@pytest.mark.parametrize(
    ("header", "row", "fault"),
    [
        pytest.param("person,year", "p1,2017", "columns .* are missing", id="columns"),
        pytest.param(HEADER, "p1,soon,front,a,b,1", "index.csv:2: .* is no sample", id="year"),
        pytest.param(HEADER, "p1,2017,front,a,b,yes", "index.csv:2: .* is no sample", id="flag"),
        pytest.param(HEADER, "p1,2017", "index.csv:2: .* is no sample", id="short row"),
    ],
)
def test_faulty_index_is_refused_with_file_and_fault(tmp_path: Path, header: str, row: str, fault: str) -> None:
    folder = _folder(tmp_path, row, header=header)

    with pytest.raises(SourceError, match=fault):
        load_rgbd_faces(folder)


def test_missing_folder_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"index\.csv: cannot be read"):
        load_rgbd_faces(tmp_path / "nowhere")


def test_eight_bit_depth_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "p1,2017,front,a_rgb.png,a_depth.png,1")
    for name in ("a_rgb.png", "a_depth.png"):
        cv2.imwrite(str(folder / name), np.zeros((9, 9, 3), np.uint8))

    with pytest.raises(SourceError, match="one 16-bit channel in millimetres"):
        load_rgbd_faces(folder)[0].frame()


def test_missing_image_is_a_source_error(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "p1,2017,front,a_rgb.png,a_depth.png,1")

    with pytest.raises(SourceError, match=r"a_rgb\.png: no colour image"):
        load_rgbd_faces(folder)[0].frame()


def test_people_keep_their_side_for_ever() -> None:
    # `printf p001 | gzip -c | tail -c8 | od -tx4 -N4` gives e088acd9, and 7981fd63, 0e86cdf5 for the next two: all odd.
    assert [split(person) for person in ("p001", "p002", "p003")] == [Side.REPORT] * 3
    assert {split(f"p{n:03d}") for n in range(50)} == {Side.TUNE, Side.REPORT}


def test_photographs_are_listed_by_path_and_named_by_folder(tmp_path: Path) -> None:
    for name in ("Cyd_D/Cyd_D_0001.jpg", "Ada_B/Ada_B_0002.jpg", "Ada_B/Ada_B_0001.jpg", "pairs.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = [(photograph.person, photograph.path.name) for photograph in load_lfw(tmp_path)]

    assert found == [("Ada_B", "Ada_B_0001.jpg"), ("Ada_B", "Ada_B_0002.jpg"), ("Cyd_D", "Cyd_D_0001.jpg")]


def test_a_folder_without_photographs_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected the LFW folder"):
        load_lfw(tmp_path)


@pytest.mark.data
def test_development_faces_are_whole(evaluation_data: Path) -> None:
    samples = load_rgbd_faces(evaluation_data / "rgbd-faces")

    people = {s.person: s.year for s in samples}
    assert (len(samples), len(people)) == (618, 104)
    assert sum(s.near_frontal for s in samples) == 228
    assert sum(split(person) is Side.TUNE for person in people) == 54
    assert samples[0].frame().color.shape == (149, 119, 3)
