"""The networks that a configuration names, loaded, and the look at a frame that they make together.

Whatever is missing is built first. The daemon has them from here, and so has every verb that works without one.
"""

import logging
import os

from kinect_unlock.builds import FP32, Build
from kinect_unlock.config import cache_dir
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ModelError
from kinect_unlock.eyes import EyeReader
from kinect_unlock.manifest import EYES
from kinect_unlock.models import ModelStore, Progress
from kinect_unlock.pipeline import FaceEncoder, Pipeline
from kinect_unlock.settings import Config
from kinect_unlock.spare import SparedEncoder

_LOG = logging.getLogger(__name__)


def model_store(config: Config) -> ModelStore:
    """Return the networks that the configuration names, and the folder they are kept in.

    Raises:
        ConfigError, ModelError: configuration or manifest is wrong.
    """
    return ModelStore(config.models, cache_dir=cache_dir(config, os.environ, os.getuid()))


def detector(config: Config, *, progress: Progress | None = None) -> YuNetDetector:
    """Return the configured face detector, built first where necessary.

    Raises:
        ConfigError, ModelError: it cannot be had.
    """
    return _detector(config, model_store(config), progress)


def encoder(config: Config, *, progress: Progress | None = None) -> FusedEncoder:
    """Return the configured encoder, built first where necessary.

    Raises:
        ConfigError, ModelError: it cannot be had.
    """
    return _encoder(config, model_store(config), progress)[0]


def eyes(config: Config, *, progress: Progress | None = None) -> EyeReader:
    """Return what tells whether eyes are open.

    Raises:
        ConfigError, ModelError: it cannot be had, as from a manifest without such a network.
    """
    return EyeReader(model_store(config).build(EYES, progress), config.models.threads)


def pipeline(config: Config, *, models: ModelStore | None = None, progress: Progress | None = None) -> Pipeline:
    """Return the whole look at a frame, as the daemon has it; ``models`` is whoever has the store already.

    Raises:
        ConfigError, ModelError: its networks cannot be had.
    """
    models = models or model_store(config)
    pair = _detector(config, models, progress), _with_spare(config, models, progress)
    return Pipeline(*pair, config, eyes=_eyes(config, models, progress))


def _detector(config: Config, models: ModelStore, progress: Progress | None) -> YuNetDetector:
    name = config.models.detector
    models.manifest.detector(name)  # an encoder's name would build, and then fail less clearly
    return YuNetDetector(models.build(name, progress), config.detector, config.models.threads)


def _encoder(config: Config, models: ModelStore, progress: Progress | None) -> tuple[FusedEncoder, Build]:
    """Load the encoder's chosen build; where that fails the person is better served slowly than not at all."""
    name, threads = config.models.encoder, config.models.threads
    build = models.build_in_use(name)
    try:
        return FusedEncoder(models.encoder, models.compose(name, build, progress), threads), build
    except ModelError as fault:
        if build is FP32:
            raise
        _LOG.warning("event=build-fallback network=%s build=%s action=fp32 fault=%r", name, build.name, str(fault))
        return FusedEncoder(models.encoder, models.compose(name, FP32, progress), threads), FP32


def _with_spare(config: Config, models: ModelStore, progress: Progress | None) -> FaceEncoder:
    """Return the encoder, with float32 for the case that another build fails while it runs; that is made ready now."""
    encoder, build = _encoder(config, models, progress)
    if build is FP32:
        return encoder
    name, threads = config.models.encoder, config.models.threads
    try:
        models.compose(name, FP32, progress)
    except ModelError as fault:
        _LOG.warning("event=no-spare network=%s build=%s fault=%r", name, build.name, str(fault))
    return SparedEncoder(encoder, lambda: FusedEncoder(models.encoder, models.compose(name, FP32), threads))


def _eyes(config: Config, models: ModelStore, progress: Progress | None) -> EyeReader | None:
    if models.manifest.eyes is None:
        return None
    return EyeReader(models.build(EYES, progress), config.models.threads)
