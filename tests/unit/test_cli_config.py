import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from kinect_unlock import config
from kinect_unlock.cli.config import app
from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    path.chmod(0o600)
    return path


def test_the_shipped_defaults_are_shown_with_their_comments() -> None:
    result = CliRunner().invoke(app, ["show", "--defaults"])
    assert result.exit_code == 0
    assert result.stdout == config.shipped()


def test_a_file_is_shown_with_the_defaults_for_what_it_leaves_out(tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", "match: {far: 0.001}")
    result = CliRunner().invoke(app, ["show", "--config", str(file)])
    shown = write(tmp_path / "shown.yaml", result.stdout)
    assert config.load(shown) == config.load(file)
    assert result.stdout.startswith(f"# {file}, ")


def test_what_is_shown_as_json_is_every_setting() -> None:
    result = CliRunner().invoke(app, ["show", "--defaults", "--json"])
    assert msgspec.json.decode(result.stdout, type=Config) == Config()
    assert result.stdout.count("\n") == 1, "an object a line, as every verb has it"


def test_a_faulty_file_is_not_shown(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", "--config", str(write(tmp_path / "c.yaml", "x: 1"))])
    assert isinstance(result.exception, ConfigError)


def test_a_file_without_fault_passes(tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", "")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stdout) == (0, f"{file}: no fault\n")


def test_every_fault_is_printed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", "x: 1\nmatch: {far: .nan}\n")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.exit_code == 78
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{file}:1: $.x: unknown key")
    assert second == f"{file}:2: $.match.far: must be a finite number, got nan"


@pytest.mark.parametrize(("content", "faults"), [("", []), ("limits: 3", ["$.limits"])])
def test_a_script_gets_the_faults_as_json(tmp_path: Path, content: str, faults: list[str]) -> None:
    result = CliRunner().invoke(app, ["check", "--json", str(write(tmp_path / "c.yaml", content))])
    assert [fault["path"] for fault in json.loads(result.stdout)] == faults
    assert result.stdout.count("\n") == 1
