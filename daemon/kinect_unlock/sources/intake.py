"""Judges what a driver's child says, and makes frames of it. A child gone wild may say anything.

What is impossible raises `Nonsense`; what passes has sizes that were agreed, lies in the ring, and comes after what
came before. A frame is copied out of the ring before anything looks at it, so that nothing changes it afterwards.
"""

from dataclasses import dataclass

from kinect_unlock.calibration import calibration_from_plain
from kinect_unlock.clock import Clock
from kinect_unlock.frames import Calibration, Frame, Intrinsics
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.driver_link import Nonsense, Opened, Shown
from kinect_unlock.sources.last_words import harmless
from kinect_unlock.sources.planes import PlaneShapes
from kinect_unlock.sources.ring import RingReader


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a frame stands among the others."""

    number: int
    seq: int
    captured_ns: int


class Intake:
    """One child's frames. ``dropped`` counts those that were overwritten, or overtaken, before they were taken."""

    def __init__(self, ring: RingReader, clock: Clock) -> None:
        self.dropped = 0
        self.taken = 0
        self._ring = ring
        self._clock = clock
        self._calibration: Calibration | None = None
        self._last = _Place(number=0, seq=-1, captured_ns=clock.monotonic_ns())
        self._waiting: Shown | None = None  # the newest that was not taken

    @property
    def has_frame(self) -> bool:
        """True if a frame is there that was not taken."""
        return self._waiting is not None

    def opened(self, said: Opened) -> Identity:
        """Take what all frames share; once, before the first.

        Raises:
            Nonsense: sizes are impossible or contradict the calibration.
        """
        shapes = PlaneShapes(said.color, said.depth, said.infrared)
        try:
            self._ring.agree(shapes)
            if said.calibration is not None:
                self._calibration = calibration_from_plain(said.calibration)
        except ValueError as fault:
            raise Nonsense(str(fault)) from fault
        if self._calibration is not None:
            _agree(shapes.color, self._calibration.color, "colour")
            if shapes.depth is not None:
                _agree(shapes.depth, self._calibration.depth, "depth")
        return Identity(*map(harmless, (said.model, said.serial, said.firmware, said.pipeline)))

    def shown(self, said: Shown) -> None:
        """Take notice of a frame.

        Raises:
            Nonsense: it is not later than the one before, or is from the future.
        """
        last = self._last
        if said.number <= last.number or said.seq <= last.seq:
            raise Nonsense(f"frame {said.number} with seq {said.seq} after {last.number} with {last.seq}")
        if not last.captured_ns <= said.captured_ns <= self._clock.monotonic_ns():
            raise Nonsense(f"a frame captured at {said.captured_ns} ns, before the last one or in the future")
        self.dropped += said.number - last.number - 1 + self.has_frame
        self._last, self._waiting = _Place(said.number, said.seq, said.captured_ns), said

    def take(self) -> Frame | None:
        """Return a copy of the newest frame; None if there is none, or it was overwritten meanwhile."""
        said, self._waiting = self._waiting, None
        if said is None:
            return None
        planes = self._ring.copy(said.number)
        if planes is None:
            self.dropped += 1
            return None
        self.taken += 1
        return Frame(
            seq=said.seq,
            captured_ns=said.captured_ns,
            color=planes.color,
            depth_mm=planes.depth_mm,
            calibration=self._calibration,
            infrared=planes.infrared,
            device_us=said.device_us,
        )


def _agree(shape: tuple[int, int], camera: Intrinsics, name: str) -> None:
    if shape != (camera.height_px, camera.width_px):
        size = f"{camera.width_px}x{camera.height_px}"
        raise Nonsense(f"{name} images of {shape[1]}x{shape[0]} pixels with a calibration for {size}")
