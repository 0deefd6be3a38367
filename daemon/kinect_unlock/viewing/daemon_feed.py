"""The frames of a view, shown by the daemon: it has the camera, and its pictures come as sealed memory."""

import os
import socket
from collections import deque
from contextlib import suppress
from time import sleep
from typing import Final

import msgspec

from kinect_unlock.client import Client
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.sealed import Picture, opened
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.recorder import LossCounter
from kinect_unlock.viewing.feeds import Shown
from kinect_unlock.wire import Preview, Reply, Word

SILENCE_S: Final = 30.0  # a camera takes some seconds to open; a daemon that says nothing for longer has died
_AGAIN_S: Final = 0.5  # after an attempt took the camera
_RECEIVE_BYTES: Final = 65_536
_LONGEST_REPLY_BYTES: Final = 1 << 20
_DESCRIPTORS: Final = 4  # in one message; there is never more than one
_TAKEN: Final = b"\n"

_REPLIES: Final = msgspec.json.Decoder(Reply)


class PreviewEnded(Exception):
    """The daemon had a last word that is neither a picture nor the end of a recording."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message or str(reply.word))
        self.reply = reply


class DaemonFeed:
    """What the daemon's camera sees. After an attempt took the camera away it asks for it again."""

    live = True

    def __init__(self, client: Client, request: Preview, *, clock: Clock) -> None:
        self._client = client
        self._request = request
        self._clock = clock
        self._line: socket.socket | None = None
        self._text = b""
        self._descriptors: deque[int] = deque()
        self._heard_ns = 0
        self._again_ns = 0
        self._losses = LossCounter()
        self._shown = 0

    def open(self) -> None:
        """Ask for pictures.

        Raises:
            DaemonUnavailable: nobody answers.
        """
        self._line = self._client.begin(self._request)
        self._heard_ns = self._clock.monotonic_ns()

    def next(self, timeout_s: float) -> Shown | None:
        """Return the next picture, or None if none came within ``timeout_s``.

        Raises:
            EndOfStream: the recording that the daemon plays has ended.
            PreviewEnded: the daemon refused, or something went wrong there.
            DaemonUnavailable: it went away, fell silent, or is none of ours.
        """
        if self._line is None:
            self._ask_again(timeout_s)
            return None
        reply = self._reply(self._line, timeout_s)
        if reply is None:
            return None
        if reply.word is Word.PICTURE:
            return self._picture(self._line, reply)
        if reply.done:
            self._end(reply)
        return None

    def rest(self) -> None:
        """Take notice that pictures were not asked for on purpose."""
        self._heard_ns = self._clock.monotonic_ns()

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None
        while self._descriptors:
            os.close(self._descriptors.popleft())
        self._text = b""

    def _ask_again(self, timeout_s: float) -> None:
        left_s = (self._again_ns - self._clock.monotonic_ns()) / NS_PER_S
        if left_s > 0:
            sleep(min(left_s, timeout_s))
        else:
            self.open()

    def _end(self, reply: Reply) -> None:
        self.close()
        if reply.word is Word.OK:
            raise EndOfStream
        if self._shown == 0 or reply.word not in {Word.CANCELLED, Word.BUSY}:
            raise PreviewEnded(reply)
        # An attempt took the camera; it will not need it for long.
        self._again_ns = self._clock.monotonic_ns() + int(_AGAIN_S * NS_PER_S)

    def _reply(self, line: socket.socket, timeout_s: float) -> Reply | None:
        """Return the next reply, None if no whole one came in time; what came with it lies in the descriptors."""
        if b"\n" not in self._text and not self._receive(line, timeout_s):
            return None
        text, newline, rest = self._text.partition(b"\n")
        if not newline:
            return None
        self._text = rest
        try:
            return _REPLIES.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise DaemonUnavailable(f"the daemon answers in words unknown to this version ({fault})") from fault

    def _receive(self, line: socket.socket, timeout_s: float) -> bool:
        line.settimeout(timeout_s)
        try:
            text, descriptors, _, _ = socket.recv_fds(line, _RECEIVE_BYTES, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except TimeoutError:
            if self._clock.monotonic_ns() - self._heard_ns > SILENCE_S * NS_PER_S:
                raise DaemonUnavailable(f"the daemon said nothing for {SILENCE_S:g} s; see its log") from None
            return False
        except ConnectionError:
            text, descriptors = b"", []
        self._descriptors.extend(descriptors)
        if not text:
            raise DaemonUnavailable("the daemon hung up; see its log")
        self._heard_ns = self._clock.monotonic_ns()
        self._text += text
        if len(self._text) > _LONGEST_REPLY_BYTES:
            raise DaemonUnavailable("the daemon sends a line without end; is it kinect-unlock?")
        return True

    def _picture(self, line: socket.socket, reply: Reply) -> Shown:
        """Read a picture out of its memory, and say that it was taken."""
        if not self._descriptors:
            raise DaemonUnavailable("the daemon told of a picture and sent none; is it kinect-unlock?")
        descriptor = self._descriptors.popleft()
        try:
            picture = msgspec.convert(reply.data, Picture)
            frame = opened(picture, descriptor)
        except msgspec.ValidationError as fault:
            raise DaemonUnavailable(f"the daemon tells of pictures in words unknown to us ({fault})") from fault
        finally:
            os.close(descriptor)
        with suppress(OSError):  # it has hung up; its last word lies there to be read
            line.sendall(_TAKEN)
        self._losses.see(frame)
        self._shown += 1
        return Shown(frame, picture.look, None, self._shown - 1, self._losses.dropped)
