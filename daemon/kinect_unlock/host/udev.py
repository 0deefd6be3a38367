"""What the rules of udev say about one USB device: who may open it, and which file says so.

Only what concerns a device by its vendor and product is read; a rule's other conditions are taken as met. Files are
read as udev(7) says: in the order of their names wherever they lie, and of two with one name only that in the folder
named first. A later rule overrides an earlier one, unless the earlier has assigned with ``:=``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from kinect_unlock.host.text import content, entries

FOLDERS: Final = (
    "etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d",
)  # fmt: skip
_PAIR: Final = re.compile(r'\s*([A-Z_]+(?:\{[^}"]*\})?)\s*(==|!=|\+=|-=|:=|=)\s*[ei]?"((?:[^"\\]|\\.)*)"\s*,?')
_SPECIFIC: Final = ("{idProduct}", "{ID_MODEL_ID}", "{PRODUCT}")


@dataclass(frozen=True, slots=True)
class Pair:
    """One condition or assignment of a rule."""

    key: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Said:
    """A value that a rule assigns, and the file of that rule."""

    value: str
    file: Path


@dataclass(frozen=True, slots=True)
class Access:
    """What all rules together say about a device; None: nothing of their own."""

    mode: Said | None
    group: Said | None
    seat: Said | None  # whoever sits before the screen gets access too
    files: tuple[Path, ...]  # all that concern the device


def parse(text: str) -> Iterator[tuple[Pair, ...]]:
    """Yield the rules of a file; a comment, an empty line or one that is no rule yields nothing."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.lstrip().startswith("#"):
            pairs = tuple(Pair(*found.groups()) for found in _PAIR.finditer(line))
            if pairs:
                yield pairs


def access(root: Path, vendor: int, product: int) -> Access:
    """Return who may open the device with these ids, as the rules say it."""
    said: dict[str, Said] = {}
    final: set[str] = set()
    concerned: dict[Path, None] = {}
    for file in _files(root):
        for rule in parse(content(file)):
            if _concerns(rule, vendor, product):
                concerned[file] = None
                _apply(rule, file, said, final)
    return Access(said.get("MODE"), said.get("GROUP"), said.get("TAG"), tuple(concerned))


def _apply(rule: tuple[Pair, ...], file: Path, said: dict[str, Said], final: set[str]) -> None:
    for pair in rule:
        if pair.key in {"MODE", "GROUP"} and pair.operator in {"=", ":="} and pair.key not in final:
            said[pair.key] = Said(pair.value, file)
            if pair.operator == ":=":
                final.add(pair.key)
        if pair.key == "TAG" and pair.operator == "+=" and pair.value == "uaccess":
            said["TAG"] = Said(pair.value, file)


def _files(root: Path) -> list[Path]:
    named: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in entries(root / folder):
            if path.suffix == ".rules":
                named.setdefault(path.name, path)
    return [named[name] for name in sorted(named)]


def _concerns(rule: tuple[Pair, ...], vendor: int, product: int) -> bool:
    conditions = [pair for pair in rule if pair.operator in {"==", "!="}]
    specific = any(pair.operator == "==" and pair.key.endswith(_SPECIFIC) for pair in conditions)
    return specific and all(_met(pair, vendor, product) for pair in conditions)


def _met(pair: Pair, vendor: int, product: int) -> bool:
    facts = {
        "{idVendor}": f"{vendor:04x}",
        "{ID_VENDOR_ID}": f"{vendor:04x}",
        "{idProduct}": f"{product:04x}",
        "{ID_MODEL_ID}": f"{product:04x}",
        "{PRODUCT}": f"{vendor:x}/{product:x}/0",
        "{DEVTYPE}": "usb_device",
        "SUBSYSTEM": "usb",
        "SUBSYSTEMS": "usb",
        "ACTION": "add",
    }
    _, brace, inside = pair.key.partition("{")
    fact = facts.get(brace + inside if brace else pair.key)
    if fact is None:
        return True
    return any(fnmatchcase(fact, pattern) for pattern in pair.value.split("|")) == (pair.operator == "==")
