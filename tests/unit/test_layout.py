"""Rules of the tree that the import contracts cannot tell."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PRODUCT = Path(__file__).parents[2] / "daemon" / "kinect_unlock"
MODULES = sorted(PRODUCT.rglob("*.py"))
# A driver may be missing, may kill the process when it is loaded, and is nothing that replay may need.
SDKS = {"pylibfreenect2", "freenect", "freenect2", "pyk4a", "pyrealsense2", "pyorbbecsdk", "openni", "primesense"}
# Each of these runs code that it finds in a file.
UNSAFE = {"pickle", "shelve", "marshal", "dill", "joblib", "cloudpickle"}


def imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> set[str]:
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def module_id(path: Path) -> str:
    return str(path.relative_to(PRODUCT))


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_driver_is_imported_inside_the_open_of_its_own_source_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(tree.body) & SDKS
    assert path.parent.name == "sources" or not imported(ast.walk(tree)) & SDKS


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_nothing_is_read_by_what_would_run_code_from_it(path: Path) -> None:
    assert not imported(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) & UNSAFE


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent == PRODUCT], ids=module_id)
def test_no_module_is_named_after_a_standard_one(path: Path) -> None:
    assert path.stem.startswith("__") or path.stem not in sys.stdlib_module_names
