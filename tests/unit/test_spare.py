"""A build that fails while it runs ends one attempt, and float32, checked by its hash, takes its place."""

import hashlib
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kinect_unlock import networks
from kinect_unlock.arrays import F32
from kinect_unlock.builds import FP32, OPENVINO_INT8
from kinect_unlock.choices import Choice, Measured, processor, programs
from kinect_unlock.choosing import check_faces
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ModelError
from kinect_unlock.models import ModelStore
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Models
from kinect_unlock.spare import SparedEncoder

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO, an extra, is not installed")
FACE = check_faces()[:1]
NAME = "rgbd-fused"


class Broken:
    """An engine that has stopped working."""

    inputs: dict[str, tuple[int | str | None, ...]] = {}  # noqa: RUF012 - a stand-in
    outputs = ("embedding",)

    def run(self, inputs: dict[str, F32]) -> list[F32]:
        raise RuntimeError(f"Exception from src/cpu.cpp:12:\nthe infer request failed: {list(inputs)}")


@pytest.fixture
def config() -> Iterator[Config]:
    with PrivateDaemon.folder() as folder:
        yield Config(models=Models(cache_dir=str(folder / "cache")))


@pytest.fixture
def chosen(config: Config) -> Config:
    """The 8-bit build is the one that was chosen."""
    store = networks.model_store(config)
    path = store.compose(NAME, OPENVINO_INT8)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = Measured(OPENVINO_INT8.name, file=path.name, sha256=digest, cpu_p50_ms=1.0, cosine_min=1.0)
    store.record(Choice(NAME, OPENVINO_INT8.name, processor(), programs(), (row,)))
    assert store.build_in_use(NAME) is OPENVINO_INT8
    return config


@pytest.fixture
def encoder(model_store: ModelStore, fused_path: Path) -> FusedEncoder:
    return FusedEncoder(model_store.encoder, fused_path, 1)


def _break(encoder: FusedEncoder) -> None:
    encoder._network._engine = Broken()


def _spared(config: Config) -> SparedEncoder:
    found = networks._with_spare(config, networks.model_store(config), None)
    assert isinstance(found, SparedEncoder)
    return found


@needs_openvino
def test_the_attempt_in_which_a_build_fails_ends_and_the_next_runs_on_float32(
    chosen: Config, caplog: pytest.LogCaptureFixture
) -> None:
    spared = _spared(chosen)
    before = spared.encode(FACE)
    _break(spared._encoder)
    with caplog.at_level(logging.WARNING), pytest.raises(ModelError, match=r"infer request failed.*float32.*try again"):
        spared.encode(FACE)
    assert "event=build-fallback" in caplog.text
    assert "action=fp32" in caplog.text
    store = networks.model_store(chosen)
    float32 = FusedEncoder(store.encoder, store.compose(NAME, FP32), 1)
    after = spared.encode(FACE)
    assert np.allclose(after, float32.encode(FACE), atol=1e-5)
    assert float(after[0] @ before[0]) > 0.9
    assert (spared.model_id, spared.halves) == (float32.model_id, float32.halves)


@needs_openvino
def test_float32_that_was_tampered_with_is_made_anew_before_it_takes_over(chosen: Config) -> None:
    spared = _spared(chosen)
    store = networks.model_store(chosen)
    spare = store.compose(NAME, FP32)
    spare.write_bytes(b"another network")
    _break(spared._encoder)
    with pytest.raises(ModelError, match="takes over"):
        spared.encode(FACE)
    assert store.compose(NAME, FP32).read_bytes() != b"another network"
    assert np.isfinite(spared.encode(FACE)).all()


def test_without_a_spare_every_attempt_ends_with_both_faults_until_there_is_one(encoder: FusedEncoder) -> None:
    asked: list[int] = []

    def spare() -> FusedEncoder:
        asked.append(1)
        raise ModelError("the weights cannot be read")

    spared = SparedEncoder(encoder, spare)
    _break(encoder)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"infer request failed.*weights cannot be read"):
            spared.encode(FACE)
    assert len(asked) == 2


def test_what_takes_over_encodes_and_is_the_end_of_it_when_it_fails_too(
    model_store: ModelStore, fused_path: Path, encoder: FusedEncoder
) -> None:
    taken = FusedEncoder(model_store.encoder, fused_path, 1)
    spared = SparedEncoder(encoder, lambda: taken)
    before = spared.encode(FACE)
    _break(encoder)
    with pytest.raises(ModelError, match="takes over"):
        spared.encode(FACE)
    assert np.array_equal(spared.encode(FACE), before)  # of the same build
    _break(taken)
    with pytest.raises(ModelError, match="infer request failed") as fault:
        spared.encode(FACE)
    assert "takes over" not in str(fault.value)


def test_where_float32_is_the_choice_there_is_no_spare(config: Config) -> None:
    assert isinstance(networks._with_spare(config, networks.model_store(config), None), FusedEncoder)
