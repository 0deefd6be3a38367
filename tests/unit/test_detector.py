from pathlib import Path

import cv2
import numpy as np
import pytest

from drawing import EYES_ABOVE_MIDDLE, EYES_APART, MOUTH_BELOW_MIDDLE, drawn_face
from kinect_unlock import detector as module
from kinect_unlock.arrays import F32, U8
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.errors import ModelError
from kinect_unlock.observations import Box, Detection
from kinect_unlock.settings import DetectorOptions

_SHIPPED = "face_detection_yunet_2023mar_int8bq.onnx"


@pytest.fixture(scope="module")
def detector(yunet_path: Path) -> YuNetDetector:
    return YuNetDetector(yunet_path, DetectorOptions(), 1)


def _opencvs(weights: Path, color: U8) -> F32:
    """Return the faces OpenCV finds, best first: f32[M,15] with x, y, width, height, five points, score."""
    height, width = color.shape[:2]
    theirs = cv2.FaceDetectorYN.create(str(weights / _SHIPPED), "", (width, height), 0.6, 0.3, 5000)
    found = theirs.detect(cv2.cvtColor(color, cv2.COLOR_RGB2BGR))[1]
    return found[np.argsort(-found[:, 14])].astype(np.float32)


def _row(found: Detection) -> F32:
    box = found.box
    return np.array(
        [box.x_px, box.y_px, box.width_px, box.height_px, *found.landmarks_px.ravel(), found.score], np.float32
    )


def test_faces_agree_with_opencvs_detector_on_the_shipped_file(detector: YuNetDetector, shipped_weights: Path) -> None:
    color = drawn_face(image=(640, 350), middle=(200, 150), height_px=170)
    color[:, 330:] = drawn_face(image=(310, 350), middle=(150, 200), height_px=110)

    ours = detector.detect(color)

    theirs = _opencvs(shipped_weights, color)
    assert len(ours) == len(theirs) == 2
    np.testing.assert_allclose(np.stack([_row(found) for found in ours]), theirs, atol=0.1)
    assert ours[0].score >= ours[1].score


@pytest.mark.parametrize(("image", "height_px"), [((1920, 1080), 300), ((960, 540), 180), ((400, 400), 200)])
def test_landmarks_lie_where_the_face_was_drawn(
    detector: YuNetDetector, image: tuple[int, int], height_px: int
) -> None:
    middle = (image[0] * 3 // 5, image[1] // 2)

    (found,) = detector.detect(drawn_face(image=image, middle=middle, height_px=height_px))

    left, right, _, mouth_left, mouth_right = found.landmarks_px
    slack = 0.1 * height_px
    np.testing.assert_allclose((left + right)[0] / 2, middle[0], atol=slack)
    np.testing.assert_allclose((left + right)[1] / 2, middle[1] - EYES_ABOVE_MIDDLE * height_px, atol=slack)
    np.testing.assert_allclose(right[0] - left[0], EYES_APART * height_px, atol=slack)
    np.testing.assert_allclose(
        (mouth_left + mouth_right)[1] / 2, middle[1] + MOUTH_BELOW_MIDDLE * height_px, atol=slack
    )
    assert found.box.x_px < left[0] < right[0] < found.box.x_px + found.box.width_px


@pytest.mark.parametrize("factor", [1 / 3, 0.5, 2.0])
def test_mapping_back_keeps_pixel_centres_on_whole_numbers(factor: float) -> None:
    middle_of_a_reduced_pixel = np.array([0.9, 20, 30, 10, 12, *([5.0, 7.0] * 5)], np.float32)

    found = module._detection(middle_of_a_reduced_pixel, np.array([1 / factor, 1 / factor]), np.zeros(2))

    expected = (np.array([5.0, 7.0]) + 0.5) / factor - 0.5
    np.testing.assert_allclose(found.landmarks_px, np.tile(expected, (5, 1)), rtol=1e-6)
    assert found.box.width_px == pytest.approx(20 / factor)


def test_a_small_registered_crop_is_enlarged_before_it_is_searched(detector: YuNetDetector) -> None:
    small = drawn_face(image=(119, 149), middle=(60, 75), height_px=64)

    assert module._resized(small, module._factor(small, small, 640)).shape == (298, 238, 3)
    (found,) = detector.detect(small)
    assert 50 < found.landmarks_px[:, 0].mean() < 70


def test_a_large_image_is_reduced_to_the_inputs_width() -> None:
    for size, reduced in (((1080, 1920), (360, 640)), ((400, 500), (400, 500))):
        image = np.zeros((*size, 3), np.uint8)
        assert module._resized(image, module._factor(image, image, 640)).shape == (*reduced, 3)


@pytest.mark.parametrize(
    ("part", "factor"),
    [((1080, 1900), 1 / 3), ((820, 820), 0.3463), ((700, 700), 0.4057), ((300, 300), 0.5)],
    ids=str,
)
def test_a_part_is_reduced_less_the_smaller_it_is_and_never_more_than_the_whole(
    part: tuple[int, int], factor: float
) -> None:
    whole, piece = np.zeros((1080, 1920, 3), np.uint8), np.zeros((*part, 3), np.uint8)

    assert module._factor(whole, piece, 640) == pytest.approx(factor, abs=1e-3)


def test_a_face_is_found_in_a_part_where_it_is_in_the_whole(detector: YuNetDetector) -> None:
    image = drawn_face(image=(1920, 1080), middle=(1300, 500), height_px=300)
    (whole,) = detector.detect(image)

    (part,) = detector.detect(image, Box(1000.4, 200.2, 700.0, 700.0))

    np.testing.assert_allclose(part.landmarks_px, whole.landmarks_px, atol=18)  # a drawing, seen at another scale
    assert detector.detect(image, Box(0.0, 0.0, 600.0, 1080.0)) == ()


@pytest.mark.parametrize(
    "within", [Box(-50.0, -50.0, 20.0, 20.0), Box(5000.0, 0.0, 10.0, 10.0), Box(3.0, 3.0, 0.0, 0.0)]
)
def test_a_part_with_nothing_of_the_image_in_it_means_the_whole(detector: YuNetDetector, within: Box) -> None:
    image = drawn_face(image=(640, 360), middle=(320, 180), height_px=120)

    assert len(detector.detect(image, within)) == 1


def test_reducing_suppresses_noise_as_well_as_averaging_areas_does() -> None:
    noise = np.random.default_rng(2).normal(128, 30, (1080, 1920, 3)).clip(0, 255).astype(np.uint8)

    reduced = module._resized(noise, 1 / 3)

    assert reduced.std() <= cv2.resize(noise, (640, 360), interpolation=cv2.INTER_AREA).std()
    assert reduced.mean() == pytest.approx(noise.mean(), abs=0.5)


def test_an_image_without_a_face_gives_none(detector: YuNetDetector) -> None:
    rng = np.random.default_rng(0)

    assert detector.detect(np.zeros((480, 640, 3), np.uint8)) == ()
    assert detector.detect(rng.integers(0, 256, (480, 640, 3), np.uint8)) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (31, 33), (700, 3)])
