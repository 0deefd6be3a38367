"""Instruments made of people who look like people: what shows no face, or no distance, attacks nobody."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.observations import Seen
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.attack.exhibit import Species, Victim
from kinect_unlock_lab.attack.looking import Looker, looker
from kinect_unlock_lab.attack.measuring import frame_of
from kinect_unlock_lab.attack.sensors import SENSORS
from kinect_unlock_lab.attack.species import SPECIES
from kinect_unlock_lab.attack.victims import looked_at, photographed, shipped_takes, victim_of
from kinect_unlock_lab.datasets import Photograph

NOT_SEEN = {Seen.NO_FACE, Seen.NO_DEPTH, Seen.DARK, Seen.MANY_FACES}


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Looker:
    return looker(Config(models=Models(cache_dir=str(tmp_path_factory.mktemp("networks")))))


@pytest.fixture(scope="module")
def people(eyes: Looker) -> tuple[Victim, Victim]:
    """Two people of the shipped recordings."""
    looks = [looked_at(take, eyes) for take in shipped_takes(every=10)]
    owner, stranger = (
        victim_of(name, [one for one in looks if one.capture.person == name]) for name in ("owner", "stranger")
    )
    assert owner is not None
    assert stranger is not None
    return owner, stranger


def seen_of(species: Species, victim: Victim, others: tuple[Victim, ...], eyes: Looker) -> list[Seen]:
    rng = np.random.default_rng(5)
    made = list(SPECIES[species](victim, others, rng))[::2]
    return [eyes.look(frame_of(one, 0.4, victim, SENSORS["first"], rng)).seen for one in made]


@pytest.mark.slow
@pytest.mark.parametrize("species", sorted(set(SPECIES) - {Species.REAL_PRINT, Species.COLOR_INJECTED}))
def test_most_instruments_show_a_face_that_liveness_is_asked_about(
    species: Species, people: tuple[Victim, Victim], eyes: Looker
) -> None:
    owner, stranger = people

    seen = seen_of(species, owner, (stranger,), eyes)

    found = [one for one in seen if one not in NOT_SEEN]
    assert len(found) / len(seen) >= 0.6, seen


@pytest.mark.data
def test_real_prints_show_a_face_on_simulated_sheets(evaluation_data: Path, eyes: Looker) -> None:
    pictures = sorted((evaluation_data / "prints" / "print").rglob("*.jpg"))[:20:10]
    victims = [photographed(Photograph(path.parent.name, path), eyes, person=path.stem) for path in pictures]

    seen = [one for victim in victims if victim for one in seen_of(Species.REAL_PRINT, victim, (), eyes)]

    assert len(seen) >= 4
    assert sum(one not in NOT_SEEN for one in seen) / len(seen) >= 0.6
    assert Seen.FACE not in seen
