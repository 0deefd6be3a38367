"""The stacks of PAM: which services ask a face, and what each asks after it; files as pam.conf(5) describes them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.host.text import content, entries, shown

FOLDERS: Final = ("etc/pam.d", "usr/lib/pam.d")  # in the first a file hides the second's of the same name

_OUR_MODULE: Final = "pam_kinect_unlock"
_OUR_PROGRAM: Final = "kinect-unlock"
_LINES_MAX: Final = 10_000  # of one service, with all that it includes
_RULE: Final = re.compile(r"-?(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(\S+)\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One module that is asked for a login, and in which file that stands."""

    control: str  # such as sufficient, or [success=1 default=ignore]
    module: str  # such as pam_unix.so
    arguments: str
    file: str

    @property
    def ours(self) -> bool:
        """Whether it asks kinect-unlock: our own module, or pam_exec with a program of ours."""
        by_program = self.module == "pam_exec.so" and _OUR_PROGRAM in self.arguments
        return self.module.startswith(_OUR_MODULE) or by_program

    @property
    def only_reports(self) -> bool:
        """Whether it is our module telling the daemon, after the password, that it was right."""
        return self.module.startswith(_OUR_MODULE) and "report" in self.arguments.split()


def services(root: Path) -> dict[str, tuple[Rule, ...]]:
    """Return, for each file of PAM, the modules that a login through it asks, in their order, includes resolved."""
    texts: dict[str, str] = {}
    for folder in FOLDERS:
        for path in entries(root / folder):
            texts.setdefault(shown(path.name), content(path))
    return {name: tuple(_Stack(texts).of(name)) for name in texts}


class _Stack:
    """Follows includes; files that include each other, or one another many times over, come to an end."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines_left = _LINES_MAX

    def of(self, name: str, above: tuple[str, ...] = ()) -> Iterator[Rule]:
        """Yield what is asked through a file, which those ``above`` include."""
        if name in above:
            return
        for line in self._texts.get(name, "").replace("\\\n", " ").splitlines():
            self._lines_left -= 1
            if self._lines_left < 0:
                return
            told = shown(line.partition("#")[0].replace("\t", " ")).strip()
            if told.startswith("@include"):
                yield from self.of(Path(told.removeprefix("@include").strip()).name, (*above, name))
                continue
            found = _RULE.fullmatch(told)
            if found is None or found[1].lower() != "auth":
                continue
            if found[2].lower() in {"include", "substack"}:
                yield from self.of(Path(found[3]).name, (*above, name))
            else:
                yield Rule(found[2], Path(found[3]).name, found[4], name)
