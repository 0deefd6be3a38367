from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.computer import Computer
from kinect_unlock.host import usb


def test_a_computer_without_usb_has_nothing(tmp_path: Path) -> None:
    assert usb.read(tmp_path) == usb.Usb((), ())


def test_a_kinect_is_read_with_its_speed_serial_and_controller(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    sensor = computer.kinect_v2()
    computer.interface(sensor, "1.0", "usbfs")
    computer.interface(sensor, "1.2", "snd-usb-audio")
    found = usb.read(tmp_path)

    (device,) = [device for device in found.devices if device.serial]
    assert device == usb.UsbDevice(
        port="2-1.1",
        vendor=0x045E,
        product=0x02C4,
        speed_mbit_s=5000.0,
        bus=2,
        number=3,
        serial="020354743574",
        drivers=("snd-usb-audio", "usbfs"),
        controller="0000:00:14.0",
    )
    assert device.super_speed
    assert device.node(tmp_path) == tmp_path / "dev/bus/usb/002/003"
    assert found.controllers == (usb.Controller("0000:00:14.0", "8086:a12f", "xhci_hcd", 5000.0),)


def test_a_controller_is_as_fast_as_the_faster_of_its_two_buses(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.controller()
    computer.usb("usb1", "1d6b:0002", speed="480")
    computer.usb("usb2", "1d6b:0003", speed="10000")
    computer.usb("usb3", "1d6b:0002", speed="480", where="sys/devices/platform/old.0")

    fast, old = sorted(usb.read(tmp_path).controllers, key=lambda controller: -controller.fastest_mbit_s)

    assert (fast.fastest_mbit_s, fast.super_speed) == (10000.0, True)
    assert (old.address, old.pci_id, old.driver, old.super_speed) == ("old.0", "", "", False)


@pytest.mark.parametrize(
    ("written", "read"), [("480", 480.0), ("1.5", 1.5), ("unknown", 0.0), ("", 0.0), ("-5", 0.0), ("1e9", 0.0)]
)
def test_a_speed_that_the_kernel_does_not_know_is_none(written: str, read: float, tmp_path: Path) -> None:
    Computer(tmp_path).usb("1-1", "045e:02c4", speed=written)

    assert [device.speed_mbit_s for device in usb.read(tmp_path).devices] == [read]


def test_what_a_device_calls_itself_cannot_steer_a_terminal(tmp_path: Path) -> None:
    Computer(tmp_path).usb("1-1", "045e:02c4", serial="\x1b]0;owned\x07\x9b31m")

    assert [device.serial for device in usb.read(tmp_path).devices] == ["?]0;owned??31m"]


def test_a_folder_without_ids_is_an_interface_and_no_device(tmp_path: Path) -> None:
    Computer(tmp_path).write("sys/bus/usb/devices/1-1:1.0/bInterfaceClass", "ff")

    assert usb.read(tmp_path).devices == ()


@given(facts=st.dictionaries(st.sampled_from(["idVendor", "idProduct", "speed", "busnum", "devnum"]), st.binary()))
def test_whatever_stands_in_sysfs_is_read_without_a_fault(
    facts: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    folder = root / "sys/bus/usb/devices/1-1"
    folder.mkdir(parents=True)
    for name, value in facts.items():
        (folder / name).write_bytes(value)

    for device in usb.read(root).devices:
        assert device.ids.isprintable()
