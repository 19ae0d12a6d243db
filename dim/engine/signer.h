// Which device of its sender has signed a message: what each of them writes is a chain of its own
// (A13).
#pragma once
#include <optional>

#include "dim/engine/directory.h"
#include "dim/message/message.h"

namespace dim {

/// SHA-256 of the key of the linked device that has signed; nothing for the key of the meta, and
/// for a message that `verify` refuses. A name that a removed device had may be another's later; a
/// key is not.
std::optional<Digest32> linked_signer(const SignedMessage& message, const Directory& directory,
                                      Millis now);

}  // namespace dim
