"""Recordings through the whole daemon with an encoder of two halves: without depth's own vote nothing opens.

The colour half is the shipped one, the depth half a small network of this test: what lies where on the face, coarsely.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest
import yaml

from commands import Outcome, command
from demo_frames import frames_of, registered
from fakes.networks import COARSE_DIM, coarse_relief
from kinect_unlock import app, networks
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.words import HINTS
from kinect_unlock.crop import similarity
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.models import ModelStore
from kinect_unlock.observations import Detection
from kinect_unlock.settings import Config, Models
from kinect_unlock.wire import Hint
from streams import write_recording

ENROLMENT: Final = folder_of_recordings() / "owner-enrols.mkv"
FRAMES: Final = 20
DEPTH_THRESHOLD: Final = 0.5  # the owner's own looks have 0.68 and more, the stranger's 0.23 and less
FAR_MM: Final = 1290.0  # beyond the depth vote's range, within that of an attempt
RANGES: Final = {"depth_vote": {"near_mm": 450, "far_mm": 1200, "yaw_deg": 25, "pitch_deg": 20, "roll_deg": 25}}
_KEPT_MM: Final = (44.0, 60.0)  # to either side of the nose and above it
_DEEPER: Final = 1.7
_BACKGROUND_MM: Final = 3000.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    """A folder with weights, manifest and configuration of an encoder with two halves that both vote."""
    folder = tmp_path_factory.mktemp("two-votes")
    store = ModelStore(Models(), cache_dir=cache_dir)
    for name in ("yunet", "rgbd-fused"):
        shipped = store.weights(name)
        (folder / shipped.name).symlink_to(shipped)
    network = coarse_relief().SerializeToString()
    (folder / "coarse.onnx").write_bytes(network)
    manifest = yaml.safe_load((app_data() / "manifest.yaml").read_text())
    encoder = manifest["encoders"]["rgbd-fused"]
    color = {**encoder["halves"][0], "share": 0.7}
    weights = {
        **color["weights"],
        "file": "coarse.onnx",
        "bytes": len(network),
        "sha256": hashlib.sha256(network).hexdigest(),
    }
    depth = {"name": "depth", "dim": COARSE_DIM, "share": 0.3, "weights": weights}
    row = encoder["calibration"][0]
    encoder |= {
        "model_id": "test/two-halves",
        "halves": [color, depth],
        "votes": ["rgb", "depth"],
        "depth": "frontalised-mm",
        "depth_calibration": [
            {
                "strategy": "nearest",
                "template_vectors_max": row["template_vectors_max"],
                "bands": [{"to_mm": 1200.0, "threshold": DEPTH_THRESHOLD}],
                "evidence": {**row["evidence"], "note": "a test's", "weights": weights["sha256"][:12]},
            }
        ],
    }
    (folder / "manifest.yaml").write_text(json.dumps(manifest))  # no aliases for what stands in it twice
    models = {
        "manifest": str(folder / "manifest.yaml"),
        "weights_dir": str(folder),
        "cache_dir": str(folder / "cache"),
    }
    settings = {"models": models, "enrol": {"stages": ["straight"], "samples_per_stage": 2}}
    settings |= {"ranges": RANGES, "depth_vote": {"fit_max_mm": 3.5, "coverage_min": 0.65}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="module")
def detector(cache_dir: Path) -> YuNetDetector:
    return networks.detector(Config(models=Models(cache_dir=str(cache_dir))))


def app_data() -> Path:
    return Path(app.__file__).parent / "data" / "models"


def _replayed(recording: Path, place: Path, log: Path) -> tuple[Outcome, list[dict[str, Any]]]:
    """Enrol the owner, play a recording as them, and return what was told and the log's frames and decision."""
    told = command(
        "replay", recording, "--against", ENROLMENT, "--config", place / "config.yaml", "--decisions", log
    )  # fmt: skip
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return told, [line for line in lines if line["kind"] in {"frame", "decision"}]


def _recording(path: Path, frames: Iterator[Frame]) -> Path:
    return write_recording(path, list(frames))


def test_the_owner_matches_by_both_votes(place: Path, tmp_path: Path) -> None:
    told, (*frames, decision) = _replayed(folder_of_recordings() / "owner-returns.mkv", place, tmp_path / "log")

    assert (told.exit_code, decision["word"]) == (0, "match")
    for frame in frames:
        assert set(frame["scores"]) == set(frame["thresholds"]) == {"rgb", "depth"}
        assert all(frame["scores"][half] >= frame["thresholds"][half] for half in ("rgb", "depth"))
        assert frame["depth_fit"]["coverage"] > 0.7


def test_a_stranger_is_refused(place: Path, tmp_path: Path) -> None:
    _, (*_, decision) = _replayed(folder_of_recordings() / "stranger.mkv", place, tmp_path / "log")
    assert decision["word"] == "no-match"


def test_the_owners_colour_on_a_strangers_relief_is_refused_by_depth_alone(
    place: Path, tmp_path: Path, detector: YuNetDetector
) -> None:
    recording = _recording(tmp_path / "mask.mkv", _swapped(detector))
    _, (*frames, decision) = _replayed(recording, place, tmp_path / "log")

    assert decision["word"] == "no-match"
    judged = [frame for frame in frames if frame["seen"] == "face"]
    assert len(judged) >= 10
    for frame in judged:
        assert frame["liveness"] == "live"
        assert frame["scores"]["rgb"] >= frame["thresholds"]["rgb"]
        assert frame["scores"]["depth"] < frame["thresholds"]["depth"]
        assert frame["vote"] == "stranger"


