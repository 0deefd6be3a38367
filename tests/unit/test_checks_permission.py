import stat
from pathlib import Path

import pytest

from kinect_unlock.checks import permission
from kinect_unlock.checks.permission import Node
from kinect_unlock.checks.results import State
from kinect_unlock.host.accounts import Group
from kinect_unlock.host.udev import Access, Said

NODE = Path("/dev/bus/usb/002/003")
OURS = Path("/etc/udev/rules.d/60-kinect-unlock.rules")
UPSTREAM = Path("/etc/udev/rules.d/90-kinect2.rules")
GROUPS = {"kinect-unlock": Group("kinect-unlock", 991, ())}


def node(*, this_user: bool, service_user: bool | None) -> Node:
    return Node(
        NODE, stat.S_IFCHR | 0o660, "uid 0, group kinect-unlock", this_user=this_user, service_user=service_user
    )


@pytest.mark.parametrize(
    ("this_user", "service_user", "state"),
    [
        (True, True, State.OK),
        (True, None, State.OK),
        (True, False, State.NOTE),
        (False, True, State.FAILED),
        (False, None, State.FAILED),
    ],
)
def test_who_can_open_the_camera_is_told(*, this_user: bool, service_user: bool | None, state: State) -> None:
    check = permission.node(node(this_user=this_user, service_user=service_user), kind="kinect-v2")

    assert check.state is state
    assert "/dev/bus/usb/002/003: crw-rw---- uid 0, group kinect-unlock" in check.evidence
    assert bool(check.next_step) == (state is not State.OK)


def test_a_camera_that_nobody_needs_may_be_closed_to_this_user() -> None:
    assert permission.node(node(this_user=False, service_user=None), kind="replay").state is State.NOTE


def test_without_a_camera_there_is_no_node_to_judge() -> None:
    assert permission.node(None, kind="kinect-v2").state is State.NOTE


def test_a_device_without_its_node_is_told() -> None:
    check = permission.node(Node(NODE, None, "", this_user=False, service_user=None), kind="kinect-v2")

    assert (check.state, "is missing" in check.evidence) == (State.FAILED, True)


def test_our_rule_with_its_group_is_fine() -> None:
    check = permission.rule(
        Access(Said("0660", OURS), Said("kinect-unlock", OURS), None, (OURS,)), GROUPS, kind="kinect-v2"
    )

    assert (check.state, check.evidence) == (State.OK, f"{OURS}: mode 0660, group kinect-unlock")


def test_our_rule_without_its_group_is_a_fault_since_udev_then_ignores_it() -> None:
    check = permission.rule(
        Access(Said("0660", OURS), Said("kinect-unlock", OURS), None, (OURS,)), {}, kind="kinect-v2"
    )

    assert check.state is State.FAILED
    assert check.next_step.startswith("sudo groupadd --system kinect-unlock")


@pytest.mark.parametrize("mode", ["0666", "0662", "rubbish"])
def test_a_rule_that_lets_everybody_look_is_told_with_what_that_means(mode: str) -> None:
    check = permission.rule(Access(Said(mode, UPSTREAM), None, None, (UPSTREAM,)), GROUPS, kind="kinect-v2")

    assert check.state is State.NOTE
    assert "every local user can watch" in check.evidence
    assert str(UPSTREAM) in check.evidence


def test_a_node_that_others_may_only_read_shows_them_nothing() -> None:
    said = Access(Said("0664", UPSTREAM), Said("video", UPSTREAM), None, (UPSTREAM,))
    check = permission.rule(said, GROUPS, kind="kinect-v2")

    assert (check.state, check.evidence) == (State.NOTE, f"{UPSTREAM}: not ours; for video")


def test_a_foreign_rule_that_wins_over_ours_is_to_be_removed() -> None:
    said = Access(Said("0666", UPSTREAM), Said("kinect-unlock", OURS), None, (OURS, UPSTREAM))

    assert permission.rule(said, GROUPS, kind="kinect-v2").next_step.startswith(f"sudo rm {UPSTREAM}")


@pytest.mark.parametrize("groups", [{}, GROUPS], ids=["no-group", "group"])
def test_without_a_rule_the_commands_that_install_ours_are_told(groups: dict[str, Group]) -> None:
    check = permission.rule(Access(None, None, None, ()), groups, kind="kinect-v2")

    assert "only root" in check.evidence
    assert "kinect-unlock doctor --udev-rule | sudo tee /etc/udev/rules.d/60-kinect-unlock.rules" in check.next_step
    assert check.next_step.startswith("sudo groupadd") == (not groups)


V1 = Path("/usr/lib/udev/rules.d/60-libfreenect0.5.rules")


@pytest.mark.parametrize(
    ("mode", "state", "told"),
    [(None, State.NOTE, "only root"), ("0666", State.NOTE, "every local user"), ("0660", State.OK, "group video")],
)
def test_a_first_kinect_has_a_rule_of_its_librarys(mode: str | None, state: State, told: str) -> None:
    said = Access(Said(mode, V1) if mode else None, Said("video", V1), None, (V1,))
    check = permission.rule_v1(said)

    assert (check.state, told in check.evidence) == (state, True)
    assert "60-kinect-unlock" not in check.next_step


def test_a_rule_for_who_sits_before_the_screen_is_none_of_ours() -> None:
    check = permission.rule(Access(None, None, Said("uaccess", UPSTREAM), (UPSTREAM,)), GROUPS, kind="kinect-v2")

    assert (check.state, "sits before the screen" in check.evidence) == (State.NOTE, True)
