import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.errors import RecordingError
from kinect_unlock.frames import Calibration, Extrinsic, Frame, Intrinsics, KinectV2Polynomial
from kinect_unlock.recording import RecordingReader, RecordingWriter
from streams import INTERVAL_NS, PROVENANCE, assert_same, frames, registered, write_recording

COLOR = Intrinsics(32, 18, 30.0, 30.0, 16.0, 9.0, k1=0.1)
DEPTH = Intrinsics(17, 13, 12.0, 12.5, 8.1, 6.2, k1=0.09, k2=-0.27, k3=0.1, p1=1e-3, p2=-2e-3)
POLYNOMIAL = KinectV2Polynomial(
    1081.37, 1081.37, 959.5, 539.5, 863.0, 52.0, (0.1,) * 10, tuple(i / 7 for i in range(10))
)
EXTRINSIC = Extrinsic(np.eye(3), np.array([-52.0, 0.1, 1 / 3]))


def read_all(path: Path) -> list[Frame]:
    with RecordingReader(path) as reader:
        return list(reader)


def given_until_fault(path: Path) -> tuple[list[Frame], str]:
    """The frames a reader gives, and what it says then; an empty text for a proper end."""
    got: list[Frame] = []
    try:
        with RecordingReader(path) as reader:
            got.extend(reader)
    except RecordingError as fault:
        return got, str(fault)
    return got, ""


# ---- what comes back -------------------------------------------------------------------------------------------------


@given(width_px=st.integers(2, 40), height_px=st.integers(2, 40), infrared=st.booleans())
@settings(max_examples=25)
def test_a_lossless_recording_gives_back_every_bit(
    tmp_path_factory: pytest.TempPathFactory, *, width_px: int, height_px: int, infrared: bool
) -> None:
    stream = frames(3, registered(width_px, height_px), infrared=infrared)
    path = write_recording(tmp_path_factory.mktemp("round") / "a.mkv", stream)

    for got, wanted in zip(read_all(path), stream, strict=True):
        assert_same(got, wanted)


def test_depth_and_infrared_are_bit_exact_beside_jpeg_colour_that_is_near(tmp_path: Path) -> None:
    calibration = registered(64, 48)
    ramp = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    stream = [
        Frame(f.seq, f.captured_ns, ramp, f.depth_mm, calibration, f.infrared)
        for f in frames(4, calibration, infrared=True)
    ]

    got = read_all(write_recording(tmp_path / "a.mkv", stream, lossless_color=False))

    for mine, theirs in zip(got, stream, strict=True):
        assert mine.depth_mm is not None
        assert mine.infrared is not None
        np.testing.assert_array_equal(mine.depth_mm, theirs.depth_mm)
        np.testing.assert_array_equal(mine.infrared, theirs.infrared)
        assert abs(mine.color.astype(int) - theirs.color.astype(int)).mean() < 2.0


@pytest.mark.parametrize(
    "calibration",
    [
        pytest.param(registered(), id="registered"),
        pytest.param(Calibration(COLOR, DEPTH, EXTRINSIC), id="extrinsic"),
        pytest.param(Calibration(COLOR, DEPTH, POLYNOMIAL), id="kinect-v2"),
    ],
)
def test_calibration_and_provenance_come_back_as_they_were(tmp_path: Path, calibration: Calibration) -> None:
    said = {"origin": "sensor", "note": "Grüße 🎥", "purpose": "verify", "against": None, "jitter": {"seed": 3}}
    with RecordingWriter(tmp_path / "a.mkv", calibration=calibration, provenance=said) as writer:
        writer.write(frames(1, calibration)[0])

    with RecordingReader(tmp_path / "a.mkv") as reader:
        assert reader.provenance == said
        assert calibration_to_plain(reader.calibration) == calibration_to_plain(calibration)
        assert next(reader).calibration is reader.calibration


