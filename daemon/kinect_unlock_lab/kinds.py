"""The kinds of data set there are, and which one a folder is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.errors import SourceError
from kinect_unlock_lab.datasets import load_lfw, load_rgbd_faces
from kinect_unlock_lab.embed import Item
from kinect_unlock_lab.takes import load_takes
from kinect_unlock_lab.vap import load_vap


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data set: what of it any folder of the kind holds, and how it is read."""

    name: str
    holds: str
    load: Callable[[Path], Sequence[Item]]
    has_depth: bool = True


KINDS: Final = (
    Kind("RGB-D folder", "index.csv", load_rgbd_faces),
    Kind("VAP RGB-D folder", "*/*_c.bmp", load_vap),
    Kind("recordings", "*/*.mkv", load_takes),
    Kind("photographs", "*/*.jpg", load_lfw, has_depth=False),
)


def kind_of(folder: Path) -> Kind:
    """Return the first kind whose files a folder holds; raises `SourceError` if it holds none."""
    for kind in KINDS:
        if next(folder.glob(kind.holds), None) is not None:
            return kind
    known = "; ".join(f"{kind.name}: {kind.holds}" for kind in KINDS)
    raise SourceError(f"{folder}: no data set of a known kind ({known})")
