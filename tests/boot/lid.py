"""Run inside the machine in place of logind: says of every program that it is anna's, and that the lid is shut.

A container has no lid that its logind could see. Beside it lies what it needs of the fakes folder of the tests.
"""

import asyncio
import sys
from typing import Any

from fakes.login1 import Login1

SESSION = "2"


class _EveryProgram(dict[int, str]):
    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: int) -> str:
        return SESSION


async def main(docked: bool) -> None:  # noqa: FBT001 - what the command line says
    logind: Any = Login1("unix:path=/run/dbus/system_bus_socket")
    logind.pids = _EveryProgram()
    logind.session(SESSION)
    logind.lid_closed, logind.docked = True, docked
    await logind.start()
    await asyncio.get_running_loop().create_future()


asyncio.run(main(sys.argv[1] == "docked"))
