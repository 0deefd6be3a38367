"""How long the module takes without a camera: ``python tests/pam/round_trip.py [RUNS]``.

A daemon that answers at once is asked through real libpam; once with a handle that is kept, and once by a new program
each time, the module loaded anew, whose time includes that of starting a program.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pam.rehearsing import MATCH, STARTED, SUCCESS, build, scripted_daemon

PROGRAMS = 50


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        built = build(folder, sanitized=False)
        (folder / "login").write_text(f"auth required {built.module} socket={folder}/s test_source\n")
        with scripted_daemon(folder / "s", ["say", STARTED + MATCH]):
            told = built.log_in(folder, f"times={runs}")
            begun_s = time.monotonic()
            for _ in range(PROGRAMS):
                built.log_in(folder)
            program_ms = (time.monotonic() - begun_s) / PROGRAMS * 1000
        absent = built.log_in(folder, f"times={runs}")
    assert {one.code for one in told} == {SUCCESS}
    for name, ms in (("match", [one.ms for one in told]), ("no daemon", [one.ms for one in absent])):
        cuts = statistics.quantiles(ms, n=20)
        print(f"{name}: p50 {statistics.median(ms):.2f} ms, p95 {cuts[18]:.2f} ms over {len(ms)} runs")  # noqa: T201 - its purpose
    print(f"a program that starts, loads the module and is let in: {program_ms:.1f} ms on average of {PROGRAMS}")  # noqa: T201


if __name__ == "__main__":
    main()
