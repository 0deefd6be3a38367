"""What the documents name is there: files, sections, verbs with their options, settings and make's targets."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from kinect_unlock.cli.verbs import VERBS, known_verbs
from kinect_unlock.config import check

ROOT = Path(__file__).parents[2]
HISTORY = ROOT / "CHANGELOG.md"  # names what is gone, too
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md"), ROOT / "pam" / "README.md"})
LABORATORY = "lab"  # a package of its own, whose documents also call its verbs `lab this` for short
COMMAND = re.compile(r"(?:sudo )?(?:/path/to/|\.venv/bin/)?kinect-unlock ((?:[a-z][a-z-]*)(?: [^`|#\n]*)?)")
SHORT_OF_LABORATORY = re.compile(r"(lab [a-z][^`|#\n]*)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^ {4}(.+)$", re.MULTILINE)
IN_LINE = re.compile(r"`([^`\n]+)`")


def document_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(path: Path) -> Iterator[str]:
    """What is set as code, in lines and in blocks; nothing of YAML or of what a program prints."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for language, block in FENCED.findall(text):
        if language in {"", "sh", "console"}:
            yield from block.splitlines()
    beside = FENCED.sub("", text)
    yield from INDENTED.findall(beside)
    yield from IN_LINE.findall(beside)


def commands(path: Path) -> Iterator[list[str]]:
    for line in code(path):
        found = COMMAND.match(line.strip())
        if found is None and path != HISTORY:
            found = SHORT_OF_LABORATORY.match(line)
        if found is not None:
            yield found[1].split()


def command_of(name: str, words: list[str]) -> Any:
    """The command of a verb, or of the verb in a group, or a group within, that the words name."""
    target = next(verb.target for verb in known_verbs() if verb.name == name)
    module, _, attribute = target.partition(":")
    found: Any = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer()
        single.command()(found)
        found = single
    command: Any = typer.main.get_command(found)
    for word in words:
        if not hasattr(command, "commands") or word.startswith("--"):
            break
        assert word in command.commands, (name, words)
        command = command.commands[word]
    return command


def options(command: Any) -> set[str]:
    return {"--help", *(one for option in command.params for one in (*option.opts, *option.secondary_opts))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=document_id)
def test_every_verb_and_option_that_is_named_is_there(path: Path) -> None:
    known = {verb.name for verb in VERBS} | {LABORATORY}
    for name, *words in commands(path):
        assert name in known, name
        named = {word.partition("=")[0] for word in words if word.startswith("--") and len(word) > len("--")}
        assert named <= options(command_of(name, words)), (name, words)


def test_commands_of_the_laboratory_are_found_however_they_are_set() -> None:
    told = {" ".join(words[:3]) for path in DOCUMENTS for words in commands(path) if words[0] == LABORATORY}
    assert {
        "lab attack measure",  # an indented block
        "lab evaluate rgbd-faces",  # a fenced one
        "lab int8-ranges FACES.npz",  # in a line, by its short name
    } <= told


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
