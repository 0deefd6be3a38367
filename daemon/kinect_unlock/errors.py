"""Every error this program raises on purpose, as one tree.

KinectUnlockError
├── ConfigError      the configuration is wrong                         exit 78 (EX_CONFIG)
├── SourceError      frames cannot be had                               exit 69 (EX_UNAVAILABLE)
│   ├── RecordingError   a recording file is damaged, foreign or incomplete
│   ├── DriverMissing    the library or binding that a camera needs cannot be used
│   ├── DeviceMissing    the driver works but sees no such camera
│   ├── OtherCamera      the camera is not the one that the user was enrolled with
│   └── SourceLost       a source that worked stopped giving frames
├── ModelError       a network is missing, changed or does not fit      exit 70 (EX_SOFTWARE)
├── StoreError       templates cannot be read or written                exit 74 (EX_IOERR)
│   └── SealError        a sealed file is foreign, damaged, or needs another key
├── RequestError     a peer asked for something it may not have         exit 64 (EX_USAGE)
├── HookError        a lock or unlock hook failed                       exit 75 (EX_TEMPFAIL)
├── DaemonUnavailable  no daemon answers at the socket                  exit 69 (EX_UNAVAILABLE)
└── InternalError    our own fault: a state table met an illegal event  exit 70 (EX_SOFTWARE)

No match, time-out and cancellation are outcomes, never exceptions. Foreign exceptions are translated where they
enter: in the adapter that called the foreign code.
"""

from typing import ClassVar


class KinectUnlockError(Exception):
    """Root of the tree; the message says what was found, what was expected and what to do next."""

    word: ClassVar[str] = "internal-error"
    exit_code: ClassVar[int] = 70


class ConfigError(KinectUnlockError):
    """The configuration is wrong; the message names file and path of every fault."""

    word = "config-error"
    exit_code = 78


class SourceError(KinectUnlockError):
    """Frames cannot be had from the configured source."""

    word = "source-error"
    exit_code = 69


class RecordingError(SourceError):
    """A recording is damaged, foreign or lacks a part; the message names file and fault."""

    word = "recording-error"


class DriverMissing(SourceError):
    """The library or the binding that a camera needs is not installed or cannot be loaded; waiting does not help."""


class DeviceMissing(SourceError):
    """The driver works but sees no such camera; one that was just closed comes back after some seconds."""


class OtherCamera(SourceError):
    """The camera is not the one that the user was enrolled with; what another one measures is not compared."""


class SourceLost(SourceError):
    """A source that had been giving frames stopped."""

    word = "source-lost"


class ModelError(KinectUnlockError):
    """A network is missing, was changed, or does not fit the templates or the program."""

    word = "model-error"
    exit_code = 70


class StoreError(KinectUnlockError):
    """Templates or counters cannot be read or written, or may not be trusted."""

    word = "store-error"
    exit_code = 74


class SealError(StoreError):
    """A sealed file is foreign, damaged, of a newer version, somebody else's, or sealed with another key."""


class RequestError(KinectUnlockError):
    """A peer sent something malformed, unknown or not allowed to it."""

    word = "bad-request"
    exit_code = 64


class HookError(KinectUnlockError):
    """A lock or unlock hook could not be started, failed or ran out of time."""

    word = "hook-error"
    exit_code = 75


class DaemonUnavailable(KinectUnlockError):
    """No daemon answers at the socket, or it went away in the middle of an answer."""

    word = "daemon-unavailable"
    exit_code = 69


class InternalError(KinectUnlockError):
    """Our own fault; whatever was going on ends closed."""

    word = "internal-error"
    exit_code = 70
