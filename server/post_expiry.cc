// Messages whose time is over: those of channels that keep them for some days only, and those that
// disappear because their authors want it. One bounded step after the other, so that nobody waits.
#include <algorithm>
#include <utility>

#include "server/hubs.h"

namespace dim {
namespace {

constexpr Millis kLookMs = 1'000, kScanMs = 60'000;

}  // namespace

void Hubs::tick() {
  const Millis monotonic = core_.clock_.monotonic();
  if (expiring_ || monotonic < next_look_) return;
  next_look_ = monotonic + kLookMs;
  if (!loaded_ && monotonic < next_scan_) return;
  if (!there()) {
    next_scan_ = monotonic + kScanMs;
    return;
  }
  const auto failed = [&](const Error& error) {
    next_look_ = monotonic + kScanMs;
    core_.event(StationEvent::Level::error, "store-read", {}, error.hint);
  };
  if (!expiry_clock_) {
    const auto swept = core_.reads_.last_swept();
    if (!swept) return failed(swept.error());
    expiry_clock_.emplace(*swept, monotonic);
  }
  const auto now = expiry_clock_->now(core_.clock_.now(), monotonic);
  if (expiry_clock_->jumped() && !hubs_.empty())
    core_.event(StationEvent::Level::warn, "clock-jumped", {},
                "no message is forgotten before this clock has run on evenly for six hours; is it "
                "right?");
  if (!now) return;
  const auto first = core_.reads_.next_expiry();
  if (!first) return failed(first.error());
  if (*first != 0 && *first <= *now) return expire({.before = *now, .now = *now});
  if (monotonic < next_scan_) return;
  const auto old = next_old(*now);
  if (!old) return failed(old.error());
  if (*old) return expire(**old);
  // Said once a scan, so that a restart knows how far the clock was believed.
  next_scan_ = monotonic + kScanMs;
  if (!hubs_.empty()) core_.submit(ExpirePosts{.before = 0, .now = *now});
}

Result<std::optional<ExpirePosts>> Hubs::next_old(Millis now) {
  constexpr Millis kDay = 86'400'000;
  for (const auto& [id, hub] : hubs_) {
    if (hub.deleted()) continue;
    for (const auto& [guid, channel] : hub.channels()) {
      if (channel.retention == 0) continue;
      const Millis before = now - channel.retention * kDay;
      const auto oldest = core_.reads_.posts(
          guid, {.order = PostPage::Order::forward, .from = 0, .limit = 1, .bytes = 0});
      if (!oldest) return std::unexpected(oldest.error());
      if (!oldest->empty() && oldest->front().time < before)
        return ExpirePosts{.channel = guid, .before = before, .now = now};
    }
  }
  return std::nullopt;
}

void Hubs::expire(const ExpirePosts& step) {
  expiring_ = true;
  std::vector<Write> writes;
  writes.emplace_back(step);
  core_.submit(std::move(writes), [this](const Result<std::vector<Written>>& written) {
    expiring_ = false;
    if (!written) return;  // the core says so; tried again
    uses_.clear();         // there is room again
    if (written->front().accepted == Accepted::stored)
      core_.counters_.posts_expired += static_cast<std::uint64_t>(written->front().cursors.front());
  });
}

}  // namespace dim
