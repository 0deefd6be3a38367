import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from kinect_unlock.errors import RecordingError, SourceError
from kinect_unlock_lab.archives import reading
from kinect_unlock_lab.cli import app


def archive_of(**arrays: Any) -> bytes:
    held = io.BytesIO()
    np.savez(held, **arrays)
    return held.getvalue()


def array_alone() -> bytes:
    held = io.BytesIO()
    np.save(held, np.zeros(3))
    return held.getvalue()


def encrypted() -> bytes:
    """Set the bit that says so in both of a member's headers."""
    whole = bytearray(archive_of(neutral=[0.0], color=[0.0]))
    for mark, after in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = whole.find(mark)
        while at >= 0:
            whole[at + after] |= 1
            at = whole.find(mark, at + 1)
    return bytes(whole)


NOT_THIS = [
    pytest.param(b"", "the file is empty", id="empty"),
    pytest.param(b"<html>not found</html>", "it is no npz archive", id="a web page"),
    pytest.param(array_alone(), "it is no npz archive", id="one array"),
    pytest.param(archive_of(a=[0.0])[:60], "the archive is damaged or cut short", id="cut"),
    pytest.param(archive_of(other=[0.0]), "is not a file in the archive", id="another archive"),
    pytest.param(archive_of(neutral=[0.0], color=1.0), "", id="arrays of other shapes"),
    pytest.param(archive_of(neutral=np.array(object())), "", id="a pickle"),
    pytest.param(encrypted(), "is encrypted", id="encrypted"),
]


@pytest.mark.parametrize(("written", "found"), NOT_THIS)
@pytest.mark.parametrize(
    ("verb", "remedy"),
    [
        (("render-gestures", "FILE", "out"), "give ict_facekit.npz"),
        (("render-demo", "FILE", "out"), "give ict_facekit.npz"),
        (("mean-face", "FILE"), "give ict_facekit.npz"),
        (("synthesise", "FILE", "out", "--people", "1", "--jobs", "1"), "give ict_facekit.npz"),
        (("int8-ranges", "FILE"), "lab calibration-faces makes such a file"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_a_file_that_is_not_what_a_verb_wants_is_refused_in_one_sentence(
    tmp_path: Path, written: bytes, found: str, verb: tuple[str, ...], remedy: str
) -> None:
    file = tmp_path / "given.npz"
    file.write_bytes(written)
    argv = [{"FILE": str(file), "out": str(tmp_path / "out")}.get(word, word) for word in verb]

    refused = CliRunner().invoke(app, argv).exception

    assert isinstance(refused, SourceError)
    assert str(refused).startswith(f"{file}: ")
    assert found in str(refused)
    assert remedy in str(refused)
    assert "\n" not in str(refused)


@pytest.mark.parametrize("verb", ["faults", "soak", "bench-camera"])
def test_a_camera_is_not_rehearsed_with_what_cannot_be_played(tmp_path: Path, verb: str) -> None:
    file = tmp_path / "given.mkv"
    file.write_bytes(b"")

    refused = CliRunner().invoke(app, [verb, "--recording", str(file)]).exception

    assert isinstance(refused, RecordingError)
    assert str(refused) == f"{file}: is empty; record it again"


def test_no_eyes_to_evaluate_is_said_in_words(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["evaluate-eyes"])
    assert (refused.exit_code, "no photographs are named" in refused.output) == (2, True)

    empty = CliRunner().invoke(app, ["evaluate-eyes", "--nuaa", str(tmp_path)]).exception
    assert isinstance(empty, SourceError)
    assert "expected the NUAA folder" in str(empty)


def test_arrays_that_cannot_be_reckoned_with_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "given.npz").write_bytes(archive_of(a=["one"]))
    with (
        pytest.raises(SourceError, match=r"given.npz: no faces \(an array holds something else than numbers\)"),
        reading(tmp_path / "given.npz", "no faces", "make some") as archive,
    ):
        archive["a"] * 2.0


def test_a_file_that_cannot_be_opened_is_refused_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match=r"no faces \(is a directory\); make some"),
        reading(tmp_path, "no faces", "make some"),
    ):
        pass


def test_an_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "given.npz").write_bytes(archive_of(a=[1.0, 2.0]))

    with reading(tmp_path / "given.npz", "no faces", "make some") as archive:
        assert archive["a"].tolist() == [1.0, 2.0]
