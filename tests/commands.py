"""The command, run in the test's own process: what it printed and how it ended."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from kinect_unlock import cli


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    exit_code: object
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it printed for scripts that ask for a list: one JSON array, and nothing else."""
        read = json.loads(self.out)
        assert isinstance(read, list), self.out
        return read

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed for scripts: one JSON object a line, and nothing else."""
        read = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(row, dict) for row in read), self.out
        return read


def command(*arguments: object) -> Outcome:
    """Run ``kinect-unlock`` with these arguments through its outermost function."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    argv = ["kinect-unlock", *map(str, arguments)]
    with patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as leaving:
            exit_code = leaving.code
    return Outcome(exit_code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
