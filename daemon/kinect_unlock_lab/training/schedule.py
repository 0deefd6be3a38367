"""The learning rate of every step, from its number alone."""

import math

from kinect_unlock_lab.training.recipes import Optimiser


def learning_rate(optimiser: Optimiser, step: int, steps: int) -> float:
    """Return the rate of a step, counted from 0: a rise along a line, then half a cosine down to nothing."""
    if step < optimiser.warmup_steps:
        return optimiser.learning_rate * (step + 1) / optimiser.warmup_steps
    gone = (step - optimiser.warmup_steps) / max(1, steps - optimiser.warmup_steps)
    return 0.5 * optimiser.learning_rate * (1.0 + math.cos(math.pi * gone))
