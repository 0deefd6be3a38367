"""The same frame in less light: colour scaled down, and the sensor's noise, which does not shrink with it.

Values are scaled as they are stored, not as light: x0.10 here is less than a tenth of the light. A scaled value loses
what an eight-bit image cannot hold. Depth has its own light and stays as it is. Simulated: a real camera lengthens its
exposure first.
"""

import zlib
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.arrays import U8

Landmarks: TypeAlias = Literal["bright", "dark"]

NOISE_LEVELS: Final = 1.5  # standard deviation, in steps of 255


@dataclass(frozen=True, slots=True)
class Light:
    """How attempts are lit; ``landmarks`` says on which image the face is found: `bright` takes detection out of it."""

    gain: float = 1.0
    noise_levels: float = 0.0
    landmarks: Landmarks = "bright"

    @property
    def name(self) -> str:
        """A name for a table."""
        return f"x{self.gain:.2f}, {self.landmarks} landmarks" if self.dims else "as it is"

    @property
    def dims(self) -> bool:
        """False for light that is left as it is."""
        return self.gain < 1.0 or self.noise_levels > 0.0

    def on(self, color: U8, sample: str) -> U8:
        """Return the image u8[H,W,3] in this light; the same noise for the same sample's name."""
        if not self.dims:
            return color
        random = np.random.default_rng(zlib.crc32(sample.encode()))
        dark = color * np.float32(self.gain) + self.noise_levels * random.standard_normal(color.shape, np.float32)
        return np.clip(np.rint(dark), 0, 255).astype(np.uint8)


AS_IT_IS: Final = Light()
DIM: Final = (
    Light(0.10, NOISE_LEVELS, "bright"),
    Light(0.04, NOISE_LEVELS, "bright"),
    Light(0.10, NOISE_LEVELS, "dark"),
    Light(0.04, NOISE_LEVELS, "dark"),
)
