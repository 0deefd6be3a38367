"""A process that saves one generation after another, to be killed; started by test_store_crash.py.

Reads orders from stdin, a line each: ``forever FIRST`` saves generation FIRST, FIRST+1, ... and ``once GENERATION
LINE`` kills itself at the LINE-th line that runs in private_files. Each order is carried out by a child, so that numpy
is imported once. Says ``pid N``, then ``saved G`` after each save, then ``ended STATUS``.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from kinect_unlock import private_files
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.sealing import Key
from kinect_unlock.store import FileLedgerStore, FileTemplateStore
from kinect_unlock.templates import Template

KEY = Key(bytes(32))


def template(generation: int) -> Template:
    """Return a template whose every number follows from its generation, and so does its size."""
    vectors = np.random.default_rng(generation).normal(size=(1 + generation % 16, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Template(
        user="alice",
        vectors=vectors,
        poses=(None,) * len(vectors),
        model_id="m",
        origin=Origin.SENSOR,
        generation=generation,
        enrolled_s=generation,
    )


def say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


def save(state: Path, generation: int) -> None:
    FileTemplateStore(state, KEY).save(template(generation))
    FileLedgerStore(state).save("alice", Ledger(failures=generation))
    say(f"saved {generation}")


def forever(state: Path, first: int) -> None:
    while True:
        save(state, first)
        first += 1


def once(state: Path, generation: int, line: int) -> None:
    left = line

    def count(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal left
        if frame.f_code.co_filename != private_files.__file__:
            return None
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(count)
    save(state, generation)
    sys.settrace(None)


ORDERS: dict[str, Callable[..., None]] = {"forever": forever, "once": once}


def main() -> None:
    state = Path(sys.argv[1])
    for order in sys.stdin:
        name, *numbers = order.split()
        child = os.fork()
        if child == 0:
            ORDERS[name](state, *(int(number) for number in numbers))
            os._exit(0)
        say(f"pid {child}")
        say(f"ended {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")


if __name__ == "__main__":
    main()
