#include "dim/store/media.h"

#include <algorithm>

namespace dim {
namespace {

std::optional<Error> refusal(Errc code, Literal hint) { return Error{code, hint.view}; }

}  // namespace

bool StoredMedia::whole() const { return state == MediaState::open && has_all_blocks(have, size); }

std::int64_t media_blocks(std::int64_t size) {
  return (size + limits::kMediaBlock - 1) / limits::kMediaBlock;
}

Bytes no_blocks(std::int64_t size) {
  return Bytes(static_cast<std::size_t>((media_blocks(size) + 7) / 8), 0);
}

bool has_block(ByteView have, std::int64_t block) {
  const auto at = static_cast<std::size_t>(block / 8);
  return at < have.size() && (have[at] >> (block % 8) & 1) != 0;
}

void add_block(Bytes& have, std::int64_t block) {
  const auto at = static_cast<std::size_t>(block / 8);
  if (at < have.size()) have[at] |= static_cast<std::uint8_t>(1U << (block % 8));
}

std::vector<ByteRange> missing_ranges(ByteView have, std::int64_t size, std::size_t most) {
  std::vector<ByteRange> out;
  const std::int64_t blocks = media_blocks(size);
  for (std::int64_t block = 0; block < blocks; ++block) {
    if (has_block(have, block)) continue;
    const ByteRange one{block * limits::kMediaBlock,
                        std::min(size, (block + 1) * limits::kMediaBlock) - 1};
    if (!out.empty() && out.back().last + 1 == one.first) {
      out.back().last = one.last;
      continue;
    }
    if (out.size() == most) break;
    out.push_back(one);
  }
  return out;
}

bool has_all_blocks(ByteView have, std::int64_t size) {
  return missing_ranges(have, size, 1).empty();
}

Status check_piece(std::int64_t first, std::size_t bytes, std::int64_t size) {
  const auto length = static_cast<std::int64_t>(bytes);
  if (first > size || length > size - first)
    return fail(Errc::too_large, "this piece reaches beyond the size that was announced");
  if (length == 0 || first % limits::kMediaBlock != 0 ||
      (length % limits::kMediaBlock != 0 && first + length != size)) {
    return fail(Errc::bad_request,
                "a piece begins at a multiple of 65536 bytes and ends before another one, or at "
                "the end");
  }
  return {};
}

std::optional<Error> refuse_open(const StoredMedia& known, const OpenMedia& write) {
  if (known.owner != write.owner)
    return refusal(Errc::conflict, "this GUID is another object; make a new one");
  if (known.state > MediaState::complete)
    return refusal(Errc::gone, "this object was removed; a new one needs a new GUID");
  if (known.size != write.size)
    return refusal(Errc::conflict, "this upload was begun with another size");
  return std::nullopt;
}

std::int64_t media_charge(std::int64_t size) { return std::max(size, limits::kMediaLeastCharge); }

std::optional<Error> refuse_new(const OpenMedia& write, const MediaLimits& limits,
                                std::size_t uploads, std::int64_t used) {
  if (write.size > limits.object_bytes)
    return refusal(Errc::too_large, "the object is larger than the station takes");
  if (uploads >= limits.uploads) {
    return refusal(Errc::too_many_requests,
                   "too many uploads are open; finish or delete one of them first");
  }
  if (used > limits.user_bytes - media_charge(write.size)) {
    return refusal(Errc::insufficient_storage,
                   "your media would take more room than the station gives you; delete some");
  }
  return std::nullopt;
}

std::optional<Error> refuse_change(const std::optional<StoredMedia>& known, std::string_view who) {
  if (!known) return refusal(Errc::not_found, "the station has no media object of this GUID");
  if (known->owner != who)
    return refusal(Errc::forbidden, "only who has uploaded an object may change it");
  if (known->state > MediaState::complete) return refusal(Errc::gone, "this object was removed");
  return std::nullopt;
}

}  // namespace dim
