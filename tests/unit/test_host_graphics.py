from pathlib import Path

from fakes.computer import Computer
from kinect_unlock.host import graphics


def test_a_computer_without_graphics_has_none(tmp_path: Path) -> None:
    assert graphics.opencl_drivers(tmp_path) == ()
    assert graphics.render_nodes(tmp_path) == ()
    assert graphics.display({}) == ""


def test_opencl_drivers_are_told_by_the_library_that_they_name(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("etc/OpenCL/vendors/pocl.icd", "libpocl.so.2\n")
    computer.write("etc/OpenCL/vendors/broken.icd", "")
    computer.write("etc/OpenCL/vendors/readme.txt", "")

    assert graphics.opencl_drivers(tmp_path) == ("broken.icd: empty", "pocl.icd: libpocl.so.2")


def test_only_nodes_to_compute_on_are_told(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.write("dev/dri/card0", "")
    node = computer.write("dev/dri/renderD128", "")

    assert graphics.render_nodes(tmp_path) == (graphics.RenderNode(node, usable=True),)


def test_a_display_is_told_as_the_environment_names_it() -> None:
    assert graphics.display({"DISPLAY": ":0", "WAYLAND_DISPLAY": ""}) == "DISPLAY=:0"
