"""A colour camera of any kind: what is behind a head, and how light becomes a stored picture."""

from functools import cache
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, U8
from kinect_unlock_lab.lighting import Light
from kinect_unlock_lab.synthesis.conditions import Camera

_SHEET_PX: Final = 1024


def backdrop(full_height: int, full_width: int, light: Light, rng: np.random.Generator) -> F32:
    """Paint a wall with soft blotches and some rectangles, in the light of the room."""
    glow = (np.array(light.above) + 0.4 * np.array(light.key().color)).astype(np.float32)
    coarse = (rng.uniform(0.5, 1.5, (4, 4, 1)) * rng.uniform(0.85, 1.15, (4, 4, 3))).astype(np.float32)
    paint = (rng.uniform(0.02, 0.7) * rng.uniform(0.7, 1.0, 3)).astype(np.float32)
    wall = cv2.resize(
        coarse * (paint * glow), (full_width // 4 + 1, full_height // 4 + 1), interpolation=cv2.INTER_CUBIC
    )
    height, width = wall.shape[:2]
    for _ in range(rng.integers(0, 6)):
        x, y = rng.integers(0, width), rng.integers(0, height)
        size = rng.integers(2, max(3, width // 2), 2)
        color = glow * rng.uniform(0.02, 0.7) * rng.uniform(0.5, 1.0, 3)
        cv2.rectangle(wall, (int(x), int(y)), (int(x + size[0]), int(y + size[1])), color.tolist(), -1)
    soft = cv2.GaussianBlur(wall, (0, 0), float(rng.uniform(0.4, 1.5)))
    return np.asarray(cv2.resize(np.clip(soft, 0, 2), (full_width, full_height)), np.float32)


def develop(linear: F32, camera: Camera, rng: np.random.Generator) -> U8:
    """Turn linear light f32[h,w,3] into what is stored, u8[h,w,3]."""
    height, width = linear.shape[:2]
    middle = linear[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    gain = 0.30 * camera.exposure / max(float(middle.mean()) ** 0.7 * 0.30**0.3, 0.02)  # a camera corrects most of it
    light = cv2.GaussianBlur(linear, (0, 0), camera.blur_px) * (gain * np.array(camera.balance)).astype(np.float32)
    light = (light + np.float32(camera.haze)) * np.float32(camera.dim)
    stored = np.power(np.clip(light * (1 + light * 0.08) / (1 + 0.3 * light), 0, 1), np.float32(1 / camera.gamma)) * 255
    if camera.sharpen > 0.1:
        stored = cv2.addWeighted(stored, 1 + camera.sharpen, cv2.GaussianBlur(stored, (0, 0), 1.2), -camera.sharpen, 0)
    stored += np.float32(camera.grain * (1 + 0.6 * (1 - camera.dim))) * _grain(height, width, rng)
    image = np.clip(np.round(stored), 0, 255).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _grain(height: int, width: int, rng: np.random.Generator) -> F32:
    """Cut the grain of one picture f32[h,w,3] out of a large sheet of it, at a random place and turned at random."""
    sheet = _grain_sheet()
    top, left = rng.integers(0, len(sheet) - height), rng.integers(0, len(sheet) - width)
    part = sheet[top : top + height, left : left + width]
    return np.asarray(part[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))] * rng.choice((-1.0, 1.0)), np.float32)


@cache
def _grain_sheet() -> F32:
    fine = np.random.default_rng(0).standard_normal((_SHEET_PX, _SHEET_PX, 3), np.float32)
    return np.asarray(0.5 * fine + 1.6 * cv2.GaussianBlur(fine, (0, 0), 0.8), np.float32)
