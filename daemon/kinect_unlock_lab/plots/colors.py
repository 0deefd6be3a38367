"""Colours and markers that tell many people apart, also for readers who do not see all colours."""

from typing import Final

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish on paper or screen.
_COLORS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")

GENUINE: Final = "#0072B2"
IMPOSTOR: Final = "#D55E00"
OPENS: Final = "#009E73"


def color_of(number: int) -> str:
    """Return the colour of the n-th person."""
    return _COLORS[number % len(_COLORS)]


def marker_of(number: int) -> str:
    """Return the marker of the n-th person; colour and marker together repeat after 42."""
    return _MARKERS[number % len(_MARKERS)]
