"""Rates of simulated attacks are counted as they are defined, and told so that nobody takes them for more."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from rich.console import Console

from kinect_unlock.errors import SourceError
from kinect_unlock.observations import Seen
from kinect_unlock.settings import Config, Liveness
from kinect_unlock_lab.attack import acceptance, tables
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.results import CAMERA, FORMAT, About, Measured, Presentation, Results, Tried
from kinect_unlock_lab.attack.study import Rate, Study, study
from kinect_unlock_lab.metrics import clopper_pearson
from kinect_unlock_lab.plots.attacks import figure

# Two cues with a say; every other one has none.
BOUNDS = Config(
    liveness=Liveness(
        **{**dict.fromkeys(Liveness.__struct_fields__), "face_width_mm": (100.0, 190.0), "valid_depth": (0.5, None)}
    )
)
GOOD = {"face_width_mm": 140.0, "valid_depth": 1.0}
WIDE = {"face_width_mm": 250.0, "valid_depth": 1.0}
WIDE_AND_HOLED = {"face_width_mm": 250.0, "valid_depth": 0.1}


def about(of: str = "presentations") -> About:
    return msgspec.convert(
        {
            "format": FORMAT,
            "of": of,
            "version": "1",
            "data": ["nobody"],
            "people": "report",
            "seed": 0,
            "each": None,
            "rounds": 1,
            "sensors": ["first", "second"],
        },
        About,
    )


def shown(
    cues: Mapping[str, float | None],
    *,
    person: str = "anna",
    species: Species | None = None,
    sensor: str = CAMERA,
    seen: Seen = Seen.UNSURE,
    distance_mm: float = 800.0,
    yaw_deg: float = 0.0,
) -> Presentation:
    look = Measured(seen, distance_mm, yaw_deg, 0.0, 0.0, dict(cues))
    return Presentation(person=person, species=species, number=0, sensor=sensor, look=look)


def attack(
    cues: Mapping[str, float | None],
    *,
    species: Species = Species.FLAT_PRINT,
    sensor: str = "first",
    person: str = "anna",
) -> Presentation:
    return shown(cues, species=species, sensor=sensor, person=person)


def studied(real: Sequence[Presentation], attacks: Sequence[Presentation]) -> Study:
    return study(Results(about(), tuple(real), tuple(attacks)), BOUNDS)


@pytest.fixture(scope="module")
def shown_to_it() -> Results:
    real = [
        shown(GOOD),
        shown(GOOD, person="bert", distance_mm=1100.0),
        shown(WIDE, person="bert", distance_mm=1200.0, yaw_deg=25.0),
        shown({}, seen=Seen.TURNED_AWAY),
    ]
    attacks = [
        attack(GOOD),
        attack(WIDE),
        attack(WIDE_AND_HOLED, person="bert"),
        attack(WIDE, sensor="second"),
        shown({}, species=Species.FLAT_PRINT, sensor="first", seen=Seen.NO_FACE),
        attack(GOOD, species=Species.FULL_RELIEF_MASK),
    ]
    return Results(about(), tuple(real), tuple(attacks))


@pytest.fixture(scope="module")
def found(shown_to_it: Results) -> Study:
    return study(shown_to_it, BOUNDS)


def test_real_faces_refused_are_counted_by_distance_turn_and_pose(found: Study) -> None:
    assert (found.bpcer.events, found.bpcer.trials, found.bpcer.people) == (1, 3, 2)
    assert (found.bpcer_aimed.events, found.bpcer_aimed.trials) == (0, 1)
    assert [(one.events, one.trials) for one in found.bpcer_by["distance, mm"]] == [(0, 1), (1, 2)]
    assert {one.name: one.events for one in found.bpcer_by["pose"]} == {"ahead": 0, "to the right": 1}
    assert found.unjudged == {"turned-away": 1}
    assert found.people_refused == 1


def test_what_was_never_judged_makes_no_rate_look_better(found: Study) -> None:
    flat = {one.sensor: one for one in found.species if one.species is Species.FLAT_PRINT}
    assert (flat["first"].apcer.events, flat["first"].apcer.trials, flat["first"].unjudged) == (1, 3, 1)
    assert (flat["second"].apcer.events, flat["second"].apcer.trials) == (0, 1)
    assert flat["first"].people_imitated == 1


def test_what_passes_is_told_by_where_it_stands() -> None:
    near, far = attack(GOOD), shown(GOOD, species=Species.FLAT_PRINT, sensor="first", distance_mm=1200.0)
    refused = shown(WIDE, species=Species.FLAT_PRINT, sensor="first", person="bert", distance_mm=1100.0)

    found = studied([], [near, far, refused, attack(WIDE, species=Species.SCREEN)])

    assert [(one.name, one.events, one.trials) for one in found.apcer_by_distance] == [
        ("flat print, 450 to 1000", 1, 1),
        ("flat print, 1000 to 1350", 1, 2),
    ]


def test_two_sensors_that_see_one_instrument_alike_know_no_more_than_one() -> None:
    def told(*sensors: str) -> Rate:
        shown = [
            msgspec.structs.replace(attack(GOOD if number < 2 else WIDE, sensor=sensor), number=number)
            for number in range(8)
            for sensor in sensors
        ]
        width = next(cue for cue in studied([], shown).cues if cue.name == "face_width_mm")
        return width.stopped

    one, two = told("first"), told("first", "second")
    assert (one.events, one.trials, two.events, two.trials) == (6, 8, 12, 16)
    assert one.interval == two.interval


def test_headline_is_the_worst_species_and_the_worst_that_is_no_whole_head(found: Study) -> None:
    assert found.worst is not None
    assert found.worst_of_others is not None
    assert found.worst.species is Species.FULL_RELIEF_MASK
    assert found.worst_of_others.species is Species.FLAT_PRINT


def test_cue_is_worth_what_it_alone_stops(found: Study) -> None:
    cues = {cue.name: cue for cue in found.cues}
    width, valid = cues["face_width_mm"], cues["valid_depth"]
    assert (width.stopped.events, width.stopped_alone, width.refused_alone) == (3, 2, 1)
    assert (valid.stopped.events, valid.stopped_alone) == (1, 0)
    flat = width.effects[0]
    assert (flat.species, flat.apcer_without.events, flat.apcer_without.trials) == (Species.FLAT_PRINT, 3, 4)
    assert not cues["background_step_mm"].enforced


def test_relief_is_told_step_by_step() -> None:
    steps = [
        msgspec.structs.replace(attack(cues, species=Species.RELIEF_MASK), parameters={"relief": relief})
        for cues, relief in ((GOOD, 0.75), (WIDE, 0.25), (WIDE, 0.75))
    ]
    told = studied([], steps).strengths["relief"]
    assert [(one.name, one.events, one.trials) for one in told] == [
        ("relief mask, up to 75 %, relief 0.25", 0, 1),
        ("relief mask, up to 75 %, relief 0.75", 1, 2),
    ]


def test_bounds_of_now_judge_not_those_of_when_it_was_measured() -> None:
    measured = shown(WIDE, seen=Seen.FACE)
    assert studied([measured], []).bpcer.events == 1


def test_cue_that_was_not_measured_in_one_frame_stops_it() -> None:
    assert studied([shown({**GOOD, "valid_depth": None})], []).bpcer.events == 1


def test_results_from_before_a_cue_are_refused_instead_of_stopping_everything() -> None:
    with pytest.raises(SourceError, match="before there was valid_depth"):
        studied([shown({"face_width_mm": 140.0})], [])


def accepted(species: Species | None = Species.FLAT_PRINT, *, sensor: str = "first", person: str = "anna") -> Tried:
    return Tried(person, species, 0, sensor, accepted=True, frames=3, seen={"face": 3})


def refused(species: Species | None = Species.FLAT_PRINT, *, sensor: str = "first", person: str = "anna") -> Tried:
    return Tried(person, species, 0, sensor, accepted=False, frames=9, seen={"spoof": 9})


def test_riapar_is_attacks_accepted_and_owners_refused() -> None:
    own = [
        accepted(None),
        refused(None, person="bert"),
        accepted(None, sensor=CAMERA),
    ]
    attempts = [*own, accepted(), refused(), refused(), refused(sensor="second")]

    found = acceptance.acceptance(about("attempts"), attempts)

    first = next(one for one in found.species if one.sensor == "first")
    assert (first.iapar.events, first.iapar.trials, first.live) == (1, 3, 1)
    assert first.riapar == pytest.approx(1 / 3 + 1 / 2)
    assert found.owners == 2
    assert {one.name: one.events for one in found.frr} == {CAMERA: 0, "first": 1}
    assert found.worst is first


def test_every_table_fits_a_terminal_and_says_that_attacks_are_simulated(found: Study) -> None:
    console = Console(width=80)
    decided = acceptance.acceptance(about("attempts"), [accepted(), accepted(None)])
    with console.capture() as shown_on:
        for table in (*tables.tables(found), *tables.attempts(decided)):
            console.print(table)
    lines = shown_on.get().splitlines()
    assert not any("…" in line for line in lines)
    attack_tables = [line for line in lines if line.startswith(("APCER", "IAPAR", "RIAPAR", "Cues", "What a cue"))]
    assert len(attack_tables) == 7
    assert all("simulated" in line for line in attack_tables)
    assert "simulated" in tables.headline(found)
    assert "simulated" in tables.accepted_most(decided)


def test_invented_people_are_called_real_nowhere(shown_to_it: Results) -> None:
    invented = Results(msgspec.structs.replace(about(), faces="invented"), shown_to_it.genuine, shown_to_it.attacks)
    found = study(invented, BOUNDS)
    of = msgspec.structs.replace(about("attempts"), faces="invented")
    tries = acceptance.acceptance(of, [accepted(), accepted(None)])
    console = Console(width=80)
    with console.capture() as shown_on:
        for table in (*tables.tables(found), *tables.attempts(tries)):
            console.print(table)
    told = shown_on.get()
    assert " real " not in told
    assert "BPCER, invented faces, by" in told
    assert "invented faces" in figure(found, invented).subfigs[1].axes[0].get_legend_handles_labels()[1]
    assert msgspec.json.decode(msgspec.json.encode(found))["about"]["faces"] == "invented"


def test_headline_of_nothing_is_said_once() -> None:
    nothing = studied([shown(GOOD)], [shown(WIDE, species=Species.FLAT_PRINT, sensor="first")])
    assert tables.headline(nothing) == "worst species (simulated): none got through"


def test_rate_of_nothing_is_no_number() -> None:
    assert tables.shown(Rate("far", 0, 0, 0, clopper_pearson(0, 0))) == "-"
    assert tables.shown(Rate("near", 1, 4, 4, clopper_pearson(1, 4))).startswith("1/4 = 25.0 %")


def test_rates_and_cues_are_drawn_and_called_simulated(found: Study, shown_to_it: Results) -> None:
    drawn = figure(found, shown_to_it)
    above, below = drawn.subfigs
    assert "Simulated" in above.get_suptitle()
    (rates,) = above.axes
    assert [label.get_text() for label in rates.get_yticklabels()] == ["flat print", "relief mask, 100 %"]
    assert [axes.get_title() for axes in below.axes if axes.get_title()] == ["face_width_mm"]  # the other is 1 for all


def test_study_can_be_written_as_json(found: Study) -> None:
    assert msgspec.json.decode(msgspec.json.encode(found))["bpcer"]["trials"] == 3
