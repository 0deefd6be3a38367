"""How users stand: tries, cool-downs and the times at which a password is asked for, as `status` tells them."""

from kinect_unlock import limiter, policy
from kinect_unlock.attempts import Desk
from kinect_unlock.clock import NS_PER_S, BootTime
from kinect_unlock.errors import StoreError


def told(desk: Desk, user: str) -> dict[str, object]:
    """Return how one user stands. Times are boot time: suspend counts; of another boot no age is known, hence null."""
    now, rules = desk.clock.boot_time(), desk.config.policy
    try:
        ledger = desk.book.open(user)
    except StoreError as error:
        return {"user": user, "locked_out": True, "fault": str(error)}
    due = policy.password_due(ledger, now, rules)
    return {
        "user": user,
        "failures": ledger.failures,
        "failures_left": max(0, desk.config.limits.max_failures - ledger.failures),
        "locked_out": ledger.locked_out,
        "cooldown_left_s": round(limiter.cooldown_left_s(ledger, now), 1),
        "password_due": None if due is None else due.value,
        "password_ago_s": _ago_s(ledger.last_password, now),
        "face_ago_s": _ago_s(ledger.last_face, now),
        "unlock_ago_s": _ago_s(ledger.last_unlock, now),
    }


def _ago_s(moment: BootTime | None, now: BootTime) -> float | None:
    if moment is None or moment.boot_id != now.boot_id or moment.since_boot_ns > now.since_boot_ns:
        return None
    return round((now.since_boot_ns - moment.since_boot_ns) / NS_PER_S, 1)
