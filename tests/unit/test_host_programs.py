import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.computer import program
from kinect_unlock.host import programs

LONG_S = 60.0  # never reached; a test that waits so long has failed


def run(folder: Path, script: str, *, limit_s: float = LONG_S) -> programs.Ran:
    program(folder, "it", script)
    ran = programs.run(["it"], limit_s=limit_s, environ={"PATH": f"{folder}:/usr/bin:/bin"})
    assert ran is not None
    return ran


def test_what_a_program_says_and_how_it_ended_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "echo one; echo two; echo wrong >&2; exit 3")

    assert ran == programs.Ran(3, ("one", "two"), ("wrong",))
    assert (ran.ending, ran.last_words) == ("ended with exit code 3", "wrong")


def test_a_program_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert programs.run(["it"], limit_s=LONG_S, environ={"PATH": str(tmp_path)}) is None


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("#!/no/such/interpreter\n")
    (tmp_path / "it").chmod(0o755)
    ran = programs.run(["it"], limit_s=LONG_S, environ={"PATH": str(tmp_path)})

    assert ran is not None
    assert (ran.exit_code, "No such file" in ran.last_words) == (127, True)


def test_a_program_that_others_may_have_written_is_not_run(tmp_path: Path) -> None:
    place = tmp_path / "anybodys"
    place.mkdir()
    place.chmod(0o777)
    ran = run(place, f"touch {tmp_path}/ran")

    assert (ran.exit_code, "may be written by others" in ran.last_words) == (126, True)
    assert not (tmp_path / "ran").exists()


def test_a_crash_is_told_by_its_signal(tmp_path: Path) -> None:
    assert run(tmp_path, "kill -SEGV $$").ending == "was killed by SIGSEGV"


def test_a_program_that_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    ran = run(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; echo said; wait", limit_s=3.0)
    child = int((tmp_path / "child").read_text())

    assert (ran.exit_code, ran.out) == (None, ("said",))
    assert "in time" in ran.ending
    assert _ends(child)


def test_a_grandchild_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    ran = run(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; echo said")
    os.kill(int((tmp_path / "child").read_text()), 9)

    assert ran == programs.Ran(0, ("said",), ())


def test_a_program_that_never_stops_talking_is_cut_off(tmp_path: Path) -> None:
    ran = run(tmp_path, "exec yes")

    assert ran.exit_code is not None
    assert sum(len(line) + 1 for line in ran.out) <= 1 << 20


def test_nothing_that_a_program_says_can_steer_a_terminal(tmp_path: Path) -> None:
    assert run(tmp_path, r"printf 'a\033[31mb\377\n'").out == ("a?[31mb\ufffd",)


@pytest.mark.parametrize("variable", ["HOME", "DISPLAY"])
def test_a_program_gets_the_environment_that_it_is_given_and_no_other(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/secret")

    assert run(tmp_path, f"echo ${variable}").out == ("",)


@pytest.mark.parametrize(("started", "believes"), [([], ["-P"]), (["-I"], ["-P", "-E", "-s"]), (["-E"], ["-P", "-E"])])
def test_a_process_of_ours_believes_no_more_of_its_environment_than_we_do(
    started: list[str], believes: list[str]
) -> None:
    program = "from kinect_unlock.host.programs import interpreter; print(*interpreter()[1:])"
    told = subprocess.run([sys.executable, *started, "-c", program], check=True, capture_output=True, text=True)

    assert told.stdout.split() == believes


def _ends(pid: int) -> bool:
    """Wait for the end of a process that is no child of ours; a signal takes a moment to do its work."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], LONG_S)[0])
    finally:
        os.close(descriptor)
