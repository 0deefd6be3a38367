"""A process that exchanges keys, to be killed; started by test_key_crash.py.

Reads orders from stdin, ``STATE LINE`` each: a child exchanges the key of the folder STATE and kills itself at the
LINE-th line that runs in what exchanges and writes. Says ``ended STATUS`` after each.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from kinect_unlock import keys, private_files, store

WATCHED = {keys.__file__, private_files.__file__, store.__file__}


def exchange(state: Path, line: int) -> None:
    left = line

    def count(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(count)
    keys.exchange_file_key(state)
    sys.settrace(None)


def main() -> None:
    for order in sys.stdin:
        state, line = order.split()
        child = os.fork()
        if child == 0:
            exchange(Path(state), int(line))
            os._exit(0)
        os.write(1, f"ended {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


if __name__ == "__main__":
    main()
