"""Checks of the frames that a source gives."""

import hashlib
from itertools import pairwise
from typing import Final

import numpy as np

from kinect_unlock.align import landed
from kinect_unlock.arrays import U8, U16
from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.sources.conformance.subject import Inapplicable, Subject, Violation, require

_FRAMES: Final = 12
_LATER_FRAMES: Final = 20
_READINGS_MIN: Final = 0.05  # of a depth image's pixels; a covered or broken camera gives fewer
_DEPTH_MAX_MM: Final = 20_000  # no camera of this kind measures farther: such a "reading" is a mark for none
_BEYOND_MAX: Final = 0.01
_LANDED_MIN: Final = 0.5
_STEP_PX: Final = 4


def frames_are_numbered_upwards(subject: Subject) -> None:
    """Seq, captured_ns and device_us, where there is one, of every frame are higher than those of the frame before."""
    with subject.opened() as source:
        frames = subject.frames(source, _FRAMES)
    for before, after in pairwise(frames):
        require(after.seq > before.seq, f"seq {after.seq} came after {before.seq}; it must rise with every frame")
        require(
            after.captured_ns > before.captured_ns,
            f"captured_ns {after.captured_ns} came after {before.captured_ns}; it must rise with every frame",
        )
        require(
            before.device_us is None or after.device_us is None or after.device_us > before.device_us,
            f"device_us {after.device_us} came after {before.device_us}; it must rise with every frame, or be None",
        )


def live_frames_carry_the_hosts_clock(subject: Subject) -> None:
    """A live source stamps frames with CLOCK_MONOTONIC: not before open(), never in the future."""
    origin = subject.make().origin
    if not origin.live:
        raise Inapplicable(f"{origin} frames carry a clock of their own")
    opened_ns = subject.clock.monotonic_ns()
    with subject.opened() as source:
        for _ in range(_FRAMES):
            (frame,) = subject.frames(source, 1)
            now_ns = subject.clock.monotonic_ns()
            require(
                opened_ns <= frame.captured_ns <= now_ns,
                f"a frame read {(now_ns - opened_ns) / NS_PER_MS:.0f} ms after open() claims to be captured "
                f"{(frame.captured_ns - opened_ns) / NS_PER_MS:.0f} ms after it; stamp with CLOCK_MONOTONIC in ns",
            )


def planes_have_one_form(subject: Subject) -> None:
    """Colour u8[H,W,3], depth and infrared u16[h,w]: contiguous, read-only, of one size from first to last."""
    with subject.opened() as source:
        frames = subject.frames(source, _FRAMES)
    forms = {tuple((name, plane.shape) for name, plane in _planes(frame)) for frame in frames}
    require(len(forms) == 1, f"planes come and go or change their size: {sorted(forms)}")
    for frame in frames:
        for name, plane in _planes(frame):
            wanted = np.uint8 if name == "color" else np.uint16
            require(plane.dtype == wanted, f"{name} is {plane.dtype}, expected {np.dtype(wanted)}")
            require(plane.flags.c_contiguous, f"{name} is not contiguous; give np.ascontiguousarray of it")
            require(not plane.flags.writeable, f"{name} can be written; a frame's planes are read-only")


def a_frame_stays_as_it_was(subject: Subject) -> None:
    """Reading on does not change a frame given before: no driver buffer is handed out."""
    with subject.opened() as source:
        (kept,) = subject.frames(source, 1)
        before = _digest(kept)
        subject.frames(source, _LATER_FRAMES)
        require(
            _digest(kept) == before, f"a frame changed while {_LATER_FRAMES} more were read; copy the driver's buffer"
        )
    require(_digest(kept) == before, "a frame changed when its source was closed; copy the driver's buffer")


