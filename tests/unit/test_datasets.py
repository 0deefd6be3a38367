"""The evaluation data as samples: order, faults and the split of people."""

import os
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


def test_lfw_pairs_carry_fold_and_sameness(tmp_path: Path) -> None:
    for name in ("Ada_B", "Cyd_D"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}_0001.jpg").touch()
    (tmp_path / "pairs.txt").write_text(
        "2\t1\nAda_B\t1\t2\nAda_B\t1\tCyd_D\t1\nCyd_D\t1\t1\nCyd_D\t1\tAda_B\t1\n", encoding="utf-8"
    )

    lfw = load_lfw(tmp_path)

    assert [p.person for p in lfw.photographs] == ["Ada_B", "Cyd_D"]
    assert [(p.same, p.fold) for p in lfw.pairs] == [(True, 0), (False, 0), (True, 1), (False, 1)]
    assert lfw.pairs[0].second.path == tmp_path / "Ada_B" / "Ada_B_0002.jpg"


@pytest.mark.parametrize("text", ["", "2\t1\nAda_B\t1\t2\n", "1\t1\nAda_B\nAda_B\t1\tCyd_D\t1\n"])
def test_faulty_lfw_pairs_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Ada_B").mkdir()
    (tmp_path / "Ada_B" / "Ada_B_0001.jpg").touch()
    (tmp_path / "pairs.txt").write_text(text, encoding="utf-8")

    with pytest.raises(SourceError, match=r"pairs\.txt"):
        load_lfw(tmp_path)


@pytest.mark.data
def test_development_faces_are_whole() -> None:
    root = os.environ.get("KINECT_UNLOCK_DATA")
    if root is None:
        pytest.skip("KINECT_UNLOCK_DATA does not point at the evaluation data")

    samples = load_rgbd_faces(Path(root) / "rgbd-faces")

    people = {s.person: s.year for s in samples}
    assert (len(samples), len(people)) == (618, 104)
    assert sum(s.near_frontal for s in samples) == 228
    assert sum(split(person) is Side.TUNE for person in people) == 54
    assert samples[0].frame().color.shape == (149, 119, 3)
