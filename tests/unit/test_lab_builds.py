"""The laboratory's comparison of an encoder's builds, on vectors whose differences are known."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from drawing import drawn_face
from kinect_unlock.arrays import F32
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import DetectorOptions
from kinect_unlock_lab.compare_builds import as_table, compare, faces_of
from kinect_unlock_lab.observing import layer_ranges

_PEOPLE, _FACES, _DIM = 30, 4, 16


def _vectors(spread: float, seed: int = 0) -> F32:
    """Unit vectors of faces that scatter around their person's."""
    random = np.random.default_rng(seed)
    middles = np.repeat(random.normal(size=(_PEOPLE, _DIM)), _FACES, axis=0)
    vectors = middles + spread * random.normal(size=middles.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


_PERSON = np.repeat([f"p{number}" for number in range(_PEOPLE)], _FACES)


def test_a_build_that_gives_the_same_vectors_differs_by_nothing() -> None:
    same = _vectors(0.7)

    reference, alone, against = compare({"fp32": same, "other": same.copy()}, _PERSON, rounds=20)

    assert (reference.probe, reference.template) == ("fp32", "fp32")
    assert [(row.probe, row.template) for row in (alone, against)] == [("other", "other"), ("other", "fp32")]
    for row in (alone, against):
        assert (row.eer, row.tar) == (reference.eer, reference.tar)
        for difference in (row.eer_difference, row.tar_difference):
            assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
        assert row.cosine_min == pytest.approx(1.0, abs=1e-6)


def test_a_worse_build_is_told_from_a_better_one() -> None:
    reference, worse, _ = compare({"fp32": _vectors(0.6), "other": _vectors(1.2)}, _PERSON, rounds=50)

    assert worse.eer > reference.eer
    assert worse.eer_difference.low > 0
    assert worse.tar_difference.high < 0
    assert worse.cosine_min < 0.9


def test_the_table_fits_80_columns_and_names_both_sides() -> None:
    rows = compare({"fp32": _vectors(0.6), "openvino-int8": _vectors(0.7)}, _PERSON, rounds=20)
    console = Console(width=80, color_system=None)

    with console.capture() as capture:
        console.print(as_table(rows))

    assert "…" not in capture.get()
    assert "openvino-int8" in capture.get()


def test_faces_are_cut_out_with_a_depth_and_images_without_one_are_counted(yunet_path: Path) -> None:
    face = drawn_face(image=(640, 360), middle=(320, 180), height_px=120)
    images = [("one", face), ("nobody", np.zeros((360, 640, 3), np.uint8)), ("one", face)]
    seen: list[int] = []

    faces = faces_of(images, YuNetDetector(yunet_path, DetectorOptions(), 1), on_done=seen.append)

    assert faces.tensors.shape == (2, 4, 112, 112)
    assert list(faces.person) == ["one", "one"]
    assert faces.missed == 1
    assert seen == [1, 2, 3]
    assert float(faces.tensors[0, 3].std()) > 1


def test_a_range_is_a_usual_faces_and_one_odd_face_does_not_widen_it(model_store: ModelStore) -> None:
    faces = np.random.default_rng(0).uniform(100, 150, (5, 3, 112, 112)).astype(np.float32)
    odd = faces.copy()
    odd[0] *= 5

    usual = layer_ranges(model_store.weights("rgbd-fused"), faces)
    with_one_odd = layer_ranges(model_store.weights("rgbd-fused"), odd)

    assert len(usual) == 14
    for name, (low, high) in usual.items():
        assert low < 0 < high
        assert with_one_odd[name][1] - with_one_odd[name][0] < 1.5 * (high - low)
