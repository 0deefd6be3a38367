"""What is installed is what is in the tree: wheel, source distribution and the package as imported agree."""

import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "daemon"
PACKAGES = ("kinect_unlock", "kinect_unlock_lab")
SYSTEMD = (
    "kinect-unlock.service",
    "restart.conf",
    "gpu.conf",
    "sysusers.conf",
    "polkit.rules",
    "org.kinect_unlock.policy",
)
PAM = (
    "Makefile",
    "pam_kinect_unlock.c",
    "kinect-unlock.pam-config",
    "kinect-unlock-password.pam-config",
    "kinect_unlock_pam_exec.py",
)
LINKED = {
    "config.yaml": "config.yaml",
    "models": "models",
    "60-kinect-unlock.rules": "systemd/60-kinect-unlock.rules",
    **{f"systemd/{name}": f"systemd/{name}" for name in SYSTEMD},
    **{f"pam/{name}": f"pam/{name}" for name in PAM},
}


def tree() -> dict[str, bytes]:
    """Return every file of both packages by its path below the source root, links followed."""
    files = (file for package in PACKAGES for file in walk(SOURCE / package))
    return {str(file.relative_to(SOURCE)): file.read_bytes() for file in files}


def walk(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            found += walk(path)
        elif path.is_file():
            found.append(path)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions from a copy, the wheel out of the source distribution, without a network."""
    copy = tmp_path_factory.mktemp("copy") / "tree"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build", "dist", "tests")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=ignored)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return out


def test_the_wheel_holds_the_tree_as_real_files(built: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        inside = {info.filename: info for info in wheel.infolist() if ".dist-info/" not in info.filename}
        assert {name: wheel.read(name) for name in inside} == tree()
        assert all(stat.S_ISREG(info.external_attr >> 16) for info in inside.values())
        (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        assert b"kinect-unlock = kinect_unlock.cli:main" in wheel.read(entry_points)
        licences = [name for name in wheel.namelist() if "/licenses/" in name]
        assert sorted(name.rsplit("/", 1)[-1] for name in licences) == ["LICENSE", "NOTICE"]


def test_what_is_installed_makes_the_wheel_again_that_setup_installs_for_all(built: Path, tmp_path: Path) -> None:
    (path,) = built.glob("*.whl")
    site, again = tmp_path / "site", tmp_path / path.name
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, f"--target={site}", path], check=True, capture_output=True)
    script = (
        "import sys; from pathlib import Path; from kinect_unlock.installing.prefix import running_wheel; "
        "found = running_wheel(); assert found == running_wheel(); "
        "Path(sys.argv[1], found.name).write_bytes(found.content)"
    )
    argv = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(
        argv, env={**os.environ, "PYTHONPATH": str(site)}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

    with zipfile.ZipFile(path) as first, zipfile.ZipFile(again) as second:
        assert set(first.namelist()) == set(second.namelist())
        assert all(first.read(name) == second.read(name) for name in first.namelist() if not name.endswith("RECORD"))
    subprocess.run([*pip, f"--target={tmp_path / 'other'}", again], check=True, capture_output=True)


def test_the_source_distribution_holds_the_tree_as_real_files(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        below = f"{path.name.removesuffix('.tar.gz')}/daemon/"
        members = [member for member in archive if member.name.startswith(below) and ".egg-info" not in member.name]
        assert not [member.name for member in members if not (member.isfile() or member.isdir())]
        inside = {member.name.removeprefix(below): content(archive, member) for member in members if member.isfile()}
    assert inside == tree()


def content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def test_the_installed_package_finds_what_the_tree_has_on_top() -> None:
    data = resources.files("kinect_unlock") / "data"
    assert (data / "config.yaml").read_bytes() == (ROOT / "config.yaml").read_bytes()
    for file in walk(ROOT / "models"):
        assert data.joinpath(str(file.relative_to(ROOT))).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", LINKED)
def test_what_is_linked_in_the_tree_is_a_link_that_leads_on_top(name: str) -> None:
    link = SOURCE / "kinect_unlock" / "data" / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / LINKED[name]
