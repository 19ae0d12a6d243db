#include "dim/store/inbox_share.h"

#include <algorithm>

#include "dim/crypto/digest.h"

namespace dim {

bool beyond_share(const InboxLimits& limits, std::size_t messages, std::size_t bytes,
                  std::size_t size) {
  return messages >= std::max(limits.messages / kInboxShare, kInboxShareMessages) ||
         bytes + size > std::max(limits.bytes / kInboxShare, kInboxShareBytes);
}

bool owns_inbox(std::string_view author, std::string_view inbox) {
  return inbox.starts_with(author) &&
         (inbox.size() == author.size() || inbox[author.size()] == '/');
}

std::uint32_t author_mark(std::string_view author) {
  const Digest32 digest = sha256(as_bytes(author));
  std::uint32_t mark = 0;
  for (std::size_t i = 0; i < sizeof mark; ++i) mark = mark << 8 | digest[i];
  mark &= 0x7FFF'FFFF;
  return mark == 0 ? 1 : mark;
}

}  // namespace dim
