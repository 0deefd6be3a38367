from typing import Any, TypeAlias

import hypothesis.extra.numpy as hnp
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kinect_unlock import graphs
from kinect_unlock.errors import ModelError

_Constants: TypeAlias = dict[str, np.ndarray[Any, Any]]


def _model(
    nodes: list[onnx.NodeProto],
    constants: _Constants,
    *,
    inputs: tuple[str, ...] = ("x",),
    shape: tuple[int | None, ...] = (1, None),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _dequantising(
    q: np.ndarray[Any, Any], scale: np.ndarray[Any, Any], zero: np.ndarray[Any, Any], *, axis: int, block: int
) -> onnx.ModelProto:
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=axis, block_size=block),
        helper.make_node("Mul", ["w", "x"], ["y"]),
    ]
    return _model(nodes, {"q": q, "scale": scale, "zero": zero}, shape=(1,))


def _by_definition(
    q: np.ndarray[Any, Any], scale: np.ndarray[Any, Any], zero: np.ndarray[Any, Any], axis: int, block: int
) -> np.ndarray[Any, Any]:
    out = np.empty(q.shape, np.float32)
    for index in np.ndindex(q.shape):
        if scale.size == 1:
            at: tuple[int, ...] = (0,) * scale.ndim
        elif block:
            at = tuple(i // block if a == axis else i for a, i in enumerate(index))
        else:
            at = (index[axis],)
        out[index] = (np.float32(q[index]) - np.float32(zero[at])) * scale[at]
    return out


@given(st.data())
def test_folding_equals_the_definition_of_dequantisation(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=7))
    axis = data.draw(st.integers(0, len(shape) - 1))
    kind = data.draw(st.sampled_from(["tensor", "axis", "block"]))
    block = data.draw(st.integers(1, 8)) if kind == "block" else 0
    parts = {
        "tensor": (),
        "axis": (shape[axis],),
        "block": tuple(-(-side // block) if block and a == axis else side for a, side in enumerate(shape)),
    }[kind]
    q = data.draw(hnp.arrays(np.int8, shape))
    scale = data.draw(hnp.arrays(np.float32, parts, elements=st.floats(0.0009765625, 4, width=32)))
    zero = data.draw(hnp.arrays(np.int8, parts))
    model = _dequantising(q, scale, zero, axis=axis, block=block)

    graphs._fold_constants(model.graph)

    assert [node.op_type for node in model.graph.node] == ["Mul"]
    folded = numpy_helper.to_array(next(tensor for tensor in model.graph.initializer if tensor.name == "w"))
    np.testing.assert_array_equal(folded, _by_definition(q, scale, zero, axis, block))


def test_scales_that_fit_no_rule_are_refused() -> None:
    q, scale = np.ones((4, 6), np.int8), np.ones((2, 6), np.float32)
    model = _dequantising(q, scale, scale.astype(np.int8), axis=0, block=0)

    with pytest.raises(ModelError, match=r"cannot dequantise weights \(4, 6\) with scales \(2, 6\)"):
        graphs._fold_constants(model.graph)


def test_a_reshape_of_constants_is_folded_and_one_of_data_is_not() -> None:
    constants: _Constants = {"c": np.arange(6, dtype=np.float32), "to": np.array([2, 3], np.int64)}
    nodes = [
        helper.make_node("Reshape", ["c", "to"], ["w"]),
        helper.make_node("Reshape", ["x", "to"], ["z"]),
        helper.make_node("Add", ["w", "z"], ["y"]),
    ]
    model = _model(nodes, constants, shape=(6,))

    graphs._fold_constants(model.graph)

    assert [node.op_type for node in model.graph.node] == ["Reshape", "Add"]
    assert {tensor.name for tensor in model.graph.initializer} == {"w", "to"}


def test_a_reshape_whose_zero_copies_an_axis_is_refused() -> None:
    constants: _Constants = {"c": np.ones((2, 3), np.float32), "to": np.array([0, 3], np.int64)}
    model = _model([helper.make_node("Reshape", ["c", "to"], ["y"])], constants)

    with pytest.raises(ModelError, match="zero has a meaning of its own"):
        graphs._fold_constants(model.graph)


@given(
    hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(np.float32, (3, 1), elements=st.floats(-2, 2, width=32)),
)
def test_the_rewritten_prelu_is_the_same_function_for_every_slope(x: Any, slope: Any) -> None:
    model = _model([helper.make_node("PRelu", ["x", "a"], ["y"])], {"a": slope}, shape=(2, 3, 4))
    expected = np.where(x >= 0, x, slope * x)

    graphs._rewrite_prelu(model.graph)

    assert "PRelu" not in {node.op_type for node in model.graph.node}
    (got,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6, atol=1e-4)


def test_a_network_with_two_true_inputs_is_refused() -> None:
    model = _model([helper.make_node("Add", ["x", "z"], ["y"])], {}, inputs=("x", "z"))

    with pytest.raises(ModelError, match=r"should have one input, it has \['x', 'z'\]"):
        graphs._drop_stale_inputs(model.graph)


@pytest.mark.parametrize("weights", [b"", b"no network", b"\x08\x06"])
def test_bytes_that_are_no_network_are_refused(weights: bytes) -> None:
    with pytest.raises(ModelError, match=r"not an ONNX file|should have one input"):
        graphs.detector_graph(weights)


def _half(name: Any, share: float, *, dim: int = 2, opset: int = 21) -> graphs.HalfWeights:
    """A half whose features are the first ``dim`` rows' sums of its first plane, by a fixed matrix."""
    planes = {"rgb": 3, "depth": 1, "rgbd": 4}[name]
    matrix = np.random.default_rng(planes).normal(size=(planes * 112 * 112, dim)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "m"], ["y"])],
        "half",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", planes, 112, 112])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", dim])],
        [numpy_helper.from_array(matrix, "m")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return graphs.HalfWeights(name, dim, share, model.SerializeToString())


def _features(half: graphs.HalfWeights, planes: Any) -> Any:
    (features,) = ReferenceEvaluator(onnx.load_model_from_string(half.weights)).run(None, {"x": planes})
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def _embedding(halves: list[graphs.HalfWeights], faces: Any) -> Any:
    (embedding,) = ReferenceEvaluator(onnx.load_model_from_string(graphs.encoder_graph(halves))).run(
        None, {"rgbd": faces}
    )
    return embedding


def test_halves_stand_side_by_side_each_with_its_share_and_its_planes() -> None:
    faces = np.random.default_rng(0).normal(size=(3, 4, 112, 112)).astype(np.float32)
    color, depth = _half("rgb", 0.7, dim=3), _half("depth", 0.3)

    embedding = _embedding([color, depth], faces)

    assert embedding.shape == (3, 5)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(embedding[:, :3] / np.sqrt(0.7), _features(color, faces[:, :3]), atol=1e-5)
    np.testing.assert_allclose(embedding[:, 3:] / np.sqrt(0.3), _features(depth, faces[:, 3:]), atol=1e-5)


def test_a_half_may_look_at_all_four_planes() -> None:
    faces = np.random.default_rng(1).normal(size=(2, 4, 112, 112)).astype(np.float32)
    both = _half("rgbd", 1.0)

    np.testing.assert_allclose(_embedding([both], faces), _features(both, faces), atol=1e-5)


def test_halves_of_different_opsets_and_equal_names_are_brought_together() -> None:
    faces = np.random.default_rng(2).normal(size=(1, 4, 112, 112)).astype(np.float32)
    color, depth = _half("rgb", 0.5, opset=13), _half("depth", 0.5, opset=17)

    model = onnx.load_model_from_string(graphs.encoder_graph([color, depth]))

    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 21)]
    np.testing.assert_allclose(
        _embedding([color, depth], faces)[:, 2:] * np.sqrt(2), _features(depth, faces[:, 3:]), atol=1e-5
    )


@pytest.mark.parametrize("shares", [(), (0.5, 0.4), (1.0, 1.0)])
def test_shares_that_are_not_the_whole_are_refused(shares: tuple[float, ...]) -> None:
    names = ("rgb", "depth")

    with pytest.raises(ModelError, match="do not add up to 1"):
        graphs.encoder_graph([_half(name, share) for name, share in zip(names, shares, strict=False)])


def test_a_half_with_operators_of_its_own_is_refused() -> None:
    model = onnx.load_model_from_string(_half("rgb", 1.0).weights)
    model.opset_import.append(helper.make_opsetid("somebody.else", 1))
    model.graph.node[0].domain = "somebody.else"

    with pytest.raises(ModelError, match="'rgb'"):
        graphs.encoder_graph([graphs.HalfWeights("rgb", 2, 1.0, model.SerializeToString())])
