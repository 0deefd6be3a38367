from kinect_unlock.complaints import COMPLAINTS, COMPLAINTS_S, TOLD_APART, Complaints


def test_each_user_has_some_lines_in_a_while_and_then_again() -> None:
    complaints = Complaints()

    assert [complaints.may(1000, 5.0) for _ in range(COMPLAINTS + 2)] == [True] * COMPLAINTS + [False] * 2
    assert complaints.may(1001, 5.0)
    assert not complaints.may(1000, 4.9 + COMPLAINTS_S)
    assert complaints.may(1000, 5.0 + COMPLAINTS_S)


def test_who_has_ten_thousand_uids_has_the_lines_of_a_few() -> None:
    complaints = Complaints()

    for round_ in range(3):
        now_s = round_ * COMPLAINTS_S
        lines = sum(complaints.may(100_000 + uid, now_s) for uid in range(10_000) for _ in range(2))
        assert lines <= (TOLD_APART + 1) * COMPLAINTS
        assert complaints.may(0, now_s), "root is not one of them"
        assert len(complaints._lines) <= TOLD_APART + 2


def test_a_crowd_that_has_gone_makes_room() -> None:
    complaints = Complaints()
    for uid in range(2 * TOLD_APART):
        complaints.may(100_000 + uid, 0.0)

    assert [complaints.may(1000, COMPLAINTS_S) for _ in range(COMPLAINTS + 1)] == [True] * COMPLAINTS + [False]
    assert complaints.may(1001, COMPLAINTS_S)
