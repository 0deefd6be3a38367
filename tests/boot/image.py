"""A Debian 12 in a folder: made once by debootstrap and kept, then lent out in layers that change nothing of it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RELEASE: Final = "bookworm"
PYTHON: Final = "3.11"  # that release's
# What a desktop has anyway, and what its administrator needs to install the program; pamtester asks as any service.
PACKAGES: Final = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "libpam-runtime",
    "polkitd",
    "python3",
    "python3-venv",
    "sudo",
    "udev",
    "login",
    "passwd",
    "pamtester",
    "pkexec",
    "openssh-server",
    "gcc",  # with which setup builds the PAM module
    "libc6-dev",
    "libpam0g-dev",
    "make",
)
TOOLS: Final = ("debootstrap", "systemd-nspawn", "nsenter", "cc", "make")
ADMINISTRATOR: Final = "/opt/administrator"  # the environment that `setup` is run from, as by anybody who tries it out
WHEELS: Final = "/opt/wheels"
_VERSION: Final = 1  # of what is done below
_STEP_LIMIT_S: Final = 1500.0


def why_not() -> str | None:
    """Say why no Debian can be booted here, None if one can."""
    if os.geteuid() != 0:
        return "a Debian is booted in a container by root alone"
    missing = [name for name in TOOLS if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)} (tests/debian-packages.txt)" if missing else None


def cache_folder() -> Path:
    """Return where the Debian is kept from one run of the tests to the next."""
    named = os.environ.get("KINECT_UNLOCK_BOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kinect-unlock-boot"


def debian(cache: Path) -> Path:
    """Return the Debian's root folder, with the packages that the program needs; made first where there is none."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    made_of = repr((_VERSION, PACKAGES, sorted(needed))).encode()
    root = cache / f"{RELEASE}-{hashlib.sha256(made_of).hexdigest()[:12]}"
    if root.is_dir():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{root.name}.", dir=cache))
    try:
        new.chmod(0o755)
        run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, new)
        run("chroot", new, "apt-get", "clean")
        wheels = new / WHEELS[1:]
        wheels.mkdir()
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--python-version={PYTHON}")
        run(*pip, f"--dest={wheels}", *needed)
        run("chroot", new, "python3", "-m", "venv", ADMINISTRATOR)
        install = (f"{ADMINISTRATOR}/bin/python", "-m", "pip", "install", "--quiet", "--no-index")
        run("chroot", new, *install, f"--find-links={WHEELS}", *needed)
        new.rename(root)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return root


@contextmanager
def place(cache: Path) -> Iterator[Path]:
    """Lend a folder for what is changed of a Debian."""
    with tempfile.TemporaryDirectory(prefix="layer-", dir=cache) as made:
        for name in ("root", "changes", "work"):
            Path(made, name).mkdir(mode=0o755)
        yield Path(made)


@contextmanager
def mounted(made: Path, *below: Path) -> Iterator[Path]:
    """Lend a root folder over those ``below``, topmost first; what is changed stays in the place's ``changes``."""
    folders = f"lowerdir={':'.join(map(str, below))},upperdir={made / 'changes'},workdir={made / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", folders, made / "root")
    try:
        yield made / "root"
    finally:
        run("umount", made / "root")


def run(*argv: str | Path) -> None:
    """Run a program that must succeed, as nice as can be to whoever else uses the machine."""
    done = subprocess.run(
        ["nice", "-n", "5", *map(str, argv)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_STEP_LIMIT_S,
        env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
    )
    assert done.returncode == 0, f"{argv}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def main() -> None:
    """Make the Debian, or say why not; then the tests are skipped that want it, and say so."""
    reason = why_not()
    try:
        said = f"The Debian to boot is in {debian(cache_folder())}." if reason is None else reason
    except (AssertionError, OSError, subprocess.SubprocessError) as fault:
        said = f"no Debian can be made here: {fault}"
    print(said)  # noqa: T201 - what a program says


if __name__ == "__main__":
    main()
