"""The whole picture: three panes, what they mean, and what was measured. Pure: the same arguments, the same pixels."""

from dataclasses import dataclass
from typing import Final

from kinect_unlock.arrays import U8
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look
from kinect_unlock.observations import Modality, Seen
from kinect_unlock.viewing import gauges
from kinect_unlock.viewing.canvas import Canvas, Rect, shortened, text_width
from kinect_unlock.viewing.colours import (
    CARE,
    FAINT,
    INK,
    NO_READING,
    PAPER,
    PLAIN,
    SCALE_TICKS_MM,
    TRACK,
    colour_of_seen,
    scale_place,
    scale_strip,
)
from kinect_unlock.viewing.gauges import Limits
from kinect_unlock.viewing.panes import AXIS_COLOURS, draw_color, draw_depth, draw_infrared
from kinect_unlock.viewing.placing import place_in_depth
from kinect_unlock.viewing.scores import Scores

WIDTH_PX: Final = 1600
HEIGHT_PX: Final = 900
COLOR_PANE: Final = Rect(16, 104, 512, 424)
DEPTH_PANE: Final = Rect(544, 104, 512, 424)
INFRARED_PANE: Final = Rect(1072, 104, 512, 424)
SCALE: Final = Rect(640, 540, 400, 14)
_CARDS: Final = (Rect(16, 592, 512, 292), Rect(544, 592, 512, 292), Rect(1072, 592, 512, 292))

