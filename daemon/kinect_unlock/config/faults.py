"""What is wrong with a configuration, said so that a person can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``path`` names the key as in ``$.match.far``; ``$`` alone is the file as a whole."""

    file: str
    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        """Begin like a compiler's message, so that editors jump to the place."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path}: {self.message}"
