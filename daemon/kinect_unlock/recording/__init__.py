"""Recordings: an RGB-D stream in one Matroska file that any player shows.

What is in the file
    * Video tracks named ``color`` (MJPEG, or FFV1 when lossless is asked for), ``depth`` and perhaps ``infrared``
      (FFV1 ``gray16le``, bit exact: millimetres, and raw counts). FFV1 colour is stored as ``bgr0``: lossless in RGB.
    * Metadata ``KINECT_UNLOCK_CALIBRATION`` (`kinect_unlock.calibration`) and ``KINECT_UNLOCK_PROVENANCE``, as JSON.
    * With each colour block, as Matroska's BlockAdditional, a *stamp*: number, ``seq``, exact ``captured_ns``,
      ``device_us``, and a checksum over itself and the frame's blocks. The container counts milliseconds, so its own
      timestamps are for players: rounded, and moved by a millisecond where two frames would share one.

What a reader may rely on
    * A frame is on its way to the disk when the next one is written: a crash of the program costs the last two
      frames at most, and the rest reads as usual with `RecordingReader.cut_short` true.
    * A frame is given only if it is whole. One that is damaged, or missing between others, is an error that names
      it; the frames before it have been given by then.

The same frames, calibration and provenance give the same bytes.
"""

from kinect_unlock.recording.reader import RecordingReader
from kinect_unlock.recording.writer import RecordingWriter

__all__ = ["RecordingReader", "RecordingWriter"]
