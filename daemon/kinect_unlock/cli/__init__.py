"""The command ``kinect-unlock``: its verbs, each loaded only when it is used, and the one place that prints faults.

A verb is a `typer.Typer`, or a function that Typer can make a command of, named in `VERBS` or by an installed
package's entry point in the group ``kinect_unlock.verbs``. Verbs raise `KinectUnlockError`; nobody but `main` turns
one into words and an exit code.
"""

import sys
import traceback
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from kinect_unlock import __version__
from kinect_unlock.cli.verbs import VerbGroup
from kinect_unlock.errors import InternalError, KinectUnlockError

EXIT_INTERRUPTED: Final = 130  # as a shell says of a program that Ctrl-C ended
_EPILOG: Final = """\
Exit codes: 0 done, or yes · 1 no · 2 wrong usage · 3 timed out · 4 cancelled · 5 a password is needed ·
6 not enrolled · 7 enrolment failed, nothing changed · 64 asked what may not be asked · 69 no camera, no frames or no
daemon · 70 a model or the program itself is at fault · 73 setup cannot be done · 74 templates cannot be read or
written · 75 ask again later, or a hook failed · 77 not authorised · 78 the configuration is wrong · 130 interrupted."""

app = typer.Typer(
    cls=VerbGroup,
    name="kinect-unlock",
    help="Face ID for the Linux desktop, from a Kinect: enrol, unlock, refuse.",
    epilog=_EPILOG.replace("\n", " "),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the form of an option's callback
    if wanted:
        typer.echo(f"kinect-unlock {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def main() -> NoReturn:
    """Run the command line and exit; the outermost function of the main thread."""
    try:
        app()
    except KinectUnlockError as fault:
        _complain(str(fault))
        sys.exit(fault.exit_code)
    except SystemExit as leaving:
        # Typer turns an interrupt into an abort, and the abort into exit code 1, which here means "no".
        abort = leaving.__context__
        interrupted = abort is not None and isinstance(abort.__cause__, KeyboardInterrupt)
        sys.exit(EXIT_INTERRUPTED if interrupted else leaving.code)
    except Exception as fault:  # noqa: BLE001 - the thread's outermost function
        traceback.print_exc()
        _complain(f"a fault of this program ({type(fault).__name__}): please report it with the lines above")
        sys.exit(InternalError.exit_code)
    sys.exit(0)


def _complain(message: str) -> None:
    line = Text.assemble(("kinect-unlock: ", "bold red"), message)
    Console(stderr=True, soft_wrap=True, highlight=False).print(line)
