#pragma once
#include <libfreenect2/frame_listener.hpp>
#include <map>

namespace libfreenect2 {

using FrameMap = std::map<Frame::Type, Frame *>;
struct Waiting;

// Hands out one frame of each subscribed type at a time, the newest there are.
class LIBFREENECT2_API SyncMultiFrameListener : public FrameListener {
public:
  explicit SyncMultiFrameListener(unsigned int frame_types);
  ~SyncMultiFrameListener() override;

  bool hasNewFrame() const;
  bool waitForNewFrame(FrameMap &frames, int milliseconds); // false: nothing came, and `frames` is as it was
  void waitForNewFrame(FrameMap &frames);
  void release(FrameMap &frames);
  bool onNewFrame(Frame::Type type, Frame *frame) override;

private:
  Waiting *waiting_;
};

} // namespace libfreenect2
