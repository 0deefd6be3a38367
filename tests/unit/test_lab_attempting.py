"""Protocols compare whom they say, in blocks as in one piece, by one process as by a cluster."""

from collections.abc import Iterator

import numpy as np
import pytest

from kinect_unlock.halves import Half
from kinect_unlock_lab import scoring
from kinect_unlock_lab.attempting import Data, Protocol, against_templates, identified, pairs, passes_gate, settings
from kinect_unlock_lab.mapping import Workers
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.protocols import against_templates as plainly_against_templates
from kinect_unlock_lab.protocols import pairwise as plainly_pairwise
from kinect_unlock_lab.scoring import DepthBar, Fused, OneHalf, TwoVotes, blocks, compared, joined
from kinect_unlock_lab.tally import EVERYBODY, Kind, Resampling, Tally, bins_of

PEOPLE, EACH = 6, 7
HALVES = (Half("rgb", 0, 5, 0.8), Half("depth", 5, 8, 0.2))
SMALL = Resampling(PEOPLE, rounds=3)


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    random = np.random.default_rng(4)
    count = PEOPLE * EACH
    own = np.repeat(random.normal(size=(PEOPLE, 8)), EACH, axis=0)
    noisy = own + 0.7 * random.normal(size=own.shape)
    parts = [np.sqrt(half.share) * unit(noisy[:, half.begin : half.end]) for half in HALVES]
    vectors = np.concatenate(parts, axis=1).astype(np.float32)
    vectors[[3, 20]] = 0
    return Embedded.of(
        vectors,
        np.repeat([f"p{number}" for number in range(PEOPLE)], EACH),
        halves=HALVES,
        place=np.repeat(["x", "y"], count // 2),
        yaw_deg=random.normal(0, 25, count).astype(np.float32),
        pitch_deg=np.zeros(count, np.float32),
        distance_mm=random.uniform(600, 1300, count).astype(np.float32),
    )


def same(one: Tally, other: Tally) -> bool:
    return bool(
        (one.counts == other.counts).all() and (one.drawn == other.drawn).all() and (one.met == other.met).all()
    )


def test_pairs_in_blocks_are_the_pairs_of_one_piece(embedded: Embedded) -> None:
    whole = pairs(embedded, Fused(), SMALL)
    plain = plainly_pairwise(embedded)
    in_blocks = [
        compared(Fused(), block)
        for attempts, gallery in [_everybody(embedded)]
        for block in blocks(attempts, gallery, rows=5)
    ]
    scores = np.concatenate([one.scores for one in in_blocks])
    assert len(scores) == len(plain.scores) == whole.total((Kind.GENUINE, *EVERYBODY))
    assert np.sort(np.nan_to_num(scores, nan=-9)) == pytest.approx(
        np.sort(np.nan_to_num(plain.scores, neginf=-9)), abs=1e-6
    )
    assert whole.total((Kind.GENUINE,)) == int(plain.genuine.sum())


def _everybody(embedded: Embedded) -> tuple[scoring.Attempts, scoring.Gallery]:
    shown = np.where(embedded.acquired[:, np.newaxis], embedded.embeddings, np.float32(np.nan))
    order, person, place = np.arange(len(embedded)), embedded.person_index, embedded.place_index
    return (
        scoring.Attempts(shown, person, place, embedded.distance_mm, order),
        scoring.Gallery(shown[:, np.newaxis], person, place, order),
    )


def test_one_frame_at_templates_of_three_is_what_plain_comparing_gives(embedded: Embedded) -> None:
    plain = plainly_against_templates(embedded)
    tally = against_templates(Data.of(embedded), Protocol(refusing="rejections"), Fused(), SMALL)
    for wanted, kinds in ((plain.genuine, (Kind.GENUINE,)), (~plain.genuine, EVERYBODY)):
        expected = np.bincount(bins_of(plain.scores[wanted]), minlength=tally.counts.shape[1])
        assert np.abs(np.cumsum(tally.counts[list(kinds)].sum(axis=0)) - np.cumsum(expected)).max() <= 1
        assert tally.total(kinds) == int(wanted.sum())


def test_places_of_two_people_say_which_kind_of_impostors_they_are(embedded: Embedded) -> None:
    tally = pairs(embedded, Fused(), SMALL)
    assert tally.person_pairs((Kind.SAME_PLACE,)) == 2 * 3
    assert tally.person_pairs((Kind.ACROSS,)) == 3 * 3


def test_frames_of_an_attempt_are_averaged_half_by_half(embedded: Embedded) -> None:
    (vector,) = joined(embedded, [np.array([0, 1])])
    for half in HALVES:
        both = embedded.half(half.name)[:2]
        mean = both.mean(axis=0) / np.linalg.norm(both.mean(axis=0))
        assert vector[half.begin : half.end] / np.sqrt(half.share) == pytest.approx(mean, abs=1e-6)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(joined(embedded, [np.zeros(0, np.int64)])).all()


def test_the_fused_score_is_the_halves_weighted_by_their_shares(embedded: Embedded) -> None:
    ((attempts, gallery),) = settings(Data.of(embedded), Protocol(enrolled=1))
    whole = Fused().scores(attempts, gallery)
    parts = [half.share * OneHalf(half).scores(attempts, gallery) for half in HALVES]
    assert whole == pytest.approx(sum(parts), abs=1e-5)


def test_nobody_is_a_match_by_colour_alone_where_two_halves_vote(embedded: Embedded) -> None:
    ((attempts, gallery),) = settings(Data.of(embedded), Protocol())
    bars = ((DepthBar(900, 0.5), DepthBar(1100, 0.2)),)
    rule = TwoVotes(*HALVES, bars, np.zeros(PEOPLE, np.int64))
    colour, depth = (OneHalf(half).scores(attempts, gallery) for half in HALVES)
    for number, distance in enumerate(attempts.distance_mm):
        needed = 0.5 if distance <= 900 else 0.2 if distance <= 1100 else np.inf
        expected = np.where(depth[number] >= needed, colour[number], -np.inf)
        assert rule.scores(attempts, gallery)[number].tolist() == expected.tolist()


def test_frames_that_may_not_count_are_left_out_or_make_rejections(embedded: Embedded) -> None:
    everything = Data.of(embedded)
    usable = np.arange(len(embedded)) % 2 == 0
    gated = Data(embedded, embedded, usable & embedded.acquired, everything.trying)
    left_out = against_templates(gated, Protocol(), Fused(), SMALL)
    rejected = against_templates(gated, Protocol(refusing="rejections"), Fused(), SMALL)
    assert left_out.counts[Kind.GENUINE, 0] == 0
    assert rejected.total((Kind.GENUINE,)) == PEOPLE * (EACH - 3)
    assert rejected.counts[Kind.GENUINE, 0] == rejected.total((Kind.GENUINE,)) - left_out.total((Kind.GENUINE,))


def test_an_attempt_of_two_frames_is_refused_only_if_neither_may_count(embedded: Embedded) -> None:
    alone = embedded.where(np.arange(len(embedded)) % EACH < 5)  # three enrolled, two left to try with
    usable = alone.acquired.copy()
    data = Data(alone, alone, usable, np.ones(len(alone), bool))
    (attempts, _), *_ = settings(data, Protocol(frames=2, refusing="rejections"))
    assert len(attempts) == PEOPLE
    assert not np.isnan(attempts.vectors).any()


def test_no_attempt_contains_an_enrolled_sample_and_attempts_are_of_one_person(embedded: Embedded) -> None:
    for attempts, gallery in settings(Data.of(embedded), Protocol(frames=1, enrolling="any", draws=3)):
        free = {tuple(np.round(row, 5)) for row in attempts.vectors}
        taken = {tuple(np.round(joined(embedded, [np.array([row])])[0], 5)) for row in range(len(embedded))} - free
        held = {tuple(np.round(vector, 5)) for vector in gallery.vectors.reshape(-1, 8)}
        assert not held & free
        assert len(held) == 3 * PEOPLE
        assert len(taken) >= len(held)


def test_people_are_named_where_they_are_nearest_and_strangers_are_nobody_above_the_threshold() -> None:
    directions = np.eye(4, dtype=np.float32)
    vectors = directions[[0, 0, 1, 1, 2, 2]].copy()
    vectors[3] = (directions[0] + directions[1]) / np.sqrt(2)  # could be either of two
    people = Embedded.of(
        vectors,
        ["a", "a", "b", "b", "c", "c"],
        yaw_deg=np.array([0, 9] * 3, np.float32),
        pitch_deg=np.zeros(6, np.float32),
    )
    small = Resampling(3, rounds=2)
    strict = identified(Data.of(people), Protocol(enrolled=1), Fused(), small, margin=0.05)
    lenient = identified(Data.of(people), Protocol(enrolled=1), Fused(), small, margin=0.0)
    assert strict.total((Kind.GENUINE,)) == strict.total(EVERYBODY) == 3
    assert strict.roc().at_far(1.0)[0] == pytest.approx(2 / 3)
    assert lenient.roc().tar.max() >= 2 / 3
    # Without b enrolled the ambiguous one is named a, at 0.71; everybody else is nearest to nobody in particular.
    assert float(strict.roc().thresholds[strict.roc().far > 0][0]) == pytest.approx(np.sqrt(0.5), abs=1e-4)


def test_the_gate_lets_pass_what_was_acquired_within_the_verify_ranges(embedded: Embedded) -> None:
    seen = np.array(["face", "turned-away", "spoof", "face", "unsure", "too-far", "no-face"])
    few = Embedded.of(embedded.embeddings[:7], embedded.person[:7], seen=seen)
    assert passes_gate(few).tolist() == [True, False, True, False, True, False, False]


def test_a_face_without_a_depth_half_is_no_match_by_depth_or_fused_but_may_be_by_colour(embedded: Embedded) -> None:
    vectors = embedded.embeddings.copy()
    vectors[0, HALVES[1].begin :] = 0.0
    flat = embedded.with_vectors(vectors, HALVES)
    lost = {rule: _lost(pairs(flat, rule, SMALL)) - _lost(pairs(embedded, rule, SMALL)) for rule in _RULES}
    others = int(embedded.acquired.sum()) - 1
    assert lost == {_RULES[0]: 0, _RULES[1]: others, _RULES[2]: others}


_RULES = (OneHalf(HALVES[0]), OneHalf(HALVES[1]), Fused())


def _lost(tally: Tally) -> int:
    return int(tally.counts[:, 0].sum())


def test_two_processes_count_what_one_counts(embedded: Embedded) -> None:
    protocol = Protocol(enrolling="any", frames=2)
    alone = against_templates(Data.of(embedded), protocol, Fused(), SMALL)
    assert same(alone, against_templates(Data.of(embedded), protocol, Fused(), SMALL, Workers(jobs=2)))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as two:
        yield two.scheduler_address


@pytest.mark.slow
def test_a_cluster_counts_what_one_process_counts(embedded: Embedded, cluster: str) -> None:
    far = Workers(dask=cluster)
    assert same(pairs(embedded, Fused(), SMALL), pairs(embedded, Fused(), SMALL, far))
    rule = TwoVotes(*HALVES, ((DepthBar(1300, 0.1),),), np.zeros(PEOPLE, np.int64))
    protocol = Protocol(enrolling="any", frames=2)
    alone = against_templates(Data.of(embedded), protocol, rule, SMALL)
    assert same(alone, against_templates(Data.of(embedded), protocol, rule, SMALL, far))
