"""Real faces through the daemon: everybody is enrolled over the socket, and everybody tries to be everybody.

An attempt plays the *distinct* captures of a person that were not enrolled, one after the other. They are stills of
one session, not a stream: so checks that need a stream (a jump of box or distance, a span of time) are off, and every
report says so. A capture is never shown twice in an attempt, and no copies of one are made.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
import numpy as np
from rich.table import Table

from kinect_unlock.cli.replay import private_settings
from kinect_unlock.errors import InternalError
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingWriter
from kinect_unlock.settings import Config, Enrol, EvidenceRules, PoseRange, Ranges
from kinect_unlock.wire import Enrol as EnrolRequest
from kinect_unlock.wire import Reply, Verify, Word
from kinect_unlock_lab.datasets import RGBD_FACES_CALIBRATION, Sample, Side, split
from kinect_unlock_lab.metrics import Interval, clopper_pearson

_ENROLLED_RANKS: Final = (0, 2, 3)
# Wider than the daemon's own: half of these people have no three captures within it, being posed for other ends.
_ENROL_RANGE: Final = PoseRange(near_mm=450, far_mm=1400, yaw_deg=60, pitch_deg=60, roll_deg=45)
FRAME_NS: Final = 200_000_000
TIMEOUT_S: Final = 120.0
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


def people_of(samples: Sequence[Sample], turned_deg: Sequence[float]) -> tuple[Person, ...]:
    """Choose who is enrolled with what: of a person's captures by rising turn the first, third and fourth.

    So both sides have a frontal capture, as an enrolment and a later look at the camera have, and the rest of the
    turned ones are attempts. With fewer than four captures a person is an impostor only. ``turned_deg`` is each
    sample's angle away from the camera, not a number where it could not be measured.
    """
    order = sorted(range(len(samples)), key=lambda i: (np.nan_to_num(turned_deg[i], nan=np.inf), i))
    people = []
    for name in sorted({sample.person for sample in samples}):
        own = [samples[i] for i in order if samples[i].person == name]
        enrolled = tuple(own[rank] for rank in _ENROLLED_RANKS) if len(own) > len(_ENROLLED_RANKS) else ()
        probes = tuple(one for one in samples if one.person == name and one not in enrolled)
        people.append(Person(name, own[0].year, enrolled, probes))
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
        ranges=Ranges(enrol=_ENROL_RANGE, verify=config.ranges.verify),
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

    Raises:
        DaemonUnavailable: a daemon did not start or went away.
        InternalError: somebody could not be enrolled at all, which the choice of captures should rule out.
    """
    users = [person for person in people if person.enrolled]
    with TemporaryDirectory(prefix="kinect-unlock-trial-") as name:
        folder = Path(name)
        write_recordings(people, folder)
        settings = trial_settings(config, folder, votes_needed=votes_needed)
        with ThreadPoolExecutor(jobs) as pool:
            shares = [users[job::jobs] for job in range(jobs)]
            parts = pool.map(lambda share: list(_attempts(share, people, settings, on_done)), shares)
            return tuple(outcome for part in parts for outcome in part)


def report(people: Sequence[Person], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Sum a trial up: all people, and apart those on whom nothing was tuned."""
    half = {person.name for person in people if split(person.name) is Side.REPORT}
    return {
        "protocol": __doc__,
        "enrolled": sum(1 for person in people if person.enrolled),
        "not_enrollable": sorted({one.user for one in outcomes if one.word is Word.ENROL_FAILED}),
        "all people": _summary(people, outcomes),
        "report half": _summary(people, [one for one in outcomes if {one.user, one.person} <= half]),
    }


def table(summary: dict[str, Any]) -> Table:
    """Lay a report out for a terminal."""
    view = Table("", title="Real faces through the daemon, 95 % intervals", title_justify="left")
    for heading in ("all people", "report half"):
        view.add_column(heading)
    for row in summary["all people"]:
        view.add_row(row, *(_cell(summary[half][row]) for half in ("all people", "report half")))
    return view


def _attempts(
    users: Sequence[Person], people: Sequence[Person], settings: Config, on_done: Callable[[int], None]
) -> Iterator[Outcome]:
    with PrivateDaemon.folder() as folder, PrivateDaemon(settings, folder) as daemon:
        for user in users:
            last, seen = _ask(daemon, EnrolRequest(user=user.name, stream=f"{user.name}-enrol.mkv", explain=True))
            if last.word is not Word.ENROLLED:
                yield Outcome(user.name, user.name, Word.ENROL_FAILED, seen)
                on_done(len(people))
                continue
            for person in people:
                request = Verify(user=user.name, stream=f"{person.name}-probe.mkv", explain=True)
                last, seen = _ask(daemon, request)
                yield Outcome(user.name, person.name, last.word, seen)
                on_done(1)


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


def _summary(people: Sequence[Person], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    year = {person.name: person.year for person in people}
    attempts = [one for one in outcomes if one.word is not Word.ENROL_FAILED]
    genuine = [one for one in attempts if one.user == one.person]
    impostor = [one for one in attempts if one.user != one.person]
    judged = [one for one in genuine if one.seen.get("face", 0)]
    same = [one for one in impostor if year[one.user] == year[one.person]]
    across = [one for one in impostor if year[one.user] != year[one.person]]
    return {
        "missed unlocks / owner attempts (FRR)": _rate([one for one in genuine if not _opened(one)], genuine),
        "of those with a usable frame (FNMR)": _rate([one for one in judged if not _opened(one)], judged),
        "false unlocks / stranger attempts, same year": _rate([one for one in same if _opened(one)], same),
        "false unlocks / stranger attempts, across years": _rate([one for one in across if _opened(one)], across),
        "why owners were missed": dict(Counter(_cause(one) for one in genuine if not _opened(one)).most_common()),
        "enrolments that failed": sum(1 for one in outcomes if one.word is Word.ENROL_FAILED),
    }


def _opened(outcome: Outcome) -> bool:
    return outcome.word in {Word.MATCH, Word.UNLOCKED}


def _cause(outcome: Outcome) -> str:
    """Name what an owner was missed for: the score if any frame could be judged, else what most frames were."""
    if outcome.seen.get("face", 0):
        return "score or too few votes"
    return Counter(outcome.seen).most_common(1)[0][0] if outcome.seen else "no frame"


def _rate(events: Sequence[Outcome], trials: Sequence[Outcome]) -> dict[str, Any]:
    return {"events": len(events), "trials": len(trials), **asdict(clopper_pearson(len(events), len(trials)))}


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell of the report
    if isinstance(value, dict) and "trials" in value:
        interval = Interval(value["value"], value["low"], value["high"])
        return f"{value['events']} / {value['trials']:,} = {interval.percent(2)}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"
    return str(value)
