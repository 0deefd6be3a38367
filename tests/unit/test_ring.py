import errno
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.drivers import marks, pattern
from kinect_unlock.calibration import MAX_SIDE_PX
from kinect_unlock.sources.planes import Planes, PlaneShapes
from kinect_unlock.sources.ring import SLOT_BYTES, SLOTS, Layout, RingReader, RingWriter, slot_of
from leftovers import holdings, left_since

SIDE_PX = 96
SHAPES = PlaneShapes((SIDE_PX, SIDE_PX), (SIDE_PX, SIDE_PX), (SIDE_PX, SIDE_PX))
KINECT = PlaneShapes((1080, 1920), (424, 512), (424, 512))
SIDES = st.integers(1, MAX_SIDE_PX)
SIZES = st.tuples(SIDES, SIDES)


@pytest.fixture
def reader() -> Iterator[RingReader]:
    made = RingReader()
    made.agree(SHAPES)
    yield made
    made.close()


def write(writer: RingWriter, number: int) -> None:
    fill(writer.begin(number), number)
    writer.publish(number)


def fill(planes: Planes, number: int) -> None:
    assert planes.depth_mm is not None
    assert planes.infrared is not None
    planes.color[:], planes.depth_mm[:], planes.infrared[:] = pattern(number, SIDE_PX)


def is_whole(planes: Planes, number: int) -> bool:
    found = (planes.color, planes.depth_mm, planes.infrared)
    return all(
        plane is not None and int(plane.min()) == int(plane.max()) == mark
        for plane, mark in zip(found, marks(number), strict=True)
    )


def test_a_frame_comes_out_as_it_went_in(reader: RingReader) -> None:
    writer = RingWriter(reader.descriptor, SHAPES)
    write(writer, 1)
    planes = reader.copy(1)

    assert planes is not None
    assert is_whole(planes, 1)


def test_a_copy_is_not_changed_by_what_is_written_later(reader: RingReader) -> None:
    writer = RingWriter(reader.descriptor, SHAPES)
    write(writer, 1)
    planes = reader.copy(1)
    for number in range(2, 3 * SLOTS):
        write(writer, number)

    assert planes is not None
    assert is_whole(planes, 1)


def test_a_frame_that_was_overwritten_or_never_written_is_none(reader: RingReader) -> None:
    writer = RingWriter(reader.descriptor, SHAPES)
    assert [reader.copy(number) for number in range(SLOTS + 1)] == [None] * (SLOTS + 1)
    for number in range(1, SLOTS + 2):
        write(writer, number)

    assert reader.copy(1) is None
    assert reader.copy(SLOTS + 2) is None
    assert all(reader.copy(number) is not None for number in range(2, SLOTS + 2))


def test_a_frame_that_is_being_written_is_none(reader: RingReader) -> None:
    writer = RingWriter(reader.descriptor, SHAPES)
    write(writer, 1)
    fill(writer.begin(1 + SLOTS), 1 + SLOTS)

    assert reader.copy(1) is None
    assert reader.copy(1 + SLOTS) is None
    writer.publish(1 + SLOTS)
    assert reader.copy(1 + SLOTS) is not None


