"""Finds the build of an encoder that is fastest on this processor, and refuses those that give other vectors.

Every build sees the same synthetic faces; one that comes closer than its stated bound to float32 on all of them may
be used. Times are of this process's processor time, the builds in turn, so that what else the machine does is not in
them. A build must win clearly: for a few per cent nobody needs another program in the daemon.
"""

import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from kinect_unlock import choices
from kinect_unlock import kept_networks as kept
from kinect_unlock.arrays import F32
from kinect_unlock.builds import FP32, OPENVINO_INT8, Build, cosine_needed, permitted
from kinect_unlock.choices import Choice, Measured
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ModelError
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.halves import Half, half_vectors
from kinect_unlock.inference import openvino_version
from kinect_unlock.manifest import Encoder
from kinect_unlock.models import ModelStore, Progress
from kinect_unlock.observations import TENSOR_SIDE_PX

_ROUNDS: Final = 40
_WARM_UP: Final = 5
_WINS: Final = 0.9  # of float32's time or less, or float32 stays
_RELIEF_MM: Final = 5.0
_WAVE_PX: Final = 9.0
_HOLE_WAVES: Final = 10.0  # from the corner: a third of the plane


def choose(store: ModelStore, name: str, *, threads: int, progress: Progress) -> Choice:
    """Build an encoder in every permitted way, measure, record which is to be used, and return the record.

    Raises:
        ConfigError: the manifest has no encoder of that name.
        ModelError: float32 itself cannot be built or run, or the record cannot be kept.
    """
    entry = store.manifest.encoder(name)
    faces = check_faces()
    tried: dict[Build, tuple[Path, FusedEncoder]] = {}
    vectors: dict[Build, F32] = {}
    refused: list[Measured] = []
    for build in permitted(entry):
        try:
            ready = _ready(store, name, build, threads, progress)
            vectors[build] = ready[1].encode(faces)
            tried[build] = ready
        except ModelError as fault:
            if build is FP32:
                raise
            refused.append(Measured(build.name, refused=str(fault)))
    progress("measuring", 0.5)
    times_ms = processor_times_ms([_encoding(encoder, faces[:1]) for _, encoder in tried.values()])
    rows = [
        _row(entry, build, path, vectors, spent_ms)
        for (build, (path, _)), spent_ms in zip(tried.items(), times_ms, strict=True)
    ]
    choice = Choice(name, fastest(rows).build, choices.processor(), choices.programs(), (*rows, *refused))
    store.record(choice)
    progress(f"chosen: {choice.chosen}", 1.0)
    return choice


def check_faces() -> F32:
    """Return face tensors f32[N,4,112,112] of the shipped synthetic faces; their depth is a gentle wave with holes.

    Depth has no part in what is quantised, but every build must treat waves and holes alike.

    Raises:
        ModelError: the shipped file cannot be read.
    """
    where = Path(str(files("kinect_unlock"))) / "data" / "models" / "calibration-faces.npz"
    try:
        with np.load(BytesIO(where.read_bytes()), allow_pickle=False) as archive:
            color = archive["color"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as fault:
        raise ModelError(f"{where}: {fault}; install kinect-unlock again") from fault
    if color.dtype != np.uint8 or color.shape[1:] != (TENSOR_SIDE_PX, TENSOR_SIDE_PX, 3) or not len(color):
        raise ModelError(f"{where}: holds {color.dtype.name} {list(color.shape)}; install kinect-unlock again")
    row, column = np.mgrid[:TENSOR_SIDE_PX, :TENSOR_SIDE_PX] / _WAVE_PX
    wave = _RELIEF_MM * np.sin(row) * np.cos(column)
    depth = np.where(row + column < _HOLE_WAVES, HOLE_MM, wave)[np.newaxis].repeat(len(color), axis=0)
    return np.concatenate([color.transpose(0, 3, 1, 2), depth[:, np.newaxis]], axis=1).astype(np.float32)


def lowest_cosine(vectors: F32, reference: F32, halves: Sequence[Half]) -> float:
    """Return the lowest cosine of embeddings f32[N,D] to the reference's, of any half and row; NaN if any is."""
    ours, theirs = half_vectors(vectors, halves), half_vectors(reference, halves)
    return float(np.min([(ours[half.name] * theirs[half.name]).sum(axis=1) for half in halves]))


def fastest(rows: Sequence[Measured]) -> Measured:
    """Return the row of the build to use: float32, the first, unless another that is not refused clearly beats it."""
    reference = rows[0]
    able = [row for row in rows if row.refused is None and row.cpu_p50_ms is not None]
    best = min(able, key=lambda row: row.cpu_p50_ms or np.inf, default=reference)
    beaten = (best.cpu_p50_ms or np.inf) <= _WINS * (reference.cpu_p50_ms or np.inf)
    return best if beaten else reference


def processor_times_ms(runs: Sequence[Callable[[], object]], *, rounds: int = _ROUNDS) -> list[list[float]]:
    """Return each run's processor times in ms, all its threads counted; the runs take turns."""
    spent_ms: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + _WARM_UP):
        for run, kept_ms in zip(runs, spent_ms, strict=True):
            begun_ns = time.process_time_ns()
            run()
            if number >= _WARM_UP:
                kept_ms.append((time.process_time_ns() - begun_ns) / NS_PER_MS)
    return spent_ms


def _ready(store: ModelStore, name: str, build: Build, threads: int, progress: Progress) -> tuple[Path, FusedEncoder]:
    if build is OPENVINO_INT8 and openvino_version() is None:
        raise ModelError("not installed: pip install 'kinect-unlock[openvino]'")
    path = store.compose(name, build, progress)
    return path, FusedEncoder(store.manifest.encoder(name), path, threads)


def _encoding(encoder: FusedEncoder, face: F32) -> Callable[[], object]:
    return lambda: encoder.encode(face)


def _row(entry: Encoder, build: Build, path: Path, vectors: dict[Build, F32], spent_ms: list[float]) -> Measured:
    cosine = lowest_cosine(vectors[build], vectors[FP32], entry.layout)
    bound = cosine_needed(entry)
    strays = build is not FP32 and not cosine >= bound  # also when it is no number
    p50_ms, p95_ms = np.percentile(spent_ms, [50, 95]).tolist()
    return Measured(
        build.name,
        file=path.name,
        sha256=kept.named_digest(path),
        cpu_p50_ms=p50_ms,
        cpu_p95_ms=p95_ms,
        cosine_min=cosine if np.isfinite(cosine) else None,
        refused=f"its vectors stray from fp32's: cosine {cosine:.4f}, at least {bound:g} is asked" if strays else None,
    )
