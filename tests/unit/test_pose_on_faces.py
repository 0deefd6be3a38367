"""Pose and sharpness on real Kinect faces, as far as the names of the poses tell the truth."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from kinect_unlock.align import align_face
from kinect_unlock.crop import SHARP, DepthChannel, face_tensor, sharpness
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.observations import HeadPose
from kinect_unlock.pose import place_head
from kinect_unlock.settings import DetectorOptions
from kinect_unlock_lab.datasets import Sample, load_rgbd_faces


class Measured(NamedTuple):
    sample: Sample
    pose: HeadPose | None
    sharpness: float


@pytest.fixture(scope="module")
def faces(yunet_path: Path, evaluation_data: Path) -> list[Measured]:
    detector = YuNetDetector(yunet_path, DetectorOptions(), 1)
    found = []
    for sample in load_rgbd_faces(evaluation_data / "rgbd-faces"):
        frame = sample.frame()
        assert frame.depth_mm is not None
        assert frame.calibration is not None
        for detection in detector.detect(frame.color)[:1]:
            depth = align_face(frame.depth_mm, frame.calibration, detection.box)
            tensor = face_tensor(frame.color, detection, depth, contract=DepthChannel.REGISTERED)
            placement = place_head(detection, depth, frame.calibration)
            pose = None if placement is None else placement.pose
            found.append(Measured(sample, pose, sharpness(tensor)))
    return found


def posed(faces: list[Measured], name: str) -> list[HeadPose]:
    return [face.pose for face in faces if face.sample.pose == name and face.pose is not None]


@pytest.mark.data
def test_every_detected_real_face_has_a_pose_and_is_sharp(faces: list[Measured]) -> None:
    assert len(faces) >= 610
    assert all(face.pose is not None for face in faces)
    assert np.mean([face.sharpness < SHARP for face in faces]) < 0.005


@pytest.mark.data
def test_named_poses_have_their_signs(faces: list[Measured]) -> None:
    assert np.median([pose.yaw_deg for pose in posed(faces, "left")]) < -35
    assert np.median([pose.yaw_deg for pose in posed(faces, "right")]) > 35
    assert np.mean([pose.pitch_deg > 10 for pose in posed(faces, "up")]) > 0.87
    assert np.mean([pose.pitch_deg < -10 for pose in posed(faces, "down")]) > 0.83
    for name in ("front", "up", "down"):
        assert abs(np.median([pose.yaw_deg for pose in posed(faces, name)])) < 4


@pytest.mark.data
def test_near_frontal_faces_are_measured_near_frontal(faces: list[Measured]) -> None:
    poses = [face.pose for face in faces if face.sample.near_frontal and face.pose is not None]
    assert np.mean([abs(pose.yaw_deg) <= 20 and abs(pose.pitch_deg) <= 20 for pose in poses]) > 0.93
