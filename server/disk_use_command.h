// `dimd du`: what takes the disk, in words and as JSON (F85, N14; docs/operator.md).
#pragma once
#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "server/exit_codes.h"
#include "sqlite/disk_use.h"

namespace dim {

struct NamedChannel {
  std::string guid, name;
  ChannelUse use;
  std::int64_t files = 0;  ///< of DiskChannel
};

/// A hub with its channels, most first; the bytes are those of DiskChannel.
struct NamedHub {
  std::string id, name;
  ChannelUse use{};
  std::int64_t files = 0;
  std::vector<NamedChannel> channels{};
};

/// Folds the hubs' changes for the names, most first. Channels that are deleted, and not yet
/// removed, stand under a hub without ID.
std::vector<NamedHub> named_hubs(const DiskUse& use);

struct DiskUseOptions {
  bool explain = false;    ///< hubs, channels and users too
  bool json = false;       ///< an object a line
  std::size_t limit = 20;  ///< of hubs, of channels of each, of users, of unused files; 0: all
  Millis keep_ms = 0;      ///< MediaLimits::keep_ms
};

std::string disk_use_text(const DiskUse& use, const DiskUseOptions& options);

/// Of the station in that folder, whether it runs or not.
std::expected<DiskUse, Failure> disk_use_of(const std::string& data);

}  // namespace dim
