"""Every source keeps the contract: ``pytest tests/conformance``, or one alone: ``--source NAME``."""

import pytest

from kinect_unlock.sources.conformance import Check, Inapplicable, Subject

pytestmark = pytest.mark.slow  # a minute in all: most checks wait for frames at a camera's rate


def test_it_keeps_the_contract(subject: Subject, check: Check) -> None:
    try:
        check(subject)
    except Inapplicable as reason:
        pytest.skip(str(reason))
