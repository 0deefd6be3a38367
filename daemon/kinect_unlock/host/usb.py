"""The USB devices that the kernel knows, how fast each is connected and to which controller, from sysfs.

The files are described in the kernel's Documentation/ABI/stable/sysfs-bus-usb and testing/sysfs-bus-usb.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.host.text import entries, linked_name, word

SUPER_SPEED_MBIT_S: Final = 5000.0  # USB 3.0; USB 2's high speed is 480

_DEVICES: Final = "sys/bus/usb/devices"
_ROOT_HUB: Final = re.compile(r"usb\d+")


@dataclass(frozen=True, slots=True)
class Controller:
    """A host controller: what the ports of one or two USB buses hang on."""

    address: str  # the last part of its path in sysfs, such as 0000:00:14.0
    pci_id: str  # vendor and device, such as 8086:a12f; empty for one that is no PCI device
    driver: str  # such as xhci_hcd
    fastest_mbit_s: float  # of its root hubs

    @property
    def super_speed(self) -> bool:
        """Whether a USB 3 device can be connected to it as one."""
        return self.fastest_mbit_s >= SUPER_SPEED_MBIT_S


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """One device on a bus, as it says it is."""

    port: str  # bus and the ports on the way, such as 2-1.4; usb2 for a root hub
    vendor: int
    product: int
    speed_mbit_s: float  # 0 where the kernel does not know
    bus: int
    number: int
    serial: str
    drivers: tuple[str, ...]  # of its interfaces; usbfs: a program is using it
    controller: str  # its address

    @property
    def super_speed(self) -> bool:
        """Whether it is connected as a USB 3 device."""
        return self.speed_mbit_s >= SUPER_SPEED_MBIT_S

    @property
    def ids(self) -> str:
        """Vendor and product as lsusb writes them."""
        return f"{self.vendor:04x}:{self.product:04x}"

    def node(self, root: Path) -> Path:
        """Return the file that a program opens to use the device."""
        return root / "dev/bus/usb" / f"{self.bus:03}" / f"{self.number:03}"


@dataclass(frozen=True, slots=True)
class Usb:
    """Everything on every bus."""

    controllers: tuple[Controller, ...]
    devices: tuple[UsbDevice, ...]


def read(root: Path) -> Usb:
    """Return what is connected; nothing where the kernel has no USB."""
    folders = [folder for folder in entries(root / _DEVICES) if word(folder / "idVendor")]
    devices = tuple(_device(folder) for folder in folders)
    return Usb(_controllers(folders, devices), devices)


def _device(folder: Path) -> UsbDevice:
    interfaces = [
        linked_name(entry / "driver") for entry in entries(folder) if entry.name.startswith(f"{folder.name}:")
    ]
    return UsbDevice(
        port=folder.name,
        vendor=_number(word(folder / "idVendor"), 16),
        product=_number(word(folder / "idProduct"), 16),
        speed_mbit_s=_speed(word(folder / "speed")),
        bus=_number(word(folder / "busnum"), 10),
        number=_number(word(folder / "devnum"), 10),
        serial=word(folder / "serial"),
        drivers=tuple(sorted({driver for driver in interfaces if driver})),
        controller=_controller_folder(folder).name,
    )


def _controllers(folders: list[Path], devices: tuple[UsbDevice, ...]) -> tuple[Controller, ...]:
    found: dict[str, Controller] = {}
    for folder, device in zip(folders, devices, strict=True):
        if not _ROOT_HUB.fullmatch(device.port):
            continue
        place = _controller_folder(folder)
        vendor, product = (word(place / name).removeprefix("0x") for name in ("vendor", "device"))
        before = found.get(place.name)
        found[place.name] = Controller(
            address=place.name,
            pci_id=f"{vendor}:{product}" if vendor and product else "",
            driver=linked_name(place / "driver"),
            fastest_mbit_s=max(device.speed_mbit_s, before.fastest_mbit_s if before else 0.0),
        )
    return tuple(found.values())


def _controller_folder(folder: Path) -> Path:
    """Return the folder that holds the root hub on the way to a device; the device's parent where there is none."""
    real = folder.resolve()
    for above in (real, *real.parents):
        if _ROOT_HUB.fullmatch(above.name):
            return above.parent
    return real.parent


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        return 0


def _speed(text: str) -> float:
    """Read megabits a second; the kernel writes "unknown" for what it does not know, and 1.5 for low speed."""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d)?", text) else 0.0
