"""The list of networks: where their weights are, what goes in and comes out, and which thresholds have evidence.

Reads ``models/manifest.yaml`` strictly; looks at no weights and runs nothing.
"""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from kinect_unlock import trust
from kinect_unlock.config.text import read
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.settings import Count, Strategy

Sha256: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
FileName: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Rate: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Vote: TypeAlias = Literal["rgb", "depth"]

_BYTES_MAX: Final = 262_144


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of weights inside an installed package; the package's code is never imported."""

    package: FileName
    folder: FileName
    file: FileName
    bytes: Count
    sha256: Sha256
    licence: str


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """What a threshold rests on; ``far_interval`` is the 95 % interval of the false accept rate at it."""

    data: str
    protocol: str
    impostor_comparisons: Count
    far_interval: tuple[Rate, Rate] | None
    note: str


class CalibrationRow(Struct, frozen=True, forbid_unknown_fields=True):
    """The cosine to reach for a false accept rate, for templates of at most so many vectors."""

    strategy: Strategy
    template_vectors_max: Count
    far: Annotated[float, Meta(gt=0.0, lt=1.0)]
    threshold: Annotated[float, Meta(gt=0.0, lt=1.0)]
    evidence: Evidence | None


class Detector(Struct, frozen=True, forbid_unknown_fields=True):
    """A face detector."""

    kind: Literal["yunet"]
    card: FileName
    weights: Weights


class Encoder(Struct, frozen=True, forbid_unknown_fields=True):
    """An encoder and its contract.

    ``model_id`` names the embedding space (training, architecture, preprocessing), not the file: builds that give the
    same vectors share it, and templates stay valid across them.
    """

    kind: Literal["fused"]
    card: FileName
    model_id: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-z0-9./-]+$")]
    dim: Count
    votes: Annotated[tuple[Vote, ...], Meta(min_length=1)]
    depth: DepthChannel
    unlock: bool
    weights: Weights
    calibration: tuple[CalibrationRow, ...]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """Every network by name; a name belongs to one network only."""

    version: Literal[1]
    detectors: dict[FileName, Detector]
    encoders: dict[FileName, Encoder]

    def entry(self, name: str) -> Detector | Encoder:
        """Return the network called ``name``.

        Raises:
            ConfigError: there is none.
        """
        found = self.detectors.get(name) or self.encoders.get(name)
        if found is None:
            known = ", ".join([*self.detectors, *self.encoders])
            raise ConfigError(f"no network is called {name!r}; the manifest has: {known}")
        return found

    def encoder(self, name: str) -> Encoder:
        """Return the encoder called ``name``.

        Raises:
            ConfigError: there is none.
        """
        if name not in self.encoders:
            raise ConfigError(f"$.models.encoder: no encoder is called {name!r}; known: {', '.join(self.encoders)}")
        return self.encoders[name]

    def detector(self, name: str) -> Detector:
        """Return the detector called ``name``.

        Raises:
            ConfigError: there is none.
        """
        if name not in self.detectors:
            raise ConfigError(f"$.models.detector: no detector is called {name!r}; known: {', '.join(self.detectors)}")
        return self.detectors[name]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The cosine an embedding must reach, the rate it stands for, and the evidence for that."""

    cosine: float
    far: float
    template_vectors_max: int
    evidence: Evidence


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest; None reads the one installed with the program.

    Raises:
        ModelError: it cannot be read, others may have written it, or it says what it may not; the message names file
            and place.
    """
    where = path or Path(str(files("kinect_unlock"))) / "data" / "models" / "manifest.yaml"
    try:
        # Thresholds decide who gets in. The installed file is as safe as the program beside it.
        uid = os.geteuid()
        faults = trust.write_faults(path, path.stat(), uid=uid) + trust.folder_faults(path, uid=uid) if path else []
        text = trust.read_at_most(trust.open_regular(where), _BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as fault:
        raise ModelError(f"{where}: the manifest cannot be read: {fault}") from fault
    node, text_faults = read(text, str(where))
    if faults or text_faults or len(text) > _BYTES_MAX:
        too_long = [f"{where}: longer than {_BYTES_MAX} bytes"] if len(text) > _BYTES_MAX else []
        raise ModelError("\n".join([*faults, *map(str, text_faults), *too_long]))
    try:
        manifest = msgspec.convert(node.plain(), Manifest)
    except msgspec.ValidationError as fault:
        raise ModelError(f"{where}: {fault}") from fault
    twice = manifest.detectors.keys() & manifest.encoders.keys()
    if twice:
        raise ModelError(f"{where}: {', '.join(sorted(twice))} names a detector and an encoder")
    return manifest


def pick_threshold(encoder: Encoder, far: float, strategy: Strategy) -> Threshold:
    """Return the threshold for a false accept rate of ``far`` or, where none is so exact, the next stricter one.

    Raises:
        ConfigError: no row of the calibration table that has evidence is strict enough.
    """
    proven = [
        Threshold(row.threshold, row.far, row.template_vectors_max, row.evidence)
        for row in encoder.calibration
        if row.strategy == strategy and row.evidence is not None
    ]
    strict = [threshold for threshold in proven if threshold.far <= far]
    if not strict:
        known = ", ".join(f"{threshold.far:g}" for threshold in proven) or "none"
        raise ConfigError(
            f"$.match.far: {encoder.model_id} has no evidence for a false accept rate of {far:g} with strategy "
            f"{strategy!r}; rates with evidence: {known}"
        )
    return max(strict, key=lambda threshold: (threshold.far, threshold.cosine))
