"""How often one may try: failures, cool-downs, lock-out. Pure functions over a ledger that outlives restarts.

A failure is one presence before the camera that was rejected as a stranger or a spoof, however its attempt ended:
an attempt that was cancelled or ran out of time after enough such frames counts like one that was told "no". An
attempt that saw nobody, or nobody it could judge, costs a cool-down only, so that nobody locks the owner out by
asking. Time is `BootTime`: suspend counts, and across boots nothing is ever taken as waited for.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from kinect_unlock.clock import NS_PER_S, BootTime
from kinect_unlock.settings import EvidenceRules, NotNegative

MAX_COOLDOWN_S: Final = 30.0


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of one user between attempts and restarts; saved before any reply that depends on it."""

    failures: Annotated[int, Meta(ge=0)] = 0
    locked_out: bool = False
    cooldown_s: NotNegative = 0.0  # how long the cool-down is that began at `cooldown_from`
    cooldown_from: BootTime | None = None  # None: nothing to wait for
    enrolled: BootTime | None = None
    last_password: BootTime | None = None
    last_face: BootTime | None = None
    last_unlock: BootTime | None = None  # by face or password


def is_failure(rejections: int, rules: EvidenceRules) -> bool:
    """Say whether an attempt with so many frames of a stranger or spoof was a failed one, however it ended.

    The bar is `votes_needed`: with fewer frames nobody could have been accepted either, so who leaves before that has
    tried nothing. It lies below `reject_after`, so hanging up just before the "no" escapes nothing.
    """
    return rejections >= min(rules.votes_needed, rules.reject_after)


def cooldown_after(failures: int, base_s: float) -> float:
    """Return the seconds to wait after an attempt: ``base_s``, doubled for each failure, at most 30."""
    return min(MAX_COOLDOWN_S, base_s * 2.0 ** min(failures, 32))


def settle(ledger: Ledger, now: BootTime, *, failed: bool, base_s: float, max_failures: int) -> Ledger:
    """Return the ledger after an attempt that did not match."""
    failures = ledger.failures + int(failed)
    return replace(
        ledger,
        failures=failures,
        locked_out=ledger.locked_out or failures >= max_failures,
        cooldown_s=cooldown_after(failures, base_s),
        cooldown_from=now,
    )


def cooldown_left_s(ledger: Ledger, now: BootTime) -> float:
    """Return the seconds still to wait; the whole cool-down when it began in another boot or in the future."""
    if ledger.cooldown_from is None:
        return 0.0
    if ledger.cooldown_from.boot_id != now.boot_id:
        return ledger.cooldown_s
    waited_s = (now.since_boot_ns - ledger.cooldown_from.since_boot_ns) / NS_PER_S
    return min(ledger.cooldown_s, max(0.0, ledger.cooldown_s - waited_s))


def rebased(ledger: Ledger, now: BootTime) -> Ledger:
    """Return the ledger with a cool-down of another boot begun again now, in full; else the same ledger.

    Without this a cool-down that was running at shutdown could never end, for its start cannot be compared with.
    """
    begun = ledger.cooldown_from
    if begun is None or (begun.boot_id == now.boot_id and begun.since_boot_ns <= now.since_boot_ns):
        return ledger
    return replace(ledger, cooldown_from=now)


def rested(ledger: Ledger) -> Ledger:
    """Return the ledger after its cool-down is over; failures stay."""
    return replace(ledger, cooldown_s=0.0, cooldown_from=None)


def matched(ledger: Ledger, now: BootTime) -> Ledger:
    """Return the ledger after the user's face was accepted.

    Raises:
        ValueError: the user is locked out; only a password ends that.
    """
    if ledger.locked_out:
        raise ValueError("a face cannot end a lock-out")
    return replace(rested(ledger), failures=0, last_face=now, last_unlock=now)


def password_accepted(ledger: Ledger, now: BootTime) -> Ledger:
    """Return the ledger after the user's password was accepted: nothing is held against them any more."""
    return replace(rested(ledger), failures=0, locked_out=False, last_password=now, last_unlock=now)


def enrolled(ledger: Ledger, now: BootTime) -> Ledger:
    """Return the ledger of a user whose template was just made; failures and lock-out stay."""
    return replace(ledger, enrolled=now)


def held_against(ledger: Ledger) -> Ledger:
    """Return what of a ledger outlives its user's being forgotten by anybody but root: failures and lock-out.

    Else whoever may forget and enrol had as many tries as they like.
    """
    if not (ledger.failures or ledger.locked_out):
        return Ledger()
    return Ledger(ledger.failures, ledger.locked_out, ledger.cooldown_s, ledger.cooldown_from)
