#include "dim/engine/failed_decrypts.h"

#include <algorithm>
#include <charconv>

namespace dim {

FailedDecrypts FailedDecrypts::parse(std::string_view text) {
  FailedDecrypts out;
  while (!text.empty()) {
    Millis time = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
    if (error != std::errc{}) break;
    out.add(time);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  return out;
}

std::string FailedDecrypts::text() const {
  std::string out;
  for (const Millis time : times_) {
    if (!out.empty()) out.push_back(' ');
    out += std::to_string(time);
  }
  return out;
}

bool FailedDecrypts::may_try(Millis now) const {
  // Times from the other side of a clock that was set back do not count for ever.
  const auto recent = std::ranges::count_if(times_, [&](Millis time) {
    return time > now - kFailedDecryptsMs && time < now + kFailedDecryptsMs;
  });
  return static_cast<std::size_t>(recent) < kFailedDecrypts;
}

void FailedDecrypts::add(Millis now) {
  if (times_.size() == kFailedDecrypts) times_.erase(times_.begin());
  times_.push_back(now);
}

}  // namespace dim
