"""Why one frame was judged so, as a picture: face and depth, the surface off each simple shape, every cue, in words.

Pure: the same arguments, the same pixels. It is for whoever may see cues: a recording's owner, root, the laboratory.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import cv2
import numpy as np

from kinect_unlock import cue_words
from kinect_unlock.align import align_face
from kinect_unlock.arrays import F64, U8, U16
from kinect_unlock.findings import deciding
from kinect_unlock.frames import Frame
from kinect_unlock.frontalise import frontalise
from kinect_unlock.light import infrared_calibration
from kinect_unlock.looks import Look
from kinect_unlock.mean_face import MEAN_LANDMARKS_MM
from kinect_unlock.observations import Box, Cue, Detection, LivenessReport, Modality, Verdict
from kinect_unlock.pose import place_head
from kinect_unlock.shapes import frame_of, off_sheet_mm, off_smooth_mm, rms_mm
from kinect_unlock.surface import CELL_MM, FaceSurface, measure_surface
from kinect_unlock.viewing import gauges
from kinect_unlock.viewing.canvas import Canvas, Rect, wrapped
from kinect_unlock.viewing.colours import (
    BAD,
    CARE,
    FAINT,
    GOOD,
    INK,
    NO_READING,
    OFFSET_MM,
    PAPER,
    PLAIN,
    RELIEF_MM,
    depth_picture,
    infrared_picture,
    offset_picture,
    offset_strip,
    relief_picture,
)
from kinect_unlock.viewing.panes import Fitted, draw_absence, fit
from kinect_unlock.viewing.placing import place_in_depth
from kinect_unlock.viewing.sheet import HEIGHT_PX, WIDTH_PX, Caption, draw_head, words_of

_Image = TypeVar("_Image", U8, U16)

_PANES: Final = tuple(Rect(18 + 316 * number, 104, 300, 340) for number in range(5))
# What is drawn of a surface: its title, which part of it, and how far that is off a simple shape.
_FITS: Final[tuple[tuple[str, Callable[[FaceSurface], FaceSurface], Callable[[FaceSurface], F64]], ...]] = (
    ("Its relief", lambda whole: whole, lambda surface: off_smooth_mm(surface)[0]),
    ("The mean face's relief", lambda whole: whole, lambda surface: off_smooth_mm(surface)[1]),
    ("Off the best bent sheet", frame_of, off_sheet_mm),
)
_SCALE: Final = Rect(816, 492, 600, 14)
_TICKS_MM: Final = (-15, -10, -5, 0, 5, 10, 15)
_CUE_CARD: Final = Rect(18, 548, 1056, 336)
_WHY_CARD: Final = Rect(1090, 548, 492, 336)
_BETWEEN_COLUMNS: Final = 28
_ONE_COLUMN: Final = 10  # cues; more stand in two
_MARGIN: Final = 0.25  # of the face's box, around it
_CELL_MARGIN: Final = 1
_LINE: Final = 21


def draw_why(frame: Frame, look: Look, caption: Caption) -> U8:
    """Draw one frame and what liveness made of it as u8[900,1600,3]."""
    canvas = Canvas(WIDTH_PX, HEIGHT_PX, PAPER)
    draw_head(canvas, look, caption)
    _draw_face(canvas, frame, look)
    _draw_depth(canvas, frame, look)
    _draw_fits(canvas, surface_of(frame, look), "no face" if look.face is None else "too little of the face has depth")
    inner = gauges.draw_card(canvas, _CUE_CARD, "Liveness")
    gauges.draw_verdict(canvas, _CUE_CARD, look)
    _draw_cues(canvas, inner, look.cues)
    _draw_words(canvas, gauges.draw_card(canvas, _WHY_CARD, "Why"), look)
    return canvas.finished()


def surface_of(frame: Frame, look: Look) -> FaceSurface | None:
    """Return the face's surface as liveness measured it; None without a face, or where it could not be measured."""
    if look.face is None or frame.depth_mm is None or frame.calibration is None:
        return None
    infrared = look.modality is Modality.INFRARED
    calibration = infrared_calibration(frame.calibration) if infrared else frame.calibration
    detection = Detection(look.face.box, 1.0, np.array(look.face.landmarks_px, np.float32))
    try:
        depth = align_face(frame.depth_mm, calibration, detection.box)
    except ValueError:  # the depth image is not of the calibration's size
        return None
    placement = place_head(detection, depth, calibration)
    frontal = None if placement is None else frontalise(depth, calibration, placement)
    surface = None if frontal is None else measure_surface(frontal)
    return surface if surface and len(frame_of(surface)) else None


