"""When a password is asked for whatever the camera sees: after boot, and when one was not given for long. Pure.

What is not known counts as long ago. With ``password_after_boot`` switched off, a moment in another boot counts as
this boot's beginning: its true age cannot be known, and that setting asks not to be stopped by a restart.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.clock import NS_PER_S, BootTime
from kinect_unlock.limiter import Ledger
from kinect_unlock.settings import PolicyRules

_S_PER_H: Final = 3600


@unique
class Due(StrEnum):
    """Why a password is asked for."""

    AFTER_BOOT = "after-boot"  # none since the machine started
    LONG_UNUSED = "long-unused"  # no unlock of any kind for long
    LONG_WITHOUT_PASSWORD = "long-without-password"  # noqa: S105 - and no face for some hours either


def password_due(ledger: Ledger, now: BootTime, rules: PolicyRules) -> Due | None:
    """Return why the user must give a password before their face counts again, or None if they need not."""
    if rules.password_after_boot and not _in_this_boot(ledger.last_password, now):
        return Due.AFTER_BOOT
    if _age_h(now, ledger.last_unlock, ledger.last_password, ledger.enrolled) >= rules.password_after_h_without_unlock:
        return Due.LONG_UNUSED
    password_age_h = _age_h(now, ledger.last_password, ledger.enrolled)
    face_age_h = _age_h(now, ledger.last_face, ledger.enrolled)
    if password_age_h >= rules.password_after_h_without_password and face_age_h >= rules.and_h_without_face:
        return Due.LONG_WITHOUT_PASSWORD
    return None


def _in_this_boot(moment: BootTime | None, now: BootTime) -> bool:
    return moment is not None and moment.boot_id == now.boot_id and moment.since_boot_ns <= now.since_boot_ns


def _age_h(now: BootTime, *moments: BootTime | None) -> float:
    """Return the hours since the latest of the moments; endless when there is none, or only ones still to come."""
    since_boot_ns = [
        moment.since_boot_ns if moment.boot_id == now.boot_id else 0 for moment in moments if moment is not None
    ]
    past_ns = [at_ns for at_ns in since_boot_ns if at_ns <= now.since_boot_ns]
    return (now.since_boot_ns - max(past_ns)) / NS_PER_S / _S_PER_H if past_ns else float("inf")
