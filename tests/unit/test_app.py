import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock import app
from kinect_unlock.builds import OPENVINO_INT8
from kinect_unlock.choices import Choice, Measured, processor, programs
from kinect_unlock.choosing import check_faces
from kinect_unlock.errors import ConfigError, HookError, KinectUnlockError, SourceError, StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Daemon, Hooks, Log, Match, Models, Source


@pytest.fixture
def folder() -> Iterator[Path]:
    with PrivateDaemon.folder() as made:
        yield made


def _config(folder: Path, **parts: Any) -> Config:
    ours = Config(
        daemon=Daemon(socket=str(folder / "run" / "s"), state_dir=str(folder / "state")),
        source=Source(kind="replay", path=str(folder)),
        models=Models(cache_dir=str(folder / "cache")),
    )
    return msgspec.structs.replace(ours, **parts)


@pytest.mark.parametrize(
    ("parts", "kind", "complaint"),
    [
        pytest.param({"source": Source(kind="stand-in")}, SourceError, "needs source.path", id="nothing to play"),
        pytest.param({"source": Source(kind="toaster")}, SourceError, "unknown source.kind 'toaster'", id="no source"),
        pytest.param({"match": Match(far=1e-9)}, ConfigError, "no evidence for a false accept rate", id="no evidence"),
        pytest.param({"models": Models(encoder="x")}, ConfigError, "no encoder is called 'x'", id="no encoder"),
        pytest.param({"hooks": Hooks(unlock=("/nowhere/hook",))}, HookError, "/nowhere/hook", id="no hook"),
        pytest.param(
            {"daemon": Daemon(socket="/tmp/s", state_dir="/tmp")},  # noqa: S108 - open to others, hence refused
            StoreError,
            "refused",
            id="state open to others",
        ),
        pytest.param({"log": Log(decisions="/nowhere/x")}, ConfigError, "only a run with --test-source", id="scores"),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_anything_listens(
    folder: Path, parts: dict[str, Any], kind: type[KinectUnlockError], complaint: str
) -> None:
    with pytest.raises(kind, match=complaint):
        app.run(_config(folder, **parts), test_source=False)

    assert not (folder / "run" / "s").exists()


def test_a_network_of_the_wrong_sort_is_refused_in_the_thread_that_loads_it(folder: Path) -> None:
    models = Models(cache_dir=str(folder / "cache"), detector="rgbd-fused")
    with pytest.raises(ConfigError, match="no detector is called 'rgbd-fused'"):
        app.run(_config(folder, models=models), test_source=False)

    assert not (folder / "run" / "s").exists()


def test_a_decision_log_that_cannot_be_written_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"\$\.log\.decisions: .* cannot be written"):
        app.run(_config(folder, log=Log(decisions=str(folder / "no" / "x"))), test_source=True)


def test_a_decision_log_is_never_written_through_a_link(folder: Path) -> None:
    target = folder / "precious"
    target.write_text("kept")
    (folder / "log").symlink_to(target)
    with pytest.raises(ConfigError, match="cannot be written"):
        app.run(_config(folder, log=Log(decisions=str(folder / "log"))), test_source=True)

    assert target.read_text() == "kept"


def test_a_decision_log_is_its_owners_alone_and_begins_anew(folder: Path) -> None:
    path = folder / "log"
    with app._decision_log(_config(folder, log=Log(decisions=str(path))), test_source=True) as write:
        assert write is not None
        write("first")
        early = path.read_text()
    with app._decision_log(_config(folder, log=Log(decisions=str(path))), test_source=True) as write:
        assert write is not None
        write("second")

    assert (early, path.read_text()) == ("first\n", "second\n")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_decision_log_that_others_could_read_or_write_is_refused_untouched(folder: Path, mode: int) -> None:
    path = folder / "log"
    path.write_text("kept")
    path.chmod(mode)
    with (
        pytest.raises(ConfigError, match=r"\$\.log\.decisions: .* is open to others"),
        app._decision_log(_config(folder, log=Log(decisions=str(path))), test_source=True),
    ):
        pass

    assert path.read_text() == "kept"


def test_a_decision_log_is_no_pipe(folder: Path) -> None:
    os.mkfifo(folder / "log", 0o600)
    with (
        pytest.raises(ConfigError, match="cannot be written"),
        app._decision_log(_config(folder, log=Log(decisions=str(folder / "log"))), test_source=True),
    ):
        pass


def test_logging_is_ours_while_the_daemon_runs_and_the_programs_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("kinect_unlock")
    before = list(logger.handlers)
    with app._logging("info", Origin.SENSOR):
        logger.info("event=heard")
        logger.debug("event=unheard")
    logger.warning("event=elsewhere")

    assert "INFO kinect_unlock event=heard\n" in (said := capsys.readouterr().err)
    assert "unheard" not in said
    assert logger.handlers == before


def test_under_the_journal_a_line_has_no_time_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    with app._logging("info", Origin.SENSOR):
        logging.getLogger("kinect_unlock").info("event=heard")

    assert capsys.readouterr().err == "INFO kinect_unlock event=heard\n"


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.SENSOR])
def test_what_is_no_sensors_says_so_in_every_line(
    origin: Origin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    with app._logging("info", origin):
        logging.getLogger("kinect_unlock.controller").info("event=attempt word=%s", "match")

    assert capsys.readouterr().err == f"INFO kinect_unlock.controller origin={origin} event=attempt word=match\n"


def test_the_library_is_told_not_to_phone_home_before_it_is_loaded() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_pipeline_and_its_networks_are_to_be_had_without_a_daemon(folder: Path) -> None:
    config = _config(folder)
    steps: list[str] = []
    whole = app.pipeline(config, progress=lambda step, _done: steps.append(step))

    assert whole is not None
    assert "composing the network (fp32)" in steps
    assert app.encoder(config).model_id == app.model_store(config).encoder.model_id


def test_a_client_looks_where_the_daemon_listens(folder: Path) -> None:
    config = _config(folder)
    assert app.client(config)._path == folder / "run" / "s"


def test_a_chosen_build_that_cannot_be_loaded_is_replaced_by_float32_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = _config(folder)
    store = app.model_store(config)
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
        encoder = app.encoder(config)

    assert "event=build-fallback network=rgbd-fused build=openvino-int8 action=fp32" in caplog.text
    assert len(encoder.encode(check_faces()[:1])) == 1
