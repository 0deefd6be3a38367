"""Do the frames of an attempt make a camera's stream? Frozen history in, history and cues out; pure.

A camera's clock only goes on, and its depth never comes twice: whatever stands before a time-of-flight camera, the
noise of tens of thousands of readings does not repeat. A stream that was frozen, doubled or looped does. That much is
certain without any data, and only that has a say. What else is measured has none (bounds null) until streams of real
people exist: at hand are stills, made to move before two simulated sensors, and recordings that were rendered.

depth_repeats     0: how many earlier frames of the attempt gave this very depth image; all 150 of the six recordings
                  that ship are different
steps_back        0: how many frames of the attempt came with a number or time that was not later than the last one's
clocks_apart_ms   no say: how much further the host's clock has gone than the device's since the first frame
color_still_ms    no say: for how long colour has not changed at all; in the dark a camera may give every image twice
motion_apart_mm   no say: how far landmarks and surface have moved apart in the last second (`face_motion`). Of 8 people
                  in 16 simulated streams at most 3.0 after six frames and 4.5 after 0.7 s; with another's depth 2.1 to
                  12.7 and 2.2 to 15.7, with colour 0.3 s late 2.2 to 19.8 and 4.9 to 30.4: a bound would mean waiting.
                  In the recordings people who sit reach 9.4, for the detector's landmarks stray on rendered heads, and
                  one who turns the head by 18 degrees 33
depth_noise_mm    no say: the noise of a reading of the face, in the middle of the same frames. 0.8 to 1.8 in the
                  recordings, 0 where depth stands still, 0.4 to 0.6 in most streams whose readings are rounded to 8 mm
noise_growth      no say: that noise for each metre of distance. The spread of a reading goes as sqrt(A + B) / A, with A
                  the amplitude of the lamp's light that comes back and B all other light (Lange and Seitz, IEEE J.
                  Quantum Electronics 37, 2001). A falls with the square of the distance: on a bright thing the spread
                  grows as the distance, on a dark one as its square. How bright a thing is, is not looked at. 0.8 to
                  2.0 mm/m on people in the recordings, 1.3 to 1.4 on prints: a print's noise is like a face's

What a loop repeats shows only when it begins again. At 30 Hz the owner is recognised at the sixth frame, so that a
loop of six or more, or a recording that is played once, is found by none of these. Against those stand a nod where one
is asked for, and that only a camera's own driver is believed. Nor is a repeat found where noise was added to it.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b
from math import nan
from typing import Final

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.face_motion import Track, face_look, followed
from kinect_unlock.frames import Frame, Intrinsics
from kinect_unlock.liveness import bounded
from kinect_unlock.observations import Cue, Face
from kinect_unlock.settings import Liveness

_DEPTH_STEP: Final = 4  # every fourth reading of every fourth row: 13 568 of a Kinect v2's, in 0.05 ms
_COLOR_STEP: Final = 24  # 3600 pixels of a Kinect v2's
_LEAST_READINGS: Final = 64  # among those; a covered lens reads nothing, again and again
_KEPT: Final = 1024  # half a minute; an attempt to verify takes seconds, a preview minutes
_DIGEST_BYTES: Final = 16
_NS_PER_US: Final = 1000
_MM_PER_M: Final = 1000.0


@dataclass(frozen=True, slots=True)
class _Stamp:
    """When a frame came."""

    seq: int
    captured_ns: int
    device_us: int | None

    def is_after(self, other: "_Stamp") -> bool:
        """Say whether it came later by everything that both tell."""
        by_device = self.device_us is None or other.device_us is None or self.device_us > other.device_us
        return self.seq > other.seq and self.captured_ns > other.captured_ns and by_device

    def clocks_apart_ns(self, since: "_Stamp") -> int | None:
        """Return by how much more time has passed on the host than on the device; None without a device's clock."""
        if self.device_us is None or since.device_us is None:
            return None
        return (self.captured_ns - since.captured_ns) - (self.device_us - since.device_us) * _NS_PER_US


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class History:
    """The frames of one attempt so far; begins empty."""

    first: _Stamp | None = None
    newest: _Stamp | None = None
    steps_back: int = 0
    depth_digests: tuple[bytes, ...] = ()  # of the last frames with something before them, newest last
    depth_repeats: int | None = None  # of the newest frame; None: there is nothing before it to tell by
    color_digest: bytes = b""
    color_since_ns: int = 0  # the first frame with the present colour
    track: Track | None = None  # of the face, as long as there is one
    distance_mm: float = nan  # of the face, in the newest frame that shows one


