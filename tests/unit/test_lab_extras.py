"""What the laboratory says where optional packages are missing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from kinect_unlock_lab.cli import app
from kinect_unlock_lab.errors import EXTRA_OF

PROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"
#: Distributions whose modules have other names.
MODULES: Final = {"scikit-learn": "sklearn", "pytorch-metric-learning": "pytorch_metric_learning"}

# A None in sys.modules is to an import what a package that is not installed is.
WITHOUT_EXTRAS: Final = """
import sys
from kinect_unlock_lab.errors import EXTRA_OF
sys.modules.update(dict.fromkeys(EXTRA_OF))
from kinect_unlock.cli import main
main()
"""


def lab_without_extras(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, "lab", *map(str, words)], capture_output=True, text=True, check=False
    )


def test_every_package_of_an_extra_is_known_with_its_extra() -> None:
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in ("lab", "train", "cluster"):
        for wanted in extras[extra]:
            name = re.split(r"[\[<>=]", wanted)[0]

            assert extra in EXTRA_OF[MODULES.get(name, name)].split(",")


def test_help_needs_no_extra() -> None:
    helped = lab_without_extras("--help")

    assert helped.returncode == 0
    assert "evaluate" in helped.stdout


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("train", "quick", "--set", "set", "--out", "out.onnx"), "lab,train"),
        (("article", "."), "lab"),
        (("synthesise", "head.npz", "set"), "lab"),
        (("render-demo", "head.npz", "demo"), "lab"),
    ],
)
def test_what_is_missing_is_one_sentence_that_says_how_to_install_it(
    words: tuple[str, ...], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("head.npz").touch()

    refused = lab_without_extras(*words)

    assert refused.returncode == 70
    expected = rf"kinect-unlock: \w+ is not installed; install it with: pip install 'kinect-unlock\[{extra}\]'\n"
    assert re.fullmatch(expected, refused.stderr), refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["head.npz"]


def test_failed_import_of_anything_else_is_a_fault_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kinect_unlock_lab.mean_face", None)

    with pytest.raises(ModuleNotFoundError, match=r"kinect_unlock_lab\.mean_face"):
        CliRunner().invoke(app, ["mean-face", str(PROJECT)], catch_exceptions=False)
