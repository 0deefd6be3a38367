"""What goes into a network's layers when it sees faces: the ranges that quantising needs."""

import tempfile
from pathlib import Path

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.graphs import observed_network
from kinect_unlock.inference import Network


def layer_ranges(weights: Path, planes: F32) -> dict[str, tuple[float, float]]:
    """Return a usual face's lowest and highest input of each layer, by the layer's name: medians over the faces.

    One odd face of 36 can double a range, and steps twice as wide cost all the others accuracy: on 163 real faces the
    lowest cosine to float32 is 0.992 with medians, 0.987 with the extremes of all. ``planes`` is f32[N,C,112,112].

    Raises:
        ModelError: the file is not a network of such an input.
    """
    content, names = observed_network(weights.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observed.onnx"
        path.write_bytes(content)
        network = Network(path, threads=1)
    (given,) = network.inputs
    bounds = []
    for face in planes:
        inputs = network.run({given: face[np.newaxis]})
        bounds.append([[inputs[output].min(), inputs[output].max()] for output in network.outputs])
    usual = np.median(np.array(bounds, np.float64), axis=0)
    return {name: (float(low), float(high)) for name, (low, high) in zip(names, usual, strict=True)}
