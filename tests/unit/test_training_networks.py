"""The articles' networks: their size, their input, and that the exported file does what they do."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kinect_unlock.crop import NO_DEPTH
from kinect_unlock.errors import ModelError
from kinect_unlock.inference import Network
from kinect_unlock_lab.training import export as exporting
from kinect_unlock_lab.training.networks import ArticleNet, SqueezeNet, network_of
from kinect_unlock_lab.training.recipes import Architecture


def face(seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    rgbd = random.uniform(0, 255, (1, 4, 112, 112)).astype(np.float32)
    rgbd[:, 3] = rgbd[:, 3] / 127.5 - 1
    return torch.from_numpy(rgbd)


def test_article_network_has_the_published_numbers() -> None:
    network = ArticleNet(128, 0.2)
    trained = sum(value.numel() for value in network.parameters())
    averages = sum(value.numel() for name, value in network.named_buffers() if "running" in name)
    head = sum(value.numel() for value in network.head.parameters())

    assert trained + averages == 32_039_552
    assert trained + averages - head == 253_952


def test_article_network_sees_different_faces_differently_before_it_has_learnt() -> None:
    torch.manual_seed(1)
    network = ArticleNet(128, 0.0)
    plain, bright = face(1), face(2)
    bright[:, :3, 30:80, 30:80] = 255

    with torch.no_grad():
        vectors = network(torch.cat([plain, bright]))  # as in training: batch norm by the batch

    assert float(vectors[0] @ vectors[1]) < 0.99


def test_squeezenet_fits_four_megabytes() -> None:
    assert 250_000 < sum(value.numel() for value in SqueezeNet(128, 0.1).parameters()) < 1_000_000


@pytest.mark.parametrize("name", ["article", "squeezenet"])
def test_embedding_has_unit_length_whatever_the_face(name: str) -> None:
    network = network_of(Architecture(name, 128, 0.2)).eval()  # type: ignore[arg-type] # one of the names
    dark, no_depth = torch.zeros(1, 4, 112, 112), face()
    dark[:, 3] = 0.5
    no_depth[:, 3] = NO_DEPTH

    with torch.no_grad():
        vectors = network(torch.cat([face(), dark, no_depth]))

    assert vectors.shape == (3, 128)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)


def test_squeezenet_sees_no_difference_in_exposure() -> None:
    network = SqueezeNet(128, 0.0).eval()
    dimmer = face()
    dimmer[:, :3] = 0.5 * dimmer[:, :3] + 20.0

    with torch.no_grad():
        cosine = float((network(face()) * network(dimmer)).sum())

    assert cosine > 0.999


def test_depth_counts_and_a_hole_is_the_face_plane() -> None:
    network = SqueezeNet(128, 0.0).eval()
    hole, plane = face(), face()
    hole[:, 3, 40:60, 40:60] = NO_DEPTH
    plane[:, 3, 40:60, 40:60] = 0.0

    with torch.no_grad():
        assert torch.equal(network(hole), network(plane))
        assert not torch.allclose(network(hole), network(face()))


def test_exported_network_gives_what_torch_gives_for_any_number_of_faces(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = SqueezeNet(128, 0.1)

    difference = exporting.export(network, tmp_path / "squeezenet.onnx")

    exported = Network(tmp_path / "squeezenet.onnx", threads=1)
    assert difference < 1e-4
    assert exported.inputs == {"rgbd": ("N", 4, 112, 112)}
    for count in (1, 3):
        faces = torch.cat([face(seed) for seed in range(count)])
        with torch.no_grad():
            expected = network(faces).numpy()
        np.testing.assert_allclose(exported.run({"rgbd": faces.numpy()})["embedding"], expected, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["squeezenet.onnx"]


def test_file_that_differs_from_the_network_is_not_written(tmp_path: Path) -> None:
    class Fickle(SqueezeNet):
        def forward(self, rgbd: torch.Tensor) -> torch.Tensor:
            embedding = super().forward(rgbd)
            return embedding if torch.onnx.is_in_onnx_export() else -embedding

    with pytest.raises(ModelError, match="differ"):
        exporting.export(Fickle(128, 0.0), tmp_path / "fickle.onnx")

    assert list(tmp_path.iterdir()) == []
