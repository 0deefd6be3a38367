import re

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.calibration import EXAMPLE, calibration_from_plain, calibration_to_plain
from kinect_unlock.frames import Calibration, DepthToColor, Extrinsic, Intrinsics, KinectV2Polynomial, Registered

ANY = st.floats(-1e6, 1e6)
CAMERAS = st.builds(
    Intrinsics,
    width_px=st.just(64),
    height_px=st.just(48),
    fx_px=st.floats(1e-3, 1e5),
    fy_px=st.floats(1e-3, 1e5),
    cx_px=ANY,
    cy_px=ANY,
    k1=ANY,
    k2=ANY,
    k3=ANY,
    p1=ANY,
    p2=ANY,
)
TEN = st.tuples(*[ANY] * 10)
POLYNOMIALS = st.builds(
    KinectV2Polynomial,
    fx_px=ANY,
    fy_px=ANY,
    cx_px=ANY,
    cy_px=ANY,
    shift_d=st.floats(1e-3, 1e5),
    shift_m=ANY,
    mx=TEN,
    my=TEN,
)


def turned(angle_rad: float, shift_mm: list[float]) -> Extrinsic:
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return Extrinsic(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array(shift_mm))


EXTRINSICS = st.builds(turned, st.floats(-3, 3), st.lists(ANY, min_size=3, max_size=3))


@given(CAMERAS, CAMERAS, st.one_of(st.just(Registered()), POLYNOMIALS, EXTRINSICS))
def test_every_number_of_a_calibration_survives_json_exactly(
    color: Intrinsics, depth: Intrinsics, mapping: DepthToColor
) -> None:
    text = msgspec.json.encode(calibration_to_plain(Calibration(color, depth, mapping)))

    got = calibration_from_plain(msgspec.json.decode(text))

    assert (got.color, got.depth) == (color, depth)
    if isinstance(mapping, Extrinsic):
        assert isinstance(got.depth_to_color, Extrinsic)
        np.testing.assert_array_equal(got.depth_to_color.rotation, mapping.rotation)
        np.testing.assert_array_equal(got.depth_to_color.translation_mm, mapping.translation_mm)
    else:
        assert got.depth_to_color == mapping


def test_the_example_that_errors_show_is_a_usable_calibration() -> None:
    calibration = calibration_from_plain(yaml.safe_load(EXAMPLE))

    assert calibration.depth_to_color == Registered()
    assert calibration.depth == calibration.color


CAMERA = {"width_px": 4, "height_px": 3, "fx_px": 1.0, "fy_px": 1.0, "cx_px": 2.0, "cy_px": 1.0}


@pytest.mark.parametrize(
    ("plain", "complaint"),
    [
        pytest.param(None, "Expected `object`", id="nothing"),
        pytest.param({"depth_to_color": {"kind": "registered"}}, "missing required field `color`", id="no colour"),
        pytest.param({"color": CAMERA, "depth_to_color": {"kind": "magic"}}, "$.depth_to_color.kind", id="kind"),
        pytest.param(
            {"color": {**CAMERA, "fx": 2}, "depth_to_color": {"kind": "registered"}}, "unknown field `fx`", id="unknown"
        ),
        pytest.param(
            {"color": {**CAMERA, "width_px": 10**9}, "depth_to_color": {"kind": "registered"}},
            "$.color.width_px",
            id="absurd size",
        ),
        pytest.param(
            {"color": {**CAMERA, "fx_px": float("nan")}, "depth_to_color": {"kind": "registered"}}, "finite", id="nan"
        ),
        pytest.param(
            {
                "color": CAMERA,
                "depth": CAMERA,
                "depth_to_color": {"kind": "extrinsic", "rotation": [[2, 0, 0]] * 3, "translation_mm": [0, 0, 0]},
            },
            "orthonormal",
            id="no rotation",
        ),
        pytest.param(
            {"color": CAMERA, "depth_to_color": {"kind": "extrinsic", "rotation": [[1, 0], [0, 1]]}},
            "$.depth_to_color.rotation",
            id="rotation of two",
        ),
        pytest.param(
            {
                "color": CAMERA,
                "depth_to_color": {
                    "kind": "extrinsic",
                    "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                    "translation_mm": [0, 0, 0],
                },
            },
            "missing required field `depth`",
            id="extrinsic without depth",
        ),
        pytest.param(
            {"color": CAMERA, "depth": {**CAMERA, "width_px": 5}, "depth_to_color": {"kind": "registered"}},
            "one size",
            id="registered sizes differ",
        ),
    ],
)
def test_an_unusable_calibration_is_refused_in_words(plain: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        calibration_from_plain(plain)
