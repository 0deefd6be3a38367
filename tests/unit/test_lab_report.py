"""Reports say the same in every form, need nothing else, and show nobody."""

import re

import msgspec
import pytest
from rich.console import Console

from evaluated_people import colour_alone, crowd, measured
from kinect_unlock_lab.dimming import DIM
from kinect_unlock_lab.evaluate import Plan, evaluate
from kinect_unlock_lab.findings import FIT_DEPTH
from kinect_unlock_lab.report import METHOD, TERMS, Report, Subject
from kinect_unlock_lab.report_page import page
from kinect_unlock_lab.report_tables import tables_of
from kinect_unlock_lab.report_text import markdown, view

SUBJECT = Subject("crowd <of numbers>", "RGB-D folder", "tune", 24, 168, 3, "1.2.3")


@pytest.fixture(scope="module")
def report() -> Report:
    bright, dark = crowd(), crowd(1.6, seed=6)
    systems = {"both": measured(bright), "colour": measured(colour_alone(bright))}
    dim = {"both": measured(dark), "colour": measured(colour_alone(dark))}
    plan = Plan(frames=(2,), draws=1, rounds=2, against="colour")
    return Report(SUBJECT, evaluate(systems, plan, dimmed={DIM[1]: dim}))


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return page(report)


def test_the_page_needs_no_network_no_script_and_no_other_file(html: str) -> None:
    assert re.findall(r"https?:|//[a-z]", html) == []
    assert "<script" not in html
    assert re.findall(r'(?:src|href)="(?!#)', html) == []
    assert "@import" not in html


def test_the_page_holds_no_picture_but_drawings(html: str) -> None:
    assert "<img" not in html
    assert "data:image" not in html
    assert html.count("<svg") >= 4


def test_parts_of_two_drawings_never_share_a_name(html: str) -> None:
    names = re.findall(r'\bid="([^"]+)"', html)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', html)) <= set(names)


def test_names_are_shown_as_they_are(html: str) -> None:
    assert "crowd &lt;of numbers&gt;" in html
    assert "<of numbers>" not in html


def test_every_form_says_what_may_be_published_and_how_it_was_measured(report: Report, html: str) -> None:
    told = markdown(report)
    for line in (TERMS, *METHOD):
        assert line in told
        assert line.replace("'", "&#39;") in html
    assert report.as_json()["terms"] == TERMS


def test_the_headline_has_a_row_for_every_score_of_every_system(report: Report) -> None:
    headline = tables_of(report)[0]
    assert [row[0] for row in headline.rows] == [
        "colour, rgb",
        "both, rgb half",
        "both, depth half",
        "both, fused",
        "both, two votes",
    ]
    assert {row[-2:] for row in headline.rows} == {("12.5", "38.7")}


def test_what_few_comparisons_cannot_say_is_not_said(report: Report) -> None:
    pairs = next(table for table in tables_of(report) if table.title == "Pairs")
    assert {row[pairs.columns.index("TAR @1e-4")] for row in pairs.rows} == {"too few"}


def test_scores_that_need_depth_are_given_where_depth_is_fit_and_nowhere_else(report: Report) -> None:
    for table in tables_of(report)[1:3]:
        for row in table.rows:
            assert FIT_DEPTH in row[1] or row[0] in {"both, rgb half", "colour, rgb"}


def test_differences_are_told_with_a_sign_and_a_verdict(report: Report) -> None:
    against = next(table for table in tables_of(report) if table.title == "Against colour")
    alike = [row for row in against.rows if row[0] == "both, rgb half"]
    assert {row[-1] for row in alike} == {"alike"}
    assert {row[3] for row in alike} == {"+0.0 [+0.0, +0.0]"}
    assert "worse" in {row[-1] for row in against.rows if row[0] == "both, depth half"}


def test_tables_hold_what_json_holds(report: Report) -> None:
    read = msgspec.json.decode(msgspec.json.encode(report.as_json()))
    first = next(row for row in read["rows"] if row["label"]["protocol"] == "pairs")
    about = ["subject", "terms", "method", "speed", "acquisition"]
    assert list(read) == [*about, "rows", "differences", "naming", "groups"]
    assert list(first) == ["label", "impostors", "figures", "frr"]
    assert f"{first['figures']['genuine']:,}" in markdown(report)


def test_a_terminal_of_120_columns_shows_the_headline(report: Report) -> None:
    console = Console(width=120)
    with console.capture() as shown:
        console.print(view(report))
    assert "Headline" in shown.get()
    assert "[" in shown.get()


def test_the_same_report_gives_the_same_page(report: Report, html: str) -> None:
    assert page(report) == html
