// Twin fields and old names (wire.md 2.1): what peers of all generations write, and what they need
// to find.
#pragma once
#include "dim/base/error.h"
#include "dim/base/json.h"

namespace dim {

enum class WireForm : std::uint8_t {
  ours,       ///< contents of arrays get their twins too; several documents go without the twin
              ///< `document` (wire-2026.md 9)
  reference,  ///< what the reference writes, exactly; for its test vectors
};

/// Adds what old peers look for: `type` as integer, `cmd`, `ID`, `password`, the copies of a
/// receipt, … A receipt gets the sn of the message it is about.
JsonObject to_wire(JsonObject content, WireForm form = WireForm::ours);

/// The other way: short names written out, `cmd`/`command`, `ID`/`did`, `password`/`key`,
/// `document`/`documents` completed. Errc::content when two of a pair contradict each other, a
/// command has no name, or a list is no list.
Result<JsonObject> from_wire(JsonObject content);

}  // namespace dim
