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
