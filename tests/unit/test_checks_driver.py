from pathlib import Path

import pytest

from kinect_unlock.checks import driver
from kinect_unlock.checks.results import Check, State
from kinect_unlock.host.driver_probe import Found
from kinect_unlock.host.drivers import Loaded
from kinect_unlock.host.graphics import RenderNode
from kinect_unlock.sources.kinect_v2_binding import BUILD_BINDING, PIPELINE_CLASSES

ENDED = "ended with exit code 0"


def loaded(*, error: str = "", error_type: str = "", path: str = "") -> Loaded:
    return Loaded(Found(error=error, error_type=error_type, path=path), ENDED, "")


def test_pipelines_and_tools_are_those_that_the_source_names() -> None:
    assert dict(PIPELINE_CLASSES) == driver.PIPELINES
    assert BUILD_BINDING.startswith(driver.BUILD)


def test_a_library_that_loads_is_fine() -> None:
    check = driver.library(loaded(path="/usr/local/lib/libfreenect2.so.0.2.0"), needed=True)

    assert (check.state, "/usr/local/lib/libfreenect2.so.0.2.0" in check.evidence) == (State.OK, True)


@pytest.mark.parametrize(("needed", "state"), [(True, State.FAILED), (False, State.NOTE)])
def test_a_library_that_the_loader_does_not_find_has_its_own_next_step(*, needed: bool, state: State) -> None:
    missing = loaded(error="libfreenect2.so.0.2: cannot open shared object file", error_type="OSError")
    check = driver.library(missing, needed=needed)

    assert check.state is state
    assert ("sudo ldconfig" in check.next_step) == needed


@pytest.mark.parametrize(
    ("found", "step"),
    [
        pytest.param(
            Found(error="No module named 'pylibfreenect2'", missing_module="pylibfreenect2"),
            "--no-build-isolation pylibfreenect2==0.1.4",
            id="not-installed",
        ),
        pytest.param(
            Found(error="No module named 'pkg_resources'", missing_module="pkg_resources"),
            "setuptools>=77,<82",
            id="pkg-resources",
        ),
        pytest.param(
            Found(error="No module named 'numpy.core'", missing_module="numpy.core"), "pip install numpy", id="module"
        ),
        pytest.param(
            Found(error="libfreenect2.so.0.2: cannot open shared object file", error_type="ImportError"),
            "ldconfig",
            id="library",
        ),
        pytest.param(
            Found(error="numpy.dtype size changed, may indicate binary incompatibility", error_type="ValueError"),
            "another numpy",
            id="numpy",
        ),
        pytest.param(
            Found(error="libturbojpeg.so.0: cannot open shared object file", error_type="ImportError"),
            "apt-file search",
            id="other-library",
        ),
        pytest.param(
            Found(error="undefined symbol: _ZN12libfreenect2", error_type="ImportError"), "again", id="symbol"
        ),
    ],
)
def test_each_way_in_which_an_import_fails_has_its_own_next_step(found: Found, step: str) -> None:
    check = driver.binding(Loaded(found, ENDED, ""), needed=True)

    assert check.state is State.FAILED
    assert found.error in check.evidence
    assert step in check.next_step


def test_a_binding_that_ends_its_process_is_told_with_its_last_words() -> None:
    check = driver.binding(Loaded(None, "was killed by SIGSEGV", "[Error] oh"), needed=True)

    assert check.state is State.FAILED
    assert "was killed by SIGSEGV" in check.evidence
    assert "[Error] oh" in check.evidence


def test_a_binding_is_told_with_its_version_and_pipelines() -> None:
    found = Found(version="0.1.4", names=("CpuPacketPipeline", "Freenect2", "OpenCLPacketPipeline"))
    check = driver.binding(Loaded(found, ENDED, ""), needed=True)

    assert (check.state, check.evidence) == (State.OK, "pylibfreenect2 0.1.4; pipelines built in: opencl, cpu")
    empty = driver.binding(Loaded(Found(version="9"), ENDED, ""), needed=True)
    assert (empty.state, "none" in empty.evidence) == (State.FAILED, True)


def pipelines(**outcomes: Loaded) -> Check:
    return driver.pipelines(dict(outcomes), needed=True)


def test_pipelines_are_told_by_what_became_of_each() -> None:
    check = pipelines(
        opengl=Loaded(None, "ended with exit code 255", "no GLFW"),
        opencl=loaded(),
        cpu=loaded(),
    )

    assert check.state is State.OK
    assert check.evidence == (
        "opengl: its process ended with exit code 255 (no GLFW); opencl: can be constructed; cpu: can be constructed"
    )


def test_the_processor_alone_is_enough_and_its_cost_is_told() -> None:
    check = pipelines(opencl=loaded(error="none of it", error_type="AttributeError"), cpu=loaded())

    assert check.state is State.NOTE
    assert "opencl: not built in" in check.evidence
    assert "7-10 frames a second" in check.evidence


def test_no_pipeline_at_all_is_a_fault() -> None:
    assert pipelines(cpu=loaded(error="no", error_type="RuntimeError")).state is State.FAILED


@pytest.mark.parametrize(
    ("opencl", "usable", "display", "step"),
    [
        ((), [], "", "OpenCL driver"),
        (("pocl.icd: libpocl.so.2",), [True], "", "need a display"),
        (("pocl.icd: libpocl.so.2",), [False], "DISPLAY=:0", "usermod -aG render"),
        (("pocl.icd: libpocl.so.2",), [True], "DISPLAY=:0", ""),
    ],
)
def test_graphics_are_told_with_what_would_make_them_better(
    opencl: tuple[str, ...], usable: list[bool], display: str, step: str
) -> None:
    nodes = [RenderNode(Path("/dev/dri/renderD128"), usable=one) for one in usable]
    check = driver.graphics(opencl, nodes, display)

    assert check.state is (State.NOTE if step else State.OK)
    assert step in check.next_step


@pytest.mark.parametrize(
    ("landlock", "filtered", "state", "told"),
    [
        (7, True, State.OK, "Landlock 7; a filter of system calls"),
        (1, True, State.OK, "Landlock 1"),
        (0, True, State.NOTE, "no Landlock"),
        (7, False, State.NOTE, "no filter"),
        (0, False, State.NOTE, "no Landlock; no filter"),
    ],
)
def test_what_does_not_confine_a_driver_is_said(*, landlock: int, filtered: bool, state: State, told: str) -> None:
    check = driver.confinement(landlock, filtered=filtered)

    assert check.state is state
    assert told in check.evidence
    assert bool(check.next_step) == (state is State.NOTE)