def _draw_face(canvas: Canvas, frame: Frame, look: Look) -> None:
    """Draw the image that was looked at, as much as is around the face."""
    pane, infrared = _PANES[0], look.modality is Modality.INFRARED
    _title(canvas, pane, "Infrared" if infrared else "Colour")
    image = infrared_picture(frame.infrared) if infrared and frame.infrared is not None else frame.color
    part = image if look.face is None else _part(image, look.face.box)
    fitted = _lay(canvas, pane, part, smooth=True)
    if look.face is None:
        return
    left, top = _corner(look.face.box, image.shape)
    for x, y in look.face.landmarks_px:
        _dot(canvas, fitted.place((x - left, y - top)))


def _draw_depth(canvas: Canvas, frame: Frame, look: Look) -> None:
    """Draw the face's readings on a scale that shows a nose; without a face, the whole image."""
    pane = _PANES[1]
    _title(canvas, pane, "Depth")
    if frame.depth_mm is None:
        draw_absence(canvas, pane, "no depth image", "nothing to judge by")
        return
    place = place_in_depth(frame, look)
    if place is None or look.face is None:
        _lay(canvas, pane, depth_picture(frame.depth_mm), smooth=False)
        return
    part = _part(frame.depth_mm, place.box)
    fitted = _lay(canvas, pane, relief_picture(part, look.face.pose.distance_mm), smooth=False)
    left, top = _corner(place.box, frame.depth_mm.shape)
    for x, y in place.landmarks_px:
        _dot(canvas, fitted.place((float(x) - left, float(y) - top)))
    distance = f"bright is nearer, {look.face.pose.distance_mm:.0f} ± {RELIEF_MM:.0f} mm"
    canvas.text(distance, (pane.x, pane.bottom + 18), gauges.SMALL_PX, FAINT)


def _draw_fits(canvas: Canvas, surface: FaceSurface | None, absence: str) -> None:
    """Draw how far the surface stands off each simple shape, all on one scale; without one, why there is none."""
    for pane, (title, part_of, off_mm) in zip(_PANES[2:], _FITS, strict=True):
        _title(canvas, pane, title)
        if surface is None:
            draw_absence(canvas, pane, "not measurable", absence)
            continue
        part = part_of(surface)
        offsets = off_mm(part)
        grid, origin = _grid(part, offsets)
        fitted = _lay(canvas, pane, offset_picture(grid), smooth=False)
        for across, along, _ in MEAN_LANDMARKS_MM.T:
            _dot(canvas, fitted.place((across / CELL_MM - 0.5 - origin[0], along / CELL_MM - 0.5 - origin[1])))
        canvas.text(
            f"{rms_mm(offsets):.1f} mm off (root mean square)",
            (pane.x, pane.bottom + 18),
            gauges.SMALL_PX,
            INK,
        )
    if surface is not None:
        _draw_scale(canvas)


def _grid(surface: FaceSurface, offsets_mm: F64) -> tuple[F64, tuple[int, int]]:
    """Lay cells out as an image f64[h,w], NaN where there is none; and which cell its first column and row are."""
    columns = np.floor(surface.across_mm / CELL_MM).astype(np.intp)
    rows = np.floor(surface.along_mm / CELL_MM).astype(np.intp)
    left, top = int(columns.min()) - _CELL_MARGIN, int(rows.min()) - _CELL_MARGIN
    shape = (int(rows.max()) - top + 1 + _CELL_MARGIN, int(columns.max()) - left + 1 + _CELL_MARGIN)
    grid: F64 = np.full(shape, np.nan)
    grid[rows - top, columns - left] = offsets_mm
    return grid, (left, top)


