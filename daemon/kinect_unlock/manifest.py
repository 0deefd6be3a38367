"""The list of networks: where their weights are, what goes in and comes out, and what was measured of them.

Reads ``models/manifest.yaml`` strictly; looks at no weights and runs nothing.
"""

import os
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from kinect_unlock import trust
from kinect_unlock.config.text import read
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.halves import Half, HalfName
from kinect_unlock.settings import Count, Positive, Strategy

Sha256: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
FileName: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Folder: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")]
Rate: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Cosine: TypeAlias = Annotated[float, Meta(gt=0.0, lt=1.0)]

EYES: Final = "eyes"  # what the network for eyes is called
_BYTES_MAX: Final = 262_144
_SHARE_SLACK: Final = 1e-6


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of weights inside an installed package; the package's code is never imported."""

    package: FileName
    folder: Folder
    file: FileName
    bytes: Count
    sha256: Sha256
    licence: str


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """What a threshold rests on; ``far_interval`` is the 95 % interval of the false accept rate at it.

    ``weights`` begins the SHA-256 of the half's weights that it was measured with: of newer ones it says nothing.
    """

    data: str
    protocol: str
    impostor_comparisons: Count
    far_interval: tuple[Rate, Rate] | None
    note: str
    weights: Annotated[str, Meta(pattern="^[0-9a-f]{12}$")] | None = None


class CalibrationRow(Struct, frozen=True, forbid_unknown_fields=True):
    """The cosine that a half must reach for a false accept rate, for templates of at most so many vectors."""

    half: HalfName
    strategy: Strategy
    template_vectors_max: Count
    far: Annotated[float, Meta(gt=0.0, lt=1.0)]
    threshold: Cosine
    evidence: Evidence | None


class DepthBand(Struct, frozen=True, forbid_unknown_fields=True):
    """The cosine that the depth half must reach from where the band before ends to ``to_mm``."""

    to_mm: Positive
    threshold: Cosine


class DepthRow(Struct, frozen=True, forbid_unknown_fields=True):
    """What the depth half must reach at which distance; beyond its last band it has no vote."""

    strategy: Strategy
    template_vectors_max: Count
    bands: Annotated[tuple[DepthBand, ...], Meta(min_length=1)]
    evidence: Evidence | None

    def __post_init__(self) -> None:
        ends_mm = [band.to_mm for band in self.bands]
        if ends_mm != sorted(set(ends_mm)):
            raise ValueError(f"bands must end farther and farther away, got to_mm {ends_mm}")


class Detector(Struct, frozen=True, forbid_unknown_fields=True):
    """A face detector."""

    kind: Literal["yunet"]
    card: FileName
    weights: Weights

    @property
    def files(self) -> tuple[Weights, ...]:
        """The file of weights that it is made from."""
        return (self.weights,)


class EyeState(Struct, frozen=True, forbid_unknown_fields=True):
    """A network that tells open eyes from shut ones."""

    kind: Literal["eyes"]
    card: FileName
    weights: Weights

    @property
    def files(self) -> tuple[Weights, ...]:
        """The file of weights that it is."""
        return (self.weights,)


class EncoderHalf(Struct, frozen=True, forbid_unknown_fields=True):
    """One network of a siamese encoder; its name says which planes it looks at."""

    name: HalfName
    dim: Count
    share: Annotated[float, Meta(gt=0.0, le=1.0)]
    weights: Weights


class Encoder(Struct, frozen=True, forbid_unknown_fields=True):
    """An encoder and its contract.

    ``model_id`` names the embedding space (training, architecture, preprocessing), not the file: builds that give the
    same vectors share it, and templates stay valid across them. The first half is the one that says who somebody is:
    it identifies, and `calibration` is about it alone.
    """

    kind: Literal["siamese"]
    card: FileName
    model_id: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-z0-9./-]+$")]
    halves: Annotated[tuple[EncoderHalf, ...], Meta(min_length=1)]
    votes: Annotated[tuple[HalfName, ...], Meta(min_length=1)]
    depth: DepthChannel
    unlock: bool
    calibration: tuple[CalibrationRow, ...]
    why_not: Annotated[str, Meta(max_length=300)] = ""  # where it may not unlock: its measured error, told to the user
    depth_calibration: tuple[DepthRow, ...] = ()
    infrared_calibration: tuple[CalibrationRow, ...] = ()  # as `calibration`, for faces seen in infrared

    def __post_init__(self) -> None:
        fault = _half_fault(self.halves) or _vote_fault(self) or _calibration_fault(self)
        if fault is not None:
            raise ValueError(fault)

    @property
    def dim(self) -> int:
        """Numbers in an embedding."""
        return sum(half.dim for half in self.halves)

    @property
    def layout(self) -> tuple[Half, ...]:
        """Where each half stands in an embedding."""
        ends = tuple(accumulate(half.dim for half in self.halves))
        return tuple(
            Half(half.name, end - half.dim, end, half.share) for half, end in zip(self.halves, ends, strict=True)
        )

    @property
    def files(self) -> tuple[Weights, ...]:
        """The files of weights that it is made from."""
        return tuple(half.weights for half in self.halves)


