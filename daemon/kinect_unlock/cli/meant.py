"""Who is meant where no user is named: whoever typed the command, also where they typed ``sudo`` before it."""

import getpass
import os
import pwd
from collections.abc import Mapping
from typing import Final

from rich.console import Console

from kinect_unlock.errors import RequestError

_ROOT: Final = 0


def user_meant(named: str | None) -> str:
    """Return the user who is named, else who typed the command; says so where that is not who runs it.

    Raises:
        RequestError: nobody is named, and who runs it has no account, as in some containers.
    """
    if named is not None:
        return named
    caller = caller_of(os.environ, os.geteuid())
    if caller is None:
        try:
            return getpass.getuser()
        except (KeyError, OSError) as fault:  # OSError from Python 3.13 on
            raise RequestError(
                f"user {os.geteuid()} has no name on this computer: name the user who is meant"
            ) from fault
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    console.print(f"Nobody is named: {caller} is meant, who called this as root. To mean root, name root.")
    return caller


def caller_of(environment: Mapping[str, str], euid: int) -> str | None:
    """Return who became root by sudo or pkexec to run this; None if nobody did, or nobody that has an account.

    It only chooses a name that root could as well have typed, so that these variables need no belief.
    """
    if euid != _ROOT:
        return None
    try:
        if "SUDO_USER" in environment:
            account = pwd.getpwnam(environment["SUDO_USER"])
        else:
            account = pwd.getpwuid(int(environment.get("PKEXEC_UID", _ROOT)))
    except (KeyError, ValueError, OverflowError):
        return None
    return None if account.pw_uid == _ROOT else account.pw_name
