"""Votes are counted in frames and in time: what is decided does not depend on how many frames a second there are."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import LAYOUT, OWNER, STRANGER, face_at, seen_face, template_of
from fakes.rig import CONFIG, Rig
from kinect_unlock.clock import NS_PER_MS, NS_PER_S
from kinect_unlock.evidence import Evidence, Vote, ballot_of, votes_hold, with_ballot
from kinect_unlock.observations import Observation
from kinect_unlock.wire import Verify, Word

RULES, TIMEOUT_S = CONFIG.evidence, CONFIG.attempt.timeout_s
RATES_HZ = (30.0, 15.0, 10.0, 7.0, 4.0)
# As fast as people move who want to be looked at, in the units of `face_at`: a face is 100 px and 0.15 m wide.
FASTEST_PX_PER_S, FASTEST_MM_PER_S = 500.0, 1500.0


def at_rate(person: int, rate_hz: float, *, jitter: float = 0.0, seed: int = 0) -> Iterator[Observation]:
    """Give somebody's live face for ever, so many times a second, each pause up to ``jitter`` longer or shorter."""
    random = np.random.default_rng(seed)
    captured_ns, seq = 0, 0
    while True:
        yield replace(seen_face(1, seq, person), captured_ns=captured_ns)
        captured_ns += int(NS_PER_S / rate_hz * (1.0 + random.uniform(-jitter, jitter)))
        seq += 1


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("person", "word", "frames"), [(OWNER, Word.MATCH, 3), (STRANGER, Word.NO_MATCH, 10)])
def test_an_attempt_is_decided_within_its_time(rate_hz: float, person: int, word: Word, frames: int) -> None:
    async def scene() -> tuple[Word, int, float]:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.enrolled("anna")
        asked = await rig.before_camera(Verify("anna"))
        for count, seen in enumerate(at_rate(person, rate_hz, jitter=0.1), 1):
            rig.show(seen)
            if rig.camera.attempt is None:
                return (await asked.answer()).word, count, seen.captured_ns / NS_PER_S
        raise AssertionError("never decided")

    decided, count, passed_s = asyncio.run(scene())

    assert decided is word
    # Fast cameras give so many frames before the least span is over, slow ones need no more than they must.
    assert count == frames or (count > frames and passed_s * 1000.0 - 1000.0 / rate_hz * 1.1 < RULES.min_span_ms)
    assert passed_s <= max(RULES.min_span_ms / 1000.0 + 1.0 / rate_hz, frames * 1.1 / rate_hz) < TIMEOUT_S


@given(
    rate_hz=st.floats(4.0, 30.0),
    jitter=st.floats(0.0, 0.3),
    across=st.floats(-1.0, 1.0),
    towards=st.floats(-1.0, 1.0),
    seed=st.integers(0, 2**16),
)
def test_nobody_who_moves_as_people_do_is_taken_for_a_jump(
    rate_hz: float, jitter: float, across: float, towards: float, seed: int
) -> None:
    evidence, frames = Evidence(LAYOUT), at_rate(OWNER, rate_hz, jitter=jitter, seed=seed)
    for seen in frames:
        passed_s = seen.captured_ns / NS_PER_S
        place = face_at(
            x_px=300.0 + across * FASTEST_PX_PER_S * passed_s,
            distance_mm=3000.0 + towards * FASTEST_MM_PER_S * passed_s,
        )
        ballot = ballot_of(replace(seen, face=place), Vote.OWNER)
        assert ballot is not None
        evidence = with_ballot(evidence, ballot, RULES)
        assert votes_hold(evidence, RULES) == (
            len(evidence.window) >= RULES.votes_needed and seen.captured_ns >= RULES.min_span_ms * NS_PER_MS
        )
        if passed_s > 1.5:
            break

    assert evidence.breaks == 0


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_who_swaps_in_is_found_out_at_every_rate(rate_hz: float) -> None:
    owner, stranger = at_rate(OWNER, rate_hz), at_rate(STRANGER, rate_hz)
    evidence = Evidence(LAYOUT)
    for index, seen in enumerate(zip(owner, stranger, strict=True)):
        vote, shown = (Vote.OWNER, seen[0]) if index < RULES.votes_needed - 1 else (Vote.STRANGER, seen[1])
        ballot = ballot_of(shown, vote)
        assert ballot is not None
        evidence = with_ballot(evidence, ballot, RULES)
        assert not votes_hold(evidence, RULES)
        if index > RULES.votes_window:
            break

    assert evidence.breaks == 1
