#include "cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output.h"
#include "client/describe.h"

namespace dim {
namespace {

constexpr Millis kEveryMs = 200;
constexpr Millis kSpanMs = 5'000;  // over which the rate is measured

}  // namespace

std::string progress_line(std::int64_t done, std::int64_t total, double rate) {
  const auto words = [](std::int64_t bytes) {
    return size_in_words(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 0)));
  };
  const std::int64_t percent = total > 0 ? done * 100 / total : 100;
  std::string out = fmt::format("{:3}%  {} of {}", percent, words(done), words(total));
  if (rate < 1) return out;
  const auto left = static_cast<std::int64_t>(static_cast<double>(total - done) / rate);
  out += fmt::format("  {}/s", words(static_cast<std::int64_t>(rate)));
  if (left >= 3'600)
    return out + fmt::format("  {}:{:02}:{:02} left", left / 3'600, left / 60 % 60, left % 60);
  return out + fmt::format("  {}:{:02} left", left / 60, left % 60);
}

Progress::Progress(std::string what, std::int64_t total, bool show, const Clock& clock,
                   std::function<void(const std::string&)> tell)
    : what_(std::move(what)),
      total_(total),
      show_(show && !tell && ::isatty(STDERR_FILENO) == 1),
      tell_(std::move(tell)),
      clock_(clock) {}

void Progress::at(std::int64_t done) {
  const Millis now = clock_.monotonic();
  if (now < next_ && done < total_) return;
  next_ = now + kEveryMs;
  seen_.emplace_back(now, done);
  while (seen_.size() > 2 && now - seen_.front().first > kSpanMs) seen_.pop_front();
  if (tell_) tell_(what_ + "  " + progress_line(done, total_, rate()));
  if (!show_) return;
  fmt::print(stderr, "\r\x1b[K{}  {}", what_, progress_line(done, total_, rate()));
  std::fflush(stderr);
  shown_ = true;
}

double Progress::rate() const {
  if (seen_.size() < 2) return 0;
  const auto& [from, before] = seen_.front();
  const auto& [to, after] = seen_.back();
  return to > from ? static_cast<double>(after - before) * 1'000 / static_cast<double>(to - from)
                   : 0;
}

void Progress::end() {
  if (std::exchange(shown_, false)) fmt::print(stderr, "\n");
}

}  // namespace dim
