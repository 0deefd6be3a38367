"""What happened in an attempt, as a person reads it: runs of frames, hints, and the cues of the last judged frame."""

from collections import Counter
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinect_unlock.cli.words import HINTS
from kinect_unlock.wire import Reply, Word

STAGE_ORDER: Final = ("gate", "detect", "light", "tone", "align", "pose", "crop", "liveness", "frontalise", "encode")
_STAGES_A_LINE: Final = 4  # more do not fit 80 columns


class Timeline:
    """Prints explained frames as they come, equal ones gathered into one line."""

    def __init__(self, console: Console, *, indent: str = "  ") -> None:
        self._console = console
        self._indent = indent
        self._run: list[dict[str, Any]] = []
        self._judged: dict[str, Any] | None = None
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

    def close(self) -> None:
        """Print what is left: the last run of frames, the last judged frame's cues, the time spent by stage."""
        self._flush()
        if self._judged is not None:
            self._console.print(cue_table(self._judged), style="", justify="left")
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
            self._judged = facts
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


def cue_table(facts: dict[str, Any]) -> Table:
    """Lay out the cues of one explained frame: value, bound, and whether it held."""
    table = Table(title=f"  liveness of frame {facts['seq']}: {facts['liveness']}", title_justify="left", box=None)
    table.add_column("  cue")
    for heading in ("value", "bound"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for cue in facts["cues"]:
        table.add_row(f"  {_title(cue)}", _value(cue), _bound(cue), _outcome(cue))
    return table


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
    return f"[dim]{last['at_ms']:5.0f} ms[/] {frames:<6} {_what(first):<14}{where}{alike}"


def _what(facts: dict[str, Any]) -> str:
    """Say what a frame showed and how it votes; with a question mark, how it would if it had a vote."""
    seen, vote = facts["seen"], facts.get("vote") or (f"{facts['would']}?" if "would" in facts else None)
    light = "ir" if facts.get("modality") == "infrared" else ""
    if vote in {None, seen}:
        return f"{light} {seen}".strip()
    return f"{light or seen}: {vote}"


def _cosine(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def _title(cue: dict[str, Any]) -> str:
    """Return a cue's name without the unit it ends in: that stands beside the value."""
    return str(cue["name"]).removesuffix("_mm").removesuffix("_per_m").replace("_", " ")


def _value(cue: dict[str, Any]) -> str:
    return "not measurable" if cue["value"] is None else f"{cue['value']:.2f} {cue['unit']}".rstrip()


def _bound(cue: dict[str, Any]) -> str:
    if not cue["enforced"]:
        return "reported only"
    low, high = cue["low"], cue["high"]
    if low is not None and high is not None:
        return f"{low:g} .. {high:g}"
    if low is None and high is None:
        return "any"
    return f">= {low:g}" if low is not None else f"<= {high:g}"


def _outcome(cue: dict[str, Any]) -> str:
    if not cue["enforced"]:
        return "[dim]-[/]"
    return "[green]held[/]" if cue["held"] else "[red]broken[/]"
