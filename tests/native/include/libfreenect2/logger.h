#pragma once
#include <libfreenect2/config.h>
#include <string>

namespace libfreenect2 {

class LIBFREENECT2_API Logger {
public:
  enum Level { None = 0, Error = 1, Warning = 2, Info = 3, Debug = 4 };
  virtual ~Logger();
  virtual Level level() const;
  virtual void log(Level level, const std::string &message) = 0;

protected:
  Level level_ = Info;
};

LIBFREENECT2_API Logger *createConsoleLogger(Logger::Level level);
LIBFREENECT2_API Logger *createConsoleLoggerWithDefaultLevel();
LIBFREENECT2_API Logger *getGlobalLogger();
LIBFREENECT2_API void setGlobalLogger(Logger *logger);

} // namespace libfreenect2
