"""When depth is fit to say who it is: what a stricter bound refuses of people, and what it gains.

Bounds are judged by the depth half alone, on looks that the verify ranges let pass: the share refused, and the share of
strangers' looks that pass where four in a hundred of the owners' looks are missed. Choose on the TUNE people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kinect_unlock.matching import Band, Bar
from kinect_unlock.observations import DepthFit, HeadPose
from kinect_unlock.pipeline import is_fit, out_of_range
from kinect_unlock.settings import DepthVote, PoseRange
from kinect_unlock_lab.calibrate import DRAWS
from kinect_unlock_lab.depth_calibration import CHOSEN_SIZE, MISSES
from kinect_unlock_lab.depth_maps import DepthMaps
from kinect_unlock_lab.metrics import Bools, FalseAccepts, Interval, false_accepts, share_by_person
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.votes import Faces, Rule, owners, strangers

_RULE: Final = Rule((Bar("depth", (Band(np.inf, 0.0),)),), "nearest")
_WIDE: Final = PoseRange(near_mm=450, far_mm=1350, yaw_deg=30, pitch_deg=25, roll_deg=25)
_ANY_FIT: Final = DepthVote(fit_max_mm=20.0, coverage_min=0.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where depth may vote."""

    range: PoseRange
    fit: DepthVote

    @property
    def name(self) -> str:
        """A name for a table."""
        reach = f"{self.range.far_mm:g} mm, {self.range.yaw_deg:g}/{self.range.pitch_deg:g}/{self.range.roll_deg:g} deg"
        return f"{reach}, fit {self.fit.fit_max_mm:g} mm, coverage {self.fit.coverage_min:g}"


BOUNDS: Final = (
    Bounds(_WIDE, _ANY_FIT),
    Bounds(_WIDE, DepthVote(fit_max_mm=5.0, coverage_min=0.6)),
    Bounds(_WIDE, DepthVote(fit_max_mm=4.5, coverage_min=0.7)),
    Bounds(_WIDE, DepthVote(fit_max_mm=3.5, coverage_min=0.6)),
    Bounds(_WIDE, DepthVote(fit_max_mm=5.0, coverage_min=0.9)),
    Bounds(PoseRange(450, 1200, 30, 25, 25), DepthVote(fit_max_mm=5.0, coverage_min=0.6)),
    Bounds(PoseRange(450, 1350, 25, 20, 25), DepthVote(fit_max_mm=5.0, coverage_min=0.6)),
    Bounds(PoseRange(450, 1350, 15, 15, 25), DepthVote(fit_max_mm=5.0, coverage_min=0.6)),
    Bounds(PoseRange(450, 1200, 25, 20, 25), DepthVote(fit_max_mm=4.5, coverage_min=0.7)),
)


@dataclass(frozen=True, slots=True)
class Fitness:
    """What bounds refuse, and how well depth tells people apart within them; None where nobody has looks enough."""

    bounds: Bounds
    refused: Interval
    looks: int
    owners: int
    threshold: float | None
    strangers: FalseAccepts | None


def measured(
    faces: Faces, embedded: Embedded, maps: DepthMaps, bounds: Sequence[Bounds] = BOUNDS
) -> tuple[Fitness, ...]:
    """Judge every one of ``bounds`` on looks whose depth may be anyhow; rows of all three agree.

    Raises:
        ValueError: nobody may try.
    """
    if not faces.may_try.any():
        raise ValueError("nobody is within the verify range with any depth")
    return tuple(_fitness(faces, within(embedded, maps, one), one) for one in bounds)


def within(embedded: Embedded, maps: DepthMaps, bounds: Bounds) -> Bools:
    """Return bool[N], True where depth may vote."""
    looks = zip(embedded.distance_mm, embedded.yaw_deg, embedded.pitch_deg, embedded.roll_deg, strict=True)
    posed = np.array([out_of_range(HeadPose(*map(float, one)), bounds.range) is None for one in looks])
    fits = zip(maps.fit_mm, maps.coverage, strict=True)
    fit: Bools = np.array([is_fit(DepthFit(float(off_mm), float(share)), bounds.fit) for off_mm, share in fits])
    return np.asarray(posed & fit, np.bool_)


def _fitness(faces: Faces, fit: Bools, bounds: Bounds) -> Fitness:
    trying = np.flatnonzero(faces.may_try)
    refused = share_by_person((~fit[trying]).astype(np.float64), faces.person[trying])
    allowed = replace(faces, may_enrol=faces.may_enrol & fit, may_try=faces.may_try & fit)
    try:
        own = owners(allowed, _RULE, "one look", size=CHOSEN_SIZE, draws=4 * DRAWS)
        other = strangers(allowed, _RULE, "one look", size=CHOSEN_SIZE, draws=DRAWS, each=1)
    except ValueError:  # nobody has looks enough
        return Fitness(bounds, refused, int(allowed.may_try.sum()), 0, None, None)
    threshold = float(np.quantile(own.scores, MISSES, method="lower"))
    met = other.compared.where(other.same_group)
    accepts = false_accepts(met, [threshold])[0] if len(met.scores) else None
    people = len(np.unique(own.probe_person))
    return Fitness(bounds, refused, int(allowed.may_try.sum()), people, threshold, accepts)
