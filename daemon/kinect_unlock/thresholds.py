"""What a face must reach: of the manifest's calibration, the rows with evidence that are strict enough.

What has no evidence is no threshold; nothing is put between two rows, nor beyond them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kinect_unlock.errors import ConfigError
from kinect_unlock.manifest import CalibrationRow, Encoder, Evidence
from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Strategy


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a half must reach, the rate it stands for (None: see the evidence), and the evidence for that."""

    bar: Bar
    far: float | None
    template_vectors_max: int
    evidence: Evidence

    @property
    def cosine(self) -> float:
        """The cosine to reach, where it depends on distance the strictest."""
        return max(band.cosine for band in self.bar.bands)


def pick_threshold(encoder: Encoder, far: float, strategy: Strategy) -> Threshold:
    """Return the first half's threshold for a false accept rate of ``far`` or, where none is so exact, a stricter one.

    Raises:
        ConfigError: no row of the calibration table that has evidence is strict enough.
    """
    found = _strict_enough(encoder.calibration, far, strategy)
    if found is None:
        rows = (row for row in encoder.calibration if row.strategy == strategy and row.evidence)
        known = ", ".join(f"{row.far:g}" for row in rows) or "none"
        raise ConfigError(
            f"$.match.far: {encoder.model_id} has no evidence for a false accept rate of {far:g} with strategy "
            f"{strategy!r}; rates with evidence: {known}{_reason(encoder)}"
        )
    return found


def _strict_enough(rows: Sequence[CalibrationRow], far: float, strategy: Strategy) -> Threshold | None:
    """Return the threshold of the row with evidence that is strict enough and no stricter than need be."""
    proven = [(row, row.evidence) for row in rows if row.strategy == strategy and row.evidence and row.far <= far]
    if not proven:
        return None
    row, evidence = max(proven, key=lambda one: (one[0].far, one[0].threshold))
    return Threshold(Bar(row.half, (Band(math.inf, row.threshold),)), row.far, row.template_vectors_max, evidence)


def _reason(encoder: Encoder) -> str:
    return f". It may not unlock: {encoder.why_not}" if encoder.why_not else ""


def pick_thresholds(encoder: Encoder, far: float, strategy: Strategy) -> tuple[Threshold, ...]:
    """Return a threshold for every vote that has one with evidence, the first half's first.

    Raises:
        ConfigError: the first half has none that is strict enough.
    """
    return (pick_threshold(encoder, far, strategy), *_depth_thresholds(encoder, strategy))


def pick_infrared_thresholds(encoder: Encoder, far: float, strategy: Strategy) -> tuple[Threshold, ...]:
    """Return the same for faces seen in infrared, empty where the first half has no evidence that is strict enough.

    Depth has a light of its own: its vote asks the same in both.
    """
    identity = _strict_enough(encoder.infrared_calibration, far, strategy)
    return () if identity is None else (identity, *_depth_thresholds(encoder, strategy))


def _depth_thresholds(encoder: Encoder, strategy: Strategy) -> tuple[Threshold, ...]:
    return tuple(
        Threshold(Bar("depth", bands), None, row.template_vectors_max, row.evidence)
        for row in encoder.depth_calibration
        if "depth" in encoder.votes and row.strategy == strategy and row.evidence is not None
        for bands in (tuple(Band(band.to_mm, band.threshold) for band in row.bands),)
    )
