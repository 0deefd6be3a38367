from pathlib import Path

import numpy as np
import pytest

from kinect_unlock import app
from kinect_unlock.errors import StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.keys import find_key
from kinect_unlock.settings import Config, Daemon
from kinect_unlock.store import FileTemplateStore, hold_state_dir
from kinect_unlock.templates import Template


def settings(folder: Path) -> Config:
    return Config(daemon=Daemon(state_dir=str(folder)))


def test_everybody_who_is_enrolled_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with hold_state_dir(folder):
        store = FileTemplateStore(folder, find_key(folder, {}, "auto").key)
        for user in ("ann", "bob"):
            store.save(Template(user, np.eye(2, 4, dtype=np.float32), (None, None), "m/1", Origin.SENSOR, 1, 0))

    assert [template.user for template in app.enrolled(settings(folder))] == ["ann", "bob"]


def test_where_no_daemon_ever_was_nobody_is_enrolled_and_nothing_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    assert app.enrolled(settings(folder)) == ()
    assert not folder.exists()


def test_templates_that_a_daemon_is_using_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    with hold_state_dir(folder), pytest.raises(StoreError, match="another daemon is using"):
        app.enrolled(settings(folder))