def depth_is_millimetres_or_none(subject: Subject) -> None:
    """Depth has readings, 0 stands for none, and nothing lies farther than such a camera can see."""
    with subject.opened() as source:
        depths = [frame.depth_mm for frame in subject.frames(source, _FRAMES) if frame.depth_mm is not None]
    if not depths:
        raise Inapplicable("it has no depth; it can identify, but never unlock")
    readings = float(np.mean([np.count_nonzero(depth) / depth.size for depth in depths]))
    require(
        readings >= _READINGS_MIN, f"{readings:.1%} of depth pixels have a reading; is it in millimetres, 0 = none?"
    )
    beyond = float(np.mean([np.count_nonzero(depth > _DEPTH_MAX_MM) / depth.size for depth in depths]))
    require(
        beyond <= _BEYOND_MAX,
        f"{beyond:.1%} of depth pixels lie beyond {_DEPTH_MAX_MM} mm; what is no reading must be 0",
    )


def calibration_fits_the_planes(subject: Subject) -> None:
    """Every frame with depth carries one and the same calibration, made for these planes."""
    with subject.opened() as source:
        frames = subject.frames(source, _FRAMES)
    with_depth = [frame for frame in frames if frame.depth_mm is not None]
    if not with_depth:
        raise Inapplicable("it has no depth, which is all that a calibration is needed for")
    calibrations = [frame.calibration for frame in with_depth]
    first = calibrations[0]
    for frame, calibration in zip(with_depth, calibrations, strict=True):
        if calibration is None or first is None:
            raise Violation(f"frame {frame.seq} has depth but no calibration")
        _require_size("colour", frame.color.shape, calibration.color)
        _require_size("depth", () if frame.depth_mm is None else frame.depth_mm.shape, calibration.depth)
        require(
            calibration is first or calibration_to_plain(calibration) == calibration_to_plain(first),
            f"the calibration changes with frame {frame.seq}; read it once, in open()",
        )
        if isinstance(calibration.depth_to_color, Registered):
            same = frame.depth_mm is not None and frame.depth_mm.shape == frame.color.shape[:2]
            require(same, "depth is called registered, but its grid is not the colour image's")


def depth_falls_on_the_colour_image(subject: Subject) -> None:
    """Most readings land inside the colour image by the calibration."""
    with subject.opened() as source:
        frames = subject.frames(source, 3)
    for frame in frames:
        if frame.depth_mm is None or frame.calibration is None:
            raise Inapplicable("it has no depth with a calibration")
        share = _landed_share(frame, frame.calibration)
        require(
            share >= _LANDED_MIN,
            f"{share:.0%} of depth readings land inside the colour image; is the calibration in pixels and mm, and of "
            "this camera?",
        )


def _landed_share(frame: Frame, calibration: Calibration) -> float:
    """Return the share 0..1 of sampled readings that fall within the colour image."""
    if frame.depth_mm is None:
        return 0.0
    x_px, y_px, depth_mm = landed(frame.depth_mm, calibration, _STEP_PX)
    height_px, width_px = frame.color.shape[:2]
    read = int(np.count_nonzero(frame.depth_mm[::_STEP_PX, ::_STEP_PX]))
    inside = (depth_mm > 0) & (x_px >= 0) & (x_px < width_px) & (y_px >= 0) & (y_px < height_px)
    return int(np.count_nonzero(inside)) / max(1, read)


def _require_size(what: str, shape: tuple[int, ...], camera: Intrinsics) -> None:
    require(
        shape[:2] == (camera.height_px, camera.width_px),
        f"{what} is {shape[1]}x{shape[0]} pixels, its calibration is for {camera.width_px}x{camera.height_px}",
    )
    centred = 0 <= camera.cx_px < camera.width_px and 0 <= camera.cy_px < camera.height_px
    require(centred, f"{what}'s principal point ({camera.cx_px:g}, {camera.cy_px:g}) lies outside its image")


def _planes(frame: Frame) -> list[tuple[str, U8 | U16]]:
    named = (("color", frame.color), ("depth_mm", frame.depth_mm), ("infrared", frame.infrared))
    return [(name, plane) for name, plane in named if plane is not None]


def _digest(frame: Frame) -> str:
    digest = hashlib.sha256()
    for _, plane in _planes(frame):
        digest.update(plane.tobytes())
    return digest.hexdigest()
