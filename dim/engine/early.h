// Documents that count later: their owner has signed them, and by this clock they are of the
// future. Where it is this clock that is slow, what needs them has to wait and must not be refused.
#pragma once
#include "dim/engine/directory.h"
#include "dim/message/message.h"

namespace dim {

/// Signed by `meta` for `id`, and more than 5 minutes (I11) ahead of `now`.
bool is_early(const JsonObject& document, const Id& id, const Meta& meta, Millis now);

/// One of the documents that stand beside the message is early: what its key has signed cannot be
/// verified yet. Judged by the meta known of the sender; without one by the one beside it.
bool brings_early_document(const SignedMessage& message, const Directory& directory, Millis now);

}  // namespace dim
