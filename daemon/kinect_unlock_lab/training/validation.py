"""How well a network tells people apart whom it was not trained on: all pairs of their samples."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import nn

from kinect_unlock.arrays import F32
from kinect_unlock_lab.metrics import Comparisons, Roc
from kinect_unlock_lab.training.faces import Faces

_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Rates over all pairs of the people kept back; ``genuine`` and ``impostor`` f64[M] are the cosines behind them."""

    eer: float
    tar_at_1e2: float
    tar_at_1e3: float
    people: int
    genuine: np.ndarray[tuple[int], np.dtype[np.float64]]
    impostor: np.ndarray[tuple[int], np.dtype[np.float64]]


def embeddings_of(network: nn.Module, faces: Faces, device: torch.device) -> F32:
    """Return unit vectors f32[n,D] of undisturbed samples; the network is left as it was, training or not."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        rows = np.arange(len(faces.person))
        found = [
            network(faces.of(rows[first : first + _AT_ONCE], device)).cpu().numpy()
            for first in range(0, len(rows), _AT_ONCE)
        ]
    network.train(was_training)
    return np.concatenate(found)


def validate(network: nn.Module, faces: Faces, device: torch.device) -> Validation:
    """Compare every sample with every other once."""
    vectors = embeddings_of(network, faces, device)
    first, second = np.triu_indices(len(vectors), 1)
    cosines = (vectors @ vectors.T)[first, second].astype(np.float64)
    compared = Comparisons(cosines, faces.person[first], faces.person[second])
    roc = Roc.of(compared)
    return Validation(
        eer=roc.eer(),
        tar_at_1e2=roc.at_far(1e-2)[0],
        tar_at_1e3=roc.at_far(1e-3)[0],
        people=faces.people,
        genuine=cosines[compared.genuine],
        impostor=cosines[~compared.genuine],
    )
