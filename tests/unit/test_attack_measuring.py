"""Instruments are shown to the product's own pipeline, the same at every run, by whoever computes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from attack_victims import broad_relief, victim
from kinect_unlock.frames import Calibration, Registered
from kinect_unlock.observations import Seen
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.first_sensor import first_sensor
from kinect_unlock_lab.attack.heads import foreign_masks
from kinect_unlock_lab.attack.measuring import Plan, attacks, frame_of, genuine, looks_at, task_count
from kinect_unlock_lab.attack.results import CAMERA, Presentation
from kinect_unlock_lab.attack.sensors import SENSORS
from kinect_unlock_lab.attack.sheets import flat_prints, real_prints
from kinect_unlock_lab.attack.streams import first, shown
from kinect_unlock_lab.attack.victims import Looked, in_one_grid, others_for, shipped_takes, victims_of
from kinect_unlock_lab.mapping import HERE, Workers


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(models=Models(cache_dir=str(tmp_path_factory.mktemp("networks"))))


@pytest.fixture(scope="module")
def looks(config: Config) -> list[Looked]:
    return looks_at(shipped_takes(), config, on_done=lambda _: None)


@pytest.fixture(scope="module")
def victims(looks: list[Looked]) -> list[Victim]:
    return victims_of(looks)


def measured(plan: Plan, victims: Sequence[Victim], workers: Workers = HERE) -> list[Presentation]:
    done: list[int] = []
    found = [one for part in attacks(plan, victims, workers, on_done=done.append) for one in part]
    assert done[-1:] == [task_count(plan, victims)]
    return found


def test_whole_views_are_cut_out_around_the_head_in_one_grid(looks: list[Looked]) -> None:
    for one in looks:
        assert one.frame.calibration is not None
        assert one.frame.depth_mm is not None
        assert one.frame.calibration.depth_to_color == Registered()
        assert one.frame.color.shape[:2] == one.frame.depth_mm.shape == (200, 160)
        assert one.observation.seen is Seen.FACE


def test_registered_frames_stay_as_they_are() -> None:
    frame = victim().frame
    assert in_one_grid(frame, None) is frame  # type: ignore[arg-type] # nothing is looked for


def test_everybody_is_stolen_from_once_in_their_most_frontal_look(looks: list[Looked], victims: list[Victim]) -> None:
    assert [one.person for one in victims] == ["owner", "stranger"]
    least = min((one for one in looks if one.capture.person == "owner"), key=lambda one: one.turn_deg)
    assert victims[0].frame is least.frame
    assert [one.person for one in others_for(0, victims)] == ["stranger"]


def test_real_faces_are_told_with_every_cue(looks: list[Looked]) -> None:
    told = list(genuine(looks))
    assert Counter(one.person for one in told) == {"owner": 7, "stranger": 2}
    assert {one.sensor for one in told} == {CAMERA}
    assert all(one.live and one.look.cues for one in told)


def test_flat_prints_are_shown_under_every_sensor_and_are_no_faces(config: Config, victims: list[Victim]) -> None:
    plan = Plan({Species.FLAT_PRINT: flat_prints}, dict(SENSORS), config, each=2)

    found = measured(plan, victims)

    assert Counter((one.person, one.sensor) for one in found) == {
        (person, sensor): 2 for person in ("owner", "stranger") for sensor in SENSORS
    }
    assert not any(one.live for one in found)
    assert all(one.parameters["distance_mm"] > 0 for one in found)


@pytest.mark.slow
def test_results_do_not_depend_on_who_computes(config: Config, victims: list[Victim]) -> None:
    plan = Plan({Species.FLAT_PRINT: flat_prints}, {"first": first_sensor}, config, each=1)
    assert measured(plan, victims) == measured(plan, victims, Workers(2))


def test_a_borrowed_head_is_seen_by_the_camera_that_it_is_before() -> None:
    anna, bert = victim(), victim("bert", broad_relief)
    own = bert.calibration.color
    camera = replace(own, cx_px=own.cx_px - 40, cy_px=own.cy_px + 15)
    aside = replace(bert, frame=replace(bert.frame, calibration=Calibration(camera, camera, Registered())))
    mask = next(iter(foreign_masks(anna, (aside,), np.random.default_rng(3))))

    alone = frame_of(mask, 0.0, anna, first_sensor, np.random.default_rng(4))
    (streamed,) = first(shown(mask, anna, first_sensor, np.random.default_rng(4)), 0.01)

    assert alone.calibration == streamed.calibration == aside.calibration


def test_another_seed_makes_other_instruments(config: Config) -> None:
    anna = victim()
    one, same, other = (
        Plan({Species.FLAT_PRINT: flat_prints}, {}, config, seed=seed).instruments(Species.FLAT_PRINT, anna, ())
        for seed in (1, 1, 2)
    )
    assert [made.parameters for _, made in one] == [made.parameters for _, made in same]
    assert [made.parameters for _, made in one] != [made.parameters for _, made in other]


def five(thief_of: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    for _ in range(5):
        yield from list(flat_prints(thief_of, others, rng))[:1]


def test_chosen_instruments_are_spread_over_all_rounds(config: Config) -> None:
    every = Plan({Species.FLAT_PRINT: five}, {}, config, rounds=2)
    some = Plan({Species.FLAT_PRINT: five}, {}, config, rounds=2, each=3)
    assert [number for number, _ in every.instruments(Species.FLAT_PRINT, victim(), ())] == list(range(10))
    assert [number for number, _ in some.instruments(Species.FLAT_PRINT, victim(), ())] == [0, 4, 9]


def test_photographs_make_photographed_prints_and_nothing_else(config: Config) -> None:
    plan = Plan({Species.FLAT_PRINT: flat_prints, Species.REAL_PRINT: real_prints}, {"first": first_sensor}, config)
    assert task_count(plan, [victim("anna"), victim("bert", depth=False)]) == 2
    shown = measured(plan, [victim("bert", depth=False)])
    assert {one.species for one in shown} == {Species.REAL_PRINT}
