"""The builds that one network may come in: equivalent files, of which the fastest on this processor is used.

All builds of an encoder share its embedding space: templates enrolled with one are valid with every other. What a
build may do and what that rests on is in ``models/builds.yaml``, by the SHA-256 of the weights it is about; weights
that are not listed there run as float32 and nothing else.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from kinect_unlock.config.text import read
from kinect_unlock.errors import ModelError
from kinect_unlock.manifest import Cosine, Encoder, Entry, Sha256

BuildName: TypeAlias = Literal["fp32", "openvino-int8"]


@dataclass(frozen=True, slots=True)
class Build:
    """One way to compose and run a network."""

    name: BuildName
    quantised: bool
    package: str  # what runs it, as a distribution's name
    ending: str  # of its files; `kinect_unlock.inference` tells by it which program is to run them


FP32: Final = Build("fp32", quantised=False, package="onnxruntime", ending=".onnx")
OPENVINO_INT8: Final = Build("openvino-int8", quantised=True, package="openvino", ending=".openvino.onnx")


class BuildEvidence(Struct, frozen=True, forbid_unknown_fields=True):
    """How a build compares with float32; the differences are build minus float32, in per cent, with 95 % intervals."""

    data: str
    protocol: str
    eer_difference: tuple[float, float, float]  # estimate, low, high
    tar_difference: tuple[float, float, float]
    cosine_p1: Cosine  # of one face's two embeddings


class Int8(Struct, frozen=True, forbid_unknown_fields=True):
    """How one file of weights may be quantised."""

    weights: str  # which file that is, for people
    cosine_min: Cosine  # to float32, which every check face must reach on the processor it is built for
    ranges: Annotated[dict[str, tuple[float, float]], Meta(min_length=1)]
    evidence: tuple[BuildEvidence, ...]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    int8: dict[Sha256, Int8]


@cache
def recipes() -> dict[str, Int8]:
    """Return what is known of quantising weights, by their SHA-256.

    Raises:
        ModelError: the installed file cannot be read or is wrong.
    """
    where = Path(str(files("kinect_unlock"))) / "data" / "models" / "builds.yaml"
    try:
        node, faults = read(where.read_text(encoding="utf-8"), str(where))
        if faults:
            raise ModelError("\n".join(map(str, faults)))
        return msgspec.convert(node.plain(), _File).int8
    except (OSError, UnicodeDecodeError, msgspec.ValidationError) as fault:
        raise ModelError(f"{where}: {fault}; install kinect-unlock again") from fault


def permitted(entry: Entry) -> tuple[Build, ...]:
    """Return the builds that an entry of the manifest may come in, the reference first."""
    known = isinstance(entry, Encoder) and any(weights.sha256 in recipes() for weights in entry.files)
    return (FP32, OPENVINO_INT8) if known else (FP32,)


def cosine_needed(entry: Entry) -> float:
    """Return how alike to float32 the vectors of an entry's other builds must be; 1 where nothing is known of it."""
    return max((recipes()[file.sha256].cosine_min for file in entry.files if file.sha256 in recipes()), default=1.0)
