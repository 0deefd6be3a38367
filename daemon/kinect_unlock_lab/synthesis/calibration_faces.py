"""The few faces that ship: crops of invented people, by which 8-bit networks choose their ranges.

They must cover what the product will see (skin, light, distance, colour that is black where depth is missing), and
they show nobody.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, U8
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.head_model import HeadModel
from kinect_unlock_lab.synthesis.conditions import VARIED
from kinect_unlock_lab.synthesis.head_files import load_head, source_of
from kinect_unlock_lab.synthesis.people_set import pictures
from kinect_unlock_lab.synthesis.shards import HeadModelSource
from kinect_unlock_lab.synthesis.textured import Drawer

_LICENCE: Final = "Apache-2.0; shapes from {project} ({licence}), see NOTICE; colours are formulas, no photograph"


def write(head_model: Path, out: Path, *, faces: int, seed: int) -> int:
    """Make the archive; return its size in bytes.

    Raises:
        SourceError: the head model cannot be read, or the archive not written.
    """
    content = pack(crops(load_head(head_model), faces=faces, seed=seed), source_of(head_model), seed)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written ({error}); give a place that can be") from error
    return len(content)


def crops(model: HeadModel, *, faces: int, seed: int) -> U8:
    """Return crops u8[N,112,112,3], one of each invented person."""
    drawer = Drawer(model)
    return np.stack([_color(pictures(drawer, seed, person, 1, VARIED)[0].tensor.data) for person in range(faces)])


def _color(data: F32) -> U8:
    return np.rint(data[:3]).astype(np.uint8).transpose(1, 2, 0)


def pack(color: U8, source: HeadModelSource, seed: int) -> bytes:
    """Put crops into an archive: ``color`` u8[N,112,112,3], ``licence`` and ``seed``."""
    licence = _LICENCE.format(project=source.project, licence=source.licence)
    out = io.BytesIO()
    np.savez_compressed(out, color=color, licence=np.array(licence), seed=np.array(seed))
    return out.getvalue()
