#pragma once
#include <libfreenect2/libfreenect2.hpp>

namespace libfreenect2 {

// Maps nothing here: every call leaves what it should fill as it was.
class LIBFREENECT2_API Registration {
public:
  Registration(Freenect2Device::IrCameraParams ir, Freenect2Device::ColorCameraParams color);
  void apply(const Frame *rgb, const Frame *depth, Frame *undistorted, Frame *registered, const bool filter = true,
             Frame *bigdepth = nullptr, int *color_depth_map = nullptr) const;
  void undistortDepth(const Frame *depth, Frame *undistorted) const;
  void getPointXYZRGB(const Frame *undistorted, const Frame *registered, int r, int c, float &x, float &y, float &z,
                      float &rgb) const;
  void getPointXYZ(const Frame *undistorted, int r, int c, float &x, float &y, float &z) const;
};

} // namespace libfreenect2
