"""Weights into networks: found, checked by hash, composed once, cached, checked again before every use.

Never imports the package that carries the weights and never downloads anything. A cached network's file name holds
its own SHA-256 and a key over everything it was made from; so a file is either whole and right, or made again.
"""

import fcntl
import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from kinect_unlock import trust
from kinect_unlock.errors import ModelError
from kinect_unlock.halves import HalfName
from kinect_unlock.manifest import Detector, Encoder, Manifest, Weights, load_manifest
from kinect_unlock.settings import Models

Progress: TypeAlias = Callable[[str, float], None]  # what is being done, and how much is done: 0..1

RECIPE: Final = 2  # raise it whenever a change in graphs.py alters what is built
_OWN_PACKAGE: Final = "kinect_unlock"  # what we trained ourselves; `weights_dir` stands in for the others'
_KEY_DIGITS: Final = 16
_ANY_KEY: Final = "[0-9a-f]" * _KEY_DIGITS  # as a glob: "yunet" must not match what "yunet-large" left

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file, and what is wrong with it; ``fault`` is None when nothing is."""

    name: str
    part: str  # "weights" or "network"
    path: Path
    fault: str | None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One network of the manifest, as a list shows it."""

    name: str
    kind: str
    model_id: str | None
    votes: tuple[HalfName, ...]
    unlock: bool
    chosen: bool
    built: bool
    licence: str
    weights: str
    card: str