WORDS: Final = {
    Seen.NO_FACE: "nobody there",
    Seen.DARK: "too dark to see a face",
    Seen.MANY_FACES: "more than one face",
    Seen.TOO_NEAR: "too near",
    Seen.TOO_FAR: "too far away",
    Seen.TURNED_AWAY: "turned away",
    Seen.BLURRED: "blurred",
    Seen.NO_DEPTH: "no depth of the face",
    Seen.SPOOF: "not a living face",
    Seen.UNSURE: "liveness unsure",
    Seen.DEPTH_UNFIT: "depth does not fit a face",
    Seen.FACE: "a live face",
}


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written around the pictures.

    ``rate_hz`` is how many frames a second are shown, ``dropped`` how many the camera gave that were not;
    ``no_scores`` says why there are none.
    """

    source: str
    position: str = ""
    rate_hz: float | None = None
    dropped: int | None = None
    paused: bool = False
    keys: str = ""
    no_scores: str = "nobody to compare with"


def words_of(look: Look) -> str:
    """Say in words what a frame showed."""
    return WORDS[look.seen] + (", by infrared" if look.modality is Modality.INFRARED else "")


def draw(frame: Frame, look: Look, scores: Scores | None, caption: Caption, *, limits: Limits) -> U8:
    """Draw one frame as u8[900,1600,3]; ``limits`` are what the face is held against."""
    canvas = Canvas(WIDTH_PX, HEIGHT_PX, PAPER)
    place = place_in_depth(frame, look)
    draw_head(canvas, look, caption)
    _draw_titles(canvas, frame)
    draw_color(canvas, COLOR_PANE, frame, look)
    draw_depth(canvas, DEPTH_PANE, frame, look, place)
    draw_infrared(canvas, INFRARED_PANE, frame, look, place)
    _draw_legends(canvas, frame, look)
    _draw_cards(canvas, look, scores, caption, limits)
    return canvas.finished()


def draw_head(canvas: Canvas, look: Look, caption: Caption) -> None:
    """Draw what is written over the pictures: of what they are, and what the frame showed."""
    canvas.text("kinect-unlock", (16, 34), 28, INK, bold=True)
    after = 16 + text_width("kinect-unlock", 28) + 18
    canvas.text(shortened(caption.source, 19, 520), (after, 36), 19, FAINT)
    words, colour = words_of(look), colour_of_seen(look.seen)
    width = text_width(words, 22) + 60
    pill = Rect(WIDTH_PX - 16 - width, 14, width, 40)
    canvas.box(pill, TRACK, radius=19)
    canvas.dot((pill.x + 24, 34), 8, colour)
    canvas.text(words, (pill.x + 42, 34), 22, INK, bold=True)
    facts = [caption.position]
    if caption.rate_hz is not None:
        facts.append(f"{caption.rate_hz:.1f} frames/s")
    if caption.dropped is not None:
        facts.append(f"{caption.dropped} dropped")
    told = "   ".join(fact for fact in facts if fact)
    canvas.text(told, (pill.x - 24, 36), 19, FAINT, align="right")
    if caption.paused:
        x = pill.x - 24 - text_width(told, 19) - 24
        canvas.text("paused", (x, 36), 19, CARE, align="right", bold=True)


def _draw_titles(canvas: Canvas, frame: Frame) -> None:
    panes = (COLOR_PANE, DEPTH_PANE, INFRARED_PANE)
    third = "Infrared" if frame.infrared is not None else "Depth on colour"
    sizes = (_size(frame.color), _size(frame.depth_mm), _size(frame.infrared) or "no infrared in these frames")
    for pane, title, size in zip(panes, ("Colour", "Depth", third), sizes, strict=True):
        canvas.text(title, (pane.x, pane.y - 18), 20, INK, bold=True)
        canvas.text(size, (pane.right, pane.y - 18), 16, FAINT, align="right")


def _size(image: object) -> str:
    shape = getattr(image, "shape", None)
    return "" if shape is None else f"{shape[1]} x {shape[0]}"


def _draw_legends(canvas: Canvas, frame: Frame, look: Look) -> None:
    if look.face is not None:
        x = float(COLOR_PANE.x)
        for colour, words in zip(AXIS_COLOURS, ("across", "up", "where it looks"), strict=True):
            canvas.line((x, 547), (x + 22, 547), colour, 3)
            canvas.text(words, (x + 30, 547), 16, FAINT)
            x += 30 + text_width(words, 16) + 26
    if frame.depth_mm is not None:
        _draw_depth_scale(canvas)
    note = "brighter: more infrared light came back" if frame.infrared is not None else "as the colour camera sees it"
    if frame.infrared is not None or frame.depth_mm is not None:
        canvas.text(note, (INFRARED_PANE.x, 547), 16, FAINT)


def _draw_depth_scale(canvas: Canvas) -> None:
    canvas.paste(scale_strip(SCALE.width, SCALE.height), SCALE)
    for depth_mm in SCALE_TICKS_MM:
        x = SCALE.x + float(scale_place(float(depth_mm))) * (SCALE.width - 1)
        canvas.line((x, SCALE.bottom), (x, SCALE.bottom + 4), FAINT, 1)
        if depth_mm != SCALE_TICKS_MM[-1]:
            canvas.text(f"{depth_mm}", (x, SCALE.bottom + 15), 14, FAINT, align="middle")
    canvas.text(f"{SCALE_TICKS_MM[-1]} mm", (DEPTH_PANE.right, SCALE.bottom + 15), 14, FAINT, align="right")
    canvas.box(Rect(DEPTH_PANE.x, SCALE.y, 14, SCALE.height), NO_READING)
    canvas.text("no reading", (DEPTH_PANE.x, SCALE.bottom + 15), 14, FAINT)


def _draw_cards(canvas: Canvas, look: Look, scores: Scores | None, caption: Caption, limits: Limits) -> None:
    pose, liveness, identity = _CARDS
    inner = gauges.draw_card(canvas, pose, "Pose")
    gauges.draw_pose(canvas, inner, look, limits)
    canvas.text("pale stretch: allowed", (inner.right, pose.y + 24), 15, FAINT, align="right")
    if caption.keys:
        canvas.text(caption.keys, (inner.x, pose.bottom - 20), 15, PLAIN)
    inner = gauges.draw_card(canvas, liveness, "Liveness")
    gauges.draw_verdict(canvas, liveness, look)
    gauges.draw_cues(canvas, inner, look.cues)
    inner = gauges.draw_card(canvas, identity, "Identity" if scores is None else f"Identity: {scores.user}?")
    if scores is None:
        canvas.text(shortened(caption.no_scores, gauges.TEXT_PX, inner.width), (inner.x, inner.y + 13), 17, FAINT)
    else:
        gauges.draw_scores(canvas, inner, scores)
    gauges.draw_timings(canvas, Rect(inner.x, identity.bottom - 66, inner.width, 50), look.stage_ms)
