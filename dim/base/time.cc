#include "dim/base/time.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "dim/base/limits.h"

namespace dim {
namespace {

constexpr Millis kDayMs = 86'400'000;
constexpr Millis kEarliest = -62'167'219'200'000;  // 0000-01-01T00:00:00.000Z
constexpr Millis kLatest = 253'402'300'799'999;    // 9999-12-31T23:59:59.999Z
constexpr Millis kFirstTime = 1'514'764'800'000;   // 2018-01-01T00:00:00Z

/// `count` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::string format_time(Millis time) {
  time = std::clamp(time, kEarliest, kLatest);
  const Millis days = (time >= 0 ? time : time - (kDayMs - 1)) / kDayMs;
  const auto rest = static_cast<int>(time - days * kDayMs);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  char out[48];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), rest / 3'600'000, rest / 60'000 % 60,
                rest / 1'000 % 60, rest % 1'000);
  return out;
}

Result<Millis> parse_time(std::string_view text) {
  const auto bad = fail(Errc::bad_request, "a time is written like 2026-01-31T12:00:00.000Z");
  if (text.size() < 20 || text.size() > 30 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':' || text.back() != 'Z') {
    return bad;
  }
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59) {
    return bad;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return bad;
  Millis millis = 0;
  if (text.size() > 20) {
    if (text[19] != '.' || text.size() < 22) return bad;
    Millis weight = 100;
    for (std::size_t i = 20; i + 1 < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9') return bad;
      millis += (text[i] - '0') * weight;
      weight /= 10;
    }
  }
  const Millis days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * kDayMs + hour * Millis{3'600'000} + minute * Millis{60'000} +
         second * Millis{1'000} + millis;
}

bool plausible_time(Millis time, Millis now) {
  return time >= kFirstTime && time <= now + limits::kFutureToleranceMs;
}

}  // namespace dim
