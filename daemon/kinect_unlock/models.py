"""Weights into networks: found, checked by hash, composed once, cached, checked again before every use.

Never imports the package that carries the weights and never downloads anything. A cached network's file name holds
its own SHA-256 and a key over everything it was made from; so a file is either whole and right, or made again. Which
of a network's builds is used was decided by `kinect_unlock.choosing`; where nothing was decided it is float32.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from kinect_unlock import choices
from kinect_unlock import kept_networks as kept
from kinect_unlock.builds import FP32, Build, BuildName, cosine_needed, permitted, recipes
from kinect_unlock.choices import Choice
from kinect_unlock.errors import ModelError
from kinect_unlock.halves import HalfName
from kinect_unlock.manifest import EYES, Encoder, Entry, EyeState, Manifest, Weights, load_manifest
from kinect_unlock.settings import Models

Progress: TypeAlias = Callable[[str, float], None]  # what is being done, and how much is done: 0..1

RECIPE: Final = 3  # raise it whenever a change in graphs.py alters what is built
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
    """One network of the manifest, as a list shows it; ``build`` is the one in use, None before it is built."""

    name: str
    kind: str
    model_id: str | None
    votes: tuple[HalfName, ...]
    unlock: bool
    chosen: bool
    built: bool
    build: BuildName | None
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

        It is the build that was chosen on this machine, or float32. Any number of processes may ask at once; one
        composes, the others wait for it.

        Raises:
            ConfigError: the manifest has no network of that name.
            ModelError: its weights are missing or changed, or the cache cannot be used.
        """
        return self.compose(name, self.build_in_use(name), progress)

    def compose(self, name: str, build: Build, progress: Progress | None = None) -> Path:
        """Return the path of one build of a network, ready to load.

        Raises:
            ConfigError, ModelError: as `build`.
        """
        entry = self._manifest.entry(name)
        report = progress or _silently
        report("looking for the built network", 0.0)
        with self._holding():
            ready = self._cached(name, entry, build) or self._compose(name, entry, build, report)
        report("ready", 1.0)
        return ready

    def build_in_use(self, name: str) -> Build:
        """Return the build of a network that was chosen here and is still as it was then, else float32.

        Raises:
            ConfigError: the manifest has no network of that name.
        """
        entry, choice = self._manifest.entry(name), self.choice(name)
        row = choice.winner if choice else None
        if row is None or row.refused is not None or not (row.cosine_min or 0.0) >= cosine_needed(entry):
            return FP32
        for build in permitted(entry):
            # What has been built anew since, by another recipe, or lies beside it, was not what was measured.
            if build.name == row.build and [path.name for path in self._built(name, entry, build)] == [row.file]:
                return build
        return FP32

    def choice(self, name: str) -> Choice | None:
        """Return what was measured and chosen for a network on this processor, None if nothing was."""
        return choices.load(self._choice_path(name))

    def record(self, choice: Choice) -> Path:
        """Keep what was chosen for the next start; returns where.

        Raises:
            ModelError: the cache cannot be used.
        """
        path = self._choice_path(choice.network)
        with self._holding():
            choices.save(path, choice)
        return path

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
        """Look at every file of weights and every built network but another user's; build nothing."""
        checks = []
        for name, entry in self._manifest.entries.items():
            checks += [self._check(name, weights) for weights in entry.files]
            checks += [
                FileCheck(name, "network", path, None if kept.is_whole(path) else "damaged; it will be built again")
                for build in permitted(entry)
                for path in self._built(name, entry, build)
                if not kept.is_foreign(path)
            ]
        return tuple(checks)

    def has_foreign(self) -> bool:
        """Say whether networks of another user lie in the folder: those of the service, where root looks."""
        return any(
            kept.is_foreign(path)
            for name, entry in self._manifest.entries.items()
            for build in permitted(entry)
            for path in self._built(name, entry, build)
        )

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
        for name, entry in self._manifest.entries.items():
            encoder = entry if isinstance(entry, Encoder) else None
            build = self.build_in_use(name)
            built = bool(self._built(name, entry, build))
            rows.append(
                ModelRow(
                    name=name,
                    kind=entry.kind,
                    model_id=encoder.model_id if encoder else None,
                    votes=encoder.votes if encoder else (),
                    unlock=encoder.unlock if encoder else False,
                    chosen=name in {self._options.detector, EYES, self._options.encoder},
                    built=built,
                    build=build.name if built else None,
                    licence=", ".join(dict.fromkeys(weights.licence for weights in entry.files)),
                    weights=", ".join(f"{weights.package}: {weights.file}" for weights in entry.files),
                    card=entry.card,
                )
            )
        return tuple(rows)

    @contextmanager
    def _holding(self) -> Iterator[None]:
        try:
            with kept.locked(self._cache_dir):
                yield
        except OSError as fault:
            raise ModelError(
                f"{self._cache_dir}: networks cannot be kept there: {fault.strerror}; "
                "make room or set models.cache_dir to a folder of your own"
            ) from fault

    def _choice_path(self, name: str) -> Path:
        return self._cache_dir / f"{name}-{_key(self._manifest.entry(name), None)}.choice.json"

    def _built(self, name: str, entry: Entry, build: Build) -> list[Path]:
        return sorted(self._cache_dir.glob(f"{name}-{_key(entry, build)}-*{build.ending}"))

    def _cached(self, name: str, entry: Entry, build: Build) -> Path | None:
        for path in self._built(name, entry, build):
            if kept.is_whole(path):
                return path
            _log.warning("network=%s fault=damaged action=rebuild path=%s", name, path)
        return None

    def _compose(self, name: str, entry: Entry, build: Build, report: Progress) -> Path:
        report("checking the weights", 0.1)
        weights = [_checked_weights(self._weights_path(one), one) for one in entry.files]
        report(f"composing the network ({build.name})", 0.3)
        network = _composed(entry, weights, build)
        report("writing the network", 0.8)
        stem = f"{name}-{_key(entry, build)}-{hashlib.sha256(network).hexdigest()}"
        path = self._cache_dir / f"{stem}{build.ending}"
        for stale in self._stale(name, entry, build):
            stale.unlink()
        kept.write(path, network)
        return path

    def _stale(self, name: str, entry: Entry, renewed: Build) -> Iterator[Path]:
        """Yield what older recipes, this build's damaged file and crashes left; not the other builds' files."""
        others = {path for build in permitted(entry) if build != renewed for path in self._built(name, entry, build)}
        kept_choice = self._choice_path(name)
        for ending in ("-*.onnx", ".choice.json"):
            found = self._cache_dir.glob(f"{name}-{_ANY_KEY}{ending}")
            yield from [path for path in found if path not in others and path != kept_choice]
        yield from list(self._cache_dir.glob("tmp*.part"))

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


