"""The study of liveness on people that do not exist."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from rich.console import Console

from analytic_faces import CALIBRATION, Relief, depth_of, face_relief, plane
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import F32, U8, Box, Detection
from kinect_unlock_lab import datasets
from kinect_unlock_lab.datasets import Side
from kinect_unlock_lab.liveness_report import LivenessStudy, render, report

PRINTS_EACH = 51


class OneFace:
    """Finds the analytic face at its rest; blind to images that are all black."""

    def __init__(self, landmarks_px: F32) -> None:
        self._landmarks_px = landmarks_px

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:  # noqa: ARG002 - as scripted
        if not color.any():
            return ()
        x, y = self._landmarks_px.mean(axis=0)
        box = Box(float(x) - 28.0, float(y) - 34.0, 57.0, 71.0)
        return (Detection(box, 0.9, self._landmarks_px.copy()),)


@pytest.fixture(autouse=True, scope="module")
def _camera() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "RGBD_FACES_CALIBRATION", CALIBRATION)
        yield


@pytest.fixture(scope="module")
def detector() -> OneFace:
    return OneFace(depth_of(face_relief)[1].astype(np.float32))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, detector: OneFace) -> LivenessStudy:
    # p001, p002 and p003 are of one side, REPORT; p003 is an image without a face
    people = {"p001": face_relief, "p002": plane, "p003": face_relief}
    return report(_folder(tmp_path_factory.mktemp("faces"), people), detector)


def _folder(at: Path, people: Mapping[str, Relief]) -> Path:
    rows = ["person,year,pose,rgb,depth,near_frontal"]
    for person, relief in people.items():
        gray = 0 if person == "p003" else 128
        cv2.imwrite(str(at / f"{person}_rgb.png"), np.full((220, 200, 3), gray, np.uint8))
        cv2.imwrite(str(at / f"{person}_depth.png"), depth_of(relief)[0])
        rows.append(f"{person},2019,front,{person}_rgb.png,{person}_depth.png,1")
    (at / "index.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return at


def test_real_and_flat_people_are_counted_apart(study: LivenessStudy) -> None:
    assert (study.samples, study.without_face, study.bpcer.trials) == (3, 1, 2)
    assert (study.bpcer.events, study.people_refused) == (1, 1)


def test_every_person_in_range_is_printed_once_in_every_way(study: LivenessStudy) -> None:
    assert (study.apcer.trials, study.apcer.people) == (2 * PRINTS_EACH, 2)
    for name, rates in study.apcer_by.items():
        total = sum(rate.trials for rate in rates)
        assert total == (2 * 45 if name == "axis, deg" else 2 * PRINTS_EACH), name


def test_no_print_is_live(study: LivenessStudy) -> None:
    assert study.apcer.events == 0
    assert study.apcer.interval.high > 0.02  # none among a hundred is not never


def test_cue_that_refused_is_named(study: LivenessStudy) -> None:
    refused = {cue.name: cue.bpcer.events for cue in study.cues if cue.enforced}

    assert refused["plane_residual_mm"] == 1
    assert refused["face_width_mm"] == 0


def test_study_is_rendered_and_serialised(study: LivenessStudy) -> None:
    console = Console(width=160)
    with console.capture() as shown:
        console.print(render(study))

    assert "simulated" in shown.get()
    assert "1/2 = 50.0 %" in shown.get()
    assert msgspec.json.decode(msgspec.json.encode(study))["bpcer"]["events"] == 1


def test_side_without_people_is_refused(tmp_path: Path, detector: OneFace) -> None:
    with pytest.raises(SourceError, match="nobody of the side 'tune'"):
        report(_folder(tmp_path, {"p001": face_relief}), detector, side=Side.TUNE)


def test_people_out_of_range_give_no_rate(tmp_path: Path, detector: OneFace) -> None:
    with pytest.raises(SourceError, match="no face in range"):
        report(_folder(tmp_path, {"p003": face_relief}), detector)
