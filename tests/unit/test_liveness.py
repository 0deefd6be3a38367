"""Each cue against surfaces whose measures are known, and the verdict against every way of missing one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic_faces import (
    Scene,
    cylinder,
    depth_of,
    face_relief,
    plane,
    scene_from,
    scene_of,
    sphere,
)
from kinect_unlock.arrays import F64, U16
from kinect_unlock.frontalise import frontalise
from kinect_unlock.liveness import assess, verdict
from kinect_unlock.observations import Cue, FaceTensor, LivenessReport, Verdict
from kinect_unlock.pose import place_head
from kinect_unlock.settings import Bounds, Liveness

few = settings(max_examples=25, deadline=None)


def judged(scene: Scene, bounds: Liveness | None = None) -> LivenessReport:
    known = np.isfinite(scene.face.detection.landmarks_px).all()
    placement = place_head(scene.face.detection, scene.face_depth, scene.calibration) if known else None
    frontal = None if placement is None else frontalise(scene.face_depth, scene.calibration, placement)
    return assess(scene.face, scene.face_depth, scene.tensor, scene.calibration, frontal, bounds or Liveness())


def values(scene: Scene) -> dict[str, float]:
    return {cue.name: cue.value for cue in judged(scene).cues if cue.value is not None}


def test_every_cue_has_its_bound() -> None:
    names = [cue.name for cue in judged(scene_of(face_relief)).cues]

    assert names == [name for name in Liveness.__struct_fields__ if name in names]


def test_face_like_relief_is_live() -> None:
    report = judged(scene_of(face_relief))

    assert report.verdict is Verdict.LIVE, report


@few
@given(yaw=st.floats(-25, 25), pitch=st.floats(-20, 20), distance=st.floats(550, 1300))
def test_face_like_relief_is_live_wherever_it_looks_from(yaw: float, pitch: float, distance: float) -> None:
    report = judged(scene_of(face_relief, place_mm=(20.0, -15.0, distance), yaw_deg=yaw, pitch_deg=pitch))

    assert report.verdict is Verdict.LIVE, report


@few
@given(yaw=st.floats(-50, 50), pitch=st.floats(-40, 40), distance=st.floats(550, 1300))
def test_plane_is_never_live_however_tilted(yaw: float, pitch: float, distance: float) -> None:
    report = judged(scene_of(plane, place_mm=(0.0, 0.0, distance), yaw_deg=yaw, pitch_deg=pitch))

    assert report.verdict is not Verdict.LIVE


@few
@given(radius=st.floats(60, 300), axis=st.floats(0, 180), yaw=st.floats(-20, 20))
def test_bent_sheet_is_spoof_about_any_axis(radius: float, axis: float, yaw: float) -> None:
    report = judged(scene_of(cylinder(radius, axis), yaw_deg=yaw))

    assert report.verdict is Verdict.SPOOF


@pytest.mark.parametrize("radius_mm", [75.0, 95.0, 130.0])
def test_smooth_ball_is_spoof(radius_mm: float) -> None:
    assert judged(scene_of(sphere(radius_mm))).verdict is Verdict.SPOOF


def test_plane_has_nothing_of_a_face() -> None:
    measured = values(scene_of(plane, yaw_deg=25, pitch_deg=-15))

    assert abs(measured["relief_share"]) < 0.1
    assert measured["sheet_residual_mm"] < 0.6


@few
@given(axis=st.floats(0, 180), radius=st.floats(60, 300))
def test_evenly_bent_sheet_has_nothing_of_a_face(axis: float, radius: float) -> None:
    assert abs(values(scene_of(cylinder(radius, axis)))["relief_share"]) < 0.15


def test_saddle_has_nothing_of_a_face() -> None:
    assert abs(values(scene_of(lambda across, along: (across**2 - along**2) / 250))["relief_share"]) < 0.1


@few
@given(waves=st.floats(2.0, 8.0))
def test_sheet_bent_to_upright_waves_leaves_nothing(waves: float) -> None:
    measured = values(scene_of(lambda across, _: waves * np.sin(across / 22.0)))

    assert measured["sheet_residual_mm"] < 1.0


@few
@given(share=st.floats(0.3, 1.0))
def test_relief_that_is_pressed_flat_is_measured_as_its_share(share: float) -> None:
    def pressed(across: F64, along: F64) -> F64:
        return share * face_relief(across, along)

    measured, whole = (values(scene_of(relief))["relief_share"] for relief in (pressed, face_relief))

    assert measured / whole == pytest.approx(share, abs=0.15)


def test_half_a_relief_is_spoof() -> None:
    report = judged(scene_of(lambda across, along: 0.5 * face_relief(across, along)))

    assert report.verdict is Verdict.SPOOF
    assert next(cue.name for cue in report.cues if not cue.holds) == "relief_share"


def test_relief_upside_down_is_unlike_a_face() -> None:
    measured = values(scene_of(lambda across, along: face_relief(across, -along - 60)))

    assert measured["relief_likeness"] < 0.7


def test_nose_through_a_sheet_is_spoof() -> None:
    def worn(across: F64, along: F64) -> F64:
        sheet = -(across**2) / 170 - along / 30
        bare = face_relief(across, along)
        nose = (across / 18) ** 2 + ((along + 12) / 24) ** 2 < 1
        return np.where(nose, np.maximum(bare, sheet), sheet)

    report = judged(scene_of(worn))

    assert report.verdict is Verdict.SPOOF
    assert "sheet_residual_mm" in [cue.name for cue in report.cues if not cue.holds]


@pytest.mark.parametrize("off_mm", [25.0, -40.0])
def test_depth_beside_its_colour_is_spoof(off_mm: float) -> None:
    scene = scene_of(face_relief)
    off_px = off_mm * 365 / 900
    face = replace(
        scene.face.detection,
        landmarks_px=(scene.face.detection.landmarks_px + np.array((0, off_px))).astype(np.float32),
    )

    report = judged(replace(scene, face=replace(scene.face, detection=face)))

    assert report.verdict is Verdict.SPOOF


def test_landmarks_lie_where_depth_has_them() -> None:
    assert values(scene_of(face_relief, yaw_deg=15, pitch_deg=-10))["landmarks_apart_mm"] < 4.0


@pytest.mark.parametrize("scale", [0.7, 1.4])
def test_head_of_the_wrong_size_is_spoof(scale: float) -> None:
    scene = scene_of(lambda across, along: scale * face_relief(across / scale, along / scale))
    box = scene.face.detection.box
    grown = replace(box, width_px=scale * box.width_px, height_px=scale * box.height_px)
    face = replace(scene.face.detection, box=grown)

    report = judged(replace(scene, face=replace(scene.face, detection=face)))

    assert report.verdict is Verdict.SPOOF
    assert "face_width_mm" in [cue.name for cue in report.cues if not cue.holds]


@few
@given(x=st.floats(-60, 60), y=st.floats(-50, 50), distance=st.floats(600, 1000))
def test_measures_do_not_depend_on_the_place(x: float, y: float, distance: float) -> None:
    at_rest = values(scene_of(face_relief, place_mm=(0.0, 0.0, 800.0)))
    facing = (float(np.degrees(np.arctan2(x, distance))), -float(np.degrees(np.arctan2(y, distance))))
    moved = values(scene_of(face_relief, place_mm=(x, y, distance), yaw_deg=facing[0], pitch_deg=facing[1]))

    for name in ("relief_share", "relief_likeness"):
        assert moved[name] == pytest.approx(at_rest[name], abs=0.06), name
    assert moved["sheet_residual_mm"] == pytest.approx(at_rest["sheet_residual_mm"], abs=0.4)


def test_face_width_is_pixels_times_distance_over_focal_length() -> None:
    scene = scene_of(plane, place_mm=(0.0, 0.0, 800.0))

    # 140 mm at 800 mm are 63.875 px at f = 365 px
    assert scene.face.detection.box.width_px == pytest.approx(63.875)
    assert values(scene)["face_width_mm"] == pytest.approx(140.0, rel=0.03)  # the head's middle is not the sheet's


def test_small_picture_of_a_face_is_too_narrow() -> None:
    scene = scene_of(face_relief)
    box = replace(scene.face.detection.box, width_px=scene.face.detection.box.width_px / 2)
    small = replace(scene, face=replace(scene.face, detection=replace(scene.face.detection, box=box)))

    report = judged(small)

    assert report.verdict is Verdict.SPOOF
    assert [cue.name for cue in report.cues if cue.enforced and not cue.holds] == ["face_width_mm"]


def test_wild_readings_make_no_face_of_a_plane() -> None:
    def fly(depth_mm: U16) -> None:
        rng = np.random.default_rng(5)
        wild = (rng.random(depth_mm.shape) < 0.01) & (depth_mm > 0)
        depth_mm[wild] = rng.integers(500, 1400, int(wild.sum()))

    report = judged(scene_of(plane, change=fly))

    assert report.verdict is Verdict.SPOOF
    assert {cue.name for cue in report.cues if not cue.holds} >= {"relief_share", "relief_likeness"}


def test_wall_behind_is_no_part_of_the_face_and_gives_the_step() -> None:
    def build_wall(depth_mm: U16) -> None:
        depth_mm[depth_mm == 0] = 1900

    alone, before_wall = scene_of(face_relief), scene_of(face_relief, change=build_wall)

    assert values(before_wall)["relief_share"] == pytest.approx(values(alone)["relief_share"], abs=0.03)
    assert values(before_wall)["background_step_mm"] == pytest.approx(1000, abs=40)
    assert "background_step_mm" not in values(alone)
    assert judged(before_wall).verdict is Verdict.LIVE


@pytest.mark.parametrize("behind_mm", [0, 1030, 1900])
def test_silhouette_is_where_depth_steps_back_whatever_is_behind(behind_mm: int) -> None:
    def build_wall(depth_mm: U16) -> None:
        depth_mm[depth_mm == 0] = behind_mm

    # the relief is cut off 95 mm from its middle, the box 70 mm
    assert values(scene_of(face_relief, change=build_wall))["silhouette_apart_mm"] == pytest.approx(25, abs=6)


def test_what_does_not_step_back_has_an_outline_as_far_off_as_is_looked() -> None:
    def build_wall(depth_mm: U16) -> None:
        depth_mm[depth_mm == 0] = 940

    assert values(scene_of(face_relief, change=build_wall))["silhouette_apart_mm"] == pytest.approx(0.6 * 140, abs=6)


def test_holes_in_a_face_leave_its_silhouette() -> None:
    def pierce(depth_mm: U16) -> None:
        depth_mm[:, 94:106] = 0

    whole, pierced = scene_of(face_relief), scene_of(face_relief, change=pierce)

    assert values(pierced)["silhouette_apart_mm"] == pytest.approx(values(whole)["silhouette_apart_mm"], abs=3)


def _blind(depth_mm: U16) -> None:
    depth_mm[:] = 0


def _sparse(depth_mm: U16) -> None:
    depth_mm[::3] = 0
    depth_mm[1::3] = 0
    depth_mm[:, 1::3] = 0
    depth_mm[:, 2::3] = 0


@pytest.mark.parametrize("change", [_blind, _sparse])
def test_missing_depth_is_never_live(change: Callable[[U16], None]) -> None:
    report = judged(scene_of(face_relief, change=change))

    assert report.verdict is not Verdict.LIVE


def test_unmeasurable_cues_alone_are_unsure() -> None:
    bounds = Liveness(valid_depth=None)

    report = judged(scene_of(face_relief, change=_blind), bounds)

    assert report.verdict is Verdict.UNSURE
    assert all(cue.value is None for cue in report.cues if cue.enforced)


@pytest.mark.parametrize(
    "landmarks",
    [
        pytest.param(np.full((5, 2), np.nan), id="nan"),
        pytest.param(np.full((5, 2), 100.0) + np.arange(10).reshape(5, 2) * 1e-3, id="coincide"),
        pytest.param(np.array(((900.0, 900), (950, 900), (925, 930), (905, 960), (945, 960))), id="outside"),
        pytest.param(np.array(((60.0, 60), (140, 60), (1e30, 1e30), (60, 150), (140, 150))), id="absurd"),
    ],
)
def test_senseless_landmarks_are_never_live(landmarks: F64) -> None:
    depth, _ = depth_of(face_relief)

    report = judged(scene_from(depth, landmarks, 900.0))

    assert report.verdict is not Verdict.LIVE


def test_nan_share_of_depth_is_not_measured() -> None:
    scene = scene_of(face_relief)
    tensor = FaceTensor(scene.tensor.data.copy(), float("nan"), scene.tensor.transform.copy())

    report = judged(replace(scene, tensor=tensor))

    assert report.verdict is Verdict.UNSURE


_numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@given(st.lists(st.tuples(_numbers, _numbers, _numbers, st.booleans()), max_size=6))
def test_verdict_is_live_only_if_every_enforced_cue_holds(
    rows: list[tuple[float | None, float | None, float | None, bool]],
) -> None:
    cues = tuple(Cue("cue", "mm", value, low, high, enforced) for value, low, high, enforced in rows)
    enforced = [cue for cue in cues if cue.enforced]

    live = verdict(cues) is Verdict.LIVE

    # written without `Cue.holds`, by comparison alone: NaN compares false with everything
    good = [
        cue.value is not None
        and -np.inf < cue.value < np.inf
        and (cue.low is None or cue.value >= cue.low)
        and (cue.high is None or cue.value <= cue.high)
        for cue in enforced
    ]
    assert live == (bool(enforced) and all(good))


def test_out_of_bounds_outweighs_unmeasured() -> None:
    missing = Cue("a", "mm", None, 0.0, None)
    wrong = Cue("b", "mm", 1.0, 2.0, None)

    assert verdict((missing, wrong)) is Verdict.SPOOF
    assert verdict((missing,)) is Verdict.UNSURE


@pytest.mark.parametrize("bounds", [None, (None, None)], ids=["no-say", "no-bound"])
def test_nothing_enforced_is_unsure(bounds: Bounds | None) -> None:
    silent = Liveness(**dict.fromkeys(Liveness.__struct_fields__, bounds))

    report = judged(scene_of(face_relief), silent)

    assert report.verdict is Verdict.UNSURE
    assert any(cue.value is not None for cue in report.cues)


def test_each_cue_alone_can_refuse() -> None:
    for name in values(scene_of(face_relief)):
        unreachable = Liveness(**(dict.fromkeys(Liveness.__struct_fields__) | {name: (1e6, None)}))

        report = judged(scene_of(face_relief), unreachable)

        assert report.verdict is Verdict.SPOOF, name
