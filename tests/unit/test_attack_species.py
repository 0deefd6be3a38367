"""Every species makes instruments that say what they are."""

import numpy as np
import pytest

from analytic_faces import CAMERA
from attack_victims import broad_relief, victim
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.species import SPECIES

UNITLESS = {"hollow", "scale", "toner", "relief", "reflectance", "conform", "ellipsoid", "kind"}
CUTS = {"eyes_cut", "nose_cut", "mouth_cut"}
IN_TIME = {Species.FROZEN, Species.LOOPED, Species.SHIFTED}


def test_every_kind_that_a_single_moment_shows_is_made() -> None:
    assert set(SPECIES) == set(Species) - IN_TIME


@pytest.mark.parametrize("species", SPECIES)
def test_an_instrument_says_what_it_is_and_names_its_parameters_with_their_unit(species: Species) -> None:
    whose = (victim(), victim(depth=False))

    made = [
        one
        for each in whose
        for one in SPECIES[species](each, (victim("bert", broad_relief),), np.random.default_rng(3))
    ]

    assert made
    for one in made:
        assert one.species is species
        assert all(name in UNITLESS | CUTS or name.endswith(("_mm", "_deg")) for name in one.parameters)
        assert all(np.isfinite(value) for value in one.parameters.values())
        seen = one.at(0.0)
        assert seen.depth_mm.shape == (CAMERA.height_px, CAMERA.width_px)
        assert ((seen.reflectance > 0) <= np.isfinite(seen.depth_mm)).all()
