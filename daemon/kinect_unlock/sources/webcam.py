"""An ordinary webcam: colour alone, so a person can be identified by it, but never let in."""

import re
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin

_DEVICES: Final = Path("/dev")
_DEVICE: Final = re.compile(r"(?:/dev/video)?(\d{1,3})")


class WebcamSource:
    """Gives a Video4Linux camera's frames, stamped with the host's clock; no depth, no calibration."""

    origin = Origin.WEBCAM

    def __init__(self, device: str | None, *, clock: Clock) -> None:
        """Take an index or ``/dev/videoN``; None is the first camera.

        Raises:
            SourceError: the device is something else.
        """
        found = _DEVICE.fullmatch(device or "0")
        if found is None:
            raise SourceError(f"source.device {device!r} is no webcam; give its number, such as '0', or /dev/video0")
        self._index = int(found[1])
        self._clock = clock
        self._camera: Any = None  # cv2.VideoCapture while open
        self._seq = 0

    @property
    def _name(self) -> str:
        return f"/dev/video{self._index}"

    def open(self) -> None:
        """Open the camera.

        Raises:
            SourceError: it is not there, or another program has it.
        """
        if not Path(self._name).exists():
            present = ", ".join(sorted(str(path) for path in _DEVICES.glob("video*"))) or "none"
            raise SourceError(
                f"there is no webcam at {self._name} (present: {present}); connect one or set source.device"
            )
        camera = cv2.VideoCapture(self._index, cv2.CAP_V4L2)
        if not camera.isOpened():
            camera.release()
            raise SourceError(
                f"{self._name} cannot be opened as a webcam; close what else uses it, or ask for read access"
            )
        self._camera = camera

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None if none came within ``timeout_s``.

        Raises:
            SourceLost: the camera stopped.
            SourceError: the source is not open.
        """
        if self._camera is None:
            raise SourceError(f"{self._name} is not open")
        try:
            ready, _ = cv2.VideoCapture.waitAny([self._camera], max(1, int(timeout_s * NS_PER_S)))  # 0: wait for ever
            if not ready:
                return None
            captured_ns = self._clock.monotonic_ns()
            whole, picture = self._camera.retrieve()  # waitAny has grabbed it
        except cv2.error as error:
            raise SourceLost(f"{self._name} stopped: {error.err}; connect it again") from error
        if not whole:
            raise SourceLost(f"{self._name} stopped giving frames; connect it again")
        color = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        frame = Frame(seq=self._seq, captured_ns=captured_ns, color=color, depth_mm=None, calibration=None)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.release()
            self._camera = None
