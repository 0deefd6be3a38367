"""Random disturbances of training samples, each sample its own, whoever it shows.

What the renderer and its sensor leave out of the world: other light, other cameras, fewer pixels, a worse
registration, more holes. Never mirrored: a mirrored face is another face.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from kinect_unlock.crop import NO_DEPTH
from kinect_unlock.observations import TENSOR_SIDE_PX
from kinect_unlock_lab.training.recipes import Augmentation

_SIDE: Final = TENSOR_SIDE_PX
_HOLE_BELOW: Final = (NO_DEPTH - 1.0) / 2.0
_COARSE_PX: Final = (44, 88)  # between these many pixels instead of 112: a face at 1.3 m, and at 0.6 m


@dataclass(frozen=True, slots=True)
class _Dice:
    """Random numbers of one step, drawn on the processor so that every device sees the same."""

    generator: torch.Generator
    device: torch.device
    count: int

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.count, *shape, generator=self.generator).to(self.device)

    def within(self, limit: float, *shape: int) -> Tensor:
        return ((2.0 * torch.rand(self.count, *shape, generator=self.generator) - 1.0) * limit).to(self.device)

    def share(self, *shape: int) -> Tensor:
        return torch.rand(self.count, *shape, generator=self.generator).to(self.device)

    def whole(self, low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=self.generator))


def augmented(rgbd: Tensor, options: Augmentation, *, seed: int) -> Tensor:
    """Return f32[B,4,112,112] disturbed as the seed says; the planes keep their meaning and range."""
    generator = torch.Generator().manual_seed(seed)
    dice = _Dice(generator, rgbd.device, len(rgbd))
    together = _transforms(dice, options)
    apart = together.clone()
    apart[:, :, 2] += dice.within(2.0 * options.misalign_px / _SIDE, 2)
    color = _moved(rgbd[:, :3], together, "bilinear")
    depth = _moved(rgbd[:, 3:] - NO_DEPTH, apart, "nearest") + NO_DEPTH  # what comes in from outside has no reading
    depth = _with_holes(_with_noise(depth, options, dice), options, dice)
    missing = (depth < _HOLE_BELOW) & (dice.share(1, 1, 1) < options.black_shadow)
    color = _coarser(_lit(color, options, dice), options, dice).masked_fill(missing, 0.0)
    return torch.cat([color, depth], 1).contiguous(memory_format=torch.channels_last)


def _transforms(dice: _Dice, options: Augmentation) -> Tensor:
    """Return f32[B,2,3] from places after to places before, in units of half the side."""
    turn = dice.within(math.radians(options.turn_deg))
    size = 1.0 + dice.within(options.stretch)
    cos, sin = size * turn.cos(), size * turn.sin()
    linear = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    shift = dice.within(2.0 * options.shift_px / _SIDE, 2, 1)
    return torch.cat([linear, shift], 2)


def _moved(planes: Tensor, transform: Tensor, mode: str) -> Tensor:
    grid = functional.affine_grid(transform, list(planes.shape), align_corners=False)
    return functional.grid_sample(planes, grid, mode=mode, padding_mode="zeros", align_corners=False)


def _lit(color: Tensor, options: Augmentation, dice: _Dice) -> Tensor:
    """Change light, its colour and its slope, and add the noise of a camera."""
    gain = (options.gain_log * dice.normal(1, 1, 1) + options.tint_log * dice.normal(3, 1, 1)).exp()
    along = torch.linspace(-1.0, 1.0, _SIDE, device=color.device)
    slope = options.side_light * dice.normal(2, 1, 1)
    side = (1.0 + slope[:, :1] * along.view(1, 1, 1, -1) + slope[:, 1:] * along.view(1, 1, -1, 1)).clamp(min=0.1)
    noise = options.noise_grey * dice.share(1, 1, 1) * dice.normal(3, _SIDE, _SIDE)
    return (color * gain * side + noise).clamp(0.0, 255.0)


def _coarser(color: Tensor, options: Augmentation, dice: _Dice) -> Tensor:
    """Show some samples as so many pixels less would; one number of pixels a step."""
    pixels = dice.whole(*_COARSE_PX)
    fewer = functional.interpolate(color, (pixels, pixels), mode="bilinear", antialias=True)
    blurred = functional.interpolate(fewer, (_SIDE, _SIDE), mode="bilinear")
    return torch.where(dice.share(1, 1, 1) < options.coarse, blurred, color)


def _with_noise(depth: Tensor, options: Augmentation, dice: _Dice) -> Tensor:
    """Add noise of single pixels and of patches, as a time-of-flight sensor has both; holes stay holes."""
    fine = dice.normal(1, _SIDE, _SIDE)
    patches = functional.interpolate(dice.normal(1, _SIDE // 8, _SIDE // 8), (_SIDE, _SIDE), mode="bilinear")
    noisy = (depth + options.depth_noise * dice.share(1, 1, 1) * (fine + patches)).clamp(-1.0, 1.0)
    return torch.where(depth < _HOLE_BELOW, depth, noisy)


def _with_holes(depth: Tensor, options: Augmentation, dice: _Dice) -> Tensor:
    """Cut an ellipse of random place and size out of some samples."""
    place = torch.linspace(-1.0, 1.0, _SIDE, device=depth.device)
    middle, half = dice.within(0.8, 2, 1, 1), 0.05 + 0.25 * dice.share(2, 1, 1)
    across = (place.view(1, 1, -1) - middle[:, 0]) / half[:, 0]
    down = (place.view(1, -1, 1) - middle[:, 1]) / half[:, 1]
    inside = (across.square() + down.square() < 1.0).unsqueeze(1)
    return depth.masked_fill(inside & (dice.share(1, 1, 1) < options.holes), NO_DEPTH)
