"""The language of the socket: one JSON object a line, and every word that may appear in it, once.

One connection is one claim: the client sends one request, the daemon sends replies until one has ``done`` true, then
closes. Closing the connection early cancels. Requests are at most `MAX_LINE_BYTES` long, and the first one must come
within `FIRST_LINE_S`. Replies never carry a score unless the peer may ask for an explanation and did (`explain`).
"""

import base64
import binascii
from enum import StrEnum, unique
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.arrays import F32
from kinect_unlock.errors import RequestError
from kinect_unlock.observations import Embedding
from kinect_unlock.settings import ServiceName

MAX_LINE_BYTES: Final = 65_536
FIRST_LINE_S: Final = 2.0
PROTOCOL: Final = 1

UserName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")]
# What PAM calls a terminal: a device, an X display, or nothing.
TtyName: TypeAlias = Annotated[str, Meta(pattern=r"^[ -~]{0,64}\Z")]
HostName: TypeAlias = Annotated[str, Meta(max_length=255)]
# A bare file name inside the folder that the replay source was configured with, never a path.
StreamName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")]
# Base64 of little-endian f32[D].
Vector: TypeAlias = Annotated[str, Meta(min_length=4, max_length=8192)]
Vectors: TypeAlias = Annotated[tuple[Vector, ...], Meta(max_length=32)]
# Base64 of a key that a passphrase gave; see `kinect_unlock.exports`.
SealingKey: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
# Base64 of a template, sealed; room is left in the line for the rest.
SealedTemplate: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=48_000)]


class Verify(Struct, frozen=True, forbid_unknown_fields=True, tag="verify", tag_field="op"):
    """Is the person before the camera this user? ``unlock`` true: and if so, unlock their session.

    ``service``, ``tty`` and ``remote_host`` are as PAM has them, and believed as far as the peer is. ``intent`` true
    asks for a sign of it where the policy of the service does not; nothing takes away one that the policy asks for.
    """

    user: UserName
    unlock: bool = False
    stream: StreamName | None = None
    explain: bool = False
    service: ServiceName | None = None
    tty: TtyName | None = None
    remote_host: HostName | None = None
    intent: bool | None = None


class Enrol(Struct, frozen=True, forbid_unknown_fields=True, tag="enrol", tag_field="op"):
    """Make a template of the person before the camera; replaces an older one once the new one is saved."""

    user: UserName
    stream: StreamName | None = None
    explain: bool = False


class EnrolVectors(Struct, frozen=True, forbid_unknown_fields=True, tag="enrol-vectors", tag_field="op"):
    """Keep embeddings of photographs: they can be identified but never unlock."""

    user: UserName
    model_id: str
    vectors: Vectors


class Identify(Struct, frozen=True, forbid_unknown_fields=True, tag="identify", tag_field="op"):
    """Who is it? By the camera, or by embeddings that the client made of a picture."""

    stream: StreamName | None = None
    model_id: str | None = None
    vectors: Vectors = ()


class Users(Struct, frozen=True, forbid_unknown_fields=True, tag="users", tag_field="op"):
    """Who is enrolled, and how."""


class Forget(Struct, frozen=True, forbid_unknown_fields=True, tag="forget", tag_field="op"):
    """Delete a user's template and counters; what is held against them stays, unless root asks."""

    user: UserName


class History(Struct, frozen=True, forbid_unknown_fields=True, tag="history", tag_field="op"):
    """What joined a user's template after the enrolment: when and why."""

    user: UserName


class Undo(Struct, frozen=True, forbid_unknown_fields=True, tag="undo", tag_field="op"):
    """Take the newest ``count`` views out of a user's template again, of those that joined after the enrolment."""

    user: UserName
    count: Annotated[int, Meta(ge=1, le=1024)] = 1


class Export(Struct, frozen=True, forbid_unknown_fields=True, tag="export", tag_field="op"):
    """Give out a user's template, sealed with ``key``."""

    user: UserName
    key: SealingKey


class Import(Struct, frozen=True, forbid_unknown_fields=True, tag="import", tag_field="op"):
    """Keep a template that was given out before, sealed with ``key``: as ``user``, or as whom it says.

    ``replace`` true: in the place of the template that this user has.
    """

    sealed: SealedTemplate
    key: SealingKey
    user: UserName | None = None
    replace: bool = False


class Records(Struct, frozen=True, forbid_unknown_fields=True, tag="records", tag_field="op"):
    """What came of the last attempts and why, newest first; to whom not all is told, their own.

    ``before``: only those with a lesser number, to read on where an answer ended.
    """

    user: UserName | None = None
    since_s: Annotated[int, Meta(ge=0, le=2**53)] | None = None  # since 1970
    before: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    count: Annotated[int, Meta(ge=1, le=200)] = 50


class Status(Struct, frozen=True, forbid_unknown_fields=True, tag="status", tag_field="op"):
    """How the daemon is."""


class Lock(Struct, frozen=True, forbid_unknown_fields=True, tag="lock", tag_field="op"):
    """Lock the session that the camera's seat shows."""


class PasswordOk(Struct, frozen=True, forbid_unknown_fields=True, tag="password-ok", tag_field="op"):
    """A password of this user was just accepted: believed from root, or in a test run from the daemon's own user."""

    user: UserName
    service: ServiceName | None = None


