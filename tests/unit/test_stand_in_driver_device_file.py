from pathlib import Path

import pytest

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import SourceError
from kinect_unlock.sources.stand_in_driver.device_file import DeviceFile


@pytest.fixture(params=["in a file", "in memory"])
def device(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> DeviceFile:
    return DeviceFile(tmp_path / "plan.yaml" if request.param == "in a file" else None, clock, reappear_s=4)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_camera_is_there_before_it_was_ever_open_and_while_it_is(device: DeviceFile, clock: ManualClock) -> None:
    found = [device.present]
    device.open()
    clock.advance(2 * NS_PER_S)
    found.append(device.present)

    assert found == [True, True]


def test_a_closed_camera_comes_back_after_its_time(device: DeviceFile, clock: ManualClock) -> None:
    device.open()
    clock.advance(10 * NS_PER_S)
    device.close()
    gone = device.present
    clock.advance(4 * NS_PER_S - 1)
    nearly = device.present
    clock.advance(1)

    assert [gone, nearly, device.present] == [False, False, True]


def test_an_unplugged_camera_comes_back_after_its_time_or_never(device: DeviceFile, clock: ManualClock) -> None:
    device.unplug(3)
    gone = device.present
    clock.advance(3 * NS_PER_S)
    back = device.present
    device.unplug(None)
    clock.advance(86_400 * NS_PER_S)

    assert [gone, back, device.present] == [False, True, False]


def test_it_is_opened_once_at_a_time(device: DeviceFile) -> None:
    assert [device.open(), device.open()] == [True, False]
    device.close()
    assert device.open()
    assert device.opened == 2


def test_openings_are_counted_for_all_who_share_the_plan(tmp_path: Path, clock: ManualClock) -> None:
    plan = tmp_path / "plan.yaml"
    for _ in range(3):
        device = DeviceFile(plan, clock, reappear_s=0)
        device.open()
        device.close()

    assert DeviceFile(plan, clock, reappear_s=0).opened == 3
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml.state"]


def test_another_who_has_it_open_keeps_it_and_it_stays_listed(tmp_path: Path, clock: ManualClock) -> None:
    plan = tmp_path / "plan.yaml"
    holder, other = (DeviceFile(plan, clock, reappear_s=4) for _ in range(2))
    holder.open()
    clock.advance(1)

    assert other.present
    assert not other.open()


def test_a_damaged_memory_is_named(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "plan.yaml.state").write_text("{nonsense")

    with pytest.raises(SourceError, match=r"plan.yaml.state cannot be used: .*; remove it"):
        _ = DeviceFile(tmp_path / "plan.yaml", clock, reappear_s=0).present
