"""Bounds are chosen on some people alone, tried on the others, and no attack has a say in them."""

from collections.abc import Mapping

import msgspec
import pytest
from rich.console import Console

from kinect_unlock.observations import Seen
from kinect_unlock.settings import Config, Liveness, LivenessBeyond
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.folds import FOLDS, MARGINS, chosen, folded
from kinect_unlock_lab.attack.results import CAMERA, FORMAT, About, Measured, Presentation, Results
from kinect_unlock_lab.attack.tables import folds

SETTINGS = Config(
    liveness=Liveness(
        **{**dict.fromkeys(Liveness.__struct_fields__), "face_width_mm": (100.0, 190.0), "relief_share": (0.5, None)}
    ),
    liveness_beyond=LivenessBeyond(relief_share=(0.4, None), relief_likeness=None),
)
PEOPLE = tuple(f"p{number}" for number in range(10))


def shown(
    person: str, cues: Mapping[str, float], *, species: Species | None = None, distance_mm: float = 800.0
) -> Presentation:
    look = Measured(Seen.UNSURE, distance_mm, 0.0, 0.0, 0.0, dict(cues))
    return Presentation(person=person, species=species, number=0, sensor=CAMERA, look=look)


def results(*shown_to_it: Presentation) -> Results:
    about = About(FORMAT, "presentations", "1", ("nobody",), "tune", 0, None, 1, ("first",))
    real = tuple(one for one in shown_to_it if one.species is None)
    return Results(about, real, tuple(one for one in shown_to_it if one.species is not None))


def faces(**changes: float) -> list[Presentation]:
    """Everybody the same, but for the width of whom a change names."""
    return [shown(one, {"face_width_mm": changes.get(one, 140.0), "relief_share": 0.8}) for one in PEOPLE]


def test_each_bound_lies_a_margin_beyond_the_farthest_real_face_of_its_range() -> None:
    real = [
        shown("p0", {"face_width_mm": 120.0, "relief_share": 0.9}),
        shown("p1", {"face_width_mm": 150.0, "relief_share": 1.0}),
        shown("p2", {"face_width_mm": 160.0, "relief_share": 0.6}, distance_mm=1200.0),
    ]

    bounds = chosen(real, SETTINGS, 0.1)

    assert bounds.liveness.face_width_mm == pytest.approx((108.0, 176.0))
    for apart, low in ((bounds.liveness.relief_share, 0.81), (bounds.liveness_beyond.relief_share, 0.54)):
        assert apart is not None
        assert apart[0] == pytest.approx(low)
        assert apart[1] is None
    assert bounds.liveness.valid_depth is None


def test_where_nothing_was_measured_a_bound_stays() -> None:
    near = chosen([shown("p0", {"face_width_mm": 120.0, "relief_share": 0.9})], SETTINGS, 0.0)

    assert near.liveness_beyond.relief_share == (0.4, None)
    assert chosen([], SETTINGS, 0.1) == SETTINGS


def test_nobody_is_tried_by_bounds_that_were_chosen_on_them() -> None:
    told = {(one.name, one.band): one for one in folded(results(*faces(p3=170.0)), SETTINGS)}

    assert len(told) == 2 * (1 + len(MARGINS))
    assert told["as configured", "up to 1000 mm"].refused.events == 0
    refused = told["farthest + 0%", "up to 1000 mm"].refused
    assert (refused.events, refused.trials, refused.people) == (1, len(PEOPLE), len(PEOPLE))
    assert told["farthest + 0%", "beyond"].refused.trials == 0


def test_attacks_are_counted_and_have_no_say() -> None:
    flat = shown("p1", {"face_width_mm": 140.0, "relief_share": 0.1}, species=Species.FLAT_PRINT)
    alike = shown("p2", {"face_width_mm": 140.0, "relief_share": 0.8}, species=Species.HEAD_PRINT)
    photographed = shown("q", {"face_width_mm": 140.0, "relief_share": 0.8}, species=Species.REAL_PRINT)
    whole = shown("p3", {"face_width_mm": 140.0, "relief_share": 0.8}, species=Species.FULL_RELIEF_MASK)

    near = [
        one for one in folded(results(*faces(), flat, alike, photographed, whole), SETTINGS) if one.band != "beyond"
    ]

    assert [(one.accepted.events, one.accepted.trials) for one in near] == [(1, 2)] * (1 + len(MARGINS))


def test_fewer_people_than_folds_make_none() -> None:
    few = [one for one in faces() if one.person < f"p{FOLDS - 1}"]

    assert folded(results(*few), SETTINGS) == ()
    assert folds((), "real") == ()


def test_the_table_fits_a_terminal_and_json() -> None:
    found = folded(results(*faces()), SETTINGS)
    console = Console(width=80)
    with console.capture() as captured:
        console.print(*folds(found, "invented"))

    assert max(len(line) for line in captured.get().splitlines()) <= 80
    assert "\u2026" not in captured.get()
    assert "invented faces refused" in captured.get()
    assert len(msgspec.json.decode(msgspec.json.encode(found))) == len(found)
