"""What the stand-in copies is so: the same calls on the true pylibfreenect2."""

import pytest

from driver_probes import BAD, GOOD, PROBES, TRUE, run_probes
from native.building import Built

pytestmark = [pytest.mark.binding, pytest.mark.slow]


def test_good_calls_give_what_the_table_says(built: Built) -> None:
    ended = run_probes(TRUE, GOOD, built.environment)

    assert ended.returncode == 0, ended.err
    assert dict(zip(GOOD, ended.returned, strict=True)) == {name: PROBES[name].returns for name in GOOD}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_ends_the_process_as_the_table_says(built: Built, name: str) -> None:
    ended = run_probes(TRUE, [name], built.environment)

    assert (ended.returncode, ended.returned) == (PROBES[name].ends, []), ended.err
