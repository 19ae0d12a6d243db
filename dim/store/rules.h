// Decisions that every store takes alike.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "dim/store/store.h"

namespace dim {

/// First half of SHA-256 over everything that makes a message "the same": author, type, receivers
/// in order, content.
using ContentDigest = std::array<std::uint8_t, 16>;
ContentDigest content_digest(const PutMessage& put);

/// What becomes of `put` when `kept` has the same ID, type and terminal.
Accepted judge_document(const StoredDocument& kept, const PutDocument& put);

/// Whether `write` tells of an act before it in its batch that changed nothing (PutAudit); `before`
/// is what became of all writes before it.
bool is_void(const Write& write, std::span<const Written> before);
/// Whether the next write of `batch`, of which `done` are, stands behind a RequireHub that does not
/// hold: then it is `conflict`, and nothing is done.
bool lacks_ground(std::span<const Write> batch, std::span<const Written> done);

/// Messages or media: what a full disk may refuse.
bool adds_messages(std::span<const Write> writes);
/// Something of it makes room or protects people, and works when the disk is full (R14): removals,
/// acknowledgements, changes of hubs (bans), what the operator sets.
bool makes_room(std::span<const Write> writes);

}  // namespace dim
