"""The fuzz target is built and finds nothing in a short run; `make fuzz` runs as long as one likes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pam.rehearsing import PAM_FOLDER

INPUTS = 50_000


@pytest.mark.slow
def test_a_short_run_finds_nothing(kept: Path) -> None:
    if shutil.which("clang") is None or shutil.which("make") is None:
        pytest.skip("there is no clang, or no make")
    argv = ["make", "-C", str(PAM_FOLDER), f"BUILD={kept}", f"RUNS={INPUTS}", "fuzz"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)
    if "libclang_rt.fuzzer" in done.stderr:
        pytest.skip("clang has no libFuzzer (libclang-rt-14-dev)")

    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert done.returncode == 0, done.stderr[-2000:]
    assert executed is not None
    assert int(executed[1]) >= INPUTS
