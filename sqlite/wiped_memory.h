// SQLite's own allocations hold nothing any more when they are given back (R20): names that stand
// in a statement or a page, and what its full-text search has looked at.
#pragma once

namespace dim {

/// From now on SQLite wipes what it frees, in the whole process; before anything uses SQLite.
/// False: something has.
bool wipe_what_sqlite_frees();

}  // namespace dim
