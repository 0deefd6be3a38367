"""Tables of figures at their places in a document that people write.

A place is everything between the lines ``<!-- NAME -->`` and ``<!-- end of NAME -->``; what stood there is replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Place:
    """Where tables go. Made before the work that fills it, since that may take hours."""

    path: Path
    name: str

    def __post_init__(self) -> None:
        """Raise ValueError unless the document has such a place."""
        self._parts()

    def put(self, tables: Sequence[Table]) -> None:
        """Write tables there.

        Raises:
            ValueError: the document has no such place any more.
        """
        before, after = self._parts()
        made = "\n".join(pipes(table) for table in tables)
        self.path.write_text(f"{before}{self._begin}\n\n{made}\n{self._end}{after}", encoding="utf-8")

    @property
    def _begin(self) -> str:
        return f"<!-- {self.name} -->"

    @property
    def _end(self) -> str:
        return f"<!-- end of {self.name} -->"

    def _parts(self) -> tuple[str, str]:
        text = self.path.read_text(encoding="utf-8")
        before, begin, rest = text.partition(self._begin)
        _, end, after = rest.partition(self._end)
        if not (begin and end):
            raise ValueError(f"{self.path} needs the lines {self._begin} and {self._end}; tables go between them")
        return before, after


def pipes(table: Table) -> str:
    """Return a terminal's table as Markdown, its title above and its caption below it."""
    rows = zip(*(column.cells for column in table.columns), strict=True)
    lines = [[str(column.header) for column in table.columns], ["---"] * len(table.columns)]
    lines += [[str(cell) for cell in row] for row in rows]
    shown = "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
    above = f"*{table.title}*\n\n" if table.title else ""
    below = f"\n*{table.caption}*\n" if table.caption else ""
    return above + shown + below
