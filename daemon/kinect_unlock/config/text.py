"""From YAML text to plain values that remember their lines; finds everything that is wrong with the text itself.

Only what a configuration needs: one document of plain maps, lists and scalars. Anchors and aliases are refused, since
nine of them in a row make a gigabyte, and so are tags; nesting is limited before anything is built.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml
from yaml.constructor import SafeConstructor

from kinect_unlock.config.faults import Fault

MAX_DEPTH: Final = 8

_PLAIN_TAGS: Final[dict[type[yaml.Node], str]] = {
    yaml.MappingNode: "tag:yaml.org,2002:map",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
}

Scalar: TypeAlias = object


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the text and the line it begins on, counted from 1."""

    value: "dict[str, Node] | list[Node] | Scalar"
    line: int

    def plain(self) -> object:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def line_of(self, path: str) -> int:
        """Return the line of ``$.a.b``, or of the last part of it that is there."""
        node = self
        for key in path.split(".")[1:]:
            if not isinstance(node.value, dict) or key not in node.value:
                break
            node = node.value[key]
        return node.line


EMPTY: Final = Node(None, 1)


def read(text: str, file: str) -> tuple[Node, list[Fault]]:
    """Return the text's one document and all faults found; a text that is no YAML gives `EMPTY` and one fault."""
    try:
        fault = _forbidden(text, file)
        root = None if fault else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return EMPTY, [Fault(file, "$", f"not YAML: {error.problem}", mark.line + 1 if mark else None)]
    except yaml.YAMLError as error:
        return EMPTY, [Fault(file, "$", f"not YAML: {error}")]
    if fault:
        return EMPTY, [fault]
    if root is None:
        return EMPTY, []
    reader = _Reader(file)
    return reader.node(root, "$"), reader.faults


def _forbidden(text: str, file: str) -> Fault | None:
    """Look at the events as they come, so that a hostile text ends early."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = event.start_mark
        line = mark.line + 1 if mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return Fault(file, "$", "anchors (&) and aliases (*) are not read: write the value out", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            return Fault(file, "$", f"nested deeper than {MAX_DEPTH}", line)
    return None


class _Reader:
    """Walks the composed nodes and collects faults on the way."""

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._scalars = SafeConstructor()

    def node(self, node: yaml.Node, path: str) -> Node:
        line = node.start_mark.line + 1
        plain_tag = _PLAIN_TAGS.get(type(node), node.tag)
        if node.tag != plain_tag:
            self._fault(path, f"the tag {node.tag} is not read", line)
            return Node(None, line)
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node, path), line)
        if isinstance(node, yaml.SequenceNode):
            return Node([self.node(item, f"{path}[{i}]") for i, item in enumerate(node.value)], line)
        return Node(self._scalar(node, path), line)

    def _mapping(self, mapping: yaml.MappingNode, path: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_node, value_node in mapping.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self._fault(path, "a key must be a name", line)
            elif key in found:
                self._fault(f"{path}.{key}", f"is here twice, first on line {found[key].line}", line)
            else:
                found[key] = self.node(value_node, f"{path}.{key}")
        return found

    def _scalar(self, node: yaml.Node, path: str) -> Scalar:
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self._fault(path, f"cannot be read: {reason}", node.start_mark.line + 1)
            return None

    def _fault(self, path: str, message: str, line: int) -> None:
        self.faults.append(Fault(self._file, path, message, line))
