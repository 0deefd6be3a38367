"""What ``view`` shows: frames of this process's own source or of the daemon, and the template they are held against."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from kinect_unlock import app, networks
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.client import Client
from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import RecordingError, RequestError
from kinect_unlock.ports import Recogniser
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config, Daemon, Source
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import pick_thresholds
from kinect_unlock.viewing.daemon_feed import DaemonFeed
from kinect_unlock.viewing.feeds import Feed, OwnFeed
from kinect_unlock.viewing.gauges import Limits
from kinect_unlock.viewing.scores import Scorer
from kinect_unlock.viewing.show import Painter
from kinect_unlock.wire import Enrol, Preview, Word

_OWNER: Final = "owner"
_ENROL_TIMEOUT_S: Final = 120.0
_NOBODY: Final = "nobody to compare with: see --against and --user"


@dataclass(frozen=True, slots=True)
class View:
    """Frames to show, and who draws them."""

    feed: Feed
    painter: Painter


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the faces are held against: an enrolment recording, a user of one's own templates, or nobody."""

    against: Path | None = None
    user: str | None = None

    def __post_init__(self) -> None:
        if self.against is not None and self.user is not None:
            raise RequestError("--against and --user are two different people to compare with; give one of them")


def own_view(settings: Config, source: Source, subject: Subject, stream: str | None = None) -> View:
    """Return a view of a source that this process opens for itself.

    Raises:
        KinectUnlockError: source, networks or template cannot be had.
    """
    settings = msgspec.structs.replace(settings, source=source)
    is_recording = source.kind == "replay" and source.path is not None and Path(source.path).is_file()
    count = _frame_count(Path(source.path)) if is_recording and source.path is not None else None
    scorer = _scorer(settings, subject)
    feed = OwnFeed(
        partial(app.source, settings, stream=stream),
        networks.pipeline(settings),
        scorer,
        clock=SystemClock(),
        stall_s=settings.source.stall_timeout_s,
    )
    name = source.kind if source.path is None else Path(source.path).name
    no_scores = _NOBODY if scorer is None else "no live face to compare"
    return View(feed, Painter(name, count, limits_of(settings), no_scores))


def daemon_view(settings: Config, client: Client, stream: str | None, subject: Subject) -> View:
    """Return a view of what the daemon's camera sees.

    Raises:
        RequestError: scores are asked for, which a daemon never tells.
    """
    if subject != Subject():
        raise RequestError("a daemon tells no scores; name a recording, or --source for a camera of your own")
    feed = DaemonFeed(client, Preview(stream=stream), clock=SystemClock())
    return View(feed, Painter("the daemon's camera", None, limits_of(settings), "the daemon tells no scores"))


def limits_of(settings: Config) -> Limits:
    """Return what the configuration holds a face against."""
    return Limits(settings.ranges.verify, settings.depth_vote)


def _frame_count(recording: Path) -> int | None:
    with RecordingReader(recording) as reader:
        return reader.frame_count


def _scorer(settings: Config, subject: Subject) -> Scorer | None:
    if subject.against is not None:
        template = _enrolled_from(settings, subject.against)
    elif subject.user is not None:
        template = _of_user(settings, subject.user)
    else:
        return None
    match, entry = settings.match, networks.model_store(settings).encoder
    thresholds = pick_thresholds(entry, match.far, match.strategy)
    return Scorer(template, Recogniser(settings.models.encoder, entry, thresholds), match.strategy)


def _of_user(settings: Config, user: str) -> Template:
    """Return a user's template out of the configured state folder, which must be one's own."""
    found = [template for template in app.enrolled(settings) if template.user == user]
    if not found:
        raise RequestError(f"{user} is not enrolled in your own templates; see `kinect-unlock users`, or use --against")
    return found[0]


def _enrolled_from(settings: Config, against: Path) -> Template:
    """Enrol a recording with a private daemon, and return the template; nothing of it is left behind."""
    with PrivateDaemon.folder() as folder:
        private = private_settings(settings, folder=against.resolve(), pace="asap")
        with PrivateDaemon(private, folder) as daemon:
            last = daemon.client.request(Enrol(user=_OWNER), timeout_s=_ENROL_TIMEOUT_S)
        if last.word is not Word.ENROLLED:
            raise RecordingError(f"{against}: nobody can be enrolled from it: {last.message or last.word}")
        state = Daemon(socket=str(folder / "run" / "socket"), state_dir=str(folder / "state"))
        return _of_user(msgspec.structs.replace(private, daemon=state), _OWNER)
