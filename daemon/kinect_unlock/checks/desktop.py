"""Does the rest of the desktop know of us: the service manager, PAM, logind."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.host.pam import Rule
from kinect_unlock.host.services import UNIT, Unit
from kinect_unlock.host.sessions import Session

# What asks a password, on its own or of a directory service.
_PASSWORD: Final = re.compile(
    r"pam_(unix\d?|sss|ldap|krb5|winbind|systemd_home|kanidm|himmelblau|oddjob|tcb|userdb)\.so"
)
# What lets somebody in by something else, which says nothing of a password that was typed before.
_NO_PASSWORD: Final = re.compile(r"pam_(fprintd|fprintd_grosshack|u2f|yubico|howdy|pkcs11|p11|ssh_agent_auth)\.so")
_ASKED_BY_US: Final = "lightdm"  # there our module takes the password, for whatever comes next
_NEVER_ALONE: Final = re.compile(
    r"required|requisite|\[.*(default|auth_err|authinfo_unavail)=(bad|die).*\]", re.IGNORECASE
)
_NAMES_SHOWN: Final = 6
_KEY: Final = "/etc/credstore.encrypted/kinect-unlock.template-key"
_WITHOUT_A_KEY: Final = (
    f"restore {_KEY} from a backup of this computer; without one, remove it and /var/lib/kinect-unlock/templates, "
    "run `sudo kinect-unlock setup`, and enrol again"
)
_UNREPORTED: Final = (
    "as root, `kinect-unlock password-ok USER` after each boot, after a lock-out, and when none was given for days: "
    "before that no face is taken"
)
# How a service's program ended, by its exit status: what that means, and what to do.
_ENDINGS: Final = {
    "243": (
        "systemd cannot decrypt the templates' key for it (status 243)",
        _WITHOUT_A_KEY,
    ),
    "78": (
        "its configuration is wrong (status 78)",
        "`kinect-unlock config check /etc/kinect-unlock/config.yaml`, then systemctl {}restart kinect-unlock",
    ),
}


def service(units: Iterable[Unit], *, systemd: bool) -> Check:
    """Say whether our service is installed and runs."""
    found = list(units)
    told = "; ".join(map(_unit, found))
    if not found:
        where = "" if systemd else "; systemd does not run this machine"
        step = "`sudo kinect-unlock setup`; for one user alone: systemd/user/kinect-unlock.service"
        return Check(Section.DESKTOP, "service", State.NOTE, f"{UNIT} is not installed{where}", step)
    ended = [unit for unit in found if unit.properties.get("ActiveState") != "active"]
    for unit in ended:
        if known := _ENDINGS.get(unit.properties.get("ExecMainStatus", "")):
            why, step = known
            return Check(Section.DESKTOP, "service", State.FAILED, f"{told}: {why}", step.format(_flag(unit)))
    failed = [unit for unit in ended if _keeps_failing(unit)]
    if failed:
        flag = _flag(failed[0])
        step = f"journalctl {flag}-u kinect-unlock -n 30, mend that, systemctl {flag}restart kinect-unlock"
        return Check(Section.DESKTOP, "service", State.FAILED, told, step)
    if any(unit.properties.get("ActiveState") == "active" for unit in found):
        return Check(Section.DESKTOP, "service", State.OK, told)
    step = f"systemctl {_flag(found[0])}enable --now kinect-unlock" if systemd else "`kinect-unlock run`"
    return Check(Section.DESKTOP, "service", State.NOTE, told, step)


def denials(lines: Sequence[str]) -> Check | None:
    """Say what the kernel's access control keeps from the service; nothing where it keeps nothing."""
    if not lines:
        return None
    last = lines[-1]
    if "apparmor=" in last:
        step = "allow what it names in /etc/apparmor.d/local/ for that profile, then apparmor_parser -r the profile"
    else:
        step = "restorecon -Rv /usr/lib/kinect-unlock /run/kinect-unlock; if it stays: ausearch -m avc | audit2allow -w"
    told = f"{len(lines)} refused since the start, last: {last}"
    return Check(Section.DESKTOP, "denials", State.FAILED, told, step)


def pam(services: Mapping[str, tuple[Rule, ...]]) -> Check:
    """Say which logins ask a face, whether a password still follows in each, and whether the daemon hears of it."""
    if not services:
        return Check(Section.DESKTOP, "PAM", State.NOTE, "no PAM here (/etc/pam.d)", "nothing: only logins need it")
    asking = {name: rules for name, rules in services.items() if any(rule.ours for rule in rules)}
    if not asking:
        step = "nothing, unless a face shall log in: then `sudo kinect-unlock setup` adds a line before the password's"
        return Check(Section.DESKTOP, "PAM", State.NOTE, f"none of {len(services)} services asks for a face", step)
    files = sorted({rule.file for rules in asking.values() for rule in rules if rule.ours})
    told = f"asked by {_names(asking)} (by the line in {', '.join(files)})"
    barring = sorted({rule.file for rules in asking.values() for rule in rules if rule.ours and _bars(rule)})
    if barring:
        step = f"make that line in /etc/pam.d/{barring[0]} `sufficient`, while another shell is open as root"
        return Check(Section.DESKTOP, "PAM", State.FAILED, f"{told}; without a face no password is accepted", step)
    locked = [name for name, rules in asking.items() if not _password_follows(rules)]
    if locked:
        step = f"add a password module after ours to /etc/pam.d/{locked[0]}, while another shell is open as root"
        return Check(Section.DESKTOP, "PAM", State.FAILED, f"{told}; no password follows in {_names(locked)}", step)
    return _reported(f"{told}; a password follows in each", asking)


