import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.computer import Computer
from kinect_unlock.host.accounts import Account, Group, account, groups, may_use

USERS = "root:x:0:0:root:/root:/bin/bash\nkinect-unlock:x:990:991::/nonexistent:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nkinect-unlock:x:991:\nvideo:x:44:kinect-unlock,anna\n"


def node(mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((stat.S_IFCHR | mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def test_a_user_has_the_main_group_and_those_that_name_the_user(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("etc/passwd", USERS)
    computer.write("etc/group", GROUP)

    assert account(tmp_path, "kinect-unlock") == Account("kinect-unlock", 990, frozenset({991, 44}))
    assert account(tmp_path, "nobody") is None
    assert groups(tmp_path)["video"] == Group("video", 44, ("kinect-unlock", "anna"))


def test_a_computer_without_accounts_has_none(tmp_path: Path) -> None:
    assert account(tmp_path, "root") is None
    assert groups(tmp_path) == {}


@pytest.mark.parametrize(
    ("status", "may"),
    [
        pytest.param(node(0o660, 0, 991), True, id="group"),
        pytest.param(node(0o664, 0, 0), False, id="others-read-only"),
        pytest.param(node(0o666, 0, 0), True, id="others"),
        pytest.param(node(0o606, 0, 991), False, id="the-group-counts-before-others"),
        pytest.param(node(0o066, 990, 991), False, id="the-owner-counts-before-the-group"),
        pytest.param(node(0o600, 990, 0), True, id="owner"),
    ],
)
def test_the_first_of_owner_group_and_others_that_fits_decides(*, status: os.stat_result, may: bool) -> None:
    assert may_use(status, Account("kinect-unlock", 990, frozenset({991}))) == may


def test_root_may_whatever_the_mode_says() -> None:
    assert may_use(node(0, 5, 5), Account("root", 0, frozenset({0})))


@given(text=st.text(alphabet=st.sampled_from("root:x0129²\n,\x00 -")))
def test_whatever_stands_in_the_files_is_read_without_a_fault(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    computer = Computer(root)
    computer.write("etc/passwd", text)
    computer.write("etc/group", text)

    assert all(group.gid >= 0 for group in groups(root).values())
    assert account(root, "root") is None or text
