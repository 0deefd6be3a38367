"""The three pictures of a sheet, with what was found drawn on them: colour, depth, infrared.

A picture is fitted into its pane whole and undistorted. Where there is no infrared image its pane shows the depth
laid on the colour image, which is how the two cameras' alignment is judged by eye.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import register_full
from kinect_unlock.arrays import F64, U8, U16
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look
from kinect_unlock.observations import Box, HeadPose, Modality
from kinect_unlock.viewing.canvas import Canvas, Point, Rect, text_width
from kinect_unlock.viewing.colours import (
    CARD,
    CARE,
    FAINT,
    INK,
    PAPER,
    PLAIN,
    RELIEF_MM,
    THIRD,
    Colour,
    colour_of_seen,
    depth_picture,
    infrared_picture,
    relief_picture,
)
from kinect_unlock.viewing.placing import DepthPlace

AXIS_COLOURS: Final[tuple[Colour, Colour, Colour]] = (THIRD, PLAIN, CARE)  # to the right, up, where it looks
_LAID_ON: Final = 0.6  # share of the depth's colour over the colour image
_CORNER: Final = 0.22  # of a box's side: how long the lines at its corners are
_LABEL_PX: Final = 17
_RELIEF_PX: Final = 132
_RELIEF_MARGIN: Final = 0.15  # of the face's height, around it


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where a picture of some size lies in a pane: ``scale`` pane pixels a pixel, from ``at`` on."""

    at: Rect
    scale: float

    def place(self, point: Point) -> Point:
        """Return where a pixel's centre lies on the sheet."""
        return (self.at.x + (point[0] + 0.5) * self.scale - 0.5, self.at.y + (point[1] + 0.5) * self.scale - 0.5)


def fit(picture: U8, pane: Rect) -> Fitted:
    """Return how a picture u8[h,w,3] fits into a pane, in its middle."""
    height, width = picture.shape[:2]
    scale = min(pane.width / width, pane.height / height)
    fitted_width, fitted_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = pane.x + (pane.width - fitted_width) // 2, pane.y + (pane.height - fitted_height) // 2
    return Fitted(Rect(left, top, fitted_width, fitted_height), scale)


def draw_color(canvas: Canvas, pane: Rect, frame: Frame, look: Look) -> None:
    """Draw the colour image, with box, landmarks and the head's axes of a face that was found in it."""
    fitted = _lay(canvas, pane, frame.color)
    if look.face is None or look.modality is Modality.INFRARED:
        return
    points = [fitted.place(point) for point in look.face.landmarks_px]
    box = _placed(fitted, look.face.box)
    _draw_corners(canvas, box, colour_of_seen(look.seen))
    for point in points:
        _draw_landmark(canvas, point)
    _draw_axes(canvas, points[2], 0.75 * box.width, look.face.pose)
    _draw_distance(canvas, box, pane, look.face.pose)


def draw_depth(canvas: Canvas, pane: Rect, frame: Frame, look: Look, place: DepthPlace | None) -> None:
    """Draw the depth image in colours, with box and landmarks where they lie in it."""
    if frame.depth_mm is None:
        draw_absence(canvas, pane, "no depth image", "such a source can never unlock")
        return
    fitted = _lay(canvas, pane, depth_picture(frame.depth_mm))
    _draw_place(canvas, fitted, place, look)
    if place is not None and look.face is not None:
        _draw_relief(canvas, pane, frame.depth_mm, place.box, look.face.pose.distance_mm)


def draw_infrared(canvas: Canvas, pane: Rect, frame: Frame, look: Look, place: DepthPlace | None) -> None:
    """Draw the infrared image, or instead of a missing one the depth laid on the colour image."""
    if frame.infrared is not None:
        fitted = _lay(canvas, pane, infrared_picture(frame.infrared))
        _draw_place(canvas, fitted, place, look)
        if place is not None and look.face is not None and look.modality is Modality.INFRARED:
            box = _placed(fitted, place.box)
            _draw_axes(canvas, fitted.place(look.face.landmarks_px[2]), 0.75 * box.width, look.face.pose)
            _draw_distance(canvas, box, pane, look.face.pose)
        return
    laid = depth_on_color(frame)
    if laid is None:
        draw_absence(canvas, pane, "no infrared image", "")
        return
    fitted = _lay(canvas, pane, laid)
    if look.face is not None and look.modality is Modality.COLOR:
        _draw_corners(canvas, _placed(fitted, look.face.box), colour_of_seen(look.seen))


def draw_absence(canvas: Canvas, pane: Rect, title: str, note: str) -> None:
    """Say in a pane what is not there."""
    canvas.box(pane, CARD, radius=8)
    x, y = pane.middle
    canvas.text(title, (x, y - 12), 24, FAINT, align="middle")
    canvas.text(note, (x, y + 18), _LABEL_PX, FAINT, align="middle")


