"""A small recipe of the depth half for tests."""

from kinect_unlock_lab.training.depth_features import DepthFeatures

FACE = DepthFeatures(
    centre_x_mm=0.0,
    centre_y_mm=0.0,
    half_width_mm=64.0,
    half_height_mm=74.0,
    edge_mm=6.0,
    reach_mm=25.0,
    blur_mm=4.5,
    slope_limit=0.5,
)
