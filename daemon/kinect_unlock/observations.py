"""What is seen in a frame: a face and its pose, what liveness says of it, its embedding, and all of it together.

Nothing here has behaviour beyond checking itself. Arrays are made read-only when a value takes them. Coordinates
are those of `kinect_unlock.frames`.
"""

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64, read_only, require, require_array

TENSOR_SIDE_PX: Final = 112
LANDMARKS: Final = 5


@unique
class Modality(StrEnum):
    """In which light a face was looked at.

    What was seen in two of them is never compared, averaged or counted together.
    """

    COLOR = "color"  # the colour camera's, by the room's light
    INFRARED = "infrared"  # the depth camera's, by its own


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle in colour pixels."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face in the colour image.

    ``landmarks_px`` f32[5,2]: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
    """

    box: Box
    score: float
    landmarks_px: F32

    def __post_init__(self) -> None:
        require(self.landmarks_px.shape == (LANDMARKS, 2), f"landmarks must be [5,2], got {self.landmarks_px.shape}")
        read_only(self.landmarks_px)


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Where a head is and where it looks; all angles 0 when it faces the camera.

    ``yaw_deg`` is positive when the nose points to the image's right, ``pitch_deg`` when it points up, ``roll_deg``
    when the head is turned clockwise as the image shows it. ``distance_mm`` is the depth of the face's middle.
    """

    distance_mm: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face with its metric pose."""

    detection: Detection
    pose: HeadPose


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FaceTensor:
    """The encoder's input: planes R, G, B (0..255) and depth, as the manifest's contract describes the fourth."""

    data: F32  # [4,112,112]
    valid_depth: float  # 0..1, share of the face ellipse with a depth reading
    transform: F64  # [2,3], colour pixels -> tensor pixels

    def __post_init__(self) -> None:
        require(
            self.data.shape == (4, TENSOR_SIDE_PX, TENSOR_SIDE_PX) and self.data.dtype == np.float32,
            f"tensor must be f32[4,112,112], got {self.data.dtype.name} {self.data.shape}",
        )
        read_only(self.data)
        read_only(self.transform)


@unique
class Verdict(StrEnum):
    """What liveness says; anything but LIVE counts against opening."""

    LIVE = "live"
    SPOOF = "spoof"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Cue:
    """One physical measurement against its bounds; ``value`` None means that it could not be measured.

    ``enforced`` False: reported, but without a say in the verdict.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    enforced: bool = True

    @property
    def holds(self) -> bool:
        """True if it was measured, is a number and lies within its bounds."""
        if self.value is None or not np.isfinite(self.value):
            return False
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


@dataclass(frozen=True, slots=True)
class LivenessReport:
    """A verdict and every cue behind it."""

    verdict: Verdict
    cues: tuple[Cue, ...]


@dataclass(frozen=True, slots=True)
class DepthFit:
    """How well a face's depth could be laid on the mean face: what says whether the depth half may vote.

    ``fit_mm`` is the mean distance of the aligned readings, ``coverage`` 0..1 the share of the face with a reading.
    """

    fit_mm: float
    coverage: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Embedding:
    """A unit vector f32[D] in the space named by ``model_id``."""

    vector: F32
    model_id: str

    def __post_init__(self) -> None:
        require_array("embedding", self.vector, np.float32, 1)
        require(bool(np.isfinite(self.vector).all()), "embedding must be finite")
        with np.errstate(over="ignore"):  # whoever sends numbers that large is refused, and writes no warning
            norm = float(np.linalg.norm(self.vector))
        require(abs(norm - 1.0) < 1e-3, f"embedding must have length 1, got {norm:.4f}")  # noqa: PLR2004
        read_only(self.vector)

    def __repr__(self) -> str:
        """Name the space, never the numbers: this may reach a log."""
        return f"Embedding({self.model_id})"


@unique
class Seen(StrEnum):
    """What one frame showed, before anybody is compared with anybody."""

    NO_FACE = "no-face"
    DARK = "dark"  # somebody stands in range, but in too little light for colour to show a face: unusable, never a vote
    MANY_FACES = "many-faces"
    TOO_NEAR = "too-near"
    TOO_FAR = "too-far"
    TURNED_AWAY = "turned-away"
    BLURRED = "blurred"
    NO_DEPTH = "no-depth"  # nothing to measure liveness with: unusable, never a vote
    SPOOF = "spoof"
    UNSURE = "unsure"  # liveness could not decide: unusable, never a vote
    DEPTH_UNFIT = "depth-unfit"  # live, but its depth may not say who it is: unusable, never a vote
    FACE = "face"  # one live face in range, encoded


@dataclass(frozen=True, slots=True)
class Figure:
    """Something in range that is as large as a person, by depth: where the middle of what is seen of it is."""

    x_mm: float  # from the middle of the view, to the right
    distance_mm: float
    area_m2: float


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the vision thread says of one frame. Carries no image. ``embedding`` is set for FACE alone.

    ``modality`` is the light that all of it was seen in; ``beside`` the same face's embedding in infrared, which only
    an enrolment in colour asks for.

    ``depth_fit`` is None where depth was not laid on the mean face: by an encoder without such a depth half, or
    because the frame was unusable before or too little of the face had depth. ``somebody`` is False if depth shows
    that nobody is in range, so that no face was looked for. ``figures`` are found where nothing but depth is looked at.
    """

    attempt: int
    seq: int
    captured_ns: int
    seen: Seen
    face: Face | None = None
    liveness: LivenessReport | None = None
    depth_fit: DepthFit | None = None
    embedding: Embedding | None = None
    somebody: bool = True
    stage_ms: dict[str, float] = field(default_factory=dict)
    modality: Modality = Modality.COLOR
    beside: Embedding | None = None
    figures: tuple[Figure, ...] = ()

    def __post_init__(self) -> None:
        require((self.embedding is not None) == (self.seen is Seen.FACE), f"{self.seen} and embedding do not agree")
        beside_color = self.seen is Seen.FACE and self.modality is Modality.COLOR
        require(self.beside is None or beside_color, "infrared is enrolled beside a face in colour")

    @property
    def shows_face(self) -> bool:
        """False if no face was found, be it that nobody is there or that it is too dark to tell."""
        return self.seen not in {Seen.NO_FACE, Seen.DARK}