def depth_on_color(frame: Frame) -> U8 | None:
    """Return the colour image u8[H,W,3] with the depth laid on it; None where the two cannot be laid together."""
    if frame.depth_mm is None or frame.calibration is None:
        return None
    camera = frame.calibration.color
    if frame.color.shape[:2] != (camera.height_px, camera.width_px):
        return None
    try:
        mapped = register_full(frame.depth_mm, frame.calibration)
    except ValueError:  # the depth image is not of the calibration's size
        return None
    readings = np.rint(mapped.depth_mm).astype(np.uint16)
    size = (frame.color.shape[1], frame.color.shape[0])
    tint = cv2.resize(depth_picture(readings), size, interpolation=cv2.INTER_NEAREST)
    was_read = cv2.resize((readings > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    grey = np.repeat(cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY)[..., np.newaxis], 3, axis=2)
    mixed = cv2.addWeighted(tint, _LAID_ON, grey, 1 - _LAID_ON, 0.0)
    return np.where(was_read[..., np.newaxis], mixed, grey // 2).astype(np.uint8)


def head_axes(pose: HeadPose) -> F64:
    """Return the head's axes f64[3,3] as the image shows them, a row each: its right as we see it, up, its look.

    Each is x to the right, y down, z away from the camera; the inverse of `pose.angles_deg`.
    """
    yaw, pitch, roll = np.deg2rad((pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
    turn_yaw = np.array(((np.cos(yaw), 0, -np.sin(yaw)), (0, 1, 0), (np.sin(yaw), 0, np.cos(yaw))))
    turn_pitch = np.array(((1, 0, 0), (0, np.cos(pitch), np.sin(pitch)), (0, -np.sin(pitch), np.cos(pitch))))
    turn_roll = np.array(((np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)))
    right, down, away = (turn_yaw @ turn_pitch @ turn_roll).T
    return np.stack((right, -down, -away))


def _lay(canvas: Canvas, pane: Rect, picture: U8) -> Fitted:
    canvas.box(pane, (0, 0, 0))
    fitted = fit(picture, pane)
    size = (fitted.at.width, fitted.at.height)
    how = cv2.INTER_AREA if fitted.scale < 1 else cv2.INTER_LINEAR
    fits = picture.shape[1::-1] == size
    canvas.paste(picture if fits else np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8), fitted.at)
    return fitted


def _placed(fitted: Fitted, box: Box) -> Rect:
    left, top = fitted.place((box.x_px, box.y_px))
    return Rect(round(left), round(top), round(box.width_px * fitted.scale), round(box.height_px * fitted.scale))


def _draw_place(canvas: Canvas, fitted: Fitted, place: DepthPlace | None, look: Look) -> None:
    if place is None:
        return
    _draw_corners(canvas, _placed(fitted, place.box), colour_of_seen(look.seen))
    for x, y in place.landmarks_px:
        _draw_landmark(canvas, fitted.place((float(x), float(y))))


def _draw_relief(canvas: Canvas, pane: Rect, depth_mm: U16, box: Box, middle_mm: float) -> None:
    """Draw the face alone in the pane's upper left corner, on a scale that shows its nose: a print has none."""
    margin = _RELIEF_MARGIN * box.height_px
    top, bottom = max(0, round(box.y_px - margin)), round(box.y_px + box.height_px + margin)
    left, right = max(0, round(box.x_px - margin)), round(box.x_px + box.width_px + margin)
    picture = relief_picture(depth_mm[top:bottom, left:right], middle_mm)
    if picture.size == 0:
        return
    scale = _RELIEF_PX / picture.shape[0]
    size = (round(picture.shape[1] * scale), _RELIEF_PX)
    if size[0] > pane.width // 2:
        return
    at = Rect(pane.x + 10, pane.y + 10, *size)
    canvas.paste(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8), at)
    canvas.frame(Rect(at.x - 1, at.y - 1, at.width + 2, at.height + 2), INK, 1)
    canvas.text(f"relief, ±{RELIEF_MM:.0f} mm", (at.x, at.bottom + 13), 15, INK)


def _draw_corners(canvas: Canvas, box: Rect, colour: Colour) -> None:
    """Draw a box by its corners, so that the face stays free; a dark line beneath makes it readable anywhere."""
    across, down = box.width * _CORNER, box.height * _CORNER
    for shade, width_px in (((0, 0, 0), 5), (colour, 3)):
        for x, inwards in ((box.x, across), (box.right, -across)):
            for y, downwards in ((box.y, down), (box.bottom, -down)):
                canvas.line((x, y), (x + inwards, y), shade, width_px)
                canvas.line((x, y), (x, y + downwards), shade, width_px)


def _draw_landmark(canvas: Canvas, at: Point) -> None:
    canvas.dot(at, 3.6, (0, 0, 0))
    canvas.dot(at, 2.6, INK)


def _draw_axes(canvas: Canvas, nose: Point, length_px: float, pose: HeadPose) -> None:
    for axis, colour in zip(head_axes(pose), AXIS_COLOURS, strict=True):
        canvas.arrow(nose, (nose[0] + length_px * axis[0], nose[1] + length_px * axis[1]), colour, 2)


def _draw_distance(canvas: Canvas, box: Rect, pane: Rect, pose: HeadPose) -> None:
    """Write the distance over the box, or under it where there is no room."""
    text = f"{pose.distance_mm:.0f} mm"
    width = text_width(text, _LABEL_PX) + 14
    top = box.y - 32 if box.y - 32 >= pane.y else min(box.bottom + 8, pane.bottom - 26)
    left = min(max(pane.x, box.x + box.width // 2 - width // 2), pane.right - width)
    canvas.box(Rect(left, top, width, 24), PAPER, radius=6)
    canvas.text(text, (left + width / 2, top + 12), _LABEL_PX, INK, align="middle")
