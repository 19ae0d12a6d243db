// Tables of the station's database, and how a file becomes or is refused as one.
#pragma once
#include "sqlite/database.h"

namespace dim {

inline constexpr int kStoreFormat = 9;
/// How long a connection that writes waits for others (ms).
inline constexpr int kBusyMs = 2'000;

/// Settings of a connection that writes. Creates the tables in an empty file, and
/// those that an older format did not have. Errc::edition: written by a newer version, or by one
/// from before the first release that kept messages of channels as plain text; nothing is changed.
/// Errc::internal: some other database.
Status prepare_database(Database& db, bool exclusive);

/// Kinds of keys (key_slots.h), as the tables name them.
inline constexpr std::int64_t kKeysOfPosts = 0, kKeysOfWords = 1;

}  // namespace dim
