"""What is kept of an enrolled person: views in either light, and which of them joined after the enrolment.

Nothing here has behaviour beyond checking itself; arrays are made read-only when a value takes them.
"""

from dataclasses import dataclass, replace
from enum import StrEnum, unique

import numpy as np

from kinect_unlock.arrays import F32, read_only, require, require_array
from kinect_unlock.frames import Origin
from kinect_unlock.observations import HeadPose, Modality


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Views:
    """A face as it was enrolled in one light: row i of ``vectors`` f32[N,D] was taken at ``poses[i]``.

    A pose is None for a photograph.
    """

    vectors: F32
    poses: tuple[HeadPose | None, ...]

    def __post_init__(self) -> None:
        require_array("vectors", self.vectors, np.float32, 2)
        require(len(self.vectors) > 0, "a template needs at least one vector")
        require(len(self.poses) == len(self.vectors), f"{len(self.poses)} poses for {len(self.vectors)} vectors")
        require(bool(np.isfinite(self.vectors).all()), "template vectors must be finite")
        norms = np.linalg.norm(self.vectors, axis=1)
        require(bool((abs(norms - 1.0) < 1e-3).all()), "template vectors must have length 1")  # noqa: PLR2004
        read_only(self.vectors)


@unique
class Reason(StrEnum):
    """Why a view joined a template after the enrolment."""

    MATCH = "match"  # a strong match
    PASSWORD = "password"  # noqa: S105 - a near miss, and the right password soon after


@dataclass(frozen=True, slots=True)
class Joined:
    """That a view joined a template after the enrolment: when, in seconds since 1970, and why."""

    at_s: int
    reason: Reason


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Template:
    """What is kept of an enrolled person.

    ``vectors`` f32[N,D] and ``poses`` are the views in colour, which every template has; ``infrared`` those taken
    beside them by the depth camera's own light, None where there were none. The last views in colour, as many as
    ``joined`` tells of and oldest first, joined after the enrolment. ``camera`` is the serial number of the camera
    that it was enrolled with, empty where that is not known. ``origin`` and all else are sealed with it.
    """

    user: str
    vectors: F32
    poses: tuple[HeadPose | None, ...]
    model_id: str
    origin: Origin
    generation: int
    enrolled_s: int  # seconds since 1970
    infrared: Views | None = None
    camera: str = ""
    joined: tuple[Joined, ...] = ()

    def __post_init__(self) -> None:
        count, width = Views(self.vectors, self.poses).vectors.shape
        require(len(self.joined) < count, f"{len(self.joined)} of {count} views joined: none was enrolled")
        if self.infrared is not None:
            rows, numbers = self.infrared.vectors.shape
            require(numbers == width, f"infrared vectors have {numbers} numbers, those in colour {width}")
            enrolled = count - len(self.joined)
            require(rows <= enrolled, f"{rows} infrared vectors were taken beside only {enrolled} in colour")

    def views(self, modality: Modality) -> Views | None:
        """Return how the person was enrolled in one light, None if they were not."""
        return self.infrared if modality is Modality.INFRARED else Views(self.vectors, self.poses)

    @property
    def enrolled(self) -> "Template":
        """The same without what joined after the enrolment."""
        count = len(self.vectors) - len(self.joined)
        return replace(self, vectors=self.vectors[:count], poses=self.poses[:count], joined=())

    def __repr__(self) -> str:
        """Describe without showing a number of it."""
        return f"Template(user={self.user!r}, vectors={len(self.vectors)}, model_id={self.model_id!r})"
