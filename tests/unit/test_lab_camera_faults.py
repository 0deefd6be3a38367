"""The table of a driver's faults: what it says of many runs, on 80 columns, of every fault there is."""

from rich.console import Console

from kinect_unlock.sources.stand_in_driver.plan import Moment
from kinect_unlock_lab.camera_faults import REHEARSALS, Run, table


def a_run(name: str, recovered_s: float | None = 31.11, leftovers: tuple[str, ...] = ()) -> Run:
    return Run(name, "source-lost", "words", 0.9, 22.22, recovered_s, 312, leftovers)


def shown(runs: list[Run]) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(table(runs))
    return capture.get()


def test_the_table_of_every_fault_fits_80_columns() -> None:
    found = shown([a_run(rehearsal.name) for rehearsal in REHEARSALS])
    assert "…" not in found
    assert found.count("source-lost") == len(REHEARSALS)
    assert "1 runs each" in found


def test_runs_of_one_fault_are_one_line_with_the_middle_and_the_worst() -> None:
    lines = shown([a_run("exit", seconds) for seconds in (1.0, 2.0, 9.0)]).splitlines()
    (line,) = [line for line in lines if "exit" in line]
    assert line.split() == ["exit", "source-lost", "0.9", "22.2,", "22.2", "2.0,", "9.0", "312", "none"]


def test_a_camera_that_never_came_back_is_counted() -> None:
    assert "never" in shown([a_run("exit", 2.0), a_run("exit", None)])


def test_what_stayed_is_named_with_its_fault() -> None:
    found = shown([a_run("exit", leftovers=("1 rings", "2 descriptors")), a_run("exit"), a_run("abort")])
    assert "left behind by exit: 1 rings, 2 descriptors" in found
    assert (found.count("some"), found.count("none")) == (1, 1)


def test_every_rehearsal_has_a_name_of_its_own_and_something_to_do() -> None:
    assert len({rehearsal.name for rehearsal in REHEARSALS}) == len(REHEARSALS)
    assert all(rehearsal.faults or rehearsal.kill for rehearsal in REHEARSALS)


def test_what_no_time_ends_is_mended_for_the_second_attempt() -> None:
    lasting = {
        rehearsal.name
        for rehearsal in REHEARSALS
        for fault in rehearsal.faults
        if fault.moment in (Moment.IMPORT, Moment.ENUMERATE)
    }
    assert {rehearsal.name for rehearsal in REHEARSALS if rehearsal.mended} == lasting
