"""Running a network on the CPU, and the only module that imports ONNX Runtime or OpenVINO.

ONNX Runtime 1.31 on Linux writes a device id and a database below ``~/.cache/Microsoft`` unless it is told not to
before it is imported; hence the assignment above the import. It also prints warnings of its own to standard error;
every fault reaches the caller as `ModelError` instead.

OpenVINO is optional and imported when a network for it is loaded. Its package reports every import to a statistics
service, and writes below ``~/intel``, through another package; hence that one is made impossible to import before.
"""

import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from kinect_unlock.arrays import F32
from kinect_unlock.errors import ModelError

OPENVINO_ENDING: Final = ".openvino.onnx"  # of the files that are made for OpenVINO; all others are ONNX Runtime's

_Shape: TypeAlias = tuple[int | str | None, ...]

_FATAL: Final = 4  # ONNX Runtime's severity; what is below it arrives as an exception
_FOREIGN: Final[tuple[type[Exception], ...]] = (
    RuntimeError,
    ValueError,
    TypeError,
    *(  # its own, which have nothing in common but the module
        found
        for found in vars(ort.capi.onnxruntime_pybind11_state).values()
        if isinstance(found, type) and issubclass(found, Exception)
    ),
)

_WHERE: Final = "Exception from "  # OpenVINO's first lines name its own source files

ort.set_default_logger_severity(_FATAL)


class _Engine(Protocol):
    """What runs a network; its methods may raise any of `_FOREIGN`."""

    @property
    def inputs(self) -> dict[str, _Shape]: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...

    def run(self, inputs: dict[str, F32]) -> list[F32]: ...


class Network:
    """A network, loaded for the CPU by the program that its file's name asks for. Used by one thread at a time.

    Raises:
        ModelError: the file cannot be read, is not a network that this version of the program can run, or the program
            is not installed.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        self._name = path.name
        what, load = ("OpenVINO", _OpenVino) if path.name.endswith(OPENVINO_ENDING) else _ORT
        try:
            self._engine: _Engine = load(path, threads)
        except ImportError as fault:
            raise ModelError(f"{path}: {what} is not installed: pip install 'kinect-unlock[openvino]'") from fault
        except _FOREIGN as fault:
            raise ModelError(f"{path}: {what} cannot load it: {_first_line(fault)}") from fault
        self._inputs, self._outputs = self._engine.inputs, self._engine.outputs

    @property
    def inputs(self) -> dict[str, _Shape]:
        """Name and shape of every input; a dynamic axis is a name or None."""
        return dict(self._inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names."""
        return self._outputs

    def run(self, inputs: Mapping[str, F32]) -> dict[str, F32]:
        """Return every output by name.

        Raises:
            ModelError: the inputs do not fit, or the program failed.
        """
        try:
            results = self._engine.run(dict(inputs))
        except _FOREIGN as fault:
            raise ModelError(f"{self._name}: the network could not be run: {_first_line(fault)}") from fault
        return dict(zip(self._outputs, results, strict=True))


def openvino_version() -> str | None:
    """Return the version of the OpenVINO that is installed, None if it is not; imports nothing."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


class _OnnxRuntime:
    def __init__(self, path: Path, threads: int) -> None:
        self._session = ort.InferenceSession(str(path), _session_options(threads), ["CPUExecutionProvider"])

    @property
    def inputs(self) -> dict[str, _Shape]:
        return {given.name: tuple(given.shape) for given in self._session.get_inputs()}

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self._session.get_outputs())

    def run(self, inputs: dict[str, F32]) -> list[F32]:
        return list(self._session.run(None, inputs))


class _OpenVino:
    """Compiled for one row at a time: with a dynamic batch loading takes three times as long and runs no faster."""

    def __init__(self, path: Path, threads: int) -> None:
        openvino = _openvino()
        core = openvino.Core()
        model = core.read_model(path)
        self._shapes: dict[str, _Shape] = {
            given.get_any_name(): tuple(None if side.is_dynamic else side.get_length() for side in given.partial_shape)
            for given in model.inputs
        }
        self._outputs = tuple(output.get_any_name() for output in model.outputs)
        model.reshape({name: [1, *shape[1:]] for name, shape in self._shapes.items()})
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not quantised: else bfloat16 where the processor has it
            "ENABLE_CPU_PINNING": False,
        }
        self._request = core.compile_model(model, "CPU", options).create_infer_request()

    @property
    def inputs(self) -> dict[str, _Shape]:
        return self._shapes

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._outputs

    def run(self, inputs: dict[str, F32]) -> list[F32]:
        if inputs.keys() != self._shapes.keys() or any(given.dtype != np.float32 for given in inputs.values()):
            raise ValueError(f"takes f32 inputs {', '.join(self._shapes)}")
        (rows,) = {len(given) for given in inputs.values()}
        parts = []
        for row in range(rows):
            given = {name: np.ascontiguousarray(values[row : row + 1]) for name, values in inputs.items()}
            found = self._request.infer(given, share_inputs=True)
            parts.append([np.array(found[name]) for name in self._outputs])
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


_ORT: Final[tuple[str, Callable[[Path, int], _Engine]]] = (f"ONNX Runtime {ort.__version__}", _OnnxRuntime)


def _openvino() -> Any:  # noqa: ANN401 - the package carries no types
    # An entry of None makes importing it fail, for which OpenVINO has a stand-in that does nothing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # documented, but not in the stubs
    import openvino  # noqa: PLC0415 - optional, and 0.4 s

    return openvino


def _session_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    options.enable_cpu_mem_arena = False  # the arena keeps 14 MB for ever and makes nothing faster here
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads would burn a core
    return options


def _first_line(fault: BaseException) -> str:
    told = [line for line in str(fault).strip().splitlines() if not line.startswith(_WHERE)]
    return (told or [type(fault).__name__])[0]
