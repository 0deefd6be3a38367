"""Are a face's eyes open? A small network's answer for each eye. Judges nothing."""

from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock.arrays import U8
from kinect_unlock.errors import ModelError
from kinect_unlock.eye_patches import PATCH_PX, eye_patches
from kinect_unlock.inference import Network
from kinect_unlock.observations import Detection

INPUT: Final = "eye"
OUTPUT: Final = "open"


class EyeReader:
    """Tells how open the eyes of a face are. Used by one thread at a time.

    Raises:
        ModelError: the network is not there, or is none for eyes.
    """

    def __init__(self, model_path: Path, threads: int) -> None:
        self._network = Network(model_path, threads=threads)
        shape = self._network.inputs.get(INPUT)
        if shape is None or shape[1:] != (1, *PATCH_PX) or self._network.outputs != (OUTPUT,):
            raise ModelError(f"{model_path}: not a network for eyes; inputs {self._network.inputs}")

    def eyes_open(self, image: U8, detection: Detection) -> float:
        """Return how open the eyes of a face in an RGB image u8[H,W,3] are, 0..1: the mean of both.

        Raises:
            ModelError: the network failed, or gave something else than two shares.
        """
        shares = self._network.run({INPUT: eye_patches(image, detection)})[OUTPUT]
        if shares.shape != (2,) or not ((shares >= 0) & (shares <= 1)).all():  # False for NaN
            raise ModelError(f"the network for eyes gave {shares.tolist()}, expected two shares from 0 to 1")
        return float(np.mean(shares))
