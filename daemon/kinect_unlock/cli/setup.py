"""``kinect-unlock setup`` and ``unsetup``: onto the computer for all its users, and off again."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from kinect_unlock.cli.asking import EXIT_DECLINED, AsJson, agreed, print_json
from kinect_unlock.installing import prefix, undoing
from kinect_unlock.installing.doing import WAY_BACK, carry_out
from kinect_unlock.installing.plan import ByPam, Plan, Wanted, make_plan
from kinect_unlock.installing.steps import Place, SetupError, State, Step

Root = Annotated[
    Path, typer.Option("--root", help="Root folder of the computer, if it is not this one (as for chroot).")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]

_ROOT_UID: Final = 0
_LOOKS: Final = {
    State.DONE: ("done", "dim"),
    State.TO_DO: ("to do", "cyan"),
    State.IN_THE_WAY: ("BLOCKED", "bold red"),
}


def setup(
    *,
    wheel: Annotated[Path | None, typer.Option(help="Install this wheel; else the program that runs now.")] = None,
    wheels: Annotated[
        Path | None, typer.Option(help="A folder with the wheels of all that it needs; else pip's package index.")
    ] = None,
    extra: Annotated[list[str] | None, typer.Option(help="An extra of the package, such as openvino.")] = None,
    pam: Annotated[
        ByPam, typer.Option(help="How logins ask: by the module, by pam_exec without a compiler, or not at all.")
    ] = "module",
    module: Annotated[Path | None, typer.Option(help="The PAM module, built before; else it is built here.")] = None,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start the service now.")] = True,
    root: Root = Path("/"),
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Install the service, its user and key, and have logins ask for a face before the password.

    Shows first what it will do, and asks. Everything is written down, so that `unsetup` undoes just that; run again,
    it does what is missing. A first setup that fails is undone. PAM is changed by Debian's pam-auth-update alone;
    elsewhere you are told what to do. Exit code 0: done, or nothing to do; 1: you said no; 73: it cannot be done.
    """
    place = _place(root)
    found = prefix.wheel_of(wheel) if wheel else prefix.running_wheel()
    built = module.read_bytes() if module else None
    doubt = prefix.others_may_change_us()
    wanted = Wanted(found, wheels, tuple(extra or ()), pam, built, start, dict(os.environ), doubt)
    plan = _planned(wanted, place)
    if as_json:
        print_json(_as_data(plan))
    else:
        _show(plan)
    if plan.refusals and not dry_run:
        raise SetupError("nothing was changed: " + "; ".join(plan.refusals))
    if dry_run or not plan.to_do:
        return
    _require_root()
    if not yes and not agreed("Do that?"):
        raise typer.Exit(EXIT_DECLINED)
    with Console(stderr=True).status("") as status:
        carry_out(plan, place, on_step=lambda step: status.update(Text(step.told, overflow="ellipsis", no_wrap=True)))
    if not as_json:
        Console(highlight=False, soft_wrap=True).print(f"[green]Done.[/]\n\n{escape(WAY_BACK)}")


def unsetup(
    *,
    root: Root = Path("/"),
    yes: Yes = False,
    dry_run: DryRun = False,
    keep_data: Annotated[bool, typer.Option(help="Keep templates, their key and the service's user.")] = False,
) -> None:
    """Undo what `setup` did: that and nothing else.

    The same as /usr/sbin/kinect-unlock-unsetup, which needs nothing of this program and so works where it is broken.
    What was changed since is kept, and named. Exit code 0: undone; 1: something could not be, or you said no; 77: you
    are not root, or others than root could have written what it goes by.
    """
    words = {"--yes": yes, "--dry-run": dry_run, "--keep-data": keep_data}
    code = undoing.main([f"--root={root}", *(word for word, given in words.items() if given)])
    if code:
        raise typer.Exit(code)


def _place(root: Path) -> Place:
    real = Path(os.path.realpath(root))
    if not real.is_dir():
        raise SetupError(f"--root {root} is no folder")
    return Place.at(real)


def _planned(wanted: Wanted, place: Place) -> Plan:
    try:
        return make_plan(wanted, place)
    except PermissionError as fault:
        raise SetupError(f"{fault.filename} cannot be looked at: run this as root") from fault
    except undoing.Refused as fault:
        raise SetupError(str(fault)) from fault


def _require_root() -> None:
    if os.geteuid() != _ROOT_UID:
        raise SetupError("only root can do that: run it with sudo")


def _as_data(plan: Plan) -> dict[str, Any]:
    steps = [{"step": step.told, "state": finding.state, "why": finding.why} for step, finding in plan.steps]
    return {"steps": steps, "notes": plan.notes, "refusals": plan.refusals}


def _show(plan: Plan) -> None:
    console = Console(highlight=False)
    table = Table(Column(width=len("BLOCKED")), Column(overflow="fold"), box=None, show_header=False, pad_edge=False)
    for step, finding in plan.steps:
        word, style = _LOOKS[finding.state]
        table.add_row(Text(word, style=style), _told(step))
    console.print(table)
    for note in plan.notes:
        console.print(Text.assemble(("note: ", "yellow"), note))
    for refusal in plan.refusals:
        console.print(Text.assemble(("refused: ", "bold red"), refusal))
    if not plan.to_do and not plan.refusals:
        console.print("[green]Nothing to do: all of this is done.[/]")


def _told(step: Step) -> RenderableType:
    name, _, what = step.told.partition("  ")
    return Group(name, Padding(Text(what, style="dim"), (0, 0, 0, 2))) if what else Text(name)
