"""Run inside the machine: a program on a terminal of its own, whose questions are answered as a person would.

Reads ``{"argv": [...], "answers": {"question": "answer"}}``, writes ``{"code": ..., "text": ..., "ms": ...}``. A
question is answered once: then the program gets no more input, as from somebody who has gone. A password is typed when
it is no longer shown: some programs ask first, then hide it and forget what was typed till then.
"""

import json
import os
import pty
import select
import signal
import sys
import termios
import time

LIMIT_S = 60.0


def shows_what_is_typed(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def main() -> None:
    asked = json.load(sys.stdin)
    answers = dict(asked["answers"])
    begun = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(asked["argv"][0], asked["argv"])  # noqa: S606 - what the test says
    text, heard = "", ""
    while (left_s := begun + LIMIT_S - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left_s)[0]:
            continue
        try:
            got = os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # the last process on it has ended
            break
        text, heard = text + got, heard + got
        question = next((one for one in answers if one in heard), None)
        if question is not None:
            heard = ""
            while "assword" in question and shows_what_is_typed(terminal) and time.monotonic() < begun + LIMIT_S:
                select.select([], [], [], 0.01)
            os.write(terminal, answers.pop(question).encode() + b"\n")
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    ms = 1e3 * (time.monotonic() - begun)
    json.dump({"code": os.waitstatus_to_exitcode(status), "text": text, "ms": ms}, sys.stdout)


main()
