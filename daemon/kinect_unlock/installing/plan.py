"""What is to be done to a computer, as a list of steps, and what speaks against it; nothing is changed here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, Literal, TypeAlias

from kinect_unlock import config
from kinect_unlock.errors import ConfigError
from kinect_unlock.host import pam
from kinect_unlock.installing import login
from kinect_unlock.installing.homes import encrypted_homes
from kinect_unlock.installing.prefix import LAUNCHER, PREFIX, InstallPrefix, Wheel
from kinect_unlock.installing.steps import (
    TO_DO,
    ExpectData,
    Finding,
    MakeAccount,
    Place,
    PutFile,
    PutLink,
    SealKey,
    StartService,
    State,
    Step,
    can_be_written_by_others,
)
from kinect_unlock.installing.undoing import PROGRAM, UNIT
from kinect_unlock.settings import Config

ByPam: TypeAlias = Literal["module", "exec", "none"]

CONFIG: Final = "/etc/kinect-unlock/config.yaml"
KEY: Final = "/etc/credstore.encrypted/kinect-unlock.template-key"
CREDENTIAL: Final = "template-key"
USER: Final = config.SERVICE_USER

_KEY_FILE: Final = "/var/lib/kinect-unlock/template.key"
_SYSUSERS: Final = "/usr/lib/sysusers.d/kinect-unlock.conf"
_UNITS: Final = "/usr/lib/systemd/system"
_POLKIT_RULES: Final = "/usr/share/polkit-1/rules.d/kinect-unlock.rules"
_WANTS: Final = "/etc/systemd/system/multi-user.target.wants"
_RESTARTS_SLOWER_SINCE: Final = 254
_SEALS_SINCE: Final = 250
# Those that open a home: PAM's services of the console and of login screens.
_LOGINS: Final = ("login", "gdm-password", "sddm", "lightdm", "greetd", "lxdm", "ly", "slim", "xdm")
_CONFIG_TEXT: Final = (
    "# kinect-unlock, for every user of this computer. What is not here has its default; all of them, with what each\n"
    "# means, are printed by `kinect-unlock config show --defaults`. Restart the service after a change.\n"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the administrator asked for."""

    wheel: Wheel
    wheels: Path | None = None  # a folder of wheels that the program needs, instead of an index
    extras: tuple[str, ...] = ()
    pam: ByPam = "module"
    module: bytes | None = field(default=None, repr=False)  # the PAM module, already built
    start: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)
    doubt: str | None = None  # what of the program that sets up others than root could change


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, what the administrator should know, and why it must not be done, if it must not."""

    steps: tuple[tuple[Step, Finding], ...]
    notes: tuple[str, ...]
    refusals: tuple[str, ...]

    @property
    def to_do(self) -> tuple[Step, ...]:
        """Return what is not done yet."""
        return tuple(step for step, finding in self.steps if finding.state is State.TO_DO)


def make_plan(wanted: Wanted, place: Place) -> Plan:
    """Look at the computer, and say what is to be done.

    Raises:
        Refused: the record of an earlier setup cannot be believed.
        OSError: something cannot be looked at.
    """
    notes: list[str] = []
    refusals: list[str] = []
    if wanted.doubt is not None:
        notes.append(
            f"the program that says this is not root's alone ({wanted.doubt}), and root will run and log everybody in "
            "by a copy of it: go on only if you trust whoever can write there, and all that they have started"
        )
    steps = [*_program(wanted), *_service(wanted, place, notes, refusals), *_login(wanted, place, notes)]
    found: list[tuple[Step, Finding]] = []
    for step in steps:
        finding = step.finding(place)
        if isinstance(step, StartService) and any(before.state is State.TO_DO for _, before in found):
            finding = TO_DO  # what runs is older than what is put there
        found.append((step, finding))
    refusals += [finding.why for _, finding in found if finding.state is State.IN_THE_WAY]
    refusals += _open_folders(steps, place)
    return Plan(tuple(found), tuple(notes), tuple(refusals))


def data(name: str) -> bytes:
    """Return a file that was installed with the program."""
    return (resources.files("kinect_unlock") / "data" / name).read_bytes()


def _program(wanted: Wanted) -> list[Step]:
    undoing = resources.files("kinect_unlock.installing").joinpath("undoing.py").read_bytes()
    return [
        # First, so that whatever comes after it can be undone by it.
        PutFile(PROGRAM, b"#!/usr/bin/python3 -I\n" + undoing, "takes all of this away again, by itself", 0o755),
        InstallPrefix(wanted.wheel, wanted.wheels, wanted.extras, wanted.environ),
        PutFile("/usr/bin/kinect-unlock", LAUNCHER, f"the command, of {PREFIX}", 0o755),
    ]


def _service(wanted: Wanted, place: Place, notes: list[str], refusals: list[str]) -> list[Step]:
    release = _systemd(place)
    if release is None:
        refusals.append("there is no systemd here, which the service, its user and its key need")
    steps: list[Step] = [
        PutFile(_SYSUSERS, data("systemd/sysusers.conf"), "the service's user"),
        MakeAccount(USER, _SYSUSERS),
        PutFile(CONFIG, _config(place, notes, refusals), "the configuration; one that is there stays", keeps=True),
    ]
    if release is not None and release >= _SEALS_SINCE and place.programs.has("systemd-creds"):
        steps.append(SealKey(KEY, CREDENTIAL, _KEY_FILE))
        if place.path(_KEY_FILE).exists():
            notes.append(f"the key in {_KEY_FILE} is the one that is encrypted; remove that file when all has worked")
    else:
        notes.append(
            f"this systemd is older than {_SEALS_SINCE} or has no systemd-creds: the templates' key will be a file "
            "that the service's user alone can read, below /var/lib/kinect-unlock"
        )
    steps.append(PutFile(f"{_UNITS}/{UNIT}", data(f"systemd/{UNIT}"), "the service, in its sandbox"))
    if release is not None and release >= _RESTARTS_SLOWER_SINCE:
        drop_in = f"{_UNITS}/{UNIT}.d/restart.conf"
        steps.append(PutFile(drop_in, data("systemd/restart.conf"), "how soon it comes back after a fault"))
    rules, udev = "60-kinect-unlock.rules", "/usr/lib/udev/rules.d"
    if place.path(f"/etc/udev/rules.d/{rules}").exists():
        notes.append(f"/etc/udev/rules.d/{rules} hides the rule that is installed: remove it unless you changed it")
    steps += [
        PutFile(f"{udev}/{rules}", data(rules), "the camera's node: for this group alone"),
        PutFile(_POLKIT_RULES, data("systemd/polkit.rules"), "it may lock and unlock"),
        PutFile(
            "/usr/share/polkit-1/actions/org.kinect_unlock.policy",
            data("systemd/org.kinect_unlock.policy"),
            "for what polkit asks a password",
        ),
        ExpectData("/var/lib/kinect-unlock", "templates; the service makes it, for itself alone"),
        ExpectData("/var/cache/kinect-unlock", "networks, composed once; the same"),
        PutLink(f"{_WANTS}/{UNIT}", f"{_UNITS}/{UNIT}", "starts the service with the computer"),
    ]
    return [*steps, StartService(UNIT, now=wanted.start and place.programs.booted)]


def _login(wanted: Wanted, place: Place, notes: list[str]) -> list[Step]:
    if wanted.pam == "none":
        notes.append("PAM stays as it is: no login asks for a face")
        return []
    profile, after = data("pam/kinect-unlock.pam-config"), data("pam/kinect-unlock-password.pam-config")
    steps: list[Step] = []
    if wanted.pam == "exec":
        program = data("pam/kinect_unlock_pam_exec.py")
        steps.append(PutFile(login.BY_PROGRAM, program, "asks the daemon for pam_exec", 0o755))
    else:
        folder = login.module_folder(place.root)
        if folder is None:
            notes.append("libpam's modules cannot be found here, so ours is not installed and PAM stays as it is")
            return []
        source = {name: data(f"pam/{name}") for name in ("Makefile", "pam_kinect_unlock.c")}
        steps.append(login.BuildModule(folder, source, wanted.module))
    if not place.programs.has(login.UPDATER):
        notes.append(login.by_hand(place.root, login.BY_PAM_EXEC if wanted.pam == "exec" else login.MODULE))
        return steps
    if wanted.pam == "exec":
        notes.append(f"PAM asks by pam_exec; {login.UNREPORTED}")
        steps.append(PutFile(f"{login.PROFILES}/kinect-unlock", login.by_program(profile), "how PAM asks"))
        return [*steps, login.TurnOn(("kinect-unlock",))]
    steps.append(PutFile(f"{login.PROFILES}/kinect-unlock", profile, "how PAM asks"))
    steps.append(PutFile(f"{login.PROFILES}/kinect-unlock-password", after, "how PAM reports a password"))
    return [*steps, login.TurnOn(("kinect-unlock", "kinect-unlock-password"))]


def _config(place: Place, notes: list[str], refusals: list[str]) -> bytes:
    """Return the configuration; where homes are opened with the password a face must not log in."""
    why = encrypted_homes(place.root, pam.services(place.root))
    if not why:
        return _CONFIG_TEXT.encode()
    told = "; ".join(why)
    if place.path(CONFIG).exists():
        if allowed := _allowed_logins(place):
            names = ", ".join(allowed)
            refusals.append(
                f"homes here are opened with the password ({told}), so nobody may be logged in by a face alone; set "
                f"these of `services` in {CONFIG} to `never`: {names}"
            )
    else:
        notes.append(
            f"homes here are opened with the password ({told}), so a face logs nobody in: it is taken by sudo, polkit "
            "and screen lockers alone (not by GNOME's, which asks as its login screen does)"
        )
    names = "".join(f"  {name}: never\n" for name in _LOGINS)
    return (
        f"{_CONFIG_TEXT}\n# Homes here are opened with the password, which a face is not.\nservices:\n{names}".encode()
    )


def _allowed_logins(place: Place) -> tuple[str, ...]:
    try:
        services = config.load(place.path(CONFIG)).services
    except ConfigError:
        services = Config().services
    return tuple(name for name in _LOGINS if services.get(name, "never") != "never")


def _open_folders(steps: list[Step], place: Place) -> list[str]:
    """Return which folders that we would write into could be written by others."""
    faults = set()
    names = {step.name for step in steps if isinstance(step, PutFile | PutLink | SealKey | login.BuildModule)}
    for name in {*names, PREFIX} - {_POLKIT_RULES}:  # whose folder is polkit's own on Debian, and polkit obeys it
        folder = next(one for one in place.path(name).parents if one.is_dir())
        if fault := can_be_written_by_others(folder):
            faults.add(f"{fault}: what setup puts below it must be root's alone")
    return sorted(faults)


def _systemd(place: Place) -> int | None:
    if not place.programs.has("systemctl"):
        return None
    found = re.match(r"systemd (\d+)", place.programs.run(["systemctl", "--version"]).text)
    return int(found[1]) if found else None
