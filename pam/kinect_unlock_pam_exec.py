#!/usr/bin/python3 -IS
"""Asks the daemon for pam_exec, where the PAM module cannot be built. Exit code 0 on a match, 1 on anything else.

Arguments, both for trying out only: ``--socket=/path`` of the daemon's socket, and ``--test-source`` to believe frames
that are no sensor's, and a daemon of one's own. Who is asked about stands in pam_exec's environment. Nothing is ever
written to the standard streams, and of Python only its own library is used, so that no upgrade of anything else can
break a login. What the PAM module does beyond this, it alone can do: see README.md beside it.
"""

import json
import os
import pwd
import re
import socket
import struct
import sys
import time

DEFAULT_SOCKET = "/run/kinect-unlock/daemon.sock"
SERVICE_USER = "kinect-unlock"
TIMEOUT_S = 5.0
NOBODY_S = 1.0
LINE_BYTES_MAX = 4096
REPLIES_BYTES_MAX = 65536
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
TTY = re.compile(r"[A-Za-z0-9_./:@\[\]-]{0,64}")
REMOTE_SERVICES = frozenset({"sshd", "ssh", "remote", "rlogin", "rsh", "telnet", "xrdp-sesman", "cockpit"})
# LightDM keeps a yes until somebody presses its greeter's button; the PAM module waits for a key before it asks.
KEEPS_THE_ANSWER = "lightdm"
PROGRESS = frozenset({"started", "hint", "warning", "nobody", "somebody"})
MEMBERS = frozenset({"word", "done", "hint", "user", "wait_s", "message"})


class NoAnswer(Exception):
    """There is no answer, or none that is understood."""


def now_s() -> float:
    """Return the time by a clock that goes on while the machine sleeps: a match from before that is no answer."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main() -> int:
    """Return the exit code."""
    path, test_source = DEFAULT_SOCKET, False
    for argument in sys.argv[1:]:
        if argument.startswith("--socket=/"):
            path = argument.removeprefix("--socket=")
        elif argument == "--test-source":
            test_source = True
        else:
            return 1
    try:
        request = request_of(os.environ)
        return 0 if matches(path, request, test_source=test_source) else 1
    except (NoAnswer, OSError, ValueError, KeyError, TypeError, RecursionError):
        return 1


def request_of(environ: "os._Environ[str]") -> dict[str, str]:
    """Return what to ask; raises `NoAnswer` about whom nobody is asked."""
    user, service = environ.get("PAM_USER", ""), environ.get("PAM_SERVICE", "")
    tty = environ.get("PAM_TTY", "")
    remote = environ.get("PAM_RHOST") or tty == "ssh" or service in REMOTE_SERVICES
    fits = NAME.fullmatch(user) and NAME.fullmatch(service) and TTY.fullmatch(tty)
    if environ.get("PAM_TYPE") != "auth" or remote or service == KEEPS_THE_ANSWER or not fits:
        raise NoAnswer
    return {"op": "verify", "user": user, "service": service, "tty": tty}


def matches(path: str, request: dict[str, str], *, test_source: bool) -> bool:
    """Ask, and say whether the answer is a match of this very user."""
    deadline_s = now_s() + TIMEOUT_S
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as line:
        line.settimeout(TIMEOUT_S)
        line.connect(path)
        pid_uid_gid = struct.unpack("iII", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if not is_trusted(pid_uid_gid[1], test_source=test_source):
            raise NoAnswer
        line.sendall(json.dumps(request).encode("ascii") + b"\n")
        return heard(line, request["user"], deadline_s, test_source=test_source)


def is_trusted(uid: int, *, test_source: bool) -> bool:
    """Say whether a daemon of this user's is believed."""
    if uid == 0 or (test_source and uid == os.geteuid()):
        return True
    return uid == pwd.getpwnam(SERVICE_USER).pw_uid


def heard(line: socket.socket, user: str, deadline_s: float, *, test_source: bool) -> bool:
    """Read replies until one is the last, and say whether that is a match."""
    pending, total, started, nobody_s = b"", 0, False, deadline_s
    while True:
        line.settimeout(max(min(nobody_s, deadline_s) - now_s(), 0.001))
        received = line.recv(LINE_BYTES_MAX)
        total += len(received)
        *lines, pending = (pending + received).split(b"\n")
        late = now_s() >= min(nobody_s, deadline_s)
        if not received or late or total > REPLIES_BYTES_MAX or len(pending) > LINE_BYTES_MAX:
            raise NoAnswer
        for number, text in enumerate(lines, 1):
            reply = reply_of(text, test_source=test_source)
            word = reply["word"]
            if reply.get("user", user) != user:
                raise NoAnswer
            if reply.get("done") is True:
                last = number == len(lines) and not pending
                return last and started and word == "match" and reply.get("user") == user
            if word not in PROGRESS:
                raise NoAnswer
            started = started or word == "started"
            if word == "nobody":
                nobody_s = min(nobody_s, now_s() + NOBODY_S)
            elif word == "somebody":
                nobody_s = deadline_s


def reply_of(text: bytes, *, test_source: bool) -> dict[str, object]:
    """Read one reply; raises ValueError or `NoAnswer`."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise NoAnswer
        return dict(pairs)

    reply = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    known = MEMBERS | {"origin"} if test_source else MEMBERS
    if not isinstance(reply, dict) or not reply.keys() <= known or not isinstance(reply.get("word"), str):
        raise NoAnswer
    return reply


if __name__ == "__main__":
    sys.excepthook = lambda *_: None  # a fault that nobody foresaw is exit code 1 too, and says nothing
    sys.exit(main())
