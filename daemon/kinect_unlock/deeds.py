"""What others than root may do after polkit has asked them for a password. Pure: a request in, the deed's name out.

What is not here stays root's alone, such as giving templates out, or the camera's looking for somebody by no name.
"""

from enum import StrEnum, unique

from kinect_unlock.wire import AnyRequest, Enrol, EnrolVectors, Forget, History, Preview, Undo


@unique
class Deed(StrEnum):
    """The actions of systemd/org.kinect_unlock.policy."""

    ENROL = "org.kinect_unlock.enrol"  # one's own face: the user's password
    MANAGE = "org.kinect_unlock.manage"  # somebody else's: an administrator's
    WATCH = "org.kinect_unlock.watch"  # through the camera: an administrator's


def deed_of(request: AnyRequest, own_name: str | None) -> Deed | None:
    """Return what polkit is to be asked for a request, None if nobody but root may ask it.

    ``own_name`` is the user who asks, None where that is not known: then whatever is asked is about somebody else.
    """
    match request:
        case Preview():
            return Deed.WATCH
        case Enrol(explain=True):
            return None  # with scores
        case Enrol() | EnrolVectors() | Forget() | History() | Undo():
            return Deed.ENROL if own_name is not None and request.user == own_name else Deed.MANAGE
        case _:
            return None
