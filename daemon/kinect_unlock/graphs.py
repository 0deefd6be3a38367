"""Rewriting ONNX graphs: the shipped weights into networks that ONNX Runtime runs, and runs fast.

Works on bytes and on nothing else. Imports ``onnx``, which takes 0.2 s, so `kinect_unlock.models` imports this
module only when something has to be built.

The weights come as int8 with block-wise scales, in files that ONNX Runtime refuses as they are ("block_size must be 0
for per-tensor quantization", "required inputs are missing"). Folding the constants gives plain float32 networks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import onnx.compose
import onnx.version_converter
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kinect_unlock.arrays import F32
from kinect_unlock.errors import ModelError
from kinect_unlock.halves import HalfName
from kinect_unlock.observations import TENSOR_SIDE_PX
from kinect_unlock.quantise import Ranges, quantise, with_layer_inputs

ENCODER_INPUT: Final = "rgbd"
ENCODER_OUTPUT: Final = "embedding"
_TENSOR_CHANNELS: Final = 4
_OPSET: Final = 21  # SFace's, the newest of any half
_IR_VERSION: Final = 10  # the oldest with that opset
_SHARE_SLACK: Final = 1e-6

_PLANES: Final[dict[HalfName, tuple[int, int]]] = {"rgb": (0, 3), "depth": (3, 4), "rgbd": (0, 4)}


def detector_graph(weights: bytes) -> bytes:
    """Return YuNet as float32 for any image size.

    Input ``input`` f32[1,3,H,W], B, G, R from 0 to 255, H and W multiples of 32; outputs ``cls_s obj_s bbox_s kps_s``
    for the strides s = 8, 16 and 32.

    Raises:
        ModelError: the bytes are not such a network.
    """
    model = plain_network(weights)
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"cells_{output.name.rpartition('_')[2]}"
    return _serialise(model)


@dataclass(frozen=True, slots=True)
class HalfWeights:
    """One half of a siamese encoder: which planes it looks at, its share of the cosine, and its network's bytes.

    The network has one input f32[N,C,112,112], C being the number of planes, and one output f32[N,dim]. With ranges
    its layers are quantised by them.
    """

    name: HalfName
    dim: int
    share: float  # of the cosine, 0..1
    weights: bytes
    ranges: Ranges | None = None


def encoder_graph(halves: Sequence[HalfWeights]) -> bytes:
    """Return the encoder: input ``rgbd`` f32[N,4,112,112], output ``embedding`` f32[N,D] of unit length.

    Planes 0 to 2 are R, G, B from 0 to 255, plane 3 is depth; each half is given its own. The embedding is the halves'
    features one behind the other, each of unit length times sqrt(share): the cosine of two embeddings is the mean of
    the halves' cosines weighted by their shares, and each half's cosine can still be read apart.

    Raises:
        ModelError: a half's bytes are not such a network, or the shares do not add up to 1.
    """
    if not halves or not math.isclose(sum(half.share for half in halves), 1.0, abs_tol=_SHARE_SLACK):
        raise ModelError(f"the halves' shares {[half.share for half in halves]} do not add up to 1")
    side = TENSOR_SIDE_PX
    graph = helper.make_graph(
        [],
        "encoder",
        [_float_values(ENCODER_INPUT, ["N", _TENSOR_CHANNELS, side, side])],
        [_float_values(ENCODER_OUTPUT, ["N", sum(half.dim for half in halves)])],
    )
    parts = [_add_half(graph, half) for half in halves]
    graph.node.append(helper.make_node("Concat", parts, [ENCODER_OUTPUT], ENCODER_OUTPUT, axis=1))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    return _serialise(model)


def _add_half(graph: onnx.GraphProto, half: HalfWeights) -> str:
    """Append a half, its network's names behind ``name/``, ours behind ``name.``; return its part of the embedding."""
    own = _half_network(half).graph
    name, planes, features = half.name, own.input[0].name, own.output[0].name
    begin, end = _PLANES[name]
    constants: dict[str, NDArray[Any]] = {
        f"{name}.begin": np.array([begin], np.int64),
        f"{name}.end": np.array([end], np.int64),
        f"{name}.axis": np.array([1], np.int64),
        f"{name}.weight": np.array(math.sqrt(half.share), np.float32),
    }
    graph.initializer.extend(own.initializer)
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in constants.items())
    bounds = [f"{name}.begin", f"{name}.end", f"{name}.axis"]
    graph.node.append(helper.make_node("Slice", [ENCODER_INPUT, *bounds], [planes], f"{name}.planes"))
    graph.node.extend(own.node)
    unit, part = f"{name}.unit", f"{name}.part"
    graph.node.append(helper.make_node("LpNormalization", [features], [unit], unit, axis=1, p=2))
    graph.node.append(helper.make_node("Mul", [unit, f"{name}.weight"], [part], part))
    return part


def _half_network(half: HalfWeights) -> onnx.ModelProto:
    """Return a half's network, simplified, in the common opset and with names of its own."""
    model = plain_network(half.weights)
    if half.ranges is None:
        _rewrite_prelu(model.graph)
    else:  # and each PRelu as it is: what runs quantised networks makes it part of the convolution before
        quantise(model, half.ranges)
    if len(model.graph.output) != 1 or model.functions or any(node.domain for node in model.graph.node):
        raise ModelError(f"the network of the half {half.name!r} should have one output and ONNX's own operators alone")
    if any(entry.version != _OPSET for entry in model.opset_import if not entry.domain):
        model = _in_common_opset(model, half.name)
    del model.graph.value_info[:]  # shapes of the file as it was
    return onnx.compose.add_prefix(model, f"{half.name}/")


