import json
import os
from pathlib import Path

import pytest
import yaml

from commands import command
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Models


@pytest.fixture
def config(tmp_path: Path, model_store: ModelStore) -> Path:
    cache = model_store.build("yunet").parent
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"models": {"cache_dir": str(cache)}}))
    return file


def test_a_script_gets_one_network_a_line(config: Path) -> None:
    rows = {row["name"]: row for row in command("models", "list", "--json", "--config", config).rows}

    assert set(rows) == {"yunet", "eyes", "rgbd-fused", "rgbd-squeezenet"}
    assert (rows["rgbd-fused"]["votes"], rows["rgbd-fused"]["unlock"], rows["yunet"]["built"]) == (
        ["rgb", "depth"],
        True,
        True,
    )


def test_a_person_sees_what_votes_and_what_is_chosen(config: Path) -> None:
    told = command("models", "list", "--config", config)

    assert told.exit_code == 0
    assert told.out.count("*") == 3
    assert "rgb" in told.out


def test_names_and_hashes_stay_whole_in_80_columns(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = command("models", "list", "--config", config)
    checked = command("models", "verify", "--config", config)

    assert "Apache-2.0" in listed.out
    for row in command("models", "list", "--json", "--config", config).rows:
        assert {row["name"], row["model_id"] or row["name"]} <= set(listed.out.split())
    assert "…" not in listed.out + checked.out


def test_in_few_columns_names_are_folded_and_not_the_words_beside_them(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    listed = command("models", "list", "--config", config)

    assert {"votes", "unlocks", "build", "licence", "Apache-2.0", "fp32"} <= set(listed.out.split())


def test_built_networks_are_named_measured_and_found_again(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"models": {"cache_dir": str(tmp_path / "cache")}}))
    told = command("models", "build", "--config", config)
    checks = command("models", "verify", "--json", "--config", config)
    listed = {row["name"]: row["build"] for row in command("models", "list", "--json", "--config", config).rows}
    chosen = json.loads(next((tmp_path / "cache").glob("rgbd-fused-*.choice.json")).read_text())["chosen"]

    assert told.exit_code == 0
    assert {line.split(":")[0] for line in told.err.splitlines() if line.endswith(".onnx")} == {
        "yunet",
        "eyes",
        "rgbd-fused",
    }
    assert "builds of rgbd-fused" in told.out
    assert listed == {"yunet": "fp32", "eyes": "fp32", "rgbd-fused": chosen, "rgbd-squeezenet": None}
    assert checks.exit_code == 0
    assert {(row["name"], row["part"], row["ok"]) for row in checks.rows} == {
        ("yunet", "weights", True),
        ("yunet", "network", True),
        ("eyes", "weights", True),
        ("eyes", "network", True),
        ("rgbd-fused", "weights", True),
        ("rgbd-fused", "network", True),
        ("rgbd-squeezenet", "weights", True),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_networks_of_another_user_are_neither_used_nor_complained_of(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"models": {"cache_dir": str(tmp_path / "cache")}}))
    store = ModelStore(Models(), cache_dir=tmp_path / "cache")
    assert not store.has_foreign()
    os.chown(store.build("yunet"), 12345, 12345)

    told = command("models", "verify", "--json", "--config", tmp_path / "config.yaml")

    assert store.has_foreign()
    assert told.exit_code == 0
    assert ("yunet", "network") not in {(row["name"], row["part"]) for row in told.rows}


def test_a_damaged_network_is_exit_code_70_and_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"models": {"cache_dir": str(tmp_path / "cache")}}))
    built = ModelStore(Models(), cache_dir=tmp_path / "cache").build("yunet")
    built.write_bytes(b"damaged")
    told = command("models", "verify", "--json", "--config", tmp_path / "config.yaml")

    assert told.exit_code == 70
    assert [(row["path"], row["fault"]) for row in told.rows if not row["ok"]] == [
        (str(built), "damaged; it will be built again")
    ]
