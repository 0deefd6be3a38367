"""What is done with templates that are there: forgetting, giving out, taking in, and undoing what joined later."""

import logging
from dataclasses import asdict, replace
from typing import TypeAlias, assert_never

from kinect_unlock import adaptation, limiter
from kinect_unlock.answers import is_of_photographs
from kinect_unlock.attempts import Desk
from kinect_unlock.errors import ModelError, RequestError, StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.sealing import Key, seal, unseal, user_of
from kinect_unlock.templates import Template
from kinect_unlock.wire import Export, Forget, History, Import, KeepingRequest, Reply, Undo, Word

_LOG = logging.getLogger(__name__)

_FILE = "the file"

Older: TypeAlias = Template | StoreError | None  # an error: there is one, but it cannot be read


def whose(ask: KeepingRequest) -> str:
    """Return whose template a request is about; of an import that does not say, the file does.

    Raises:
        StoreError: that file is foreign, damaged or of a newer version.
    """
    if isinstance(ask, Import):
        return ask.user or user_of(ask.sealed, name=_FILE)
    return ask.user


def answer(desk: Desk, ask: KeepingRequest, *, by_root: bool) -> Reply:
    """Do what a peer who may ask wants with a template.

    Raises:
        KinectUnlockError: it cannot be done; what was kept is as it was.
    """
    match ask:
        case Forget(user=user):
            return _forget(desk, user, by_root=by_root)
        case History(user=user):
            return _history(desk, user)
        case Undo():
            return _undo(desk, ask)
        case Export():
            return _export(desk, ask)
        case Import():
            return _import(desk, ask)
        case _:
            assert_never(ask)


def _forget(desk: Desk, user: str, *, by_root: bool) -> Reply:
    """Remove the template before the counters: what fails half-way leaves nobody with fresh tries."""
    ledger = _ledger(desk, user)
    if user not in desk.templates.users() and ledger == Ledger():
        return Reply(Word.NOTHING_KEPT, done=True, user=user, message=f"nothing is kept of {user}")
    desk.templates.delete(user)
    held = None if ledger is None else limiter.held_against(ledger)
    if by_root or held == Ledger():
        desk.book.delete(user)
        told = f"{user} is forgotten, nothing is kept"
    else:
        if held is not None:
            desk.book.save(user, held)
        told = f"{user} is forgotten, but failed tries stay held against them until root forgets or a password is given"
    _LOG.info("event=forgotten user=%s", user)
    return Reply(Word.OK, done=True, user=user, message=told)


def _ledger(desk: Desk, user: str) -> Ledger | None:
    """Return a user's ledger, an empty one if there is none, None if it cannot be read: then it holds all against."""
    try:
        return desk.book.open(user)
    except StoreError:
        return None


def _history(desk: Desk, user: str) -> Reply:
    template = desk.templates.load(user)
    if template is None:
        return _not_enrolled(user)
    data = {
        "generation": template.generation,
        "enrolled_s": template.enrolled_s,
        "enrolled": len(template.vectors) - len(template.joined),
        "joined": [asdict(joined) for joined in template.joined],
        "adapts": desk.config.adapt.on,
        "room": adaptation.room(template, desk.config.adapt, most=desk.recogniser.template_vectors_max),
    }
    return Reply(Word.OK, done=True, user=user, data=data)


def _undo(desk: Desk, ask: Undo) -> Reply:
    template = desk.templates.load(ask.user)
    if template is None:
        return _not_enrolled(ask.user)
    if not template.joined:
        why = f"nothing joined the template of {ask.user} after the enrolment"
        return Reply(Word.NOTHING_KEPT, done=True, user=ask.user, message=why)
    left = adaptation.without_newest(template, ask.count)
    desk.templates.save(left)
    gone = len(template.joined) - len(left.joined)
    _LOG.info("event=undone user=%s views=%d", ask.user, gone)
    views = "1 view" if gone == 1 else f"{gone} views"
    told = f"{views} taken out of the template of {ask.user} again, {len(left.joined)} left that joined"
    return Reply(Word.OK, done=True, user=ask.user, message=told)


def _export(desk: Desk, ask: Export) -> Reply:
    template = desk.templates.load(ask.user)
    if template is None:
        return _not_enrolled(ask.user)
    _LOG.info("event=exported user=%s", ask.user)
    return Reply(Word.OK, done=True, user=ask.user, data={"sealed": seal(template, Key(ask.key))})


def _import(desk: Desk, ask: Import) -> Reply:
    """Keep a template from elsewhere; the ledger's mark goes first, as when somebody enrols."""
    came = unseal(ask.sealed, user=user_of(ask.sealed, name=_FILE), key=Key(ask.key), name=_FILE)
    user = whose(ask)
    _require_comparable(desk, came)
    older = _older(desk, user)
    _require_place(desk, came, user, older, may_replace=ask.replace)
    generation = older.generation + 1 if isinstance(older, Template) else 1
    if not is_of_photographs(came):
        ledger = desk.book.open(user)
        desk.book.save(user, limiter.enrolled(ledger, desk.clock.boot_time()))
    desk.templates.save(replace(came, user=user, generation=generation))
    _LOG.info("event=imported user=%s as=%s", came.user, user)
    data = {"vectors": len(came.vectors), "warnings": _warnings(desk, came, user)}
    return Reply(Word.ENROLLED, done=True, user=user, data=data)


def _require_comparable(desk: Desk, came: Template) -> None:
    recogniser, origin = desk.recogniser, desk.facts.origin
    if not recogniser.fits(came):
        raise ModelError(
            f"the template in the file is of {came.model_id!r}, this daemon compares {recogniser.encoder.model_id!r}: "
            "enrol here instead"
        )
    most = recogniser.template_vectors_max
    if len(came.vectors) > most:
        raise ModelError(f"it has {len(came.vectors)} vectors, the threshold has evidence for at most {most}")
    if came.origin is not origin and not is_of_photographs(came):
        raise RequestError(
            f"the template in the file was made from {came.origin}, this daemon looks at {origin}: it would never "
            "match here, and it does not become another by being imported; enrol here instead"
        )


def _require_place(desk: Desk, came: Template, user: str, older: Older, *, may_replace: bool) -> None:
    """Refuse to overwrite unasked, and ever to put less in the place of what a camera or the sensor made."""
    if older is None:
        return
    if not may_replace:
        raise RequestError(f"{user} has a template already; --replace puts this one in its place, --as gives a name")
    if isinstance(older, StoreError):
        return
    by_sensor = older.origin is Origin.SENSOR and desk.facts.origin is not Origin.SENSOR
    if by_sensor or (is_of_photographs(came) and not is_of_photographs(older)):
        made = "from the sensor" if by_sensor else "from the camera"
        raise RequestError(f"{user} has a template {made}; forget that first, or choose another name")


def _older(desk: Desk, user: str) -> Older:
    try:
        return desk.templates.load(user)
    except StoreError as fault:
        return fault


def _warnings(desk: Desk, came: Template, user: str) -> list[str]:
    found, told = desk.camera.report().serial, []
    if user != came.user:
        told.append(f"it was the template of {came.user}: whoever that is opens for {user} now")
    if came.camera and found and came.camera != found:
        told.append(f"it was made with camera {came.camera}, this is {found}: nobody matches with it")
    return told


def _not_enrolled(user: str) -> Reply:
    return Reply(Word.NOT_ENROLLED, done=True, user=user, message=f"{user} is not enrolled")
