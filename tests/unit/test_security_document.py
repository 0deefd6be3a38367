"""What SECURITY.md says is shown by a test is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_/0-9]+\.py)::([a-z_0-9]+)`", DOCUMENT)))


def test_it_names_tests() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("file", "name"), NAMED, ids=str)
def test_each_named_test_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_attacker_of_the_table_has_a_section() -> None:
    linked = re.findall(r"\]\(#([a-z-]+)\)", DOCUMENT)
    headings = {
        re.sub(r"[^a-z ]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^### (.+)$", DOCUMENT, re.MULTILINE)
    }
    assert len(linked) == 7
    assert set(linked) == headings


def test_each_attacker_has_tests_and_the_readme_leads_here() -> None:
    for section in re.split(r"^### ", DOCUMENT, flags=re.MULTILINE)[1:]:
        assert "::" in section, section.splitlines()[0]
    assert "SECURITY.md" in (ROOT / "README.md").read_text(encoding="utf-8")
