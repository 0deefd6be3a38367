"""The scripted driver notices what would have ended the process."""

import numpy as np
import pytest

from fakes.freenect2 import FakeFreenect2, FrameMap, FrameType, Misuse, Shot


def test_a_released_buffer_is_poisoned_and_its_frame_dead() -> None:
    driver = FakeFreenect2([Shot()])
    device = driver.Freenect2()
    device.enumerateDevices()
    device.openDevice(b"012345", pipeline="cpu").start()
    listener, frames = driver.SyncMultiFrameListener(7), driver.FrameMap()
    assert listener.waitForNewFrame(frames, milliseconds=0) is frames
    depth = frames[FrameType.Depth].asarray()
    listener.release(frames)
    assert np.isnan(depth).all()
    with pytest.raises(Misuse, match="null or released"):
        frames[FrameType.Depth].asarray()
    with pytest.raises(Misuse, match="released twice"):
        listener.release(frames)


def test_a_frame_of_a_wait_in_vain_is_dead() -> None:
    with pytest.raises(Misuse, match="null or released"):
        _ = FrameMap()[FrameType.Color].width


def test_memory_beyond_a_frames_is_not_read() -> None:
    frames = FrameMap()
    frames.shot = Shot(said={FrameType.Ir: {"height": 425}})
    with pytest.raises(Misuse, match="beyond"):
        frames[FrameType.Ir].asarray()


def test_the_library_is_not_left_to_choose_nor_opened_blindly() -> None:
    driver = FakeFreenect2()
    with pytest.raises(Misuse, match=r"exit\(-1\)"):
        driver.Freenect2().openDevice(b"012345")
    with pytest.raises(Misuse, match="without looking"):
        driver.Freenect2().openDevice(b"012345", pipeline="cpu")


def test_a_closed_device_and_a_wait_for_ever_are_misuse() -> None:
    driver = FakeFreenect2()
    finder = driver.Freenect2()
    finder.enumerateDevices()
    device = finder.openDevice(b"012345", pipeline="cpu")
    device.close()
    with pytest.raises(Misuse, match="closed device"):
        device.stop()
    with pytest.raises(Misuse, match="for ever"):
        driver.SyncMultiFrameListener(7).waitForNewFrame(FrameMap())
