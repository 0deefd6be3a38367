"""A window of one's desktop, by pygame-ce (SDL)."""

import os
from typing import Final

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would greet on standard output

import cv2
import pygame

from kinect_unlock.arrays import U8
from kinect_unlock.errors import ConfigError
from kinect_unlock.viewing.displays import Wish
from kinect_unlock.viewing.sheet import HEIGHT_PX, WIDTH_PX

_SCREEN_SHARE: Final = 0.95  # of a screen that is smaller than the picture
_UNSEEN: Final = frozenset({"offscreen", "dummy"})  # what SDL falls back to where there is no display
_WISHES: Final = {
    pygame.K_q: Wish.END,
    pygame.K_ESCAPE: Wish.END,
    pygame.K_SPACE: Wish.PAUSE,
    pygame.K_s: Wish.SAVE,
}


class Window:
    """Shows pictures in a window that may be resized; they keep their shape.

    Raises:
        ConfigError: no window can be opened.
    """

    def __init__(self, title: str) -> None:
        try:
            _find_display()
            pygame.display.set_caption(title)
            self._surface = pygame.display.set_mode(_first_size(), pygame.RESIZABLE)
        except pygame.error as fault:
            pygame.display.quit()
            msg = f"no window can be opened ({fault}); use --in terminal, --png or --mp4"
            raise ConfigError(msg) from fault
        self._title = title
        self._picture: U8 | None = None

    def show(self, picture: U8, words: str) -> None:
        """Show a picture u8[h,w,3]."""
        pygame.display.set_caption(f"{self._title}: {words}")
        self._picture = picture
        self._draw()

    def wishes(self, wait_s: float) -> list[Wish]:
        """Return what keys and the window's frame asked for."""
        first = pygame.event.wait(max(1, round(wait_s * 1000)))
        found = []
        for event in (first, *pygame.event.get()):
            if event.type == pygame.QUIT:
                found.append(Wish.END)
            elif event.type == pygame.KEYDOWN and event.key in _WISHES:
                found.append(_WISHES[event.key])
            elif event.type in {pygame.VIDEORESIZE, pygame.WINDOWEXPOSED}:
                self._draw()
        return found

    def close(self) -> None:
        """Close the window."""
        pygame.display.quit()

    def _draw(self) -> None:
        self._surface = pygame.display.get_surface() or self._surface
        if self._picture is None:
            return
        (width, height), (rows, columns) = self._surface.get_size(), self._picture.shape[:2]
        scale = min(width / columns, height / rows)
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR  # keeps letters readable, unlike SDL's own
        fitted = self._picture if scale == 1.0 else cv2.resize(self._picture, size, interpolation=how)
        self._surface.fill((0, 0, 0))
        place = ((width - size[0]) // 2, (height - size[1]) // 2)
        self._surface.blit(pygame.image.frombuffer(fitted.tobytes(), size, "RGB"), place)
        pygame.display.flip()


def _find_display() -> None:
    """Have SDL take the display; raises `pygame.error` where there is none that anybody could see."""
    pygame.display.init()
    if pygame.display.get_driver() in _UNSEEN and not os.environ.get("SDL_VIDEODRIVER"):
        raise pygame.error("there is no display")


def _first_size() -> tuple[int, int]:
    """Return the picture's size, or what of it fits the screen."""
    width, height = pygame.display.get_desktop_sizes()[0]
    share = min(1.0, _SCREEN_SHARE * width / WIDTH_PX, _SCREEN_SHARE * height / HEIGHT_PX)
    return (round(WIDTH_PX * share), round(HEIGHT_PX * share))
