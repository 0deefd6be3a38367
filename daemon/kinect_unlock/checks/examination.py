"""The whole examination: reads the facts, has them judged, section by section; changes nothing."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kinect_unlock import config
from kinect_unlock.checks import camera, desktop, driver, permission, program
from kinect_unlock.checks.results import Check, Progress, Section, State
from kinect_unlock.client import Client
from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import DaemonUnavailable, KinectUnlockError
from kinect_unlock.host import accounts, drivers, graphics, pam, services, sessions, udev, usb
from kinect_unlock.settings import Config
from kinect_unlock.sources.confinement import landlock_version
from kinect_unlock.sources.syscall_filter import is_known
from kinect_unlock.wire import Reply, Status, Word

_DAEMON_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """The computer that is looked at: this one, or in tests a folder that looks like one."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    uid: int = field(default_factory=os.geteuid)


def examine(file: Path | None, place: Place, *, opening: Progress | None = None) -> Iterator[Check]:
    """Look at everything; without a configuration that can be read, at what does not need one.

    The camera is opened only if ``opening`` wants to be told how far that is.
    """
    yield program.python()
    yield program.packages()
    yield program.telemetry(place.environ)
    settings = None
    try:
        in_force = config.file_in_force(file, place.environ, place.uid)
        settings = config.load(in_force)
        told = "the shipped defaults" if in_force is None else str(in_force)
        yield Check(Section.PROGRAM, "configuration", State.OK, told)
        yield program.state_folder(settings, place.environ, place.uid)
    except KinectUnlockError as fault:
        step = "correct it; `kinect-unlock config check FILE` helps"
        yield Check(Section.PROGRAM, "configuration", State.FAILED, str(fault), step)
    kind = (settings or Config()).source.kind
    yield from _configured(settings)
    yield from _camera(place, kind, settings)
    yield from _driver(place, kind)
    if settings is not None:
        yield from _rates(place, settings, opening)
    yield from _desktop(place, settings)


def _configured(settings: Config | None) -> Iterator[Check]:
    """Judge what the configuration names, which takes the packages that everything runs on."""
    if settings is None:
        return
    try:
        from kinect_unlock.checks import recognition  # noqa: PLC0415 - where a package is broken, the rest is still told
    except ImportError as fault:
        yield program.unusable(fault)
        return
    looks: tuple[tuple[Section, str, Callable[[Config], Check]], ...] = (
        (Section.CAMERA, "source", recognition.source),
        (Section.RECOGNITION, "networks", recognition.networks),
        (Section.RECOGNITION, "matching", recognition.matching),
        (Section.DESKTOP, "hooks", recognition.hooks),
    )
    for section, name, look in looks:
        try:
            yield look(settings)
        except KinectUnlockError as fault:
            yield Check(section, name, State.FAILED, str(fault))


def _camera(place: Place, kind: str, settings: Config | None) -> Iterator[Check]:
    found = usb.read(place.root)
    serial = settings.source.device if settings else None
    yield camera.usb_3(found, kind=kind)
    yield camera.kinect(found, kind=kind, serial=serial)
    known = camera.trouble(found)
    if known is not None:
        yield known
    devices = camera.v1_cameras(found) if kind == "kinect-v1" else camera.sensors(found)
    yield permission.node(_node(place, devices[0]) if devices else None, kind=kind)
    sorts = camera.V1_CAMERAS if kind == "kinect-v1" else camera.V2_SENSORS
    said = udev.access(place.root, camera.MICROSOFT, devices[0].product if devices else min(sorts))
    if kind == "kinect-v1":
        yield permission.rule_v1(said)
    else:
        yield permission.rule(said, accounts.groups(place.root), kind=kind)


