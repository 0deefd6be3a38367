#pragma once
#include <libfreenect2/config.h>

namespace libfreenect2 {

class DataCallback;

class LIBFREENECT2_API PacketPipeline {
public:
  virtual ~PacketPipeline();
  virtual DataCallback *getRgbPacketParser() const;
  virtual DataCallback *getIrPacketParser() const;
};

class LIBFREENECT2_API CpuPacketPipeline : public PacketPipeline {
public:
  CpuPacketPipeline();
};

class LIBFREENECT2_API OpenCLPacketPipeline : public PacketPipeline {
public:
  explicit OpenCLPacketPipeline(const int device_id = -1);
};

// Ends the process where there is no display.
class LIBFREENECT2_API OpenGLPacketPipeline : public PacketPipeline {
public:
  explicit OpenGLPacketPipeline(void *parent_context = nullptr, bool debug = false);
};

} // namespace libfreenect2
