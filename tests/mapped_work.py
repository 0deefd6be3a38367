"""Work that other processes can import, for tests of mapping."""

import os

import numpy as np


def drawn(seed: int) -> tuple[int, bytes]:
    """Return numbers that depend on the item alone."""
    return seed, np.random.default_rng(seed).normal(size=50).tobytes()


def process_id(_: int) -> int:
    """Say who computes."""
    return os.getpid()
