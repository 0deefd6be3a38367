"""``kinect-unlock run``: the daemon itself, in the foreground."""

import os
from pathlib import Path
from typing import Annotated

import typer

from kinect_unlock import config


def run(
    *,
    file: Annotated[Path | None, typer.Option("--config", "-c", help="This file instead of the usual one.")] = None,
    test_source: Annotated[
        bool,
        typer.Option(
            "--test-source",
            help="Let frames that are no camera's match and unlock, and say so in every reply. For trying out only.",
        ),
    ] = False,
    until_stdin_closes: Annotated[
        bool,
        typer.Option("--until-stdin-closes", help="Stop when standard input ends: for a program's own daemon."),
    ] = False,
) -> None:
    """Run the daemon until SIGTERM or SIGINT; a second one ends it at once. SIGHUP is ignored: restart it instead.

    Without --config the file is /etc/kinect-unlock/config.yaml as root, else ~/.config/kinect-unlock/config.yaml.
    Exit code 0: it was told to stop; 69, 70, 74, 78 as for every verb.
    """
    in_force = config.file_in_force(file, os.environ, os.geteuid())
    settings = config.load(in_force)
    from kinect_unlock import app  # noqa: PLC0415 - networks load only where they run; a faulty file is told before

    raise typer.Exit(app.run(settings, test_source=test_source, until_stdin_closes=until_stdin_closes))
