import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from kinect_unlock.errors import ModelError
from kinect_unlock.inference import Network


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.onnx: ONNX Runtime .* cannot load it"):
        Network(tmp_path / "nothing.onnx", threads=1)


def test_a_file_that_is_no_network_is_a_model_error_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "foreign.onnx").write_bytes(b"something else")

    with pytest.raises(ModelError, match=r"foreign\.onnx"):
        Network(tmp_path / "foreign.onnx", threads=1)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "inputs",
    [
        {"other": np.zeros((1, 3, 32, 32), np.float32)},
        {"input": np.zeros((1, 3, 32), np.float32)},
        {"input": np.zeros((1, 3, 32, 32), np.float64)},
        {},
    ],
)
def test_inputs_that_do_not_fit_are_a_model_error_and_print_nothing(
    yunet_path: Path,
    inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    network = Network(yunet_path, threads=1)

    with pytest.raises(ModelError, match="the network could not be run"):
        network.run(inputs)

    assert capfd.readouterr() == ("", "")


def test_no_telemetry_file_appears_and_nothing_is_printed(tmp_path: Path, fused_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys, numpy; from pathlib import Path; from kinect_unlock.inference import Network;"
        "network = Network(Path(sys.argv[1]), threads=2);"
        "network.run({'rgbd': numpy.zeros((1, 4, 112, 112), numpy.float32)})"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(fused_path)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")
    assert list(home.rglob("*")) == []


def test_memory_that_cannot_be_had_is_a_model_error_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = helper.make_tensor_value_info("side", TensorProto.FLOAT, [2])
    found = helper.make_tensor_value_info("square", TensorProto.FLOAT, None)
    whole = helper.make_node("Cast", ["side"], ["shape"], to=TensorProto.INT64)
    square = helper.make_node("ConstantOfShape", ["shape"], ["square"])
    graph = helper.make_graph([whole, square], "square", [given], [found])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "square.onnx"
    path.write_bytes(model.SerializeToString())
    network = Network(path, threads=1)
    assert network.run({"side": np.full(2, 3, np.float32)})["square"].shape == (3, 3)

    with pytest.raises(ModelError, match="the network could not be run"):
        network.run({"side": np.full(2, 1 << 24, np.float32)})  # 2^50 bytes

    assert capfd.readouterr() == ("", "")
