"""Checks of how a source begins, waits and ends."""

import threading
from typing import Final

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.errors import KinectUnlockError, SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identified, Identity, Interruptible, Throttled
from kinect_unlock.sources.conformance.subject import Inapplicable, Subject, Violation, Work, own_errors, require

_SHORT_S: Final = 0.05
_SHORT_READS: Final = 5
_LONG_S: Final = 600.0
_SETTLE_S: Final = 0.1  # after so long another thread is inside the read() that it was about to call
_FINITE_FRAMES: Final = 300  # 10 s at 30 Hz
_FEW_HZ: Final = 2.0
_WORDS_MIN: Final = 3


def closing_is_harmless_when_never_opened(subject: Subject) -> None:
    """close() of a source that was never opened does nothing, twice."""
    source = subject.make()
    own_errors("close() before open()", source.close)
    own_errors("a second close() before open()", source.close)


def closing_is_harmless_when_closed(subject: Subject) -> None:
    """close() of a source that is closed already does nothing."""
    with subject.opened() as source:
        own_errors("close()", source.close)
        own_errors("a second close()", source.close)


def reading_before_opening_is_a_source_error(subject: Subject) -> None:
    """read() of a source that was never opened raises SourceError."""
    _require_not_open(subject.make(), "never opened")


def reading_after_closing_is_a_source_error(subject: Subject) -> None:
    """read() of a source that is closed raises SourceError."""
    with subject.opened() as source:
        subject.frames(source, 1)
        own_errors("close()", source.close)
        _require_not_open(source, "closed")


def _require_not_open(source: FrameSource, state: str) -> None:
    try:
        outcome: object = own_errors(f"read() of a source that is {state}", lambda: source.read(_SHORT_S))
    except SourceError:
        return
    except (KinectUnlockError, EndOfStream) as other:
        outcome = other
    raise Violation(f"read() of a source that is {state} gave {outcome!r}; it must raise SourceError")


def its_origin_never_changes(subject: Subject) -> None:
    """Its origin is known before it is opened and stays: it decides what the frames may do."""
    source = subject.make()
    seen = {"before open()": source.origin}
    require(isinstance(source.origin, Origin), f"origin is {source.origin!r}, not one of {', '.join(Origin)}")
    try:
        own_errors("open()", source.open)
        seen["after open()"] = source.origin
        subject.frames(source, 2)
        seen["after two frames"] = source.origin
    finally:
        own_errors("close()", source.close)
    seen["after close()"] = source.origin
    require(len(set(seen.values())) == 1, f"its origin changes: {', '.join(f'{o} {when}' for when, o in seen.items())}")


def the_end_of_its_stream_is_final(subject: Subject) -> None:
    """After EndOfStream every further read() raises EndOfStream again."""
    if subject.make().origin.live:
        raise Inapplicable("a live stream has no end")
    with subject.opened() as source:
        if len(subject.frames(source, _FINITE_FRAMES)) == _FINITE_FRAMES:
            raise Inapplicable(f"it gave {_FINITE_FRAMES} frames and goes on: too long to see its end")
        for _ in range(3):
            try:
                got = own_errors("read() after the end", lambda: source.read(_SHORT_S))
            except EndOfStream:
                continue
            raise Violation(f"read() after EndOfStream gave {got!r}; it must raise EndOfStream again")


def a_read_comes_back_in_time(subject: Subject) -> None:
    """read() returns about when its time-out is over, whether or not a frame came."""
    limit_s = _SHORT_S + subject.patience.grace_s

    def work() -> None:
        with subject.opened() as source:
            subject.frames(source, 1)
            _silence(source, subject)
            for _ in range(_SHORT_READS):
                begin_ns = subject.clock.monotonic_ns()
                try:
                    own_errors("read()", lambda: source.read(_SHORT_S))
                except EndOfStream:
                    return
                took_s = (subject.clock.monotonic_ns() - begin_ns) / NS_PER_S
                require(took_s <= limit_s, f"read({_SHORT_S}) came back after {took_s:.1f} s only")

    patience_s = subject.patience.frame_s * 2 + _SHORT_READS * limit_s
    Work(work).end_within(patience_s, f"read({_SHORT_S}) did not come back at all; silence must give None")


