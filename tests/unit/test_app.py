import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock import app
from kinect_unlock.errors import ConfigError, HookError, KinectUnlockError, SourceError, StoreError
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


def test_the_library_is_told_not_to_phone_home_before_it_is_loaded() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_client_looks_where_the_daemon_listens(folder: Path) -> None:
    config = _config(folder)
    assert app.client(config)._path == folder / "run" / "s"
