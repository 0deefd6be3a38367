"""Rows say what plain counting says, claim nothing too small, and depth is judged on people it was not fitted on."""

from dataclasses import replace

import numpy as np
import pytest

from evaluated_people import EACH, PEOPLE, colour_alone, crowd, measured
from kinect_unlock_lab.dimming import DIM
from kinect_unlock_lab.evaluate import Plan, evaluate
from kinect_unlock_lab.findings import AS_IT_IS, Findings, Row
from kinect_unlock_lab.protocols import Embedded

QUICK = Plan(frames=(1, 2), draws=1, rounds=8)


@pytest.fixture(scope="module")
def findings() -> Findings:
    bright, dark = crowd(), crowd(1.6, seed=6)
    return evaluate({"both": measured(bright)}, QUICK, dimmed={DIM[0]: {"both": measured(dark)}})


def row_of(findings: Findings, score: str, samples: str, protocol: str, impostors: str = "everybody") -> Row:
    return next(
        row
        for row in findings.rows
        if (row.label.score, row.label.samples, row.label.protocol, row.impostors)
        == (score, samples, protocol, impostors)
        and row.label.light == AS_IT_IS
    )


def test_pairs_are_counted_as_a_plain_loop_counts_them(findings: Findings) -> None:
    embedded, figures = crowd(), row_of(findings, "rgb half", "all poses", "pairs").figures
    genuine: list[float] = []
    impostor: list[float] = []
    vectors = embedded.half("rgb")
    for one in range(PEOPLE * EACH):
        for other in range(one):
            both = embedded.acquired[one] and embedded.acquired[other]
            score = float(vectors[one] @ vectors[other]) if both else -2.0
            (genuine if embedded.person[one] == embedded.person[other] else impostor).append(score)

    assert (figures.genuine, figures.impostor) == (len(genuine), len(impostor))
    assert figures.person_pairs == PEOPLE * (PEOPLE - 1) // 2
    point = figures.points[0]
    assert point.far == 1e-2
    assert point.tar is not None
    assert point.threshold is not None
    assert np.mean(np.array(impostor) >= point.threshold) <= 1e-2
    assert point.tar.value == pytest.approx(np.mean(np.array(genuine) >= point.threshold), abs=0.003)
    levels = np.array(genuine)[:, np.newaxis]
    accepted, missed = (np.array(impostor) >= levels).mean(axis=1), (np.array(genuine) < levels).mean(axis=1)
    crossing = np.maximum(accepted, missed).min()
    assert figures.eer.value == pytest.approx(crossing, abs=0.01)


def test_a_rate_below_three_over_the_comparisons_is_not_claimed(findings: Findings) -> None:
    figures = row_of(findings, "rgb half", "all poses", "pairs").figures
    assert figures.points[1].tar is not None
    assert not figures.points[1].by_pairs  # 276 pairs of people say nothing of one in a thousand
    assert figures.points[2].far == 1e-4
    assert figures.points[2].tar is None
    assert figures.points[2].threshold is None
    assert min(figures.curve.far) >= 3 / figures.impostor


