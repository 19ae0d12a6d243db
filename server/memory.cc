#include "server/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

#include "server/config.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DIM_SHADOW_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIM_SHADOW_MEMORY 1
#endif

namespace dim {
namespace {

constexpr std::array<std::size_t, 4> kShares{0, 80, 90, 95};  // percent where a level begins
constexpr std::size_t kReliefPercent = 5;
constexpr std::size_t kSmall = 512 * limits::kMiB;

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

MemoryLevel memory_level(std::size_t used, std::size_t limit, MemoryLevel before) {
  if (limit == 0) return MemoryLevel::free;
  for (std::size_t level = kShares.size() - 1; level > 0; --level) {
    const bool stays = level <= static_cast<std::size_t>(before);
    const std::size_t percent = kShares[level] - (stays ? kReliefPercent : 0);
    if (used / 100 >= limit / 100 * percent / 100) return static_cast<MemoryLevel>(level);
  }
  return MemoryLevel::free;
}

std::size_t parse_statm(std::string_view text, std::size_t page_bytes) {
  // "size resident shared …", in pages.
  std::array<std::size_t, 3> pages{};
  for (std::size_t& one : pages) {
    const auto value = number_in(text);
    if (!value) return 0;
    one = *value;
    const std::size_t end = text.find(' ');
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return pages[1] > pages[2] ? (pages[1] - pages[2]) * page_bytes : 0;
}

std::size_t memory_in_use() {
#ifdef DIM_SHADOW_MEMORY
  return 0;
#else
  return parse_statm(read_text("/proc/self/statm"),
                     static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
#endif
}

void return_freed_memory() { ::malloc_trim(0); }

std::optional<std::size_t> parse_memory_max(std::string_view text) { return number_in(text); }

std::string_view parse_own_group(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.starts_with("0::/")) return line.substr(3);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

std::optional<std::size_t> group_memory_limit() {
  const std::string own = read_text("/proc/self/cgroup");
  std::string group(parse_own_group(own));
  if (group.empty()) return std::nullopt;
  std::optional<std::size_t> least;
  for (;;) {
    const auto limit = parse_memory_max(read_text("/sys/fs/cgroup" + group + "/memory.max"));
    if (limit && *limit > 0) least = std::min(least.value_or(*limit), *limit);
    if (group.empty() || group == "/") return least;
    group.resize(group.rfind('/'));
  }
}

void fit_to_memory(DaemonConfig& config) {
  const std::size_t limit = config.station.memory_bytes;
  if (limit == 0 || limit >= kSmall) return;
  const auto at_most = [limit](std::size_t& value, std::size_t share, std::size_t least) {
    value = std::min(value, std::max(limit / share, least));
  };
  at_most(config.station.send_queue_bytes, 64, 64 * limits::kKiB);
  at_most(config.station.inflight_bytes, 8, 2 * limits::kMiB);
  at_most(config.station.media_inflight_bytes, 8, 2 * limits::kMiB);
  at_most(config.admission.total, 256 * limits::kKiB, 16);
}

}  // namespace dim
