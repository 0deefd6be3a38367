"""A computer to be set up: a folder with the files that matter, and programs that do just what setup needs of them."""

import hashlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinect_unlock.installing.plan import Wanted
from kinect_unlock.installing.prefix import Wheel
from kinect_unlock.installing.steps import Place
from kinect_unlock.installing.undoing import Programs, Ran, Record

COMMON_AUTH = (
    "# as pam-auth-update writes it\n"
    "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n"
    "auth\trequisite\tpam_deny.so\n"
    "auth\trequired\tpam_permit.so\n"
)
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/group": "root:x:0:\n",
    "etc/pam.d/common-auth": COMMON_AUTH,
    "etc/pam.d/sudo": "@include common-auth\n@include common-account\n",
    "etc/pam.d/other": "@include common-auth\n",
    "usr/lib/x86_64-linux-gnu/security/pam_unix.so": "a module",
}
FOLDERS = ("usr/bin", "usr/sbin", "usr/lib/systemd/system", "etc/systemd/system", "var/lib", "tmp", "home")
DEBIAN = ("systemctl", "systemd-creds", "systemd-sysusers", "pam-auth-update", "make")
OURS = ("auth\t[success=2 default=ignore]\tpam_kinect_unlock.so\n", "auth\toptional\tpam_kinect_unlock.so report\n")


class FakePrograms(Programs):
    """Does what the named programs would do to the files below the root."""

    def __init__(self, root: Path, *, names: Sequence[str] = DEBIAN, systemd: int = 252) -> None:
        super().__init__(root)
        self.root = root
        self.names = set(names)
        self.systemd = systemd
        self.ran: list[tuple[str, ...]] = []
        self.failing: str | None = None  # a word of the command that fails

    @property
    def booted(self) -> bool:
        return False

    def has(self, name: str) -> bool:
        return name in self.names

    def run(  # noqa: C901 - one short case for each program
        self,
        argv: Sequence[str],
        *,
        given: bytes = b"",
        environ: Mapping[str, str] | None = None,
        limit_s: float = 0.0,
    ) -> Ran:
        del environ, limit_s
        self.ran.append(tuple(argv))
        if self.failing is not None and self.failing in argv:
            return Ran(1, "first line\nit is broken\n")
        match argv:
            case ["systemctl", "--version"]:
                return Ran(0, f"systemd {self.systemd} (made up)\n")
            case ["systemd-sysusers", _]:
                self._add("etc/passwd", "kinect-unlock:x:990:990:Face unlock service:/var/lib/kinect-unlock:/x\n")
                self._add("etc/group", "kinect-unlock:x:990:\n")
            case ["userdel", name]:
                self._drop("etc/passwd", f"{name}:")
            case ["groupdel", name]:
                self._drop("etc/group", f"{name}:")
            case ["systemd-creds", *_, new]:
                self._write(new, f"sealed {hashlib.sha256(given).hexdigest()}")
            case ["pam-auth-update", _, "--enable", *_]:
                first, last = OURS
                head, *rest = COMMON_AUTH.splitlines(keepends=True)
                self._write("etc/pam.d/common-auth", "".join((head, first, *rest, last)))
            case ["pam-auth-update", _, "--remove", *_]:
                for line in OURS:
                    self._drop("etc/pam.d/common-auth", line)
            case ["make", "-C", folder, _]:
                (self.root / folder[1:] / "build").mkdir()
                self._write(f"{folder}/build/pam_kinect_unlock.so", "built")
            case [_, _, "-m", "venv", prefix]:
                (self.root / prefix[1:] / "bin").mkdir(parents=True)
                for name in ("python", "pip", "activate"):
                    self._write(f"{prefix}/bin/{name}", name)
        return Ran(0, "")

    def _write(self, name: str, text: str) -> None:
        (self.root / name.lstrip("/")).write_text(text)

    def _add(self, name: str, line: str) -> None:
        text = (self.root / name).read_text()
        self._write(name, text + line)

    def _drop(self, name: str, start: str) -> None:
        lines = (self.root / name).read_text().splitlines(keepends=True)
        self._write(name, "".join(line for line in lines if not line.startswith(start)))


def computer(root: Path, *, names: Sequence[str] = DEBIAN, systemd: int = 252) -> Place:
    """Make the files, and return the computer that they are."""
    root.chmod(0o755)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Place(root, FakePrograms(root, names=names, systemd=systemd), Record(root))


def wanted(content: bytes = b"a wheel", **changes: object) -> Wanted:
    """Return what an administrator wants who gives no option."""
    return Wanted(Wheel("kinect_unlock-0.1.0-py3-none-any.whl", content), **changes)  # type: ignore[arg-type]


def snapshot(root: Path) -> dict[str, tuple[str, str]]:
    """Return every file, link and folder below a root, with its mode and what it holds."""
    found = {}
    for path in sorted(root.rglob("*")):
        mode = oct(path.lstat().st_mode)
        if path.is_symlink():
            held = str(path.readlink())
        elif stat.S_ISREG(path.lstat().st_mode):
            held = path.read_bytes().hex()
        else:
            held = ""
        found[str(path.relative_to(root))] = (mode, held)
    return found
