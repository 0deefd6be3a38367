"""Two processes of torch's own launcher take the steps that one takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from distributed_training import trained
from kinect_unlock_lab.training.ranks import ALONE

TESTS = Path(__file__).parents[1]


LOSSES = ("squeezenet-contrastive", "squeezenet-triplet", "squeezenet-cosface")


@pytest.fixture(scope="module")
def weights_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train with each loss in two processes, and return the folder of their weights."""
    folder = tmp_path_factory.mktemp("weights")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, str(TESTS / "distributed_training.py"), str(folder), *LOSSES],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_end_with_the_weights_of_one(name: str, weights_of_two: Path) -> None:
    first, second = (torch.load(weights_of_two / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = trained(name, ALONE)

    for weight in alone:
        assert torch.equal(first[weight], second[weight])
        torch.testing.assert_close(first[weight], alone[weight], rtol=1e-4, atol=1e-6)