def _composed(entry: Entry, weights: list[bytes], build: Build) -> bytes:
    if isinstance(entry, EyeState):
        return weights[0]  # ready as it is
    from kinect_unlock import graphs  # noqa: PLC0415 - imports onnx: 0.2 s and 40 MB that only building needs

    if not isinstance(entry, Encoder):
        return graphs.detector_graph(weights[0])
    known = recipes() if build.quantised else {}
    return graphs.encoder_graph(
        [
            graphs.HalfWeights(half.name, half.dim, half.share, data, known[sha].ranges if sha in known else None)
            for half, data in zip(entry.halves, weights, strict=True)
            for sha in (half.weights.sha256,)
        ]
    )


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


def _key(entry: Entry, build: Build | None) -> str:
    """Name everything that the built bytes depend on; without a build, what all of them have in common."""
    ranges = {sha: recipes()[sha].ranges for sha in (one.sha256 for one in entry.files) if sha in recipes()}
    parts = {
        "kind": entry.kind,
        "halves": [(half.name, half.dim, half.share) for half in entry.halves] if isinstance(entry, Encoder) else None,
        "weights": [weights.sha256 for weights in entry.files],
        "build": build.name if build else None,
        "ranges": ranges if build is None or build.quantised else None,
        "recipe": RECIPE,
        "onnx": version("onnx"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]


def _silently(step: str, done: float) -> None:
    """Report to nobody."""
