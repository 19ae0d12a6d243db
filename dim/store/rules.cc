#include "dim/store/rules.h"

#include <algorithm>

#include "dim/crypto/digest.h"

namespace dim {

ContentDigest content_digest(const PutMessage& put) {
  Bytes head;
  head.reserve(256);
  append_field(head, as_bytes(put.message.author));
  append_field(head, as_bytes(put.message.type));
  for (const std::string& receiver : put.receivers) append_field(head, as_bytes(receiver));
  append_field(head, {});  // no receiver is empty, so the list ends here
  const Digest32 full = sha256({ByteView(head), as_bytes(put.message.content)});
  ContentDigest out;
  std::copy_n(full.begin(), out.size(), out.begin());
  return out;
}

Accepted judge_document(const StoredDocument& kept, const PutDocument& put) {
  if (put.time > kept.time) return Accepted::stored;
  const bool same = put.time == kept.time && put.document == kept.document;
  return same ? Accepted::repeated : Accepted::conflict;
}

bool is_void(const Write& write, std::span<const Written> before) {
  const auto* act = std::get_if<PutAudit>(&write);
  return act != nullptr && act->of_previous &&
         (before.empty() || before.back().accepted != Accepted::stored);
}

bool lacks_ground(std::span<const Write> batch, std::span<const Written> done) {
  return !done.empty() && std::holds_alternative<RequireHub>(batch[done.size() - 1]) &&
         done.back().accepted == Accepted::conflict;
}

bool adds_messages(std::span<const Write> writes) {
  return std::ranges::any_of(writes, [](const Write& write) {
    return std::holds_alternative<PutMessage>(write) || std::holds_alternative<PutPost>(write) ||
           std::holds_alternative<OpenMedia>(write) || std::holds_alternative<PutPiece>(write);
  });
}

bool makes_room(std::span<const Write> writes) {
  return std::ranges::any_of(writes, [](const Write& write) {
    if (const auto* change = std::get_if<ChangePost>(&write)) return change->text.empty();
    return std::holds_alternative<AckInbox>(write) || std::holds_alternative<PutHubChange>(write) ||
           std::holds_alternative<ExpirePosts>(write) ||
           std::holds_alternative<DropChannel>(write) || std::holds_alternative<Shred>(write) ||
           std::holds_alternative<DropMedia>(write) ||
           std::holds_alternative<DestroyMedia>(write) ||
           std::holds_alternative<PutSetting>(write) || std::holds_alternative<DropUser>(write);
  });
}

}  // namespace dim
