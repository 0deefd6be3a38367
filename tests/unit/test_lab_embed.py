"""Every system gets the same crops, in good light and in bad, and a missing face is a row of zeros."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.datasets import Photograph, Sample, load_rgbd_faces
from kinect_unlock_lab.dimming import DIM, Light
from kinect_unlock_lab.embed import Measured, Study, side_by_side
from kinect_unlock_lab.errors import MissingPackagesError
from kinect_unlock_lab.kinds import kind_of
from kinect_unlock_lab.systems import system
from small_dataset import write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(models=Models(cache_dir=str(tmp_path_factory.mktemp("networks"))))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    people = {"anna": ("owner-enrols", 2017, (0, 9)), "bert": ("stranger", 2019, (2,))}
    return load_rgbd_faces(write_dataset(tmp_path_factory.mktemp("faces"), people))


@pytest.fixture(scope="module")
def found(config: Config, samples: tuple[Sample, ...]) -> dict[str, Measured]:
    return dict(side_by_side(Study(config, ("sface", "opencv-sface")), samples))


def test_one_face_gives_two_engines_the_same_vector(found: dict[str, Measured]) -> None:
    ours, theirs = (found[name].embedded.embeddings for name in ("sface", "opencv-sface"))
    assert (ours * theirs).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-3)
    assert all(one.encode_ms > 0 and one.size_mb > 1 for one in found.values())


def test_a_row_says_where_it_was_taken_and_what_was_measured(found: dict[str, Measured]) -> None:
    embedded = found["sface"].embedded
    assert embedded.place.tolist() == ["2017", "2017", "2019"]
    assert embedded.acquired.all()
    for values in (embedded.distance_mm, embedded.yaw_deg, embedded.light):
        assert np.isfinite(values).all()
    assert (embedded.light > 20).all()
    assert ((embedded.hair >= 0) | np.isnan(embedded.hair)).all()


def test_dim_light_darkens_colour_alone(
    config: Config, samples: tuple[Sample, ...], found: dict[str, Measured]
) -> None:
    dark = side_by_side(Study(config, ("sface",), DIM[0]), samples)["sface"].embedded
    bright = found["sface"].embedded
    assert (dark.light < 0.2 * bright.light).all()
    assert dark.distance_mm == pytest.approx(bright.distance_mm)
    cosines = (dark.embeddings * bright.embeddings).sum(axis=1)
    assert (cosines < 0.99).all()
    assert (cosines > 0.2).all()


def test_landmarks_of_an_image_too_dark_to_see_are_a_failure_to_acquire(
    config: Config, samples: tuple[Sample, ...]
) -> None:
    black = side_by_side(Study(config, ("sface",), Light(0.0, 0.0, "dark")), samples)["sface"].embedded
    assert not black.acquired.any()
    assert set(black.seen.tolist()) == {"dark"}


def test_two_processes_see_what_one_sees(
    config: Config, samples: tuple[Sample, ...], found: dict[str, Measured]
) -> None:
    from kinect_unlock_lab.mapping import Workers  # noqa: PLC0415 - for this test alone

    twice = side_by_side(Study(config, ("sface",)), samples, Workers(jobs=2))["sface"].embedded
    assert (twice.embeddings == found["sface"].embedded.embeddings).all()


def test_photographs_are_embedded_without_depth(config: Config, samples: tuple[Sample, ...]) -> None:
    photographs = [Photograph(sample.person, sample.rgb_path) for sample in samples]
    flat = side_by_side(Study(config, ("sface",)), photographs)["sface"].embedded
    assert flat.acquired.all()
    assert np.isnan(flat.distance_mm).all()
    assert not flat.depth_fit.any()


def test_dlibs_network_tells_the_same_faces_apart(config: Config, samples: tuple[Sample, ...]) -> None:
    try:
        system("dlib", config)
    except MissingPackagesError as fault:
        pytest.skip(str(fault))
    vectors = side_by_side(Study(config, ("dlib",)), samples)["dlib"].embedded.embeddings
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_a_network_in_a_file_is_measured_by_the_planes_it_takes(
    config: Config, samples: tuple[Sample, ...], model_store: ModelStore
) -> None:
    path = str(model_store.build("rgbd-fused"))
    assert path.endswith(".onnx")
    vectors = side_by_side(Study(config, (path,)), samples)[path].embedded
    assert [half.name for half in vectors.halves] == ["rgbd"]
    assert np.linalg.norm(vectors.embeddings, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_a_folder_says_by_its_files_of_which_kind_it_is(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    assert kind_of(samples[0].rgb_path.parents[1]).name == "RGB-D folder"
    (tmp_path / "Anna").mkdir()
    (tmp_path / "Anna" / "Anna_0001.jpg").write_bytes(b"")
    assert kind_of(tmp_path).name == "photographs"
