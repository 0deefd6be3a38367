"""What depth can be decoded and shown with: OpenCL's drivers, the graphics processors' nodes, a display."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kinect_unlock.host.text import entries, shown, word


@dataclass(frozen=True, slots=True)
class RenderNode:
    """A graphics processor that programs may compute on."""

    path: Path
    usable: bool  # by this user


def opencl_drivers(root: Path) -> tuple[str, ...]:
    """Return the libraries that OpenCL's loader is told of, as ``pocl.icd: libpocl.so.2``."""
    found = [path for path in entries(root / "etc/OpenCL/vendors") if path.suffix == ".icd"]
    return tuple(f"{shown(path.name)}: {word(path) or 'empty'}" for path in found)


def render_nodes(root: Path) -> tuple[RenderNode, ...]:
    """Return the nodes of graphics processors."""
    found = [path for path in entries(root / "dev/dri") if path.name.startswith("renderD")]
    return tuple(RenderNode(path, os.access(path, os.R_OK | os.W_OK)) for path in found)


def display(environ: Mapping[str, str]) -> str:
    """Return the display that this program's environment names, empty if it names none."""
    named = [f"{name}={environ[name]}" for name in ("WAYLAND_DISPLAY", "DISPLAY") if environ.get(name)]
    return shown(", ".join(named))
