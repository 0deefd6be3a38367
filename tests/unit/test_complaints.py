from kinect_unlock.complaints import COMPLAINTS, COMPLAINTS_S, Complaints


def test_each_user_has_some_lines_in_a_while_and_then_again() -> None:
    complaints = Complaints()

    assert [complaints.may(1000, 5.0) for _ in range(COMPLAINTS + 2)] == [True] * COMPLAINTS + [False] * 2
    assert complaints.may(1001, 5.0)
    assert not complaints.may(1000, 4.9 + COMPLAINTS_S)
    assert complaints.may(1000, 5.0 + COMPLAINTS_S)
