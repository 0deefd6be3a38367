"""What a soak says of its hours: growth, answers and what was left, on 80 columns."""

import math
from dataclasses import replace

import pytest
from rich.console import Console

from kinect_unlock_lab.camera_soak import UNANSWERED, Reading, Soak, table

SOAK = Soak(
    recording="owner-returns",
    minutes=60.0,
    mean_fault_s=20.0,
    answers={"match": 900, "source-lost": 100},
    slowest_s=14.9,
    counters={"camera_opened": 120, "source_losses": 100},
    readings=(),
    leftovers=(),
)


def reading(at_s: float, daemon_mb: float) -> Reading:
    return Reading(at_s=at_s, daemon_mb=daemon_mb, driver_mb=120.0, descriptors=20, threads=8, children=1, rings=1)


def shown(found: Soak) -> list[str]:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(table(found))
    assert "…" not in capture.get()
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_growth_is_what_the_second_half_adds_in_an_hour() -> None:
    first = [reading(at_s, 100.0 + at_s) for at_s in range(0, 600, 5)]  # 1 MB a second while it starts
    second = [reading(at_s, 700.0 + at_s / 3600 * 12) for at_s in range(600, 1205, 5)]
    assert replace(SOAK, readings=(*first, *second)).growth_mb_per_h == pytest.approx(12.0)


def test_too_few_readings_make_no_growth() -> None:
    assert math.isnan(SOAK.growth_mb_per_h)
    assert math.isnan(replace(SOAK, readings=(reading(0.0, 200.0),)).growth_mb_per_h)


def test_the_table_says_what_was_held_first_last_least_and_most() -> None:
    lines = shown(replace(SOAK, readings=tuple(reading(at_s, mb) for at_s, mb in ((0, 200), (5, 230), (10, 210)))))
    assert "owner-returns: 60 minutes, a fault every 20 s on average" in lines
    assert "daemon, MB 200 210 200 230" in lines
    assert "rings 1 1 1 1" in lines
    assert "answer match 900" in lines
    assert "slowest answer, s 14.9" in lines
    assert "left behind nothing" in lines


def test_attempts_without_an_answer_are_counted() -> None:
    assert SOAK.unanswered == 0
    assert replace(SOAK, answers={UNANSWERED: 2, "match": 1}).unanswered == 2


def test_growth_is_among_the_figures() -> None:
    growing = replace(SOAK, readings=tuple(reading(at_s, 200.0 + at_s) for at_s in range(8)))
    assert growing.as_json()["growth_mb_per_h"] == pytest.approx(3600.0)