def _draw_scale(canvas: Canvas) -> None:
    canvas.paste(offset_strip(_SCALE.width, _SCALE.height), _SCALE)
    for tick_mm in _TICKS_MM:
        x = _SCALE.x + (tick_mm / OFFSET_MM + 1) / 2 * (_SCALE.width - 1)
        canvas.line((x, _SCALE.bottom), (x, _SCALE.bottom + 4), FAINT, 1)
        canvas.text(f"{tick_mm:+d}" if tick_mm else "0 mm", (x, _SCALE.bottom + 15), 14, FAINT, align="middle")
    y = _SCALE.y + _SCALE.height / 2
    canvas.text("farther than the shape", (_SCALE.x - 14, y), gauges.SMALL_PX, FAINT, align="right")
    canvas.text("nearer", (_SCALE.right + 14, y), gauges.SMALL_PX, FAINT)


def _draw_cues(canvas: Canvas, at: Rect, cues: tuple[Cue, ...]) -> None:
    """Draw the cues, in two columns where there are many."""
    width = (at.width - _BETWEEN_COLUMNS) // 2
    half = len(cues) if len(cues) <= _ONE_COLUMN else (len(cues) + 1) // 2
    gauges.draw_cues(canvas, Rect(at.x, at.y, width, at.height), cues[:half])
    if cues[half:]:
        gauges.draw_cues(canvas, Rect(at.right - width, at.y, width, at.height), cues[half:])


def _draw_words(canvas: Canvas, at: Rect, look: Look) -> None:
    """Write what decided, and what an honest person can do."""
    y = float(at.y + 10)
    if look.verdict is None or look.verdict is Verdict.LIVE:
        held = "every cue that has a say holds" if look.verdict is Verdict.LIVE else "liveness was not asked"
        y = _write(canvas, at, y, f"{words_of(look).capitalize()}: {held}.", gauges.TEXT_PX)
        if look.verdict is Verdict.LIVE:
            _write(canvas, at, y + 10, "Whose face it is, is another question.", gauges.SMALL_PX, FAINT)
        return
    found = deciding((LivenessReport(look.verdict, look.cues),), look.verdict)
    for cue in found:
        canvas.text(cue_words.title(cue.name), (at.x, y), gauges.TEXT_PX, INK, bold=True)
        numbers = f"{cue_words.value_words(cue)}, bound {cue_words.bound_words(cue)}"
        colour = BAD if look.verdict is Verdict.SPOOF else CARE
        canvas.text(numbers, (at.right, y), gauges.SMALL_PX, colour, align="right")
        y = _write(canvas, at, y + _LINE, cue_words.meaning(cue), gauges.SMALL_PX, FAINT) + 10
    for remedy in cue_words.remedies(tuple(cue.name for cue in found))[:1]:
        canvas.text("What helps an honest person", (at.x, y), gauges.SMALL_PX, GOOD)
        y = _write(canvas, at, y + _LINE, remedy, gauges.SMALL_PX, INK)


def _write(canvas: Canvas, at: Rect, y: float, text: str, size_px: int, colour: tuple[int, int, int] = INK) -> float:
    """Write a text in lines; return the height of the line after it."""
    for line in wrapped(text, size_px, at.width):
        canvas.text(line, (at.x, y), size_px, colour)
        y += _LINE
    return y


def _title(canvas: Canvas, pane: Rect, title: str) -> None:
    canvas.text(title, (pane.x, pane.y - 18), 20, INK, bold=True)


def _dot(canvas: Canvas, at: tuple[float, float]) -> None:
    canvas.dot(at, 4.4, (0, 0, 0))
    canvas.dot(at, 3.0, PLAIN)


def _lay(canvas: Canvas, pane: Rect, picture: U8, *, smooth: bool) -> Fitted:
    canvas.box(pane, NO_READING)
    fitted = fit(picture, pane)
    how = cv2.INTER_NEAREST if not smooth else cv2.INTER_AREA if fitted.scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (fitted.at.width, fitted.at.height), interpolation=how)
    canvas.paste(np.asarray(resized, np.uint8), fitted.at)
    return fitted


def _corner(box: Box, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the first column and row of what is shown around a face."""
    left, top = round(box.x_px - _MARGIN * box.width_px), round(box.y_px - _MARGIN * box.height_px)
    return min(max(0, left), shape[1] - 2), min(max(0, top), shape[0] - 2)


def _part(image: _Image, box: Box) -> _Image:
    """Return as much of an image as is around a face."""
    left, top = _corner(box, image.shape)
    right = max(left + 2, round(box.x_px + (1 + _MARGIN) * box.width_px))
    bottom = max(top + 2, round(box.y_px + (1 + _MARGIN) * box.height_px))
    return image[top:bottom, left:right]
