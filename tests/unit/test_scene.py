from collections.abc import Sequence

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.observations import Figure
from kinect_unlock.scene import KEPT_S, Scene, seen

FRAME_NS = NS_PER_S // 10
STILL_MM = 1.5


def at(x_mm: float, distance_mm: float) -> Figure:
    return Figure(x_mm, distance_mm, 0.3)


def after(frames: Sequence[tuple[Figure, ...]], *, begin: Scene | None = None, from_frame: int = 0) -> Scene:
    scene = begin or Scene()
    for index, figures in enumerate(frames, from_frame):
        scene = seen(scene, figures, index * FRAME_NS, still_mm=STILL_MM)
    return scene


def test_a_figure_that_walks_keeps_its_number() -> None:
    scene = after([(at(50.0 * step, 900.0 + 80.0 * step),) for step in range(12)])
    (walker,) = scene.now()
    assert walker.number == 1
    assert walker.moved_ns == scene.at_ns


def test_two_figures_that_pass_each_other_apart_keep_their_numbers() -> None:
    frames = [(at(-800.0 + 100.0 * step, 900.0), at(800.0 - 100.0 * step, 1600.0)) for step in range(16)]
    scene = after(frames)
    assert {mover.number: mover.figure.distance_mm for mover in scene.now()} == {1: 900.0, 2: 1600.0}


def test_what_never_moves_is_not_alive_for_long_and_what_does_is() -> None:
    chair, person = at(0.0, 1200.0), at(700.0, 900.0)
    frames = [(chair, at(person.x_mm + 2.0 * (index % 2), 900.0)) for index in range(40)]
    assert {mover.number for mover in after(frames).alive(1.0)} == {2}
    assert {mover.number for mover in after(frames).alive(10.0)} == {1, 2}


def test_slow_drift_adds_up_to_movement() -> None:
    scene = after([(at(0.05 * index, 1200.0),) for index in range(100)])
    (mover,) = scene.now()
    assert mover.moved_ns > mover.first_ns


def test_a_figure_that_was_hidden_for_a_moment_is_taken_up_again() -> None:
    hidden = round(KEPT_S * 10) - 2
    scene = after([(at(0.0, 900.0),), *([()] * hidden), (at(30.0, 900.0),)])
    (mover,) = scene.now()
    assert mover.number == 1


def test_a_figure_that_was_gone_for_longer_or_comes_up_elsewhere_is_another() -> None:
    gone = round(KEPT_S * 10) + 2
    (back,) = after([(at(0.0, 900.0),), *([()] * gone), (at(0.0, 900.0),)]).now()
    (elsewhere,) = after([(at(0.0, 900.0),), (), (at(1500.0, 900.0),)]).now()
    assert (back.number, elsewhere.number) == (2, 2)


def test_only_the_newest_frame_says_who_is_there() -> None:
    scene = after([(at(0.0, 900.0),), ()])
    assert scene.now() == scene.alive(10.0) == ()
    assert scene.get(1) is not None
    assert scene.get(7) is None
