"""Making a template: stage after stage before the camera, then a review, then the one write.

Theory. The source is open in SEEKING and SAMPLING and nowhere else. SAVE stands on one edge, out of a REVIEWING that
passed: nothing is written before the samples were found consistent. A save once begun runs to its end, and only its
own result leads out of SAVING. Every way out has exactly one report.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where an enrolment stands."""

    IDLE = "idle"
    SEEKING = "seeking"  # source open; nobody holds the stage's pose
    SAMPLING = "sampling"  # source open; a live face holds the stage's pose
    REVIEWING = "reviewing"
    SAVING = "saving"


@unique
class Event(StrEnum):
    """What happened."""

    START = "start"
    POSE_HELD = "pose-held"
    POSE_LOST = "pose-lost"
    STAGE_PASSED = "stage-passed"
    LAST_STAGE_PASSED = "last-stage-passed"
    REVIEW_PASSED = "review-passed"
    REVIEW_FAILED = "review-failed"
    SAVED = "saved"
    SAVE_FAILED = "save-failed"
    TIMED_OUT = "timed-out"
    CANCEL = "cancel"
    SOURCE_LOST = "source-lost"


@unique
class Effect(StrEnum):
    """What is to be done."""

    OPEN_SOURCE = "open-source"
    CLOSE_SOURCE = "close-source"
    ANNOUNCE_STAGE = "announce-stage"
    ANNOUNCE_PASSED = "announce-passed"
    REVIEW = "review"
    SAVE = "save"
    REPORT_ENROLLED = "report-enrolled"
    REPORT_FAILED = "report-failed"
    REPORT_CANCELLED = "report-cancelled"
    REPORT_FAULT = "report-fault"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.SEEKING, S.SAMPLING})

ENROL: Final[Table[State, Event, Effect]] = Table(
    name="enrol",
    steps={
        (S.IDLE, E.START): Step(S.SEEKING, (F.OPEN_SOURCE, F.ANNOUNCE_STAGE)),
        # out of SEEKING
        (S.SEEKING, E.POSE_HELD): Step(S.SAMPLING),
        (S.SEEKING, E.TIMED_OUT): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAILED)),
        (S.SEEKING, E.CANCEL): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_CANCELLED)),
        (S.SEEKING, E.SOURCE_LOST): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAULT)),
        # out of SAMPLING
        (S.SAMPLING, E.POSE_LOST): Step(S.SEEKING),
        (S.SAMPLING, E.STAGE_PASSED): Step(S.SEEKING, (F.ANNOUNCE_PASSED, F.ANNOUNCE_STAGE)),
        (S.SAMPLING, E.LAST_STAGE_PASSED): Step(S.REVIEWING, (F.ANNOUNCE_PASSED, F.CLOSE_SOURCE, F.REVIEW)),
        (S.SAMPLING, E.TIMED_OUT): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAILED)),
        (S.SAMPLING, E.CANCEL): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_CANCELLED)),
        (S.SAMPLING, E.SOURCE_LOST): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAULT)),
        # out of REVIEWING
        (S.REVIEWING, E.REVIEW_PASSED): Step(S.SAVING, (F.SAVE,)),
        (S.REVIEWING, E.REVIEW_FAILED): Step(S.IDLE, (F.REPORT_FAILED,)),
        (S.REVIEWING, E.CANCEL): Step(S.IDLE, (F.REPORT_CANCELLED,)),
        # out of SAVING
        (S.SAVING, E.SAVED): Step(S.IDLE, (F.REPORT_ENROLLED,)),
        (S.SAVING, E.SAVE_FAILED): Step(S.IDLE, (F.REPORT_FAULT,)),
    },
    ignored=frozenset(
        {
            # A frame that shows the pose still, or still not, is no news.
            (S.SAMPLING, E.POSE_HELD),
            (S.SEEKING, E.POSE_LOST),
            # Too late: what is being written is written.
            (S.SAVING, E.CANCEL),
        }
    ),
)
