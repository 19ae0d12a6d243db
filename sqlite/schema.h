// Tables of the station's database, and how a file becomes or is refused as one.
#pragma once
#include "sqlite/database.h"

namespace dim {

inline constexpr int kStoreFormat = 4;

/// Settings of a connection that writes. Creates the tables in an empty file, and
/// those that an older format did not have. Errc::edition:
/// written by a newer version, nothing is changed; Errc::internal: some other database.
Status prepare_database(Database& db, bool exclusive);

}  // namespace dim
