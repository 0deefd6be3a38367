from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.computer import Computer
from kinect_unlock.host import pam

UNIX = "auth required pam_unix.so nullok"


def modules(root: Path, service: str) -> list[str]:
    return [rule.module for rule in pam.services(root)[service]]


def test_without_pam_there_are_no_services(tmp_path: Path) -> None:
    assert pam.services(tmp_path) == {}


def test_includes_of_each_kind_are_followed_and_other_types_left_out(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("etc/pam.d/common-auth", f"# comment\n\n{UNIX}\nsession optional pam_umask.so\n")
    computer.write("etc/pam.d/sudo", "@include common-auth\n")
    computer.write("etc/pam.d/login", "auth substack common-auth\nauth optional pam_group.so\n")
    computer.write("etc/pam.d/su", "-auth include common-auth\nsession include common-auth\n")

    assert modules(tmp_path, "sudo") == ["pam_unix.so"]
    assert modules(tmp_path, "login") == ["pam_unix.so", "pam_group.so"]
    assert modules(tmp_path, "su") == ["pam_unix.so"]


def test_a_bracketed_control_and_a_continued_line_are_one_rule(tmp_path: Path) -> None:
    text = "auth [success=2 default=ignore] \\\n /usr/lib/security/pam_kinect_unlock.so timeout=3 # face\n"
    Computer(tmp_path).write("etc/pam.d/sudo", text)
    (rule,) = pam.services(tmp_path)["sudo"]

    assert rule == pam.Rule("[success=2 default=ignore]", "pam_kinect_unlock.so", "timeout=3", "sudo")
    assert rule.ours


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("auth sufficient pam_exec.so quiet /usr/local/bin/kinect-unlock verify", True),
        ("auth sufficient pam_exec.so quiet /usr/local/bin/other", False),
        ("auth sufficient pam_echo.so kinect-unlock", False),
    ],
)
def test_a_hook_of_ours_is_known_by_its_program(*, line: str, ours: bool, tmp_path: Path) -> None:
    Computer(tmp_path).write("etc/pam.d/sudo", line)

    assert [rule.ours for rule in pam.services(tmp_path)["sudo"]] == [ours]


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("etc/pam.d/a", f"@include b\n{UNIX}\n")
    computer.write("etc/pam.d/b", "@include a\n")

    assert set(modules(tmp_path, "a")) == {"pam_unix.so"}


def test_files_that_include_themselves_many_times_come_to_an_end(tmp_path: Path) -> None:
    Computer(tmp_path).write("etc/pam.d/a", "@include a\n" * 40 + UNIX)

    assert set(modules(tmp_path, "a")) == {"pam_unix.so"}


def test_includes_that_multiply_come_to_an_end(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    for one, other in zip("abcdefgh", "bcdefghi", strict=True):
        computer.write(f"etc/pam.d/{one}", f"@include {other}\n" * 40)
    computer.write("etc/pam.d/i", UNIX)

    assert len(modules(tmp_path, "a")) < 10_000


def test_a_file_in_etc_hides_the_vendors(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("usr/lib/pam.d/sudo", "auth required pam_deny.so\n")
    computer.write("etc/pam.d/sudo", UNIX)

    assert modules(tmp_path, "sudo") == ["pam_unix.so"]


@given(text=st.text(alphabet=st.sampled_from("auth include@[]=#\\ \t\n\x1b-x/.so")))
def test_whatever_stands_in_a_file_is_read_without_a_fault(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("any")
    Computer(root).write("etc/pam.d/x", text)

    for rule in pam.services(root)["x"]:
        assert (rule.control + rule.module + rule.arguments).isprintable()