def a_wait_can_be_ended_from_another_thread(subject: Subject) -> None:
    """interrupt(), or close() of a source without it, ends a read() that waits in another thread."""
    if subject.is_driver:
        raise Inapplicable("it is a driver for a child process, where one thread does everything")
    source, patience = subject.make(), subject.patience
    begun, ending = threading.Event(), threading.Event()

    def read_on() -> None:
        try:
            own_errors("open()", source.open)
            subject.frames(source, 1)
            _silence(source, subject)
        finally:
            begun.set()
        while not ending.is_set():
            try:
                own_errors("read() while another thread ends it", lambda: source.read(_LONG_S))
            except (SourceError, EndOfStream):
                break
        own_errors("close()", source.close)

    reading = Work(read_on)
    require(begun.wait(patience.frame_s * 2), "it gave no first frame behind which to wait")
    ending.wait(_SETTLE_S)
    ending.set()
    name, end = ("interrupt", source.interrupt) if isinstance(source, Interruptible) else ("close", source.close)
    ended = Work(lambda: own_errors(f"{name}() while another thread reads", end))
    ended.end_within(patience.grace_s, f"{name}() hung for {patience.grace_s:g} s while a read() waited")
    reading.end_within(patience.grace_s, f"read({_LONG_S:g}) went on waiting after {name}() from another thread")


def what_is_missing_is_said_in_words(subject: Subject) -> None:
    """open() without the camera or the file raises SourceError, and says so in words."""
    if subject.make_missing is None:
        raise Inapplicable("it is not known how to ask it for a camera or file that is not there")
    source = subject.make_missing()
    try:
        own_errors("open() of what is missing", source.open)
    except SourceError as fault:
        require(len(str(fault).split()) >= _WORDS_MIN, f"its message is {str(fault)!r}; say what to do next")
        return
    finally:
        own_errors("close()", source.close)
    raise Violation("open() of a camera or file that does not exist went well")


def throttling_gives_fewer_frames(subject: Subject) -> None:
    """throttle() lowers the number of frames, and throttle(None) gives the camera's own rate back."""
    with subject.opened() as source:
        if not isinstance(source, Throttled):
            raise Inapplicable("it has no throttle()")
        subject.frames(source, 2)
        full = _count(subject, source)
        most = _FEW_HZ * subject.patience.window_s + 2  # one that was on its way, one at either end
        if full <= 2 * most:
            raise Inapplicable(f"{full} frames in {subject.patience.window_s:g} s are too few to throttle")
        source.throttle(_FEW_HZ)
        subject.frames(source, 1)
        few = _count(subject, source)
        require(few <= most, f"throttle({_FEW_HZ:g}) let {few} frames through in {subject.patience.window_s:g} s")
        source.throttle(None)
        again = _count(subject, source)
        require(again > most, f"after throttle(None) came {again} frames in the time of {few} throttled ones")


def it_says_which_camera_it_is(subject: Subject) -> None:
    """Its identity is None before open(), then an Identity with a model that does not change."""
    source = subject.make()
    if not isinstance(source, Identified):
        raise Inapplicable("it has no identity")
    require(source.identity is None, f"identity is {source.identity!r} before open(); nothing is known by then")
    with subject.opened() as opened:
        first = opened.identity if isinstance(opened, Identified) else None
        require(isinstance(first, Identity) and first.model != "", f"identity is {first!r} although it is open")
        subject.frames(opened, 2)
        require(isinstance(opened, Identified) and opened.identity == first, "its identity changes while it is open")


def _silence(source: FrameSource, subject: Subject) -> None:
    """Make the source quiet for longer than the patience, where it can be."""
    if isinstance(source, Throttled):
        source.throttle(1 / (4 * subject.patience.grace_s))


def _count(subject: Subject, source: FrameSource) -> int:
    """Count the frames of one window."""
    end_ns = subject.clock.monotonic_ns() + int(subject.patience.window_s * NS_PER_S)
    count = 0
    while subject.clock.monotonic_ns() < end_ns:
        try:
            count += own_errors("read()", lambda: source.read(_SHORT_S)) is not None
        except EndOfStream:
            raise Inapplicable("its stream ended before a rate could be counted") from None
    return count
