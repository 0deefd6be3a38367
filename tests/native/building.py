"""Builds the synthetic libfreenect2 and the true binding on it, once for each version of what they are built from."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

BINDING: Final = "pylibfreenect2==0.1.4"
# Cython 3 does not find the binding's declarations; setuptools 82 has no pkg_resources, which it imports when used.
TOOLS: Final = ("cython<3", "setuptools>=77,<82", "wheel")

_HERE: Final = Path(__file__).parent
_SONAME: Final = "libfreenect2.so.0.2"
_TIMEOUT_S: Final = 280.0


class NotBuildable(Exception):
    """What is needed for building is not here; the message says what."""


@dataclass(frozen=True, slots=True)
class Built:
    """A folder: the library is in ``prefix/lib``, the binding in ``site``, what that needs in ``tools``."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to import the binding."""
        return {
            "PYTHONPATH": os.pathsep.join(str(self.folder / name) for name in ("site", "tools")),
            "LD_LIBRARY_PATH": str(self.folder / "prefix" / "lib"),
        }


def build(kept_in: Path) -> Built:
    """Return what was built before from the same sources, else build it; who comes meanwhile waits for it.

    Raises:
        NotBuildable: there is no compiler, no Python.h, or no package index answers.
        AssertionError: all are there, and building fails all the same.
    """
    final = kept_in / _fingerprint()
    with (kept_in / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.exists():
            making = Path(tempfile.mkdtemp(prefix="making-", dir=kept_in))
            try:
                _build_into(making)
                making.rename(final)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return Built(final)


def _build_into(folder: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        raise NotBuildable("no g++ is installed")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise NotBuildable(f"{sys.executable} has no Python.h (Debian: python3-dev)")
    if importlib.util.find_spec("pip") is None:
        raise NotBuildable(f"{sys.executable} has no pip")
    fault = _pip("--target", folder / "tools", *TOOLS)
    if fault is not None:
        raise NotBuildable(f"no package index gives {', '.join(TOOLS)}: {fault.strip().splitlines()[-1]}")
    _build_library(folder / "prefix", compiler)
    made_with = {"PYTHONPATH": str(folder / "tools"), "LIBFREENECT2_INSTALL_PREFIX": str(folder / "prefix")}
    options = ("--use-pep517", "--no-build-isolation", "--no-deps", "--no-cache-dir", "--no-binary", ":all:")
    fault = _pip(*options, "--target", folder / "site", BINDING, environment=made_with)
    assert fault is None, fault


def _build_library(prefix: Path, compiler: str) -> None:
    shutil.copytree(_HERE / "include", prefix / "include")
    library = prefix / "lib" / _SONAME
    library.parent.mkdir()
    options = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread")
    sources = (f"-I{prefix / 'include'}", f"-Wl,-soname,{_SONAME}", "-o", library, _HERE / "synthetic.cpp")
    fault = _fault_of(compiler, *options, *sources)
    assert fault is None, fault
    (library.parent / "libfreenect2.so").symlink_to(_SONAME)


def _pip(*arguments: object, environment: Mapping[str, str] | None = None) -> str | None:
    quiet = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    return _fault_of(sys.executable, *quiet, *arguments, environment=environment)


def _fault_of(*arguments: object, environment: Mapping[str, str] | None = None) -> str | None:
    """Run a program; return what it wrote to standard error if it failed."""
    ended = subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return None if ended.returncode == 0 else ended.stderr + ended.stdout


def _fingerprint() -> str:
    sources = sorted(path for path in _HERE.rglob("*") if path.suffix in {".cpp", ".h", ".hpp"})
    digest = hashlib.sha256(f"{sys.version} {np.__version__} {BINDING} {TOOLS}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
