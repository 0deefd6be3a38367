"""Templates that are there, by the command line: history, undo, export, import, and exchanging the key."""

import os
import pty
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from commands import Outcome, command
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.frames import Origin
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.sealing import Key
from kinect_unlock.settings import Adapt, Config, Enrol, Models
from kinect_unlock.store import FileTemplateStore
from kinect_unlock.templates import Template

Ask: TypeAlias = Callable[..., Outcome]

PASSPHRASE = b"four words are enough\n"
ENROLS = ("--stream", "owner-enrols")
RETURNS = ("--stream", "owner-returns")


def settings(cache_dir: Path) -> Config:
    ours = Config(
        models=Models(cache_dir=str(cache_dir)),
        enrol=Enrol(stages=("straight",), samples_per_stage=2, stage_timeout_s=1.0),
        adapt=Adapt(on=True, margin=0.0, alike_cosine=1.0),
    )
    return private_settings(ours, folder=folder_of_recordings(), pace="asap")


@pytest.fixture(scope="module")
def place(cache_dir: Path) -> Iterator[Path]:
    """The folder of a daemon that lets nearly every match teach it."""
    with PrivateDaemon.folder() as folder, PrivateDaemon(settings(cache_dir), folder):
        yield folder


@pytest.fixture
def ask(place: Path) -> Ask:
    """Runs a verb against that daemon. Every test has users of its own, so that their order does not matter."""
    return lambda *arguments: command(*arguments, "--config", place / "config.yaml")


@pytest.fixture
def passphrase() -> Iterator[Callable[[bytes], tuple[str, int]]]:
    """Gives the arguments by which a verb reads a passphrase from a pipe."""
    ends: list[int] = []

    def by_pipe(line: bytes = PASSPHRASE) -> tuple[str, int]:
        read, write = os.pipe()
        os.write(write, line)
        os.close(write)
        ends.append(read)
        return ("--passphrase-fd", read)

    yield by_pipe
    for end in ends:
        os.close(end)


Give: TypeAlias = Callable[..., tuple[str, int]]


