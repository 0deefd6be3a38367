"""Is a Kinect there, as what and how fast, on which controller; pure judgements of `kinect_unlock.host.usb`'s facts."""

from typing import Final

from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.host.usb import Controller, Usb, UsbDevice

MICROSOFT: Final = 0x045E
# A sensor answers with one of the two, its own USB 3 hub with the third (libfreenect2's header names the first two).
V2_SENSORS: Final = frozenset({0x02C4, 0x02D8})
V2_HUB: Final = 0x02D9
# Of Xbox 360 and of Windows (libfreenect's sources).
V1_CAMERAS: Final = frozenset({0x02AE, 0x02BF})
V1_PARTS: Final = V1_CAMERAS | {0x02AD, 0x02B0, 0x02BB, 0x02BE, 0x02C3}

_KINECT_V2: Final = "kinect-v2"
_KINECT_V1: Final = "kinect-v1"
# By PCI vendor. libfreenect2's README: Intel and NEC (now Renesas) work, ASMedia does not; VIA by its issue 186.
_TROUBLE: Final = {
    "1b21": "ASMedia: does not carry a Kinect v2, as libfreenect2's README says (its issues 146, 761, 1014)",
    "1106": "VIA: a Kinect v2 gave no pictures on one (libfreenect2 issue 186)",
}
_ELSEWHERE: Final = (
    "if pictures are lost, use a port of another controller; Intel's and Renesas' (NEC's) are known to work"
)


def sensors(usb: Usb) -> list[UsbDevice]:
    """Return the Kinect v2 sensors on all buses."""
    return [device for device in usb.devices if device.vendor == MICROSOFT and device.product in V2_SENSORS]


def v1_cameras(usb: Usb) -> list[UsbDevice]:
    """Return the cameras of the first Kinect on all buses."""
    return [device for device in usb.devices if device.vendor == MICROSOFT and device.product in V1_CAMERAS]


def usb_3(usb: Usb, *, kind: str) -> Check:
    """Say whether this computer has USB 3 at all."""
    if not usb.controllers:
        state = State.of_lack(needed=kind in {_KINECT_V2, _KINECT_V1})
        step = "use a computer with a USB 3 port" if kind == _KINECT_V2 else "a Kinect needs a computer with USB"
        return Check(Section.CAMERA, "USB 3", state, "the kernel shows no USB bus (/sys/bus/usb/devices)", step)
    told = ", ".join(_described(controller) for controller in usb.controllers)
    if any(controller.super_speed for controller in usb.controllers):
        return Check(Section.CAMERA, "USB 3", State.OK, told)
    step = "a Kinect v2 needs USB 3: add a PCI Express card with an Intel or Renesas controller"
    return Check(
        Section.CAMERA, "USB 3", State.of_lack(needed=kind == _KINECT_V2), f"none of these is USB 3: {told}", step
    )


def kinect(usb: Usb, *, kind: str, serial: str | None) -> Check:
    """Say which Kinect is connected, and what is wrong with how it is."""
    found, name = sensors(usb), "Kinect"
    needed = kind == _KINECT_V2
    if kind == _KINECT_V1 and (cameras := v1_cameras(usb)):
        return Check(Section.CAMERA, name, State.OK, f"Kinect v1: {'; '.join(map(_connected, cameras))}")
    if not found:
        return _without_sensor(usb, kind=kind)
    told = "; ".join(f"Kinect v2: {_connected(device)}" for device in found)
    if serial is not None and needed and serial not in {device.serial for device in found}:
        step = "correct source.device in the configuration, or connect the camera of that serial"
        return Check(Section.CAMERA, name, State.FAILED, f"source.device {serial!r} is not there; {told}", step)
    if not any(device.super_speed for device in found):
        step = "use a USB 3 port (blue, or marked SS) and the cable of the Kinect's own adapter, without a hub between"
        evidence = f"not connected as USB 3 (5000 Mbit/s): {told}"
        return Check(Section.CAMERA, name, State.of_lack(needed=needed), evidence, step)
    users = sorted(device.port for device in found if "usbfs" in device.drivers)
    if users:
        return Check(
            Section.CAMERA, name, State.NOTE, f"{told}; a program is using it", "nothing, if that is the daemon"
        )
    return Check(Section.CAMERA, name, State.OK, told)


def trouble(usb: Usb) -> Check | None:
    """Say whether a Kinect v2 hangs on a controller that is known for trouble; None if it does not."""
    by_address = {controller.address: controller for controller in usb.controllers}
    for device in sensors(usb):
        controller = by_address.get(device.controller)
        known = _TROUBLE.get(controller.pci_id.partition(":")[0]) if controller else None
        if controller and known:
            evidence = f"{device.port} is on {_described(controller)}; {known}"
            return Check(Section.CAMERA, "controller", State.NOTE, evidence, _ELSEWHERE)
    return None


def _without_sensor(usb: Usb, *, kind: str) -> Check:
    """Judge a bus without a Kinect v2 sensor by which of its other parts are there."""
    state = State.of_lack(needed=kind in {_KINECT_V2, _KINECT_V1})
    parts = [device for device in usb.devices if device.vendor == MICROSOFT]
    hubs = [device for device in parts if device.product == V2_HUB]
    if any(hub.super_speed for hub in hubs):
        evidence = f"the Kinect v2's hub is there, its sensor is not: {'; '.join(map(_connected, hubs))}"
        step = "check the adapter's power supply (its light), pull its plug, wait 10 s, connect it again"
        return Check(Section.CAMERA, "Kinect", state, evidence, step)
    if hubs:
        evidence = f"only the USB 2 half of a Kinect v2 is there: {'; '.join(map(_connected, hubs))}"
        step = "use a USB 3 port and a USB 3 cable: the port or the cable is USB 2"
        return Check(Section.CAMERA, "Kinect", state, evidence, step)
    first = [device for device in parts if device.product in V1_PARTS]
    if first:
        evidence = f"a Kinect v1, not v2: {'; '.join(map(_connected, first))}"
        step = (
            "check its power supply" if kind == _KINECT_V1 else "set source.kind to kinect-v1, or connect a Kinect v2"
        )
        return Check(Section.CAMERA, "Kinect", state, evidence, step)
    if kind == _KINECT_V1:
        step, looked_for = "connect the camera and its power supply", "045e:02ae, 02bf"
    elif kind == _KINECT_V2:
        step, looked_for = "connect the camera to a USB 3 port, and the adapter to its power supply", "045e:02c4, 02d8"
    else:
        return Check(Section.CAMERA, "Kinect", state, "none connected", f"none is needed: source.kind is {kind}")
    return Check(Section.CAMERA, "Kinect", state, f"none among {len(usb.devices)} USB devices ({looked_for})", step)


def _connected(device: UsbDevice) -> str:
    serial = f", serial {device.serial}" if device.serial else ""
    drivers = f", driver {' '.join(device.drivers)}" if device.drivers else ""
    return f"{device.ids} at {device.port}, {device.speed_mbit_s:g} Mbit/s{serial}{drivers}"


def _described(controller: Controller) -> str:
    pci_id = f" [{controller.pci_id}]" if controller.pci_id else ""
    driver = controller.driver or "unknown driver"
    return f"{driver} {controller.address}{pci_id} up to {controller.fastest_mbit_s:g} Mbit/s"
