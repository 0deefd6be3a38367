"""How many lines a user may have written into the log: else anybody could fill it until nothing else is kept."""

from typing import Final

COMPLAINTS: Final = 10  # lines about one uid ...
COMPLAINTS_S: Final = 60.0  # ... in so long


class Complaints:
    """Counts the lines about each uid."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[float, int]] = {}  # of a uid: since when how many

    def may(self, uid: int, now_s: float) -> bool:
        """Say whether one more line may be logged about a uid, and count it; ``now_s`` is of any steady clock."""
        since_s, lines = self._lines.get(uid, (now_s, 0))
        if now_s - since_s >= COMPLAINTS_S:
            since_s, lines = now_s, 0
        self._lines[uid] = (since_s, lines + 1)
        return lines < COMPLAINTS
