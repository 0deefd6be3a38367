"""A template as a sealed file, and back. Bytes in, bytes out; knows of no folder.

Layout, big-endian: magic (8), format version (u16), length of the header (u32), the header as JSON, nonce (12),
AES-256-GCM of the vectors (little-endian f32, row by row) and the poses (JSON), those in infrared after those in
colour. Everything before the nonce is authenticated: a template cannot be given to another user, model, camera,
generation or origin, nor its views in one light to the other, nor one that joined later be called enrolled. The header
is readable without the key, so that a refusal can say whose file it is; the numbers of a face are not.

Each format only adds keys to the header of the one before, and what they say when they are missing holds: format 1
knows colour alone, format 2 also infrared, format 3 also the camera and what joined. The newest is written.
"""

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from kinect_unlock.errors import SealError, StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.observations import HeadPose, Modality
from kinect_unlock.templates import Joined, Template, Views

KEY_BYTES: Final = 32
MAX_BYTES: Final = 1 << 20
FORMAT: Final = 3

_MAGIC: Final = b"KUTPL\r\n\x1a"
_PREFIX: Final = struct.Struct(">8sHI")
_NONCE_BYTES: Final = 12
_FLOAT_BYTES: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """The secret that templates are sealed with; never shows itself."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            msg = f"a template key has {KEY_BYTES} bytes, got {len(self.secret)}"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"Key({self.id})"

    @property
    def id(self) -> str:
        """Return a name for the key from which it cannot be found."""
        return hmac.digest(self.secret, b"kinect-unlock template key id", hashlib.sha256)[:6].hex()

    @classmethod
    def new(cls) -> "Key":
        """Return a fresh random key."""
        return cls(secrets.token_bytes(KEY_BYTES))


class _Header(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    user: str
    model_id: str
    origin: Origin
    generation: int
    enrolled_s: int
    rows: Annotated[int, Meta(ge=1, le=1024)]
    dim: Annotated[int, Meta(ge=1, le=65_536)]
    key_id: str
    infrared_rows: Annotated[int, Meta(ge=0, le=1024)] = 0
    camera: Annotated[str, Meta(max_length=256)] = ""
    joined: tuple[Joined, ...] = ()


def seal(template: Template, key: Key) -> bytes:
    """Return the template as a sealed file that is known to open again.

    Raises:
        StoreError: it holds something that could not be read back, such as a pose that is no number.
    """
    rows, dim = template.vectors.shape
    views = [view for view in map(template.views, Modality) if view is not None]
    vectors, poses = np.concatenate([view.vectors for view in views]), [pose for view in views for pose in view.poses]
    header = msgspec.json.encode(
        _Header(
            user=template.user,
            model_id=template.model_id,
            origin=template.origin,
            generation=template.generation,
            enrolled_s=template.enrolled_s,
            rows=rows,
            dim=dim,
            key_id=key.id,
            infrared_rows=len(vectors) - rows,
            camera=template.camera,
            joined=template.joined,
        )
    )
    prefix = _PREFIX.pack(_MAGIC, FORMAT, len(header)) + header
    nonce = secrets.token_bytes(_NONCE_BYTES)
    plain = vectors.astype("<f4").tobytes() + msgspec.json.encode(poses)
    sealed = prefix + nonce + AESGCM(key.secret).encrypt(nonce, plain, prefix)
    if len(sealed) > MAX_BYTES:
        msg = f"a template of {len(sealed)} bytes is too large, at most {MAX_BYTES}"
        raise StoreError(msg)
    try:
        unseal(sealed, user=template.user, key=key, name="template")
    except SealError as error:
        msg = f"the new template of {template.user} holds what could not be read back, so it is not saved"
        raise StoreError(msg) from error
    return sealed


def unseal(data: bytes, *, user: str, key: Key, name: str) -> Template:
    """Return the template in a sealed file; ``name`` is what messages call the file.

    Raises:
        SealError: it is foreign, damaged, of a newer version, somebody else's, or sealed with another key.
    """
    header, prefix_bytes = _header(data, name)
    if header.user != user:
        msg = f"{name} is the template of {header.user!r}, not of {user!r}: was it renamed or copied?"
        raise SealError(msg)
    if header.key_id != key.id:
        msg = f"{name} was sealed with another key ({header.key_id}, ours is {key.id}): restore that key or enrol again"
        raise SealError(msg)
    nonce_end = prefix_bytes + _NONCE_BYTES
    try:
        plain = AESGCM(key.secret).decrypt(data[prefix_bytes:nonce_end], data[nonce_end:], data[:prefix_bytes])
        return _template(header, plain)
    except (InvalidTag, ValueError, msgspec.DecodeError, RecursionError) as error:
        raise _damaged(name) from error


def user_of(data: bytes, *, name: str) -> str:
    """Return whose template a sealed file says it is, which only unsealing it proves.

    Raises:
        SealError: it is foreign, damaged or of a newer version.
    """
    return _header(data, name)[0].user


def key_id_of(data: bytes, *, name: str) -> str:
    """Return the `Key.id` of the key that a sealed file says it needs, which only unsealing it proves.

    Raises:
        SealError: it is foreign, damaged or of a newer version.
    """
    return _header(data, name)[0].key_id


def _header(data: bytes, name: str) -> tuple[_Header, int]:
    """Return the header and where it ends."""
    if not data.startswith(_MAGIC):
        msg = f"{name} is no template of this program: remove it, or enrol again"
        raise SealError(msg)
    if len(data) < _PREFIX.size:
        raise _damaged(name)
    _magic, version, header_bytes = _PREFIX.unpack_from(data)
    if not 1 <= version <= FORMAT:
        msg = f"{name} has format {version}, this version reads up to {FORMAT}: upgrade kinect-unlock, or enrol again"
        raise SealError(msg)
    end = _PREFIX.size + header_bytes
    if end + _NONCE_BYTES > len(data):
        raise _damaged(name)
    try:
        return msgspec.json.decode(data[_PREFIX.size : end], type=_Header), end
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(name) from error


def _template(header: _Header, plain: bytes) -> Template:
    rows, count = header.rows, header.rows + header.infrared_rows
    vector_bytes = count * header.dim * _FLOAT_BYTES
    vectors = np.frombuffer(plain[:vector_bytes], dtype="<f4").astype(np.float32).reshape(count, header.dim)
    poses = msgspec.json.decode(plain[vector_bytes:], type=tuple[HeadPose | None, ...])
    return Template(
        user=header.user,
        vectors=vectors[:rows].copy(),
        poses=poses[:rows],
        model_id=header.model_id,
        origin=header.origin,
        generation=header.generation,
        enrolled_s=header.enrolled_s,
        infrared=Views(vectors[rows:].copy(), poses[rows:]) if header.infrared_rows else None,
        camera=header.camera,
        joined=header.joined,
    )


def _damaged(name: str) -> SealError:
    return SealError(f"{name} is cut short, damaged or was changed: restore it from a backup, or enrol again")
