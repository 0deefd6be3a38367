"""As root the key is exchanged as the user whom the state folder belongs to, for the daemon must read what is left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from kinect_unlock.frames import Origin
from kinect_unlock.keys import find_key
from kinect_unlock.store import FileTemplateStore
from kinect_unlock.templates import Template

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are closed to who the test works as."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work as somebody else")
def test_what_root_exchanges_stays_the_daemons(folder: Path) -> None:
    state = folder / "state"
    state.mkdir(mode=0o700)
    old = find_key(state, {}, "auto").key
    template = Template("ann", np.eye(2, 4, dtype=np.float32), (None, None), "m", Origin.SENSOR, 1, 0)
    FileTemplateStore(state, old).save(template)
    for path in (state, *state.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    file = folder / "config.yaml"
    file.write_text(f"daemon: {{state_dir: {state}}}\n")
    argv = [sys.executable, "-m", "kinect_unlock", "key", "rotate", "--config", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("1 template sealed with the new key.\n", "", 0)
    assert {path.stat().st_uid for path in (state, *state.rglob("*"))} == {NOBODY}
    assert (state / "template.key").read_bytes() != old.secret
