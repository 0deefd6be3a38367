"""What the documents name is there: files, sections, verbs with their options, settings and make's targets."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from kinect_unlock.cli.verbs import VERBS
from kinect_unlock.config import check

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "pam" / "README.md"})
LABORATORY = "lab"  # a package of its own, whose verbs want its extra
COMMAND = re.compile(r"(?<![\w/-])(?:sudo )?(?:/path/to/|\.venv/bin/)?kinect-unlock ((?:[a-z][a-z-]*)(?: [^`|#\n]*)?)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
IN_LINE = re.compile(r"`([^`\n]+)`")


def document_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(path: Path) -> Iterator[str]:
    """What is set as code, in lines and in blocks; nothing of YAML or of what a program prints."""
    text = path.read_text(encoding="utf-8")
    for language, block in FENCED.findall(text):
        if language in {"", "sh", "console"}:
            yield from block.splitlines()
    yield from IN_LINE.findall(FENCED.sub("", text))


def commands(path: Path) -> Iterator[list[str]]:
    for line in code(path):
        if found := COMMAND.match(line.strip()):
            yield found[1].split()


def options(name: str, words: list[str]) -> set[str]:
    """Every option of a verb, or of the verb in a group that the words name."""
    target = next(verb.target for verb in VERBS if verb.name == name)
    module, _, attribute = target.partition(":")
    found: Any = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer()
        single.command()(found)
        found = single
    command: Any = typer.main.get_command(found)
    if words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words[0]]
    return {"--help", *(one for option in command.params for one in (*option.opts, *option.secondary_opts))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_id)
def test_every_verb_and_option_that_is_named_is_there(path: Path) -> None:
    known = {verb.name for verb in VERBS} | {LABORATORY}
    for name, *words in commands(path):
        assert name in known, name
        if name != LABORATORY:
            named = {word.partition("=")[0] for word in words if word.startswith("--") and len(word) > len("--")}
            assert named <= options(name, words), (name, words)


def test_the_readme_names_every_verb_but_those_of_the_daemons_own_upkeep() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {verb.name for verb in VERBS if not re.search(rf"kinect-unlock[ -]{verb.name}\b", readme)} == {
        "lock",
        "models",
        "password-ok",
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_id)
def test_every_file_and_section_that_is_linked_is_there(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _, section = link.partition("#")
        target = (path.parent / name) if name else path
        assert target.exists(), link
        if section:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert section in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_id)
def test_every_setting_that_is_shown_is_one(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = [block for language, block in FENCED.findall(text) if language == "yaml"]
    for shown in (*blocks, *(span for span in IN_LINE.findall(text) if re.fullmatch(r"[a-z_]+: \{.+\}", span))):
        file = tmp_path / "shown.yaml"
        file.write_text(shown, encoding="utf-8")
        assert not check(file), shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_id)
def test_every_setting_that_is_named_by_its_path_is_one(path: Path) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    defaults = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds strings alone, for which `on` is a name
    for section, name in re.findall(r"`([a-z]+)\.([a-z_]+)(?:: [^`]*)?`", path.read_text(encoding="utf-8")):
        if section in defaults and (path.parent / f"{section}.{name}").suffix != ".py":
            assert name in defaults[section], f"{section}.{name}"


def test_every_target_of_make_that_is_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words for path in (ROOT / "README.md", ROOT / "CHANGELOG.md") for line in code(path)
             for words in re.findall(r"^make ([a-z]+)", line)}  # fmt: skip
    assert named
    assert named <= targets
