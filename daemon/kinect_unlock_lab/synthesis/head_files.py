"""Head models as files: which kind a file is, whose it is, and its hash.

Two kinds are read: ICT-FaceKit as it is shared (``ict_facekit.npz``), and our own form, in which any head model can be
brought: the arrays of `HeadModel` by name, with ``project`` and ``licence`` as text. No head model is part of this
project.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from kinect_unlock.arrays import read_only
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.archives import reading
from kinect_unlock_lab.head_model import HEAD_MODEL_REMEDY, HeadModel, load_head_model
from kinect_unlock_lab.synthesis.shards import HeadModelSource

_ICT_PROJECT: Final = "ICT-FaceKit, https://github.com/ICT-VGL/ICT-FaceKit"
_OWN: Final = ("neutral", "triangles", "part", "identity", "expression", "expression_names", "landmarks")


def load_head(path: Path) -> HeadModel:
    """Read a head model of either kind; raises SourceError."""
    with reading(path, "not a head model", HEAD_MODEL_REMEDY) as archive:
        if "landmarks" not in archive.files:
            return load_head_model(path)
        missing = [name for name in _OWN if name not in archive.files]
        if missing:
            raise SourceError(f"{path}: lacks {', '.join(missing)}; a head model in our own form has {', '.join(_OWN)}")
        return HeadModel(
            neutral=read_only(archive["neutral"].astype(np.float64)),
            triangles=read_only(archive["triangles"].astype(np.int32)),
            part=read_only(archive["part"].astype(np.int32)),
            identity=read_only(archive["identity"].astype(np.float32)),
            expression=read_only(archive["expression"].astype(np.float32)),
            expression_names=tuple(str(name) for name in archive["expression_names"]),
            landmarks=read_only(archive["landmarks"].astype(np.float64)),
        )


def save_head(model: HeadModel, path: Path, *, project: str, licence: str) -> None:
    """Write a head model in our own form."""
    arrays: dict[str, Any] = {name: np.asarray(getattr(model, name)) for name in _OWN}
    np.savez_compressed(path, **arrays, project=np.array(project), licence=np.array(licence))


def source_of(path: Path) -> HeadModelSource:
    """Say whose head model this is, by its file; raises SourceError."""
    with reading(path, "not a head model", HEAD_MODEL_REMEDY) as archive:
        named = {name: str(archive[name]) for name in ("project", "licence") if name in archive.files}
        if len(named) < len(("project", "licence")) and "landmarks" in archive.files:
            raise SourceError(f"{path}: does not say whose it is; a head model in our own form has project and licence")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return HeadModelSource(path.name, digest, named.get("project", _ICT_PROJECT), named.get("licence", "MIT"))
