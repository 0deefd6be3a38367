"""PAM: the module, the profiles of Debian's pam-auth-update, and the proof that a password still opens what it did."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kinect_unlock.checks import desktop
from kinect_unlock.checks.results import State as Verdict
from kinect_unlock.host import pam
from kinect_unlock.host.pam import Rule
from kinect_unlock.installing.steps import DONE, TO_DO, Finding, Place, SetupError, State, last_words
from kinect_unlock.installing.undoing import (
    PAM_BACKUP,
    RECORD_FOLDER,
    Deed,
    Fate,
    Kind,
    Undoing,
    flush_folder,
    replace_file,
    sha256_of,
)

MODULE: Final = "pam_kinect_unlock.so"
UPDATER: Final = "pam-auth-update"
BY_PROGRAM: Final = "/usr/libexec/kinect-unlock-pam-exec"
# pam_exec waits for ever; the program gives up after 5 s by itself, unless it hangs.
_IN_TIME: Final = "/usr/bin/timeout --signal=KILL 8"
BY_PAM_EXEC: Final = f"pam_exec.so quiet seteuid {_IN_TIME} {BY_PROGRAM}"
# Also true where our module asks by a `sufficient` line: pam/README.md says why there is no `report` line then.
UNREPORTED: Final = (
    "that line reports no password, and without one no face is taken after a boot or a lock-out, or when none was "
    "given for days: as root, `kinect-unlock password-ok USER` says that one was"
)
PROFILES: Final = "/usr/share/pam-configs"
COMMON: Final = "common-auth"

_PAM_FOLDER: Final = "/etc/pam.d"
_BUILD_LIMIT_S: Final = 120.0
# Where a program of libpam's keeps modules that all distributions have.
_MODULE_FOLDERS: Final = ("usr/lib/*/security", "usr/lib64/security", "usr/lib/security", "lib/*/security")


@dataclass(frozen=True, slots=True)
class BuildModule:
    """The PAM module, built from its one source file, or as it was handed to us."""

    folder: str
    source: Mapping[str, bytes] = field(repr=False)  # the source and its Makefile, by name
    built: bytes | None = field(default=None, repr=False)

    @property
    def told(self) -> str:
        """Name the file."""
        return f"{self.name}  the PAM module, {'as it was given' if self.built else 'built from its source with cc'}"

    @property
    def name(self) -> str:
        """Return where it goes."""
        return f"{self.folder}/{MODULE}"

    @property
    def _of(self) -> str:
        return sha256_of(self.built or b"\0".join(self.source[name] for name in sorted(self.source)))

    def finding(self, place: Place) -> Finding:
        """Look what the one that is there was built from."""
        path, deed = place.path(self.name), place.record.deed(Kind.FILE, self.name)
        if not os.path.lexists(path):
            return TO_DO
        ours = deed is not None and path.is_file() and sha256_of(path.read_bytes()) in deed.hashes
        if deed is None or not ours:
            return Finding(State.IN_THE_WAY, f"{self.name} is there and is not what setup put there: move it away")
        return DONE if deed.of == self._of and sha256_of(path.read_bytes()) == deed.hashes[-1] else TO_DO

    def do(self, place: Place) -> None:
        """Build it in a folder of root's, and put it where libpam looks."""
        content = self.built or self._build(place)
        place.record.note(Deed(Kind.FILE, self.name, (sha256_of(content),), self._of))
        replace_file(place.path(self.name), content, 0o644)

    def _build(self, place: Place) -> bytes:
        """Build it in a folder of the record's: nobody else can look in there, and what a crash leaves goes with it."""
        inside = f"{RECORD_FOLDER}/module"
        folder = place.path(inside)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        for name, text in self.source.items():
            (folder / name).write_bytes(text)
        ran = place.programs.run(["make", "-C", inside, "BUILD=build"], limit_s=_BUILD_LIMIT_S)
        if ran.code != 0:
            advice = "install gcc, make and libpam0g-dev, or choose --pam exec"
            raise SetupError(f"the PAM module cannot be built: {last_words(ran)}; {advice}")
        built = (folder / "build" / MODULE).read_bytes()
        shutil.rmtree(folder)
        return built