def test_scores_that_need_depth_are_compared_where_it_is_fit_by_every_score_alike(findings: Findings) -> None:
    people = crowd()
    fit = people.where((people.seen == "face") & people.depth_fit & people.acquired)
    scores = ("rgb half", "depth half", "fused", "two votes")
    found = [row_of(findings, score, "fit depth", "pairs").figures for score in scores]
    assert {one.genuine + one.impostor for one in found} == {len(fit) * (len(fit) - 1) // 2}
    assert {row.label.samples.split(",")[0] for row in findings.rows if row.label.score == "rgb half"} == {
        "near-frontal",
        "all poses",
        "in verify range",
        "fit depth",
    }


def test_distances_divide_the_samples_that_are_compared(findings: Findings) -> None:
    paired = {row.label.samples for row in findings.rows if row.label.protocol == "pairs"}
    assert {samples for samples in paired if samples.startswith("all poses, ")} == {
        "all poses, below 900 mm",
        "all poses, 900 to 1100 mm",
        "all poses, from 1100 mm",
    }


def test_strangers_of_one_place_are_counted_apart(findings: Findings) -> None:
    near = row_of(findings, "rgb half", "all poses", "pairs", "of one place").figures
    assert near.person_pairs == 2 * (12 * 11 // 2)
    assert near.genuine == row_of(findings, "rgb half", "all poses", "pairs").figures.genuine


def test_every_half_and_both_votes_are_scored(findings: Findings) -> None:
    eer = {score: row_of(findings, score, "fit depth", "pairs").figures.eer.value for score in ("fused", "rgb half")}
    assert {row.label.score for row in findings.rows} == {"fused", "rgb half", "depth half", "two votes"}
    assert eer["fused"] <= eer["rgb half"] + 0.01


def test_frames_that_may_not_count_are_misses_of_attempts_and_not_of_comparisons(findings: Findings) -> None:
    gated = row_of(findings, "rgb half", "in verify range", "1 frame at 3 any")
    point, failed = gated.figures.points[0], gated.frr[0]
    assert point.tar is not None
    assert failed is not None
    refused = float(np.mean(np.abs(crowd().yaw_deg) >= 25))
    assert failed.value > 1 - point.tar.value + refused / 2


def test_two_frames_miss_less_than_one(findings: Findings) -> None:
    one, two = (row_of(findings, "depth half", "fit depth", f"{frames} at 3 any") for frames in ("1 frame", "2 frames"))
    assert two.figures.eer.value < one.figures.eer.value


def test_dim_light_is_judged_at_templates_of_good_light(findings: Findings) -> None:
    dark = [row for row in findings.rows if row.label.light != AS_IT_IS]
    assert {row.label.light for row in dark} == {DIM[0].name}
    own = next(row for row in dark if row.label.score == "rgb half" and row.label.samples == "all poses")
    bright = row_of(findings, "rgb half", "all poses", own.label.protocol, own.impostors)
    assert own.figures.eer.value > bright.figures.eer.value


def test_nobody_is_named_by_depth(findings: Findings) -> None:
    assert {one.label.score for one in findings.naming} == {"rgb half"}
    everywhere = next(one for one in findings.naming if one.label.samples == "all poses")
    assert everywhere.gallery == PEOPLE
    assert everywhere.rank_one.value > 0.8


def test_groups_are_of_every_quantity_and_leave_nobody_out(findings: Findings) -> None:
    own = [one for one in findings.groups if one.label.score == "rgb half"]
    total = row_of(findings, "rgb half", "all poses", "1 frame at 3 any").figures.genuine
    for quantity in ("face width", "hair over the outer face", "distance", "head turned by", "brightness of the face"):
        assert sum(one.attempts for one in own if one.quantity == quantity) == total


def test_a_failure_to_acquire_is_counted_and_so_is_what_the_gates_refuse(findings: Findings) -> None:
    bright = next(one for one in findings.acquisition if one.light == AS_IT_IS)
    assert bright.not_acquired.value == pytest.approx(1 / (PEOPLE * EACH))
    assert bright.out_of_range is not None
    assert bright.depth_unfit is not None
    people = crowd()
    passed = people.acquired & (people.seen == "face")
    assert bright.out_of_range.value == pytest.approx(1 - passed.mean())
    assert bright.depth_unfit.value == pytest.approx((~people.depth_fit[passed]).mean())


def test_systems_are_told_apart_and_keep_their_cost() -> None:
    found = evaluate({"a": measured(colour_alone(crowd())), "b": measured(colour_alone(crowd(1.6)))}, QUICK)
    errors = {
        row.label.system: row.figures.eer.value
        for row in found.rows
        if (row.label.samples, row.label.protocol) == ("all poses", "pairs")
    }
    assert errors["a"] < errors["b"]
    assert [(one.system, one.encode_ms, one.size_mb) for one in found.speed] == [("a", 12.5, 38.7), ("b", 12.5, 38.7)]
    assert {row.label.score for row in found.rows} == {"rgb"}


def test_systems_are_compared_on_the_same_people_drawn_alike() -> None:
    systems = {"worse": measured(colour_alone(crowd(1.6))), "good": measured(colour_alone(crowd()))}
    found = evaluate(systems, replace(QUICK, against="good"))
    assert {one.label.system for one in found.differences} == {"worse"}
    every = next(one for one in found.differences if (one.label.samples, one.label.protocol) == ("all poses", "pairs"))
    assert every.eer.low > 0
    assert every.tar[0] is not None
    assert every.tar[0].high < 0


def test_photographs_have_neither_poses_nor_ranges() -> None:
    whole = colour_alone(crowd())
    flat = Embedded.of(whole.embeddings, whole.person)
    found = evaluate({"a": measured(flat)}, QUICK)
    assert {row.label.samples for row in found.rows} == {"photographs"}
    assert {row.impostors for row in found.rows} == {"everybody"}
    assert found.groups == ()


def test_without_people_to_compare_there_is_no_row() -> None:
    alone = colour_alone(crowd()).where(np.arange(PEOPLE * EACH) < 2)
    assert evaluate({"a": measured(alone)}, QUICK).rows == ()
