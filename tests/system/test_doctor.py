"""Doctor as a process of its own: before an emulated Kinect on an emulated bus, and with a package that is broken."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from system.rehearsal import install_plug_in

KINECT = Path(__file__).with_name("kinect.umockdev")
RULES = Path(__file__).parents[2] / "systemd" / "60-kinect-unlock.rules"
SENSOR = "/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1.1"
UPSTREAM = 'SUBSYSTEM=="usb", ATTR{idVendor}=="045e", ATTR{idProduct}=="02c4", MODE="0666"\n'

needs_umockdev = pytest.mark.skipif(
    shutil.which("umockdev-run") is None, reason="umockdev-run is not installed (Debian: umockdev)"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = {
        "source": {"kind": "kinect-v2"},
        "daemon": {"socket": str(tmp_path / "s"), "state_dir": str(tmp_path / "state")},
        "models": {"cache_dir": str(tmp_path / "cache")},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


def doctor(config: Path, *before: str, environ: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Run doctor; return its exit code and report."""
    argv = [*before, sys.executable, "-m", "kinect_unlock", "doctor", "--json", "--config", str(config)]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **(environ or {})}
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def by_name(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in report["checks"]}


def emulated(folder: Path, *changes: tuple[str, str]) -> tuple[str, ...]:
    """Return what runs a command before an emulated Kinect, with some of its facts changed."""
    text = KINECT.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "kinect.umockdev"
    file.write_text(text)
    return ("umockdev-run", "--device", str(file), "--")


@needs_umockdev
def test_an_emulated_kinect_is_found_with_its_serial_speed_controller_and_node(config: Path, tmp_path: Path) -> None:
    _, report = doctor(config, *emulated(tmp_path))
    found = by_name(report)

    assert (found["USB 3"]["state"], found["Kinect"]["state"]) == ("ok", "ok")
    assert found["USB 3"]["evidence"] == "xhci_hcd 0000:00:14.0 [8086:a12f] up to 5000 Mbit/s"
    assert found["Kinect"]["evidence"] == "Kinect v2: 045e:02c4 at 2-1.1, 5000 Mbit/s, serial 020354743574"
    assert "/dev/bus/usb/002/003: crw-" in found["permission"]["evidence"]


@needs_umockdev
def test_an_emulated_kinect_in_a_usb_2_port_is_told_so(config: Path, tmp_path: Path) -> None:
    code, report = doctor(config, *emulated(tmp_path, ("speed=5000", "speed=480")))

    assert (code, report["first"]["name"]) == (1, "USB 3")
    assert "480 Mbit/s" in by_name(report)["Kinect"]["evidence"]


@needs_umockdev
def test_an_emulated_bus_with_the_hub_alone_misses_the_sensor(config: Path, tmp_path: Path) -> None:
    code, report = doctor(config, *emulated(tmp_path, ("idProduct=02c4", "idProduct=0001")))
    kinect = by_name(report)["Kinect"]

    assert (code, kinect["state"]) == (1, "failed")
    assert "power supply" in kinect["next_step"]


@needs_umockdev
def test_udev_itself_gives_the_camera_to_the_group_whatever_the_librarys_rule_says(tmp_path: Path) -> None:
    rules = tmp_path / "udev" / "rules.d"
    rules.mkdir(parents=True)
    shutil.copy(RULES, rules)
    (rules / "90-kinect2.rules").write_text(UPSTREAM)
    group = tmp_path / "group"
    group.write_text(Path("/etc/group").read_text() + "kinect-unlock:x:54321:\n")
    # In a mount name space of its own, so that neither this computer's rules nor its groups are touched.
    script = (
        f"mount --bind {group} /etc/group && mount --bind {tmp_path}/udev /run/udev && mount -t tmpfs none /dev/char"
    )
    run = ["unshare", "--mount", "--map-root-user", "sh", "-c", f'{script} && exec "$@"', "sh", *emulated(tmp_path)]
    argv = [*run, "udevadm", "--debug", "test", "--action=add", SENSOR]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    told = done.stdout + done.stderr
    if "rules.d/60-kinect-unlock.rules" not in told:
        pytest.skip(f"udevadm cannot be tried here: {told[-300:]}")

    assigned = [line.partition("rules.d/")[2] for line in told.splitlines() if "rules:" in line and "kinect" in line]
    place = next(number for number, line in enumerate(RULES.read_text().splitlines(), 1) if "GROUP:=" in line)
    assert assigned == [f"60-kinect-unlock.rules:{place} GROUP 54321", f"60-kinect-unlock.rules:{place} MODE 0660"]
    assert "SYSTEMD_WANTS=kinect-unlock.service" in told


def test_a_plug_in_that_would_end_the_process_is_not_loaded(config: Path, tmp_path: Path) -> None:
    place = install_plug_in(tmp_path)
    (place / "rehearsed.py").write_text("import os; os._exit(255)")
    config.write_text(config.read_text().replace("kinect-v2", "rehearsed"))
    code, report = doctor(config, environ={"PYTHONPATH": str(place)})

    assert code in {0, 1}
    assert by_name(report)["source"]["evidence"] == "rehearsed is installed as rehearsed:make; not loaded"


def test_a_package_that_cannot_be_loaded_is_told_and_the_rest_is_still_looked_at(config: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code, report = doctor(config, environ={"PYTHONPATH": str(broken)})

    assert code == 1
    assert report["first"]["name"] == "packages"
    assert "libGL.so.1" in report["first"]["evidence"]
    assert {"USB 3", "Kinect", "libfreenect2", "PAM", "logind"} <= set(by_name(report))
