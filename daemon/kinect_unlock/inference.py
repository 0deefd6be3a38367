"""Running an ONNX network on the CPU, and the only module that imports ONNX Runtime.

ONNX Runtime 1.31 on Linux writes a device id and a database below ``~/.cache/Microsoft`` unless it is told not to
before it is imported; hence the assignment above the import. It also prints warnings of its own to standard error;
every fault reaches the caller as `ModelError` instead.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from kinect_unlock.errors import ModelError
from kinect_unlock.frames import F32

_FATAL: Final = 4  # ONNX Runtime's severity; what is below it arrives as an exception
_FOREIGN: Final = (
    RuntimeError,
    ValueError,
    TypeError,
    *(
        getattr(ort.capi.onnxruntime_pybind11_state, name)
        for name in ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    ),
)

ort.set_default_logger_severity(_FATAL)


class Network:
    """An ONNX network, loaded for the CPU. Used by one thread at a time.

    Raises:
        ModelError: the file cannot be read or is not a network this ONNX Runtime can run.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        self._name = path.name
        try:
            self._session = ort.InferenceSession(str(path), _session_options(threads), ["CPUExecutionProvider"])
        except _FOREIGN as fault:
            raise ModelError(f"{path}: ONNX Runtime {ort.__version__} cannot load it: {_first_line(fault)}") from fault
        self._outputs = tuple(output.name for output in self._session.get_outputs())

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Name and shape of every input; a dynamic axis is a name or None."""
        return {given.name: tuple(given.shape) for given in self._session.get_inputs()}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs' names."""
        return self._outputs

    def run(self, inputs: Mapping[str, F32]) -> dict[str, F32]:
        """Return every output by name.

        Raises:
            ModelError: ONNX Runtime refused the inputs or failed.
        """
        try:
            results = self._session.run(None, dict(inputs))
        except _FOREIGN as fault:
            raise ModelError(f"{self._name}: the network could not be run: {_first_line(fault)}") from fault
        return dict(zip(self._outputs, results, strict=True))


def _session_options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    options.enable_cpu_mem_arena = False  # the arena keeps 14 MB for ever and makes nothing faster here
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads would burn a core
    return options


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