def logind(session: Session) -> Check:
    """Say whether logind answers, and whether this session is one that a face may unlock."""
    name, facts = "logind", session.facts
    if session.fault:
        step = "nothing, if no desktop is to be locked here; else install libpam-systemd and start systemd-logind"
        return Check(Section.DESKTOP, name, State.NOTE, session.fault, step)
    if not facts:
        step = "log in through a display manager or a console; sudo, su and cron have no session of their own"
        return Check(Section.DESKTOP, name, State.NOTE, "answers; this user has no session", step)
    told = ", ".join(
        f"{key} {facts[key]}" for key in ("Type", "Class", "State", "Seat", "LockedHint") if facts.get(key)
    )
    evidence = f"session {facts.get('Id', '?')} of {facts.get('Name', '?')}: {told}"
    if facts.get("Remote") == "yes":
        step = "sit before the computer: a face never unlocks a session from afar"
        return Check(Section.DESKTOP, name, State.NOTE, f"{evidence}; remote", step)
    if facts.get("Type") not in {"x11", "wayland", "mir"}:
        step = "run doctor in the graphical session, if that is what is to be unlocked"
        return Check(Section.DESKTOP, name, State.NOTE, f"{evidence}; not graphical", step)
    return Check(Section.DESKTOP, name, State.OK, evidence)


def _keeps_failing(unit: Unit) -> bool:
    told = unit.properties
    again = told.get("ActiveState") == "activating" and told.get("NRestarts", "0") not in {"0", ""}
    return again or told.get("ActiveState") == "failed"


def _unit(unit: Unit) -> str:
    told = unit.properties
    state = f"{told.get('ActiveState', '?')} ({told.get('SubState', '?')}), {told.get('UnitFileState') or 'static'}"
    restarts = f", restarted {told['NRestarts']} times" if told.get("NRestarts", "0") not in {"0", ""} else ""
    return f"{unit.scope} unit {unit.file}: {unit.fault or state + restarts}"


def _flag(unit: Unit) -> str:
    return "--user " if unit.scope == "user" else ""


def _bars(rule: Rule) -> bool:
    """Tell whether a login fails for good when this module says no, so that no later one is believed."""
    return _NEVER_ALONE.fullmatch(rule.control) is not None


def asks_a_password(rules: Iterable[Rule]) -> bool:
    """Tell whether a password is asked for, by a module that is known to ask for one."""
    return any(_PASSWORD.fullmatch(rule.module) for rule in rules)


def _password_follows(rules: tuple[Rule, ...]) -> bool:
    asking = [place for place, rule in enumerate(rules) if rule.ours and not rule.only_reports]
    return not asking or asks_a_password(rules[asking[-1] + 1 :])


def _reported(told: str, asking: Mapping[str, tuple[Rule, ...]]) -> Check:
    """Say whether the daemon hears of right passwords, and of no others."""
    if not any(rule.only_reports for rules in asking.values() for rule in rules):
        return Check(Section.DESKTOP, "PAM", State.NOTE, f"{told}, and no line reports it", _UNREPORTED)
    for name, rules in asking.items():
        other = _believed_instead(name, rules)
        if other is not None:
            told = f"{told}; in {name} any password that was typed counts as right once {other} lets in"
            step = f"`services: {{{name}: never}}` in /etc/kinect-unlock/config.yaml: then none typed there counts"
            return Check(Section.DESKTOP, "PAM", State.NOTE, told, step)
    return Check(Section.DESKTOP, "PAM", State.OK, told)


def _believed_instead(name: str, rules: tuple[Rule, ...]) -> str | None:
    """Return what may let somebody in after a password was typed, and before it is reported as right."""
    reports = next((place for place, rule in enumerate(rules) if rule.only_reports), 0)
    ours_too = name == _ASKED_BY_US
    typed = (place for place, rule in enumerate(rules) if _PASSWORD.fullmatch(rule.module) or (ours_too and rule.ours))
    between = rules[next(typed, reports) : reports]
    return next((rule.module for rule in between if _NO_PASSWORD.fullmatch(rule.module)), None)


def _names(found: Iterable[str]) -> str:
    names = sorted(found)
    return ", ".join(names[:_NAMES_SHOWN]) + (
        f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    )
