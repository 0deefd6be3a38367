import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import Outcome, command
from kinect_unlock.cli import doctor as module
from kinect_unlock.models import ModelStore

ALONE = {"kind": "replay", "path": "."}


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
        "configuration": "ok",
        "networks": "note",
        "matching": "ok",
        "state folder": "note",
        "source": "ok",
        "hooks": "note",
        "daemon": "note",
    }
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


def test_it_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path)
    command("doctor", "--config", file)

    assert list(tmp_path.iterdir()) == [file]


def test_a_person_reads_the_same_in_words(tmp_path: Path) -> None:
    told = command("doctor", "--config", write(tmp_path))

    assert told.exit_code == 0
    assert "-> `kinect-unlock run`" in re.sub(r"\s+", " ", told.out)
    assert "Traceback" not in told.err


def test_the_shipped_settings_fail_for_want_of_a_driver_and_say_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinect_unlock.config.file_in_force", lambda *_: None)
    told = command("doctor", "--json")

    assert told.exit_code == 1
    assert checks(told)["source"]["state"] == "failed"
    assert "no driver for the Kinect v2 yet" in checks(told)["source"]["evidence"]


def test_a_faulty_configuration_is_told_and_what_needs_none_is_still_looked_at(tmp_path: Path) -> None:
    told = command("doctor", "--json", "--config", write(tmp_path, match={"faar": 1.0}))
    found = checks(told)

    assert told.exit_code == 1
    assert found["packages"]["state"] == "ok"
    assert found["configuration"]["state"] == "failed"
    assert "$.match.faar" in found["configuration"]["evidence"]
    assert "config check" in found["configuration"]["next_step"]


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package"))
    packages = checks(command("doctor", "--json", "--config", write(tmp_path)))["packages"]

    assert (packages["state"], packages["evidence"]) == ("failed", "missing: no-such-package")


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
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    told = command("doctor", "--json", "--config", write(tmp_path, daemon={"socket": None}))

    assert told.exit_code == 1
    assert told.out.count("$XDG_RUNTIME_DIR") == 1
    assert checks(told)["networks"]["state"] == "note"
    assert checks(told)["folders"]["state"] == "failed"


def test_a_long_path_stays_whole(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    told = command("doctor", "--config", write(tmp_path, source={"path": str(folder)}))

    assert str(folder) in re.sub(r"\s+", "", told.out)
