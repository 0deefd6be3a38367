from pathlib import Path

import cv2
import pytest

from kinect_unlock.clock import ManualClock
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.sources.webcam import WebcamSource
from streams import frames, write_recording


@pytest.mark.parametrize("device", ["front", "/etc/passwd", "-1", "http://camera", "/dev/video", "0x1"])
def test_a_device_that_is_no_webcam_is_refused(device: str) -> None:
    with pytest.raises(SourceError, match="is no webcam; give its number"):
        WebcamSource(device, clock=ManualClock())


@pytest.mark.parametrize("device", ["987", "/dev/video987"])
def test_a_webcam_that_is_not_there_is_named_and_nothing_is_printed(
    device: str, capfd: pytest.CaptureFixture[str]
) -> None:
    source = WebcamSource(device, clock=ManualClock())

    with pytest.raises(SourceError, match=r"there is no webcam at /dev/video987 \(present: .+\)"):
        source.open()

    assert capfd.readouterr() == ("", "")


def test_a_webcam_that_is_not_open_cannot_be_read_and_may_be_closed() -> None:
    source = WebcamSource(None, clock=ManualClock())
    source.close()

    with pytest.raises(SourceError, match="/dev/video0 is not open"):
        source.read(0.0)


def test_a_fault_inside_opencv_is_a_lost_source(tmp_path: Path) -> None:
    source = WebcamSource("0", clock=ManualClock())
    # A file in place of the camera: OpenCV refuses to wait for one.
    source._camera = cv2.VideoCapture(str(write_recording(tmp_path / "a.mkv", frames(2))))

    with pytest.raises(SourceLost, match="/dev/video0 stopped"):
        source.read(0.1)
    source.close()
