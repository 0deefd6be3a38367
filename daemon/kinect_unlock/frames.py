"""The values that travel through the daemon: frames, faces, tensors, embeddings, observations, templates.

Nothing here has behaviour beyond checking itself. Arrays are made read-only when a value takes them. Every
number's name ends in its unit. Image coordinates: x to the right, y down, pixel centres at whole numbers. Camera
coordinates: x right, y down, z away from the camera, millimetres.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)

TENSOR_SIDE_PX: Final = 112
LANDMARKS: Final = 5


def read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Mark an array read-only in place and return it."""
    array.setflags(write=False)
    return array


def _require(ok: bool, what: str) -> None:  # noqa: FBT001 - an assertion's subject
    if not ok:
        raise ValueError(what)


def _require_array(name: str, array: NDArray[Any], dtype: type[np.generic], ndim: int) -> None:
    _require(
        array.dtype == dtype and array.ndim == ndim,
        f"{name} must be {np.dtype(dtype).name} with {ndim} axes, got {array.dtype.name} {array.shape}",
    )


@unique
class Origin(StrEnum):
    """Where frames come from. Only SENSOR may ever unlock in the system service."""

    SENSOR = "sensor"
    RECORDING = "recording"
    IMAGES = "images"
    WEBCAM = "webcam"
    STAND_IN = "stand-in"
    UNPROVEN = "unproven"  # a depth camera of a kind that no threshold and no liveness bound has evidence for

    @property
    def live(self) -> bool:
        """True if frames carry this machine's monotonic clock, False if one of their own."""
        return self in {Origin.SENSOR, Origin.WEBCAM, Origin.STAND_IN, Origin.UNPROVEN}


@unique
class Modality(StrEnum):
    """In which light a face was looked at.

    What was seen in two of them is never compared, averaged or counted together.
    """

    COLOR = "color"  # the colour camera's, by the room's light
    INFRARED = "infrared"  # the depth camera's, by its own


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera with the Brown-Conrady distortion of the Kinect v2's infrared camera."""

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.k1, self.k2, self.k3, self.p1, self.p2)
        _require(bool(np.isfinite(numbers).all()), f"intrinsics must be finite, got {numbers}")
        _require(self.width_px > 0 and self.height_px > 0, f"image size {self.width_px}x{self.height_px}")
        _require(self.fx_px > 0 and self.fy_px > 0, f"focal lengths {self.fx_px}, {self.fy_px} must be positive")


@dataclass(frozen=True, slots=True)
class Registered:
    """Colour and depth already share one pixel grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Extrinsic:
    """A depth-camera point p maps to the colour camera as ``rotation @ p + translation_mm``."""

    rotation: F64  # [3,3]
    translation_mm: F64  # [3]

    def __post_init__(self) -> None:
        _require(self.rotation.shape == (3, 3), f"rotation must be 3x3, got {self.rotation.shape}")
        _require(self.translation_mm.shape == (3,), f"translation must have 3 numbers, got {self.translation_mm.shape}")
        _require(bool(np.isfinite(self.rotation).all()), "rotation must be finite")
        _require(bool(np.isfinite(self.translation_mm).all()), "translation must be finite")
        _require(
            bool(np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-3)),
            "rotation must be orthonormal to 1e-3",
        )
        read_only(self.rotation)
        read_only(self.translation_mm)


@dataclass(frozen=True, slots=True)
class KinectV2Polynomial:
    """The Kinect v2 factory's 26 colour parameters, named as in libfreenect2's ``ColorCameraParams``.

    ``mx`` and ``my`` each hold ten cubic coefficients in the order x3y0 x0y3 x2y1 x1y2 x2y0 x0y2 x1y1 x1y0 x0y1 x0y0.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    shift_d: float
    shift_m: float
    mx: tuple[float, ...]
    my: tuple[float, ...]

    def __post_init__(self) -> None:
        _require(len(self.mx) == 10 and len(self.my) == 10, "mx and my must have ten coefficients each")  # noqa: PLR2004
        numbers = (self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.shift_d, self.shift_m, *self.mx, *self.my)
        _require(bool(np.isfinite(numbers).all()), "colour parameters must be finite")
        _require(self.shift_d > 0, f"shift_d must be positive, got {self.shift_d}")