class Preview(Struct, frozen=True, forbid_unknown_fields=True, tag="preview", tag_field="op"):
    """Show what the camera sees, as pictures; gives way to every attempt.

    Each PICTURE comes with a descriptor (``SCM_RIGHTS``) of a sealed memfd, see `kinect_unlock.sealed`, and is to be
    answered by one newline: the next is not sent before. Anything else said on the connection ends it.
    """

    stream: StreamName | None = None
    rate_hz: Annotated[float, Meta(ge=0.1, le=30.0)] = 15.0


# Whatever is done with a template that is there.
KeepingRequest: TypeAlias = Forget | History | Undo | Export | Import
Request: TypeAlias = (
    Verify | Enrol | EnrolVectors | Identify | Users | KeepingRequest | Records | Status | Lock | PasswordOk
)
# A preview needs a connection that can carry descriptors, so it is served apart.
AnyRequest: TypeAlias = Request | Preview


@unique
class Word(StrEnum):
    """What a reply says. The comment tells the client what to do next."""

    # progress: keep reading
    STARTED = "started"  # the camera is being opened
    HINT = "hint"  # tell the person what `hint` says
    NOBODY = "nobody"  # verify: nobody is in range any more; who will not wait for them hangs up
    SOMEBODY = "somebody"  # verify: after NOBODY, somebody is again
    FRAME = "frame"  # explanation of one frame; only when asked for and allowed
    STAGE = "stage"  # enrolment: the next stage is `stage`
    STAGE_PASSED = "stage-passed"  # enrolment: that stage is complete
    PICTURE = "picture"  # preview: `data` tells of the picture whose descriptor comes with it
    WARNING = "warning"  # tell the person what `message` says; the work goes on
    # ends of an attempt: done
    MATCH = "match"  # it is the user
    UNLOCKED = "unlocked"  # it is the user, and their session was asked to open
    NO_MATCH = "no-match"  # it is not, or not surely; a failure was counted
    TIMED_OUT = "timed-out"  # nobody could be judged in time; no failure was counted
    NO_NOD = "no-nod"  # it is the user, but the nod that was asked for did not come in time; no failure was counted
    CANCELLED = "cancelled"
    COOLING_DOWN = "cooling-down"  # ask again after `wait_s`
    LOCKED_OUT = "locked-out"  # only a password helps
    PASSWORD_NEEDED = "password-needed"  # noqa: S105 - policy asks for a password first
    NOT_ENROLLED = "not-enrolled"
    NOTHING_KEPT = "nothing-kept"  # there is nothing to forget or undo
    ENROLLED = "enrolled"
    ENROL_FAILED = "enrol-failed"  # nothing was changed
    IDENTIFIED = "identified"  # `user` is who it is, or null for unknown
    # ends of other requests: done
    OK = "ok"
    BUSY = "busy"  # another claim holds the camera
    NOT_AUTHORISED = "not-authorised"
    HOOK_FAILED = "hook-error"
    # ends by fault: done; `message` says what and what to do
    BAD_REQUEST = "bad-request"
    CONFIG_ERROR = "config-error"
    SOURCE_ERROR = "source-error"
    SOURCE_LOST = "source-lost"
    RECORDING_ERROR = "recording-error"
    MODEL_ERROR = "model-error"
    STORE_ERROR = "store-error"
    INTERNAL_ERROR = "internal-error"
    SHUTTING_DOWN = "shutting-down"


@unique
class Hint(StrEnum):
    """What a person can do; never says why somebody was refused."""

    LOOK_AT_CAMERA = "look-at-camera"
    MOVE_CLOSER = "move-closer"
    MOVE_BACK = "move-back"
    ONE_PERSON_ONLY = "one-person-only"
    HOLD_STILL = "hold-still"
    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    LOOK_UP = "look-up"
    LOOK_DOWN = "look-down"
    LOOK_STRAIGHT = "look-straight"
    KEEP_FACE_CLEAR = "keep-face-clear"
    MORE_LIGHT = "more-light"
    NOD = "nod"  # to show that it is meant: once down and up again


class Reply(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line from the daemon. ``origin`` is present in every reply of a run that is not on a sensor."""

    word: Word
    done: bool = False
    hint: Hint | None = None
    user: str | None = None
    stage: str | None = None
    wait_s: float | None = None
    message: str | None = None
    origin: Literal["recording", "images", "webcam", "stand-in", "unproven"] | None = None
    data: dict[str, Any] | None = None


def pack_vector(vector: F32) -> str:
    """Write an embedding's vector f32[D] as a `Vector`."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def unpack_vector(text: str, *, dim: int, model_id: str) -> Embedding:
    """Read a `Vector` as an embedding of ``dim`` numbers in the space ``model_id``.

    Raises:
        RequestError: it is no base64, has another length, holds something that is no number, or is no unit vector.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        numbers = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        if numbers.shape != (dim,):
            raise RequestError(f"a vector has {numbers.size} numbers, expected {dim}")
        return Embedding(numbers, model_id)
    except (binascii.Error, ValueError) as fault:
        raise RequestError(f"not a vector: {fault}") from fault
