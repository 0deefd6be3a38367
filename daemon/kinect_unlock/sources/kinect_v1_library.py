"""libfreenect 0.5 as Debian ships it, through ctypes: the few calls that a colour and depth stream needs.

Nothing here knows what a frame is. The library runs no thread of its own: its callbacks come, and its buffers are
written, inside `Libfreenect.process_events` only. Declarations follow ``libfreenect.h`` of 0.5.3.
"""

import ctypes
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_int8, c_int16, c_int32, c_long, c_uint32, c_void_p
from typing import Any, Final

import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import DriverMissing

LIBRARY: Final = "libfreenect.so.0.5"

_CAMERA_ALONE: Final = 2  # FREENECT_DEVICE_CAMERA: neither motor, whose LED comes with it, nor microphones
_MEDIUM: Final = 1  # FREENECT_RESOLUTION_MEDIUM, 640x480
_RGB: Final = 0  # FREENECT_VIDEO_RGB
_REGISTERED: Final = 4  # FREENECT_DEPTH_REGISTERED: millimetres on the colour image's grid, 0 = no reading


class Mode(ctypes.Structure):
    """``freenect_frame_mode``; passed by value."""

    _fields_ = (
        ("reserved", c_uint32),
        ("resolution", c_int32),
        ("format", c_int32),
        ("bytes", c_int32),
        ("width", c_int16),
        ("height", c_int16),
        ("data_bits", c_int8),
        ("padding_bits", c_int8),
        ("rate", c_int8),
        ("is_valid", c_int8),
    )


class _Attributes(ctypes.Structure):
    """``struct freenect_device_attributes``, a linked list."""


_Attributes._fields_ = (("next", ctypes.POINTER(_Attributes)), ("camera_serial", c_char_p))


class _TimeValue(ctypes.Structure):
    """``struct timeval``."""

    _fields_ = (("seconds", c_long), ("microseconds", c_long))


_OnFrame = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_uint32)


class Libfreenect:
    """The loaded library. Every call that can fail returns the library's own number, below 0 for a failure."""

    def __init__(self, path: str = LIBRARY) -> None:
        """Load it.

        Raises:
            DriverMissing: it is not installed or cannot be loaded.
        """
        try:
            self._library = ctypes.CDLL(path)
        except OSError as fault:
            raise DriverMissing(
                f"{LIBRARY} cannot be loaded ({fault}): install it, on Debian and Ubuntu with "
                "`apt-get install libfreenect0.5`"
            ) from fault

    def init(self) -> c_void_p | None:
        """Make a context; None if USB cannot be used."""
        context = c_void_p()
        return context if self._call("freenect_init", byref(context), None) == 0 else None

    def select_camera(self, context: c_void_p) -> None:
        """Open cameras only from now on; motor and microphones are left alone."""
        self._call("freenect_select_subdevices", context, c_int(_CAMERA_ALONE))

    def device_count(self, context: c_void_p) -> int:
        """Return how many cameras are connected, whether or not this user may open them."""
        return self._call("freenect_num_devices", context)

    def serials(self, context: c_void_p) -> list[str]:
        """Return the serial numbers of the cameras that this user may open."""
        first = ctypes.POINTER(_Attributes)()
        self._call("freenect_list_device_attributes", context, byref(first))
        found, at = [], first
        while ctypes.cast(at, c_void_p).value:
            found.append((at.contents.camera_serial or b"").decode("ascii", "replace"))
            at = at.contents.next
        self._call("freenect_free_device_attributes", first)
        return found

    def open(self, context: c_void_p, serial: str) -> c_void_p | None:
        """Open a camera; None if that fails."""
        device = c_void_p()
        wanted = c_char_p(serial.encode("ascii", "replace"))
        opened = self._call("freenect_open_device_by_camera_serial", context, byref(device), wanted)
        return device if opened == 0 and device.value else None

    def set_modes(self, device: c_void_p) -> int:
        """Ask for colour 640x480 RGB, and depth in millimetres on its grid."""
        video = self._call("freenect_set_video_mode", device, self._mode("freenect_find_video_mode", _RGB))
        return video or self._call("freenect_set_depth_mode", device, self.depth_mode())

    def depth_mode(self) -> Mode:
        """Return the mode of depth in millimetres on the colour image's grid."""
        return self._mode("freenect_find_depth_mode", _REGISTERED)

    def set_buffers(self, device: c_void_p, color: U8, depth_mm: U16) -> int:
        """Have frames written into these arrays, which must live as long as the device is open."""
        video = self._call("freenect_set_video_buffer", device, _address(color))
        return video or self._call("freenect_set_depth_buffer", device, _address(depth_mm))

    def set_callbacks(self, device: c_void_p, on_color: Callable[[], None], on_depth: Callable[[], None]) -> list[Any]:
        """Have these called for each frame; returns what must be kept as long as the device is open."""
        kept = [_OnFrame(lambda *_: on_color()), _OnFrame(lambda *_: on_depth())]
        self._call("freenect_set_video_callback", device, kept[0])
        self._call("freenect_set_depth_callback", device, kept[1])
        return kept

    def start(self, device: c_void_p) -> int:
        """Start both streams."""
        return self._call("freenect_start_depth", device) or self._call("freenect_start_video", device)

    def process_events(self, context: c_void_p, timeout_s: float) -> int:
        """Let the library work for about so long; callbacks come from in here."""
        seconds = int(timeout_s)
        timeout = _TimeValue(seconds, int((timeout_s - seconds) * 1e6))
        return self._call("freenect_process_events_timeout", context, byref(timeout))

    def close(self, device: c_void_p) -> None:
        """Stop both streams and close the camera."""
        self._call("freenect_stop_depth", device)
        self._call("freenect_stop_video", device)
        self._call("freenect_close_device", device)

    def shutdown(self, context: c_void_p) -> None:
        """End the context."""
        self._call("freenect_shutdown", context)

    def _mode(self, function: str, wanted: int) -> Mode:
        find = self._function(function)
        find.restype = Mode
        mode = find(c_int(_MEDIUM), c_int(wanted))
        return mode if isinstance(mode, Mode) else Mode()

    def _call(self, function: str, *arguments: object) -> int:
        return int(self._function(function)(*arguments) or 0)

    def _function(self, name: str) -> Any:  # noqa: ANN401 - ctypes' function pointers have no types
        try:
            return getattr(self._library, name)
        except AttributeError as fault:
            raise DriverMissing(f"{LIBRARY} has no {name}: it is not libfreenect 0.5.3; install that") from fault


def _address(array: np.ndarray[Any, Any]) -> c_void_p:
    return c_void_p(array.ctypes.data)
