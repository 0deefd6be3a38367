"""Frames, state changes and decisions as data: for the decision log, and for a peer who may ask why.

A line of the log is one JSON object. It holds no wall clock, no duration, no path and no process id, its keys stand
in the order written here and its numbers are rounded, so that two runs over one recording give equal bytes. It
exists only in runs that were started for trying out: it holds scores.
"""

import json
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.halves import HalfName
from kinect_unlock.observations import Cue, Modality, Observation
from kinect_unlock.wire import Reply

# What one line holds, as JSON has it.
Facts: TypeAlias = dict[str, Any]

NO_ATTEMPT: Final = 0  # attempts count from 1
_SCORE_DIGITS: Final = 4
_MEASURE_DIGITS: Final = 2


def rounded(value: float | None, digits: int = _SCORE_DIGITS) -> float | None:
    """Return a number as it is written down; what is none, or not a number, is null."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits) + 0.0  # never minus zero


def frame_facts(
    observation: Observation, first_ns: int, **judged: str | bool | Mapping[HalfName, float] | None
) -> Facts:
    """Return what is told of a frame; ``judged`` is what the attempt made of it, a mapping being each half's cosine."""
    facts: Facts = {
        "seq": observation.seq,
        "at_ms": rounded((observation.captured_ns - first_ns) / NS_PER_MS, 3),
        "seen": observation.seen.value,
    }
    for name, value in judged.items():
        facts[name] = value if isinstance(value, str | bool | None) else _cosines(value)
    if observation.modality is not Modality.COLOR:
        facts["modality"] = observation.modality.value
    if observation.face is not None:
        pose = observation.face.pose
        facts["pose"] = {
            "distance_mm": rounded(pose.distance_mm, _MEASURE_DIGITS),
            "yaw_deg": rounded(pose.yaw_deg, _MEASURE_DIGITS),
            "pitch_deg": rounded(pose.pitch_deg, _MEASURE_DIGITS),
            "roll_deg": rounded(pose.roll_deg, _MEASURE_DIGITS),
        }
    if observation.depth_fit is not None:
        facts["depth_fit"] = {
            "fit_mm": rounded(observation.depth_fit.fit_mm, _MEASURE_DIGITS),
            "coverage": rounded(observation.depth_fit.coverage, _MEASURE_DIGITS),
        }
    if observation.liveness is not None:
        facts["liveness"] = observation.liveness.verdict.value
        facts["cues"] = [_cue_facts(cue) for cue in observation.liveness.cues]
    return facts


def _cosines(of_halves: Mapping[HalfName, float]) -> Facts:
    return {half: rounded(cosine) for half, cosine in of_halves.items()}


def with_timings(facts: Facts, observation: Observation) -> Facts:
    """Return a frame's facts with the milliseconds of each stage, for a peer; the log never has them."""
    timings = {name: rounded(spent_ms, 3) for name, spent_ms in observation.stage_ms.items()}
    return {**facts, "stage_ms": timings}


def _cue_facts(cue: Cue) -> Facts:
    return {
        "name": cue.name,
        "unit": cue.unit,
        "value": rounded(cue.value),
        "low": rounded(cue.low),
        "high": rounded(cue.high),
        "held": cue.holds,
        "enforced": cue.enforced,
    }


class DecisionLog:
    """Writes the decision log to where it is told; without a place, nowhere."""

    def __init__(self, write: Callable[[str], None] | None) -> None:
        self._write = write

    def frame(self, attempt: int, facts: Facts) -> None:
        """Note what a frame showed and what was made of it."""
        self._line({"kind": "frame", "attempt": attempt, **facts})

    def state(self, machine: str, attempt: int, before: StrEnum, event: StrEnum, after: StrEnum) -> None:
        """Note a change of state."""
        change = {"machine": machine, "from": before.value, "event": event.value, "to": after.value}
        self._line({"kind": "state", "attempt": attempt, **change})

    def decision(self, attempt: int, op: str, user: str | None, reply: Reply) -> None:
        """Note how an attempt ended."""
        named = user if reply.user is None else reply.user
        self._line({"kind": "decision", "attempt": attempt, "op": op, "user": named, "word": reply.word.value})

    def _line(self, facts: Facts) -> None:
        if self._write is not None:
            self._write(json.dumps(facts, ensure_ascii=True, allow_nan=False, separators=(",", ":")))
