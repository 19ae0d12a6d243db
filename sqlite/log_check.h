// Tells a torn end of SQLite's write-ahead log from damage in its middle. SQLite cuts the log at
// the first bad frame, which is right after a power cut and a silent loss after a flipped bit.
#pragma once
#include <sqlite3.h>

#include <cstddef>
#include <string>

#include "dim/base/error.h"

namespace dim {

/// Reads `database`-wal before SQLite does. The bytes behind the last whole transaction that SQLite
/// will cut: an unfinished write, never acknowledged. Errc::internal: transactions stand behind a
/// bad frame that had been synced before them, so acknowledged data would be cut (every commit is
/// synced before the next one begins); or what its mark (log_mark.h) says was acknowledged is not
/// there whole. Without a mark as new as the log, damage in the newest transaction alone cannot be
/// told from a torn write. Errc::io: the log cannot be read.
Result<std::size_t> check_log(sqlite3_vfs* vfs, const std::string& database);

}  // namespace dim
