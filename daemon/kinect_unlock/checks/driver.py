"""Can the camera's library and binding be loaded, and which of their pipelines; each fault with its own remedy.

The faults and the versions that mend them were seen on Debian 12 with libfreenect2 0.2 and pylibfreenect2 0.1.4.
"""

from collections.abc import Sequence
from typing import Final

from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.host.driver_probe import Found
from kinect_unlock.host.drivers import Loaded
from kinect_unlock.host.graphics import RenderNode

LIBRARY: Final = "libfreenect2.so.0.2"
BINDING: Final = "pylibfreenect2"
LIBRARY_V1: Final = "libfreenect.so.0.5"
# What the binding calls them.
PIPELINES: Final = {"opengl": "OpenGLPacketPipeline", "opencl": "OpenCLPacketPipeline", "cpu": "CpuPacketPipeline"}

BUILD: Final = "pip install 'cython<3' numpy 'setuptools>=77,<82' wheel && pip install --no-build-isolation"
_REBUILD: Final = f"{BUILD} --force-reinstall --no-deps --no-cache-dir {BINDING}==0.1.4"
_INSTALL: Final = (
    f"{BUILD} {BINDING}==0.1.4 (LIBFREENECT2_INSTALL_PREFIX names the library's folder, if not /usr/local)"
)
_INSTALL_LIBRARY: Final = (
    "build libfreenect2 0.2.1 from github.com/OpenKinect/libfreenect2 with -DENABLE_CXX11=ON, install it, then `sudo "
    "ldconfig`; if it is installed, name the folder it is in to the loader: a line in /etc/ld.so.conf.d/, then the same"
)
_WRONG_LIBRARY: Final = f"the library and the binding may not fit each other; build the binding again: {_REBUILD}"


def library(loaded: Loaded, *, needed: bool) -> Check:
    """Say whether the loader finds libfreenect2."""
    name = "libfreenect2"
    if loaded.found is None:
        return _dead(name, f"loading {LIBRARY}", loaded, needed=needed)
    if loaded.found.error:
        return _lacking(name, f"the loader does not find it: {loaded.found.error}", _INSTALL_LIBRARY, needed=needed)
    return Check(Section.DRIVER, name, State.OK, f"{loaded.found.path}; loaded in a process of its own")


def confinement(landlock: int, *, filtered: bool) -> Check:
    """Say what keeps a driver that somebody has taken over from what is the service's, besides systemd's sandbox.

    ``landlock`` is the version of the kernel's, 0 for none; ``filtered``: system calls are, on this processor.
    """
    name, held = "confinement", f"Landlock {landlock}" if landlock else "no Landlock"
    evidence = f"{held}; {'a filter of system calls' if filtered else 'no filter of system calls for this processor'}"
    if landlock and filtered:
        return Check(Section.DRIVER, name, State.OK, evidence)
    step = (
        "the camera's driver could read and change what the service may; use a kernel with "
        "CONFIG_SECURITY_LANDLOCK=y and landlock among those that `cat /sys/kernel/security/lsm` names "
        "(the kernel's option lsm=)"
        if not landlock
        else "the camera's driver could connect to what the service may; systemd's sandbox is all that is in the way"
    )
    return Check(Section.DRIVER, name, State.NOTE, evidence, step)


def library_v1(loaded: Loaded, *, needed: bool) -> Check:
    """Say whether the loader finds libfreenect, the first Kinect's."""
    name = "libfreenect"
    if loaded.found is None:
        return _dead(name, f"loading {LIBRARY_V1}", loaded, needed=needed)
    if loaded.found.error:
        return _lacking(name, loaded.found.error, "sudo apt install libfreenect0.5", needed=needed)
    return Check(Section.DRIVER, name, State.OK, f"{loaded.found.path}; loaded in a process of its own")


