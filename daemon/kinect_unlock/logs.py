"""Where a run of the daemon writes: its log to standard error, and the decision log to the file of its own."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinect_unlock import trust
from kinect_unlock.errors import ConfigError
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Config


@contextmanager
def decision_log(config: Config, *, test_source: bool) -> Iterator[Callable[[str], None] | None]:
    """Begin the decision log anew; it holds scores, so it is its owner's alone and no business of a real run."""
    if config.log.decisions is None:
        yield None
        return
    path = Path(config.log.decisions)
    if not test_source:
        raise ConfigError(f"$.log.decisions: {path} would hold scores; only a run with --test-source may write it")
    try:
        # Not O_TRUNC: what is not ours alone is left as it is. Not blocking: a pipe that nobody reads is an error.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", buffering=1)
    except OSError as fault:
        raise ConfigError(f"$.log.decisions: {path} cannot be written ({fault.strerror})") from fault
    with file:
        faults = trust.privacy_faults(path, os.fstat(file.fileno()), uid=os.geteuid())
        if faults:
            raise ConfigError(f"$.log.decisions: {'; '.join(faults)}")
        file.truncate()
        yield lambda line: print(line, file=file)


@contextmanager
def log_to_stderr(level: str, origin: Origin) -> Iterator[None]:
    """Write our loggers' and the loop's lines to standard error; the root logger is whoever's program this is.

    In a run that is not on a sensor every line says so.
    """
    handler = logging.StreamHandler()
    # The journal has the time already.
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    mark = "" if origin is Origin.SENSOR else f"origin={origin} "
    handler.setFormatter(logging.Formatter(f"{time}%(levelname)s %(name)s {mark}%(message)s"))
    loggers = [logging.getLogger(name) for name in ("kinect_unlock", "asyncio")]
    for logger in loggers:
        logger.setLevel(level.upper())
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
