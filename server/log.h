// Log lines: one event a line, logfmt, everything that came from outside escaped (A38).
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/config.h"

namespace spdlog {
class logger;
}

namespace dim {

/// `time=… level=info event=login who="0x…"`. Any thread.
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;

  /// To standard error.
  explicit Log(LogLevel level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(LogLevel level, std::string_view event,
             std::initializer_list<Field> fields = {}) const;
  void set_level(LogLevel level);
  /// One line without time and level, for tests.
  static std::string line(std::string_view event, std::initializer_list<Field> fields);

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace dim
