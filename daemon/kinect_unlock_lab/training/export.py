"""From a trained network to an ONNX file that the product can run, checked against torch by running it there."""

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from kinect_unlock.arrays import F32
from kinect_unlock.crop import NO_DEPTH
from kinect_unlock.errors import ModelError
from kinect_unlock.inference import Network
from kinect_unlock.observations import TENSOR_SIDE_PX

INPUT: Final = "rgbd"
OUTPUT: Final = "embedding"
TOLERANCE: Final = 1e-4
_OPSET: Final = 17
_CHECKED: Final = (1, 5)  # batches: the exported graph must not remember the one it was traced with


def export(network: nn.Module, path: Path) -> float:
    """Write ``rgbd`` f32[N,4,112,112] -> ``embedding`` f32[N,D]; return the largest difference found in a number.

    The file is there only if ONNX Runtime gives what torch gives.

    Raises:
        ModelError: it does not.
    """
    network = network.cpu().eval()
    example = torch.zeros(2, 4, TENSOR_SIDE_PX, TENSOR_SIDE_PX)
    return write_checked(network, path, example, (INPUT, OUTPUT), partial(largest_difference, network))


def write_checked(
    network: nn.Module,
    path: Path,
    example: torch.Tensor,
    names: tuple[str, str],
    difference_of: Callable[[Path], float],
) -> float:
    """Write a graph of one input and one output, each named, for any number of what ``example`` holds two of.

    The file is there, whole, only if ``difference_of`` finds that ONNX Runtime gives with it what torch gives.

    Raises:
        ModelError: it does not.
    """
    part = path.with_name(f"{path.name}.part")
    _write(network, part, example, names)
    try:
        difference = difference_of(part)
        if not difference <= TOLERANCE:
            raise ModelError(f"{path}: not written; ONNX Runtime and torch differ by {difference:.2g} on it")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return difference


def largest_difference(network: nn.Module, path: Path) -> float:
    """Return how far the numbers of an embedding are apart in torch and in ONNX Runtime, at most, on random faces."""
    exported = Network(path, threads=1)
    found = []
    for count in _CHECKED:
        rgbd = _random_faces(count)
        with torch.no_grad():
            expected = network(torch.from_numpy(rgbd)).numpy()
        found.append(float(np.abs(exported.run({INPUT: rgbd})[OUTPUT] - expected).max()))
    return max(found)


def _write(network: nn.Module, path: Path, example: torch.Tensor, names: tuple[str, str]) -> None:
    with warnings.catch_warnings():
        # torch's newer exporter needs two packages more and gives the same graph of so plain a network; torch is
        # pinned, so the older one stays.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            network,
            (example,),
            str(path),
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_axes={name: {0: "N"} for name in names},
            opset_version=_OPSET,
            dynamo=False,
        )
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _random_faces(count: int) -> F32:
    """Return what fills the input's whole range, holes among it: f32[count,4,112,112]."""
    random = np.random.default_rng(count)
    rgbd = random.uniform(0.0, 255.0, (count, 4, TENSOR_SIDE_PX, TENSOR_SIDE_PX)).astype(np.float32)
    rgbd[:, 3] = rgbd[:, 3] / 127.5 - 1.0
    rgbd[:, 3][random.uniform(size=rgbd[:, 3].shape) < 0.1] = NO_DEPTH
    return rgbd
