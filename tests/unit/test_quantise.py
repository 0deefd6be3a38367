from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kinect_unlock import quantise
from kinect_unlock.errors import ModelError

_RANDOM = np.random.default_rng(3)


def _constant(*shape: int, low: float = -1.0) -> Any:
    return _RANDOM.uniform(low, 1.0, shape).astype(np.float32)


def _network() -> onnx.ModelProto:
    """A MobileNet in small: pointwise, depthwise, normalised matrix; normalisations in every place SFace has one."""
    constants = {
        "w1": _constant(4, 3, 1, 1),
        "w2": _constant(4, 1, 3, 3),
        "w3": _constant(6, 4, 1, 1),
        "slope": _constant(6, 1, 1),
        "matrix": _constant(5, 6 * 4 * 4),
        "bias": _constant(5),
    }
    for name, width in (("n1", 4), ("n2", 6), ("n3", 5)):
        constants |= {f"{name}/{part}": _constant(width, low=0.5) for part in ("gain", "offset", "mean", "variance")}

    def normal(name: str, given: str, wanted: str) -> onnx.NodeProto:
        parts = [f"{name}/{part}" for part in ("gain", "offset", "mean", "variance")]
        return helper.make_node("BatchNormalization", [given, *parts], [wanted], epsilon=1e-3)

    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "point"),
        normal("n1", "a", "b"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "depthwise", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "w3"], ["d"], "second"),
        helper.make_node("PRelu", ["d", "slope"], ["e"]),
        normal("n2", "e", "f"),
        helper.make_node("Dropout", ["f"], ["g"]),
        helper.make_node("Flatten", ["g"], ["h"], "flat"),
        helper.make_node("Gemm", ["h", "matrix", "bias"], ["i"], "whole", transB=1),
        normal("n3", "i", "y"),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _run(model: onnx.ModelProto, x: Any) -> Any:
    onnx.checker.check_model(model)
    return ReferenceEvaluator(model).run(None, {"x": x})


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.load_model_from_string(model.SerializeToString())


def test_folding_normalisations_and_the_matrix_changes_nothing_but_rounding() -> None:
    plain, x = _network(), _constant(3, 3, 4, 4)
    folded = _copy(plain)

    quantise.quantise(folded, {})

    kinds = [node.op_type for node in folded.graph.node]
    assert kinds == ["Conv", "Conv", "Conv", "PRelu", "Conv", "Flatten"]
    np.testing.assert_allclose(_run(folded, x)[0], _run(plain, x)[0], rtol=1e-4, atol=1e-5)


def test_the_layers_that_can_be_quantised_are_the_expensive_ones_and_their_inputs_come_out() -> None:
    model, x = _network(), _constant(2, 3, 4, 4)

    names = quantise.with_layer_inputs(model)

    assert names == ("point", "second", "whole")
    assert [value.shape for value in _run(model, x)] == [(2, 3, 4, 4), (2, 4, 4, 4), (2, 6, 4, 4)]


def _observed(model: onnx.ModelProto, x: Any) -> dict[str, tuple[float, float]]:
    watched = _copy(model)
    names = quantise.with_layer_inputs(watched)
    return {name: (float(v.min()), float(v.max())) for name, v in zip(names, _run(watched, x), strict=True)}


def test_a_quantised_network_is_nearly_the_same_function_and_four_times_smaller_where_it_counts() -> None:
    plain, x = _network(), _constant(8, 3, 4, 4)
    small = _copy(plain)

    quantise.quantise(small, _observed(plain, x))

    expected = _run(plain, x)[0]
    assert np.abs(_run(small, x)[0] - expected).max() < 0.03 * np.abs(expected).max()
    held = {tensor.name: tensor.data_type for tensor in small.graph.initializer}
    assert held["whole/small"] == TensorProto.INT8
    assert "matrix" not in held


def test_zero_is_a_whole_step_so_that_padding_stays_nothing() -> None:
    model = _network()

    quantise.quantise(model, {"second": (0.4, 1.0)})

    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert held["second/zero"] == 0
    np.testing.assert_allclose(held["second/step"] * 255, 1.0, rtol=1e-6)


def test_the_same_ranges_give_the_same_bytes() -> None:
    plain = _network()
    first, second = _copy(plain), _copy(plain)
    for model in (first, second):
        quantise.quantise(model, {"second": (-1.0, 2.0)})

    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"other": (0.0, 1.0)}, "does not have: other"),
        ({"depthwise": (0.0, 1.0)}, "depthwise"),
        ({"point": (0, 0)}, "empty"),
    ],
)
def test_ranges_that_do_not_fit_the_network_are_refused(ranges: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        quantise.quantise(_network(), ranges)