DepthToColor: TypeAlias = Registered | Extrinsic | KinectV2Polynomial


@dataclass(frozen=True, slots=True)
class Calibration:
    """Both cameras and how a depth pixel maps into the colour image."""

    color: Intrinsics
    depth: Intrinsics
    depth_to_color: DepthToColor


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame:
    """One moment as the camera saw it.

    ``captured_ns`` is the host's ``CLOCK_MONOTONIC`` for a live source and the recording's own clock for a replay.
    ``depth_mm`` and ``calibration`` are None only for sources that have none (webcam); such a frame can never unlock.
    """

    seq: int
    captured_ns: int
    color: U8  # [H,W,3] RGB
    depth_mm: U16 | None  # [h,w]; 0 = no reading
    calibration: Calibration | None
    infrared: U16 | None = None  # [h,w]
    device_us: int | None = None

    def __post_init__(self) -> None:
        _require_array("color", self.color, np.uint8, 3)
        _require(self.color.shape[2] == 3, f"color must be [H,W,3], got {self.color.shape}")  # noqa: PLR2004
        read_only(self.color)
        for name, plane in (("depth_mm", self.depth_mm), ("infrared", self.infrared)):
            if plane is not None:
                _require_array(name, plane, np.uint16, 2)
                read_only(plane)

    def __repr__(self) -> str:
        """Name the frame without showing what is in it."""
        return f"Frame(seq={self.seq}, captured_ns={self.captured_ns})"


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
        _require(self.landmarks_px.shape == (LANDMARKS, 2), f"landmarks must be [5,2], got {self.landmarks_px.shape}")
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
        _require(
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
        _require_array("embedding", self.vector, np.float32, 1)
        _require(bool(np.isfinite(self.vector).all()), "embedding must be finite")
        with np.errstate(over="ignore"):  # whoever sends numbers that large is refused, and writes no warning
            norm = float(np.linalg.norm(self.vector))
        _require(abs(norm - 1.0) < 1e-3, f"embedding must have length 1, got {norm:.4f}")  # noqa: PLR2004
        read_only(self.vector)

    def __repr__(self) -> str:
        """Name the space, never the numbers: this may reach a log."""
        return f"Embedding({self.model_id})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Views:
    """A face as it was enrolled in one light: row i of ``vectors`` f32[N,D] was taken at ``poses[i]``.

    A pose is None for a photograph.
    """

    vectors: F32
    poses: tuple[HeadPose | None, ...]

    def __post_init__(self) -> None:
        _require_array("vectors", self.vectors, np.float32, 2)
        _require(len(self.vectors) > 0, "a template needs at least one vector")
        _require(len(self.poses) == len(self.vectors), f"{len(self.poses)} poses for {len(self.vectors)} vectors")
        _require(bool(np.isfinite(self.vectors).all()), "template vectors must be finite")
        norms = np.linalg.norm(self.vectors, axis=1)
        _require(bool((abs(norms - 1.0) < 1e-3).all()), "template vectors must have length 1")  # noqa: PLR2004
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
        _require(len(self.joined) < count, f"{len(self.joined)} of {count} views joined: none was enrolled")
        if self.infrared is not None:
            rows, numbers = self.infrared.vectors.shape
            _require(numbers == width, f"infrared vectors have {numbers} numbers, those in colour {width}")
            enrolled = count - len(self.joined)
            _require(rows <= enrolled, f"{rows} infrared vectors were taken beside only {enrolled} in colour")

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
        _require((self.embedding is not None) == (self.seen is Seen.FACE), f"{self.seen} and embedding do not agree")
        beside_color = self.seen is Seen.FACE and self.modality is Modality.COLOR
        _require(self.beside is None or beside_color, "infrared is enrolled beside a face in colour")

    @property
    def shows_face(self) -> bool:
        """False if no face was found, be it that nobody is there or that it is too dark to tell."""
        return self.seen not in {Seen.NO_FACE, Seen.DARK}
