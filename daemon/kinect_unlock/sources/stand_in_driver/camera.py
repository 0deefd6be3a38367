"""The camera behind the stand-in's names: what is there, open and known; its frames are `.stream`'s."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kinect_unlock.clock import Clock
from kinect_unlock.sources.stand_in_driver import deeds
from kinect_unlock.sources.stand_in_driver.damage import garbage_numbers
from kinect_unlock.sources.stand_in_driver.device_file import DeviceFile
from kinect_unlock.sources.stand_in_driver.film import Film
from kinect_unlock.sources.stand_in_driver.geometry import Numbers, numbers
from kinect_unlock.sources.stand_in_driver.plan import Deed, Moment, Plan
from kinect_unlock.sources.stand_in_driver.schedule import Schedule
from kinect_unlock.sources.stand_in_driver.stream import Shot, Stream

SERIAL: Final = b"000000000000"

_FIRMWARE: Final = b"stand-in"
_UNKNOWN_FIRMWARE: Final = b"<unknown>"  # libfreenect2's words before start()
_ERROR, _WARNING, _INFO = 1, 2, 3  # the library's log levels


class Camera:
    """One camera that plays a recording, for one process.

    ``clock`` must go by itself, since waiting is real. ``unpaced`` gives a frame whenever it is asked for one.
    """

    def __init__(
        self,
        recording: Path,
        plan: Plan,
        device: DeviceFile,
        *,
        log: Callable[[int, bytes], None],
        clock: Clock,
        unpaced: bool,
    ) -> None:
        self.freed = False
        self._recording = recording
        self._plan = plan
        self._device = device
        self._log = log
        self._clock = clock
        self._unpaced = unpaced
        self._listed: int | None = None
        self._film: Film | None = None  # while it is open
        self._numbers: Numbers | None = None  # read from the camera when it starts
        self._stream: Stream | None = None  # while it is started

    def enumerate(self) -> int:
        """Look for cameras and remember what was found."""
        self._say(_INFO, "[Impl] enumerating devices...")
        hidden = self._plan.due(Moment.ENUMERATE, self._device.opened + 1)
        self._listed = int(self._device.present and not hidden)
        self._say(_INFO, f"[Impl] found {self._listed} devices")
        return self._listed

    def listed(self) -> int:
        """Return how many cameras the last look found; looks if nobody has."""
        return self.enumerate() if self._listed is None else self._listed

    def open(self) -> bool:
        """Open the camera; False if the library would have returned NULL.

        Raises:
            RecordingError: the recording cannot be read.
        """
        if self._film is not None:
            self._say(_WARNING, "[Impl] device @1:2 is already be open!")
            return True
        if not self.listed():
            self._say(_ERROR, "[Impl] requested device 0 is not connected!")
            return False
        film = Film(self._recording)
        if not self._device.present or not self._device.open():
            film.close()
            self._say(_ERROR, "[Impl] failed to open Kinect v2: @1:2 LIBUSB_ERROR_NO_DEVICE No such device")
            return False
        self._film = film
        self._say(_INFO, "[Freenect2DeviceImpl] opening...")
        for fault in self._plan.due(Moment.OPEN, self._device.opened):
            if fault.does == "exit-on-open":
                deeds.leave(deeds.NO_DISPLAY)
            self.close()
            return False
        return True

    def start(self) -> None:
        """Begin to stream; nothing happens when it is closed or started."""
        self._say(_INFO, "[Freenect2DeviceImpl] starting...")
        if self._film is None or self._stream is not None:
            return
        schedule = Schedule(self._plan, self._device.opened)
        self._numbers = numbers(self._film.calibration)
        self._stream = Stream(self._film, schedule, self._device, clock=self._clock, unpaced=self._unpaced)
        for fault in self._plan.due(Moment.START, self._device.opened):
            self._start_badly(fault.does)
        self._say(_INFO, "[Freenect2DeviceImpl] started")

    def stop(self) -> None:
        """End streaming."""
        self._say(_INFO, "[Freenect2DeviceImpl] stopping...")
        self._stream = None

    def close(self) -> None:
        """Give the camera back."""
        self._say(_INFO, "[Freenect2DeviceImpl] closing...")
        self._stream = None
        if self._film is not None:
            self._film.close()
            self._film = None
            self._device.close()

    def free(self) -> None:
        """Be closed, and used no more."""
        self.freed = True
        if self._film is not None:
            self.close()

    @property
    def streaming(self) -> bool:
        """True between start and stop."""
        return self._stream is not None

    @property
    def firmware(self) -> bytes:
        """The firmware's version, once it was started."""
        return _UNKNOWN_FIRMWARE if self._numbers is None else _FIRMWARE

    @property
    def numbers(self) -> Numbers:
        """The calibration; before the start it is what the library's memory happens to hold.

        Raises:
            AssertionError: it was never open.
        """
        if self._numbers is not None:
            return self._numbers
        if self._film is None:
            raise AssertionError("a camera that was never opened has no calibration")
        return garbage_numbers(numbers(self._film.calibration))

    @property
    def has_shot(self) -> bool:
        """True if `wait` would return at once."""
        return self._stream is not None and self._stream.has_shot

    def wait(self, timeout_s: float | None) -> Shot | None:
        """Return the next frames, None when none came in time; without a limit it may be for ever."""
        if self._stream is not None:
            return self._stream.wait(timeout_s)
        wait_in_vain(timeout_s)
        return None

    def _start_badly(self, deed: Deed) -> None:
        match deed:
            case "segfault-on-start":
                deeds.crash()
            case "hang-on-start":
                deeds.hang_holding_gil()
            case "garbage-parameters" if self._numbers is not None:
                self._numbers = garbage_numbers(self._numbers)
            case "no-frames" if self._stream is not None:
                self._stream.fall_silent()

    def _say(self, level: int, message: str) -> None:
        self._log(level, message.encode())


def wait_in_vain(timeout_s: float | None) -> None:
    """Wait for what cannot come: the time-out, or for ever."""
    threading.Event().wait(timeout_s)
