"""The source that ``--source`` names keeps the contract. Run by pytest alone; the program never imports it."""

import pytest

from kinect_unlock.sources.conformance import Check, Inapplicable, Subject


def test_it_keeps_the_contract(subject: Subject, check: Check) -> None:
    """Each promise is one test; what a source does not have is skipped with the reason."""
    try:
        check(subject)
    except Inapplicable as reason:
        pytest.skip(str(reason))
