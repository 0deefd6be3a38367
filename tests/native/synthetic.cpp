// libfreenect2 without a camera; see README.md.
//
// SYNTHETIC_FREENECT2 names what goes wrong:
//   no-device       none is found
//   two-devices     nothing goes wrong: there are two, SECOND first
//   exit-on-open    opening calls exit(-1)
//   null-device     opening gives NULL although the device is listed
//   silence         it starts, and no frame comes
//   unplug          frames end after ten, and the device is not listed any more
//   segfault        a thread of the library crashes after ten frames
//   abort           the same with abort()
// Frame number s (from 1) holds: colour (x, y) = B x, G y, R s, each modulo 256, X 0x5A; depth 600 + x + s % 7 and
// infrared 100 x, but in row 0 what no reading is: NaN, inf, -inf, -1, 0, 1e9 by turns.

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <libfreenect2/frame_listener_impl.h>
#include <libfreenect2/libfreenect2.hpp>
#include <libfreenect2/logger.h>
#include <libfreenect2/registration.h>

namespace libfreenect2 {

namespace {

constexpr std::uint32_t TICKS_PER_FRAME = 266; // of 0.125 ms, at 30 Hz
constexpr int FRAMES_BEFORE_TROUBLE = 10;
constexpr auto PERIOD = std::chrono::microseconds(33333);
const char *const SERIAL = "012345678947";
const char *const SECOND_SERIAL = "987654321047";

std::atomic<bool> gone{false}; // unplugged, for this process

bool trouble(const std::string &name) {
  const char *said = std::getenv("SYNTHETIC_FREENECT2");
  return said != nullptr && name == said;
}

class ConsoleLogger : public Logger {
public:
  explicit ConsoleLogger(Level level) { level_ = level; }
  void log(Level level, const std::string &message) override {
    static const char *const names[] = {"", "Error", "Warning", "Info", "Debug"};
    if (level <= level_)
      (level <= Warning ? std::cerr : std::cout) << "[" << names[level] << "] " << message << std::endl;
  }
};

Logger::Level default_level() {
  const char *said = std::getenv("LIBFREENECT2_LOGGER_LEVEL");
  return said != nullptr && std::string(said) == "none" ? Logger::None : Logger::Info;
}

std::unique_ptr<Logger> global_logger(new ConsoleLogger(default_level()));

void say(Logger::Level level, const std::string &message) {
  if (global_logger)
    global_logger->log(level, message);
}

} // namespace

Logger::~Logger() = default;
Logger::Level Logger::level() const { return level_; }
Logger *createConsoleLogger(Logger::Level level) { return new ConsoleLogger(level); }
Logger *createConsoleLoggerWithDefaultLevel() { return new ConsoleLogger(default_level()); }
Logger *getGlobalLogger() { return global_logger.get(); }
void setGlobalLogger(Logger *logger) {
  if (logger != global_logger.get())
    global_logger.reset(logger);
}

Frame::Frame(std::size_t width, std::size_t height, std::size_t bytes_per_pixel, unsigned char *memory)
    : width(width), height(height), bytes_per_pixel(bytes_per_pixel), data(memory), own_(nullptr) {
  if (memory == nullptr)
    data = own_ = new unsigned char[width * height * bytes_per_pixel]();
}
Frame::~Frame() { delete[] own_; }

FrameListener::~FrameListener() = default;

struct Waiting {
  const unsigned int wanted;
  mutable std::mutex mutex;
  std::condition_variable news;
  FrameMap next;
  unsigned int there = 0;
  bool released = true; // a wait without a time-out holds the next frames back until release()

  explicit Waiting(unsigned int wanted) : wanted(wanted) {}
  bool complete() const { return there == wanted; }
  void hand_out(FrameMap &frames) {
    frames = next;
    next.clear();
    there = 0;
  }
};

SyncMultiFrameListener::SyncMultiFrameListener(unsigned int frame_types) : waiting_(new Waiting(frame_types)) {}
SyncMultiFrameListener::~SyncMultiFrameListener() {
  release(waiting_->next);
  delete waiting_;
}

bool SyncMultiFrameListener::hasNewFrame() const {
  std::lock_guard<std::mutex> lock(waiting_->mutex);
  return waiting_->complete();
}

bool SyncMultiFrameListener::waitForNewFrame(FrameMap &frames, int milliseconds) {
  std::unique_lock<std::mutex> lock(waiting_->mutex);
  if (!waiting_->news.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return waiting_->complete(); }))
    return false;
  waiting_->hand_out(frames);
  return true;
}

void SyncMultiFrameListener::waitForNewFrame(FrameMap &frames) {
  std::unique_lock<std::mutex> lock(waiting_->mutex);
  waiting_->news.wait(lock, [this] { return waiting_->complete(); });
  waiting_->hand_out(frames);
  waiting_->released = false;
}

