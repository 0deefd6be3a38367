#pragma once
#include <libfreenect2/config.h>
#include <libfreenect2/frame_listener.hpp>
#include <libfreenect2/packet_pipeline.h>
#include <string>

namespace libfreenect2 {

class LIBFREENECT2_API Freenect2Device {
public:
  static const unsigned int VendorId = 0x045E;
  static const unsigned int ProductId = 0x02D8;
  static const unsigned int ProductIdPreview = 0x02C4;

  struct ColorCameraParams {
    float fx, fy, cx, cy;
    float shift_d, shift_m;
    float mx_x3y0, mx_x0y3, mx_x2y1, mx_x1y2, mx_x2y0, mx_x0y2, mx_x1y1, mx_x1y0, mx_x0y1, mx_x0y0;
    float my_x3y0, my_x0y3, my_x2y1, my_x1y2, my_x2y0, my_x0y2, my_x1y1, my_x1y0, my_x0y1, my_x0y0;
  };
  struct IrCameraParams {
    float fx, fy, cx, cy, k1, k2, k3, p1, p2;
  };

  virtual ~Freenect2Device();
  virtual std::string getSerialNumber() = 0;
  virtual std::string getFirmwareVersion() = 0;
  virtual ColorCameraParams getColorCameraParams() = 0;
  virtual IrCameraParams getIrCameraParams() = 0;
  virtual void setColorFrameListener(FrameListener *listener) = 0;
  virtual void setIrAndDepthFrameListener(FrameListener *listener) = 0;
  virtual bool start() = 0;
  virtual bool startStreams(bool rgb, bool depth) = 0;
  virtual bool stop() = 0;
  virtual bool close() = 0;
};

class Cameras;

// Frees its devices, and they their pipelines.
class LIBFREENECT2_API Freenect2 {
public:
  Freenect2();
  virtual ~Freenect2();
  int enumerateDevices();
  std::string getDeviceSerialNumber(int idx);
  std::string getDefaultDeviceSerialNumber();
  Freenect2Device *openDevice(int idx);
  Freenect2Device *openDevice(int idx, const PacketPipeline *pipeline);
  Freenect2Device *openDevice(const std::string &serial);
  Freenect2Device *openDevice(const std::string &serial, const PacketPipeline *pipeline);
  Freenect2Device *openDefaultDevice();
  Freenect2Device *openDefaultDevice(const PacketPipeline *pipeline);

private:
  Cameras *cameras_;
};

} // namespace libfreenect2