def test_a_frame_that_is_overwritten_while_it_is_copied_is_none(
    reader: RingReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RingWriter(reader.descriptor, SHAPES)
    write(writer, 1)
    acts = [lambda: write(writer, 1 + SLOTS)]

    def put_aside() -> None:
        """Be away between the copy and the second look, as a busy machine may have it."""
        if acts:
            acts.pop()()

    monkeypatch.setattr("kinect_unlock.sources.ring._fence", put_aside)

    assert reader.copy(1) is None


def test_a_reader_beside_a_writer_at_full_speed_never_sees_a_torn_frame(reader: RingReader) -> None:
    side_px = 640  # a copy takes half a millisecond, and the writer hardly longer for a frame: they meet often
    reader.agree(PlaneShapes((side_px, side_px), (side_px, side_px), (side_px, side_px)))
    said, says = os.pipe()
    writer = subprocess.Popen(
        [sys.executable, "-P", "-m", "fakes.ring_writer", *map(str, (reader.descriptor, says, side_px))],
        pass_fds=(reader.descriptor, says),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    os.close(says)
    with writer, open(said, "rb", buffering=0) as news:  # noqa: PTH123 - a descriptor
        taken = missed = 0
        while taken < 300 or missed < 10:
            said_now = news.read(65_536)  # all there is: who lags behind finds everything overwritten
            (number,) = struct.unpack("<q", said_now[-8:])
            for wanted in (number - 1, number):  # the first is overwritten next
                planes = reader.copy(wanted)
                missed += planes is None
                if planes is not None:
                    taken += 1
                    assert is_whole(planes, wanted)

    assert writer.returncode == 0


def test_the_memory_can_neither_be_cut_nor_grown(reader: RingReader) -> None:
    for size_bytes in (0, 10 * SLOT_BYTES):
        with pytest.raises(PermissionError) as told:
            os.ftruncate(reader.descriptor, size_bytes)
        assert told.value.errno == errno.EPERM


def test_the_reader_cannot_write(reader: RingReader) -> None:
    assert reader._slots is not None
    with pytest.raises(ValueError, match="read-only"):
        reader._slots[0, 0] = 1


def test_images_that_do_not_fit_are_refused_on_both_sides(reader: RingReader) -> None:
    large = PlaneShapes((4_000, 4_000), None, None)
    with pytest.raises(ValueError, match="do not fit"):
        reader.agree(large)
    with pytest.raises(ValueError, match="do not fit"):
        RingWriter(reader.descriptor, large)


def test_before_sizes_are_agreed_and_after_closing_there_are_no_frames() -> None:
    reader = RingReader()
    with pytest.raises(ValueError, match="once their sizes are agreed"):
        reader.copy(1)
    reader.agree(SHAPES)
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="until it is closed"):
        reader.copy(1)


def test_nothing_is_left_of_a_ring_but_the_frames_that_were_copied() -> None:
    before = holdings()
    reader = RingReader()
    reader.agree(SHAPES)
    writer = RingWriter(reader.descriptor, SHAPES)
    write(writer, 1)
    planes = reader.copy(1)
    writer.close()
    reader.close()

    assert planes is not None
    assert is_whole(planes, 1)
    assert not left_since(before)


def test_a_kinects_frame_fits_and_takes_the_pixels_bytes() -> None:
    assert Layout.of(KINECT).size_bytes == 1080 * 1920 * 3 + 2 * 424 * 512 * 2


@given(st.integers(1, 2**60), st.integers(1, SLOTS - 1))
def test_a_slot_is_used_again_only_when_all_others_were(number: int, later: int) -> None:
    assert slot_of(number) == slot_of(number + SLOTS)
    assert slot_of(number) != slot_of(number + later)


@given(SIZES, st.none() | SIZES, st.none() | SIZES)
def test_planes_never_overlap_and_end_within_their_layout(
    color: tuple[int, int], depth: tuple[int, int] | None, infrared: tuple[int, int] | None
) -> None:
    layout = Layout.of(PlaneShapes(color, depth, infrared))
    ends = [(0, color[0] * color[1] * 3)]
    for at, plane in ((layout.depth_at, depth), (layout.infrared_at, infrared)):
        assert (at is None) == (plane is None)
        if at is not None and plane is not None:
            assert at % 2 == 0
            ends.append((at, at + plane[0] * plane[1] * 2))

    for (_, end), (begin, _) in pairwise(ends):
        assert end <= begin
    assert ends[-1][1] <= layout.size_bytes


@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_views_have_the_agreed_shapes_and_share_the_block(color: tuple[int, int], depth: tuple[int, int]) -> None:
    layout = Layout.of(PlaneShapes(color, depth, None))
    block = np.zeros(layout.size_bytes, np.uint8)
    planes = layout.planes(block)

    assert planes.color.shape == (*color, 3)
    assert planes.depth_mm is not None
    assert (planes.depth_mm.shape, planes.infrared) == (depth, None)
    planes.depth_mm[:] = 0xFFFF
    planes.color[:] = 1
    assert int(block.astype(np.int64).sum()) == depth[0] * depth[1] * 510 + color[0] * color[1] * 3