def _half_fault(halves: tuple[EncoderHalf, ...]) -> str | None:
    names = [half.name for half in halves]
    if len(set(names)) < len(names):
        return f"a half is named once, got {', '.join(names)}"
    total = sum(half.share for half in halves)
    return None if abs(total - 1.0) <= _SHARE_SLACK else f"the halves' shares must be 1 together, got {total:g}"


def _vote_fault(entry: Encoder) -> str | None:
    names, votes = [half.name for half in entry.halves], list(entry.votes)
    if len(set(votes)) < len(votes) or not set(votes) <= set(names):
        return f"votes must name each a half of its own ({', '.join(names)}), got {', '.join(votes)}"
    if names[0] not in votes:
        return f"the first half, {names[0]}, says who it is and must vote"
    if entry.unlock and set(votes) != set(names):
        return f"an encoder that may unlock lets every half vote ({', '.join(names)}), got {', '.join(votes)}"
    if entry.unlock and names[0] == "depth":
        return "depth alone never unlocks"
    if entry.unlock and entry.why_not:
        return "why_not is said of an encoder that may not unlock"
    unmeasured = entry.unlock and "depth" in votes and entry.depth is not DepthChannel.FRONTALISED_MM
    return "a depth half that votes needs frontalised-mm, whose fitness is measured" if unmeasured else None


def _calibration_fault(entry: Encoder) -> str | None:
    first, names = entry.halves[0].name, {half.name for half in entry.halves}
    others = {row.half for row in (*entry.calibration, *entry.infrared_calibration)} - {first}
    if others:
        return f"calibration is about the first half, {first}; got {', '.join(sorted(others))}"
    if entry.depth_calibration and "depth" not in names:
        return "depth_calibration without a half named depth"
    strategies = [row.strategy for row in entry.depth_calibration]
    if len(set(strategies)) < len(strategies):
        return "depth_calibration has two rows for one strategy"
    return _evidence_fault(entry)


def _evidence_fault(entry: Encoder) -> str | None:
    digests = {half.name: half.weights.sha256 for half in entry.halves}
    found = [(row.half, row.evidence) for row in (*entry.calibration, *entry.infrared_calibration)]
    found += [("depth", row.evidence) for row in entry.depth_calibration]
    for half, evidence in found:
        if evidence is not None and evidence.weights is not None and not digests[half].startswith(evidence.weights):
            return f"evidence of {half} is of the weights {evidence.weights}, the half's are {digests[half][:12]}"
    return None


Entry: TypeAlias = Detector | EyeState | Encoder


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """Every network by name; a name belongs to one network only.

    Without a network for eyes nobody's are looked at.
    """

    version: Literal[1]
    detectors: dict[FileName, Detector]
    encoders: dict[FileName, Encoder]
    eyes: EyeState | None = None

    @property
    def entries(self) -> dict[str, Entry]:
        """Every network."""
        eyes = {} if self.eyes is None else {EYES: self.eyes}
        return {**self.detectors, **eyes, **self.encoders}

    def entry(self, name: str) -> Entry:
        """Return the network called ``name``.

        Raises:
            ConfigError: there is none.
        """
        found = self.entries.get(name)
        if found is None:
            known = ", ".join(self.entries)
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
    named = [*manifest.detectors, *manifest.encoders, *([EYES] if manifest.eyes else [])]
    twice = {name for name in named if named.count(name) > 1}
    if twice:
        raise ModelError(f"{where}: {', '.join(sorted(twice))} names two networks")
    return manifest
