"""What was measured, as rows with a scale: pose, liveness cues, and how alike a face is."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.cue_words import bound_words, title, value_words
from kinect_unlock.findings import measured
from kinect_unlock.looks import Look
from kinect_unlock.observations import Cue, DepthFit, HeadPose
from kinect_unlock.settings import DepthVote, PoseRange
from kinect_unlock.viewing.canvas import Canvas, Rect, shortened
from kinect_unlock.viewing.colours import (
    BAD,
    CARD,
    CARE,
    FAINT,
    GOOD,
    INK,
    PLAIN,
    TRACK,
    colour_of_verdict,
)
from kinect_unlock.viewing.scores import Score, Scores

TITLE_PX: Final = 20
TEXT_PX: Final = 17
SMALL_PX: Final = 15
_ROW: Final = 26
_PADDING: Final = 16
_AROUND_ZERO: Final = 20.0  # how far the scale of a bound at zero reaches
_HALVES: Final = {"rgb": "colour", "depth": "depth", "rgbd": "colour and depth"}
_STAGES: Final = ("integrity", "gate", "detect", "align", "pose", "crop", "eyes", "frontalise", "liveness", "encode")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that a scale shows, and those of them that are allowed."""

    low: float
    high: float
    allowed_low: float
    allowed_high: float

    def share(self, value: float) -> float:
        """Return where a number stands on the scale, 0..1, at its ends if it lies beyond."""
        return float(np.clip((value - self.low) / (self.high - self.low), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pose, and the fit of its depth on the mean face, are held against."""

    pose: PoseRange
    depth: DepthVote


def span_of_cue(cue: Cue) -> Span | None:
    """Return a scale on which a cue's bounds are well seen; None for a cue without bounds."""
    low, high = cue.low, cue.high
    if low is not None and high is not None:
        beyond = max((high - low) / 2, 1e-6)
        return Span(low - beyond, high + beyond, low, high)
    if low is not None:
        ahead = 1.0 - low if cue.unit == "share" else _ahead(low)
        return Span(low - _ahead(low) / 2, low + ahead, low, low + ahead)
    if high is not None:
        return Span(high - _ahead(high), high + _ahead(high) / 2, high - _ahead(high), high)
    return None


def _ahead(bound: float) -> float:
    """Return how far beyond a bound its scale goes on."""
    return 2 * abs(bound) or _AROUND_ZERO


def draw_card(canvas: Canvas, at: Rect, title: str) -> Rect:
    """Draw a card with its title; return the place that is left in it."""
    canvas.box(at, CARD, radius=10)
    canvas.text(title, (at.x + _PADDING, at.y + 24), TITLE_PX, INK, bold=True)
    return Rect(at.x + _PADDING, at.y + 46, at.width - 2 * _PADDING, at.height - 56)


def draw_pose(canvas: Canvas, at: Rect, look: Look, limits: Limits) -> None:
    """Draw distance, angles and the fit of the depth, each on a scale with what is allowed."""
    if look.face is None:
        canvas.text("nobody to measure", (at.x, at.y + _ROW / 2), TEXT_PX, FAINT)
        return
    for number, row in enumerate(_pose_rows(look.face.pose, limits.pose) + _fit_rows(look.depth_fit, limits.depth)):
        y = at.y + _ROW * number + _ROW // 2
        canvas.text(row.name, (at.x, y), TEXT_PX, INK)
        canvas.text(row.text, (at.x + 208, y), TEXT_PX, INK, align="right")
        _draw_scale(canvas, Rect(at.x + 228, y - 4, at.width - 228, 8), row.span, row.value)


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    text: str
    value: float
    span: Span


def _pose_rows(pose: HeadPose, limits: PoseRange) -> tuple[_Row, ...]:
    angles = (
        ("yaw", pose.yaw_deg, limits.yaw_deg),
        ("pitch", pose.pitch_deg, limits.pitch_deg),
        ("roll", pose.roll_deg, limits.roll_deg),
    )
    reach = Span(0, 1.4 * limits.far_mm, limits.near_mm, limits.far_mm)
    return (
        _Row("distance", f"{pose.distance_mm:.0f} mm", pose.distance_mm, reach),
        *(
            _Row(name, f"{angle_deg:+.1f}°", angle_deg, Span(-90, 90, -limit_deg, limit_deg))
            for name, angle_deg, limit_deg in angles
        ),
    )


def _fit_rows(fit: DepthFit | None, bounds: DepthVote) -> tuple[_Row, ...]:
    if fit is None:
        return ()
    off = Span(0, 2 * bounds.fit_max_mm, 0, bounds.fit_max_mm)
    return (
        _Row("depth is off by", f"{fit.fit_mm:.1f} mm", fit.fit_mm, off),
        _Row("depth covers", f"{fit.coverage:.0%}", fit.coverage, Span(0, 1, bounds.coverage_min, 1)),
    )


def draw_cues(canvas: Canvas, at: Rect, cues: tuple[Cue, ...]) -> None:
    """Draw every cue: whether it held, its value, its bound; where there is no room, only those that have a say."""
    if not cues:
        canvas.text("not asked: nobody in range to judge", (at.x, at.y + _ROW / 2), TEXT_PX, FAINT)
        return
    shown = cues if len(cues) * _ROW <= at.height else tuple(cue for cue in cues if cue.enforced)
    left_out = len(cues) - len(shown)
    row = min(_ROW, at.height // (len(shown) + (left_out > 0)))
    if left_out:
        told = f"{left_out} more that {'is' if left_out == 1 else 'are'} only reported"
        canvas.text(told, (at.x + 26, at.y + row * len(shown) + row // 2), SMALL_PX, FAINT)
    for number, cue in enumerate(shown):
        y = at.y + row * number + row // 2
        _draw_outcome(canvas, (at.x + 8, y), cue)
        canvas.text(title(cue.name), (at.x + 26, y), TEXT_PX, INK if cue.enforced else FAINT)
        # what was not measured has no mark on a scale, and its words are too long beside a long title
        value = measured(cue)
        right = at.x + (378 if value is None else 262)
        canvas.text(value_words(cue), (right, y), TEXT_PX, INK if cue.enforced else FAINT, align="right")
        canvas.text(bound_words(cue), (at.right, y), SMALL_PX, FAINT, align="right")
        span = span_of_cue(cue)
        if span is not None and cue.enforced and value is not None:
            _draw_scale(canvas, Rect(at.x + 278, y - 4, 100, 8), span, value)


def draw_scores(canvas: Canvas, at: Rect, scores: Scores) -> None:
    """Draw each vote's cosine as a bar with the mark that it must reach."""
    for number, score in enumerate(scores.votes):
        _draw_score(canvas, Rect(at.x, at.y + 54 * number, at.width, 54), score)
    y = at.y + 54 * len(scores.votes) + 14
    words = f"alike enough to {scores.user}" if scores.reached else f"not alike enough to {scores.user}"
    mark = canvas.tick if scores.reached else canvas.cross
    mark((at.x + 8, y), GOOD if scores.reached else BAD)
    canvas.text(shortened(words, TEXT_PX, at.width - 26), (at.x + 26, y), TEXT_PX, INK)


def draw_timings(canvas: Canvas, at: Rect, stage_ms: dict[str, float]) -> None:
    """Draw what a look at the frame cost, stage by stage, as one bar and its legend."""
    known = {name: stage_ms[name] for name in (*_STAGES, *sorted(set(stage_ms) - set(_STAGES))) if name in stage_ms}
    whole_ms = sum(known.values())
    canvas.text("time of this look", (at.x, at.y), SMALL_PX, FAINT)
    canvas.text(f"{whole_ms:.1f} ms", (at.right, at.y), SMALL_PX, FAINT, align="right")
    if whole_ms <= 0:
        return
    x = float(at.x)
    for number, spent_ms in enumerate(known.values()):
        width = at.width * spent_ms / whole_ms
        shade = PLAIN if number % 2 else (50, 110, 150)
        canvas.box(Rect(round(x), at.y + 14, max(1, round(x + width) - round(x)), 10), shade)
        x += width
    longest = sorted(known, key=lambda name: -known[name])[:4]
    words = "   ".join(f"{name} {known[name]:.1f}" for name in known if name in longest)
    canvas.text(shortened(words, SMALL_PX, at.width), (at.x, at.y + 40), SMALL_PX, FAINT)


def draw_verdict(canvas: Canvas, at: Rect, look: Look) -> None:
    """Write the verdict of liveness at the right of a card's title."""
    if look.verdict is not None:
        right = at.right - _PADDING
        canvas.text(
            look.verdict.value, (right, at.y + 24), TITLE_PX, colour_of_verdict(look.verdict), align="right", bold=True
        )


def _draw_score(canvas: Canvas, at: Rect, score: Score) -> None:
    y = at.y + 12
    canvas.text(f"{_HALVES[score.half]} vote", (at.x, y), TEXT_PX, INK)
    shown = f"{score.cosine:.3f}" if np.isfinite(score.cosine) else "no number"
    needed = "no vote at this distance" if score.needed is None else f"needs {score.needed:.3f}"
    canvas.text(shown, (at.right, y), TEXT_PX, GOOD if score.reached else BAD, align="right", bold=True)
    canvas.text(needed, (at.right - 74, y), SMALL_PX, FAINT, align="right")
    bar = Rect(at.x, at.y + 28, at.width, 12)
    canvas.box(bar, TRACK, radius=5)
    if np.isfinite(score.cosine) and score.cosine > 0:
        filled = max(12, round(bar.width * min(score.cosine, 1.0)))
        canvas.box(Rect(bar.x, bar.y, filled, bar.height), GOOD if score.reached else BAD, radius=5)
    if score.needed is not None and np.isfinite(score.needed):
        x = bar.x + bar.width * min(max(score.needed, 0.0), 1.0)
        canvas.line((x, bar.y - 5), (x, bar.bottom + 4), (0, 0, 0), 5)
        canvas.line((x, bar.y - 5), (x, bar.bottom + 4), INK, 3)


def _draw_scale(canvas: Canvas, at: Rect, span: Span, value: float | None) -> None:
    """Draw a scale, its allowed part lighter, with a mark at a value; round where it holds, square where not."""
    canvas.box(at, TRACK, radius=3)
    begin = at.x + round(at.width * span.share(span.allowed_low))
    end = at.x + round(at.width * span.share(span.allowed_high))
    canvas.box(Rect(begin, at.y, max(1, end - begin), at.height), (86, 98, 114), radius=3)
    if value is None or not np.isfinite(value):
        return
    x, y = at.x + at.width * span.share(value), at.y + at.height / 2
    if span.allowed_low <= value <= span.allowed_high or span.share(value) == 1.0 == span.share(span.allowed_high):
        canvas.dot((x, y), 6.5, CARD)
        canvas.dot((x, y), 5.0, GOOD)
    else:
        canvas.box(Rect(round(x) - 6, round(y) - 6, 12, 12), CARD)
        canvas.box(Rect(round(x) - 5, round(y) - 5, 10, 10), BAD)


def _draw_outcome(canvas: Canvas, at: tuple[float, float], cue: Cue) -> None:
    if not cue.enforced:
        canvas.line((at[0] - 4, at[1]), (at[0] + 4, at[1]), FAINT, 2)
    elif cue.holds:
        canvas.tick(at, GOOD)
    else:
        canvas.cross(at, BAD if cue.value is not None else CARE)
