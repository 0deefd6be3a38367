import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S, BootTime
from kinect_unlock.limiter import Ledger
from kinect_unlock.policy import Due, password_due
from kinect_unlock.settings import PolicyRules

RULES = PolicyRules()
NO_BOOT_RULE = PolicyRules(password_after_boot=False)


def at_h(hours: float, boot_id: str = "boot-1") -> BootTime:
    return BootTime(boot_id, round(hours * 3600 * NS_PER_S))


def ledger_of(
    *, password_h: float = 0.0, unlock_h: float = 0.0, face_h: float = 0.0, boot_id: str = "boot-1"
) -> Ledger:
    return Ledger(
        last_password=at_h(password_h, boot_id), last_unlock=at_h(unlock_h, boot_id), last_face=at_h(face_h, boot_id)
    )


@pytest.mark.parametrize(
    ("ledger", "now_h", "due"),
    [
        pytest.param(Ledger(), 1.0, Due.AFTER_BOOT, id="never-a-password"),
        pytest.param(Ledger(enrolled=at_h(0), last_face=at_h(0)), 1.0, Due.AFTER_BOOT, id="a-face-is-no-password"),
        pytest.param(ledger_of(boot_id="boot-0"), 1.0, Due.AFTER_BOOT, id="password-of-another-boot"),
        pytest.param(ledger_of(password_h=5.0), 1.0, Due.AFTER_BOOT, id="password-in-the-future"),
        pytest.param(ledger_of(), 47.99, None, id="48-h-not-quite"),
        pytest.param(ledger_of(), 48.0, Due.LONG_UNUSED, id="48-h"),
        pytest.param(ledger_of(unlock_h=100.0), 60.0, Due.LONG_UNUSED, id="an-unlock-in-the-future-counts-for-nothing"),
        pytest.param(ledger_of(unlock_h=40.0, face_h=40.0), 80.0, None, id="used-in-between"),
        pytest.param(ledger_of(unlock_h=155.0, face_h=155.0), 157.0, None, id="156-h-but-a-face-2-h-ago"),
        pytest.param(ledger_of(unlock_h=152.0, face_h=152.0), 156.0, Due.LONG_WITHOUT_PASSWORD, id="156-h-and-4-h"),
        pytest.param(ledger_of(unlock_h=152.0, face_h=152.0), 155.99, None, id="156-h-not-quite"),
        pytest.param(ledger_of(unlock_h=153.0, face_h=153.0), 156.5, None, id="4-h-not-quite"),
    ],
)
def test_a_password_is_asked_for_after_boot_48_h_and_156_with_4_h(
    ledger: Ledger, now_h: float, due: Due | None
) -> None:
    assert password_due(ledger, at_h(now_h), RULES) is due


def test_without_the_boot_rule_an_enrolment_begins_the_clocks() -> None:
    ledger = Ledger(enrolled=at_h(1.0))
    assert password_due(ledger, at_h(2.0), NO_BOOT_RULE) is None
    assert password_due(ledger, at_h(49.0), NO_BOOT_RULE) is Due.LONG_UNUSED


def test_without_the_boot_rule_a_ledger_that_knows_nothing_still_asks() -> None:
    assert password_due(Ledger(), at_h(0.0), NO_BOOT_RULE) is Due.LONG_UNUSED


def test_without_the_boot_rule_another_boots_moments_count_from_this_boots_beginning() -> None:
    ledger = ledger_of(password_h=1000.0, unlock_h=1000.0, face_h=1000.0, boot_id="boot-0")
    assert password_due(ledger, at_h(47.0), NO_BOOT_RULE) is None
    assert password_due(ledger, at_h(48.0), NO_BOOT_RULE) is Due.LONG_UNUSED


moments = st.none() | st.builds(at_h, st.floats(0, 300), st.sampled_from(["boot-1", "boot-0"]))
any_ledger = st.builds(Ledger, enrolled=moments, last_password=moments, last_face=moments, last_unlock=moments)


@given(
    ledger=any_ledger, now_h=st.floats(0, 400), forgotten=st.sampled_from(["last_password", "last_unlock", "last_face"])
)
def test_forgetting_a_moment_never_spares_a_password(ledger: Ledger, now_h: float, forgotten: str) -> None:
    """What is absent counts against opening."""
    poorer = msgspec.structs.replace(ledger, **{forgotten: None})
    if password_due(ledger, at_h(now_h), RULES) is not None:
        assert password_due(poorer, at_h(now_h), RULES) is not None


@given(ledger=any_ledger, now_h=st.floats(0, 400))
def test_just_after_a_password_none_is_asked_for(ledger: Ledger, now_h: float) -> None:
    told = msgspec.structs.replace(ledger, last_password=at_h(now_h))
    assert password_due(told, at_h(now_h), RULES) is None