@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=12), st.integers(0, 2**60))
@example([1, 1, 1, 499_999, 1, 33_333_333, 1], 123_456_789_012_345)
@settings(max_examples=25)
def test_captured_ns_is_exact_and_players_see_times_that_rise(
    tmp_path_factory: pytest.TempPathFactory, steps_ns: list[int], first_ns: int
) -> None:
    times_ns = [first_ns + sum(steps_ns[:n]) for n in range(len(steps_ns))]
    picture = frames(1)[0]
    stream = [Frame(n, t, picture.color, picture.depth_mm, picture.calibration) for n, t in enumerate(times_ns)]
    path = write_recording(tmp_path_factory.mktemp("times") / "a.mkv", stream)

    assert [frame.captured_ns for frame in read_all(path)] == times_ns
    with av.open(str(path)) as player:
        shown = [packet.pts for packet in player.demux(video=0) if packet.pts is not None]
    assert shown == sorted(set(shown))
    assert all(
        abs(ms - (t - first_ns) / 1e6) <= len(times_ns) for ms, t in zip(shown, times_ns, strict=True)
    )  # one millisecond more for each frame that shares one


def test_frames_are_counted_without_being_decoded(tmp_path: Path) -> None:
    with RecordingReader(write_recording(tmp_path / "a.mkv", frames(23))) as reader:
        assert reader.frame_count == 23
        assert not reader.cut_short
        assert next(reader).seq == 0


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    for lossless in (True, False):
        one = write_recording(tmp_path / f"one-{lossless}.mkv", frames(3, infrared=True), lossless_color=lossless)
        two = write_recording(tmp_path / f"two-{lossless}.mkv", frames(3, infrared=True), lossless_color=lossless)
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("lossless", [True, False])
def test_any_player_decodes_it_and_shows_colour_first(tmp_path: Path, *, lossless: bool) -> None:
    path = write_recording(tmp_path / "a.mkv", frames(5, infrared=True), lossless_color=lossless)

    with av.open(str(path)) as player:
        tracks = [
            (s.metadata["title"], s.codec_context.name, Disposition.default in s.disposition)
            for s in player.streams.video
        ]
        decoded = [sum(1 for _ in player.decode(video=0))]
        for track in (1, 2):
            player.seek(0)
            decoded.append(sum(1 for _ in player.decode(video=track)))

    assert tracks == [
        ("color", "ffv1" if lossless else "mjpeg", True),
        ("depth", "ffv1", False),
        ("infrared", "ffv1", False),
    ]
    assert decoded == [5, 5, 5]


def test_a_copy_made_by_another_program_still_reads(tmp_path: Path) -> None:
    stream = frames(6, infrared=True)
    copied = rewritten(write_recording(tmp_path / "a.mkv", stream), tmp_path / "b.mkv")

    for got, wanted in zip(read_all(copied), stream, strict=True):
        assert_same(got, wanted)


# ---- the file --------------------------------------------------------------------------------------------------------


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_recording(tmp_path / "a.mkv", frames(1))
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_text("precious")

    with pytest.raises(RecordingError, match=r"a\.mkv: exists already"):
        RecordingWriter(path, calibration=registered(), provenance=PROVENANCE)

    assert path.read_text() == "precious"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no/a\.mkv: cannot be created: No such file or directory"):
        RecordingWriter(tmp_path / "no" / "a.mkv", calibration=registered(), provenance=PROVENANCE)