def test_a_template_that_was_exported_and_forgotten_comes_back_and_matches(
    ask: Ask, tmp_path: Path, passphrase: Give
) -> None:
    file = tmp_path / "ada.kut"
    ask("enrol", "ada", *ENROLS)
    exported = ask("export", "ada", file, *passphrase())
    ask("forget", "ada", "--yes")
    imported = ask("import", file, *passphrase())

    assert (exported.exit_code, imported.exit_code) == (0, 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert imported.out.startswith("ada is enrolled.")
    assert ask("verify", "ada", *RETURNS).exit_code == 0


@pytest.mark.parametrize("line", [b"four words are wrong\n", b"\n", b""])
def test_the_wrong_passphrase_opens_nothing(ask: Ask, tmp_path: Path, passphrase: Give, line: bytes) -> None:
    ask("enrol", "bea", *ENROLS)
    ask("export", "bea", tmp_path / "bea.kut", *passphrase())
    told = ask("import", tmp_path / "bea.kut", "--replace", *passphrase(line))

    assert told.exit_code == 64
    assert "is not the passphrase" in told.err


def test_an_import_overwrites_nothing_unasked_and_takes_another_name_with_a_warning(
    ask: Ask, tmp_path: Path, passphrase: Give
) -> None:
    file = tmp_path / "cleo.kut"
    ask("enrol", "cleo", *ENROLS)
    ask("export", "cleo", file, *passphrase())
    again, replaced, other = (
        ask("import", file, *more, *passphrase()) for more in ((), ("--replace",), ("--as", "cleopatra"))
    )

    assert (again.exit_code, replaced.exit_code, other.exit_code) == (64, 0, 0)
    assert "--replace" in again.out
    assert "warning: it was the template of cleo: whoever that is opens for cleopatra now" in " ".join(
        other.err.split()
    )
    assert ask("verify", "cleopatra", *RETURNS).exit_code == 0


def test_an_export_overwrites_nothing_and_needs_a_good_passphrase(ask: Ask, tmp_path: Path, passphrase: Give) -> None:
    ask("enrol", "dora", *ENROLS)
    (tmp_path / "there").write_text("mine")
    over, short, nobody = (
        ask("export", user, tmp_path / name, *passphrase(line))
        for user, name, line in (("dora", "there", PASSPHRASE), ("dora", "a", b"short\n"), ("nobody", "b", PASSPHRASE))
    )

    assert (over.exit_code, short.exit_code, nobody.exit_code) == (74, 64, 6)
    assert (tmp_path / "there").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_without_a_terminal_a_passphrase_is_not_looked_for_elsewhere(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        told = ask("export", "ada", tmp_path / "x")

    assert told.exit_code == 64
    assert "--passphrase-fd" in told.err


@pytest.mark.parametrize(("second", "exit_code"), [("four words are enough", 0), ("four words are enuogh", 64)])
def test_a_passphrase_is_typed_twice_and_not_shown(place: Path, tmp_path: Path, second: str, exit_code: int) -> None:
    command("enrol", "eva", *ENROLS, "--config", place / "config.yaml")
    argv = [sys.executable, "-m", "kinect_unlock", "export", "eva", str(tmp_path / "eva.kut")]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(argv[0], [*argv, "--config", str(place / "config.yaml")])  # noqa: S606 - our own program
    shown = b""
    for prompt, answer in ((b"Passphrase: ", "four words are enough"), (b"The same again: ", second)):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{answer}\n".encode())
    status = os.waitpid(child, 0)[1]
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == exit_code
    assert b"words" not in shown
    assert (tmp_path / "eva.kut").exists() is (exit_code == 0)


def test_what_a_match_taught_is_listed_and_taken_back(ask: Ask) -> None:
    ask("enrol", "fay", *ENROLS)
    before = ask("history", "fay")
    ask("verify", "fay", *RETURNS)
    after, rows = ask("history", "fay"), ask("history", "fay", "--json").objects[0]["data"]
    undone, again = ask("undo", "fay"), ask("undo", "fay")

    assert "Nothing joined after that." in before.out
    assert "a strong match" in after.out
    assert (rows["enrolled"], len(rows["joined"]), rows["generation"]) == (2, 1, 2)
    assert (undone.exit_code, again.exit_code) == (0, 1)
    assert ask("history", "fay", "--json").objects[0]["data"]["joined"] == []
    assert ask("verify", "fay", *RETURNS).exit_code == 0


def test_an_exchanged_key_opens_what_was_enrolled_before_and_the_status_tells_where_it_is_from(
    cache_dir: Path,
) -> None:
    with PrivateDaemon.folder() as folder:

        def run(*arguments: object) -> Outcome:
            return command(*arguments, "--config", folder / "config.yaml")

        with PrivateDaemon(settings(cache_dir), folder):
            run("enrol", "gil", *ENROLS)
            before = run("status", "--json").objects[0]["data"]["template_key"]
            refused = run("key", "rotate")
        rotated = run("key", "rotate")
        with PrivateDaemon(settings(cache_dir), folder):
            after = run("status", "--json").objects[0]["data"]["template_key"]
            assert run("verify", "gil", *RETURNS).exit_code == 0

    assert (refused.exit_code, rotated.exit_code) == (74, 0)
    assert "another daemon is using" in refused.err
    assert rotated.out == "1 template sealed with the new key.\n"
    assert (before["from"], after["from"]) == ("file", "file")
    assert before["id"] != after["id"]


def test_a_credential_is_exchanged_by_two_files_and_what_to_do_is_told(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    file = tmp_path / "config.yaml"
    file.write_text(f"daemon: {{state_dir: {state}, template_key: credential}}\n")
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(os.urandom(32))
        (tmp_path / name).chmod(0o600)
    told = command("key", "rotate", "--config", file)
    half = command("key", "rotate", "--config", file, "--from", tmp_path / "old")
    done = command("key", "rotate", "--config", file, "--from", tmp_path / "old", "--to", tmp_path / "new", "--json")

    assert (told.exit_code, half.exit_code, done.exit_code) == (74, 64, 0)
    assert "systemd-creds decrypt --name=template-key" in told.err
    assert done.objects == [{"sealed": 0, "before": 0}]
    assert not (state / "template.key").exists()


CREDS = shutil.which("systemd-creds") or ""


@pytest.mark.skipif(not CREDS, reason="systemd-creds is not installed")
def test_what_is_told_to_do_with_a_credential_does_it(tmp_path: Path) -> None:
    """Follow the printed recipe to the letter, but for the places, and for a key that no computer holds."""
    state, place, old = tmp_path / "state", tmp_path / "place", os.urandom(32)
    state.mkdir(mode=0o700)
    place.mkdir(mode=0o700)
    sealed, file = place / "template-key", tmp_path / "config.yaml"
    file.write_text(f"daemon: {{state_dir: {state}, template_key: credential}}\n")
    template = Template("ann", np.eye(2, 4, dtype=np.float32), (None, None), "m", Origin.SENSOR, 1, 0)
    FileTemplateStore(state, Key(old)).save(template)
    seal = [CREDS, "--with-key=tpm2-absent", "--name=template-key", "encrypt", "-", str(sealed)]
    if subprocess.run(seal, input=old, capture_output=True, check=False).returncode:
        pytest.skip("this systemd-creds has no key for computers without any")
    told = command("key", "rotate", "--config", file).err
    recipe = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert any("systemd-creds encrypt --tpm2-pcrs= " in line for line in recipe), "or an update loses every template"
    script = "\n".join(recipe).replace("/run)", f"{tmp_path})")
    script = script.replace("/etc/credstore.encrypted/kinect-unlock.template-key", str(sealed))
    script = script.replace("systemd-creds encrypt", "systemd-creds --with-key=tpm2-absent encrypt")
    script = script.replace("kinect-unlock key", f"{sys.executable} -m kinect_unlock key")
    script = script.replace("--to new", f"--to new --config {file}")
    subprocess.run(["/bin/sh", "-e", "-c", script], check=True, capture_output=True, timeout=60)
    unseal = [CREDS, "--name=template-key", "decrypt", str(sealed), "-"]
    opened = subprocess.run(unseal, capture_output=True, check=True).stdout

    assert opened != old
    assert FileTemplateStore(state, Key(opened)).load("ann") is not None
    assert [path.name for path in place.iterdir()] == ["template-key"]
    assert not list(tmp_path.rglob("old")) + list(tmp_path.rglob("new"))