def _too_far(frame: Frame) -> Frame:
    """Put everything so much farther off that the face is there, seen through a longer lens: its size stays true."""
    flat, depth = _flat(frame)
    assert flat.calibration is not None
    near_mm = float(np.median(_face(depth)))
    farther = np.where(depth > 0, depth + FAR_MM - near_mm, 0).astype(np.uint16)
    return replace(flat, depth_mm=farther, calibration=_zoomed(flat.calibration, FAR_MM / near_mm))


def _face(depth: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the readings of who sits nearest: everything up to 150 mm behind the nearest surface."""
    seen = depth[depth > 0]
    nearest = np.percentile(seen, 1)
    return np.asarray(seen[seen < nearest + 150])


def _zoomed(calibration: Calibration, by: float) -> Calibration:
    camera = calibration.color
    longer = Intrinsics(
        camera.width_px, camera.height_px, camera.fx_px * by, camera.fy_px * by, camera.cx_px, camera.cy_px
    )
    return Calibration(longer, longer, Registered())


def _worn_by_holes(frame: Frame) -> Frame:
    """Leave depth only in the middle of the face: enough for liveness, too little to say who it is."""
    flat, depth = _flat(frame)
    away_mm = _millimetres(flat, depth)
    hidden = (np.abs(away_mm[0]) > _KEPT_MM[0]) | (away_mm[1] < -_KEPT_MM[1])
    return replace(flat, depth_mm=np.where(hidden, 0, depth).astype(np.uint16))


def _stretched(frame: Frame) -> Frame:
    """Make everything about the face deeper than any face is: a relief that lies badly on the mean face."""
    flat, depth = _flat(frame)
    middle_mm = float(np.median(_face(depth)))
    deeper = np.where(depth > 0, middle_mm + (depth - middle_mm) * _DEEPER, 0)
    return replace(flat, depth_mm=np.clip(deeper, 0, _BACKGROUND_MM).astype(np.uint16))


def _flat(frame: Frame) -> tuple[Frame, np.ndarray[Any, Any]]:
    flat = registered(frame)
    assert flat.depth_mm is not None
    return flat, flat.depth_mm.astype(np.float64)


def _millimetres(flat: Frame, depth: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return how far right of and below the face's nearest part, the nose, each pixel is: f64[2,H,W]."""
    assert flat.calibration is not None
    near = np.where(depth > 0, depth, np.inf)
    y, x = np.unravel_index(int(np.argmin(cv2.blur(np.minimum(near, _BACKGROUND_MM), (5, 5)))), depth.shape)
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    per_px = float(np.median(_face(depth))) / flat.calibration.color.fx_px
    return np.stack((columns - x, rows - y)) * per_px


def _swapped(detector: YuNetDetector) -> Iterator[Frame]:
    """Yield the owner's colour with the stranger's depth moved under it, face on face, at the owner's distance."""
    pairs = zip(frames_of("owner-returns", FRAMES), frames_of("stranger", FRAMES), strict=True)
    for owner, stranger in ((registered(one), registered(other)) for one, other in pairs):
        assert owner.depth_mm is not None
        assert stranger.depth_mm is not None
        onto = _onto(_found(detector, owner), _found(detector, stranger))
        size = (owner.color.shape[1], owner.color.shape[0])
        moved = cv2.warpAffine(stranger.depth_mm, onto, size, flags=cv2.INTER_NEAREST)
        shift_mm = float(np.median(_face(owner.depth_mm)) - np.median(_face(stranger.depth_mm)))
        yield replace(owner, depth_mm=np.where(moved > 0, moved + shift_mm, 0).astype(np.uint16))


def _found(detector: YuNetDetector, frame: Frame) -> Detection:
    return max(detector.detect(frame.color), key=lambda found: found.score)


def _onto(owner: Detection, stranger: Detection) -> np.ndarray[Any, Any]:
    """Return the similarity f64[2,3] that takes the stranger's landmarks onto the owner's."""
    to_template, back = similarity(stranger.landmarks_px), similarity(owner.landmarks_px)
    whole = np.linalg.inv(np.vstack((back, (0, 0, 1)))) @ np.vstack((to_template, (0, 0, 1)))
    return np.asarray(whole[:2])


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        pytest.param(_too_far, Hint.MOVE_CLOSER, id="too-far"),
        pytest.param(_worn_by_holes, Hint.KEEP_FACE_CLEAR, id="too-many-holes"),
        pytest.param(_stretched, Hint.KEEP_FACE_CLEAR, id="too-bad-a-fit"),
    ],
)
def test_depth_unfit_to_vote_never_opens_and_says_what_helps(
    made: Callable[[Frame], Frame], hint: Hint, place: Path, tmp_path: Path
) -> None:
    frames = (made(frame) for frame in frames_of("owner-returns", FRAMES))
    recording = _recording(tmp_path / "unfit.mkv", frames)
    told, (*looks, decision) = _replayed(recording, place, tmp_path / "log")

    assert {look["seen"] for look in looks} == {"depth-unfit"}
    assert {(look["vote"], look["liveness"]) for look in looks} == {(None, "live")}
    assert decision["word"] == "timed-out"
    assert HINTS[hint] in " ".join(told.out.split())
