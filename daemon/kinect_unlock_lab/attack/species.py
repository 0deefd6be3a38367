"""Every kind of attack instrument that shows itself in a single moment, and who makes it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kinect_unlock_lab.attack import sheets
from kinect_unlock_lab.attack.exhibit import Maker, Species

SPECIES: Final[Mapping[Species, Maker]] = MappingProxyType(
    {
        Species.FLAT_PRINT: sheets.flat_prints,
        Species.BENT_PRINT: sheets.bent_prints,
        Species.FOLDED_PRINT: sheets.folded_prints,
        Species.CRUMPLED_PRINT: sheets.crumpled_prints,
    }
)
