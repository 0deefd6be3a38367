import hashlib
import logging
from pathlib import Path

import pytest

from kinect_unlock import networks
from kinect_unlock.builds import OPENVINO_INT8
from kinect_unlock.choices import Choice, Measured, processor, programs
from kinect_unlock.choosing import check_faces
from kinect_unlock.settings import Config, Models


def test_a_pipeline_and_its_networks_are_to_be_had_without_a_daemon(tmp_path: Path) -> None:
    config = Config(models=Models(cache_dir=str(tmp_path / "cache")))
    steps: list[str] = []
    whole = networks.pipeline(config, progress=lambda step, _done: steps.append(step))

    assert whole is not None
    assert "composing the network (fp32)" in steps
    assert networks.encoder(config).model_id == networks.model_store(config).encoder.model_id


def test_a_chosen_build_that_cannot_be_loaded_is_replaced_by_float32_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config(models=Models(cache_dir=str(tmp_path / "cache")))
    store = networks.model_store(config)
    whole = store.compose("rgbd-fused", OPENVINO_INT8)
    whole.unlink()
    rubbish = b"not a network"
    stem = whole.name.removesuffix(OPENVINO_INT8.ending).rpartition("-")[0]
    spoilt = whole.with_name(f"{stem}-{hashlib.sha256(rubbish).hexdigest()}{OPENVINO_INT8.ending}")
    spoilt.write_bytes(rubbish)
    spoilt.chmod(0o600)
    digest = hashlib.sha256(rubbish).hexdigest()
    row = Measured(OPENVINO_INT8.name, file=spoilt.name, sha256=digest, cpu_p50_ms=1.0, cosine_min=1.0)
    store.record(Choice("rgbd-fused", OPENVINO_INT8.name, processor(), programs(), (row,)))
    assert store.build_in_use("rgbd-fused") is OPENVINO_INT8

    with caplog.at_level(logging.WARNING):
        encoder = networks.encoder(config)

    assert "event=build-fallback network=rgbd-fused build=openvino-int8 action=fp32" in caplog.text
    assert len(encoder.encode(check_faces()[:1])) == 1
