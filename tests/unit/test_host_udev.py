from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.computer import Computer
from kinect_unlock.host import udev

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "systemd" / "60-kinect-unlock.rules").read_text()
UPSTREAM = 'SUBSYSTEM=="usb", ATTR{idVendor}=="045e", ATTR{idProduct}=="02c4", MODE="0666"\n'
ETC, USR = "etc/udev/rules.d", "usr/lib/udev/rules.d"


def said(computer: Computer, product: int = 0x02C4) -> tuple[str | None, str | None]:
    found = udev.access(computer.root, 0x045E, product)
    return (found.mode.value if found.mode else None, found.group.value if found.group else None)


def test_without_rules_nothing_is_said(tmp_path: Path) -> None:
    assert udev.access(tmp_path, 0x045E, 0x02C4) == udev.Access(None, None, None, ())


@pytest.mark.parametrize("product", [0x02C4, 0x02D8, 0x02D9])
def test_the_shipped_rule_gives_each_part_of_a_kinect_to_the_group_alone(product: int, tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{ETC}/60-kinect-unlock.rules", SHIPPED)

    assert said(computer, product) == ("0660", "kinect-unlock")


def test_the_shipped_rule_concerns_no_other_device(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{ETC}/60-kinect-unlock.rules", SHIPPED)

    assert said(computer, 0x02AE) == (None, None)
    assert udev.access(tmp_path, 0x1D6B, 0x02C4).files == ()


def test_the_shipped_rule_holds_against_the_librarys_own_which_comes_later(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{ETC}/60-kinect-unlock.rules", SHIPPED)
    computer.write(f"{ETC}/90-kinect2.rules", UPSTREAM)

    assert said(computer) == ("0660", "kinect-unlock")


def test_the_shipped_rule_says_who_may_open_the_camera_and_has_a_sensor_start_the_service() -> None:
    matched = {"ACTION", "SUBSYSTEM", "ENV{DEVTYPE}", "ATTR{idVendor}", "ATTR{idProduct}"}
    said = [{pair.key: pair.value for pair in rule if pair.key not in matched} for rule in udev.parse(SHIPPED)]

    assert said == [
        {"GROUP": "kinect-unlock", "MODE": "0660"},
        {"TAG": "systemd", "ENV{SYSTEMD_WANTS}": "kinect-unlock.service"},
    ]


def test_a_later_file_overrides_an_earlier_one_wherever_it_lies(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{ETC}/50-first.rules", 'ATTR{idProduct}=="02c4", MODE="0600", GROUP="video"\n')
    computer.write(f"{USR}/90-last.rules", 'ATTRS{idProduct}=="02c4", MODE="0664"\n')

    assert said(computer) == ("0664", "video")


def test_a_file_in_etc_hides_the_one_of_its_name_in_usr(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{USR}/90-kinect2.rules", UPSTREAM)
    computer.write(f"{ETC}/90-kinect2.rules", "")

    assert said(computer) == (None, None)


@pytest.mark.parametrize(
    ("rule", "concerns"),
    [
        pytest.param('ENV{ID_VENDOR_ID}=="045e", ENV{ID_MODEL_ID}=="02c4", MODE="0600"', True, id="by-hwdb"),
        pytest.param('ENV{PRODUCT}=="45e/2c4/*", MODE="0600"', True, id="by-product"),
        pytest.param('ATTR{idProduct}=="02[cd]?", MODE="0600"', True, id="pattern"),
        pytest.param('ATTR{idProduct}=="0aaa|02c4", \\\n  MODE="0600"', True, id="continued"),
        pytest.param('ATTR{idProduct}=="02c4", ATTR{idVendor}!="045e", MODE="0600"', False, id="other-vendor"),
        pytest.param('ATTR{idProduct}=="02c4", SUBSYSTEM=="tty", MODE="0600"', False, id="other-subsystem"),
        pytest.param('SUBSYSTEM=="usb", MODE="0600"', False, id="every-device"),
        pytest.param('# ATTR{idProduct}=="02c4", MODE="0600"', False, id="comment"),
    ],
)
def test_a_rule_concerns_the_device_that_its_conditions_name(*, rule: str, concerns: bool, tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write(f"{ETC}/70-any.rules", f"{rule}\n")

    assert said(computer) == (("0600" if concerns else None), None)


def test_who_sits_before_the_screen_may_be_given_access(tmp_path: Path) -> None:
    Computer(tmp_path).write(f"{ETC}/70-any.rules", 'ATTR{idProduct}=="02c4", TAG+="uaccess"\n')
    found = udev.access(tmp_path, 0x045E, 0x02C4)

    assert found.seat == udev.Said("uaccess", tmp_path / ETC / "70-any.rules")


@given(st.text(alphabet=st.sampled_from('ATR{idProduct}="!:+,\\ \n#02c4MODE')))
def test_whatever_stands_in_a_file_is_read_without_a_fault(text: str) -> None:
    for rule in udev.parse(text):
        assert rule


_WORDS = st.text(alphabet=st.characters(exclude_characters='"\\\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029'))


@given(
    st.lists(
        st.builds(
            udev.Pair,
            st.sampled_from(["MODE", "GROUP", "ATTR{idProduct}", "ENV{A B}"]),
            st.sampled_from(["==", "!=", "=", ":=", "+=", "-="]),
            _WORDS,
        ),
        min_size=1,
    )
)
def test_a_rule_that_was_written_is_read_back(pairs: list[udev.Pair]) -> None:
    line = ", ".join(f'{pair.key}{pair.operator}"{pair.value}"' for pair in pairs)

    assert list(udev.parse(line)) == [tuple(pairs)]
