"""Everything that can be set, as frozen Structs; a base value like a frame, so that every layer may take its part.

Reading, checking and merging files is `kinect_unlock.config`'s work. The shipped ``config.yaml`` spells out every
default and is the schema by example; a test compares the two.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field
from msgspec.structs import replace

Fraction: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0.0)]
NotNegative: TypeAlias = Annotated[float, Meta(ge=0.0)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Bounds: TypeAlias = tuple[float | None, float | None]
Argv: TypeAlias = Annotated[tuple[str, ...], Meta(min_length=1)]
Pace: TypeAlias = Literal["recorded", "asap", "stepped"]
DepthPipeline: TypeAlias = Literal["auto", "opencl", "cpu", "opengl"]
KeyPlace: TypeAlias = Literal["auto", "credential", "file"]
Strategy: TypeAlias = Literal["nearest", "centre"]
# A service of PAM's: a file of /etc/pam.d.
ServiceName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")]
SeatName: TypeAlias = Annotated[str, Meta(pattern=r"^seat[A-Za-z0-9_-]{1,59}\Z")]
Standing: TypeAlias = Literal["allow", "intent", "never"]
Stage: TypeAlias = Literal["straight", "left", "right", "up", "down", "near", "far", "any"]


class Daemon(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the daemon lives."""

    socket: str | None = None
    state_dir: str | None = None
    template_key: KeyPlace = "auto"
    stop_timeout_s: Positive = 5.0


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where frames come from."""

    kind: Annotated[str, Meta(min_length=1)] = "kinect-v2"
    path: str | None = None
    device: str | None = None
    seat: SeatName = "seat0"
    pace: Pace = "recorded"
    pipeline: DepthPipeline = "auto"
    open_timeout_s: Annotated[float, Meta(gt=0.0, le=14.0)] = 12.0  # an attempt waits 15 s for its camera
    reappear_s: NotNegative = 5.0
    linger_s: NotNegative = 8.0
    watching_hz: Positive = 10.0
    max_frame_age_ms: Positive = 250.0
    stall_timeout_s: Positive = 2.0
    faults: str | None = None


class Models(Struct, frozen=True, forbid_unknown_fields=True):
    """Which networks, and where their files are."""

    encoder: str = "rgbd-fused"
    detector: str = "yunet"
    manifest: str | None = None
    weights_dir: str | None = None
    cache_dir: str | None = None
    threads: Annotated[int, Meta(ge=1, le=64)] = 1


class DetectorOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the face detector is run."""

    min_score: Fraction = 0.6
    nms_iou: Fraction = 0.3
    input_width_px: Annotated[int, Meta(ge=64, le=4096)] = 640


class PoseRange(Struct, frozen=True, forbid_unknown_fields=True):
    """Distance and the largest angle to either side; outside, a frame is unusable."""

    near_mm: Positive
    far_mm: Positive
    yaw_deg: Annotated[float, Meta(gt=0.0, le=90.0)]
    pitch_deg: Annotated[float, Meta(gt=0.0, le=90.0)]
    roll_deg: Annotated[float, Meta(gt=0.0, le=90.0)]


class Ranges(Struct, frozen=True, forbid_unknown_fields=True):
    """The range of each use; ``depth_vote`` of what the depth half may say.

    The last is as wide as the verify range: 25 by 20 degrees would refuse one in eight of the tune half's looks, and
    strangers' depth would pass in 10.8 % instead of 13.8 % of theirs, both within chance (`lab calibrate`).
    """

    enrol: PoseRange = PoseRange(near_mm=450, far_mm=1300, yaw_deg=35, pitch_deg=30, roll_deg=25)
    verify: PoseRange = PoseRange(near_mm=450, far_mm=1350, yaw_deg=30, pitch_deg=25, roll_deg=30)
    depth_vote: PoseRange = PoseRange(near_mm=450, far_mm=1350, yaw_deg=30, pitch_deg=25, roll_deg=25)


class DepthVote(Struct, frozen=True, forbid_unknown_fields=True):
    """How well a face's depth must lie on the mean face for the depth half to have a vote.

    Of 181 looks at real faces within the verify range these bounds refuse none (`lab calibrate`).
    """

    fit_max_mm: Positive = 4.5
    coverage_min: Fraction = 0.6


