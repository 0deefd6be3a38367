"""A template as a file that a passphrase opens: what comes back, and what is refused."""

import struct

import numpy as np
import pytest

from kinect_unlock.errors import KinectUnlockError, RequestError, SealError
from kinect_unlock.exports import Exported, key_from, new_salt, unwrap, wrap
from kinect_unlock.frames import Origin
from kinect_unlock.sealing import seal, unseal, user_of
from kinect_unlock.templates import Template

PASSPHRASE = "correct horse bätterystaple"  # noqa: S105 - opens nothing of anybody's
SALT = bytes(range(16))
TEMPLATE = Template("anna", np.eye(2, 4, dtype=np.float32), (None, None), "m", Origin.SENSOR, 3, 5, camera="4711")


@pytest.fixture(scope="module")
def file() -> bytes:
    return wrap(Exported(SALT, seal(TEMPLATE, key_from(PASSPHRASE, SALT))))


def opened(file: bytes) -> Template:
    exported = unwrap(file, name="x")
    return unseal(exported.sealed, user="anna", key=exported.key(PASSPHRASE, name="x"), name="x")


def test_the_passphrase_opens_what_it_sealed(file: bytes) -> None:
    template = opened(file)
    assert (template.origin, template.camera, template.model_id, template.generation) == (Origin.SENSOR, "4711", "m", 3)
    assert template.vectors.tobytes() == TEMPLATE.vectors.tobytes()


def test_a_letter_is_the_same_however_the_keyboard_composes_it(file: bytes) -> None:
    composed = PASSPHRASE.replace("\u00e4", "a\u0308")
    assert composed != PASSPHRASE
    unwrap(file, name="x").key(composed, name="x")


@pytest.mark.parametrize("passphrase", ["", "correct horse", PASSPHRASE + " "])
def test_another_passphrase_is_told_as_such(file: bytes, passphrase: str) -> None:
    with pytest.raises(RequestError, match=r"this is not the passphrase that anna\.kut was sealed with"):
        unwrap(file, name="anna.kut").key(passphrase, name="anna.kut")


def test_two_exports_have_different_salts_and_so_different_keys() -> None:
    assert new_salt() != new_salt()
    assert key_from(PASSPHRASE, SALT) != key_from(PASSPHRASE, bytes(16))


@pytest.mark.parametrize("keep", [0, 7, 8, 25, 26, 40])
def test_a_file_that_is_cut_short_is_refused(file: bytes, keep: int) -> None:
    with pytest.raises(SealError, match=r"x (is|has)"):
        user_of(unwrap(file[:keep], name="x").sealed, name="x")


def test_any_changed_byte_is_refused(file: bytes) -> None:
    for at in range(0, len(file), 61):
        data = bytearray(file)
        data[at] ^= 1
        with pytest.raises(KinectUnlockError):
            opened(bytes(data))


def test_a_newer_format_is_refused(file: bytes) -> None:
    with pytest.raises(SealError, match="x has format 2, this version reads 1: upgrade kinect-unlock"):
        unwrap(file[:8] + struct.pack(">H", 2) + file[10:], name="x")


def test_what_only_a_passphrase_may_know_is_not_in_the_file(file: bytes) -> None:
    assert PASSPHRASE.encode() not in file
    assert TEMPLATE.vectors.astype("<f4").tobytes() not in file
    assert key_from(PASSPHRASE, SALT).secret not in file
