"""Who may ask for what, and what must hold before anybody is looked at. Every refusal is a reply with words."""

import asyncio
import logging
from dataclasses import dataclass

from kinect_unlock import policy
from kinect_unlock.answers import is_of_photographs
from kinect_unlock.attempts import Claim, Desk
from kinect_unlock.claims import ROOT
from kinect_unlock.enrolment import EnrolAttempt
from kinect_unlock.entitlement import POLKIT, Allowed, Cause, Refused, Rules, entitlement, password_fault
from kinect_unlock.errors import ConfigError, KinectUnlockError, ModelError, RequestError, StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.logins import NOT_KNOWN, Logins, LoginSession
from kinect_unlock.machines.verify import State
from kinect_unlock.ports import Authority, LoginWatch, Peer, RunFacts
from kinect_unlock.settings import Config
from kinect_unlock.templates import Template
from kinect_unlock.verification import VerifyAttempt
from kinect_unlock.wire import AnyRequest, PasswordOk, Records, Reply, Request, Verify, Word

_LOG = logging.getLogger(__name__)

# Frames without measured depth, or without a moment of their own: they may be looked at, but open nothing.
_NEVER_OPENS = frozenset({Origin.IMAGES, Origin.WEBCAM})


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who may ask what they ask; ``session`` is where they asked from, if that counts and is known."""

    request: Request
    peer: Peer
    session: LoginSession | None
    allowed: Allowed

    @property
    def intent(self) -> bool:
        """True if a nod is needed as well."""
        return self.allowed.intent


class Door:
    """Finds out where a peer is, and lets in who may ask.

    ``logins`` None: nobody knows who is logged in; ``authority`` None: nobody but root and the daemon's own user may do
    more than ask whether they are themselves.
    """

    def __init__(
        self, config: Config, facts: RunFacts, logins: LoginWatch | None, authority: Authority | None = None
    ) -> None:
        camera = facts.origin is Origin.SENSOR
        self.rules = Rules(facts.own_uid, facts.shared, config.source.seat, config.services, camera=camera)
        self._facts = facts
        self._logins = logins
        self._authority = authority
        self._asked = 0  # questions that the authority asks somebody now

    def logins(self) -> Logins:
        """Return who is logged in, as far as that is known."""
        return NOT_KNOWN if self._logins is None else self._logins.now()

    def told(self) -> dict[str, object]:
        """Return who may ask, as `status` tells it."""
        logins = self.logins()
        return {
            "shared": self.rules.shared,
            "seat": self.rules.seat,
            "services": dict(self.rules.services),
            "logind": logins.known,
            "placed": self.rules.shared or (self.rules.camera and not logins.absent),
            "sessions": len(logins.sessions),
            "lid_shut": logins.lid_shut,
        }

    async def may(self, request: AnyRequest, peer: Peer, gone: asyncio.Event) -> bool:
        """Say whether a peer may ask what not everybody may; takes as long as polkit asks, or until the peer leaves."""
        if is_allowed(request, peer, self._facts):
            return True
        if self._authority is None or not self._facts.shared:
            return False
        loop = asyncio.get_running_loop()
        asking = loop.create_task(self._authority.permits(peer, request))
        leaving = loop.create_task(gone.wait())
        self._asked += 1
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return asking.done() and not gone.is_set() and asking.result()
        finally:
            self._asked -= 1
            asking.cancel()
            leaving.cancel()
            await asyncio.wait({asking, leaving})
            if not asking.cancelled() and (fault := asking.exception()) is not None:
                # Of a peer who has gone nobody takes it, and what asyncio finds left over would end the daemon.
                _LOG.error("event=authority-fault uid=%d fault=%r", peer.uid, fault)

    async def enter(self, request: Request, peer: Peer, gone: asyncio.Event) -> Entry | Refused:
        """Say whether a peer may ask, before anything is looked up or counted."""
        if isinstance(request, Verify):
            session = await self._session_of(peer)
            decided = self._decided(request, peer, session, self.logins())
            return Entry(request, peer, session, decided) if isinstance(decided, Allowed) else decided
        of_their_own = isinstance(request, Records) and self._facts.shared  # no more is told
        if not (of_their_own or await self.may(request, peer, gone)):
            return Refused(Cause.NOT_ALLOWED)
        if isinstance(request, PasswordOk):
            fault = password_fault(request, await self._session_of(peer), self.logins(), self.rules)
            if fault is not None:
                return Refused(fault)
        return Entry(request, peer, None, Allowed())

    def _decided(self, ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins) -> Allowed | Refused:
        """Decide by the rules; and while polkit asks for us, no face answers polkit.

        Else one nod, or one face that was wrongly taken for the owner's, would let another face in for good.
        """
        if self._asked and ask.service == POLKIT:
            return Refused(Cause.OWN_QUESTION)
        return entitlement(ask, peer, session, logins, self.rules)

    async def _session_of(self, peer: Peer) -> LoginSession | None:
        return None if self._logins is None else await self._logins.session_of(peer.pid)

    def refusal(self, entry: Entry) -> Refused | None:
        """Say what has changed since somebody was let in, so that they would not be any more; None: nothing."""
        if not isinstance(entry.request, Verify):
            return None
        logins = self.logins()
        session = None if entry.session is None else logins.by_id(entry.session.id)
        if entry.session is not None and session is None:
            return Refused(Cause.NO_SESSION)
        decided = self._decided(entry.request, entry.peer, session, logins)
        if isinstance(decided, Refused):
            return decided
        before, after = (one.session.id if one.session is not None else None for one in (entry.allowed, decided))
        return None if before == after else Refused(Cause.INACTIVE)


def is_allowed(request: AnyRequest, peer: Peer, facts: RunFacts) -> bool:
    """Say whether a peer may ask anything but whether it is somebody: root and the daemon's own user.

    That a password was right is believed from root alone, or in a run for trying out from the daemon's own user.
    """
    if peer.uid == ROOT:
        return True
    if isinstance(request, PasswordOk) and not facts.test_source:
        return False
    return peer.uid == facts.own_uid


def begin_verify(desk: Desk, ask: Verify, claim: Claim) -> VerifyAttempt | Reply:
    """Return the attempt that may begin, or the reply that says why none may.

    Raises:
        KinectUnlockError: the run, its configuration, the template or the ledger does not allow any.
    """
    template = _template_to_match(desk, ask)
    if isinstance(template, Reply):
        return template
    ledger = desk.book.open(ask.user)
    attempt = VerifyAttempt(desk, claim, template, ledger)
    attempt.rest()
    if attempt.ended.done():
        return attempt.ended.result()
    due = policy.password_due(ledger, desk.clock.boot_time(), desk.config.policy)
    if due is not None and attempt.state is not State.LOCKED_OUT:
        return Reply(Word.PASSWORD_NEEDED, done=True, user=ask.user, message=_WHY[due])
    return attempt


def may_not_match(desk: Desk, user: str) -> str | None:
    """Return why no attempt to unlock could begin for a user, None if one could; a cool-down is none: it will end."""
    try:
        template = _template_to_match(desk, Verify(user, unlock=True))
        ledger = desk.book.open(user)
    except KinectUnlockError as error:
        return str(error)
    if isinstance(template, Reply):
        return template.message
    if ledger.locked_out:
        return "too many failures; a password comes first"
    due = policy.password_due(ledger, desk.clock.boot_time(), desk.config.policy)
    return None if due is None else _WHY[due]


def begin_enrol(desk: Desk, claim: Claim, user: str) -> EnrolAttempt:
    """Return the enrolment that may begin.

    Raises:
        ConfigError: it would make a template that no threshold has evidence for.
        RequestError: it would put frames that are no sensor's in the place of the sensor's.
    """
    if desk.facts.origin is not Origin.SENSOR and _has_sensors_template(desk, user):
        raise RequestError(f"{user} has a template from the sensor; forget that first, or choose another name")
    rules, most = desk.config.enrol, desk.recogniser.template_vectors_max
    vectors = len(rules.stages) * rules.samples_per_stage
    if vectors > most:
        msg = f"$.enrol: {vectors} samples in all, the threshold of {desk.recogniser.name} has evidence for {most}"
        raise ConfigError(msg)
    return EnrolAttempt(desk, claim, user)


_WHY = {
    policy.Due.AFTER_BOOT: "the password is needed once after the machine has started",
    policy.Due.LONG_UNUSED: "nobody has unlocked for long; give the password once",
    policy.Due.LONG_WITHOUT_PASSWORD: "the password has not been given for long; give it once",
}


def _has_sensors_template(desk: Desk, user: str) -> bool:
    """Say whether a user has one; what cannot be read is nobody's loss when it is replaced."""
    try:
        older = desk.templates.load(user)
    except StoreError:
        return False
    return older is not None and older.origin is Origin.SENSOR


