"""Every kind of attack instrument that shows itself in a single moment, and who makes it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kinect_unlock_lab.attack import heads, injected, screens, sheets, worn
from kinect_unlock_lab.attack.exhibit import Maker, Species

SPECIES: Final[Mapping[Species, Maker]] = MappingProxyType(
    {
        Species.FLAT_PRINT: sheets.flat_prints,
        Species.BENT_PRINT: sheets.bent_prints,
        Species.FOLDED_PRINT: sheets.folded_prints,
        Species.CRUMPLED_PRINT: sheets.crumpled_prints,
        Species.CUT_OUT_PRINT: worn.cut_out_prints,
        Species.BLACK_PRINT: worn.black_prints,
        Species.CYLINDER_PRINT: worn.cylinder_prints,
        Species.HEAD_PRINT: worn.head_prints,
        Species.SCREEN: screens.screens,
        Species.MOVING_SCREEN: screens.moving_screens,
        Species.SMOOTH_HEAD: heads.smooth_heads,
        Species.FOREIGN_MASK: heads.foreign_masks,
        Species.RELIEF_MASK: heads.relief_masks,
        Species.FULL_RELIEF_MASK: heads.full_relief_masks,
        Species.WRONG_SCALE: heads.wrong_scales,
        Species.DEPTH_INJECTED: injected.injected_depths,
        Species.COLOR_INJECTED: injected.injected_colors,
        Species.REAL_PRINT: sheets.real_prints,
    }
)
