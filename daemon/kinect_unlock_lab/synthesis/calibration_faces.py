"""The few faces that ship: crops of invented people, by which 8-bit networks choose their ranges.

They must cover what the product will see (skin, light, distance, holes in depth), and they show nobody. Colour is kept
as one JPEG sheet, depth in hundredths, so that the archive stays small: ranges do not hang on the last bit.
"""

import io
import math
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import F32, TENSOR_SIDE_PX, U8
from kinect_unlock_lab.head_model import HeadModel, load_head_model
from kinect_unlock_lab.synthesis.conditions import VARIED
from kinect_unlock_lab.synthesis.people_set import pictures
from kinect_unlock_lab.synthesis.shards import HeadModelSource
from kinect_unlock_lab.synthesis.textured import Drawer

COLUMNS: Final = 8
DEPTH_UNITS: Final = 100
HOLE: Final = -128
_QUALITY: Final = 92
_LICENCE: Final = "Apache-2.0; shapes from {project} ({licence}), see NOTICE; colours are formulas, no photograph"


def write(head_model: Path, source: HeadModelSource, out: Path, *, faces: int, seed: int) -> int:
    """Make the archive; return its size in bytes.

    Raises:
        SourceError: the head model cannot be read, or the archive not written.
    """
    content = pack(tensors(load_head_model(head_model), faces=faces, seed=seed), source, seed)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written ({error})") from error
    return len(content)


def tensors(model: HeadModel, *, faces: int, seed: int) -> F32:
    """Return face tensors f32[N,4,112,112], one of each invented person."""
    drawer = Drawer(model)
    return np.stack([pictures(drawer, seed, person, 1, VARIED)[0].tensor.data for person in range(faces)])


def pack(data: F32, source: HeadModelSource, seed: int) -> bytes:
    """Put face tensors f32[N,4,112,112] into an archive: ``color_jpeg depth count licence seed``."""
    depth = np.clip(np.rint(data[:, 3] * DEPTH_UNITS), HOLE, 127).astype(np.int8)
    color = np.rint(data[:, :3]).astype(np.uint8).transpose(0, 2, 3, 1)
    _, packed = cv2.imencode(".jpg", sheet(color)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    licence = _LICENCE.format(project=source.project, licence=source.licence)
    out = io.BytesIO()
    np.savez_compressed(
        out, color_jpeg=packed.ravel(), depth=depth, count=len(data), licence=np.array(licence), seed=np.array(seed)
    )
    return out.getvalue()


def sheet(crops: U8) -> U8:
    """Lay crops u8[N,112,112,3] out in rows of `COLUMNS`; the rest of the last row is black."""
    rows = math.ceil(len(crops) / COLUMNS)
    whole = np.zeros((rows * COLUMNS, *crops.shape[1:]), np.uint8)
    whole[: len(crops)] = crops
    side = TENSOR_SIDE_PX
    tiled = whole.reshape(rows, COLUMNS, side, side, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(tiled.reshape(rows * side, COLUMNS * side, 3))


def unpack(content: bytes) -> F32:
    """Read an archive of `pack` back into face tensors f32[N,4,112,112]; raises SourceError."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        picture = cv2.imdecode(archive["color_jpeg"], cv2.IMREAD_COLOR)
        depth, count = archive["depth"].astype(np.float32), int(archive["count"])
    if picture is None:
        raise SourceError("the archive's picture cannot be read; make the archive again")
    side = TENSOR_SIDE_PX
    tiles = picture[..., ::-1].reshape(-1, side, COLUMNS, side, 3).transpose(0, 2, 4, 1, 3)
    data = np.empty((count, 4, side, side), np.float32)
    data[:, :3] = tiles.reshape(-1, 3, side, side)[:count]
    data[:, 3] = np.where(depth == HOLE, -2.0, depth / DEPTH_UNITS)
    return data