def _in_common_opset(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    try:
        return onnx.version_converter.convert_version(model, _OPSET)
    except RuntimeError as fault:  # the converter's own exception is one
        raise ModelError(f"the network of the half {name!r} cannot be brought to opset {_OPSET}: {fault}") from fault


def observed_network(weights: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a half's network whose outputs are the inputs of the layers that can be quantised, and their names.

    Raises:
        ModelError: the bytes are not such a network.
    """
    model = plain_network(weights)
    names = with_layer_inputs(model)
    return _serialise(model), names


def plain_network(weights: bytes) -> onnx.ModelProto:
    """Return the network in a file of weights with its constants folded to float32 and its one true input.

    Raises:
        ModelError: the bytes are not such a network.
    """
    model = _parse(weights)
    _fold_constants(model.graph)
    _drop_stale_inputs(model.graph)
    return model


def _float_values(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _parse(weights: bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(weights)
    except Exception as fault:
        if type(fault).__module__.partition(".")[0] != "google":
            raise
        raise ModelError(f"the weights are not an ONNX file: {fault}") from fault


def _serialise(model: onnx.ModelProto) -> bytes:
    del model.graph.value_info[:]  # shapes of the file as it was
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as fault:
        raise ModelError(f"the composed network is not valid ONNX: {fault}") from fault
    return bytes(model.SerializeToString(deterministic=True))


def _fold_constants(graph: onnx.GraphProto) -> None:
    """Compute every dequantisation and reshape of constants once and for all, in place."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        folds = _FOLDS.get(node.op_type)
        if folds is None or not all(name in constants for name in node.input):
            kept.append(node)
            continue
        values = [numpy_helper.to_array(constants[name]) for name in node.input]
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        constants[node.output[0]] = numpy_helper.from_array(folds(values, attributes), node.output[0])
    used = {name for node in kept for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensor for name, tensor in constants.items() if name in used)


def _dequantised(values: list[NDArray[Any]], attributes: dict[str, Any]) -> F32:
    """Compute (q - zero) * scale as ONNX defines DequantizeLinear: per tensor, per axis or per block."""
    quantised = values[0].astype(np.float32)
    scale, zero = (
        _spread(part.astype(np.float32), quantised.shape, attributes)
        for part in (values[1], values[2] if len(values) > 2 else np.zeros_like(values[1]))  # noqa: PLR2004 - q, scale, zero
    )
    return (quantised - zero) * scale


def _spread(part: F32, shape: tuple[int, ...], attributes: dict[str, Any]) -> F32:
    """Bring a scale or zero point to the shape of the weights it belongs to."""
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    if part.size == 1:
        return np.broadcast_to(part.reshape(()), shape)
    if part.ndim == len(shape) and block:
        return np.repeat(part, block, axis=axis)[tuple(slice(0, length) for length in shape)]
    if part.ndim == 1:
        along = [1] * len(shape)
        along[axis] = -1
        return np.broadcast_to(part.reshape(along), shape)
    raise ModelError(f"cannot dequantise weights {shape} with scales {part.shape}, axis {axis}, block {block}")


def _reshaped(values: list[NDArray[Any]], attributes: dict[str, Any]) -> NDArray[Any]:
    if attributes.get("allowzero", 0) or 0 in values[1]:
        raise ModelError(f"cannot fold a reshape to {values[1].tolist()}: zero has a meaning of its own there")
    return values[0].reshape(values[1])


_FOLDS: Final = {"DequantizeLinear": _dequantised, "Reshape": _reshaped}


def _drop_stale_inputs(graph: onnx.GraphProto) -> None:
    """Keep the one true input; SFace also declares weights that folding has replaced."""
    constants = {tensor.name for tensor in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    true_inputs = [given for given in graph.input if given.name in used and given.name not in constants]
    if len(true_inputs) != 1:
        raise ModelError(f"the network should have one input, it has {[given.name for given in true_inputs]}")
    del graph.input[:]
    graph.input.extend(true_inputs)


def _rewrite_prelu(graph: onnx.GraphProto) -> None:
    """Replace every PRelu(x) by (1-a) * Relu(x) + a * x, in place.

    Exact for every slope a, also the negative ones and those above 1 of SFace, for which ``max(x, a*x)`` is not. With
    ONNX Runtime's own PRelu SFace takes 29 ms instead of 17 on one thread; the embeddings differ by 2.4e-7 at most.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        (x, slope), (y,) = node.input, node.output
        rest = numpy_helper.from_array(1 - numpy_helper.to_array(constants[slope]), f"{y}/one_minus_slope")
        graph.initializer.append(rest)
        nodes += [
            helper.make_node("Relu", [x], [f"{y}/relu"]),
            helper.make_node("Mul", [f"{y}/relu", rest.name], [f"{y}/upper"]),
            helper.make_node("Mul", [x, slope], [f"{y}/lower"]),
            helper.make_node("Add", [f"{y}/upper", f"{y}/lower"], [y]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
