// Copies of one message: one for each device of its receiver, one for each member of its group.
// `data` and `signature` are never touched.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dim/message/message.h"

namespace dim {

/// A name of `keys`, `rcpt` or a terminal list, without the dresses "//", "/*" and "/" that stand
/// for "no terminal".
Result<Id> parse_target(std::string_view text);
/// The same where it most likely names `known` (Id::parse_near).
Result<Id> parse_target(std::string_view text, const Id& known);

/// The entry of `keys` for `id`: its own terminal first, then the bare ID, then any terminal of it;
/// else `key`; null when nothing is there. A bare `id` takes the bare entry first.
const Bytes* key_for(const SealedMessage& message, const Id& id);

/// What the unsigned hints `from` ("/" or "/terminal" of the sender) and `rcpt` (the target of this
/// copy) make of an envelope (wire-2026.md 4.2). Errc::bad_request for a `from` in another form.
/// Hints: never let them widen delivery.
struct Route {
  Id sender;
  Id receiver;
};
Result<Route> route_of(const JsonObject& envelope);

/// One copy of a 1:1 message for each entry of `keys` and, when it has a `key`, for each terminal
/// of the receiver ("/" or
/// "" means no terminal): `rcpt` is set, and `keys` holds the one entry. A message without any key
/// is copied for each terminal as it is. Sorted by target.
std::vector<std::pair<std::string, JsonObject>> copies_for_devices(
    const SignedMessage& message, const Id& receiver, std::span<const std::string> terminals);

/// The copy of a group message for one member: `receiver` is the member, `group` stays exposed,
/// `key` is the member's. With `devices`, `keys` with the entries of all its devices too
/// (wire-2026.md 7); the reference leaves them out.
JsonObject copy_for_member(const SignedMessage& message, const Id& member, bool devices = true);

}  // namespace dim
