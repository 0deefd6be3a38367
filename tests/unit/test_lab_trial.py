"""Who is enrolled with what, and what a trial's attempts add up to."""

import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.halves import Half
from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Config
from kinect_unlock.wire import Word
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.trial import NOT_AS_SHIPPED, Outcome, Person, enrollable, people_of, trial_settings
from kinect_unlock_lab.trial_report import Report, as_json, report, table

BARS = (Bar("rgb", (Band(np.inf, 0.5),)), Bar("depth", (Band(1000.0, 0.6), Band(1350.0, 0.4))))


def samples_of(person: str, count: int) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            person,
            2019,
            "free",
            Path(f"{person}/{number}_rgb.png"),
            Path(f"{person}/{number}_depth.png"),
            near_frontal=True,
        )
        for number in range(count)
    )


def test_the_first_third_and_fourth_least_turned_captures_are_enrolled_and_all_others_try() -> None:
    own = samples_of("anna", 6)
    turned_deg = np.array([50, 10, np.nan, 30, 20, 40], np.float32)

    (anna,) = people_of(own, turned_deg, np.ones(6, bool))

    assert anna.enrolled == (own[1], own[3], own[5])
    assert anna.probes == (own[0], own[2], own[4])


def test_a_capture_that_enrolment_refuses_is_not_enrolled_but_tries() -> None:
    own = samples_of("anna", 5)
    taken = np.array([True, False, True, True, True])

    (anna,) = people_of(own, np.arange(5, dtype=np.float32), taken)

    assert anna.enrolled == (own[0], own[3], own[4])
    assert own[1] in anna.probes


def test_who_has_fewer_than_four_captures_to_enrol_is_a_stranger_only() -> None:
    own = samples_of("anna", 5)
    (anna,) = people_of(own, np.zeros(5, np.float32), np.array([True, True, True, False, False]))
    assert anna.enrolled == ()
    assert anna.probes == own


def test_only_live_captures_within_the_trials_range_can_be_enrolled() -> None:
    def measured(*values: float) -> np.ndarray:
        return np.array(values, np.float32)

    embedded = Embedded.of(
        embeddings=np.zeros((5, 4), np.float32),
        person=np.array(["p"] * 5),
        sample=np.array(["s"] * 5),
        acquired=np.ones(5, bool),
        seen=np.array(["face"] * 5),
        liveness=np.array(["live", "spoof", "live", "live", "live"]),
        yaw_deg=measured(0, 0, 80, 0, np.nan),
        pitch_deg=np.zeros(5, np.float32),
        roll_deg=np.zeros(5, np.float32),
        distance_mm=measured(800, 800, 800, 2000, 800),
    )
    assert enrollable(embedded).tolist() == [True, False, False, False, False]


def test_where_depth_votes_only_captures_with_fit_depth_can_be_enrolled() -> None:
    embedded = Embedded.of(
        np.ones((2, 4), np.float32),
        ["p", "p"],
        halves=(Half("rgb", 0, 2, 0.5), Half("depth", 2, 4, 0.5)),
        liveness=np.array(["live", "live"]),
        depth_fit=np.array([True, False]),
        yaw_deg=np.zeros(2, np.float32),
        pitch_deg=np.zeros(2, np.float32),
        roll_deg=np.zeros(2, np.float32),
        distance_mm=np.full(2, 800.0, np.float32),
    )
    assert enrollable(embedded).tolist() == [True, False]


def test_a_trial_changes_what_stills_need_and_nothing_that_decides() -> None:
    shipped = Config()
    settings = trial_settings(shipped, Path("/streams"), votes_needed=1)

    assert settings.match == shipped.match
    assert settings.liveness == shipped.liveness
    assert settings.ranges.verify == shipped.ranges.verify
    assert settings.evidence.distinct_frames
    assert not settings.evidence.integrity
    assert any("no check for jumps" in said for said in NOT_AS_SHIPPED)


def _named(side: int, number: int) -> str:
    """Return the ``number``-th name of a half of the people: 0 tune, 1 report."""
    names = (f"n{count}" for count in range(1000))
    return [name for name in names if zlib.crc32(name.encode()) & 1 == side][number]


