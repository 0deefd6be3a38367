"""A head that is hardly one: an egg with landmarks, so that the renderer can be tested without the real model."""

import numpy as np

from kinect_unlock_lab.head_model import HeadModel, Part
from kinect_unlock_lab.raster import I32

_COLUMNS, _ROWS = 72, 60
_SIZE_MM = (78.0, 128.0, 112.0)
_MIDDLE_MM = (0.0, -12.0, 112.0)


def egg_head() -> HeadModel:
    """Return a head model with one identity component (broader) and two expressions that do nothing."""
    around, down = np.meshgrid(np.linspace(0, 2 * np.pi, _COLUMNS, endpoint=False), np.linspace(0.02, 3.12, _ROWS))
    sphere = np.stack([np.sin(down) * np.sin(around), -np.cos(down), -np.sin(down) * np.cos(around)], axis=-1)
    neutral = sphere.reshape(-1, 3) * _SIZE_MM + _MIDDLE_MM
    neutral -= neutral[np.argmin(np.linalg.norm(neutral, axis=1))]
    broader = np.zeros((1, len(neutral), 3), np.float32)
    broader[0, :, 0] = 0.03 * neutral[:, 0]
    part = np.where(neutral[:, 2] < 80, Part.FACE, Part.SCALP_AND_NECK).astype(np.int32)
    names = tuple(f"{name}_{side}" for name in ("eyeBlink", "eyeSquint", "mouthSmile", "cheekSquint") for side in "LR")
    return HeadModel(
        neutral=neutral,
        triangles=_sheet(),
        part=part,
        identity=broader,
        expression=np.zeros((len(names), len(neutral), 3), np.float32),
        expression_names=names,
        landmarks=_landmarks(),
    )


def _sheet() -> I32:
    row, column = (index.ravel() for index in np.mgrid[0 : _ROWS - 1, 0:_COLUMNS])
    here, right = row * _COLUMNS + column, row * _COLUMNS + (column + 1) % _COLUMNS
    below, across = here + _COLUMNS, right + _COLUMNS
    return np.concatenate([np.stack([here, below, right], 1), np.stack([right, below, across], 1)]).astype(np.int32)


def _landmarks() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return 68 points in the usual order, only those that the painter uses in their places."""
    points = np.zeros((68, 3))
    points[17:27, 0], points[17:27, 1] = np.linspace(-55, 55, 10), -56.0
    turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    for first, x in ((36, -31.0), (42, 31.0)):
        points[first : first + 6, 0], points[first : first + 6, 1] = x - 13 * np.cos(turn), -31 - 4 * np.sin(turn)
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    points[48:60, 0], points[48:60, 1] = -25 * np.cos(turn), 38 - 9 * np.sin(turn)
    points[60:65, 0], points[60:65, 1] = np.linspace(-20, 20, 5), 38.0
    points[:, 2] = 30.0
    return points
