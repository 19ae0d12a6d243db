// What takes the disk in a station's folder (F85, N14): by kinds of things, by channels, by users.
// Reads the database beside the station that works with it, table by table, each in a short
// transaction of its own, so that nothing waits for it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dim/store/store.h"

namespace dim {

/// One kind of things, in bytes of the disk. The names are stable, for programs: "channels",
/// "indexes", "waiting", "people", "hubs", "files-table", "operator", "schema", "tables" (others),
/// "free", "log", "keys", "files", "other".
struct DiskPart {
  std::string name;
  std::int64_t bytes = 0;
};

struct DiskChannel {
  Guid guid;
  ChannelUse use;
  bool dropped = false;    ///< deleted; its messages are being removed
  std::int64_t files = 0;  ///< that its messages use; one that two channels use counts in both
};

/// Objects of media by what holds them (N14), in bytes of files. They add up to the part "files".
struct DiskFiles {
  std::int64_t channels = 0;  ///< messages of channels use them
  std::int64_t waiting = 0;   ///< only messages that wait for a person do
  std::int64_t unused = 0;    ///< complete, and no message uses them
  std::int64_t gone = 0;      ///< ended, and being removed or overwritten
  std::int64_t uploads = 0;   ///< the rest: what is not complete
};

/// A complete object that no message uses.
struct DiskUnused {
  Guid guid;
  std::string owner;
  std::int64_t bytes = 0;
  Millis since = 0;  ///< from when on its age counts
};

/// In bytes as the database counts them, without the pages around them.
struct DiskUser {
  std::string id;
  std::int64_t waiting = 0;    ///< messages in inboxes that nobody has fetched
  std::int64_t documents = 0;  ///< and the identity
  std::int64_t files = 0;      ///< as uploaded; the same bytes are on the disk once

  std::int64_t all() const { return waiting + documents + files; }
};

struct DiskUse {
  std::int64_t total = 0;         ///< sizes of all files in the folder
  std::vector<DiskPart> parts{};  ///< they add up to the total
  std::vector<DiskChannel> channels{};
  std::vector<DiskUser> users{};  ///< most first
  DiskFiles files{};
  std::vector<DiskUnused> unused{};  ///< largest first
  std::vector<StoredHubChange> hub_changes{};

  std::int64_t part(std::string_view name) const;
};

/// Of the folder of a station that runs, or of one that is stopped and whose lock the caller holds
/// (`stopped`): then nothing is left behind that was not there. Errc::not_found: no store is there;
/// Errc::edition: of another format than this program's; Errc::internal, Errc::io: it cannot be
/// read.
Result<DiskUse> read_disk_use(const std::string& folder, bool stopped);

}  // namespace dim
