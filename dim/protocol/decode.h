// Readers of the built-in kinds; the table in kinds.cc points at them.
#pragma once
#include "dim/protocol/codec.h"
#include "dim/protocol/content.h"

namespace dim::decoders {

/// What every reader is: `json` comes without the members of the head.
using Reader = Result<Content>(const Kind& kind, ContentHead head, JsonObject json,
                               const DecodeContext& context);

Reader text, page, card, quote, money, transfer, customized;
Reader file, image, audio, video;
Reader forward, combine, array;
Reader receipt, handshake, meta, documents, login, report, ans, mute, block, search, storage;
Reader group;

/// The content, with what nobody took as its rest; or the first fault.
template <class T>
Result<Content> finish(const codec::Members& members, T content, JsonObject& json) {
  if (members.error()) return std::unexpected(*members.error());
  content.rest = std::move(json);
  return Content(std::move(content));
}

}  // namespace dim::decoders
