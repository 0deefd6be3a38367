"""From plain values to the frozen Structs of `kinect_unlock.settings`; finds every value that does not fit, not one."""

import math
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from kinect_unlock.config.faults import Fault
from kinect_unlock.config.text import Node

# No time-out, age or period of this program makes sense beyond these; infinity by another name is refused as well.
_CEILINGS: Final = {"s": 86_400.0, "ms": 86_400_000.0, "mm": 1e5, "h": 8_784.0}

_Section = TypeVar("_Section", bound=Struct)


class Filler:
    """Fills Structs from one file and keeps the faults."""

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self._file = file

    def fill(self, default: _Section, node: Node, path: str = "$") -> _Section:
        """Return ``default`` with what the node says in place of it; a faulty key keeps its default.

        A section without a value counts as empty: that is what is left when all its keys are commented out.
        """
        if node.value is None:
            return default
        if not isinstance(node.value, dict):
            self._fault(path, f"must be a section of keys, got {_shown(node.plain())}", node.line)
            return default
        types = {field.name: field.type for field in msgspec.structs.fields(default)}
        said: dict[str, object] = {}
        for name, child in node.value.items():
            here = f"{path}.{name}"
            if name not in types:
                hint = _meant(name, list(types)) or f", known are {', '.join(types)}"
                self._fault(here, f"unknown key{hint}", child.line)
                continue
            current = getattr(default, name)
            if isinstance(current, Struct):
                said[name] = self.fill(current, child, here)
            elif isinstance(current, dict):
                said[name] = self._table(current, child, types[name], here)
            elif not self._leaf_faults(child, types[name], here):
                said[name] = msgspec.convert(child.plain(), types[name])
        return msgspec.structs.replace(default, **said)

    def _table(self, default: dict[str, object], node: Node, wanted: Any, path: str) -> dict[str, object]:  # noqa: ANN401 - a type expression
        """Return a table of free names with what the node says of some of them; the others keep what they had."""
        if node.value is None:
            return default
        if not isinstance(node.value, dict):
            self._fault(path, f"must be a table of names, got {_shown(node.plain())}", node.line)
            return default
        names, values = get_args(wanted)
        said: dict[str, object] = {}
        for name, child in node.value.items():
            message = _type_fault(name, names)
            if message:
                self._fault(path, f"not a name: {message}", child.line)
            elif not self._leaf_faults(child, values, f"{path}.{name}"):
                said[name] = msgspec.convert(child.plain(), values)
        return {**default, **said}

    def _leaf_faults(self, node: Node, wanted: Any, path: str) -> bool:  # noqa: ANN401 - a type expression
        """Note the faults of a value that is no section; True if there were any."""
        if isinstance(node.value, list) and _items(wanted):
            found = [self._leaf_faults(n, _item(wanted, i), f"{path}[{i}]") for i, n in enumerate(node.value)]
            if any(found):
                return True
        value = node.plain()
        message = _number_fault(value, path) or _type_fault(value, wanted)
        if message:
            self._fault(path, message, node.line)
        return message is not None

    def _fault(self, path: str, message: str, line: int) -> None:
        self.faults.append(Fault(self._file, path, message, line))


def _number_fault(value: object, path: str) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if not math.isfinite(value) if isinstance(value, float) else abs(value) >= 1 << 53:
        return f"must be a finite number, got {_shown(value)}"
    key = path.rsplit(".", 1)[-1].split("[", maxsplit=1)[0]
    ceiling = min(_CEILINGS.get(word, math.inf) for word in key.split("_"))
    return f"must be at most {ceiling:g}, got {_shown(value)}" if value > ceiling else None


def _type_fault(value: object, wanted: Any) -> str | None:  # noqa: ANN401 - a type expression
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        choices = _choices(wanted)
        if choices and isinstance(value, str):
            return f"must be one of {', '.join(choices)}, got {_shown(value)}{_meant(value, choices)}"
        message = str(error)[0].lower() + str(error)[1:]
        got = "" if " got " in message else f", got {_shown(value)}"
        return f"{message}{got}{_list_hint(value, message)}{_exponent_hint(value)}"
    return None


def _list_hint(value: object, message: str) -> str:
    """Tell the one who wrote a command as in a shell how a list is written."""
    if not isinstance(value, str) or not message.startswith("expected `array") or not value.split():
        return ""
    return f": write a list, [{', '.join(value.split())}]"


def _exponent_hint(value: object) -> str:
    """Tell the one who wrote 1e-4 that YAML 1.1 takes it for text."""
    if not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    text = f"{number!r}"
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return f": YAML reads {value} as text, write {text}" if math.isfinite(number) else ""


def _members(wanted: Any) -> list[Any]:  # noqa: ANN401 - a type expression
    """Return the alternatives of a type without None, each freed of its annotations."""
    if get_origin(wanted) is Annotated:
        return _members(get_args(wanted)[0])
    if get_origin(wanted) in {Union, UnionType}:
        return [member for part in get_args(wanted) for member in _members(part)]
    return [] if wanted is NoneType else [wanted]


def _choices(wanted: Any) -> list[str]:  # noqa: ANN401 - a type expression
    return [word for member in _members(wanted) if get_origin(member) is Literal for word in get_args(member)]


def _items(wanted: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type expression
    return next((get_args(member) for member in _members(wanted) if get_origin(member) is tuple), ())


def _item(wanted: Any, index: int) -> Any:  # noqa: ANN401 - a type expression
    """Return what stands at this place of a tuple; past its end anything goes, the length is judged as a whole."""
    items = _items(wanted)
    if items[-1] is Ellipsis:
        return items[0]
    return items[index] if index < len(items) else object


def _meant(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers beyond 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line of a terminal
