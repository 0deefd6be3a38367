"""Who may ask, as a table; and that nothing remote, unknown or another's opens anything."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.logins import at_desk, greeter
from kinect_unlock.entitlement import WORDS, Allowed, Cause, Refused, Rules, entitlement, password_fault
from kinect_unlock.logins import NOT_KNOWN, Display, Kind, Logins, LoginSession, State
from kinect_unlock.ports import Peer
from kinect_unlock.settings import Config
from kinect_unlock.wire import PasswordOk, Verify

OWN = 990
ROOT = Peer(pid=10, uid=0, gid=0)
SERVICE_USER = Peer(pid=11, uid=OWN, gid=OWN)
ANNA = Peer(pid=12, uid=1000, gid=1000)
BEN = Peer(pid=13, uid=1001, gid=1001)
SERVICES = {**Config().services, "off": "never", "own": "allow"}
SHARED = Rules(own_uid=OWN, shared=True, seat="seat0", services=SERVICES)
PRIVATE = replace(SHARED, shared=False)
PLAYED = replace(PRIVATE, camera=False)
DESK = at_desk()  # anna's, uid 1000
MINE = at_desk("4", "whoever", OWN)
ELSEWHERE = at_desk("5", state=State.ONLINE)
BENS = at_desk("7", "ben", 1001)
SSH = at_desk("9", seat="", remote=True, type=Display.TTY)
FAR = greeter("c8", seat="", remote=True)
SECOND = greeter("c9", seat="seat1")
EMPTY = Logins(known=True)


def here(*sessions: LoginSession, **facts: Any) -> Logins:
    return Logins(sessions=sessions, known=True, **facts)


def asks(service: str | None = None, user: str = "anna", **more: Any) -> Verify:
    return Verify(user, service=service, **more)


YES, NOD = Allowed(DESK), Allowed(DESK, intent=True)
TABLE = [
    # A socket that nobody else reaches: root and the daemon's own user, as they like.
    ("private root", asks(), ROOT, None, NOT_KNOWN, PRIVATE, Allowed()),
    ("private own user", asks(), SERVICE_USER, None, NOT_KNOWN, PRIVATE, Allowed()),
    ("private other", asks(), ANNA, DESK, here(DESK), PRIVATE, Cause.NOT_ALLOWED),
    # The same where there is logind: from the session before the camera, whoever they ask about.
    ("private at the desk", asks("trial", "me"), SERVICE_USER, MINE, here(MINE), PRIVATE, Allowed(MINE)),
    ("private at the desk, nod", asks("sudo"), ROOT, DESK, here(DESK), PRIVATE, Allowed(DESK, intent=True)),
    ("private root by command", asks(), ROOT, SSH, here(DESK, SSH), PRIVATE, Allowed()),
    ("private by ssh", asks(), SERVICE_USER, replace(SSH, uid=OWN), here(SSH), PRIVATE, Cause.REMOTE),
    ("private sudo by ssh", asks("sudo"), ROOT, SSH, here(SSH), PRIVATE, Cause.REMOTE),
    ("private elsewhere", asks(), SERVICE_USER, replace(ELSEWHERE, uid=OWN), here(DESK), PRIVATE, Cause.INACTIVE),
    ("private in another's session", asks(), SERVICE_USER, DESK, here(DESK), PRIVATE, Cause.OTHER_USER),
    ("private cron job", asks(), SERVICE_USER, None, here(DESK), PRIVATE, Cause.NO_SESSION),
    ("private, lid shut", asks(), SERVICE_USER, MINE, here(MINE, lid_closed=True), PRIVATE, Cause.LID_SHUT),
    ("private, logind away", asks(), SERVICE_USER, None, Logins(), PRIVATE, Cause.LOGINS_UNKNOWN),
    ("played by ssh", asks(), SERVICE_USER, replace(SSH, uid=OWN), here(SSH), PLAYED, Allowed()),
    ("private unlisted service", asks("trial"), ROOT, None, NOT_KNOWN, PRIVATE, Allowed()),
    ("private sudo", asks("sudo"), ROOT, None, NOT_KNOWN, PRIVATE, Allowed(intent=True)),
    ("private service off", asks("off"), ROOT, None, NOT_KNOWN, PRIVATE, Cause.SERVICE_NEVER),
    ("private remote", asks(remote_host="h"), ROOT, None, NOT_KNOWN, PRIVATE, Cause.REMOTE),
    # Root and the daemon's own user without a service: the command.
    ("root by command", asks(), ROOT, None, NOT_KNOWN, SHARED, Allowed()),
    ("root by command with intent", asks(intent=True), ROOT, None, NOT_KNOWN, SHARED, Allowed(intent=True)),
    ("own user by command", asks(), SERVICE_USER, None, NOT_KNOWN, SHARED, Allowed()),
    # Users for themselves.
    ("user at the desk", asks(), ANNA, DESK, here(DESK), SHARED, YES),
    ("user asks for a nod", asks(intent=True), ANNA, DESK, here(DESK), SHARED, NOD),
    ("user in a locked session", asks(), ANNA, replace(DESK, locked=True), here(DESK), SHARED, None),
    ("user's locker", asks("swaylock"), ANNA, DESK, here(DESK), SHARED, YES),
    ("user says no intent to sudo", asks("sudo", intent=False), ANNA, DESK, here(DESK), SHARED, NOD),
    ("user's locker that is off", asks("off"), ANNA, DESK, here(DESK), SHARED, Cause.SERVICE_NEVER),
    ("user's unknown locker", asks("mine"), ANNA, DESK, here(DESK), SHARED, Cause.SERVICE_UNKNOWN),
    ("user as a greeter", asks("sddm"), ANNA, DESK, here(greeter()), SHARED, Cause.NOT_ALLOWED),
    ("user as login", asks("login", tty="tty2"), ANNA, DESK, EMPTY, SHARED, Cause.NOT_ALLOWED),
    ("user as polkit", asks("polkit-1"), ANNA, DESK, here(DESK), SHARED, Cause.NOT_ALLOWED),
    ("user for another", asks(user="ben"), ANNA, DESK, here(DESK), SHARED, Cause.OTHER_USER),
    ("user in another's session", asks(), BEN, DESK, here(DESK), SHARED, Cause.OTHER_USER),
    ("other for the owner", asks(), BEN, BENS, here(BENS), SHARED, Cause.OTHER_USER),
    ("user without a session", asks(), ANNA, None, here(DESK), SHARED, Cause.NO_SESSION),
    ("user, logind away", asks(), ANNA, DESK, NOT_KNOWN, SHARED, Cause.LOGINS_UNKNOWN),
    ("user by ssh", asks(), ANNA, SSH, here(DESK, SSH), SHARED, Cause.REMOTE),
    ("user in the background", asks(), ANNA, ELSEWHERE, here(ELSEWHERE, BENS), SHARED, Cause.INACTIVE),
    ("user at another seat", asks(), ANNA, at_desk(seat="seat1"), EMPTY, SHARED, Cause.OTHER_SEAT),
    ("user of no seat", asks(), ANNA, at_desk(seat=""), EMPTY, SHARED, Cause.OTHER_SEAT),
    ("user's cron job", asks(), ANNA, at_desk(kind=Kind.BACKGROUND), EMPTY, SHARED, Cause.NOT_A_USERS),
    ("user with the lid shut", asks(), ANNA, DESK, here(DESK, lid_closed=True), SHARED, Cause.LID_SHUT),
    ("user docked", asks(), ANNA, DESK, here(DESK, lid_closed=True, docked=True), SHARED, YES),
    # Programs with privileges, by PAM's module as root.
    ("sudo", asks("sudo"), ROOT, DESK, here(DESK), SHARED, NOD),
    ("sudo that wants no nod", asks("sudo", intent=False), ROOT, DESK, here(DESK), SHARED, NOD),
    ("sudo in a text session", asks("sudo"), ROOT, at_desk(type=Display.TTY), here(DESK), SHARED, None),
    ("sudo by ssh", asks("sudo"), ROOT, SSH, here(SSH), SHARED, Cause.REMOTE),
    ("sudo with a remote host", asks("sudo", remote_host="1.2.3.4"), ROOT, DESK, here(DESK), SHARED, Cause.REMOTE),
    ("sudo of a cron job", asks("sudo"), ROOT, None, here(DESK), SHARED, Cause.NO_SESSION),
    ("sudo in the background", asks("sudo"), ROOT, ELSEWHERE, here(ELSEWHERE), SHARED, Cause.INACTIVE),
    ("sudo for another", asks("sudo", "ben"), ROOT, DESK, here(DESK), SHARED, Cause.OTHER_USER),
    ("su to another", asks("su", "ben"), ROOT, DESK, here(DESK), SHARED, Cause.OTHER_USER),
    ("sudo behind a lock", asks("sudo"), ROOT, at_desk(locked=True), here(DESK), SHARED, Cause.LOCKED),
    ("sudo, lock not known", asks("sudo"), ROOT, at_desk(locked=None), here(DESK), SHARED, None),
    ("sudo, logind away", asks("sudo"), ROOT, None, NOT_KNOWN, SHARED, Cause.LOGINS_UNKNOWN),
    ("sudo, lid shut", asks("sudo"), ROOT, DESK, here(DESK, lid_closed=True), SHARED, Cause.LID_SHUT),
    ("unknown service", asks("sshd"), ROOT, DESK, here(DESK), SHARED, Cause.SERVICE_UNKNOWN),
    ("remote desktop", asks("xrdp-sesman"), ROOT, None, here(greeter()), SHARED, Cause.SERVICE_UNKNOWN),
    ("service that is off", asks("off"), ROOT, DESK, here(DESK), SHARED, Cause.SERVICE_NEVER),
    ("service of one's own", asks("own"), ROOT, DESK, here(DESK), SHARED, YES),
    ("locker that runs as root", asks("xscreensaver"), ROOT, at_desk(locked=True), here(DESK), SHARED, None),
    ("polkit in the session", asks("polkit-1"), ROOT, DESK, here(DESK), SHARED, NOD),
    ("polkit of another's cron job", asks("polkit-1"), ROOT, None, here(DESK), SHARED, Cause.NO_SESSION),
    ("polkit for another", asks("polkit-1"), ROOT, BENS, here(DESK, BENS), SHARED, Cause.OTHER_USER),
    # Login screens.
    ("greeter", asks("gdm-password"), ROOT, None, here(greeter()), SHARED, Allowed()),
    ("greeter over another's session", asks("sddm"), ROOT, None, here(greeter(), ELSEWHERE), SHARED, Allowed()),
    ("greeter for ben", asks("lightdm", "ben"), ROOT, None, here(greeter()), SHARED, Allowed()),
    ("greeter not shown", asks("greetd"), ROOT, None, here(greeter(state=State.ONLINE)), SHARED, Cause.NO_GREETER),
    ("greeter far away", asks("sddm"), ROOT, None, here(greeter(remote=True)), SHARED, Cause.REMOTE),
    ("greeters here and far away", asks("sddm"), ROOT, None, here(greeter(), FAR), SHARED, Cause.NO_GREETER),
    ("greeters of two seats", asks("sddm"), ROOT, None, here(greeter(), SECOND), SHARED, Cause.NO_GREETER),
    ("greeter of its own, another far away", asks("sddm"), ROOT, greeter(), here(greeter(), FAR), SHARED, Allowed()),
    ("screen lock, greeter far away", asks("sddm"), ROOT, None, here(DESK, FAR), SHARED, Cause.NO_GREETER),
    ("greeter by ssh", asks("sddm"), ROOT, SSH, here(greeter(), SSH), SHARED, Cause.REMOTE),
    ("greeter from elsewhere", asks("sddm"), ROOT, ELSEWHERE, here(greeter(), ELSEWHERE), SHARED, Cause.NO_GREETER),
    ("greeter of its own session", asks("sddm"), ROOT, greeter(), here(greeter()), SHARED, Allowed()),
    ("greeter, nothing shown", asks("sddm"), ROOT, None, EMPTY, SHARED, Cause.NO_GREETER),
    ("greeter, logind away", asks("sddm"), ROOT, None, NOT_KNOWN, SHARED, Cause.LOGINS_UNKNOWN),
    ("greeter, lid shut", asks("sddm"), ROOT, None, here(greeter(), lid_closed=True), SHARED, Cause.LID_SHUT),
    ("screen lock by the greeter's service", asks("gdm-password"), ROOT, None, here(DESK), SHARED, YES),
    ("screen lock of another", asks("gdm-password", "ben"), ROOT, None, here(DESK), SHARED, Cause.OTHER_USER),
    # Text consoles.
    ("login", asks("login", tty="/dev/tty3"), ROOT, None, here(ELSEWHERE), SHARED, Allowed()),
    ("login by a short name", asks("login", tty="tty1"), ROOT, None, EMPTY, SHARED, Allowed()),
    ("login behind a session", asks("login", tty="tty3"), ROOT, None, here(DESK), SHARED, Cause.NO_GREETER),
    ("login in a session", asks("login", tty="tty3"), ROOT, ELSEWHERE, here(ELSEWHERE), SHARED, Cause.NO_GREETER),
    ("login by ssh", asks("login", tty="pts/0"), ROOT, SSH, here(SSH), SHARED, Cause.REMOTE),
    ("login on a serial line", asks("login", tty="ttyS0"), ROOT, None, EMPTY, SHARED, Cause.OTHER_SEAT),
    ("login by telnet", asks("login", tty="pts/1"), ROOT, None, EMPTY, SHARED, Cause.OTHER_SEAT),
    ("login nowhere", asks("login"), ROOT, None, EMPTY, SHARED, Cause.OTHER_SEAT),
    ("login, logind away", asks("login", tty="tty1"), ROOT, None, NOT_KNOWN, SHARED, Cause.LOGINS_UNKNOWN),
]  # fmt: skip


COLUMNS = ("ask", "peer", "session", "logins", "rules", "said")


@pytest.mark.parametrize(COLUMNS, [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_who_may_ask(
    ask: Verify,
    peer: Peer,
    session: LoginSession | None,
    logins: Logins,
    rules: Rules,
    said: Allowed | Cause | None,
) -> None:
    found = entitlement(ask, peer, session, logins, rules)
    if said is None:  # allowed, with the very session that asks
        assert isinstance(found, Allowed)
        assert found.session is session
    else:
        assert found == (Refused(said) if isinstance(said, Cause) else said)


def test_every_cause_is_met_and_has_words() -> None:
    met = {row[-1] for row in TABLE if isinstance(row[-1], Cause)}

    assert met | {Cause.OWN_QUESTION} == set(Cause) == set(WORDS)  # that one is the door's
    assert all(Refused(cause).message for cause in Cause)


ids = st.sampled_from(["1", "2", "3"])
sessions = st.builds(
    LoginSession,
    id=ids,
    uid=st.sampled_from([0, OWN, 1000, 1001]),
    user=st.sampled_from(["anna", "ben", "root"]),
    seat=st.sampled_from(["seat0", "seat1", ""]),
    kind=st.sampled_from(Kind),
    type=st.sampled_from(Display),
    state=st.sampled_from(State),
    remote=st.booleans(),
    locked=st.sampled_from([None, False, True]),
    leader_pid=st.just(1),
)
everybody = st.builds(Peer, pid=st.just(5), uid=st.sampled_from([0, OWN, 1000, 1001]), gid=st.just(0))
questions = st.builds(
    Verify,
    st.sampled_from(["anna", "ben"]),
    service=st.sampled_from([None, "sshd", *SERVICES]),
    tty=st.sampled_from([None, "", "tty1", "/dev/tty2", "pts/0", "ttyS0", ":0"]),
    remote_host=st.sampled_from([None, "", "192.0.2.1"]),
    intent=st.sampled_from([None, False, True]),
)
known = st.builds(
    Logins,
    sessions=st.lists(sessions, max_size=3, unique_by=lambda one: one.id).map(tuple),
    lid_closed=st.booleans(),
    docked=st.booleans(),
    known=st.booleans(),
)


@given(questions, everybody, st.none() | sessions, known)
def test_nothing_remote_unknown_or_anothers_opens(
    ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins
) -> None:
    found = entitlement(ask, peer, session, logins, SHARED)
    if isinstance(found, Refused):
        return
    assert not ask.remote_host
    assert SERVICES.get(ask.service or "own") in {"allow", "intent"}
    assert found.intent or SERVICES.get(ask.service or "own") == "allow"
    if peer.uid in {0, OWN} and ask.service is None:
        return
    assert logins.known
    assert not logins.lid_shut
    assert session is None or not session.remote
    if found.session is not None:
        one = found.session
        assert (one.user, one.seat, one.kind, one.state, one.remote) == (
            ask.user,
            "seat0",
            Kind.USER,
            State.ACTIVE,
            False,
        )
        assert not (one.locked and SERVICES.get(ask.service or "") == "intent")
    else:
        assert ask.service in {"login", "gdm-password", "sddm", "lightdm", "greetd"}
        assert peer.uid in {0, OWN}
    if peer.uid not in {0, OWN}:
        assert session is not None
        assert session is found.session
        assert session.uid == peer.uid


@given(questions, everybody, st.none() | sessions, known)
def test_without_logind_only_the_command_of_root_and_of_the_daemons_user_is_left(
    ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins
) -> None:
    found = entitlement(ask, peer, session, replace(logins, known=False), SHARED)
    assert isinstance(found, Refused) or (peer.uid in {0, OWN} and ask.service is None)


@given(questions, everybody, st.none() | sessions, known)
def test_a_socket_of_ones_own_serves_root_and_its_owner_alone(
    ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins
) -> None:
    found = entitlement(ask, peer, session, logins, PRIVATE)
    assert isinstance(found, Refused) or peer.uid in {0, OWN}
    assert entitlement(ask, peer, session, logins, PLAYED) == entitlement(ask, peer, None, NOT_KNOWN, PRIVATE)


@given(questions, everybody, st.none() | sessions, known)
def test_where_there_is_logind_nobody_uses_a_socket_of_ones_own_from_afar(
    ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins
) -> None:
    found = entitlement(ask, peer, session, logins, PRIVATE)
    if isinstance(found, Allowed) and not (peer.uid == 0 and ask.service is None):
        assert session is None or not session.remote
        assert not logins.lid_shut
        assert peer.uid == 0 or (session is not None and session.uid == OWN and session.is_at_desk)


PASSWORDS = [
    ("by command", None, None, NOT_KNOWN, SHARED, None),
    ("sudo", "sudo", DESK, here(DESK), SHARED, None),
    ("a locker", "swaylock", DESK, here(DESK), SHARED, None),
    ("su in another session here", "su", ELSEWHERE, here(DESK, ELSEWHERE), SHARED, None),
    ("with the lid shut", "sudo", DESK, here(DESK, lid_closed=True), SHARED, None),
    ("a service that may not ask", "off", DESK, here(DESK), SHARED, Cause.SERVICE_NEVER),
    ("a service that nobody named", "sshd", SSH, here(DESK, SSH), SHARED, Cause.SERVICE_UNKNOWN),
    ("the same without a session", "sshd", None, here(DESK), SHARED, Cause.SERVICE_UNKNOWN),
    ("a cron job", "cron", DESK, here(DESK), SHARED, Cause.SERVICE_UNKNOWN),
    ("sudo by ssh", "sudo", SSH, here(DESK, SSH), SHARED, Cause.REMOTE),
    ("sudo, logind away", "sudo", DESK, NOT_KNOWN, SHARED, Cause.LOGINS_UNKNOWN),
    ("polkit's helper outside of sessions", "polkit-1", None, here(DESK), SHARED, Cause.NO_SESSION),
    ("a greeter", "gdm-password", None, here(greeter()), SHARED, None),
    ("a greeter's own session", "sddm", greeter(), here(greeter()), SHARED, None),
    ("a greeter from afar", "gdm-password", FAR, here(DESK, FAR), SHARED, Cause.REMOTE),
    ("a greeter that may be another", "gdm-password", None, here(greeter(), FAR), SHARED, Cause.NO_SESSION),
    ("a greeter that may be another seat's", "sddm", None, here(greeter(), SECOND), SHARED, Cause.NO_SESSION),
    ("a greeter that nobody named", "xdm", None, here(greeter()), replace(SHARED, services={}), None),
    ("a console", "login", None, EMPTY, SHARED, None),
    ("a console that may not", "login", None, EMPTY, replace(SHARED, services={"login": "never"}), Cause.SERVICE_NEVER),
    ("private sudo", "sudo", None, NOT_KNOWN, PRIVATE, None),
    ("private and unknown", "sshd", None, NOT_KNOWN, PRIVATE, Cause.SERVICE_UNKNOWN),
]


@pytest.mark.parametrize(
    ("service", "session", "logins", "rules", "fault"),
    [row[1:] for row in PASSWORDS],
    ids=[row[0] for row in PASSWORDS],
)
def test_whose_password_is_a_proof(
    service: str | None, session: LoginSession | None, logins: Logins, rules: Rules, fault: Cause | None
) -> None:
    assert password_fault(PasswordOk("anna", service), session, logins, rules) is fault
