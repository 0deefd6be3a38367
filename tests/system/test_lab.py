"""The laboratory's verbs from end to end, on a small data set of people who do not exist."""

import tempfile
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.cli import app
from kinect_unlock_lab.datasets import load_rgbd_faces
from kinect_unlock_lab.trial import people_of, run_trial
from small_dataset import write_dataset

pytestmark = pytest.mark.slow

# The owner looks straight, left, right, up and down; their return and the stranger are of one stream each.
PEOPLE = {
    "anna": ("owner-enrols", 2017, (0, 3, 6, 9, 18, 27)),
    "bert": ("stranger", 2019, (2, 5, 8, 11, 14)),
    "carl": ("stranger", 2019, (3, 16)),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("faces"), PEOPLE)


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    file.write_text(f"models: {{cache_dir: {cache_dir}}}\n", encoding="utf-8")
    file.chmod(0o600)
    return file


def lab(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_everybody_tries_to_be_everybody_through_a_real_daemon(
    dataset: Path, config_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trial.json"

    lab("trial", dataset, "--jobs", "1", "--json", out, "--config", config_file)

    read = msgspec.json.decode(out.read_bytes())
    everybody = read["halves"]["all"]
    assert read["stream_integrity"].startswith("off")
    assert read["unseen_captures"] == 0
    assert everybody["people"] == 3
    assert everybody["enrolled"]["events"] == 2  # two captures are too few
    assert everybody["missed"] == {**everybody["missed"], "events": 0, "trials": 2}
    # Carl and Bert are one person under two names: that is what a false unlock looks like.
    assert everybody["same_year"]["attempts"]["events"] == everybody["same_year"]["attempts"]["trials"] == 1
    assert everybody["across_years"]["attempts"]["events"] == 0
    assert everybody["across_years"]["attempts"]["trials"] == 3


def test_a_trial_that_is_interrupted_stops_at_once_and_leaves_no_picture_behind(
    dataset: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    everybody = load_rgbd_faces(dataset)
    people = people_of(everybody, np.zeros(len(everybody), np.float32), np.ones(len(everybody), bool))
    settings = Config(models=Models(cache_dir=str(cache_dir)))
    told: list[int] = []

    def interrupt(count: int) -> None:
        told.append(count)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(people, settings, votes_needed=1, jobs=2, on_done=interrupt)

    assert len(told) <= 2  # each of the two daemons may be at one attempt
    assert list(tmp_path.glob("**/*.mkv")) == []


def test_embeddings_are_in_the_order_of_the_index(dataset: Path, config_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.npz"

    lab("embed", dataset, "--out", out, "--config", config_file)

    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["person"].tolist() == ["anna"] * 6 + ["bert"] * 5 + ["carl"] * 2
        assert arrays["embeddings"].dtype == np.float32
        assert arrays["acquired"].all()
        assert np.linalg.norm(arrays["embeddings"], axis=1) == pytest.approx(np.ones(13), abs=1e-5)
        assert set(arrays["liveness"].tolist()) <= {"live", "spoof", "unsure"}


def test_our_encoder_and_opencvs_tell_people_apart_alike(dataset: Path, config_file: Path, tmp_path: Path) -> None:
    out, tables, html = (tmp_path / name for name in ("rates.json", "rates.md", "rates.html"))
    words = ("--system", "sface", "--system", "opencv-sface", "--rounds", "5", "--frames", "1", "--dim", "--jobs", "2")

    lab("evaluate", dataset, *words, "--json", out, "--markdown", tables, "--html", html, "--config", config_file)

    read = msgspec.json.decode(out.read_bytes())
    ours, theirs = (
        [row for row in read["rows"] if row["label"]["system"] == name and row["label"]["light"] == "as it is"]
        for name in ("sface", "opencv-sface")
    )
    assert [row["label"]["protocol"] for row in ours] == [row["label"]["protocol"] for row in theirs] != []
    for our, their in zip(ours, theirs, strict=True):
        assert our["figures"]["eer"]["value"] == pytest.approx(their["figures"]["eer"]["value"], abs=0.02)
        assert our["figures"]["genuine"] == their["figures"]["genuine"]
    assert {row["label"]["light"] for row in read["rows"]} > {"as it is"}
    assert all(one["encode_ms"] > 0 and one["size_mb"] > 1 for one in read["speed"])
    for told in (tables.read_text(encoding="utf-8"), html.read_text(encoding="utf-8")):
        assert "opencv-sface" in told
        assert not any(person in told for person in PEOPLE)


def test_a_cluster_of_two_workers_finds_what_one_process_finds(
    dataset: Path, config_file: Path, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    words = ("evaluate", dataset, "--system", "sface", "--rounds", "5", "--frames", "2", "--config", config_file)

    lab(*words, "--json", here)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as two:
        lab(*words, "--json", there, "--dask", two.scheduler_address)

    one, other = (msgspec.json.decode(path.read_bytes()) for path in (here, there))
    assert one.pop("speed")[0]["size_mb"] == other.pop("speed")[0]["size_mb"]
    assert one == other


def test_thresholds_are_not_found_where_there_are_too_few_people(
    dataset: Path, config_file: Path, tmp_path: Path
) -> None:
    for name in ("Anna", "Bert"):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for number, source in enumerate(sorted((dataset / name.lower()).glob("*_rgb.png"))[:4], start=1):
            picture = cv2.imread(str(source))
            assert picture is not None
            cv2.imwrite(str(tmp_path / "photographs" / name / f"{name}_{number:04d}.jpg"), picture)
    out = tmp_path / "thresholds.json"

    lab("calibrate", dataset, tmp_path / "photographs", "--json", out, "--config", config_file)

    read = msgspec.json.decode(out.read_bytes())
    assert read["rows"] == []
    counted = {
        (finding["protocol"]["data"], finding["protocol"]["way"]): finding["comparisons"]
        for finding in read["findings"]
        if finding["protocol"]["strategy"] == "centre"
    }
    assert counted["LFW folds 1-2", "one look"] == 2 * 5 * 4  # five draws of three out of four, and four looks
    assert all(finding["thresholds"] == [None, None] for finding in read["findings"])
