"""What happened in an attempt, as a person reads it: runs of frames, hints, the cues that decided, and what helps."""

from collections import Counter
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinect_unlock.audit import Cause, Ending
from kinect_unlock.cli import reasons
from kinect_unlock.cli.words import HINTS
from kinect_unlock.cue_words import bound_words, title, value_words
from kinect_unlock.findings import place_of_deciding
from kinect_unlock.observations import Cue, LivenessReport, Verdict
from kinect_unlock.wire import Reply, Word

STAGE_ORDER: Final = (
    "integrity",
    "gate",
    "detect",
    "light",
    "tone",
    "align",
    "pose",
    "crop",
    "eyes",
    "frontalise",
    "liveness",
    "encode",
)
_STAGES_A_LINE: Final = 4  # more do not fit 80 columns


class Timeline:
    """Prints explained frames as they come, equal ones gathered into one line."""

    def __init__(self, console: Console, *, indent: str = "  ", in_full: bool = True) -> None:
        """``in_full``: with all cues of the deciding frame, and the time spent by stage; else those that decided."""
        self._console = console
        self._in_full = in_full
        self._indent = indent
        self._run: list[dict[str, Any]] = []
        self._judged: dict[int, dict[str, Any]] = {}  # the frames that liveness was asked about, by their number
        self._spent_ms: Counter[str] = Counter()
        self._frames = 0

    def show(self, reply: Reply) -> None:
        """Take one reply."""
        if reply.word is Word.FRAME and reply.data is not None:
            self._frame(reply.data)
        elif reply.word is Word.HINT and reply.hint is not None:
            self._say(f"[yellow]hint[/]     {HINTS[reply.hint]}")
        elif reply.word is Word.STAGE and reply.data is not None:
            self._say(f"[cyan]stage[/]    {reply.stage} ({reply.data['passed'] + 1} of {reply.data['of']})")
        elif reply.word is Word.WARNING:
            self._say(f"[yellow]warning[/]  {escape(reply.message or '')}")

    def close(self, last: Reply) -> None:
        """Print what is left: the last run of frames; in full the cues and the times; of a refusal, why."""
        self._flush()
        told, shown = ending_of(last), self.decided_by(last)
        if shown is not None and self._in_full:
            self._console.print(cue_table(self._judged[shown]), style="", justify="left")
        elif shown is not None and not (told and told.cues):
            self._say(f"[dim]{_cues_in_short(self._judged[shown])}[/]")
        if self._in_full:
            self._tell_times()
        if told is not None:
            reasons.tell(self._console, told, indent=self._indent)

    def decided_by(self, last: Reply) -> int | None:
        """Return the number of the frame that shows best what decided, else of the last that liveness judged."""
        told, reports = ending_of(last), {seq: _report(facts) for seq, facts in self._judged.items()}
        verdict = None
        if told is not None and told.cause is Cause.LIVENESS:
            verdict = Verdict.UNSURE if told.cues and told.cues[0].value is None else Verdict.SPOOF
        found = None if verdict is None else place_of_deciding(reports, verdict)
        return max(reports, default=None) if found is None else found

    def _tell_times(self) -> None:
        if self._spent_ms:
            spent = [
                f"{name} {self._spent_ms[name] / self._frames:.1f}" for name in STAGE_ORDER if name in self._spent_ms
            ]
            whole = sum(self._spent_ms.values()) / self._frames
            self._say(f"[dim]time     {whole:.1f} ms a frame over {self._frames} frames[/]")
            for begin in range(0, len(spent), _STAGES_A_LINE):
                self._say(f"[dim]         {'  '.join(spent[begin : begin + _STAGES_A_LINE])}[/]")

    def _frame(self, facts: dict[str, Any]) -> None:
        self._frames += 1
        self._spent_ms.update(facts.get("stage_ms", {}))
        if facts.get("cues"):
            self._judged[facts["seq"]] = facts
        if self._run and _kind(self._run[-1]) != _kind(facts):
            self._flush()
        self._run.append(facts)

    def _say(self, line: str) -> None:
        self._flush()
        self._console.print(f"{self._indent}{line}")

    def _flush(self) -> None:
        run, self._run = self._run, []
        if run:
            self._console.print(f"{self._indent}{_line(run)}")


def ending_of(last: Reply) -> Ending | None:
    """Return why an attempt was refused, as the daemon says it to those who may ask; None where it does not."""
    told = (last.data or {}).get("why")
    return None if told is None else msgspec.convert(told, Ending)


def _report(facts: dict[str, Any]) -> LivenessReport:
    return LivenessReport(Verdict(facts["liveness"]), tuple(_cue(told) for told in facts["cues"]))


def _cue(told: dict[str, Any]) -> Cue:
    return Cue(told["name"], told["unit"], told["value"], told["low"], told["high"], enforced=told["enforced"])


def cue_table(facts: dict[str, Any]) -> Table:
    """Lay out the cues of one explained frame: value, bound, and whether it held."""
    table = Table(title=f"  liveness of frame {facts['seq']}: {facts['liveness']}", title_justify="left", box=None)
    table.add_column("  cue")
    for heading in ("value", "bound"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for cue in _report(facts).cues:
        table.add_row(f"  {title(cue.name)}", value_words(cue), bound_words(cue), _outcome(cue))
    return table


def _cues_in_short(facts: dict[str, Any]) -> str:
    """Say how many bounds held in one explained frame."""
    bounded = [cue for cue in _report(facts).cues if cue.enforced]
    held = sum(cue.holds for cue in bounded)
    share = f"all {held}" if held == len(bounded) else f"{held} of {len(bounded)}"
    return f"liveness {facts['liveness']}, {share} bounds held (frame {facts['seq']})"


def _kind(facts: dict[str, Any]) -> tuple[Any, ...]:
    return (facts["seen"], facts.get("vote"), facts.get("modality"), facts.get("would"))


def _line(run: list[dict[str, Any]]) -> str:
    """Write a run of equal frames on one line that fits a terminal of 80 columns."""
    first, last = run[0], run[-1]
    frames = f"{first['seq']}" if len(run) == 1 else f"{first['seq']}-{last['seq']}"
    pose, scores = last.get("pose"), last.get("scores")
    where = (
        ""
        if pose is None
        else f"{pose['distance_mm']:5.0f} mm yaw {pose['yaw_deg']:+3.0f} pitch {pose['pitch_deg']:+3.0f}"
    )
    alike = "" if not scores else "  " + " ".join(f"{half} {_cosine(cosine)}" for half, cosine in scores.items())
    return f"[dim]{last['at_ms']:5.0f} ms[/] {frames:<6} {_what(first):<14}{where}{alike}".rstrip()


def _what(facts: dict[str, Any]) -> str:
    """Say what a frame showed and how it votes; with a question mark, how it would if it had a vote."""
    seen, vote = facts["seen"], facts.get("vote") or (f"{facts['would']}?" if "would" in facts else None)
    light = "ir" if facts.get("modality") == "infrared" else ""
    if vote in {None, seen}:
        return f"{light} {seen}".strip()
    return f"{light or seen}: {vote}"


def _cosine(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def _outcome(cue: Cue) -> str:
    if not cue.enforced:
        return "[dim]-[/]"
    return "[green]held[/]" if cue.holds else "[red]broken[/]"
