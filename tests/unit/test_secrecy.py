"""What a process keeps private, another of the same user tries to read."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of another user")

_BOTH = """
import ctypes, os, sys
from kinect_unlock.secrecy import keep_memory_private

def as_nobody(do):
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after a start: who changes their user is private already
        do(theirs)
        os._exit(0)
    os.close(theirs)
    return pid, ours

def hold(told):
    if sys.argv[1] == "private":
        keep_memory_private()
    os.write(told, b"ready")
    os.close(told)
    os.read(never, 1)

def look(told):
    for at in (lambda: os.open(f"/proc/{held}/mem", os.O_RDONLY), lambda: open(f"/proc/{held}/environ").read(),
               lambda: os.listdir(f"/proc/{held}/fd")):
        try:
            at()
            os.write(told, b"seen ")
        except PermissionError:
            os.write(told, b"refused ")

never, kept = os.pipe()
held, ready = as_nobody(hold)
assert os.read(ready, 16) == b"ready"
looked, told = as_nobody(look)
os.waitpid(looked, 0)
print(os.read(told, 100).decode())
os.kill(held, 9)
os.waitpid(held, 0)
"""


@pytest.mark.parametrize(("how", "told"), [("private", "refused"), ("as usual", "seen")])
def test_another_process_of_the_user_sees_nothing_of_it(how: str, told: str) -> None:
    seen = subprocess.run([sys.executable, "-P", "-c", _BOTH, how], capture_output=True, text=True, check=True)

    assert seen.stdout.split() == [told] * 3
