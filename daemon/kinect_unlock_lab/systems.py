"""The recognisers that can be measured side by side: each makes vectors of the same crops of the same faces.

A name is that of an encoder of the manifest, ``sface`` (the colour half of the configured encoder alone),
``opencv-sface`` (the same weights by OpenCV's own code: what differs is ours), ``dlib``, or a path ending in ``.onnx``
of a network that takes some of the planes f32[N,C,112,112] (1: frontalised depth; 3: colour; 4: colour and registered
depth) and gives f32[N,dim].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, assert_never

import cv2
import msgspec
import numpy as np

from kinect_unlock import networks
from kinect_unlock.arrays import U8
from kinect_unlock.builds import recipes
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.graphs import ENCODER_INPUT, ENCODER_OUTPUT, HalfWeights, encoder_graph
from kinect_unlock.halves import Half, HalfName
from kinect_unlock.inference import Network
from kinect_unlock.observations import Detection
from kinect_unlock.pipeline import FaceEncoder
from kinect_unlock.settings import Config
from kinect_unlock_lab.protocols import F32

_MB: Final = 1e6
_NO_RELIEF: Final = np.zeros((112, 112), np.float32)
_PLANES: Final[dict[int, HalfName]] = {1: "depth", 3: "rgb", 4: "rgbd"}


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A face as every system gets it: the whole image u8[H,W,3] and where the face is, or the tensor cut out of it.

    ``tensor`` f32[4,112,112] has registered depth; ``residual_mm`` f32[112,112] is the frontalised depth, None where
    there is none.
    """

    color: U8
    detection: Detection
    tensor: F32
    residual_mm: F32 | None


class System(Protocol):
    """One recogniser. Used by one thread at a time."""

    @property
    def halves(self) -> tuple[Half, ...]:
        """What its vectors are made of."""
        ...

    @property
    def size_mb(self) -> float:
        """Size of its weights, as they are loaded, in millions of bytes."""
        ...

    def encode(self, crop: Crop) -> F32:
        """Return a unit vector f32[D]; zeros in place of a half that has nothing to look at."""
        ...


class Given:
    """An encoder that is loaded already."""

    def __init__(self, encoder: FaceEncoder, *, size_mb: float = float("nan")) -> None:
        self._encoder = encoder
        self._contract = DepthChannel(encoder.depth_channel)
        self.halves = encoder.halves
        self.size_mb = size_mb

    def encode(self, crop: Crop) -> F32:
        """Return its unit vector f32[D]."""
        if self._contract is DepthChannel.REGISTERED:
            return np.array(self._encoder.encode(crop.tensor[np.newaxis])[0])
        residual = _NO_RELIEF if crop.residual_mm is None else crop.residual_mm
        planes = np.concatenate((crop.tensor[:3], residual[np.newaxis]))
        vector = np.array(self._encoder.encode(planes[np.newaxis])[0])
        if crop.residual_mm is None:
            _blank(vector, self.halves)
        return vector


def _of_manifest(name: str, config: Config) -> Given:
    """Return an encoder of the manifest, built as the daemon builds it."""
    chosen = msgspec.structs.replace(config, models=msgspec.structs.replace(config.models, encoder=name, threads=1))
    size_mb = networks.model_store(chosen).build(name).stat().st_size / _MB
    return Given(networks.encoder(chosen), size_mb=size_mb)


class _ColourHalf:
    """The first half of an encoder of the manifest, composed alone in the build that the daemon uses of the whole."""

    def __init__(self, config: Config) -> None:
        self._network, dim = _first_half(config)
        self.halves = (Half("rgb", 0, dim, 1.0),)
        self.size_mb = self._network.size_mb

    def encode(self, crop: Crop) -> F32:
        return self._network.encode(crop.tensor)


