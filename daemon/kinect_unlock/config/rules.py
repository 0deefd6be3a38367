"""What no single value can show to be wrong: keys that contradict each other, and paths that cannot be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from kinect_unlock.settings import Config, Liveness

_SOCKET_PATH_BYTES: Final = 107  # sockaddr_un holds 108 with the closing zero
_LEAST_WATCHED_FRAMES: Final = 2
_RECORDED_KINDS: Final = ("replay", "images", "stand-in")
_PATH_KEYS: Final = (
    "daemon.socket",
    "daemon.state_dir",
    "source.path",
    "source.faults",
    "models.manifest",
    "models.weights_dir",
    "models.cache_dir",
    "log.decisions",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over some keys; judged only when none of them is faulty by itself. The first one is named."""

    keys: tuple[str, ...]
    broken: Callable[[Config], bool]
    message: str


def broken_rules(config: Config, faulty: set[str]) -> Iterator[tuple[str, str]]:
    """Give key and message of every rule that the configuration breaks, leaving out rules over faulty keys."""
    for rule in RULES:
        if faulty.isdisjoint(rule.keys) and rule.broken(config):
            values = ", ".join(f"{key} is {attrgetter(key)(config)!r}" for key in rule.keys)
            yield rule.keys[0], f"{rule.message} ({values})"


def anchored(config: Config, folder: Path) -> Config:
    """Return the configuration with relative paths taken from ``folder``, where the file that named them lies."""
    changed: dict[str, dict[str, str]] = {}
    for key in _PATH_KEYS:
        section, name = key.split(".")
        path = attrgetter(key)(config)
        if path is not None and not path.startswith("/"):
            changed.setdefault(section, {})[name] = str(folder / path)
    sections = {name: msgspec.structs.replace(getattr(config, name), **paths) for name, paths in changed.items()}
    return msgspec.structs.replace(config, **sections)


def _empty_range(use: str) -> Rule:
    near, far = f"ranges.{use}.near_mm", f"ranges.{use}.far_mm"
    return Rule((near, far), lambda c: attrgetter(near)(c) >= attrgetter(far)(c), "near_mm must be below far_mm")


def _no_depth_vote(use: str) -> Rule:
    near, far, low, high = (f"ranges.{of}.{end}_mm" for of in ("depth_vote", use) for end in ("near", "far"))

    def broken(config: Config) -> bool:
        near_mm, far_mm, low_mm, high_mm = (attrgetter(key)(config) for key in (near, far, low, high))
        return bool(max(near_mm, low_mm) >= min(far_mm, high_mm))

    return Rule((near, far, low, high), broken, f"the depth vote's distances have nothing in common with {use}'s")


def _empty_bounds(key: str) -> Rule:
    def broken(config: Config) -> bool:
        low, high = attrgetter(key)(config) or (None, None)
        return low is not None and high is not None and low > high

    return Rule((key,), broken, "the low bound must not be above the high one")


def _bad_path(key: str) -> Rule:
    def broken(config: Config) -> bool:
        path = attrgetter(key)(config)
        return path is not None and (path == "" or path.startswith("~") or "\0" in path)

    return Rule((key,), broken, "must be a path written out, such as /home/anna/recordings: neither empty nor with ~")


def _bad_program(key: str) -> Rule:
    def broken(config: Config) -> bool:
        argv = attrgetter(key)(config) or ("/x",)
        relative = "/" in argv[0] and not argv[0].startswith("/")
        return argv[0] == "" or relative or any("\0" in word for word in argv)

    return Rule((key,), broken, "must begin with a program's name or its absolute path")


RULES: Final = (
    *(_empty_range(use) for use in ("enrol", "verify", "depth_vote")),
    *(_no_depth_vote(use) for use in ("enrol", "verify")),
    *(_empty_bounds(f"liveness.{field}") for field in Liveness.__struct_fields__),
    _empty_bounds("liveness_beyond.relief_share"),
    _empty_bounds("liveness_beyond.relief_likeness"),
    Rule(
        ("liveness.valid_depth",),
        lambda c: any(bound is not None and not 0.0 <= bound <= 1.0 for bound in c.liveness.valid_depth or ()),
        "is a share, from 0 to 1",
    ),
    Rule(
        ("presence.near_mm", "presence.far_mm"),
        lambda c: c.presence.near_mm >= c.presence.far_mm,
        "near_mm must be below far_mm",
    ),
    Rule(
        ("watch.rest_s", "watch.longest_rest_s"),
        lambda c: c.watch.rest_s > c.watch.longest_rest_s,
        "the first rest must not be longer than the longest one",
    ),
    *(_bad_path(key) for key in _PATH_KEYS),
    *(_bad_program(f"hooks.{which}") for which in ("lock", "unlock")),
    Rule(
        ("evidence.votes_needed", "evidence.votes_window"),
        lambda c: c.evidence.votes_needed > c.evidence.votes_window,
        "more votes are needed than the window holds: nobody could ever be accepted",
    ),
    Rule(
        ("evidence.min_span_ms", "attempt.timeout_s"),
        lambda c: c.evidence.min_span_ms >= c.attempt.timeout_s * 1000.0,
        "votes must spread over longer than an attempt lasts: nobody could ever be accepted",
    ),
    Rule(
        ("attempt.nobody_timeout_s", "attempt.timeout_s"),
        lambda c: c.attempt.nobody_timeout_s > c.attempt.timeout_s,
        "must not be longer than the attempt",
    ),
    Rule(
        ("source.watching_hz", "attempt.nobody_timeout_s"),
        lambda c: c.source.watching_hz * c.attempt.nobody_timeout_s < _LEAST_WATCHED_FRAMES,
        "an attempt would give up before it had looked twice whether somebody comes",
    ),
    Rule(
        ("source.reappear_s", "source.open_timeout_s"),
        lambda c: c.source.reappear_s >= c.source.open_timeout_s,
        "a camera that was just closed could not come back before the time to open it is over",
    ),
    Rule(
        ("source.path", "source.kind"),
        lambda c: c.source.kind in _RECORDED_KINDS and c.source.path is None,
        "a source of this kind needs a path",
    ),
    Rule(
        ("daemon.socket",),
        lambda c: len((c.daemon.socket or "").encode(errors="surrogateescape")) > _SOCKET_PATH_BYTES,
        f"a socket's path has at most {_SOCKET_PATH_BYTES} bytes",
    ),
)
