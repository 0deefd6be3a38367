"""What a driver does to the process that uses it. Nothing here returns an error: the process really ends or hangs."""

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from typing import Final, NoReturn

NO_DISPLAY: Final = "[Error] [OpenGLDepthPacketProcessor] Failed to initialize GLFW."

_BEAT_S: Final = 0.05
_LEFT_STATUS: Final = 255  # what the shell shows of C's exit(-1)


def leave(*last_words: str) -> NoReturn:
    """End the process at once as a library does that calls ``exit(-1)``: no exception, nothing flushed."""
    say(*last_words)
    os._exit(_LEFT_STATUS)


def crash() -> NoReturn:
    """Read address 0: the kernel answers with SIGSEGV."""
    ctypes.string_at(0)
    raise AssertionError("address 0 could be read")


def abort() -> NoReturn:
    """End by SIGABRT, as a failed assertion of C++ does."""
    say("terminate called without an active exception")
    os.abort()


def hang(beat: Callable[[], None]) -> NoReturn:
    """Never come back, but let other threads run; ``beat`` is called now and then."""
    for_ever = threading.Event()
    while True:
        beat()
        for_ever.wait(_BEAT_S)


def hang_holding_gil() -> NoReturn:
    """Never come back, and let no other thread run Python."""
    pause = ctypes.PyDLL(None).pause
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # else one that Python handles would end the pause
    pause()
    raise AssertionError("pause() ended although every signal is blocked")


def say(*lines: str, to_fd: int = 2) -> None:
    """Write lines as the library does: past Python's own buffers, straight to the file descriptor."""
    say_raw("".join(f"{line}\n" for line in lines).encode(), to_fd=to_fd)


def say_raw(noise: bytes, *, to_fd: int = 2) -> None:
    """Write bytes as they are; a reader that is gone does not matter."""
    try:
        while noise:
            noise = noise[os.write(to_fd, noise) :]
    except BrokenPipeError:
        return