@dataclass(frozen=True, slots=True, eq=False)
class _Composed:
    """A composed network in memory; what was written for loading it is gone again."""

    network: Network
    size_mb: float

    @classmethod
    def of(cls, halves: Sequence[HalfWeights], ending: str) -> "_Composed":
        composed = encoder_graph(halves)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"half{ending}"
            path.write_bytes(composed)
            return cls(Network(path, threads=1), len(composed) / _MB)

    def encode(self, tensor: F32) -> F32:
        """Return the unit vector f32[D] of a face f32[4,112,112]."""
        return np.array(self.network.run({ENCODER_INPUT: tensor[np.newaxis]})[ENCODER_OUTPUT][0], np.float32)


def _first_half(config: Config) -> tuple[_Composed, int]:
    name, store = config.models.encoder, networks.model_store(config)
    first, build = store.encoder.halves[0], store.build_in_use(name)
    if first.name != "rgb":
        raise ConfigError(f"{name}: its first half is {first.name}, not the colour half")
    known = recipes().get(first.weights.sha256) if build.quantised else None
    weights = store.weights(name).read_bytes()
    half = HalfWeights(first.name, first.dim, 1.0, weights, known.ranges if known else None)
    return _Composed.of([half], build.ending), first.dim


class _OfFile:
    """A network file that is in no manifest yet."""

    def __init__(self, path: Path) -> None:
        self._network = Network(path, threads=1)
        ((self._input, shape),) = self._network.inputs.items()
        planes = shape[1]
        if not isinstance(planes, int) or planes not in _PLANES:
            raise ModelError(f"{path}: takes {list(shape)}; expected f32[N,C,112,112] with 1, 3 or 4 planes")
        self._name: HalfName = _PLANES[planes]
        (self._output,) = self._network.outputs
        dim = self._run(np.zeros((1, planes, 112, 112), np.float32)).shape[1]
        self.halves = (Half(self._name, 0, dim, 1.0),)
        self.size_mb = path.stat().st_size / _MB

    def encode(self, crop: Crop) -> F32:
        if self._name == "depth" and crop.residual_mm is None:
            return np.zeros(self.halves[0].dim, np.float32)
        vector = self._run(self._planes(crop)[np.newaxis])[0]
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)

    def _planes(self, crop: Crop) -> F32:
        match self._name:
            case "rgb":
                return crop.tensor[:3]
            case "rgbd":
                return crop.tensor
            case "depth":
                return np.asarray(crop.residual_mm, np.float32)[np.newaxis]
            case _:
                assert_never(self._name)

    def _run(self, planes: F32) -> F32:
        return self._network.run({self._input: np.ascontiguousarray(planes)})[self._output]


class _OpenCvSFace:
    """OpenCV's own SFace: another engine, another alignment code, and the weights as they were shipped."""

    def __init__(self, weights: Path) -> None:
        cv2.setNumThreads(1)
        self._network = cv2.FaceRecognizerSF.create(str(weights), "")
        self.halves = (Half("rgb", 0, 128, 1.0),)
        self.size_mb = weights.stat().st_size / _MB

    def encode(self, crop: Crop) -> F32:
        box, found = crop.detection.box, crop.detection
        face = np.array([box.x_px, box.y_px, box.width_px, box.height_px, *found.landmarks_px.ravel(), found.score])
        bgr = np.ascontiguousarray(crop.color[:, :, ::-1])
        vector = self._network.feature(self._network.alignCrop(bgr, face[np.newaxis].astype(np.float32)))[0]
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def system(name: str, config: Config) -> System:
    """Load a recogniser by name, for one thread.

    Raises:
        ConfigError: there is none of that name.
        ModelError: its network cannot be had.
        MissingPackagesError: it needs a package that is not installed.
    """
    if name.endswith(".onnx"):
        return _OfFile(Path(name))
    match name:
        case "sface":
            return _ColourHalf(config)
        case "opencv-sface":
            return _OpenCvSFace(networks.model_store(config).weights(config.models.encoder))
        case "dlib":
            from kinect_unlock_lab.dlib_faces import DlibResNet  # noqa: PLC0415 - needs packages of its own

            return DlibResNet()
        case _:
            return _of_manifest(name, config)


def _blank(vector: F32, halves: Sequence[Half]) -> None:
    for half in halves:
        if half.name == "depth":
            vector[half.begin : half.end] = 0.0