class ModelStore:
    """The networks of one manifest and the folder in which they are kept ready.

    Raises:
        ModelError: the manifest is wrong.
    """

    def __init__(self, options: Models, *, cache_dir: Path) -> None:
        self._options = options
        self._cache_dir = cache_dir
        self._manifest = load_manifest(Path(options.manifest) if options.manifest else None)

    @property
    def manifest(self) -> Manifest:
        """What networks there are."""
        return self._manifest

    @property
    def encoder(self) -> Encoder:
        """The configured encoder's entry.

        Raises:
            ConfigError: the manifest has none of that name.
        """
        return self._manifest.encoder(self._options.encoder)

    def build(self, name: str, progress: Progress | None = None) -> Path:
        """Return the path of a network that is ready to load, composing it first where necessary.

        Any number of processes may do so at once; one composes, the others wait for it.

        Raises:
            ConfigError: the manifest has no network of that name.
            ModelError: its weights are missing or changed, or the cache cannot be used.
        """
        entry = self._manifest.entry(name)
        report = progress or _silently
        report("looking for the built network", 0.0)
        try:
            with _locked(self._cache_dir):
                ready = self._cached(name, entry) or self._compose(name, entry, report)
        except OSError as fault:
            raise ModelError(
                f"{self._cache_dir}: networks cannot be kept there: {fault.strerror}; "
                "make room or set models.cache_dir to a folder of your own"
            ) from fault
        report("ready", 1.0)
        return ready

    def weights(self, name: str) -> Path:
        """Return the file of weights that a network's first half is made from, checked by its hash.

        Raises:
            ConfigError: the manifest has no network of that name.
            ModelError: the weights are missing or changed.
        """
        weights = self._manifest.entry(name).files[0]
        path = self._weights_path(weights)
        _checked_weights(path, weights)
        return path

    def verify(self) -> tuple[FileCheck, ...]:
        """Look at every file of weights and every built network; build nothing."""
        checks = []
        for name, entry in self._entries():
            checks += [self._check(name, weights) for weights in entry.files]
            checks += [
                FileCheck(name, "network", built, None if _is_whole(built) else "damaged; it will be built again")
                for built in self._built(name, entry)
            ]
        return tuple(checks)

    def _check(self, name: str, weights: Weights) -> FileCheck:
        path, fault = Path(weights.file), None
        try:
            path = self._weights_path(weights)
            _checked_weights(path, weights)
        except ModelError as wrong:
            fault = str(wrong)
        return FileCheck(name, "weights", path, fault)

    def listing(self) -> tuple[ModelRow, ...]:
        """Describe every network of the manifest; reads no weights."""
        rows = []
        for name, entry in self._entries():
            encoder = entry if isinstance(entry, Encoder) else None
            rows.append(
                ModelRow(
                    name=name,
                    kind=entry.kind,
                    model_id=encoder.model_id if encoder else None,
                    votes=encoder.votes if encoder else (),
                    unlock=encoder.unlock if encoder else False,
                    chosen=name in {self._options.detector, self._options.encoder},
                    built=bool(self._built(name, entry)),
                    licence=", ".join(dict.fromkeys(weights.licence for weights in entry.files)),
                    weights=", ".join(f"{weights.package}: {weights.file}" for weights in entry.files),
                    card=entry.card,
                )
            )
        return tuple(rows)

    def _entries(self) -> Iterator[tuple[str, Detector | Encoder]]:
        yield from self._manifest.detectors.items()
        yield from self._manifest.encoders.items()

    def _built(self, name: str, entry: Detector | Encoder) -> list[Path]:
        return sorted(self._cache_dir.glob(f"{name}-{_key(entry)}-*.onnx"))

    def _cached(self, name: str, entry: Detector | Encoder) -> Path | None:
        for path in self._built(name, entry):
            if _is_whole(path):
                return path
            _log.warning("network=%s fault=damaged action=rebuild path=%s", name, path)
        return None

    def _compose(self, name: str, entry: Detector | Encoder, report: Progress) -> Path:
        report("checking the weights", 0.1)
        weights = [_checked_weights(self._weights_path(one), one) for one in entry.files]
        report("composing the network", 0.3)
        network = _composed(entry, weights)
        report("writing the network", 0.8)
        path = self._cache_dir / f"{name}-{_key(entry)}-{hashlib.sha256(network).hexdigest()}.onnx"
        for stale in [*self._cache_dir.glob(f"{name}-{_ANY_KEY}-*.onnx"), *self._cache_dir.glob("tmp*.part")]:
            stale.unlink()
        _write(path, network)
        return path

    def _weights_path(self, weights: Weights) -> Path:
        if self._options.weights_dir is not None and weights.package != _OWN_PACKAGE:
            return Path(self._options.weights_dir) / weights.file
        spec = find_spec(weights.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(
                f"the package {weights.package!r}, which carries {weights.file}, is not installed; "
                "install kinect-unlock again, or set models.weights_dir to a folder that has the file"
            )
        return Path(spec.submodule_search_locations[0]) / weights.folder / weights.file


def _composed(entry: Detector | Encoder, weights: list[bytes]) -> bytes:
    from kinect_unlock import graphs  # noqa: PLC0415 - imports onnx: 0.2 s and 40 MB that only building needs

    if isinstance(entry, Encoder):
        halves = zip(entry.halves, weights, strict=True)
        return graphs.encoder_graph([graphs.HalfWeights(one.name, one.dim, one.share, data) for one, data in halves])
    return graphs.detector_graph(weights[0])


def _checked_weights(path: Path, weights: Weights) -> bytes:
    """Return the file's content, if it is the file that the manifest means."""
    remedy = f"install {weights.package} again as pyproject.toml pins it, or correct models.weights_dir"
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == weights.bytes else b""
    except OSError as fault:
        raise ModelError(f"{path}: the weights cannot be read: {fault.strerror}; {remedy}") from fault
    if size != weights.bytes:
        raise ModelError(f"{path}: the weights have {size} bytes, the manifest says {weights.bytes}; {remedy}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != weights.sha256:
        raise ModelError(f"{path}: the weights have SHA-256 {digest}, the manifest says {weights.sha256}; {remedy}")
    return content


def _key(entry: Detector | Encoder) -> str:
    """Name everything that the built bytes depend on."""
    parts = {
        "kind": entry.kind,
        "halves": [(half.name, half.dim, half.share) for half in entry.halves] if isinstance(entry, Encoder) else None,
        "weights": [weights.sha256 for weights in entry.files],
        "recipe": RECIPE,
        "onnx": version("onnx"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(path: Path) -> bool:
    """Tell whether a built network is what its name promises, and will stay so until it is loaded."""
    try:
        status = path.lstat()
        ours = stat.S_ISREG(status.st_mode) and not trust.write_faults(path, status, uid=os.geteuid())
        return ours and _digest(path) == path.stem.rpartition("-")[2]
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder that only this user can write for one process; the kernel lets go of it when the process dies."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    uid = os.geteuid()
    faults = trust.write_faults(folder, folder.stat(), uid=uid) + trust.folder_faults(folder, uid=uid)
    if faults:
        raise ModelError(f"{'; '.join(faults)}; or set models.cache_dir to a folder of your own")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _silently(step: str, done: float) -> None:
    """Report to nobody."""
