"""A daemon that says what it is told to, as a process: ``python scripted_daemon.py SOCKET UID SCRIPT``.

The script is a list in JSON: ``["say", text]``, ``["drip", text, seconds]`` a byte at a time, ``["wait", seconds]``
unless the client hangs up before, ``["die"]``. Then it hangs up. Every connection is given all of it, but where it has
``["next"]``: what stands before is the first connection's, what stands after the next one's, and so on; the last part
is every later one's. It tells on its standard output, in lines: ``ready``, each request, and ``left`` when a client
hung up first.
"""

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

_REQUEST_BYTES: Final = 65_536


def main() -> None:
    """Serve until killed, or until whoever started us has gone."""
    path, uid, script = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        Path(path).chmod(0o666)
        if uid != os.getuid():
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        listener.listen(8)
        tell("ready")
        parts = parts_of(script)
        while readable(listener, sys.stdin):
            connection, _ = listener.accept()
            with connection:
                play(connection, parts.pop(0) if len(parts) > 1 else parts[0])


def parts_of(script: list[list[Any]]) -> list[list[list[Any]]]:
    """Return what each connection is given."""
    parts: list[list[list[Any]]] = [[]]
    for deed in script:
        if deed == ["next"]:
            parts.append([])
        else:
            parts[-1].append(deed)
    return parts


def readable(listener: socket.socket, until: Any) -> bool:
    """Wait for a client; False once ``until`` has ended."""
    ready, _, _ = select.select([listener, until], [], [])
    return until not in ready


def play(connection: socket.socket, script: list[list[Any]]) -> None:
    """Hear one request, then do the script's deeds while the client is there."""
    request = connection.makefile("rb").readline(_REQUEST_BYTES)
    tell(request.decode().strip())
    try:
        for deed, *arguments in script:
            match deed:
                case "say":
                    connection.sendall(arguments[0].encode("latin-1"))
                case "drip":
                    for byte in arguments[0].encode("latin-1"):
                        connection.sendall(bytes([byte]))
                        wait(connection, arguments[1])
                case "wait":
                    wait(connection, arguments[0])
                case "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                case _:
                    raise ValueError(deed)
    except (BrokenPipeError, ConnectionResetError):
        tell("left")


def wait(connection: socket.socket, seconds: float) -> None:
    """Let time pass; ends at once, and the script with it, when the client hangs up."""
    ready, _, _ = select.select([connection], [], [], seconds)
    if ready:
        raise BrokenPipeError


def tell(line: str) -> None:
    """Say a line to the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