@pytest.mark.parametrize(
    ("provenance", "complaint"),
    [
        pytest.param({}, "must name an origin", id="no origin"),
        pytest.param({"origin": 3}, "must name an origin", id="origin is no text"),
        pytest.param({"origin": "sensor", "note": object()}, "must be JSON", id="not JSON"),
    ],
)
def test_provenance_that_cannot_be_kept_is_refused_before_a_file_exists(
    tmp_path: Path, provenance: dict[str, object], complaint: str
) -> None:
    with pytest.raises(RecordingError, match=complaint):
        RecordingWriter(tmp_path / "a.mkv", calibration=registered(), provenance=provenance)

    assert not (tmp_path / "a.mkv").exists()


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        pytest.param(frames(2, registered(21, 14))[1], "colour image of frame 1 is 21x14 pixels.*20x14", id="size"),
        pytest.param(frames(2)[1], "frame 1 has no infrared image", id="no infrared"),
        pytest.param(Frame(1, 10**12, frames(1)[0].color, None, registered()), "has no depth image", id="no depth"),
        pytest.param(frames(1, infrared=True)[0], "not after the one before it", id="not later"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_and_the_others_stay(
    tmp_path: Path, second: Frame, complaint: str
) -> None:
    first, *_, last = frames(3, infrared=True)
    with RecordingWriter(
        tmp_path / "a.mkv", calibration=registered(), provenance=PROVENANCE, infrared=True, lossless_color=True
    ) as writer:
        writer.write(first)
        with pytest.raises(RecordingError, match=complaint):
            writer.write(second)
        writer.write(last)

    for got, wanted in zip(read_all(tmp_path / "a.mkv"), [first, last], strict=True):
        assert_same(got, wanted)


def test_a_closed_recording_takes_no_frame_and_may_be_closed_again(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mkv", calibration=registered(), provenance=PROVENANCE)
    writer.close()
    writer.close()

    with pytest.raises(RecordingError, match="has been closed"):
        writer.write(frames(1)[0])


def test_an_error_of_the_caller_leaves_a_finished_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RecordingWriter(tmp_path / "a.mkv", calibration=registered(), provenance=PROVENANCE) as writer:
            writer.write(frames(1)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    with RecordingReader(tmp_path / "a.mkv") as reader:
        assert not reader.cut_short
        assert reader.frame_count == 1


# ---- crashes and full disks ------------------------------------------------------------------------------------------

ENDLESS_WRITER = """
import itertools, sys
from dataclasses import dataclass
from pathlib import Path
from kinect_unlock.recording import RecordingWriter
sys.path.insert(0, sys.argv[2])
from streams import PROVENANCE, INTERVAL_NS, frames, registered
from kinect_unlock.frames import Frame
picture = frames(1)[0]
with RecordingWriter(Path(sys.argv[1]), calibration=registered(), provenance=PROVENANCE, lossless_color=True) as writer:
    for n in itertools.count():
        writer.write(Frame(n, 10**9 + n * INTERVAL_NS, picture.color, picture.depth_mm + n % 50, registered()))
        print(n + 1, flush=True)
"""


@pytest.mark.parametrize("written", [3, 40, 41])
def test_a_writer_that_is_killed_leaves_all_but_its_last_two_frames(tmp_path: Path, written: int) -> None:
    path = tmp_path / "a.mkv"
    argv = [sys.executable, "-c", ENDLESS_WRITER, str(path), str(Path(__file__).parents[1])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= written:
                writer.kill()
                break
        counted = [int(line) for line in writer.stdout.read().split()] or [written]
    assert writer.returncode == -signal.SIGKILL

    with RecordingReader(path) as reader:
        assert reader.cut_short
        assert reader.frame_count is None
        got = list(reader)

    picture = frames(1)[0]
    assert picture.depth_mm is not None
    assert len(got) >= counted[-1] - 2
    for n, frame in enumerate(got):
        assert frame.captured_ns == 10**9 + n * INTERVAL_NS
        assert frame.depth_mm is not None
        np.testing.assert_array_equal(frame.depth_mm, picture.depth_mm + n % 50)


LIMITED_WRITER = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
"""


def test_a_full_disk_is_an_error_that_says_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    argv = [sys.executable, "-c", LIMITED_WRITER + ENDLESS_WRITER, str(path), str(Path(__file__).parents[1])]

    writer = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    complaint = writer.stderr.splitlines()[-1]
    found = re.search(
        r"RecordingError: .*a\.mkv: File too large; at least its first (\d+) frames can be replayed", complaint
    )
    assert found, writer.stderr
    assert "during handling" not in writer.stderr.lower()
    with RecordingReader(path) as reader:
        assert reader.cut_short
        assert int(found[1]) <= len(list(reader)) <= int(found[1]) + 2


@dataclass(frozen=True, slots=True, repr=False)
class Whole:
    """A finished recording and what is in it; not shown in full when a test fails."""

    content: bytes
    stream: list[Frame]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    stream = frames(8, infrared=True)
    return Whole(write_recording(tmp_path_factory.mktemp("whole") / "a.mkv", stream).read_bytes(), stream)


@given(st.data())
@settings(max_examples=150)
def test_a_file_cut_anywhere_gives_the_whole_frames_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, whole: Whole, data: st.DataObject
) -> None:
    content, stream = whole.content, whole.stream
    path = tmp_path_factory.getbasetemp() / "cut.mkv"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])

    got, complaint = given_until_fault(path)

    for mine, theirs in zip(got, stream, strict=False):
        assert_same(mine, theirs)
    if complaint:
        assert not got
        assert complaint.startswith(str(path))
    else:
        with RecordingReader(path) as reader:
            assert reader.cut_short


@given(st.data())
@settings(max_examples=150)
def test_a_changed_byte_never_gives_a_changed_frame(
    tmp_path_factory: pytest.TempPathFactory, whole: Whole, data: st.DataObject
) -> None:
    content, stream = whole.content, whole.stream
    damaged = bytearray(content)
    # The header is a twentieth of the file and deserves half of the examples.
    at = data.draw(st.one_of(st.integers(0, 2500), st.integers(0, len(content) - 1)))
    damaged[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.mkv"
    path.write_bytes(damaged)

    got, complaint = given_until_fault(path)

    assert len(got) <= len(stream)
    for mine, theirs in zip(got, stream, strict=False):
        assert_same(mine, theirs)
        assert calibration_to_plain(mine.calibration or registered()) == calibration_to_plain(registered())
    assert not complaint or complaint.startswith(str(path))
    assert "[Errno" not in complaint


# ---- foreign and damaged files ---------------------------------------------------------------------------------------


def rewritten(
    source: Path,
    target: Path,
    *,
    keep_track: Callable[[str], bool] = lambda _: True,
    keep_packet: Callable[[str, int], bool] = lambda _name, _n: True,
    metadata: dict[str, str | None] | None = None,
) -> Path:
    """Copy a recording's packets to another file as any program would, leaving out or changing some things."""
    with av.open(str(source)) as old, av.open(str(target), "w", format="matroska") as new:
        kept = {s.index: s for s in old.streams.video if keep_track(s.metadata["title"])}
        tracks = {index: new.add_stream_from_template(stream, opaque=True) for index, stream in kept.items()}
        for index, track in tracks.items():
            track.metadata["title"] = kept[index].metadata["title"]
        changes = metadata or {}
        new.metadata.update({k: v for k, v in {**old.metadata, **changes}.items() if v is not None})
        counts = dict.fromkeys(kept, 0)
        for packet in old.demux(list(kept.values())):
            if packet.size == 0:
                continue
            index, n = packet.stream_index, counts[packet.stream_index]
            counts[index] += 1
            if keep_packet(kept[index].metadata["title"], n):
                packet.stream = tracks[index]
                new.mux_one(packet)
    return target


def foreign_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files that are no recording, each with what is wrong with it."""

    def holding(name: str, content: bytes) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    good = write_recording(folder / "good.mkv", frames(4, infrared=True))
    yield holding("empty.mkv", b""), "is empty"
    yield holding("text.mkv", b"hello, I am a text\n" * 99), "is not a Matroska file"
    yield holding("picture.mkv", cv2.imencode(".png", frames(1)[0].color)[1].tobytes()), "is not a Matroska file"
    yield holding("head.mkv", good.read_bytes()[:4]), "header is damaged or cut off"
    yield holding("zeros.mkv", good.read_bytes()[:4] + bytes(5000)), "header is damaged or cut off"
    yield folder / "nowhere.mkv", "No such file"
    yield folder, "is a folder or device"
    os.mkfifo(folder / "pipe.mkv")
    yield folder / "pipe.mkv", "is a folder or device"

    def changed(name: str, **changes: str | None) -> Path:
        return rewritten(good, folder / name, metadata={f"KINECT_UNLOCK_{key}": text for key, text in changes.items()})

    yield changed("film.mkv", FORMAT=None, CALIBRATION=None, PROVENANCE=None), "not a recording"
    yield changed("bare.mkv", CALIBRATION=None), "has no calibration"
    yield changed("future.mkv", FORMAT="2"), "is a recording of format '2'"
    yield changed("broken.mkv", CALIBRATION="{"), "calibration cannot be used"
    yield changed("wrong.mkv", CALIBRATION='{"color": 3}'), "calibration cannot be used"
    yield changed("silent.mkv", PROVENANCE=None), "provenance cannot be read"
    yield changed("list.mkv", PROVENANCE="[]"), "provenance cannot be read"
    yield (
        rewritten(good, folder / "flat.mkv", keep_track=lambda name: name != "depth"),
        "needs one depth track and has 0",
    )
    yield (
        rewritten(good, folder / "dark.mkv", keep_track=lambda name: name != "color"),
        "needs one color track and has 0",
    )
    RecordingWriter(folder / "none.mkv", calibration=registered(), provenance=PROVENANCE).close()
    yield folder / "none.mkv", "or no frame follows"
    small = calibration_to_plain(registered(10, 10))
    text = av.open(str(good)).metadata["KINECT_UNLOCK_CALIBRATION"]
    assert "20" in text
    yield changed("size.mkv", CALIBRATION=str(small).replace("'", '"')), "track is 20x14 pixels"


def test_a_file_that_is_no_recording_is_refused_with_its_name_and_fault(tmp_path: Path) -> None:
    for path, fault in foreign_files(tmp_path):
        got, complaint = given_until_fault(path)

        assert got == [], path
        assert complaint.startswith(f"{path}: "), complaint
        assert fault in complaint, complaint


@pytest.mark.parametrize(
    ("keep", "given", "fault"),
    [
        pytest.param(lambda name, n: (name, n) != ("depth", 3), 3, "frame 3 is damaged: a part of it", id="no depth"),
        pytest.param(lambda name, n: (name, n) != ("color", 3), 3, "frame 3 is damaged: a part of it", id="no colour"),
        pytest.param(lambda _, n: n != 3, 3, "frame 3 is damaged: number 4 follows", id="no frame"),
        pytest.param(lambda _, n: n != 0, 0, "frame 0 is damaged: number 1 follows", id="no first frame"),
        pytest.param(lambda name, n: (name, n) != ("depth", 5), 5, "nothing follows", id="half a last frame"),
    ],
)
def test_a_frame_that_is_missing_is_an_error_after_those_before_it(
    tmp_path: Path, keep: Callable[[str, int], bool], given: int, fault: str
) -> None:
    stream = frames(6)
    path = rewritten(write_recording(tmp_path / "a.mkv", stream), tmp_path / "b.mkv", keep_packet=keep)

    got, complaint = given_until_fault(path)

    assert len(got) == given
    for mine, theirs in zip(got, stream, strict=False):
        assert_same(mine, theirs)
    assert fault in complaint


def test_lost_last_frames_of_a_finished_file_are_noticed(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mkv", frames(6))
    content = path.read_bytes()
    clusters = [found.start() for found in re.finditer(re.escape(bytes.fromhex("1f43b675")), content)]
    assert len(clusters) == 6
    path.write_bytes(content[: clusters[4]] + bytes(len(content) - clusters[4]))  # as a power cut may leave it

    got, complaint = given_until_fault(path)

    assert len(got) == 4
    assert "frame 4 is damaged" in complaint or "is damaged" in complaint


def test_reading_on_after_damage_never_looks_like_the_end(tmp_path: Path) -> None:
    good = write_recording(tmp_path / "a.mkv", frames(6))
    with RecordingReader(rewritten(good, tmp_path / "b.mkv", keep_packet=lambda _, n: n != 1)) as reader:
        next(reader)
        for _ in range(2):
            with pytest.raises(RecordingError, match="frame 1 is damaged"):
                next(reader)


def test_nothing_is_printed_about_damaged_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(write_recording(tmp_path / "a.mkv", frames(6), lossless_color=False).read_bytes())
    for at in range(3000, len(content), 97):
        content[at] ^= 0x55
    (tmp_path / "b.mkv").write_bytes(content)

    given_until_fault(tmp_path / "b.mkv")

    assert capfd.readouterr() == ("", "")
