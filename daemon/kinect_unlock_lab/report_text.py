"""A report for a terminal, and as Markdown."""

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table as View

from kinect_unlock_lab.report import METHOD, TERMS, Report, sentence
from kinect_unlock_lab.report_tables import LONG_TABLE_ROWS, Table, tables_of


def view(report: Report) -> Group:
    """Lay the short tables out for a terminal; the long ones stand in the files."""
    shown = [table for table in tables_of(report) if len(table.rows) <= LONG_TABLE_ROWS]
    note = "per cent, 95 % intervals by person; † more comparisons than pairs of people to rest on"
    return Group(*(_view(table) for table in shown), note)


def markdown(report: Report) -> str:
    """Return the whole report as Markdown."""
    head = [
        f"# Evaluation on {report.subject.dataset}",
        sentence(report),
        TERMS,
    ]
    parts = [part for table in tables_of(report) for part in (f"## {table.title}", table.note, _pipes(table)) if part]
    method = ["## How it was measured", "\n".join(f"* {line}" for line in METHOD)]
    return "\n\n".join([*head, *parts, *method]) + "\n"


def _pipes(table: Table) -> str:
    rule = "|".join("---" if place < table.words else "--:" for place in range(len(table.columns)))
    lines = ["| " + " | ".join(row) + " |" for row in (table.columns, *table.rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _view(table: Table) -> View:
    shown = View(title=f"[bold]{table.title}[/]", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if place < table.words else "right")
    for row in table.rows:
        shown.add_row(*(_broken(cell) for cell in row))
    return shown


def _broken(cell: str) -> str:
    """Put an interval below its value."""
    return cell.replace(" [", "\n\\[", 1)
