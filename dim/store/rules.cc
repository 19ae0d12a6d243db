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

}  // namespace dim