void SyncMultiFrameListener::release(FrameMap &frames) {
  for (auto &entry : frames)
    delete entry.second;
  frames.clear();
  std::lock_guard<std::mutex> lock(waiting_->mutex);
  waiting_->released = true;
}

bool SyncMultiFrameListener::onNewFrame(Frame::Type type, Frame *frame) {
  if ((waiting_->wanted & type) == 0)
    return false;
  {
    std::lock_guard<std::mutex> lock(waiting_->mutex);
    if (!waiting_->released)
      return false;
    Frame *&place = waiting_->next[type];
    delete place;
    place = frame;
    waiting_->there |= type;
  }
  waiting_->news.notify_one();
  return true;
}

PacketPipeline::~PacketPipeline() = default;
DataCallback *PacketPipeline::getRgbPacketParser() const { return nullptr; }
DataCallback *PacketPipeline::getIrPacketParser() const { return nullptr; }
CpuPacketPipeline::CpuPacketPipeline() = default;
OpenCLPacketPipeline::OpenCLPacketPipeline(const int) {}
OpenGLPacketPipeline::OpenGLPacketPipeline(void *, bool) {
  if (std::getenv("DISPLAY") == nullptr) {
    say(Logger::Error, "[OpenGLDepthPacketProcessor] Failed to initialize GLFW.");
    std::exit(-1);
  }
}

Registration::Registration(Freenect2Device::IrCameraParams, Freenect2Device::ColorCameraParams) {}
void Registration::apply(const Frame *, const Frame *, Frame *, Frame *, const bool, Frame *, int *) const {}
void Registration::undistortDepth(const Frame *, Frame *) const {}
void Registration::getPointXYZRGB(const Frame *, const Frame *, int, int, float &, float &, float &, float &) const {}
void Registration::getPointXYZ(const Frame *, int, int, float &, float &, float &) const {}

Freenect2Device::~Freenect2Device() = default;

namespace {

Frame *colour(std::uint32_t sequence) {
  Frame *frame = new Frame(1920, 1080, 4);
  for (std::size_t y = 0; y < frame->height; y++)
    for (std::size_t x = 0; x < frame->width; x++) {
      unsigned char *pixel = frame->data + (y * frame->width + x) * 4;
      pixel[0] = static_cast<unsigned char>(x);
      pixel[1] = static_cast<unsigned char>(y);
      pixel[2] = static_cast<unsigned char>(sequence);
      pixel[3] = 0x5A;
    }
  return frame;
}

Frame *readings(float first, float step) {
  using limits = std::numeric_limits<float>;
  const float none[] = {limits::quiet_NaN(), limits::infinity(), -limits::infinity(), -1.0f, 0.0f, 1e9f};
  Frame *frame = new Frame(512, 424, 4);
  float *values = reinterpret_cast<float *>(frame->data);
  for (std::size_t x = 0; x < frame->width; x++)
    values[x] = none[x % 6];
  for (std::size_t i = frame->width; i < frame->width * frame->height; i++)
    values[i] = first + step * static_cast<float>(i % frame->width);
  return frame;
}

} // namespace

// One camera. Its thread makes the frames, as the library's own do.
class SyntheticDevice : public Freenect2Device {
public:
  SyntheticDevice(std::string serial, const PacketPipeline *pipeline) : serial_(serial), pipeline_(pipeline) {}
  ~SyntheticDevice() override { close(); }

  std::string getSerialNumber() override { return serial_; }
  std::string getFirmwareVersion() override { return known_ ? "4.0.3916.0.1" : "<unknown>"; }

  // Before start() the library has read nothing yet; what its memory holds then is made plain here.
  ColorCameraParams getColorCameraParams() override {
    ColorCameraParams params = {};
    if (known_)
      params = {1081.37f, 1081.37f, 959.5f,   539.5f,  863.0f,  52.0f,    4.5e-4f, 1.9e-5f, 4.8e-5f,
                3.5e-4f,  -2.4e-5f, -1.2e-5f, 9.9e-4f, 0.6506f, 0.0021f,  0.1433f, 4.4e-6f, 7.2e-4f,
                4.0e-4f,  4.9e-5f,  1.4e-4f,  1.07e-3f, -1.8e-5f, -0.0024f, 0.6501f, 0.0062f};
    return params;
  }
  IrCameraParams getIrCameraParams() override {
    IrCameraParams params = {};
    if (known_)
      params = {365.6f, 365.6f, 256.3f, 206.8f, 0.092f, -0.269f, 0.091f, 0.001f, 0.002f};
    return params;
  }

  void setColorFrameListener(FrameListener *listener) override { color_ = listener; }
  void setIrAndDepthFrameListener(FrameListener *listener) override { depth_ = listener; }

