"""Which verbs there are, and the group that loads one only when it is used: ``--help`` must not import a network."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from kinect_unlock.errors import ConfigError

ENTRY_POINTS: Final = "kinect_unlock.verbs"
# Where a docstring was broken is nothing to a terminal, which is narrower; the end of a paragraph is.
_LINE_END: Final = re.compile(r"(?<!\n)\n(?!\n)")
_OFFERED_BY_THE_ROOT: Final = frozenset({"install_completion", "show_completion"})
# What our own other packages say of themselves, which are not loaded for that either.
_WORDS_OF: Final = {"kinect_unlock_lab": "Measure, attack and render, for development: wants the extra `lab`."}


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb that is not loaded yet; ``target`` is ``module:attribute``."""

    name: str
    target: str
    help: str


# In the order in which a person meets them.
VERBS: Final = (
    Verb("demo", "kinect_unlock.cli.demo:demo", "Watch it enrol, unlock and refuse on recordings of synthetic people."),
    Verb("run", "kinect_unlock.cli.run:run", "Run the daemon in the foreground."),
    Verb("enrol", "kinect_unlock.cli.people:enrol", "Teach the daemon a face."),
    Verb("verify", "kinect_unlock.cli.people:verify", "Ask whether the person before the camera is this user."),
    Verb("identify", "kinect_unlock.cli.pictures:identify", "Ask who it is: by the camera, a photograph or a webcam."),
    Verb("users", "kinect_unlock.cli.people:users", "List who is enrolled."),
    Verb("forget", "kinect_unlock.cli.people:forget", "Delete a user's template."),
    Verb("history", "kinect_unlock.cli.keeping:history", "Show what joined a template after the enrolment."),
    Verb("undo", "kinect_unlock.cli.keeping:undo", "Take out of a template what joined it last."),
    Verb("export", "kinect_unlock.cli.keeping:export", "Write a template to a file that a passphrase opens."),
    Verb("import", "kinect_unlock.cli.keeping:import_", "Take in a template that was exported."),
    Verb("status", "kinect_unlock.cli.service:status", "Show how the daemon is."),
    Verb("log", "kinect_unlock.cli.log:log", "Show what came of the last attempts, and why one was refused."),
    Verb("lock", "kinect_unlock.cli.service:lock", "Lock the session that the camera's seat shows."),
    Verb("password-ok", "kinect_unlock.cli.service:password_ok", "Report, as root, that a password was accepted."),
    Verb("record", "kinect_unlock.cli.record:record", "Record frames of any source into one file."),
    Verb(
        "replay", "kinect_unlock.cli.replay:replay", "Play a recording through the whole daemon and log each decision."
    ),
    Verb("view", "kinect_unlock.cli.view:view", "Show what the camera sees, in a window, a terminal or a file."),
    Verb("models", "kinect_unlock.cli.models:app", "List, build or check the networks."),
    Verb("key", "kinect_unlock.cli.key:app", "Exchange the key that templates are sealed with."),
    Verb("config", "kinect_unlock.cli.config:app", "Show the configuration in force, or check a file."),
    Verb("doctor", "kinect_unlock.cli.doctor:doctor", "Check this machine and say what is missing."),
    Verb("setup", "kinect_unlock.cli.setup:setup", "Install it for the whole computer: service, key and logins."),
    Verb("unsetup", "kinect_unlock.cli.setup:unsetup", "Undo what setup did, and nothing else."),
)


def known_verbs() -> Iterator[Verb]:
    """Yield our own verbs, then those of installed packages; a name that is taken stays with who has it."""
    taken = {verb.name for verb in VERBS}
    yield from VERBS
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        if point.name not in taken:
            taken.add(point.name)
            package = point.module.partition(".")[0]
            words = _WORDS_OF.get(package, f"From the package {package}; see `{point.name} --help`.")
            yield Verb(point.name, point.value, words)


class VerbGroup(TyperGroup):
    """Knows every verb by name and help, and exchanges one for the real command when it is to be run."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own, forwarded
        super().__init__(**attributes)
        self._unloaded = {verb.name: verb for verb in known_verbs()}
        for verb in self._unloaded.values():
            self.add_command(TyperCommand(verb.name, help=verb.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's vendored types are private
        """Load the verb that the arguments name, then go on as every group does."""
        if args and (verb := self._unloaded.pop(args[0], None)):
            command = _load(verb)
            for one in _and_below(command):
                _flags_alone(one.get_params(ctx))
            self.add_command(command, verb.name)
        return super().resolve_command(ctx, args)

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer's vendored types are private
        """Return the root's own options, ``--help`` among them."""
        return _flags_alone(super().get_params(ctx))


def _load(verb: Verb) -> Any:  # noqa: ANN401 - Typer's vendored command class is private
    module_name, _, attribute = verb.target.partition(":")
    try:
        found = getattr(import_module(module_name), attribute)
    except ImportError as fault:
        what_to_do = "install what it needs (for the laboratory, in the source tree: pip install '.[lab]')"
        raise ConfigError(f"the verb {verb.name!r} cannot be loaded ({fault}); {what_to_do}") from fault
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name=verb.name)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = verb.name
    command.params = [option for option in command.params if option.name not in _OFFERED_BY_THE_ROOT]
    for one in _and_below(command):
        one.help = _LINE_END.sub(" ", one.help or "")
    return command


def _flags_alone(params: Any) -> Any:  # noqa: ANN401 - Typer's vendored types are private
    """Have help show flags without ``<bool>``, which reads as if ``--json true`` were meant; return them."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


def _and_below(command: Any) -> Iterator[Any]:  # noqa: ANN401 - Typer's vendored command class is private
    """Yield a command, and all those of a group, of its groups, and so on."""
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from _and_below(one)