def with_frame(history: History, frame: Frame) -> History:
    """Return the history with one more frame, whatever it shows."""
    stamp = _Stamp(frame.seq, frame.captured_ns, frame.device_us)
    goes_back = history.newest is not None and not stamp.is_after(history.newest)
    depth = _depth_digest(frame.depth_mm)
    color = _digest(frame.color[::_COLOR_STEP, ::_COLOR_STEP])
    return replace(
        history,
        first=history.first or stamp,
        newest=stamp,
        steps_back=history.steps_back + int(goes_back),
        depth_digests=history.depth_digests if depth is None else (*history.depth_digests, depth)[-_KEPT:],
        depth_repeats=None if depth is None else history.depth_digests.count(depth),
        color_digest=color,
        color_since_ns=history.color_since_ns if color == history.color_digest else frame.captured_ns,
    )


def with_face(history: History, face: Face, depth: FaceDepth, camera: Intrinsics) -> History:
    """Return the history with the face that its newest frame shows; ``camera`` is the one that saw it."""
    if history.newest is None:
        raise ValueError("a face is seen in a frame; there is none yet")
    look = face_look(face.detection.landmarks_px, depth)
    distance_mm = face.pose.distance_mm
    track = followed(history.track, look, history.newest.captured_ns, distance_mm / camera.fx_px)
    return replace(history, track=track, distance_mm=distance_mm)


def integrity_cues(history: History, bounds: Liveness) -> tuple[Cue, ...]:
    """Put what the stream has shown, its newest frame included, against the bounds."""
    track = history.track
    noise_mm = None if track is None else track.noise_mm
    measured = (
        ("depth_repeats", "frames", history.depth_repeats, bounds.depth_repeats),
        ("steps_back", "frames", history.steps_back, bounds.steps_back),
        ("clocks_apart_ms", "ms", _clocks_apart_ms(history), bounds.clocks_apart_ms),
        ("color_still_ms", "ms", _color_still_ms(history), bounds.color_still_ms),
        ("motion_apart_mm", "mm", None if track is None else track.apart_mm, bounds.motion_apart_mm),
        ("depth_noise_mm", "mm", noise_mm, bounds.depth_noise_mm),
        ("noise_growth", "mm/m", _noise_growth(noise_mm, history.distance_mm), bounds.noise_growth),
    )
    return tuple(bounded(name, unit, value, bound) for name, unit, value, bound in measured)


def _clocks_apart_ms(history: History) -> float | None:
    if history.first is None or history.newest is None:
        return None
    apart_ns = history.newest.clocks_apart_ns(history.first)
    return None if apart_ns is None else apart_ns / NS_PER_MS


def _color_still_ms(history: History) -> float | None:
    return None if history.newest is None else (history.newest.captured_ns - history.color_since_ns) / NS_PER_MS


def _noise_growth(noise_mm: float | None, distance_mm: float) -> float | None:
    """Return the noise for each metre of distance; None without either."""
    return None if noise_mm is None or not distance_mm > 0 else noise_mm / (distance_mm / _MM_PER_M)


def _depth_digest(depth_mm: U16 | None) -> bytes | None:
    """Return what tells one depth image from every other; None where too little was read to do so."""
    if depth_mm is None:
        return None
    sample = depth_mm[::_DEPTH_STEP, ::_DEPTH_STEP]
    return _digest(sample) if np.count_nonzero(sample) >= _LEAST_READINGS else None


def _digest(sample: U8 | U16) -> bytes:
    return blake2b(sample.tobytes(), digest_size=_DIGEST_BYTES).digest()
