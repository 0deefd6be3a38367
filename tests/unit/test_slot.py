import threading

from kinect_unlock.slot import LatestSlot


def test_the_newest_offer_wins_and_the_older_is_counted() -> None:
    slot = LatestSlot[str]()
    for value in ("first", "second", "third"):
        slot.offer(value)

    assert slot.take(0.0) == "third"
    assert slot.dropped == 2


def test_an_empty_slot_gives_nothing_in_time() -> None:
    assert LatestSlot[str]().take(0.0) is None


def test_a_value_is_taken_only_once() -> None:
    slot = LatestSlot[str]()
    slot.offer("only")
    slot.take(0.0)

    assert slot.take(0.0) is None
    assert slot.dropped == 0


def test_put_waits_for_the_place_and_gives_up_without_leaving_anything() -> None:
    slot = LatestSlot[str]()
    assert slot.put("first", 0.0)
    assert not slot.put("second", 0.01)

    assert slot.take(0.0) == "first"
    assert slot.take(0.0) is None
    assert slot.dropped == 0


def test_values_that_are_put_arrive_complete_and_in_order_at_a_slower_taker() -> None:
    slot = LatestSlot[int]()
    giver = threading.Thread(target=lambda: [slot.put(number, 10.0) for number in range(500)])
    giver.start()
    taken = [slot.take(10.0) for _ in range(500)]
    giver.join()

    assert taken == list(range(500))
    assert slot.dropped == 0


def test_clearing_frees_the_place_for_one_who_waits_and_counts_nothing() -> None:
    slot = LatestSlot[str]()
    slot.offer("unwanted")
    giver = threading.Thread(target=slot.put, args=("wanted", 10.0))
    giver.start()
    slot.clear()
    giver.join()

    assert slot.take(0.0) == "wanted"
    assert slot.dropped == 0


def test_a_value_found_too_old_after_taking_counts_as_dropped() -> None:
    slot = LatestSlot[str]()
    slot.offer("old")
    slot.take(0.0)
    slot.discard()

    assert slot.dropped == 1


def test_closing_ends_every_wait_now_and_later() -> None:
    slot = LatestSlot[str]()
    taken: list[str | None] = []
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.close()
    taker.join()

    assert taken == [None]
    assert slot.take() is None
    assert not slot.put("late", 10.0)
