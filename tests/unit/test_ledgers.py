import pytest

from fakes.ports import MemoryLedgers
from kinect_unlock.clock import ManualClock
from kinect_unlock.errors import StoreError
from kinect_unlock.ledgers import BudgetBook, LedgerBook
from kinect_unlock.limiter import Ledger, matched, password_accepted, settle


def failed_at(clock: ManualClock) -> Ledger:
    return settle(Ledger(), clock.boot_time(), failed=True, base_s=1.0, max_failures=5)


def test_an_owed_ledger_is_saved_before_it_is_opened_again() -> None:
    clock, store = ManualClock(), MemoryLedgers()
    book = LedgerBook(store, clock)
    store.failing_save = True
    with pytest.raises(StoreError, match="no space left"):
        book.settle("anna", failed_at(clock))
    with pytest.raises(StoreError, match="no space left"):
        book.open("anna")
    store.failing_save = False
    assert book.open("anna").failures == 1
    assert store.kept["anna"].failures == 1


def test_a_ledger_that_forgives_is_never_owed() -> None:
    clock, store = ManualClock(), MemoryLedgers()
    book = LedgerBook(store, clock)
    store.kept["anna"] = Ledger(failures=3)
    store.failing_save = True
    with pytest.raises(StoreError, match="no space left"):
        book.save("anna", Ledger())
    store.failing_save = False
    assert book.open("anna").failures == 3


def test_a_saved_ledger_settles_what_was_owed() -> None:
    clock, store = ManualClock(), MemoryLedgers()
    book = LedgerBook(store, clock)
    store.failing_save = True
    with pytest.raises(StoreError, match="no space left"):
        book.settle("anna", failed_at(clock))
    store.failing_save = False
    book.save("anna", Ledger())
    assert book.open("anna") == Ledger()


def test_a_ledger_that_cannot_be_read_is_an_error() -> None:
    store = MemoryLedgers()
    store.failing_load = True
    with pytest.raises(StoreError, match="damaged"):
        LedgerBook(store, ManualClock()).open("anna")


def test_a_cool_down_of_another_boot_is_saved_as_begun_again() -> None:
    clock, store = ManualClock(), MemoryLedgers()
    book = LedgerBook(store, clock)
    book.settle("anna", failed_at(clock))
    clock.reboot("boot-2")
    assert book.open("anna").cooldown_from == clock.boot_time()
    assert store.kept["anna"].cooldown_from == clock.boot_time()


def test_a_deleted_ledger_owes_nothing() -> None:
    clock, store = ManualClock(), MemoryLedgers()
    book = LedgerBook(store, clock)
    store.failing_save = True
    with pytest.raises(StoreError, match="no space left"):
        book.settle("anna", failed_at(clock))
    store.failing_save = False
    book.delete("anna")
    assert book.open("anna") == Ledger()


def test_what_is_tried_without_being_asked_for_has_failures_of_its_own() -> None:
    clock, main, budgets = ManualClock(), MemoryLedgers(), MemoryLedgers()
    book = BudgetBook(budgets, clock, LedgerBook(main, clock))
    main.kept["anna"] = Ledger(failures=4, enrolled=clock.boot_time(), last_password=clock.boot_time())
    opened = book.open("anna")
    assert (opened.failures, opened.last_password) == (0, main.kept["anna"].last_password)
    book.settle("anna", settle(opened, clock.boot_time(), failed=True, base_s=1.0, max_failures=1))
    assert book.open("anna").locked_out
    assert main.kept["anna"].failures == 4
    assert not main.kept["anna"].locked_out


def test_who_is_locked_out_is_not_let_in_without_being_asked_either() -> None:
    clock, main = ManualClock(), MemoryLedgers()
    main.kept["anna"] = Ledger(locked_out=True)
    assert BudgetBook(MemoryLedgers(), clock, LedgerBook(main, clock)).open("anna").locked_out


def test_an_unlock_by_other_means_gives_the_budget_back() -> None:
    clock, main, budgets = ManualClock(), MemoryLedgers(), MemoryLedgers()
    book = BudgetBook(budgets, clock, LedgerBook(main, clock))
    book.settle("anna", settle(book.open("anna"), clock.boot_time(), failed=True, base_s=1.0, max_failures=1))
    clock.advance(1_000_000)
    main.kept["anna"] = password_accepted(Ledger(), clock.boot_time())
    assert not book.open("anna").locked_out
    book.settle("anna", settle(book.open("anna"), clock.boot_time(), failed=True, base_s=1.0, max_failures=1))
    assert book.open("anna").locked_out, "a second budget is spent like the first"


def test_a_match_that_nobody_asked_for_counts_as_a_match() -> None:
    clock, main, budgets = ManualClock(), MemoryLedgers(), MemoryLedgers()
    main.kept["anna"] = Ledger(failures=3)
    book = BudgetBook(budgets, clock, LedgerBook(main, clock))
    clock.advance(1_000_000)
    book.save("anna", matched(book.open("anna"), clock.boot_time()))
    assert (main.kept["anna"].failures, main.kept["anna"].last_unlock) == (0, clock.boot_time())
    assert not book.open("anna").locked_out