def _template_to_match(desk: Desk, ask: Verify) -> Template | Reply:
    _require_run_that_may_match(desk, ask)
    template = desk.templates.load(ask.user)
    if template is None or is_of_photographs(template) or template.origin is not desk.facts.origin:
        return _not_enrolled(ask.user, template, desk.facts.origin)
    _require_fitting(desk, template)
    return template


def _require_run_that_may_match(desk: Desk, ask: Verify) -> None:
    facts, entry = desk.facts, desk.recogniser.encoder
    fault: str | None = None
    if facts.origin is Origin.UNPROVEN and not facts.test_source:
        fault = (
            "no threshold and no liveness bound has evidence for this kind of camera, so its frames never match, "
            "except in a run started with --test-source"
        )
    elif facts.origin is not Origin.SENSOR and not facts.test_source:
        fault = f"{facts.origin} frames never match: only a sensor's do, except in a run started with --test-source"
    elif not entry.unlock:
        reason = f": {entry.why_not}" if entry.why_not else ""
        fault = f"$.models.encoder: {desk.recogniser.name} may identify, but not verify{reason}; choose another"
    elif ask.unlock and facts.origin in _NEVER_OPENS:
        fault = f"{facts.origin} frames never unlock, in no run: only a depth camera's can"
    else:
        fault = desk.recogniser.vote_fault(desk.config.ranges.depth_vote)
    if fault is not None:
        raise ConfigError(fault)


def _require_fitting(desk: Desk, template: Template) -> None:
    encoder, most = desk.recogniser.encoder, desk.recogniser.template_vectors_max
    fault: KinectUnlockError | None = None
    if not desk.recogniser.fits(template):
        fault = ModelError(
            f"the template of {template.user} is of {template.model_id!r}, this daemon compares "
            f"{encoder.model_id!r}: enrol again"
        )
    elif len(template.vectors) > most:
        fault = ModelError(
            f"the template of {template.user} has {len(template.vectors)} vectors, the threshold has evidence for "
            f"at most {most}: enrol again"
        )
    if fault is not None:
        raise fault


def _not_enrolled(user: str, template: Template | None, origin: Origin) -> Reply:
    if template is None:
        why = f"{user} is not enrolled"
    elif is_of_photographs(template):
        why = f"{user} is enrolled by photographs only, which are identified but never match"
    else:
        why = f"{user} was enrolled from {template.origin}, this daemon looks at {origin}; enrol again"
    return Reply(Word.NOT_ENROLLED, done=True, user=user, message=why)
