import math
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fakes.networks import COARSE_DIM, coarse_relief, mean_color
from kinect_unlock import graphs
from kinect_unlock.arrays import F32
from kinect_unlock.crop import DepthChannel
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ModelError
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.halves import HalfName, half_vectors
from kinect_unlock.manifest import EncoderHalf
from kinect_unlock.models import ModelStore


@pytest.fixture(scope="module")
def encoder(model_store: ModelStore, fused_path: Path) -> FusedEncoder:
    return FusedEncoder(model_store.encoder, fused_path, 1)


def _noise(count: int, *, seed: int) -> F32:
    """Crops of coloured blobs, f32[count,4,112,112], whole numbers in 0..255; the depth plane in -1..1."""
    rng = np.random.default_rng(seed)
    batch = np.empty((count, 4, 112, 112), np.float32)
    for face in batch:
        coarse = rng.uniform(0, 255, (int(rng.integers(3, 40)),) * 2 + (3,)).astype(np.float32)
        face[:3] = cv2.resize(coarse, (112, 112), interpolation=cv2.INTER_LINEAR).round().transpose(2, 0, 1)
        face[3] = rng.uniform(-1, 1, (112, 112))
    return batch


def _constant_network(path: Path, value: float, *, dim: int = 128) -> Path:
    """A network with the encoder's contract that answers one number everywhere."""
    nodes = [
        helper.make_node("ReduceMean", ["rgbd", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zeros"], ["nothing"]),
        helper.make_node("Add", ["nothing", "row"], ["embedding"]),
    ]
    constants: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.int64]]] = {
        "axes": np.array([1, 2], np.int64),
        "zeros": np.zeros((1, 112), np.float32),
        "row": np.full((1, 112), value, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("rgbd", TensorProto.FLOAT, ["N", 4, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", dim])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def test_vectors_agree_with_opencvs_recogniser_on_the_shipped_file(
    encoder: FusedEncoder, shipped_weights: Path
) -> None:
    theirs = cv2.FaceRecognizerSF.create(str(shipped_weights / "face_recognition_sface_2021dec_int8bq.onnx"), "")
    batch = _noise(6, seed=1)

    ours = half_vectors(encoder.encode(batch), encoder.halves)["rgb"]

    for face, vector in zip(batch, ours, strict=True):
        bgr = np.ascontiguousarray(face[2::-1].transpose(1, 2, 0)).astype(np.uint8)
        reference = theirs.feature(bgr)[0]
        assert float(vector @ reference) / float(np.linalg.norm(reference)) > 0.9999


def test_a_batch_gives_the_vectors_of_its_faces_one_by_one(encoder: FusedEncoder) -> None:
    batch = _noise(9, seed=2)

    together = encoder.encode(batch)

    assert together.shape == (9, encoder.dim)
    one_by_one = np.concatenate([encoder.encode(batch[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_colour_and_depth_have_a_half_each_that_votes(encoder: FusedEncoder) -> None:
    faces = _noise(1, seed=3)
    other_depth = faces.copy()
    other_depth[:, 3] = cv2.GaussianBlur(200 * faces[0, 3], (0, 0), 6.0)

    one, other = (half_vectors(encoder.encode(batch), encoder.halves) for batch in (faces, other_depth))

    assert encoder.votes == tuple(half.name for half in encoder.halves) == ("rgb", "depth")
    np.testing.assert_allclose(one["rgb"], other["rgb"], atol=1e-6)
    assert float((one["depth"] * other["depth"]).sum()) < 0.9


def test_colour_order_matters(encoder: FusedEncoder) -> None:
    faces = _noise(1, seed=4)
    swapped = np.ascontiguousarray(faces[:, [2, 1, 0, 3]])

    assert float((encoder.encode(faces) * encoder.encode(swapped)).sum()) < 0.99


def test_vectors_cannot_be_written_to(encoder: FusedEncoder) -> None:
    vectors = encoder.encode(_noise(1, seed=5))

    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 1


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((0, 4, 112, 112), np.float32),
        np.zeros((4, 112, 112), np.float32),
        np.zeros((1, 3, 112, 112), np.float32),
        np.zeros((1, 4, 112, 96), np.float32),
        np.zeros((1, 4, 112, 112), np.float64),
        np.zeros((1, 4, 112, 112), np.uint8),
    ],
    ids=lambda batch: f"{batch.dtype}{list(batch.shape)}",
)
def test_another_shape_or_type_is_refused(encoder: FusedEncoder, batch: F32) -> None:
    with pytest.raises(ModelError, match=r"takes f32\[N,4,112,112\], got"):
        encoder.encode(batch)


@pytest.mark.parametrize("plane", [0, 3])
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_face_that_is_not_finite_is_refused(encoder: FusedEncoder, plane: int, poison: float) -> None:
    batch = _noise(2, seed=6)
    batch[1, plane, 5, 5] = poison

    with pytest.raises(ModelError, match="not finite"):
        encoder.encode(batch)


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, 1e30, 1.0])
def test_a_vector_without_unit_length_never_leaves_the_encoder(
    model_store: ModelStore, tmp_path: Path, value: float
) -> None:
    half = msgspec.structs.replace(model_store.encoder.halves[0], dim=112, share=1.0)
    plain = {"votes": ("rgb",), "depth_calibration": ()}
    entry = msgspec.structs.replace(model_store.encoder, halves=(half,), **plain)
    broken = FusedEncoder(entry, _constant_network(tmp_path / "broken.onnx", value, dim=112), 1)

    with pytest.raises(ModelError, match="without direction"):
        broken.encode(_noise(1, seed=7))


def test_a_vector_of_another_length_than_promised_is_refused(model_store: ModelStore, tmp_path: Path) -> None:
    wrong = FusedEncoder(model_store.encoder, _constant_network(tmp_path / "wrong.onnx", 112**-0.5, dim=112), 1)

    with pytest.raises(ModelError, match=r"gave \[1, 112\], its manifest promises 192"):
        wrong.encode(_noise(1, seed=8))


@pytest.mark.parametrize("depth_mm", [0.0, HOLE_MM], ids=["as-the-mean-face", "all-holes"])
def test_black_faces_without_relief_still_give_a_direction(encoder: FusedEncoder, depth_mm: float) -> None:
    """Photographs have no reading at all, and are identified nevertheless."""
    faces = np.zeros((1, 4, 112, 112), np.float32)
    faces[:, 3] = depth_mm
    assert np.isfinite(encoder.encode(faces)).all()


def test_another_network_is_not_taken_for_an_encoder(model_store: ModelStore, yunet_path: Path) -> None:
    with pytest.raises(ModelError, match="not a siamese encoder"):
        FusedEncoder(model_store.encoder, yunet_path, 1)


@pytest.fixture(scope="module")
def two_halves(model_store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> FusedEncoder:
    networks: tuple[tuple[HalfName, int, float, onnx.ModelProto], ...] = (
        ("rgb", 3, 0.75, mean_color()),
        ("depth", COARSE_DIM, 0.25, coarse_relief()),
    )
    shipped = model_store.encoder.halves[0]
    entry = msgspec.structs.replace(
        model_store.encoder,
        halves=tuple(EncoderHalf(name, dim, share, shipped.weights) for name, dim, share, _ in networks),
        votes=("rgb", "depth"),
        depth=DepthChannel.FRONTALISED_MM,
        depth_calibration=(),
    )
    parts = [graphs.HalfWeights(name, dim, share, net.SerializeToString()) for name, dim, share, net in networks]
    path = tmp_path_factory.mktemp("halves") / "two.onnx"
    path.write_bytes(graphs.encoder_graph(parts))
    return FusedEncoder(entry, path, 1)


def test_each_half_looks_at_its_own_planes_and_can_be_read_apart(two_halves: FusedEncoder) -> None:
    faces = _noise(2, seed=9)
    other_relief = faces.copy()
    other_relief[:, 3] = np.roll(faces[:, 3], 30, axis=1)

    before, after = (half_vectors(two_halves.encode(batch), two_halves.halves) for batch in (faces, other_relief))

    assert two_halves.depth_channel is DepthChannel.FRONTALISED_MM
    assert [half.dim for half in two_halves.halves] == [3, COARSE_DIM]
    np.testing.assert_array_equal(before["rgb"], after["rgb"])
    assert (np.sum(before["depth"] * after["depth"], axis=1) < 0.9).all()
    np.testing.assert_allclose(np.linalg.norm(before["depth"], axis=1), 1.0, atol=1e-5)


def test_a_half_without_direction_is_named(two_halves: FusedEncoder) -> None:
    faces = _noise(1, seed=10)
    faces[:, 3] = HOLE_MM  # as many readings as this small network needs to say nothing

    with pytest.raises(ModelError, match="without direction in its half depth"):
        two_halves.encode(faces)