@dataclass(frozen=True, slots=True)
class TurnOn:
    """Have pam-auth-update put the lines of our profiles into what all services include."""

    profiles: tuple[str, ...]

    @property
    def told(self) -> str:
        """Say which file changes."""
        return f"{_PAM_FOLDER}/{COMMON}  asks for a face before the password ({UPDATER}: {', '.join(self.profiles)})"

    def finding(self, place: Place) -> Finding:
        """Look whether a face is asked for, and whether it could be without anybody being locked out."""
        if asks_for_a_face(place.root):
            return DONE
        why = why_not(place.root)
        return Finding(State.IN_THE_WAY, why) if why else TO_DO

    def do(self, place: Place) -> None:
        """Keep copies, change, look again, and take the change back unless a password follows everywhere."""
        before = pam.services(place.root)
        self._keep_copies(place)
        deed = Deed(Kind.PAM, " ".join(self.profiles))
        place.record.note(deed)
        ran = place.programs.run([UPDATER, "--package", "--enable", *self.profiles])
        # What it has become, so that a copy may be put back if nobody else has changed it.
        files = [path for path in place.path(_PAM_FOLDER).iterdir() if path.is_file()]
        place.record.note(Deed(deed.kind, deed.name, tuple(sha256_of(path.read_bytes()) for path in files)))
        fault = self._fault(place, before)
        if fault is None:
            return
        done = Undoing(place.root, place.programs).one(deed.kind, deed.name)
        back = "it was taken back" if done.fate is not Fate.FAILED else f"IT COULD NOT BE TAKEN BACK: {done.why}"
        raise SetupError(f"{fault}; {back}. {UPDATER} said: {last_words(ran)}")

    def _keep_copies(self, place: Place) -> None:
        folder = place.path(PAM_BACKUP)
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in place.path(_PAM_FOLDER).glob("common-*"):
            replace_file(folder / path.name, path.read_bytes(), 0o600)
        flush_folder(folder)

    def _fault(self, place: Place, before: Mapping[str, tuple[Rule, ...]]) -> str | None:
        after = pam.services(place.root)
        if not asks_for_a_face(place.root):
            return f"no service asks for a face afterwards (was {_PAM_FOLDER}/{COMMON} changed by hand?)"
        verdict = desktop.pam(after)
        if verdict.state is Verdict.FAILED:
            return verdict.evidence
        for name, rules in before.items():
            lost = [rule for rule in rules if rule.module not in {left.module for left in after.get(name, ())}]
            if lost:
                return f"{name} does not ask {lost[0].module} any more"
        return None


def asks_for_a_face(root: Path) -> bool:
    """Tell whether some service does."""
    return any(rule.ours for rules in pam.services(root).values() for rule in rules)


def why_not(root: Path) -> str | None:
    """Say why our lines must not be put in: whoever has no face to show must still be asked for a password."""
    rules = pam.services(root).get(COMMON, ())
    if not rules:
        return f"{_PAM_FOLDER}/{COMMON} asks for nothing that can be read"
    if not desktop.asks_a_password(rules):
        asked = ", ".join(sorted({rule.module for rule in rules}))
        return f"{_PAM_FOLDER}/{COMMON} asks no password that is known here ({asked}), so none would follow the face"
    return None


def module_folder(root: Path) -> str | None:
    """Return where this computer's libpam looks for modules, None if there is none."""
    for pattern in _MODULE_FOLDERS:
        for path in sorted(root.glob(pattern)):
            if (path / "pam_unix.so").exists() or (path / "pam_deny.so").exists():
                return f"/{path.relative_to(root)}"
    return None


def by_program(profile: bytes) -> bytes:
    """Return a profile that asks through pam_exec and our program, instead of the module."""
    return profile.replace(MODULE.encode(), BY_PAM_EXEC.encode())


def by_hand(root: Path, asks: str) -> str:
    """Say what to do where there is no pam-auth-update; ``asks`` is the module that asks, and its arguments."""
    line = f"auth  sufficient  {asks}"
    if (root / "usr/bin/authselect").exists():
        return (
            "authselect manages PAM here, so setup changes nothing in it. By hand, as root and with a second root "
            "shell open: `authselect current` names your profile and its features; `authselect create-profile "
            "kinect-unlock --base-on PROFILE`, write the line\n"
            f"    {line}\n"
            "above the first one with pam_usertype.so or pam_unix.so in system-auth and password-auth of "
            "/etc/authselect/custom/kinect-unlock, then `authselect select custom/kinect-unlock FEATURES`; "
            f"{UNREPORTED}"
        )
    return (
        "there is no pam-auth-update here, so setup changes nothing in PAM. By hand, as root and with a second root "
        f"shell open: write the line\n    {line}\nabove the first `auth` line of each service that is to ask for a "
        f"face (such as /etc/pam.d/sudo), and try it before you close that shell; {UNREPORTED}"
    )
