"""The depth half as an ONNX network: the steps of `depth_features`, then one matrix."""

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kinect_unlock.arrays import F64
from kinect_unlock_lab.training import depth_features as steps
from kinect_unlock_lab.training.depth_features import DepthFeatures

INPUT: Final = "depth"
OUTPUT: Final = "features"
_HALF: Final = (2, 2)
_OPSET: Final = 17
_IR_VERSION: Final = 8  # the oldest with that opset


def depth_graph(recipe: DepthFeatures, mean: F64, directions: F64) -> bytes:
    """Return the network: input ``depth`` f32[N,1,112,112] in mm, output ``features`` f32[N,dims], not normalised.

    ``mean`` f64[1568] and ``directions`` f64[1568,dims] are those of the features. A map without a single reading
    gives the mean's own vector, which is like nobody's.
    """
    constants = _constants(recipe, mean, directions)
    side = steps.MAP_SIDE_PX
    graph = helper.make_graph(
        _nodes(),
        "depth_half",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", 1, side, side])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", directions.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="kinect-unlock"
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _constants(recipe: DepthFeatures, mean: F64, directions: F64) -> dict[str, NDArray[np.generic]]:
    line = steps.blur_kernel(recipe)
    slope = np.zeros((2, 1, 3, 3), np.float32)
    slope[0, 0, 1, [0, 2]] = slope[1, 0, [0, 2], 1] = np.array([-1, 1]) / (2 * steps.POOLED_PITCH_MM)
    numbers = {
        "hole_below": steps.HOLE_BELOW_MM,
        "reach": recipe.reach_mm,
        "one": 1.0,
        "fewest": steps.FEWEST_READINGS / 4,  # AveragePool gives shares of four
        "least_share": 1 / 4,
        "least_weight": steps.LEAST_WEIGHT,
        "slope_least": -recipe.slope_limit,
        "slope_most": recipe.slope_limit,
    }
    return {
        **{name: np.array(value, np.float32) for name, value in numbers.items()},
        "blur": np.outer(line, line)[np.newaxis, np.newaxis].astype(np.float32),
        "slope": slope,
        "face": steps.face_weight(recipe)[np.newaxis, np.newaxis],
        "directions": directions.astype(np.float32),
        "offset": (-mean @ directions).astype(np.float32),
    }


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Greater", [INPUT, "hole_below"], ["measured"]),
        node("Abs", [INPUT], ["off_mean"]),
        node("LessOrEqual", ["off_mean", "reach"], ["near"]),
        node("And", ["measured", "near"], ["believed_bool"]),
        node("Cast", ["believed_bool"], ["believed"], to=TensorProto.FLOAT),
        node("Mul", [INPUT, "believed"], ["known_mm"]),
        node("AveragePool", ["believed"], ["share"], kernel_shape=_HALF, strides=_HALF),
        node("AveragePool", ["known_mm"], ["known_share_mm"], kernel_shape=_HALF, strides=_HALF),
        node("GreaterOrEqual", ["share", "fewest"], ["there_bool"]),
        node("Cast", ["there_bool"], ["there"], to=TensorProto.FLOAT),
        node("Max", ["share", "least_share"], ["divisor"]),
        node("Div", ["known_share_mm", "divisor"], ["mean_mm"]),
        node("Mul", ["mean_mm", "there"], ["height_mm"]),
        node("Conv", ["height_mm", "blur"], ["smooth_mm"], pads=[2, 2, 2, 2]),
        node("Conv", ["there", "blur"], ["smooth_there"], pads=[2, 2, 2, 2]),
        node("Max", ["smooth_there", "least_weight"], ["smooth_weight"]),
        node("Div", ["smooth_mm", "smooth_weight"], ["blurred_mm"]),
        node("Conv", ["blurred_mm", "slope"], ["slopes"], pads=[1, 1, 1, 1]),
        node("Clip", ["slopes", "slope_least", "slope_most"], ["gentle"]),
        node("Mul", ["there", "face"], ["weight"]),
        node("Mul", ["gentle", "weight"], ["weighted"]),
        node("AveragePool", ["weighted"], ["cells"], kernel_shape=_HALF, strides=_HALF),
        node("Flatten", ["cells"], ["flat"]),
        node("Gemm", ["flat", "directions", "offset"], [OUTPUT]),
    ]
