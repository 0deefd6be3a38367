"""A computer as files below a folder: USB devices in sysfs, their nodes, accounts, udev's rules, PAM's stacks."""

from dataclasses import dataclass
from pathlib import Path

CONTROLLER = "sys/devices/pci0000:00/0000:00:14.0"
INTEL = ("0x8086", "0xa12f")


@dataclass(frozen=True, slots=True)
class Computer:
    """What is written is what the kernel and the distribution would write, in the same places."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def controller(self, ids: tuple[str, str] = INTEL, driver: str = "xhci_hcd", where: str = CONTROLLER) -> None:
        """Add a PCI host controller."""
        self.write(f"{where}/vendor", ids[0] + "\n")
        self.write(f"{where}/device", ids[1] + "\n")
        link(self.root / where / "driver", f"../../../bus/pci/drivers/{driver}")

    def usb(
        self, port: str, ids: str, *, speed: str = "5000", number: int = 1, serial: str = "", where: str = CONTROLLER
    ) -> Path:
        """Add a device at a port such as 2-1.4, or a root hub such as usb2; return its folder."""
        bus = int(port.removeprefix("usb").partition("-")[0])
        way = [f"usb{bus}", *_way(port)]
        folder = f"{where}/{'/'.join(way)}"
        vendor, product = ids.split(":")
        facts = {"idVendor": vendor, "idProduct": product, "speed": speed, "busnum": str(bus), "devnum": str(number)}
        for name, value in {**facts, **({"serial": serial} if serial else {})}.items():
            self.write(f"{folder}/{name}", value + "\n")
        link(self.root / "sys/bus/usb/devices" / port, self.root / folder)
        self.write(f"dev/bus/usb/{bus:03}/{number:03}", "")
        return self.root / folder

    def interface(self, device: Path, name: str, driver: str) -> None:
        """Add an interface with a kernel driver bound to it."""
        folder = device / f"{device.name}:{name}"
        folder.mkdir()
        link(folder / "driver", f"/sys/bus/usb/drivers/{driver}")

    def kinect_v2(self, speed: str = "5000", ids: tuple[str, str] = INTEL) -> Path:
        """Add a controller and, behind the camera's own hub, a Kinect v2; return the sensor's folder."""
        self.controller(ids)
        self.usb("usb2", "1d6b:0003")
        self.usb("2-1", "045e:02d9", number=2, speed=speed)
        return self.usb("2-1.1", "045e:02c4", number=3, serial="020354743574", speed=speed)


def link(path: Path, target: str | Path) -> None:
    """Make a symbolic link, and the folder it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def program(folder: Path, name: str, script: str) -> None:
    """Make a program that a PATH of ``folder`` finds."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def _way(port: str) -> list[str]:
    """Return the folders from the root hub to a port: 2-1.4.3 lies in 2-1/2-1.4/2-1.4.3."""
    if port.startswith("usb"):
        return []
    parts = port.split(".")
    return [".".join(parts[: place + 1]) for place in range(len(parts))]
