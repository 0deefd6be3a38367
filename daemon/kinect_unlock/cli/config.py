"""``kinect-unlock config``: what is in force, and what is wrong with a file."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kinect_unlock import config
from kinect_unlock.cli.asking import AsJson, print_json
from kinect_unlock.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Show the configuration in force, or check a file.")


@app.command()
def show(
    *,
    file: Annotated[Path | None, typer.Option("--config", "-c", help="This file instead of the usual one.")] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="The shipped defaults, with their comments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print every setting in force: what the file says, and the defaults for what it leaves out.

    Without --config the file is /etc/kinect-unlock/config.yaml as root, else ~/.config/kinect-unlock/config.yaml.
    Without any file the shipped defaults are printed as they are, comments and all. Exit code 78: the file is faulty.
    """
    in_force = None if defaults else config.file_in_force(file, os.environ, os.geteuid())
    settings = config.load(in_force)
    if as_json:
        print_json(settings)
    elif in_force is None:
        typer.echo(config.shipped(), nl=False)
    else:
        typer.echo(f"# {in_force}, and the defaults for what it leaves out\n{config.dump(settings)}", nl=False)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to look at.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Name every fault of a file by line and key. Exit code 0: none, 78: at least one."""
    faults = config.check(file)
    if as_json:
        print_json([asdict(fault) for fault in faults])
    else:
        typer.echo("\n".join(str(fault) for fault in faults) or f"{file}: no fault")
    if faults:
        raise typer.Exit(ConfigError.exit_code)
