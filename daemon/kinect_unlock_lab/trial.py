"""Real faces through the daemon: everybody is enrolled over the socket, and everybody tries to be everybody.

An attempt plays the *distinct* captures of a person that were not enrolled, one after the other. They are stills of
one session, not a stream: so checks that need a stream (a jump of box or distance, a span of time) are off, and every
report says so. A capture is never shown twice in an attempt, and no copies of one are made.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import Final

import msgspec
import numpy as np

from kinect_unlock.cli.replay import private_settings
from kinect_unlock.errors import InternalError
from kinect_unlock.observations import Verdict
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingWriter
from kinect_unlock.settings import Config, Enrol, EvidenceRules, PoseRange, Ranges
from kinect_unlock.wire import Enrol as EnrolRequest
from kinect_unlock.wire import Reply, Verify, Word
from kinect_unlock_lab.datasets import RGBD_FACES_CALIBRATION, Sample
from kinect_unlock_lab.protocols import F32, Bools, Embedded

_ENROLLED_RANKS: Final = (0, 2, 3)
# Wider than the daemon's own: half of these people have no three captures within it, being posed for other ends.
_ENROL_RANGE: Final = PoseRange(near_mm=450, far_mm=1400, yaw_deg=60, pitch_deg=60, roll_deg=45)
# Depth must be fit to vote where it is enrolled, too. As far as the manifest's thresholds reach.
_DEPTH_RANGE: Final = PoseRange(near_mm=450, far_mm=1350, yaw_deg=60, pitch_deg=60, roll_deg=45)
FRAME_NS: Final = 200_000_000
TIMEOUT_S: Final = 120.0
NOT_AS_SHIPPED: Final = (
    f"enrolment range widened to {_ENROL_RANGE.yaw_deg:g} degrees and {_ENROL_RANGE.far_mm:g} mm",
    "depth of turned heads enrolled, as far as it lies on the mean face as shipped",
    "three captures of any pose enrolled, one vector each",
    "likeness of the enrolled captures to each other and to other users not looked at",
    "no least span of time, no check for jumps",
    "no cool-down, no lock-out",
)
_ANSWERS: Final = {Word.ENROLLED, Word.ENROL_FAILED, Word.MATCH, Word.NO_MATCH, Word.TIMED_OUT}


@dataclass(frozen=True, slots=True)
class Person:
    """One person's captures: those enrolled, and those of every attempt, in the order in which they are played."""

    name: str
    year: int
    enrolled: tuple[Sample, ...]
    probes: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt; ``seen`` counts what its frames were seen as."""

    user: str
    person: str
    word: Word
    seen: dict[str, int]

    @property
    def matched(self) -> bool:
        """True if the daemon took the person for the user."""
        return self.word in {Word.MATCH, Word.UNLOCKED}


def wide_ranges(config: Config) -> Ranges:
    """Return the ranges of a trial; only the verify range is as it was."""
    return Ranges(enrol=_ENROL_RANGE, verify=config.ranges.verify, depth_vote=_DEPTH_RANGE)


def enrollable(embedded: Embedded) -> Bools:
    """Return bool[N]: captures that an enrolment of the trial takes, being live and within its range.

    Embedded under `wide_ranges`; where depth votes, it must be fit to.
    """
    limits = _ENROL_RANGE
    measured = (
        (embedded.yaw_deg, limits.yaw_deg),
        (embedded.pitch_deg, limits.pitch_deg),
        (embedded.roll_deg, limits.roll_deg),
    )
    near = (embedded.distance_mm >= limits.near_mm) & (embedded.distance_mm <= limits.far_mm)
    taken: Bools = near & np.equal(embedded.liveness, Verdict.LIVE.value)
    if "depth" in {half.name for half in embedded.halves}:
        taken &= embedded.depth_fit
    for angle_deg, limit_deg in measured:
        taken &= np.abs(angle_deg) <= limit_deg
    return taken


def people_of(samples: Sequence[Sample], turned_deg: F32, taken: Bools) -> tuple[Person, ...]:
    """Choose who is enrolled with what: of the captures that can be, by rising turn the first, third and fourth.

    An enrolment goes on until it has captures enough that are live and in range, so only such are chosen (``taken``
    bool[N]); everything else a person has is their attempt, refused captures too. Both sides have a frontal capture, as
    an enrolment and a later look at the camera have. Who has fewer than four such captures cannot be enrolled, is
    counted so, and is a stranger only. ``turned_deg`` f32[N] is the angle away from the camera, NaN if not measurable.
    """
    order = [int(row) for row in np.argsort(np.nan_to_num(turned_deg, nan=np.inf), kind="stable")]
    people = []
    for name in sorted({sample.person for sample in samples}):
        own = [samples[row] for row in order if samples[row].person == name and taken[row]]
        enrolled = tuple(own[rank] for rank in _ENROLLED_RANKS) if len(own) > max(_ENROLLED_RANKS) else ()
        captures = tuple(one for one in samples if one.person == name)
        probes = tuple(one for one in captures if one not in enrolled)
        people.append(Person(name, captures[0].year, enrolled, probes))
    return tuple(people)


def write_recordings(people: Sequence[Person], folder: Path, on_done: Callable[[int], None] = lambda _: None) -> None:
    """Write each person's two recordings into a private folder; they show people, so they go when it goes."""
    for number, person in enumerate(people, start=1):
        for purpose, samples in (("enrol", person.enrolled), ("probe", person.probes)):
            if samples:
                _write(folder / f"{person.name}-{purpose}.mkv", samples, purpose)
        on_done(number)


