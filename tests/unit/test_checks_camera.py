from pathlib import Path

import pytest

from fakes.computer import INTEL, Computer
from kinect_unlock.checks import camera
from kinect_unlock.checks.results import Check, State
from kinect_unlock.host import usb

ASMEDIA = ("0x1b21", "0x1142")
VIA = ("0x1106", "0x3483")


def kinect(computer: Computer, *, kind: str = "kinect-v2", serial: str | None = None) -> Check:
    return camera.kinect(usb.read(computer.root), kind=kind, serial=serial)


@pytest.mark.parametrize(
    ("kind", "state"), [("kinect-v2", State.FAILED), ("kinect-v1", State.FAILED), ("replay", State.NOTE)]
)
def test_no_bus_and_no_camera_is_a_fault_only_where_one_is_needed(kind: str, state: State, tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    nothing = usb.read(tmp_path)

    assert camera.usb_3(nothing, kind=kind).state is state
    assert kinect(computer, kind=kind).state is state
    assert camera.trouble(nothing) is None


def test_a_kinect_on_usb_3_is_fine_and_told_with_speed_and_serial(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.kinect_v2()
    check = kinect(computer)

    assert check.state is State.OK
    assert check.evidence == "Kinect v2: 045e:02c4 at 2-1.1, 5000 Mbit/s, serial 020354743574"
    assert camera.usb_3(usb.read(tmp_path), kind="kinect-v2").evidence == (
        "xhci_hcd 0000:00:14.0 [8086:a12f] up to 5000 Mbit/s"
    )


def test_a_kinect_at_the_speed_of_usb_2_is_told_to_be_in_a_wrong_port_or_cable(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.kinect_v2(speed="480")
    check = kinect(computer)

    assert check.state is State.FAILED
    assert "480 Mbit/s" in check.evidence
    assert "USB 3 port" in check.next_step
    assert "cable" in check.next_step


def test_the_hubs_usb_2_half_alone_means_a_usb_2_port_or_cable(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.controller()
    computer.usb("1-3", "045e:02d9", speed="480")
    check = kinect(computer)

    assert (check.state, "USB 2 half" in check.evidence) == (State.FAILED, True)
    assert "the port or the cable is USB 2" in check.next_step


def test_the_hub_without_its_sensor_means_the_power_supply(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.controller()
    computer.usb("1-3", "045e:02d9", speed="480", number=2)
    computer.usb("2-1", "045e:02d9", speed="5000", number=3)
    check = kinect(computer)

    assert (check.state, "its sensor is not" in check.evidence) == (State.FAILED, True)
    assert "power supply" in check.next_step


@pytest.mark.parametrize(
    ("kind", "state", "step"),
    [
        ("kinect-v2", State.FAILED, "set source.kind to kinect-v1"),
        ("replay", State.NOTE, "set source.kind to kinect-v1"),
        ("kinect-v1", State.OK, ""),
    ],
)
def test_a_first_kinect_is_called_what_it_is(kind: str, state: State, step: str, tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.usb("1-1.1", "045e:02b0", speed="12", number=3)
    computer.usb("1-1.3", "045e:02ae", speed="480", number=4)
    check = kinect(computer, kind=kind)

    assert check.state is state
    assert "Kinect v1" in check.evidence
    assert step in check.next_step


def test_a_first_kinect_without_its_camera_lacks_power(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.usb("1-1.1", "045e:02b0", speed="12", number=3)

    assert kinect(computer, kind="kinect-v1").next_step == "check its power supply"


def test_a_serial_that_is_configured_must_be_there(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.kinect_v2()

    assert kinect(computer, serial="020354743574").state is State.OK
    other = kinect(computer, serial="999")
    assert (other.state, "'999' is not there" in other.evidence) == (State.FAILED, True)
    assert kinect(computer, serial="a-recording", kind="stand-in").state is State.OK


def test_a_camera_in_use_is_told(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.interface(computer.kinect_v2(), "1.0", "usbfs")
    check = kinect(computer)

    assert (check.state, "a program is using it" in check.evidence) == (State.NOTE, True)


@pytest.mark.parametrize(("ids", "told"), [(ASMEDIA, "ASMedia"), (VIA, "VIA"), (INTEL, None)])
def test_a_controller_known_for_trouble_is_named_with_its_evidence(
    ids: tuple[str, str], told: str | None, tmp_path: Path
) -> None:
    Computer(tmp_path).kinect_v2(ids=ids)
    check = camera.trouble(usb.read(tmp_path))

    assert (check is None) == (told is None)
    if check is not None and told is not None:
        assert check.state is State.NOTE
        assert told in check.evidence
        assert "issue" in check.evidence


def test_a_computer_with_usb_2_alone_lacks_usb_3(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.controller(driver="ehci-pci")
    computer.usb("usb1", "1d6b:0002", speed="480")
    check = camera.usb_3(usb.read(tmp_path), kind="kinect-v2")

    assert (check.state, "none of these is USB 3" in check.evidence) == (State.FAILED, True)
    assert camera.usb_3(usb.read(tmp_path), kind="kinect-v1").state is State.NOTE
