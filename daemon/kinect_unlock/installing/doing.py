"""Carrying out a plan: step by step, and back again if a step of a first installation fails."""

from collections.abc import Callable
from typing import Final

from kinect_unlock.installing.plan import Plan
from kinect_unlock.installing.steps import Place, SetupError, Step
from kinect_unlock.installing.undoing import Fate, Refused, Undoing

WAY_BACK: Final = """\
Keep a root shell open until `sudo -k; sudo true` has worked in another. If a login ever goes wrong:
  * the password is always asked for when no face is found, after 5 seconds at most;
  * log in as root on another console (Ctrl+Alt+F3), or add `init=/bin/bash` to the kernel's line in the boot menu
    (key e) and run `mount -o remount,rw /`; then run `kinect-unlock-unsetup`, which needs nothing of the program;
  * to take only the logins out: pam-auth-update --package --remove kinect-unlock kinect-unlock-password
"""


def carry_out(plan: Plan, place: Place, *, on_step: Callable[[Step], None]) -> None:
    """Do what is to be done.

    What fails in a first installation is undone with all that was done before it. In a later one the older files are
    gone, so what was done stays: running setup again goes on, and unsetup undoes all.

    Raises:
        SetupError: something could not be done, or must not.
    """
    if plan.refusals:
        raise SetupError("\n".join(plan.refusals))
    first = not place.record.deeds()
    try:
        for step in plan.to_do:
            on_step(step)
            step.do(place)
    except (SetupError, Refused, OSError, KeyboardInterrupt) as fault:
        told = str(fault) or "interrupted"
        if not first:
            raise SetupError(f"{told}; run setup again to go on, or kinect-unlock-unsetup to undo all of it") from fault
        left = [undone for undone in Undoing(place.root, place.programs).run() if undone.fate is Fate.FAILED]
        if left:
            names = "; ".join(f"{undone.what} ({undone.why})" for undone in left)
            raise SetupError(f"{told}; of what had been done this could not be undone: {names}") from fault
        raise SetupError(f"{told}; what had been done was undone") from fault