def trial_settings(config: Config, folder: Path, *, votes_needed: int) -> Config:
    """Return the settings of a trial: captures of any pose, stills as they come, and so few votes as stills allow."""
    played = private_settings(config, folder=folder, pace="asap")
    return msgspec.structs.replace(
        played,
        ranges=wide_ranges(config),
        enrol=Enrol(
            stages=("any", "any", "any"),
            samples_per_stage=1,
            min_cosine=-1.0,
            duplicate_cosine=1.0,
            stage_timeout_s=config.enrol.stage_timeout_s,
        ),
        evidence=EvidenceRules(
            votes_needed=votes_needed,
            votes_window=config.evidence.votes_window,
            min_span_ms=0.0,
            reject_after=config.evidence.reject_after,
            distinct_frames=True,
            integrity=False,
        ),
        limits=msgspec.structs.replace(config.limits, max_failures=1_000_000),
    )


def run_trial(
    people: Sequence[Person],
    config: Config,
    *,
    votes_needed: int,
    jobs: int,
    on_done: Callable[[int], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Enrol everybody who can be, then let everybody try to be everybody; each job is a daemon of its own.

    ``on_done`` is told how many attempts are finished in all.

    Raises:
        DaemonUnavailable: a daemon did not start or went away.
        InternalError: an attempt ended in another way than a match or none.
    """
    counting, finished = Lock(), 0

    def more(count: int) -> None:
        nonlocal finished
        with counting:
            finished += count
            on_done(finished)

    users = [person for person in people if person.enrolled]
    with TemporaryDirectory(prefix="kinect-unlock-trial-") as name:
        folder = Path(name)
        write_recordings(people, folder)
        settings = trial_settings(config, folder, votes_needed=votes_needed)
        stopped = Event()
        with ThreadPoolExecutor(jobs) as pool:
            shares = [users[job::jobs] for job in range(jobs)]
            parts = [pool.submit(_outcomes, share, people, settings, more, stopped) for share in shares]
            try:
                return tuple(outcome for part in parts for outcome in part.result())
            finally:
                stopped.set()  # else a fault or Ctrl-C here waits for the other daemons' attempts, all of them


def _outcomes(
    users: Sequence[Person], people: Sequence[Person], settings: Config, more: Callable[[int], None], stopped: Event
) -> list[Outcome]:
    """Run one daemon's share of a trial."""
    found: list[Outcome] = []
    with PrivateDaemon.folder() as folder, PrivateDaemon(settings, folder) as daemon:
        for user in users:
            for outcome in _attempts(daemon, user, people):
                found.append(outcome)
                more(len(people) if outcome.word is Word.ENROL_FAILED else 1)
                if stopped.is_set():
                    return found
    return found


def _attempts(daemon: PrivateDaemon, user: Person, people: Sequence[Person]) -> Iterator[Outcome]:
    """Enrol a user, then let everybody try to be them."""
    last, seen = _ask(daemon, EnrolRequest(user=user.name, stream=f"{user.name}-enrol.mkv", explain=True))
    if last.word is not Word.ENROLLED:
        yield Outcome(user.name, user.name, Word.ENROL_FAILED, seen)
        return
    for person in people:
        last, seen = _ask(daemon, Verify(user=user.name, stream=f"{person.name}-probe.mkv", explain=True))
        yield Outcome(user.name, person.name, last.word, seen)


def _ask(daemon: PrivateDaemon, request: EnrolRequest | Verify) -> tuple[Reply, dict[str, int]]:
    seen: Counter[str] = Counter()

    def count(reply: Reply) -> None:
        if reply.word is Word.FRAME and reply.data is not None:
            seen[reply.data["seen"]] += 1

    last = daemon.client.request(request, on_reply=count, timeout_s=TIMEOUT_S)
    if last.word not in _ANSWERS:
        raise InternalError(f"a trial's attempt ended with {last.word}: {last.message}")
    return last, dict(seen)


def _write(path: Path, samples: Sequence[Sample], purpose: str) -> None:
    provenance = {"origin": "images", "made_by": "kinect_unlock_lab.trial", "purpose": purpose, "jittered": False}
    with RecordingWriter(
        path, calibration=RGBD_FACES_CALIBRATION, provenance=provenance, lossless_color=True
    ) as writer:
        for seq, sample in enumerate(samples):
            writer.write(sample.frame(seq, (seq + 1) * FRAME_NS))
