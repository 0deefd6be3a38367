import logging
import os
from pathlib import Path

import pytest

from kinect_unlock.errors import ConfigError
from kinect_unlock.frames import Origin
from kinect_unlock.logs import decision_log, log_to_stderr
from kinect_unlock.settings import Config, Log


def test_a_decision_log_is_its_owners_alone_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with decision_log(Config(log=Log(decisions=str(path))), test_source=True) as write:
        assert write is not None
        write("first")
        early = path.read_text()
    with decision_log(Config(log=Log(decisions=str(path))), test_source=True) as write:
        assert write is not None
        write("second")

    assert (early, path.read_text()) == ("first\n", "second\n")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_decision_log_that_others_could_read_or_write_is_refused_untouched(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log"
    path.write_text("kept")
    path.chmod(mode)
    with (
        pytest.raises(ConfigError, match=r"\$\.log\.decisions: .* is open to others"),
        decision_log(Config(log=Log(decisions=str(path))), test_source=True),
    ):
        pass

    assert path.read_text() == "kept"


def test_a_decision_log_is_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log", 0o600)
    with (
        pytest.raises(ConfigError, match="cannot be written"),
        decision_log(Config(log=Log(decisions=str(tmp_path / "log"))), test_source=True),
    ):
        pass


def test_logging_is_ours_while_the_daemon_runs_and_the_programs_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("kinect_unlock")
    before = list(logger.handlers)
    with log_to_stderr("info", Origin.SENSOR):
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
    with log_to_stderr("info", Origin.SENSOR):
        logging.getLogger("kinect_unlock").info("event=heard")

    assert capsys.readouterr().err == "INFO kinect_unlock event=heard\n"


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.SENSOR])
def test_what_is_no_sensors_says_so_in_every_line(
    origin: Origin, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    with log_to_stderr("info", origin):
        logging.getLogger("kinect_unlock.controller").info("event=attempt word=%s", "match")

    assert capsys.readouterr().err == f"INFO kinect_unlock.controller origin={origin} event=attempt word=match\n"