def binding(loaded: Loaded, *, needed: bool) -> Check:
    """Say whether Python can use libfreenect2."""
    found = loaded.found
    if found is None:
        return _dead(BINDING, f"importing {BINDING}", loaded, needed=needed)
    if not found.error:
        has = [name for name, class_name in PIPELINES.items() if class_name in found.names]
        evidence = f"{BINDING} {found.version or 'of unknown version'}; pipelines built in: {', '.join(has) or 'none'}"
        state = State.OK if has else State.of_lack(needed=needed)
        return Check(Section.DRIVER, BINDING, state, evidence, "" if has else _REBUILD)
    return _lacking(BINDING, f"{found.error_type}: {found.error}", _remedy(found), needed=needed)


def pipelines(loaded: dict[str, Loaded], *, needed: bool) -> Check:
    """Say which of the binding's pipelines can be constructed; which of them keep up shows only with a camera."""
    good = [name for name, one in loaded.items() if one.found is not None and not one.found.error]
    told = "; ".join(f"{name}: {_constructed(one)}" for name, one in loaded.items())
    if not good:
        step = "build libfreenect2 and the binding again; the cpu pipeline needs nothing but them"
        return _lacking("pipelines", told, step, needed=needed)
    if good == ["cpu"]:
        step = "for 30 Hz install an OpenCL driver of your graphics processor, then build libfreenect2 again"
        evidence = f"{told}; cpu alone decodes 7-10 frames a second and takes a core"
        return Check(Section.DRIVER, "pipelines", State.NOTE, evidence, step)
    return Check(Section.DRIVER, "pipelines", State.OK, told)


def graphics(opencl: Sequence[str], nodes: Sequence[RenderNode], display: str) -> Check:
    """Say what there is to decode depth with besides the processor, and whether anything can be shown."""
    name = "graphics"
    barred = [str(node.path) for node in nodes if not node.usable]
    usable = [str(node.path) for node in nodes if node.usable]
    told = [
        f"OpenCL drivers: {', '.join(opencl) or 'none'}",
        f"graphics processors: {', '.join(usable) or 'none'}{f', not for this user: {barred}' if barred else ''}",
        f"display: {display or 'none'}",
    ]
    if barred:
        step = "sudo usermod -aG render $USER, and log in again"
    elif not opencl:
        step = "an OpenCL driver makes depth faster: e.g. sudo apt install mesa-opencl-icd, or intel-opencl-icd"
    elif not display:
        step = "nothing for the daemon: OpenGL and windows need a display, OpenCL and cpu do not"
    else:
        return Check(Section.DRIVER, name, State.OK, "; ".join(told))
    return Check(Section.DRIVER, name, State.NOTE, "; ".join(told), step)


def _remedy(found: Found) -> str:
    """Choose the one next step that mends an import by what it says is missing."""
    match found.missing_module:
        case "":
            return _remedy_by_words(found.error)
        case module if module == BINDING:
            return _INSTALL
        case "pkg_resources":
            return "pip install 'setuptools>=77,<82' (82 dropped pkg_resources, which the binding imports)"
        case module:
            return f"pip install {module.partition('.')[0]}"


def _remedy_by_words(error: str) -> str:
    if "libfreenect2.so" in error:
        return _INSTALL_LIBRARY
    if "numpy" in error:
        return f"it was built for another numpy; build it again: {_REBUILD}"
    if ".so" in error:
        return "install the package that has the library that is named (apt-file search NAME)"
    return _WRONG_LIBRARY


def _constructed(loaded: Loaded) -> str:
    if loaded.found is None:
        words = f" ({loaded.last_words})" if loaded.last_words else ""
        return f"its process {loaded.ending}{words}"
    if loaded.found.error:
        return "not built in" if loaded.found.error_type == "AttributeError" else loaded.found.error
    return "can be constructed"


def _dead(name: str, doing: str, loaded: Loaded, *, needed: bool) -> Check:
    words = f"; its last words: {loaded.last_words}" if loaded.last_words else ""
    return _lacking(name, f"{doing}: the process {loaded.ending}{words}", _WRONG_LIBRARY, needed=needed)


def _lacking(name: str, evidence: str, step: str, *, needed: bool) -> Check:
    """Return the check of something missing, with the way to have it where it is needed."""
    told = step if needed else "nothing: only source.kind kinect-v2 needs it"
    return Check(Section.DRIVER, name, State.of_lack(needed=needed), evidence, told)
