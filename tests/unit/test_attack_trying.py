"""Whole attempts are decided as the daemon decides them: masks of the owner's own relief may pass, paper does not."""

import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.attack import streams
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.first_sensor import first_sensor
from kinect_unlock_lab.attack.heads import full_relief_masks
from kinect_unlock_lab.attack.measuring import Plan, looks_at
from kinect_unlock_lab.attack.results import CAMERA, Tried
from kinect_unlock_lab.attack.sheets import flat_prints
from kinect_unlock_lab.attack.trying import Judge, Owner, owners_of, rules_for_stills, task_count, tried
from kinect_unlock_lab.attack.victims import Looked, shipped_takes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(models=Models(cache_dir=str(tmp_path_factory.mktemp("networks"))))


@pytest.fixture(scope="module")
def looks(config: Config) -> list[Looked]:
    return looks_at(shipped_takes(every=5), config, on_done=lambda _: None)


@pytest.fixture(scope="module")
def owners(looks: list[Looked], config: Config) -> list[Owner]:
    return owners_of(looks, config, on_done=lambda _: None)


@pytest.fixture(scope="module")
def judge(config: Config) -> Judge:
    return Judge(config)


def shown(owner: Owner) -> list[Frame]:
    return [
        Frame(number, number * 200_000_000, one.color, one.depth_mm, one.calibration)
        for number, one in enumerate(owner.probes, start=1)
    ]


def test_three_looks_are_enrolled_and_what_is_stolen_is_another(owners: list[Owner], looks: list[Looked]) -> None:
    owner = next(one for one in owners if one.person == "owner")
    own = [one for one in looks if one.capture.person == "owner"]
    assert len(owner.template.vectors) == 3
    assert len(owner.probes) == len(own) - 3
    assert owner.victim.frame is owner.probes[0]


def test_owners_pass_and_others_do_not(owners: list[Owner], judge: Judge, config: Config) -> None:
    rules = rules_for_stills(config)
    for owner in owners:
        for other in owners:
            found = judge.decide(shown(other), owner.template, rules)
            assert found.accepted is (other is owner)


def test_time_that_is_up_ends_an_attempt(owners: list[Owner], judge: Judge, config: Config) -> None:
    owner = owners[0]
    dark = shown(owner)[0]
    empty = [
        Frame(number, number * 100_000_000, dark.color * 0, dark.depth_mm, dark.calibration) for number in range(1, 100)
    ]
    found = judge.decide(empty, owner.template, config.evidence)
    assert not found.accepted
    assert found.seen.total() == round(config.attempt.nobody_timeout_s * 10)


def test_paper_is_refused_and_what_is_tried_is_told(owners: list[Owner], config: Config) -> None:
    plan = Plan(
        {Species.FLAT_PRINT: flat_prints, Species.FULL_RELIEF_MASK: full_relief_masks},
        {"first": first_sensor},
        config,
        each=1,
        tampered={Species.FROZEN: streams.frozen},
    )
    found: list[Tried] = [one for part in tried(plan, owners[:1], on_done=lambda _: None) for one in part]
    assert task_count(plan, owners[:1]) == 4
    assert {(one.species, one.sensor) for one in found} == {
        (None, CAMERA),
        (None, "first"),
        (Species.FLAT_PRINT, "first"),
        (Species.FULL_RELIEF_MASK, "first"),
        (Species.FROZEN, "first"),
    }
    assert not any(one.accepted for one in found if one.species in {Species.FLAT_PRINT, Species.FROZEN})
    assert all(one.frames == sum(one.seen.values()) for one in found)


def test_nobody_is_enrolled_without_looks_enough(looks: list[Looked], config: Config) -> None:
    with pytest.raises(SourceError, match="nobody has four captures"):
        owners_of(looks[:3], config, on_done=lambda _: None)