class Liveness(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of each cue; None as a whole means reported without a say in the verdict."""

    face_width_mm: Bounds | None = (110.0, 178.0)
    face_height_mm: Bounds | None = (None, 230.0)
    relief_share: Bounds | None = (0.76, None)
    relief_likeness: Bounds | None = (0.8, None)
    sheet_residual_mm: Bounds | None = (2.1, None)
    landmarks_apart_mm: Bounds | None = (None, 20.0)
    valid_depth: Bounds | None = (0.75, None)
    background_step_mm: Bounds | None = None
    silhouette_apart_mm: Bounds | None = None
    off_axis_deg: Bounds | None = None
    eyes_open: Bounds | None = None
    depth_repeats: Bounds | None = (None, 0.0)
    steps_back: Bounds | None = (None, 0.0)
    clocks_apart_ms: Bounds | None = None
    color_still_ms: Bounds | None = None
    motion_apart_mm: Bounds | None = None
    depth_noise_mm: Bounds | None = None
    noise_growth: Bounds | None = None


class LivenessBeyond(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds from a distance on, of what noise and steps lower there; a cue without a say has none there either."""

    from_mm: Positive = 1000.0
    relief_share: Bounds | None = (0.7, None)
    relief_likeness: Bounds | None = (0.78, None)


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """When two embeddings are one person."""

    far: Annotated[float, Meta(gt=0.0, le=0.1)] = 1e-4
    strategy: Strategy = "nearest"
    identify_margin: Fraction = 0.05
    infrared: bool = False


class EvidenceRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How many frames decide an attempt."""

    votes_needed: Count = 3
    votes_window: Count = 5
    min_span_ms: NotNegative = 150.0
    reject_after: Count = 10
    distinct_frames: bool = True
    integrity: bool = True


class Attempt(Struct, frozen=True, forbid_unknown_fields=True):
    """How long an attempt may take and what follows one."""

    timeout_s: Positive = 5.0
    nobody_timeout_s: Positive = 2.0
    cooldown_s: NotNegative = 1.0


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How many failures lock out."""

    max_failures: Count = 5


class PolicyRules(Struct, frozen=True, forbid_unknown_fields=True):
    """When a password is asked for whatever the camera sees."""

    password_after_boot: bool = True
    password_after_h_without_unlock: Positive = 48.0
    password_after_h_without_password: Positive = 156.0
    and_h_without_face: Positive = 4.0


# What may ask, unless the configuration says otherwise; whatever is not here may not.
_ALLOWED = (
    *("login", "gdm-password", "sddm", "lightdm", "greetd"),
    *("kde", "xfce4-screensaver", "cinnamon-screensaver", "mate-screensaver", "xscreensaver"),
    *("swaylock", "hyprlock", "gtklock", "waylock", "i3lock", "vlock"),
)
_WITH_INTENT = ("sudo", "sudo-i", "su", "su-l", "polkit-1")


def _services() -> dict[ServiceName, Standing]:
    return {**dict.fromkeys(_ALLOWED, "allow"), **dict.fromkeys(_WITH_INTENT, "intent")}


class Enrol(Struct, frozen=True, forbid_unknown_fields=True):
    """What an enrolment collects."""

    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=16)] = (
        "straight",
        "left",
        "right",
        "up",
        "down",
    )
    samples_per_stage: Annotated[int, Meta(ge=1, le=16)] = 2
    min_cosine: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.35
    duplicate_cosine: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.50
    stage_timeout_s: Positive = 20.0


class Adapt(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether and how a template follows a face that changes; see `kinect_unlock.adaptation`.

    Off: the thresholds' evidence is of templates of captures chosen by a protocol, not of ones that the matches chose.
    """

    on: bool = False
    most_joined: Annotated[int, Meta(ge=1, le=16)] = 4
    margin: Fraction = 0.10
    near_miss: Fraction = 0.05
    password_within_s: Positive = 20.0
    centre_cosine: Fraction = 0.5
    alike_cosine: Fraction = 0.90
    quiet_after_spoof_s: NotNegative = 600.0


class Watch(Struct, frozen=True, forbid_unknown_fields=True):
    """Unlocking a locked session without being asked, when its user comes back."""

    enabled: bool = False
    even_if_costly: bool = False
    grace_s: NotNegative = 5.0
    gone_s: Positive = 4.0
    still_s: Positive = 20.0
    rest_s: Positive = 2.0
    longest_rest_s: Positive = 120.0
    max_failures: Count = 3


class Presence(Struct, frozen=True, forbid_unknown_fields=True):
    """Locking the session behind a user who walks away."""

    enabled: bool = False
    even_if_costly: bool = False
    near_mm: Positive = 400.0
    far_mm: Positive = 1700.0
    margin_mm: NotNegative = 150.0
    absent_s: Positive = 20.0
    still_mm: Positive = 1.5
    look_every_s: Positive = 30.0

    def widest_mm(self, verify: PoseRange) -> tuple[float, float]:
        """Return the distances between which anybody is of interest, be it to lock or to unlock."""
        near_mm, far_mm = max(0.0, self.near_mm - self.margin_mm), self.far_mm + self.margin_mm
        return min(near_mm, verify.near_mm), max(far_mm, verify.far_mm)


class Hooks(Struct, frozen=True, forbid_unknown_fields=True):
    """Programs that lock and unlock; None: no such program."""

    lock: Argv | None = None
    unlock: Argv | None = None
    timeout_s: Positive = 5.0


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written about the daemon's work."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    decisions: str | None = None


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set; the defaults are those of the shipped config.yaml."""

    daemon: Daemon = Daemon()
    source: Source = Source()
    models: Models = Models()
    detector: DetectorOptions = DetectorOptions()
    ranges: Ranges = Ranges()
    liveness: Liveness = Liveness()
    liveness_beyond: LivenessBeyond = LivenessBeyond()
    depth_vote: DepthVote = DepthVote()
    match: Match = Match()
    evidence: EvidenceRules = EvidenceRules()
    attempt: Attempt = Attempt()
    limits: Limits = Limits()
    policy: PolicyRules = PolicyRules()
    services: dict[ServiceName, Standing] = field(default_factory=_services)
    enrol: Enrol = Enrol()
    adapt: Adapt = Adapt()
    watch: Watch = Watch()
    presence: Presence = Presence()
    hooks: Hooks = Hooks()
    log: Log = Log()

    def liveness_at(self, distance_mm: float) -> Liveness:
        """Return the bounds for a face so far away; one whose distance is no number has those of the nearest."""
        beyond = self.liveness_beyond
        if not distance_mm >= beyond.from_mm:
            return self.liveness
        own = [name for name in beyond.__struct_fields__ if name != "from_mm" and getattr(self.liveness, name)]
        return replace(self.liveness, **{name: getattr(beyond, name) for name in own})
