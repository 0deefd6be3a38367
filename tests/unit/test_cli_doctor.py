import json
import os
import pwd
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import Outcome, command
from fakes.computer import Computer
from kinect_unlock.checks import program
from kinect_unlock.checks.examination import Place
from kinect_unlock.cli import doctor as module
from kinect_unlock.clock import SystemClock
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.pipelines import pipelines_for

ALONE = {"kind": "replay", "path": "."}


def stand_in(
    monkeypatch: pytest.MonkeyPatch, root: Path, environ: Mapping[str, str] | None = None, uid: int | None = None
) -> None:
    """Have doctor look at this folder instead of at the computer that the test runs on."""
    known = {"PATH": os.environ["PATH"], "HOME": str(root / "home"), "XDG_RUNTIME_DIR": str(root / "run")}
    place = Place(root, known if environ is None else environ, os.geteuid() if uid is None else uid)
    monkeypatch.setattr(module, "this_computer", lambda: place)


@pytest.fixture
def computer(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    return Computer(tmp_path_factory.mktemp("computer"))


@pytest.fixture(autouse=True)
def _elsewhere(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, computer.root)


def write(folder: Path, **settings: dict[str, Any]) -> Path:
    ours: dict[str, dict[str, Any]] = {
        "daemon": {"socket": str(folder / "run" / "s"), "state_dir": str(folder / "state")},
        "models": {"cache_dir": str(folder / "cache")},
        "source": ALONE,
    }
    file = folder / "config.yaml"
    file.write_text(
        yaml.safe_dump({part: {**ours.get(part, {}), **settings.get(part, {})} for part in {*ours, *settings}})
    )
    return file


def checks(told: Outcome) -> dict[str, dict[str, str]]:
    (report,) = told.objects
    return {check["name"]: check for check in report["checks"]}


def test_on_a_machine_with_nothing_it_fails_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    told = command("doctor", "--json", "--config", write(tmp_path))
    found = checks(told)

    assert told.exit_code == 0
    assert {name: check["state"] for name, check in found.items()} == {
        "Python": "ok",
        "packages": "ok",
        "telemetry": "ok",
        "configuration": "ok",
        "state folder": "note",
        "source": "ok",
        "USB 3": "note",
        "Kinect": "note",
        "permission": "note",
        "udev rule": "note",
        "libfreenect2": found["libfreenect2"]["state"],  # the loader looks where this test cannot point it elsewhere
        "pylibfreenect2": found["pylibfreenect2"]["state"],
        "graphics": "note",
        "networks": "note",
        "matching": "ok",
        "hooks": "note",
        "daemon": "note",
        "service": "note",
        "PAM": "note",
        "logind": "note",
    } | {name: check["state"] for name, check in found.items() if name in {"pipelines", "confinement"}}
    assert all(check["next_step"] for check in found.values() if check["state"] == "note")
    assert "`kinect-unlock models build`" in found["networks"]["next_step"]
    assert "`kinect-unlock run`" in found["daemon"]["next_step"]


@pytest.mark.parametrize(
    ("bands", "far_mm", "state", "told"),
    [
        pytest.param([], 1200, "failed", "no threshold with evidence for its vote depth", id="no-threshold"),
        pytest.param([1000], 1200, "failed", "has depth thresholds up to 1000 mm only", id="too-short"),
        pytest.param([900, 1200], 1200, "ok", "depth cosine at least 0.400 by 7 impostor comparisons", id="both"),
    ],
)
def test_it_says_whether_both_votes_can_be_counted(
    bands: list[int], far_mm: int, state: str, told: str, tmp_path: Path
) -> None:
    shipped = Path(module.__file__).parents[1] / "data" / "models" / "manifest.yaml"
    manifest = yaml.safe_load(shipped.read_text())
    encoder = manifest["encoders"]["rgbd-fused"]
    color = encoder["halves"][0] | {"share": 0.7}
    evidence = {**encoder["calibration"][0]["evidence"], "impostor_comparisons": 7}
    row = {"strategy": "nearest", "template_vectors_max": 10, "evidence": evidence}
    row["bands"] = [{"to_mm": to_mm, "threshold": 0.4 - 0.1 * place} for place, to_mm in enumerate(bands)]
    encoder |= {
        "halves": [color, {**color, "name": "depth", "share": 0.3}],
        "votes": ["rgb", "depth"],
        "depth": "frontalised-mm",
        "depth_calibration": [row] if bands else [],
    }
    (tmp_path / "manifest.yaml").write_text(json.dumps(manifest))
    voting = {"near_mm": 450, "far_mm": far_mm, "yaw_deg": 25, "pitch_deg": 20, "roll_deg": 25}
    file = write(tmp_path, models={"manifest": str(tmp_path / "manifest.yaml")}, ranges={"depth_vote": voting})

    found = checks(command("doctor", "--json", "--config", file))["matching"]

    assert (found["state"], told in found["evidence"]) == (state, True)


def test_it_changes_nothing_and_says_nothing_beside_the_table(tmp_path: Path) -> None:
    file = write(tmp_path)
    told = command("doctor", "--config", file)

    assert told.err == ""

    assert list(tmp_path.iterdir()) == [file]


def test_a_person_reads_the_same_in_words(tmp_path: Path) -> None:
    told = command("doctor", "--config", write(tmp_path))

    assert told.exit_code == 0
    assert "-> `kinect-unlock run`" in re.sub(r"\s+", " ", told.out)
    assert "Traceback" not in told.err


def test_the_shipped_settings_fail_for_want_of_a_camera_and_say_what_to_do_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kinect_unlock.config.file_in_force", lambda *_: None)
    told = command("doctor", "--json")
    (report,) = told.objects

    assert told.exit_code == 1
    assert (report["worst"], report["first"]["name"]) == ("failed", "USB 3")
    assert checks(told)["source"]["state"] == "ok"
    assert checks(told)["Kinect"]["state"] == "failed"


def test_a_kinect_that_is_ready_fails_nothing_but_what_the_driver_lacks(computer: Computer, tmp_path: Path) -> None:
    computer.kinect_v2()
    computer.write("etc/group", "kinect-unlock:x:991:\n")
    computer.write("etc/udev/rules.d/60-kinect-unlock.rules", command("doctor", "--udev-rule").out)
    told = checks(command("doctor", "--json", "--config", write(tmp_path, source={"kind": "kinect-v2"})))

    assert {told[name]["state"] for name in ("source", "USB 3", "Kinect", "permission", "udev rule")} == {"ok"}
    assert "020354743574" in told["Kinect"]["evidence"]


def test_the_rule_for_udev_is_printed_as_it_is_shipped() -> None:
    shipped = Path(__file__).parents[2] / "systemd" / "60-kinect-unlock.rules"

    assert command("doctor", "--udev-rule").out == shipped.read_text()


@pytest.mark.parametrize("columns", ["80", "60", "200"])
def test_no_line_is_wider_than_the_terminal_and_the_last_says_what_to_do_first(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = command("doctor", "--config", write(tmp_path, source={"kind": "kinect-v2"}))
    lines = told.out.splitlines()

    assert max(map(len, lines)) <= int(columns)
    assert [line.split(" ")[0] for line in lines if line.endswith("─") and " " in line] == [
        "Program", "Camera", "Driver", "Recognition", "Desktop",
    ]  # fmt: skip
    last = " ".join(told.out.rpartition("─")[2].split())
    assert re.fullmatch(r"\d of \d\d checks failed. First, for USB 3: use a computer with a USB 3 port", last)


def test_the_camera_is_opened_when_asked_for(tmp_path: Path) -> None:
    demo = Path(program.__file__).parents[1] / "data" / "demo"
    source = {"kind": "stand-in", "path": str(demo), "device": "owner-returns", "pipeline": "cpu"}
    told = checks(command("doctor", "--camera", "--json", "--config", write(tmp_path, source=source)))

    assert (told["with cpu"]["state"], "stand-in for a" in told["with cpu"]["evidence"]) in {
        ("ok", True),
        ("note", True),
    }


def test_pipelines_that_were_never_tried_are_told_and_nothing_is_made(tmp_path: Path) -> None:
    demo = Path(program.__file__).parents[1] / "data" / "demo"
    told = checks(
        command("doctor", "--json", "--config", write(tmp_path, source={"kind": "stand-in", "path": str(demo)}))
    )

    assert (told["remembered"]["state"], "--camera" in told["remembered"]["next_step"]) == ("note", True)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("rate_hz", "state", "told"),
    [
        (29.9, "ok", "opencl: 29.9 Hz at best; cpu: never worked, failed 1 times since (no frame)"),
        (None, "note", "none has worked yet: cpu: never worked, failed 1 times since (no frame)"),
    ],
)
def test_what_the_daemon_found_out_about_pipelines_is_told(
    rate_hz: float | None, state: str, told: str, tmp_path: Path
) -> None:
    source = Source(kind="stand-in", path=str(tmp_path))
    book = pipelines_for(source, cache_dir=tmp_path / "cache", environ={}, clock=SystemClock())
    if rate_hz is not None:
        book.worked("opencl", Identity("Kinect v2"), rate_hz)
    book.failed("cpu", "no frame")
    settings = {"kind": "stand-in", "path": str(tmp_path)}
    found = checks(command("doctor", "--json", "--config", write(tmp_path, source=settings)))["remembered"]

    assert (found["state"], found["evidence"]) == (state, told)


def test_a_number_that_onnx_runtime_gave_this_computer_is_told(computer: Computer, tmp_path: Path) -> None:
    computer.write("home/.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid", "1")
    told = checks(command("doctor", "--json", "--config", write(tmp_path)))["telemetry"]

    assert (told["state"], ".onnxruntime" in told["next_step"]) == ("note", True)


def test_a_faulty_configuration_is_told_and_what_needs_none_is_still_looked_at(tmp_path: Path) -> None:
    told = command("doctor", "--json", "--config", write(tmp_path, match={"faar": 1.0}))
    found = checks(told)

    assert told.exit_code == 1
    assert found["packages"]["state"] == "ok"
    assert found["configuration"]["state"] == "failed"
    assert "$.match.faar" in found["configuration"]["evidence"]
    assert "config check" in found["configuration"]["next_step"]


def test_a_package_that_is_missing_is_named() -> None:
    packages = program.packages(("numpy", "no-such-package"))

    assert (packages.state, packages.evidence) == ("failed", "missing: no-such-package")


def test_changed_weights_are_named(tmp_path: Path, model_store: ModelStore) -> None:
    shipped = model_store.weights("yunet")
    (tmp_path / shipped.name).write_bytes(shipped.read_bytes()[:-1] + b"?")
    networks = checks(command("doctor", "--json", "--config", write(tmp_path, models={"weights_dir": str(tmp_path)})))

    assert networks["networks"]["state"] == "failed"
    assert "SHA-256" in networks["networks"]["evidence"]


def test_a_threshold_without_evidence_is_a_fault(tmp_path: Path) -> None:
    found = checks(command("doctor", "--json", "--config", write(tmp_path, match={"far": 1e-9})))

    assert "no evidence for a false accept rate" in " ".join(check["evidence"] for check in found.values())


def test_a_state_folder_that_others_may_enter_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    private = checks(command("doctor", "--json", "--config", write(tmp_path)))["state folder"]
    (tmp_path / "state").chmod(0o755)
    shared = checks(command("doctor", "--json", "--config", write(tmp_path)))["state folder"]

    assert (private["state"], shared["state"]) == ("ok", "failed")
    assert "chmod 700" in shared["next_step"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(("owner", "state"), [(12345, "ok"), (12346, "failed")])
def test_to_root_the_state_folder_may_be_the_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, state: str
) -> None:
    service = pwd.struct_passwd(("kinect-unlock", "x", 12345, 12345, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: service)
    (tmp_path / "state").mkdir(mode=0o700)
    os.chown(tmp_path / "state", owner, owner)

    found = checks(command("doctor", "--json", "--config", write(tmp_path)))["state folder"]

    assert found["state"] == state
    assert (found.get("next_step") or "").startswith("chown 12345") == (state == "failed")


def test_a_source_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    missing = tmp_path / "recordings"
    source = checks(command("doctor", "--json", "--config", write(tmp_path, source={"path": str(missing)})))["source"]

    assert (source["state"], source["evidence"]) == ("failed", f"{missing} is not there")
    assert "source.path" in source["next_step"]


def test_the_programs_of_the_hooks_are_looked_for(tmp_path: Path) -> None:
    here = checks(
        command("doctor", "--json", "--config", write(tmp_path, hooks={"lock": ["true"], "unlock": ["true"]}))
    )
    gone = checks(command("doctor", "--json", "--config", write(tmp_path, hooks={"unlock": ["no-such-program"]})))

    assert (here["hooks"]["state"], here["hooks"]["evidence"]) == ("ok", "lock: true; unlock: true; found, not run")
    assert gone["hooks"]["state"] == "failed"
    assert "no-such-program" in gone["hooks"]["evidence"]


def test_a_session_without_a_private_folder_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.getuid() or 1000
    stand_in(monkeypatch, tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, user)
    told = command("doctor", "--json", "--config", write(tmp_path, daemon={"socket": None}))

    assert told.exit_code == 1
    assert [name for name, check in checks(told).items() if "$XDG_RUNTIME_DIR" in check["evidence"]] == ["folders"]
    assert checks(told)["networks"]["state"] == "note"
    assert checks(told)["folders"]["state"] == "failed"


def test_a_long_path_stays_whole(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    told = command("doctor", "--config", write(tmp_path, source={"path": str(folder)}))

    assert str(folder) in re.sub(r"\s+", "", told.out)
