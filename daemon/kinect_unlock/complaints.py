"""How many lines a user may have written into the log: else anybody could fill it until nothing else is kept."""

from collections.abc import Callable, MutableMapping
from typing import Final, TypeVar

COMPLAINTS: Final = 10  # lines about one uid ...
COMPLAINTS_S: Final = 60.0  # ... in so long
TOLD_APART: Final = 8  # uids beside root's
REST: Final = -1  # the uid of all others together
_ROOT: Final = 0

_Kept = TypeVar("_Kept")


def told_apart(uid: int, kept: MutableMapping[int, _Kept], is_over: Callable[[_Kept], bool]) -> int:
    """Return by which number something is kept of a uid: by its own, or that of the rest where there are many others.

    A user may have some ten thousand uids besides their own (``/etc/subuid``), and whatever is granted to each would be
    no limit; nor may what is kept of each grow without end. What is over makes room.
    """
    if uid == _ROOT or uid in kept:
        return uid
    if len(kept.keys() - {_ROOT, REST}) >= TOLD_APART:
        for other in [one for one, what in kept.items() if is_over(what)]:
            del kept[other]
    return uid if len(kept.keys() - {_ROOT, REST}) < TOLD_APART else REST


class Complaints:
    """Counts the lines about each uid."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[float, int]] = {}  # of a uid: since when how many

    def may(self, uid: int, now_s: float) -> bool:
        """Say whether one more line may be logged about a uid, and count it; ``now_s`` is of any steady clock."""
        whose = told_apart(uid, self._lines, lambda kept: now_s - kept[0] >= COMPLAINTS_S)
        since_s, lines = self._lines.get(whose, (now_s, 0))
        if now_s - since_s >= COMPLAINTS_S:
            since_s, lines = now_s, 0
        self._lines[whose] = (since_s, lines + 1)
        return lines < COMPLAINTS
