from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import kinect_unlock.sources
from kinect_unlock.clock import Clock, ManualClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources import open_source
from kinect_unlock.sources.images import ImagesSource
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.replay import ReplaySource
from kinect_unlock.sources.stand_in import StandInSource
from kinect_unlock.sources.webcam import WebcamSource
from streams import frames, write_pair, write_recording


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("owner-returns.mkv", "stranger.mkv"):
        write_recording(folder / name, frames(1))
    (folder / "stills").mkdir()
    write_pair(folder / "stills", "a", frames(1)[0])
    return folder


def test_each_built_in_kind_is_constructed_and_not_opened(folder: Path) -> None:
    clock = ManualClock()

    replay = open_source(Source(kind="replay", path=str(folder / "nowhere.mkv")), clock=clock)
    images = open_source(Source(kind="images", path="/nowhere"), clock=clock)
    webcam = open_source(Source(kind="webcam", device="9"), clock=clock)

    assert isinstance(replay, ReplaySource)
    assert isinstance(images, ImagesSource)
    assert isinstance(webcam, WebcamSource)
    assert (replay.origin, images.origin, webcam.origin) == (Origin.RECORDING, Origin.IMAGES, Origin.WEBCAM)


@pytest.mark.parametrize("stream", ["stranger", "stranger.mkv"])
def test_a_stream_names_a_recording_in_the_folder(folder: Path, stream: str) -> None:
    source = open_source(Source(kind="replay", path=str(folder)), clock=ManualClock(), stream=stream)

    assert isinstance(source, ReplaySource)
    assert source.path == folder / "stranger.mkv"


def test_a_stream_names_a_folder_of_images_in_the_folder(folder: Path) -> None:
    source = open_source(Source(kind="images", path=str(folder)), clock=ManualClock(), stream="stills")

    assert isinstance(source, ImagesSource)
    assert source.folder == folder / "stills"


@pytest.mark.parametrize("stream", ["../recordings/stranger.mkv", "/etc/passwd", "..", "", "link.mkv"])
def test_a_stream_cannot_lead_out_of_the_folder(folder: Path, stream: str) -> None:
    (folder / "link.mkv").symlink_to("/etc/passwd")

    with pytest.raises(SourceError, match="not a bare name"):
        open_source(Source(kind="replay", path=str(folder)), clock=ManualClock(), stream=stream)


def test_a_folder_without_a_stream_lists_its_recordings(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"name one of its recordings \(owner-returns, stranger\)"):
        open_source(Source(kind="replay", path=str(folder)), clock=ManualClock())


def test_a_stream_in_a_file_is_refused(folder: Path) -> None:
    settings = Source(kind="replay", path=str(folder / "stranger.mkv"))

    with pytest.raises(SourceError, match="is not a folder"):
        open_source(settings, clock=ManualClock(), stream="stranger")


@pytest.mark.parametrize("kind", ["webcam", "kinect-v2"])
def test_a_camera_has_no_streams(kind: str) -> None:
    with pytest.raises(SourceError, match="has no streams to choose from"):
        open_source(Source(kind=kind), clock=ManualClock(), stream="stranger")


@pytest.mark.parametrize("kind", ["replay", "images"])
def test_a_kind_that_reads_files_needs_a_path(kind: str) -> None:
    with pytest.raises(SourceError, match=f"'{kind}' needs source.path"):
        open_source(Source(kind=kind), clock=ManualClock())


@pytest.mark.parametrize(("kind", "origin"), [("kinect-v2", Origin.SENSOR), ("stand-in", Origin.STAND_IN)])
def test_a_camera_is_made_without_its_driver_and_its_origin_is_ours_to_say(kind: str, origin: Origin) -> None:
    source = open_source(Source(kind=kind, path="/nowhere"), clock=ManualClock())

    assert isinstance(source, IsolatedSource)
    assert source.origin is origin
    assert source.identity is None
    source.close()


def test_a_stand_in_without_anything_to_play_is_refused_before_it_is_opened() -> None:
    with pytest.raises(SourceError, match=r"'stand-in' needs source\.path"):
        open_source(Source(kind="stand-in"), clock=ManualClock())


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(SourceError, match=r"unknown source\.kind 'kinnect'; built in are replay, images, webcam"):
        open_source(Source(kind="kinnect"), clock=ManualClock())


def make_stand_in(settings: Source, clock: Clock) -> StandInSource:
    assert settings.device == "42"
    assert isinstance(clock, ManualClock)
    return StandInSource([], clock=clock)


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = EntryPoints(
        [
            EntryPoint("rehearsal", f"{__name__}:make_stand_in", kinect_unlock.sources.PLUG_INS),
            EntryPoint("broken", "no_such_module_at_all:Source", kinect_unlock.sources.PLUG_INS),
        ]
    )
    monkeypatch.setattr(kinect_unlock.sources, "entry_points", installed.select)


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_is_made_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda _: make_stand_in)

    assert isinstance(open_source(Source(kind="rehearsal", device="42"), clock=ManualClock()), StandInSource)


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(SourceError, match="'broken' is installed as no_such_module_at_all:Source but cannot be loaded"):
        open_source(Source(kind="broken"), clock=ManualClock())


@pytest.mark.usefixtures("plug_ins")
def test_an_unknown_kind_lists_the_plug_ins_too() -> None:
    with pytest.raises(SourceError, match="installed plug-ins: broken, rehearsal"):
        open_source(Source(kind="azure"), clock=ManualClock())
