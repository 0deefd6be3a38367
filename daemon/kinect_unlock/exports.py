"""A template as a file that a passphrase opens: for another computer, or a drawer. Bytes in, bytes out.

Layout, big-endian: magic (8), format version (u16), salt (16), then the template as `kinect_unlock.sealing` seals it,
with the key that scrypt makes of the passphrase and the salt. So user, model, origin, camera and generation can be read
without the passphrase, and not be changed without it. What scrypt costs belongs to the version and is not read from the
file: nobody can hand us one that is cheap to guess or dear to open.
"""

import secrets
import struct
import unicodedata
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kinect_unlock.errors import RequestError, SealError
from kinect_unlock.sealing import KEY_BYTES, MAX_BYTES, Key, key_id_of

FORMAT: Final = 1
SHORTEST_PASSPHRASE: Final = 12  # characters: four words, or what a password manager makes
# 128 MiB and some tenths of a second for each guess (OWASP's first choice for scrypt).
SCRYPT_N: Final = 1 << 17
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1

_MAGIC: Final = b"KUEXP\r\n\x1a"
_SALT_BYTES: Final = 16
_PREFIX: Final = struct.Struct(f">8sH{_SALT_BYTES}s")
LONGEST_BYTES: Final = _PREFIX.size + MAX_BYTES


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file holds: a sealed template, and the salt of the key that opens it."""

    salt: bytes
    sealed: bytes

    def key(self, passphrase: str, *, name: str) -> Key:
        """Return the key that opens it.

        Raises:
            RequestError: the passphrase is not the one that it was sealed with.
            SealError: what it holds is no template; ``name`` is what messages call the file.
        """
        key = key_from(passphrase, self.salt)
        if key_id_of(self.sealed, name=name) != key.id:
            raise RequestError(f"this is not the passphrase that {name} was sealed with")
        return key


def new_salt() -> bytes:
    """Return a fresh random salt."""
    return secrets.token_bytes(_SALT_BYTES)


def key_from(passphrase: str, salt: bytes) -> Key:
    """Return the key that scrypt makes of a passphrase; takes some tenths of a second, on purpose.

    However a keyboard composes a letter, it is the same letter.
    """
    scrypt = Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return Key(scrypt.derive(unicodedata.normalize("NFC", passphrase).encode()))


def wrap(exported: Exported) -> bytes:
    """Return the content of the file."""
    return _PREFIX.pack(_MAGIC, FORMAT, exported.salt) + exported.sealed


def unwrap(data: bytes, *, name: str) -> Exported:
    """Return what a file holds; ``name`` is what messages call it.

    Raises:
        SealError: it is foreign, cut short or of a newer version.
    """
    if not data.startswith(_MAGIC):
        raise SealError(f"{name} is no template that `kinect-unlock export` wrote")
    if len(data) < _PREFIX.size:
        raise SealError(f"{name} is cut short")
    _magic, version, salt = _PREFIX.unpack_from(data)
    if version != FORMAT:
        raise SealError(f"{name} has format {version}, this version reads {FORMAT}: upgrade kinect-unlock")
    return Exported(salt, data[_PREFIX.size :])