TUNE, MISSED, REPORT, NEVER = _named(0, 0), _named(0, 1), _named(1, 0), _named(1, 1)
YEARS = {TUNE: 2017, MISSED: 2017, REPORT: 2019, NEVER: 2019}


@pytest.fixture
def found() -> Report:
    people = [
        Person(name, year, () if name == NEVER else samples_of(name, 3), samples_of(name, 2))
        for name, year in YEARS.items()
    ]
    outcomes = [
        Outcome(user, person, Word.TIMED_OUT, {"turned-away": 1, "face": 1})
        for user in (TUNE, MISSED, REPORT)
        for person in YEARS
        if (user, person) not in {(TUNE, TUNE), (REPORT, REPORT), (MISSED, MISSED), (TUNE, MISSED)}
    ]
    outcomes += [
        Outcome(TUNE, TUNE, Word.MATCH, {"face": 1}),
        Outcome(REPORT, REPORT, Word.TIMED_OUT, {"face": 1}),
        Outcome(MISSED, MISSED, Word.TIMED_OUT, {"too-far": 2}),
        Outcome(TUNE, MISSED, Word.MATCH, {"face": 1}),
    ]
    return report(people, outcomes, votes_needed=1, thresholds=BARS, not_as_shipped=["x"])


def test_owners_misses_count_what_the_gates_refused_and_what_could_not_be_enrolled(found: Report) -> None:
    everybody = found.halves["all"]
    assert (everybody.enrolled.events, everybody.enrolled.trials) == (3, 4)
    assert (everybody.missed.events, everybody.missed.trials) == (2, 3)
    assert (everybody.missed_if_judged.events, everybody.missed_if_judged.trials) == (1, 2)
    assert (everybody.missed_or_not_enrolled.events, everybody.missed_or_not_enrolled.trials) == (3, 4)
    assert everybody.causes == {"score or too few votes": 1, "too-far": 1}
    assert everybody.captures == {"face": 2, "too-far": 2}


def test_an_owner_whose_other_capture_was_taken_for_a_spoof_is_missed_for_liveness() -> None:
    seen = {"face": 1, "spoof": 2}
    (person,) = people_of(samples_of(TUNE, 6), np.zeros(6, np.float32), np.ones(6, bool))
    outcome = Outcome(TUNE, TUNE, Word.TIMED_OUT, seen)
    found = report([person], [outcome], votes_needed=1, thresholds=BARS, not_as_shipped=[])
    assert list(found.halves["tune"].causes) == ["liveness: another capture was taken for a spoof"]


def test_strangers_of_one_year_are_counted_apart_and_by_people(found: Report) -> None:
    everybody = found.halves["all"]
    assert (everybody.same_year.attempts.events, everybody.same_year.attempts.trials) == (1, 3)
    assert (everybody.same_year.users_opened.events, everybody.same_year.users_opened.trials) == (1, 3)
    assert (everybody.same_year.strangers_who_opened.events, everybody.same_year.person_pairs) == (1, 2)
    assert (everybody.across_years.attempts.events, everybody.across_years.attempts.trials) == (0, 6)


def test_the_halves_meet_only_themselves(found: Report) -> None:
    assert found.halves["tune"].missed.trials == 2
    assert found.halves["report"].missed.trials == 1
    assert found.halves["report"].same_year.attempts.trials == 1
    assert found.halves["report"].across_years.attempts.trials == 0


def test_a_capture_that_nobody_looked_at_is_told(found: Report) -> None:
    # One owner attempt ended without a match after one of its two captures.
    assert found.unseen_captures == 1


def test_it_is_told_as_a_table_and_as_json(found: Report) -> None:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table(found))
    assert "stream integrity off" in shown.get()
    assert "2 / 3 = 66.67 %" in shown.get()
    read = msgspec.json.decode(msgspec.json.encode(as_json(found)))
    assert list(read["halves"]) == ["all", "tune", "report"]
    assert read["stream_integrity"].startswith("off")
