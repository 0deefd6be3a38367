"""Whoever passes, the owner is followed; and once the owner has left, the time runs out, whoever passes."""

from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.guard import Guard, Sight, followed, left_s, sight
from kinect_unlock.observations import Figure
from kinect_unlock.settings import Presence

RULES = Presence(enabled=True, absent_s=5.0)
HZ = 4
APART_MM = 700.0  # people are no nearer to each other than that

OWNER_X_MM, OWNER_Z_MM = 0.0, 900.0


def owner(frame: int) -> Figure:
    """The owner at the desk, who moves a little."""
    return Figure(OWNER_X_MM + 3.0 * (frame % 3), OWNER_Z_MM + 5.0 * (frame % 2), 0.4)


passers = st.builds(
    Figure,
    st.one_of(st.floats(-2500.0, OWNER_X_MM - APART_MM), st.floats(OWNER_X_MM + APART_MM, 2500.0)),
    st.floats(300.0, 2500.0),
    st.floats(0.05, 1.0),
)
crowds = st.lists(st.lists(passers, max_size=3).map(tuple), min_size=1, max_size=60)


def after(frames: list[tuple[Figure, ...]], *, begin: Guard | None = None, from_frame: int = 0) -> Guard:
    guard = begin or followed(Guard(), (owner(0),), 0, RULES)
    for index, figures in enumerate(frames, from_frame + 1):
        guard = followed(guard, figures, index * NS_PER_S // HZ, RULES)
    return guard


@given(crowd=crowds)
def test_whoever_passes_never_makes_the_owner_who_stays_be_lost(crowd: list[tuple[Figure, ...]]) -> None:
    guard = followed(Guard(), (owner(0),), 0, RULES)
    for index, others in enumerate(crowd, 1):
        guard = followed(guard, (*others, owner(index)), index * NS_PER_S // HZ, RULES)
        assert sight(guard, RULES) is Sight.HERE
        assert left_s(guard, RULES) == RULES.absent_s


@given(crowd=crowds, before=st.integers(0, 20))
def test_once_the_owner_has_left_the_time_runs_out_whoever_passes(crowd: list[tuple[Figure, ...]], before: int) -> None:
    present = after([(owner(index),) for index in range(1, before + 1)])
    long_enough = [crowd[index % len(crowd)] for index in range(int(RULES.absent_s * HZ) + 1)]
    # Whoever is far from where the owner was: who takes the chair within two seconds is told apart by nobody's depth.
    far = [tuple(one for one in others if abs(one.x_mm) > 1500.0) for others in long_enough]
    gone = after(far, begin=present, from_frame=before)
    assert left_s(gone, RULES) == 0.0
    assert sight(gone, RULES) is not Sight.HERE


@given(crowd=crowds)
def test_an_empty_zone_runs_the_time_out_whatever_was_before(crowd: list[tuple[Figure, ...]]) -> None:
    guard = after(crowd)
    empty = after([()] * (int(RULES.absent_s * HZ) + 1), begin=guard, from_frame=len(crowd))
    assert left_s(empty, RULES) == 0.0
    assert sight(empty, RULES) is Sight.NOBODY


def test_a_chair_that_the_owner_left_behind_does_not_keep_the_time_from_running() -> None:
    chair = Figure(10.0, 950.0, 0.3)
    guard = after([(chair,)] * int(RULES.absent_s * HZ + 1))
    assert left_s(guard, RULES) == 0.0
    assert sight(guard, RULES) is Sight.SOMEBODY, "a face is to be looked for before it is said that it is a chair"


def test_an_owner_who_leans_back_over_the_edge_of_the_zone_is_still_there_and_one_beyond_the_margin_is_not() -> None:
    rules = RULES
    for distance_mm, expected in ((rules.far_mm + rules.margin_mm - 1, Sight.HERE), (2100.0, Sight.NOBODY)):
        guard = followed(Guard(), (Figure(0.0, rules.far_mm - 50.0, 0.4),), 0, rules)
        guard = followed(guard, (Figure(0.0, distance_mm, 0.4),), NS_PER_S // HZ, rules)
        assert sight(guard, rules) is expected


def test_nobody_is_taken_for_the_owner_who_is_not_in_the_zone() -> None:
    guard = followed(Guard(), (Figure(0.0, 1800.0, 0.4),), 0, RULES)
    assert guard.owner is None


def test_the_owner_is_the_nearest_figure_of_the_first_frame() -> None:
    guard = followed(Guard(), (Figure(0.0, 800.0, 0.4), Figure(900.0, 1200.0, 0.4)), 0, RULES)
    mover = guard.scene.get(guard.owner)
    assert mover is not None
    assert mover.figure.distance_mm == 800.0
