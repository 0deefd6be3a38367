from pathlib import Path

import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock.sources.stand_in_driver.plan import Moment, Plan, read_plan
from kinect_unlock.sources.stand_in_driver.schedule import Schedule


def _plan(folder: Path, text: str) -> Plan:
    path = folder / "plan.yaml"
    path.write_text(text)
    return read_plan(path)


def test_the_plan_of_the_documentation_is_one(tmp_path: Path) -> None:
    from kinect_unlock.sources.stand_in_driver import plan as module  # noqa: PLC0415 - its text is what is tested

    example = module.__doc__
    assert example is not None
    block = example.split("For example::")[1].split("Openings are counted")[0]

    plan = _plan(tmp_path, block.replace("\n    ", "\n"))

    assert [fault.does for fault in plan.faults] == ["exit-on-open", "unplug", "garbage-depth", "segfault"]
    assert plan.reappear_s == 4


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "faults: [{does: explode}]",
            r"plan.yaml: Invalid enum value 'explode' - at `\$.faults\[0\].does`; faults are .*null-device",
        ),
        ("faults: [{does: segfault}]", "segfault needs one of frame, after_s and mean_s, and has 0"),
        ("faults: [{does: abort, frame: 1, after_s: 1}]", "and has 2"),
        ("faults: [{does: null-device, frame: 3}]", "leave out frame"),
        ("faults: [{does: stall, frame: 3}]", "stall needs for_s"),
        ("faults: [{does: slow, frame: 3, for_s: 1}]", "slow needs rate_hz"),
        ("faults: [{does: silence, frame: 3, for_s: 1}]", "silence does not take for_s"),
        ("faults: [{does: abort, frame: 3, frames: 1}]", "abort does not take frames"),
        ("faults: [{does: abort, frame: -1}]", "frame"),
        ("faults: [{does: abort, open: 0, frame: 1}]", "open"),
        ("rate_hz: 0", "rate_hz"),
        ("fault: []", "unknown field `fault`"),
        ("faults: [", "is not YAML"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(SourceError, match=fault):
        _plan(tmp_path, text)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing.yaml cannot be read: No such file"):
        read_plan(tmp_path / "missing.yaml")


def test_an_empty_plan_is_a_camera_without_a_fault(tmp_path: Path) -> None:
    assert _plan(tmp_path, "# nothing yet\n") == Plan()


def test_a_fault_without_opening_belongs_to_every_one(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "faults: [{does: no-device}, {does: exit-on-open, open: 2}]")

    assert [len(plan.due(Moment.ENUMERATE, opening)) for opening in (1, 2, 3)] == [1, 1, 1]
    assert [len(plan.due(Moment.OPEN, opening)) for opening in (1, 2, 3)] == [0, 1, 0]


def test_faults_come_once_after_frames_and_seconds_and_again_at_random(tmp_path: Path) -> None:
    once = "{does: abort, frame: 3}, {does: hang, after_s: 2}"
    plan = _plan(tmp_path, f"faults: [{once}, {{does: noise, mean_s: 0.5}}, {{does: exit, open: 9, frame: 0}}]")
    schedule = Schedule(plan, opening=1)

    due = [fault.does for tick in range(1000) for fault in schedule.due(frames=tick, elapsed_s=tick / 10)]

    assert due.count("abort") == 1
    assert due.count("hang") == 1
    assert 150 < due.count("noise") < 250  # 100 s
    assert "exit" not in due


def test_chance_repeats_for_an_opening_and_differs_between_them(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "seed: 5\nfaults: [{does: noise, mean_s: 3}]")

    def moments(opening: int) -> list[int]:
        schedule = Schedule(plan, opening)
        return [tick for tick in range(500) if schedule.due(frames=0, elapsed_s=tick / 10)]

    assert moments(1) == moments(1)
    assert moments(1) != moments(2)