def _node(place: Place, device: usb.UsbDevice) -> permission.Node:
    path = device.node(place.root)
    try:
        status = path.stat()
    except OSError:
        return permission.Node(path, None, "", this_user=False, service_user=None)
    service = accounts.account(place.root, permission.SERVICE)
    group = next((name for name, one in accounts.groups(place.root).items() if one.gid == status.st_gid), status.st_gid)
    return permission.Node(
        path,
        status.st_mode,
        f"uid {status.st_uid}, group {group}",
        this_user=os.access(path, os.R_OK | os.W_OK),
        service_user=None if service is None else accounts.may_use(status, service),
    )


def _driver(place: Place, kind: str) -> Iterator[Check]:
    environ, needed = place.environ, kind == "kinect-v2"
    if kind == "kinect-v1":
        yield driver.library_v1(drivers.look("library", driver.LIBRARY_V1, environ=environ), needed=True)
    yield driver.library(drivers.look("library", driver.LIBRARY, environ=environ), needed=needed)
    bound = drivers.look("binding", driver.BINDING, environ=environ)
    yield driver.binding(bound, needed=needed)
    if bound.found is not None and not bound.found.error:
        loaded = {
            name: drivers.look("pipeline", driver.BINDING, class_name, environ=environ)
            for name, class_name in driver.PIPELINES.items()
        }
        yield driver.pipelines(loaded, needed=needed)
    yield driver.confinement(landlock_version(), filtered=is_known())
    yield driver.graphics(
        graphics.opencl_drivers(place.root), graphics.render_nodes(place.root), graphics.display(environ)
    )


def _rates(place: Place, settings: Config, opening: Progress | None) -> Iterator[Check]:
    """Tell how fast each pipeline was seen to be, and with ``opening`` how fast it is now."""
    try:
        from kinect_unlock.checks import measuring, recognition  # noqa: PLC0415 - see _configured
    except ImportError:
        return  # told there
    try:
        known = recognition.pipelines(settings, place.environ, place.uid)
    except KinectUnlockError as fault:
        known = Check(Section.DRIVER, "remembered", State.FAILED, str(fault))
    if known is not None:
        yield known
    if opening is None:
        return
    found = measuring.measure(settings.source, SystemClock(), opening)
    if not found:
        step = "only a camera with a driver of its own is opened and measured"
        yield Check(Section.DRIVER, "rate", State.NOTE, f"source.kind {settings.source.kind} was not opened", step)
    yield from measuring.judged(found)


def _desktop(place: Place, settings: Config | None) -> Iterator[Check]:
    if settings is not None:
        yield from _daemon(place, settings)
    systemd = services.running(place.root)
    yield desktop.service(services.units(place.root, place.environ), systemd=systemd)
    denied = desktop.denials(services.denials(place.environ) if systemd else ())
    if denied is not None:
        yield denied
    yield desktop.pam(pam.services(place.root))
    yield desktop.logind(sessions.read(place.root, place.environ, place.uid))


def _daemon(place: Place, settings: Config) -> Iterator[Check]:
    try:
        system = place.root / config.SYSTEM_SOCKET.relative_to("/")
        socket = config.socket_to_ask(settings, place.environ, place.uid, system=system)
    except KinectUnlockError:
        return  # told with the folders
    name = "daemon"
    try:
        reply = Client(socket).request(Status(), timeout_s=_DAEMON_TIMEOUT_S)
    except DaemonUnavailable as fault:
        yield Check(Section.DESKTOP, name, State.NOTE, str(fault), "`kinect-unlock run`")
    except KinectUnlockError as fault:
        yield Check(Section.DESKTOP, name, State.FAILED, str(fault), "`kinect-unlock status` tells more")
    else:
        state = State.OK if reply.word is Word.OK else State.FAILED
        step = "" if reply.word is Word.OK else "`kinect-unlock status` tells more"
        yield Check(Section.DESKTOP, name, state, f"answers: {reply.word}{_key_words(reply)}", step)


def _key_words(reply: Reply) -> str:
    """Say where the daemon has the key from that seals its templates, if it tells."""
    key = (reply.data or {}).get("template_key")
    if key is None:
        return ""
    whence = "a systemd credential" if key["from"] == "credential" else "a file in its state folder"
    return f"; templates are sealed with key {key['id']}, from {whence}"
