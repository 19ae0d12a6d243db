// How much memory the process may take, and what is given up on the way there (security.md 4.4).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dim/base/limits.h"
#include "dim/base/time.h"

namespace dim {

struct DaemonConfig;

inline constexpr std::size_t kProcessMemory = 1'536 * limits::kMiB;
/// Silence after which a connection may be closed when memory is short.
inline constexpr Millis kShedIdleMs = 60'000;

/// What the station does no more. Each level includes the ones before it.
enum class MemoryLevel : std::uint8_t {
  free,
  no_strangers,  ///< from 80 %: new connections are closed
  shed_idle,     ///< from 90 %: who was silent for a minute is closed, queues are shorter
  no_work,       ///< from 95 %: 510
};

/// `used` and `limit` in bytes; a limit of 0 is none. A level that was reached ends 5 % below the
/// share where it begins.
MemoryLevel memory_level(std::size_t used, std::size_t limit, MemoryLevel before);

/// Bytes that this process has for itself: without files and what it shares. 0 where the system
/// does not tell, and under the sanitisers, whose own memory is many times the program's.
std::size_t memory_in_use();
/// The same in the text of /proc/PID/statm.
std::size_t parse_statm(std::string_view text, std::size_t page_bytes);
/// Gives back to the system what was freed: only then it counts as free. Some milliseconds.
void return_freed_memory();

/// The least `memory.max` of the control groups (version 2) that this process is in, bytes; nothing
/// when none limits it.
std::optional<std::size_t> group_memory_limit();
/// The text of a memory.max: nothing for "max".
std::optional<std::size_t> parse_memory_max(std::string_view text);
/// The path of the group in the text of /proc/PID/cgroup; empty when there is none of version 2.
std::string_view parse_own_group(std::string_view text);

/// Queues and numbers of connections that fit into `config.station.memory_bytes`: below 512 MiB
/// smaller ones than were asked for (C09).
void fit_to_memory(DaemonConfig& config);

}  // namespace dim
