// How far a file is: one line at a terminal, written over and over.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "dim/base/time.h"

namespace dim {

/// "43%  440.0 MiB of 1.0 GiB  45.0 MiB/s  0:13 left"; without a rate (bytes a second) nothing is
/// said of the time.
std::string progress_line(std::int64_t done, std::int64_t total, double rate);

class Progress {
 public:
  /// `what` begins the line, as "Sending film.mkv". Says nothing unless standard error is a
  /// terminal and `show` is true. `tell` takes the line instead, for who draws a screen.
  Progress(std::string what, std::int64_t total, bool show, const Clock& clock,
           std::function<void(const std::string& line)> tell = {});
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::int64_t done);
  /// The line stays, and the next text begins below it.
  void end();
  /// Bytes a second over the last seconds.
  double rate() const;

 private:
  std::string what_;
  std::int64_t total_;
  bool show_;
  bool shown_ = false;
  std::function<void(const std::string&)> tell_;
  const Clock& clock_;
  Millis next_ = 0;
  std::deque<std::pair<Millis, std::int64_t>> seen_;
};

}  // namespace dim