  bool start() override { return startStreams(true, true); }
  bool startStreams(bool, bool) override {
    say(Logger::Info, "[Freenect2DeviceImpl] starting...");
    if (closed_ || running_)
      return false;
    known_ = running_ = true;
    if (!trouble("silence"))
      thread_ = std::thread([this] { stream(); });
    return true;
  }
  bool stop() override {
    say(Logger::Info, "[Freenect2DeviceImpl] stopping...");
    const bool was_running = running_.exchange(false);
    if (thread_.joinable())
      thread_.join();
    return was_running;
  }
  bool close() override {
    say(Logger::Info, "[Freenect2DeviceImpl] closing...");
    stop();
    pipeline_.reset();
    color_ = depth_ = nullptr;
    closed_ = true;
    return true;
  }

  bool closed() const { return closed_; }

private:
  void stream() {
    auto due = std::chrono::steady_clock::now();
    for (std::uint32_t sequence = 1; running_; sequence++, due += PERIOD) {
      if (sequence > FRAMES_BEFORE_TROUBLE && trouble("segfault"))
        std::raise(SIGSEGV);
      if (sequence > FRAMES_BEFORE_TROUBLE && trouble("abort"))
        std::abort();
      if (sequence > FRAMES_BEFORE_TROUBLE && trouble("unplug")) {
        gone = true;
        return;
      }
      std::this_thread::sleep_until(due);
      give(color_, Frame::Color, colour(sequence), sequence);
      give(depth_, Frame::Ir, readings(0.0f, 100.0f), sequence);
      give(depth_, Frame::Depth, readings(600.0f + static_cast<float>(sequence % 7), 1.0f), sequence);
    }
  }
  static void give(FrameListener *listener, Frame::Type type, Frame *frame, std::uint32_t sequence) {
    frame->sequence = sequence;
    frame->timestamp = sequence * TICKS_PER_FRAME;
    frame->exposure = 10.0f;
    frame->gain = frame->gamma = 1.0f;
    if (listener == nullptr || !listener->onNewFrame(type, frame))
      delete frame;
  }

  const std::string serial_;
  std::unique_ptr<const PacketPipeline> pipeline_;
  FrameListener *color_ = nullptr;
  FrameListener *depth_ = nullptr;
  std::thread thread_;
  std::atomic<bool> running_{false};
  bool known_ = false;
  bool closed_ = false;
};

class Cameras {
public:
  std::vector<std::string> listed;
  bool looked = false;

  void look() {
    looked = true;
    say(Logger::Info, "[Impl] enumerating devices...");
    listed.clear();
    if (!trouble("no-device") && !gone)
      listed.push_back(SERIAL);
    if (trouble("two-devices"))
      listed.insert(listed.begin(), SECOND_SERIAL);
    say(Logger::Info, "[Impl] found " + std::to_string(listed.size()) + " devices");
  }
  int count() {
    if (!looked)
      look();
    return static_cast<int>(listed.size());
  }
  Freenect2Device *open(int idx, const PacketPipeline *pipeline) {
    std::unique_ptr<const PacketPipeline> kept(pipeline);
    if (idx >= count()) {
      say(Logger::Error, "[Impl] requested device " + std::to_string(idx) + " is not connected!");
      return nullptr;
    }
    for (auto &device : devices_)
      if (!device->closed() && device->getSerialNumber() == listed[idx])
        return device.get();
    if (trouble("exit-on-open"))
      std::exit(-1);
    if (trouble("null-device"))
      return nullptr;
    devices_.emplace_back(new SyntheticDevice(listed[idx], kept.release()));
    return devices_.back().get();
  }

private:
  std::vector<std::unique_ptr<SyntheticDevice>> devices_;
};

Freenect2::Freenect2() : cameras_(new Cameras) {}
Freenect2::~Freenect2() { delete cameras_; }
int Freenect2::enumerateDevices() {
  cameras_->look();
  return cameras_->count();
}
std::string Freenect2::getDeviceSerialNumber(int idx) {
  return idx < 0 || idx >= cameras_->count() ? std::string() : cameras_->listed[idx];
}
std::string Freenect2::getDefaultDeviceSerialNumber() { return getDeviceSerialNumber(0); }
Freenect2Device *Freenect2::openDevice(int idx) { return openDevice(idx, new OpenGLPacketPipeline); }
Freenect2Device *Freenect2::openDevice(int idx, const PacketPipeline *pipeline) {
  return cameras_->open(idx, pipeline);
}
Freenect2Device *Freenect2::openDevice(const std::string &serial) {
  return openDevice(serial, new OpenGLPacketPipeline);
}
Freenect2Device *Freenect2::openDevice(const std::string &serial, const PacketPipeline *pipeline) {
  for (int idx = 0; idx < cameras_->count(); idx++)
    if (cameras_->listed[idx] == serial)
      return cameras_->open(idx, pipeline);
  delete pipeline;
  return nullptr;
}
Freenect2Device *Freenect2::openDefaultDevice() { return openDevice(0); }
Freenect2Device *Freenect2::openDefaultDevice(const PacketPipeline *pipeline) { return openDevice(0, pipeline); }

} // namespace libfreenect2
