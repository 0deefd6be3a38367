#pragma once
#include <cstddef>
#include <cstdint>
#include <libfreenect2/config.h>

namespace libfreenect2 {

// An image. Colour: 1920x1080 BGRX. Infrared: 512x424 float, 0..65535. Depth: 512x424 float, mm; not above 0 or not
// finite means no reading.
class LIBFREENECT2_API Frame {
public:
  enum Type { Color = 1, Ir = 2, Depth = 4 };

  std::size_t width;
  std::size_t height;
  std::size_t bytes_per_pixel;
  unsigned char *data;
  std::uint32_t timestamp = 0; // unit 0.125 ms
  std::uint32_t sequence = 0;
  float exposure = 0;
  float gain = 0;
  float gamma = 0;

  // Takes the memory it is given and does not free it; without, it makes its own and does.
  Frame(std::size_t width, std::size_t height, std::size_t bytes_per_pixel, unsigned char *memory = nullptr);
  Frame(const Frame &) = delete;
  Frame &operator=(const Frame &) = delete;
  virtual ~Frame();

private:
  unsigned char *own_;
};

class LIBFREENECT2_API FrameListener {
public:
  virtual ~FrameListener();
  // Returns true if it keeps the frame; one that is not kept is the caller's.
  virtual bool onNewFrame(Frame::Type type, Frame *frame) = 0;
};

} // namespace libfreenect2
