"""What doctor measures of a camera, with the stand-in driver in real children."""

from pathlib import Path

import pytest

from kinect_unlock import settings
from kinect_unlock.checks import measuring
from kinect_unlock.checks.measuring import Measured
from kinect_unlock.checks.results import State
from kinect_unlock.clock import SystemClock

DEMO = Path(measuring.__file__).parents[1] / "data" / "demo"


def stand_in(folder: Path, faults: str, *, open_timeout_s: float = 12.0) -> settings.Source:
    plan = folder / "plan.yaml"
    plan.write_text(faults)
    return settings.Source(
        kind="stand-in",
        path=str(DEMO),
        device="owner-returns",
        faults=str(plan),
        pipeline="cpu",
        reappear_s=0.0,
        open_timeout_s=open_timeout_s,
    )


def measure(source: settings.Source) -> tuple[list[Measured], list[str]]:
    steps: list[str] = []
    found = measuring.measure(source, SystemClock(), lambda step, _: steps.append(step), measured_s=2.0)
    return found, steps


def test_a_camera_that_works_is_measured_and_called_what_it_is(tmp_path: Path) -> None:
    (found,), steps = measure(stand_in(tmp_path, "faults: []"))

    assert (found.pipeline, found.fault) == ("cpu", "")
    assert found.frames > 1
    assert found.rate_hz > 0
    assert found.first_frame_s > 0
    assert found.camera.startswith("stand-in for a ")
    assert steps == ["opening the camera with cpu", "done"]


def test_a_driver_that_ends_its_process_costs_a_line(tmp_path: Path) -> None:
    (found,), _ = measure(stand_in(tmp_path, "faults: [{does: exit-on-open}]", open_timeout_s=1.0))

    assert found.frames == 0
    assert "the camera driver" in found.fault  # by its exit code, or by the time, whichever comes first


def test_what_is_no_camera_is_not_opened() -> None:
    assert measure(settings.Source(kind="replay", path="nowhere")) == ([], [])


@pytest.mark.parametrize(
    ("rates_hz", "states"),
    [
        ({"opencl": 30.0, "cpu": 8.0}, [State.OK, State.NOTE]),
        ({"opencl": None, "cpu": 8.0}, [State.NOTE, State.NOTE]),
        ({"opencl": None, "cpu": None}, [State.FAILED, State.FAILED]),
        ({"opencl": None, "cpu": 1.0}, [State.NOTE, State.FAILED]),
        ({"opencl": 30.0, "cpu": 1.0}, [State.OK, State.NOTE]),
    ],
)
def test_a_pipeline_that_does_not_work_is_a_fault_only_if_none_does(
    rates_hz: dict[str, float | None], states: list[State]
) -> None:
    found = [
        Measured(name, fault="no frames") if rate_hz is None else Measured(name, 1.0, rate_hz, 10, "Kinect v2")
        for name, rate_hz in rates_hz.items()
    ]

    assert [check.state for check in measuring.judged(found)] == states
