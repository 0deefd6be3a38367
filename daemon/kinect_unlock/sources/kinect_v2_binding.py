"""pylibfreenect2 as a module that may be missing in many ways, and the pipelines that it was built with."""

import os
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from kinect_unlock.errors import DriverMissing, SourceError
from kinect_unlock.sources.pipelines import BINDING, display_exists

PIPELINE_CLASSES: Final[Mapping[str, str]] = {
    "cpu": "CpuPacketPipeline",
    "opencl": "OpenCLPacketPipeline",
    "opengl": "OpenGLPacketPipeline",
}
BUILD_BINDING: Final = (
    "pip install 'cython<3' numpy 'setuptools>=77,<82' wheel && "
    "pip install --no-build-isolation 'kinect-unlock[kinect]'"
)


def import_binding() -> Any:  # noqa: ANN401 - a foreign module without types
    """Import pylibfreenect2, and with it the native library.

    Raises:
        DriverMissing: it cannot be used; the message says what is missing and how to get it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources, which announces its own end
            return import_module(BINDING)
    except Exception as fault:  # a foreign package's top level raises anything, such as pkg_resources' own errors
        raise DriverMissing(_what_is_missing(fault)) from fault


def _what_is_missing(fault: Exception) -> str:
    missing = fault.name if isinstance(fault, ModuleNotFoundError) else None
    if missing == BINDING:
        return (
            f"{BINDING} is not installed: build libfreenect2 (README, Hardware), then {BUILD_BINDING} "
            "(LIBFREENECT2_INSTALL_PREFIX names where the library is, if not below /usr/local)"
        )
    if missing == "pkg_resources":
        return f"{BINDING} needs pkg_resources, which setuptools 82 dropped: pip install 'setuptools>=77,<82'"
    if isinstance(fault, ImportError) and "libfreenect2.so" in str(fault):
        return (
            f"{BINDING} cannot load the native library ({fault}): build libfreenect2 (README, Hardware) and run "
            "ldconfig as root, or name its folder in LD_LIBRARY_PATH"
        )
    return (
        f"{BINDING} cannot be loaded ({type(fault).__name__}: {fault}): remove it with pip uninstall {BINDING}, then "
        f"{BUILD_BINDING}"
    )


def made_pipeline(library: Any, name: str) -> Any:  # noqa: ANN401 - the binding and what it makes
    """Return a new pipeline; never leave it to the library, whose own choice ends the process without a display.

    Raises:
        SourceError: the library was built without it, or it needs a display.
    """
    made = getattr(library, PIPELINE_CLASSES[name], None)
    if made is None:
        raise SourceError(
            f"libfreenect2 was built without the {name} pipeline: build library and binding with it, or set "
            "source.pipeline to cpu"
        )
    if name == "opengl" and not display_exists(os.environ):
        raise SourceError("the opengl pipeline needs a display (DISPLAY or WAYLAND_DISPLAY): set source.pipeline")
    return made()
