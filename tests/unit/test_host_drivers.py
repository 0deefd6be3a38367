"""What doctor sees of libraries that load, fail to load, or take their process with them; all in real children."""

import os
from pathlib import Path

import pytest

from kinect_unlock.host import drivers
from kinect_unlock.host.driver_probe import Found

BINDING = "binding_for_this_test"


def look(*what: str, folder: Path, limit_s: float = 60.0) -> drivers.Loaded:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return drivers.look(*what, environ=environ, limit_s=limit_s)


def look_at_binding(text: str, folder: Path, *, limit_s: float = 60.0) -> drivers.Loaded:
    (folder / f"{BINDING}.py").write_text(text)
    return look("binding", BINDING, folder=folder, limit_s=limit_s)


def test_a_library_that_the_loader_finds_is_told_with_its_path(tmp_path: Path) -> None:
    found = look("library", "libz.so.1", folder=tmp_path).found

    assert found is not None
    assert found.path.startswith("/")
    assert "libz.so.1" in found.path
    assert found.error == ""


def test_a_library_that_the_loader_does_not_find_is_told_in_its_words(tmp_path: Path) -> None:
    found = look("library", "libnosuch.so.0.2", folder=tmp_path).found

    assert found is not None
    assert "libnosuch.so.0.2: cannot open shared object file" in found.error


def test_a_binding_is_told_with_what_it_offers_and_its_chatter_is_not_taken_for_the_answer(tmp_path: Path) -> None:
    found = look_at_binding('print(\'{"path": "wrong"}\')\nclass CpuPacketPipeline: pass\n', tmp_path).found

    assert found == Found(path=str(tmp_path / f"{BINDING}.py"), names=("CpuPacketPipeline",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import no_such_module.below",
            Found(
                error="No module named 'no_such_module'",
                error_type="ModuleNotFoundError",
                missing_module="no_such_module",
            ),
        ),
        ("raise ImportError('lib\\x1b[31m.so')", Found(error="lib?[31m.so", error_type="ImportError")),
        (
            "raise ValueError('numpy.dtype size changed')",
            Found(error="numpy.dtype size changed", error_type="ValueError"),
        ),
    ],
    ids=["no-module", "no-library", "other-numpy"],
)
def test_an_import_that_fails_is_told_by_what_is_missing(text: str, expected: Found, tmp_path: Path) -> None:
    assert look_at_binding(text, tmp_path).found == expected


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("import os; os._exit(255)", "ended with exit code 255"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("import os; os.abort()", "was killed by SIGABRT"),
    ],
    ids=["exit", "segfault", "abort"],
)
def test_an_import_that_ends_its_process_is_told(text: str, ending: str, tmp_path: Path) -> None:
    loaded = look_at_binding(f"import sys; print('last words', file=sys.stderr, flush=True); {text}", tmp_path)

    assert loaded.found is None
    assert (loaded.ending, loaded.last_words) == (ending, "last words")


def test_an_import_that_hangs_is_stopped(tmp_path: Path) -> None:
    loaded = look_at_binding("import threading; threading.Event().wait()", tmp_path, limit_s=2.0)

    assert (loaded.found, loaded.ending) == (None, "gave no answer in time and was stopped")


def test_a_pipeline_is_constructed(tmp_path: Path) -> None:
    text = "class Good: pass\nclass Bad:\n    def __init__(self): raise RuntimeError('no device')\n"
    (tmp_path / f"{BINDING}.py").write_text(text)
    good, bad, absent = (look("pipeline", BINDING, name, folder=tmp_path).found for name in ("Good", "Bad", "Absent"))

    assert good is not None
    assert good.error == ""
    assert bad == Found(error="no device", error_type="RuntimeError")
    assert absent is not None
    assert absent.error_type == "AttributeError"


def test_a_file_in_the_folder_that_one_stands_in_is_no_binding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{BINDING}.py").write_text("raise SystemExit('run from here')")
    monkeypatch.chdir(tmp_path)
    found = drivers.look("binding", BINDING, environ={"PATH": os.environ["PATH"]}).found

    assert found is not None
    assert found.missing_module == BINDING
