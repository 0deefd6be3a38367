"""What goes into a network's layers when it sees faces: the ranges that quantising needs."""

import tempfile
from pathlib import Path

import numpy as np

from kinect_unlock.frames import F32
from kinect_unlock.graphs import observed_network
from kinect_unlock.inference import Network


def layer_ranges(weights: Path, planes: F32) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest input of each layer over faces f32[N,C,112,112], by the layer's name.

    Raises:
        ModelError: the file is not a network of such an input.
    """
    content, names = observed_network(weights.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observed.onnx"
        path.write_bytes(content)
        network = Network(path, threads=1)
    (given,) = network.inputs
    bounds = np.array([[np.inf, -np.inf]] * len(names))
    for face in planes:
        inputs = network.run({given: face[np.newaxis]})
        found = np.array([[inputs[output].min(), inputs[output].max()] for output in network.outputs])
        bounds = np.stack([np.minimum(bounds[:, 0], found[:, 0]), np.maximum(bounds[:, 1], found[:, 1])], axis=1)
    return {name: (float(low), float(high)) for name, (low, high) in zip(names, bounds, strict=True)}
