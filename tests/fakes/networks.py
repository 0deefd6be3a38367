"""Small networks in the place of trained ones."""

from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCK_PX: Final = 8
COARSE_DIM: Final = (112 // BLOCK_PX) ** 2


def coarse_relief() -> onnx.ModelProto:
    """Make a network f32[N,1,112,112] -> f32[N,196]: the relief's mean in blocks, holes as high as the mean face."""
    constants: dict[str, Any] = {"hole": np.array(-999.0, np.float32), "nothing": np.array(0.0, np.float32)}
    nodes = [
        helper.make_node("LessOrEqual", ["relief", "hole"], ["is_hole"]),
        helper.make_node("Where", ["is_hole", "nothing", "relief"], ["filled"]),
        helper.make_node("AveragePool", ["filled"], ["blocks"], kernel_shape=[BLOCK_PX] * 2, strides=[BLOCK_PX] * 2),
        helper.make_node("Flatten", ["blocks"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "coarse",
        [helper.make_tensor_value_info("relief", TensorProto.FLOAT, ["N", 1, 112, 112])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", COARSE_DIM])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def mean_color() -> onnx.ModelProto:
    """Make a network f32[N,3,112,112] -> f32[N,3]: the mean of each colour."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["color"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-color",
        [helper.make_tensor_value_info("color", TensorProto.FLOAT, ["N", 3, 112, 112])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
