"""Eight-bit convolutions: an ONNX network whose expensive layers multiply small whole numbers.

The layers are pointwise convolutions and a fully connected one behind them: nearly all the arithmetic of a MobileNet.
Depthwise convolutions are cheap, and SFace loses accuracy where they are quantised (the lowest cosine to float32 of
142 real faces falls from 0.993 to 0.920), so they stay as they are. Weights are symmetric, one scale for each output
channel; activations are asymmetric, one scale for a tensor, from ranges that were observed beforehand. So the bytes
that come out depend on the bytes that go in and on nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kinect_unlock.errors import ModelError

Ranges: TypeAlias = Mapping[str, tuple[float, float]]  # lowest and highest input of each layer, by the layer's name

_WEIGHT_MAX: Final = 127
_ACTIVATION_STEPS: Final = 255
_F64: TypeAlias = NDArray[np.float64]


def quantise(model: onnx.ModelProto, ranges: Ranges) -> None:
    """Quantise the layers named in ``ranges``, in place; the network's weights must be plain float32.

    Raises:
        ModelError: a named layer is not there or not of a kind that can be quantised, or a range is empty.
    """
    graph = _Graph.of(model)
    graph.fold_normalisations()
    layers = {node.name: node for node in graph.layers()}
    strange = sorted(ranges.keys() - layers.keys())
    if strange:
        raise ModelError(f"the ranges name layers that the network does not have: {', '.join(strange)}")
    for name, (low, high) in ranges.items():
        graph.quantise(layers[name], low, high)
    graph.write(model)


def with_layer_inputs(model: onnx.ModelProto) -> tuple[str, ...]:
    """Make the input of every layer that can be quantised an output, in place, and return the layers' names in order.

    What such a network gives for a set of faces is what `Ranges` are made of.
    """
    graph = _Graph.of(model)
    graph.fold_normalisations()
    layers = list(graph.layers())
    graph.write(model)
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, [None] * 4) for node in layers
    )
    return tuple(node.name for node in layers)


@dataclass(slots=True)
class _Graph:
    """A graph's nodes and constants while they are being rewritten."""

    nodes: list[onnx.NodeProto]
    constants: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> "_Graph":
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        return cls(list(model.graph.node), constants)

    def write(self, model: onnx.ModelProto) -> None:
        """Put nodes and constants that are still used back."""
        used = {name for node in self.nodes for name in node.input}
        del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
        model.graph.node.extend(self.nodes)
        model.graph.initializer.extend(
            numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in used
        )

    def layers(self) -> Iterable[onnx.NodeProto]:
        """Yield the layers that can be quantised: convolutions over whole pixels, not grouped, and what became one."""
        for node in self.nodes:
            if node.op_type == "Conv" and _attribute(node, "group", 1) == 1:
                kernel = self.constants[node.input[1]].shape[2:]
                pads = _attribute(node, "pads", [0, 0, 0, 0])
                if kernel == (1, 1) or not any(pads):
                    yield node

    def fold_normalisations(self) -> None:
        """Fold every batch normalisation into the convolution or matrix beside it, and write the matrix as one.

        The same function but for rounding: both are linear, and nothing stands between them.
        """
        self.nodes = [node for node in self.nodes if not self._is_idle(node)]
        self._matrix_as_convolution()
        for node in [node for node in self.nodes if node.op_type == "BatchNormalization"]:
            scale, shift = self._normalisation(node)
            before, after = self._producer(node.input[0]), self._only_consumer(node.output[0])
            if before is not None and before.op_type == "Conv" and self._only_consumer(before.output[0]) is node:
                self._scale_outputs(before, scale, shift)
                before.output[0] = node.output[0]
            elif after is not None and after.op_type == "Conv" and not any(_attribute(after, "pads", [0])):
                self._scale_inputs(after, scale, shift)
                after.input[0] = node.input[0]
            else:
                continue
            self.nodes.remove(node)

    def quantise(self, layer: onnx.NodeProto, low: float, high: float) -> None:
        """Put quantisers before a layer's input and in place of its weights."""
        low, high = min(low, 0.0), max(high, 0.0)  # zero, which padding is, must be a whole step
        if not high > low:
            raise ModelError(f"the range of layer {layer.name} is empty: {low} to {high}")
        scale = np.float32((high - low) / _ACTIVATION_STEPS)
        zero = np.uint8(np.clip(np.rint(-low / scale), 0, _ACTIVATION_STEPS))
        name = layer.name
        weights = self.constants[layer.input[1]].astype(np.float64)
        steps = np.maximum(np.abs(weights).max(axis=(1, 2, 3)), np.finfo(np.float32).tiny) / _WEIGHT_MAX
        small = np.rint(weights / steps[:, None, None, None]).astype(np.int8)
        self.constants |= {
            f"{name}/step": np.asarray(scale),
            f"{name}/zero": np.asarray(zero),
            f"{name}/small": small,
            f"{name}/steps": steps.astype(np.float32),
            f"{name}/zeros": np.zeros(len(steps), np.int8),
        }
        grid = [f"{name}/step", f"{name}/zero"]
        own = [
            helper.make_node("QuantizeLinear", [layer.input[0], *grid], [f"{name}/in8"]),
            helper.make_node("DequantizeLinear", [f"{name}/in8", *grid], [f"{name}/in"]),
            helper.make_node(
                "DequantizeLinear", [f"{name}/small", f"{name}/steps", f"{name}/zeros"], [f"{name}/weights"], axis=0
            ),
        ]
        layer.input[0], layer.input[1] = f"{name}/in", f"{name}/weights"
        at = self.nodes.index(layer)
        self.nodes[at:at] = own

    def _is_idle(self, node: onnx.NodeProto) -> bool:
        """Tell whether a node passes on what it gets (a dropout outside training), and bridge it if so."""
        if node.op_type not in {"Dropout", "Identity"}:
            return False
        for other in self.nodes:
            for place, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[place] = node.input[0]
        return True

    def _matrix_as_convolution(self) -> None:
        """Turn flattening and a matrix behind it into one convolution over the whole map, then flatten."""
        for matrix in [node for node in self.nodes if node.op_type == "Gemm"]:
            flat = self._producer(matrix.input[0])
            channels = self._channels(flat.input[0]) if flat is not None and flat.op_type == "Flatten" else None
            weights = self.constants[matrix.input[1]]
            plain = _attribute(matrix, "transB", 0) == 1 and len(matrix.input) == _WITH_BIAS
            if flat is None or channels is None or not plain or weights.shape[1] % channels:
                continue
            side = isqrt(weights.shape[1] // channels)
            if side * side * channels != weights.shape[1]:
                continue
            self.constants[matrix.input[1]] = weights.reshape(len(weights), channels, side, side)
            given, wanted = flat.input[0], matrix.output[0]
            middle = f"{matrix.name}/map"
            whole = helper.make_node(
                "Conv", [given, matrix.input[1], matrix.input[2]], [middle], matrix.name, kernel_shape=[side, side]
            )
            at = self.nodes.index(matrix)
            self.nodes[at] = whole
            self._flatten_later(flat, middle, wanted, at)

    def _flatten_later(self, flat: onnx.NodeProto, middle: str, wanted: str, at: int) -> None:
        """Put the flattening behind the convolution at ``at``, and behind a normalisation that follows it."""
        self.nodes.remove(flat)
        at -= 1
        norm = self._only_consumer(wanted)
        if norm is not None and norm.op_type == "BatchNormalization":
            wanted, norm.output[0] = norm.output[0], f"{middle}/normal"
            norm.input[0], middle, at = middle, norm.output[0], self.nodes.index(norm)
        self.nodes.insert(at + 1, helper.make_node("Flatten", [middle], [wanted], flat.name))

    def _channels(self, name: str) -> int | None:
        """Return how many channels a tensor has, if a layer close before it tells."""
        node = self._producer(name)
        while node is not None and node.op_type in {"BatchNormalization", "PRelu", "Relu", "Dropout"}:
            node = self._producer(node.input[0])
        return len(self.constants[node.input[1]]) if node is not None and node.op_type == "Conv" else None

    def _normalisation(self, node: onnx.NodeProto) -> tuple[_F64, _F64]:
        """Return the scale and the shift of each channel that a batch normalisation comes to."""
        gain, offset, mean, variance = (self.constants[name].astype(np.float64) for name in node.input[1:])
        scale = gain / np.sqrt(variance + _attribute(node, "epsilon", 1e-5))
        return scale, offset - mean * scale

    def _scale_outputs(self, layer: onnx.NodeProto, scale: _F64, shift: _F64) -> None:
        weights, bias = self._weights_and_bias(layer)
        self._set(layer, weights * scale[:, None, None, None], bias * scale + shift)

    def _scale_inputs(self, layer: onnx.NodeProto, scale: _F64, shift: _F64) -> None:
        weights, bias = self._weights_and_bias(layer)
        self._set(layer, weights * scale[:, None, None], bias + (weights * shift[:, None, None]).sum(axis=(1, 2, 3)))

    def _weights_and_bias(self, layer: onnx.NodeProto) -> tuple[_F64, _F64]:
        weights = self.constants[layer.input[1]].astype(np.float64)
        has_bias = len(layer.input) == _WITH_BIAS
        return weights, self.constants[layer.input[2]].astype(np.float64) if has_bias else np.zeros(len(weights))

    def _set(self, layer: onnx.NodeProto, weights: _F64, bias: _F64) -> None:
        names = [f"{layer.name}/w", f"{layer.name}/b"]
        self.constants |= {names[0]: weights.astype(np.float32), names[1]: bias.astype(np.float32)}
        given = layer.input[0]
        del layer.input[:]
        layer.input.extend([given, *names])

    def _producer(self, name: str) -> onnx.NodeProto | None:
        return next((node for node in self.nodes if name in node.output), None)

    def _only_consumer(self, name: str) -> onnx.NodeProto | None:
        consumers = [node for node in self.nodes if name in node.input]
        return consumers[0] if len(consumers) == 1 else None


_WITH_BIAS: Final = 3  # inputs of a layer that has one


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:  # noqa: ANN401 - ONNX attributes are anything
    return next((helper.get_attribute_value(own) for own in node.attribute if own.name == name), default)
