"""When nobody is looked at: while the machine goes to sleep, and while its lid is shut and it has no other screen.

The camera is then closed, also one that would linger, and opened again when somebody needs it and not before. The
machine is held up from sleeping until the camera is closed: one that loses its bus while it streams may not come back.
"""

import logging
from typing import Final

from kinect_unlock.attempts import Desk
from kinect_unlock.camera_report import Phase
from kinect_unlock.floor import Floor
from kinect_unlock.logins import Knowledge, Lid, LoginEvent, PreparingForSleep
from kinect_unlock.ports import LoginWatch

_LOG = logging.getLogger(__name__)

_POLL_S: Final = 0.1
_LONGEST_S: Final = 4.0  # logind itself waits 5 s for whoever holds it up
ASLEEP: Final = "the machine is going to sleep"
SHUT: Final = "the lid is shut, and no other screen is connected"


class Pauses:
    """Bars the floor, and has the camera closed."""

    def __init__(self, desk: Desk, floor: Floor, logins: LoginWatch) -> None:
        self._desk = desk
        self._floor = floor
        self._logins = logins
        self._asleep = False
        self._set()

    def on_login_event(self, event: LoginEvent) -> None:
        """Take notice of sleep and lid."""
        match event:
            case PreparingForSleep(about=about):
                self._asleep = about
                self._set()
                if about:
                    self._let_sleep(_LONGEST_S)
            case Knowledge():  # whatever was being prepared is over, or will be told anew
                self._asleep = False
                self._set()
            case Lid():
                self._set()
            case _:
                pass

    def _set(self) -> None:
        shut = SHUT if self._logins.now().lid_shut else None
        barred = ASLEEP if self._asleep else shut
        if barred == self._floor.barred:
            return
        _LOG.info("event=pause why=%r", barred)
        self._floor.bar(barred)
        if barred is not None:
            self._desk.camera.close()

    def _let_sleep(self, left_s: float) -> None:
        if not self._asleep:
            return
        if self._desk.camera.report().phase is Phase.CLOSED or left_s <= 0:
            self._logins.let_sleep()
        else:
            self._desk.timers.call_later(_POLL_S, lambda: self._let_sleep(left_s - _POLL_S))
