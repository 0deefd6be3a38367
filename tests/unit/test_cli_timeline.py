import io
from typing import Any, TypeAlias

import msgspec
from rich.console import Console

from kinect_unlock.audit import Cause, Ending
from kinect_unlock.cli.timeline import STAGE_ORDER, Timeline
from kinect_unlock.observations import Cue as Measured
from kinect_unlock.wire import Hint, Reply, Word

Cue: TypeAlias = dict[str, Any]


def cue(name: str, unit: str, value: float | None, bounds: tuple[float | None, float | None], *, held: bool) -> Cue:
    low, high = bounds
    enforced = name != "background_step_mm"
    return {"name": name, "unit": unit, "value": value, "low": low, "high": high, "held": held, "enforced": enforced}


CUES = [
    cue("relief_share", "mm", 0.54, (6.0, None), held=False),
    cue("face_width_mm", "mm", 120.0, (100.0, 190.0), held=True),
    cue("valid_depth", "share", 1.0, (None, 1.0), held=True),
    cue("background_step_mm", "mm", 9.0, (None, None), held=True),
    cue("landmarks_apart_mm", "mm", -3.0, (None, None), held=True),
    cue("sheet_residual_mm", "mm", None, (8.0, 60.0), held=False),
]


def lines(*replies: Reply) -> list[str]:
    """Return what is printed of some replies, up to the end."""
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=120), indent="")
    for reply in replies:
        timeline.show(reply)
    timeline.close(replies[-1])
    return [line.rstrip() for line in out.getvalue().splitlines()]


def frame(seq: int, seen: str = "face", **facts: Any) -> Reply:
    return Reply(Word.FRAME, data={"seq": seq, "at_ms": seq * 80.0, "seen": seen, **facts})


def test_equal_frames_are_gathered_into_one_line_that_ends_with_the_last() -> None:
    pose = {"distance_mm": 878.4, "yaw_deg": 6.6, "pitch_deg": -2.2, "roll_deg": 0.0}
    told = lines(
        frame(0, vote="owner"),
        frame(1, vote="owner"),
        frame(2, vote="owner", scores={"rgb": 0.8591, "depth": None}, pose=pose),
    )

    assert " ".join(told[0].split()) == "160 ms 0-2 face: owner 878 mm yaw +7 pitch -2 rgb .859 depth -"


def test_both_scores_fit_a_terminal_of_80_columns() -> None:
    pose = {"distance_mm": 1278.4, "yaw_deg": 16.6, "pitch_deg": -12.2, "roll_deg": 0.0}
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=80))
    timeline.show(frame(100, vote="stranger"))
    timeline.show(frame(112, vote="stranger", scores={"rgb": 0.8591, "depth": 0.5124}, pose=pose))
    timeline.close(Reply(Word.NO_MATCH, done=True))

    (line,) = out.getvalue().splitlines()
    assert line.endswith("rgb .859 depth .512")


def test_a_frame_that_is_seen_otherwise_begins_a_new_line() -> None:
    told = lines(frame(0), frame(1, "spoof", vote="spoof"), frame(2), frame(3))

    assert [line.split()[2:4] for line in told[:3]] == [["0", "face"], ["1", "spoof"], ["2-3", "face"]]


def test_what_is_said_stands_between_the_frames_it_came_between() -> None:
    told = lines(
        frame(0),
        Reply(Word.HINT, hint=Hint.TURN_LEFT),
        frame(1),
        Reply(Word.STAGE, stage="left", data={"passed": 1, "of": 5}),
        Reply(Word.WARNING, message="[careful]"),
    )

    assert told[1].endswith("turn your head to the left")
    assert told[3:5] == ["stage    left (2 of 5)", "warning  [careful]"]


def test_the_cues_of_the_last_judged_frame_are_laid_out_with_value_bound_and_outcome() -> None:
    told = lines(frame(0, "spoof", liveness="spoof", cues=CUES), frame(1, "no-face"))
    rows = [" ".join(line.split()) for line in told[2:]]

    assert rows[0] == "liveness of frame 0: spoof"
    assert rows[2:] == [
        "relief share 0.54 mm 6 or more broken",
        "face width 120.0 mm 100 to 190 held",
        "valid depth 100% 100% or less held",
        "background step 9.00 mm reported only -",
        "landmarks apart -3.00 mm reported only held",
        "sheet residual not measurable 8 to 60 broken",
    ]


def test_in_short_a_person_is_told_how_many_bounds_held_and_no_table() -> None:
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=60), indent="", in_full=False)
    timeline.show(frame(0, liveness="live", cues=CUES[1:4]))
    timeline.show(frame(1, liveness="spoof", cues=CUES[:3]))
    timeline.close(Reply(Word.TIMED_OUT, done=True))

    assert out.getvalue().splitlines()[1:] == ["liveness spoof, 2 of 3 bounds held (frame 1)"]


def test_of_a_refusal_the_frame_that_shows_best_what_decided_is_laid_out_and_why_is_told() -> None:
    def judged(seq: int, value: float) -> Reply:
        cues = [cue("relief_share", "mm", value, (6.0, None), held=False)]
        return frame(seq, "spoof", liveness="spoof", cues=cues)

    decided = Measured("relief_share", "mm", 2.0, 6.0, None)
    told = Ending(word=Word.NO_MATCH, cause=Cause.LIVENESS, detail="relief_share", cues=(decided,))
    last = Reply(Word.NO_MATCH, done=True, data={"why": msgspec.to_builtins(told)})
    rows = [" ".join(line.split()) for line in lines(judged(0, 1.0), judged(1, 2.0), judged(2, 5.0), last)]

    assert "liveness of frame 1: spoof" in rows
    begun = rows.index("Why: it was seen to be no living face.")
    assert rows[begun : begun + 3] == [
        "Why: it was seen to be no living face.",
        "relief share: 2.00 mm, must be 6 or more",
        "it is as flat or as smooth as a picture, bent or not",
    ]
    assert rows[begun + 3].startswith("What helps: Come nearer")


def test_infrared_is_told_apart_with_the_vote_that_it_would_have() -> None:
    told = lines(
        frame(0, "dark"),
        frame(1, modality="infrared", would="stranger"),
        frame(2, modality="infrared", would="owner"),
        frame(3, modality="infrared", vote="owner"),
        frame(4, "spoof", modality="infrared", vote="spoof"),
        frame(5, vote="owner"),
    )
    assert [" ".join(line.split()[3:]) for line in told] == [
        "dark", "ir: stranger?", "ir: owner?", "ir: owner", "ir spoof", "face: owner",
    ]  # fmt: skip


def test_the_time_is_told_by_stage_in_the_order_of_the_stages() -> None:
    told = lines(frame(0, stage_ms={"encode": 6.0, "detect": 2.0}), frame(1, stage_ms={"detect": 4.0}))

    assert told[-2:] == ["time     6.0 ms a frame over 2 frames", "         detect 3.0  encode 3.0"]


def test_the_times_of_all_stages_fit_a_terminal_of_80_columns() -> None:
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=80))
    timeline.show(frame(0, stage_ms=dict.fromkeys(STAGE_ORDER, 188.8)))
    timeline.close(Reply(Word.NO_MATCH, done=True))

    assert [line.split()[::2] for line in out.getvalue().splitlines()[-3:]] == [
        ["integrity", "gate", "detect", "light"],
        ["tone", "align", "pose", "crop"],
        ["eyes", "frontalise", "liveness", "encode"],
    ]


def test_an_attempt_without_a_frame_says_nothing() -> None:
    assert lines(Reply(Word.STARTED, user="ann"), Reply(Word.LOCKED_OUT, done=True)) == []
