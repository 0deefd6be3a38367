"""An exchange of keys that dies at any line leaves every template readable, and the next start finishes it."""

import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.frames import Origin
from kinect_unlock.keys import find_key
from kinect_unlock.sealing import Key
from kinect_unlock.store import FileTemplateStore
from kinect_unlock.templates import Template

EXCHANGER = Path(__file__).with_name("key_exchanger.py")
USERS = ("alice", "bob")


def template(user: str) -> Template:
    return Template(user, np.eye(2, 4, dtype=np.float32), (None, None), "m", Origin.SENSOR, generation=3, enrolled_s=1)


def found(state: Path, old: Key) -> tuple[bool, int]:
    """Start as the daemon does and read everybody; return whether the key is new, and how many lay there before."""
    keys = len(list(state.glob("template.key*")))
    key = find_key(state, {}, "auto").key
    store = FileTemplateStore(state, key)
    assert store.users() == USERS
    for user in USERS:
        loaded = store.load(user)
        assert loaded is not None
        assert (loaded.generation, loaded.vectors.tobytes()) == (3, template(user).vectors.tobytes())
    assert sorted(path.name for path in state.rglob("*") if path.is_file()) == ["alice.tpl", "bob.tpl", "template.key"]
    return key != old, keys


@pytest.mark.slow
def test_kill_9_at_every_line_of_an_exchange_of_keys_loses_no_template(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir(mode=0o700)
    old = find_key(whole, {}, "auto").key
    for user in USERS:
        FileTemplateStore(whole, old).save(template(user))
    outcomes = []
    command = [sys.executable, str(EXCHANGER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in count(1):
            state = Path(shutil.copytree(whole, tmp_path / "state"))
            print(state, line, file=process.stdin, flush=True)
            status = int(process.stdout.readline().split()[1])
            outcomes.append(found(state, old))
            shutil.rmtree(state)
            if status == 0:
                break
            assert status == -signal.SIGKILL
        process.stdin.close()
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome[0])  # first the old key's, then the new one's
    assert set(outcomes) == {(False, 1), (True, 2), (True, 1)}
    assert len(outcomes) > 100
