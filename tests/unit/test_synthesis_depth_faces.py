"""Invented depth faces: what the sensor does to them, that the product accepts them, and that a seed decides all."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from commands import command
from fakes.heads import egg_head
from kinect_unlock.errors import SourceError
from kinect_unlock.pose import angles_deg, facing
from kinect_unlock_lab.synthesis import depth_faces, hair_volume, heads
from kinect_unlock_lab.synthesis.depth_sensor import Errors, ErrorSpread, draw_errors, sense
from kinect_unlock_lab.synthesis.head_files import load_head, save_head, source_of
from kinect_unlock_lab.synthesis.shards import open_writer, read_set

EXACT = Errors(
    white_mm=0.0,
    growth=0.0,
    wave_mm=0.0,
    wave_px=5.0,
    hollow=0.0,
    dark_mm=0.0,
    edge_hole=0.0,
    edge_flying=0.0,
    stray_hole=0.0,
    dim=0.001,
    lens_hole=0.0,
    lens_mm=0.0,
    blur_mm=0.0,
    smooth=False,
    lamp_mm=0.0,
    color_mm=0.0,
    steps="none",
)


def _plane(z_mm: float, albedo: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    surface = np.empty((60, 60, 2), np.float32)
    surface[..., 0], surface[..., 1] = np.log(albedo), 10.0
    return np.full((60, 60), z_mm, np.float32), surface


def _changed(**errors: object) -> Errors:
    fields = {name: getattr(EXACT, name) for name in EXACT.__slots__}
    return Errors(**{**fields, **errors})


@pytest.fixture(scope="module")
def egg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "egg.npz"
    save_head(egg_head(), path, project="nobody's", licence="CC0-1.0")
    return path


def test_a_sensor_without_errors_reads_the_truth() -> None:
    truth, surface = _plane(777.0)
    truth[:, 40:] = np.inf
    reading = sense(truth, surface, EXACT, np.random.default_rng(1))
    assert np.array_equal(reading[:, :40], truth[:, :40])
    assert (reading[:, 40:] == 0).all()


def test_noise_grows_with_distance_and_on_dark_things() -> None:
    def spread(z_mm: float, albedo: float) -> float:
        truth, surface = _plane(z_mm, albedo)
        noise = sense(truth, surface, _changed(white_mm=1.0, growth=0.75), np.random.default_rng(2)) - truth
        return float(noise[2:-2, 2:-2].std())

    assert spread(800, 1.0) == pytest.approx(1.0, rel=0.1)
    assert spread(1200, 1.0) == pytest.approx(1.5**1.5, rel=0.1)
    assert spread(800, 0.3) == pytest.approx(0.3**-0.75, rel=0.1)


def test_readings_are_kept_in_the_steps_of_the_recordings() -> None:
    for z_mm, step in ((801.7, 4), (1203.9, 8)):
        truth, surface = _plane(z_mm)
        reading = sense(truth, surface, _changed(steps="coarse"), np.random.default_rng(3))
        assert set(reading.ravel()) == {float(np.floor(z_mm / step) * step)}


def test_the_lamp_casts_a_shadow_as_wide_as_geometry_says() -> None:
    truth, surface = _plane(1000.0)
    truth[:, 20:30] = 500.0
    reading = sense(truth, surface, _changed(lamp_mm=26.0), np.random.default_rng(4))
    dark = np.flatnonzero(reading[30] == 0)
    assert 8 <= len(dark) <= 10  # 26 mm * 365.6 px * (1 / 500 - 1 / 1000) mm = 9.5 px
    assert dark.max() == 19  # on the side away from the lamp
    other = sense(truth, surface, _changed(lamp_mm=-26.0), np.random.default_rng(4))
    assert np.flatnonzero(other[30] == 0).min() == 30


def test_outlines_lose_readings_or_let_them_fly() -> None:
    truth, surface = _plane(700.0)
    truth[:, 30:] = 900.0
    lost = sense(truth, surface, _changed(edge_hole=1.0), np.random.default_rng(5))
    assert set(np.flatnonzero((lost == 0).any(axis=0))) == {29}
    flying = sense(truth, surface, _changed(edge_flying=1.0), np.random.default_rng(5))[:, 29]
    assert ((flying >= 700) & (flying <= 800)).all()
    assert flying.std() > 10


def test_angles_of_a_drawn_rotation_are_the_products() -> None:
    turn = depth_faces.rotated(0.3, -0.2, 0.1)
    assert np.degrees((0.3, -0.2, 0.1)) == pytest.approx(angles_deg(turn))
    rotation, origin = depth_faces.draw_place(depth_faces.LookSpread(), np.random.default_rng(6))
    yaw, pitch, roll = angles_deg(facing(origin) @ rotation)
    assert max(abs(yaw), abs(pitch), abs(roll)) <= 33


def test_hair_stands_out_of_the_head_and_skin_stays() -> None:
    head = heads.prepare(egg_head())
    growth = hair_volume.plant(head)
    shares = hair_volume.HairShares(fringe=0, sides=0, ribbons=1, beard=0, glasses=0)
    cover = hair_volume.draw_cover(head, growth, shares, np.random.default_rng(7))
    bare = np.linalg.norm(cover.push, axis=1) == 0
    assert 0.2 < bare.mean() < 0.95
    vertices = hair_volume.covered(head, growth, cover, head.neutral)
    assert np.array_equal(vertices[: len(bare)][bare], head.neutral[bare])
    hanging = vertices[len(bare) :]
    hanging = hanging[np.isfinite(hanging[:, 0])]
    assert len(hanging) > 0
    assert np.abs(hanging[:, 0]).max() < 130
    assert growth.triangles.max() < len(vertices)


def test_the_same_strengths_add_up_as_a_product_does() -> None:
    rng = np.random.default_rng(8)
    fields, weights = rng.standard_normal((7, 5000), np.float32), rng.standard_normal(7, np.float32)
    out = np.zeros(5000, np.float32)
    heads.add_weighted(out, weights, fields)
    assert np.allclose(out, weights @ fields, atol=1e-4)


def test_the_product_accepts_an_invented_face(egg_file: Path) -> None:
    studio = depth_faces.studio_of(egg_file, depth_faces.DepthRecipe())
    rng = np.random.default_rng(9)
    (sitter,) = depth_faces.invite(studio, [rng])
    looks = depth_faces.sit(studio, sitter, 4, rng)
    assert looks
    for look in looks:
        assert 400 < look.frontal.pose.distance_mm < 1500
        assert look.frontal.residual_mm.shape == (112, 112)


def test_a_head_model_says_whose_it_is(egg_file: Path, tmp_path: Path) -> None:
    source = source_of(egg_file)
    assert (source.file, source.project, source.licence) == ("egg.npz", "nobody's", "CC0-1.0")
    assert np.allclose(load_head(egg_file).neutral, egg_head().neutral)
    text = tmp_path / "no.npz"
    text.write_text("no archive")
    with pytest.raises(SourceError, match="not a head model"):
        source_of(text)


def test_errors_are_drawn_within_their_ranges() -> None:
    spread = ErrorSpread(quantised_share=1.0)
    drawn = [draw_errors(spread, np.random.default_rng(seed)) for seed in range(50)]
    assert {errors.steps for errors in drawn} == {"coarse"}
    assert all(spread.white_mm[0] <= errors.white_mm <= spread.white_mm[1] for errors in drawn)


PEOPLE_PER_SHARD = 4
SMALL_SHARDS = f"""
from kinect_unlock.cli import main
from kinect_unlock_lab.synthesis import depth_faces
depth_faces.PEOPLE_PER_SHARD = {PEOPLE_PER_SHARD}
main()
"""


def _synthesise(egg: Path, out: Path, *, jobs: int) -> list[str]:
    words = ["lab", "synthesise", str(egg), str(out)]
    return [*words, "--people", "14", "--looks", "1", "--seed", "5", "--jobs", str(jobs)]


@pytest.mark.slow
def test_a_killed_run_goes_on_and_gives_the_same_bytes_as_one_with_other_jobs(
    egg_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depth_faces, "PEOPLE_PER_SHARD", PEOPLE_PER_SHARD)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert command(*_synthesise(egg_file, whole, jobs=1)).exit_code == 0
    run = subprocess.Popen(
        [sys.executable, "-c", SMALL_SHARDS, *_synthesise(egg_file, broken, jobs=2)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "JOBLIB_TEMP_FOLDER": str(tmp_path)},  # what it leaves there goes with the test
    )
    while run.poll() is None and not list(broken.glob("shard-*.npz")):
        with suppress(subprocess.TimeoutExpired):
            run.wait(timeout=0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(timeout=20)
    assert list(broken.glob("shard-*.npz"))
    assert command(*_synthesise(egg_file, broken, jobs=1)).exit_code == 0
    names = sorted(path.name for path in whole.iterdir())
    assert names == ["set.json", *(f"shard-{number:05}.npz" for number in range(4))]
    assert names == sorted(path.name for path in broken.iterdir())
    assert all((whole / name).read_bytes() == (broken / name).read_bytes() for name in names)
    assert len(read_set(whole)) > 10


def test_a_set_of_another_head_model_is_refused(egg_file: Path, tmp_path: Path) -> None:
    described = depth_faces.describe(egg_file, people=3, looks=2, seed=1, quantised_share=0.5)
    open_writer(tmp_path / "set", described)
    other = tmp_path / "other.npz"
    save_head(egg_head(), other, project="somebody's", licence="MIT")
    with pytest.raises(SourceError, match="other options"):
        open_writer(tmp_path / "set", depth_faces.describe(other, people=3, looks=2, seed=1, quantised_share=0.5))
