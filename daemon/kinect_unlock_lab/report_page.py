"""A report as one page of HTML that needs nothing else: no network, no script, no file beside it, and no face in it."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from matplotlib.figure import Figure

from kinect_unlock_lab.figures import Curve
from kinect_unlock_lab.findings import AS_IT_IS, FIT_DEPTH, PAIRS, Findings, Row
from kinect_unlock_lab.plots.curves import det, histogram
from kinect_unlock_lab.report import METHOD, TERMS, Report, hardest, headline_rows, sentence
from kinect_unlock_lab.report_tables import LONG_TABLE_ROWS, tables_of

_HISTOGRAMS: Final = 12
# Text stays text, which any reader has a font for, and names of parts do not change from run to run.
_STYLE: Final[dict[Any, Any]] = {"svg.fonttype": "none", "svg.hashsalt": "kinect-unlock", "font.family": "sans-serif"}
_PROLOGUE: Final = re.compile(r"\A.*?(?=<svg)", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NAMESPACES: Final = re.compile(r'\sxmlns(:xlink)?="[^"]*"')


def page(report: Report) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("kinect_unlock_lab"),
        autoescape=select_autoescape(("html", "j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    with mpl.rc_context(_STYLE):
        curves = [_svg(figure, f"c{place}") for place, figure in enumerate(_curves(report.findings))]
        histograms = [_svg(figure, f"h{place}") for place, figure in enumerate(_histograms(report.findings))]
    return environment.get_template("report.html.j2").render(
        report=report,
        sentence=sentence(report),
        terms=TERMS,
        method=METHOD,
        tables=tables_of(report),
        drawings=(curves, histograms),
        long=LONG_TABLE_ROWS,
    )


def _curves(findings: Findings) -> Iterator[Figure]:
    """Draw a DET for each choice of samples in the headline, and for each light in which attempts were made."""
    rows = list(headline_rows(findings))
    for samples, protocol in dict.fromkeys((row.label.samples, row.label.protocol) for row in rows):
        own = [row for row in rows if (row.label.samples, row.label.protocol) == (samples, protocol)]
        yield det(_by_system(own), title=f"{samples}: {protocol}, strangers: {own[0].impostors}")
    dim = [row for row in findings.rows if _is_dim(row) and hardest(row, findings)]
    for light in dict.fromkeys(row.label.light for row in dim):
        own = [row for row in dim if row.label.light == light]
        yield det(_by_system(own), title=f"{light}: {own[0].label.samples}, {own[0].label.protocol}")


def _is_dim(row: Row) -> bool:
    label = row.label
    one_frame = label.protocol.startswith("1 frame") and label.protocol.endswith("any")
    return label.light != AS_IT_IS and label.samples == FIT_DEPTH and one_frame


def _by_system(rows: Sequence[Row]) -> dict[str, Curve]:
    return {f"{row.label.system}, {row.label.score}": row.figures.curve for row in rows}


def _histograms(findings: Findings) -> Iterator[Figure]:
    """Draw the pairs of each score, of all samples where it can judge them."""
    first: dict[tuple[str, str], Row] = {}
    for row in headline_rows(findings):
        if row.label.protocol == PAIRS:
            first.setdefault((row.label.system, row.label.score), row)
    for (system, score), row in list(first.items())[:_HISTOGRAMS]:
        yield histogram(row.figures, title=f"{system}, {score}: pairs, {row.label.samples}")


def _svg(figure: Figure, name: str) -> Markup:
    """Return a drawing as an element of a page, with names of its own."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    drawing = _METADATA.sub("", _PROLOGUE.sub("", written.getvalue()))
    drawing = _NAMESPACES.sub("", drawing).replace("xlink:href", "href")
    drawing = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', drawing)
    drawing = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawing)
    drawing = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', drawing)
    return Markup(drawing)  # noqa: S704 - drawn here, of numbers and names that matplotlib escapes
