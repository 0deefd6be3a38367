"""docs/sources.md tells the truth: its example installs, keeps the contract and can be recorded."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kinect_unlock.recording import RecordingReader

pytestmark = pytest.mark.slow  # three programs start, and checks wait for frames at 30 Hz

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _run(cwd: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **({"PYTHONPATH": str(path)} if path else {})}
    argv = [sys.executable, "-m", *arguments]
    return subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the page's example, as it stands there, into a folder of its own; without a network."""
    package, target = tmp_path_factory.mktemp("wall"), tmp_path_factory.mktemp("installed")
    (module,), (project,) = _blocks("python"), _blocks("toml")
    (package / "wall_camera.py").write_text(module)
    (package / "pyproject.toml").write_text(project)
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    done = _run(package, "pip", "install", *offline, "--target", str(target), str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def _checked(tmp_path: Path, installed: Path, *arguments: str) -> tuple[int, str]:
    done = _run(tmp_path, "kinect_unlock.sources.conformance", "-q", *arguments, path=installed)
    return done.returncode, done.stdout + done.stderr


def test_the_example_keeps_the_contract(tmp_path: Path, installed: Path) -> None:
    code, said = _checked(tmp_path, installed, "--source", "wall", "--source-device", "wall-0")

    assert code == 0, said
    assert "17 passed, 2 skipped" in said


def test_the_example_keeps_the_contract_in_a_child(tmp_path: Path, installed: Path) -> None:
    some = "numbered or hosts_clock or origin or which_camera"
    code, said = _checked(tmp_path, installed, "--source", "wall-isolated", "-k", some)

    assert code == 0, said
    assert "4 passed" in said


def test_the_checks_without_a_source_say_how_to_name_one(tmp_path: Path, installed: Path) -> None:
    code, said = _checked(tmp_path, installed)

    assert code == pytest.ExitCode.INTERRUPTED
    assert "--source NAME" in said


def test_the_checks_without_pytest_say_what_to_install() -> None:
    blocked = "import runpy, sys; sys.modules['pytest'] = None; runpy.run_module({!r}, run_name='__main__')"
    argv = [sys.executable, "-c", blocked.format("kinect_unlock.sources.conformance")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install pytest" in done.stderr


@pytest.mark.parametrize("name", ["wall", "wall-isolated"])
def test_the_example_is_recorded(tmp_path: Path, installed: Path, name: str) -> None:
    recording = tmp_path / "wall.mkv"
    arguments = ("kinect_unlock", "record", "--source", name, "--frames", "5", "--json", str(recording))
    done = _run(tmp_path, *arguments, path=installed)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 5
    with RecordingReader(recording) as reader:
        assert reader.provenance["origin"] == "unproven"
        depths = [frame.depth_mm for frame in reader]
    assert {int(depth[0, 0]) for depth in depths if depth is not None} == {1500, 2000}
