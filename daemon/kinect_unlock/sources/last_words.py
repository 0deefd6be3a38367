"""What a driver's child prints: always drained, so that it never waits for us, and the end of it kept."""

import os
import re
import select
import threading
from typing import Final

_KEPT_BYTES: Final = 4_096
_CHUNK_BYTES: Final = 65_536
_LAST_CHUNKS: Final = 16  # at the end: a pipe's largest size is 1 MiB; who prints on is a stranger and not heard out
_FLOOD_PAUSE_MS: Final = 10  # after a full chunk: a driver that prints without end is read at 6 MB/s and no faster
_SHOWN_CHARACTERS: Final = 300
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # libfreenect2 prints its log in colours


def harmless(text: str, *, at_most: int = _SHOWN_CHARACTERS) -> str:
    """Return the text in one line that does nothing to a terminal or a log: no colours, no control characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in _COLOURS.sub("", text))
    return " ".join(plain.split())[:at_most]


class LastWords:
    """The pipe that takes a child's standard output and error, and the thread that drains it."""

    def __init__(self) -> None:
        """Make the pipe.

        Raises:
            OSError: there is no descriptor left for it.
        """
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            self._out, self.pipe = os.pipe2(os.O_CLOEXEC)
        except OSError:
            os.close(self._wake)
            raise
        self._kept = b""  # written by the thread, read after its end
        self._thread = threading.Thread(target=self._drain, name="driver-words", daemon=True)

    def listen(self) -> None:
        """Begin to drain; the child has its end of the pipe by now, or there is none."""
        os.close(self.pipe)
        self._thread.start()

    def end(self) -> str:
        """Stop draining and return the last line that says anything, made harmless; empty if there is none.

        What was printed before the child's end is in it. Whoever else may still hold the pipe is not waited for.
        """
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        os.close(self._out)
        os.close(self._wake)
        lines = (harmless(line) for line in reversed(self._kept.decode(errors="replace").splitlines()))
        return next((line for line in lines if line), "")

    def _drain(self) -> None:
        os.set_blocking(self._out, False)
        ready = select.poll()
        ready.register(self._out, select.POLLIN)
        ready.register(self._wake, select.POLLIN)
        while self._wake not in dict(ready.poll()):
            kept_bytes = self._keep_next()
            if kept_bytes == 0:
                return
            if kept_bytes == _CHUNK_BYTES:
                select.select([self._wake], [], [], _FLOOD_PAUSE_MS / 1e3)
        for _ in range(_LAST_CHUNKS):
            if not self._keep_next():
                return

    def _keep_next(self) -> int | None:
        """Read once and keep the end of it; return how much came, None if that is nothing yet, 0 at the pipe's end."""
        chunk = self._read()
        if chunk:
            self._kept = (self._kept + chunk)[-_KEPT_BYTES:]
        return None if chunk is None else len(chunk)

    def _read(self) -> bytes | None:
        """Return what is in the pipe, None if that is nothing yet, empty at its end."""
        try:
            return os.read(self._out, _CHUNK_BYTES)
        except BlockingIOError:
            return None
