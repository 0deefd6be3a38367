import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import NoReturn

import pytest
import typer

from kinect_unlock import cli
from kinect_unlock.cli import verbs
from kinect_unlock.cli.verbs import Verb
from kinect_unlock.errors import ConfigError, KinectUnlockError, StoreError


def _tree(root: type[KinectUnlockError]) -> set[type[KinectUnlockError]]:
    """Return the product's errors; the laboratory's, whose sentences are fixed, may be loaded beside them."""
    children = (child for child in root.__subclasses__() if not child.__module__.startswith("kinect_unlock_lab"))
    return {root}.union(*(_tree(child) for child in children))


def _exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["kinect-unlock", *arguments])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    return leaving.value.code


def _raise(fault: BaseException) -> NoReturn:
    raise fault


@pytest.mark.parametrize("kind", sorted(_tree(KinectUnlockError), key=str))
def test_every_error_becomes_one_line_and_its_exit_code(
    kind: type[KinectUnlockError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: _raise(kind("[bold]what[/bold] was found, and " + "what to do " * 30)))
    code = _exit_code(monkeypatch)
    said = capsys.readouterr()

    assert code == kind.exit_code
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("kinect-unlock: [bold]what[/bold] was found, and what to do")


def test_a_fault_of_the_program_is_shown_whole_and_is_none_of_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: _raise(ZeroDivisionError("oh")))
    code = _exit_code(monkeypatch)
    said = capsys.readouterr().err

    assert code == 70
    assert "Traceback" in said
    assert "please report it" in said


def test_an_interrupt_is_not_the_answer_no(monkeypatch: pytest.MonkeyPatch) -> None:
    verb = Verb("wait", "tests_wait:wait", "Wait.")
    monkeypatch.setattr(verbs, "VERBS", (verb,))
    waiting = typer.Typer(add_completion=False)
    waiting.command("wait")(lambda: _raise(KeyboardInterrupt()))
    monkeypatch.setattr(cli, "app", waiting)

    assert _exit_code(monkeypatch) == 130


def test_wrong_usage_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _exit_code(monkeypatch, "run", "--no-such-option") == 2


def test_an_unknown_verb_is_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(monkeypatch, "cnfig") == 2
    assert "config" in capsys.readouterr().err


@pytest.mark.parametrize("verb", verbs.VERBS, ids=lambda verb: verb.name)
def test_every_verb_of_ours_loads_and_explains_itself(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(monkeypatch, verb.name, "--help") == 0
    assert f"kinect-unlock {verb.name}" in capsys.readouterr().out


def test_help_is_wrapped_by_the_terminal_and_not_where_the_source_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _exit_code(monkeypatch, "demo", "--help")
    said = " ".join(capsys.readouterr().out.split())

    assert "\n" not in verbs._load(next(verb for verb in verbs.VERBS if verb.name == "demo")).help.replace("\n\n", "")
    assert "templates and counters, which are gone afterwards; nothing of this machine" in said


def test_help_of_a_group_in_a_group_is_wrapped_by_the_terminal_too() -> None:
    lab = verbs._load(next(verb for verb in verbs.known_verbs() if verb.name == "lab"))
    for command in verbs._and_below(lab):
        assert "\n" not in command.help.replace("\n\n", ""), command.name


def test_help_loads_no_network_no_image_library_and_no_laboratory() -> None:
    program = (
        "import sys\n"
        "sys.argv = ['kinect-unlock', '--help']\n"
        "from kinect_unlock.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'onnxruntime', 'cv2', 'numpy', 'av', 'onnx', 'asyncio', 'kinect_unlock_lab'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("path", [[], ["demo"], ["key", "rotate"], ["lab", "attack", "measure"]], ids=" ".join)
def test_a_flag_is_not_shown_as_if_it_took_a_value(
    path: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(monkeypatch, *path, "--help") == 0
    said = capsys.readouterr().out
    assert "--help" in said
    assert "bool" not in said.lower()


def test_the_laboratory_is_told_of_by_what_it_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _exit_code(monkeypatch, "--help")
    assert "Measure, attack and render" in capsys.readouterr().out


def _point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=verbs.ENTRY_POINTS)


def test_a_package_may_add_a_verb_but_not_take_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [_point("run", "evil:app"), _point("lab", "good_lab.cli:app")]
    monkeypatch.setattr(verbs, "entry_points", lambda **_: points)
    known = {verb.name: verb.target for verb in verbs.known_verbs()}

    assert known["run"] == "kinect_unlock.cli.run:run"
    assert known["lab"] == "good_lab.cli:app"


def test_a_verb_whose_package_lacks_something_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"the verb 'lab' cannot be loaded .*no_such_package.*pip install"):
        verbs._load(Verb("lab", "no_such_package.cli:app", "The laboratory."))


def test_a_message_of_several_faults_keeps_its_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: _raise(StoreError("first\nsecond")))
    _exit_code(monkeypatch)

    assert capsys.readouterr().err == "kinect-unlock: first\nsecond\n"
