// Where a user is, in their own signed words: what a station keeps of a login command, whatever
// protocol brought it (A23).
#pragma once
#include <optional>
#include <span>
#include <string>

#include "dim/base/json.h"
#include "dim/message/message.h"
#include "dim/store/store.h"

namespace dim {

/// The record (records.h) of a login command: `content` is what `message` says, and the signature
/// of its sender has verified. It belongs to the device `terminal`; without one to that of the
/// command. `kept` is what the store has of the user: beyond 16 devices the others share one place
/// (A33). Its time is that of the command, but never after `now`, so that no clock locks anybody
/// out. Errors of check_login (engine/rights.h); Errc::content when it is no login command;
/// Errc::too_large for more than 16 KiB.
Result<PutDocument> login_record(const SignedMessage& message, const JsonObject& content,
                                 const std::optional<std::string>& terminal,
                                 std::span<const StoredDocument> kept, std::span<const Id> stations,
                                 Millis now);

}  // namespace dim