def test_any_size_of_image_is_searched(detector: YuNetDetector, size: tuple[int, int]) -> None:
    assert detector.detect(np.full((*size, 3), 128, np.uint8)) == ()


def test_a_face_in_the_dark_is_found_by_the_second_look_alone(
    detector: YuNetDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = drawn_face(image=(640, 360), middle=(320, 180), height_px=120)
    noise = np.random.default_rng(1).normal(0, 5, light.shape)
    dark = np.clip(light * 0.05 + noise, 0, 255).round().astype(np.uint8)

    (found,) = detector.detect(dark)

    np.testing.assert_allclose(found.landmarks_px, detector.detect(light)[0].landmarks_px, atol=10)
    monkeypatch.setattr(module, "_is_dim", lambda _: False)
    assert detector.detect(dark) == ()


def test_light_images_are_looked_at_once(detector: YuNetDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: U8) -> U8:
        pytest.fail("a light image was brightened")

    monkeypatch.setattr(module, "_brightened", never)

    detector.detect(np.full((200, 400, 3), 180, np.uint8))
    detector.detect(drawn_face(image=(400, 400), middle=(200, 200), height_px=200) // 4)


def test_what_is_not_a_number_is_no_face() -> None:
    cells = 16
    outputs = {
        "cls_8": np.ones((1, cells, 1), np.float32),
        "obj_8": np.ones((1, cells, 1), np.float32),
        "bbox_8": np.zeros((1, cells, 4), np.float32),
        "kps_8": np.zeros((1, cells, 10), np.float32),
    }
    outputs["cls_8"][0, 0] = np.nan
    outputs["bbox_8"][0, 1] = np.nan
    outputs["bbox_8"][0, 2, 2] = 1e9
    outputs["kps_8"][0, 3, 4] = np.inf

    found = module._decoded(outputs, 8, 32, DetectorOptions())

    assert len(found) == cells - 3  # an absurd size is bounded, the others are dropped
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "color",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
    ids=lambda color: f"{color.dtype}{list(color.shape)}",
)
def test_another_shape_or_type_is_refused(detector: YuNetDetector, color: U8) -> None:
    with pytest.raises(ModelError, match=r"takes u8\[H,W,3\], got"):
        detector.detect(color)


def test_another_network_is_not_taken_for_the_detector(fused_path: Path) -> None:
    with pytest.raises(ModelError, match="not a YuNet"):
        YuNetDetector(fused_path, DetectorOptions(), 1)


@pytest.mark.data
def test_real_faces_agree_with_opencvs_detector(
    detector: YuNetDetector, shipped_weights: Path, evaluation_data: Path
) -> None:
    paths = sorted((evaluation_data / "rgb-faces").glob("*/*.jpg"))[::150]
    assert paths
    for path in paths:
        color = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        assert color is not None
        larger = cv2.resize(color, (360, 360)).astype(np.uint8)  # wide enough not to be enlarged
        ours, theirs = detector.detect(larger), _opencvs(shipped_weights, larger)
        assert len(ours) == len(theirs) >= 1
        np.testing.assert_allclose(np.stack([_row(found) for found in ours]), theirs, atol=0.1)
