"""Where a training run stands, on disk: whole or not at all, and bound to its recipe and samples."""

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from kinect_unlock.errors import ModelError
from kinect_unlock_lab.training.faces import Faces
from kinect_unlock_lab.training.recipes import Recipe

NAME: Final = "checkpoint.pt"


def fingerprint(recipe: Recipe, faces: Faces) -> str:
    """Name what a run is of: a checkpoint of another recipe or of other samples must not go on in it."""
    digest = hashlib.sha256(msgspec.json.encode(recipe))
    for column in (faces.person, faces.color, faces.depth):
        digest.update(column.tobytes())
    return digest.hexdigest()


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state so that it is there whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path, *, run: str) -> dict[str, Any] | None:
    """Return the state at ``path``, or None if there is none; only tensors and plain values are read.

    Raises:
        ModelError: it is damaged, or of another run.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as fault:
        raise ModelError(f"{path}: the checkpoint cannot be read ({fault}); remove it to begin anew") from fault
    if state.get("run") != run:
        raise ModelError(f"{path}: is of another recipe or other samples; give another folder, or remove it")
    return state
