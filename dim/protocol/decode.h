// Decoders of the built-in kinds; the table in kinds.cc points at them.
#pragma once
#include "dim/protocol/content.h"

namespace dim::decoders {

Result<Content> text(const Kind& kind, ContentHead head, JsonObject json,
                     const DecodeContext& context);
Result<Content> receipt(const Kind& kind, ContentHead head, JsonObject json,
                        const DecodeContext& context);
Result<Content> handshake(const Kind& kind, ContentHead head, JsonObject json,
                          const DecodeContext& context);
Result<Content> meta(const Kind& kind, ContentHead head, JsonObject json,
                     const DecodeContext& context);
Result<Content> documents(const Kind& kind, ContentHead head, JsonObject json,
                          const DecodeContext& context);
Result<Content> login(const Kind& kind, ContentHead head, JsonObject json,
                      const DecodeContext& context);
Result<Content> report(const Kind& kind, ContentHead head, JsonObject json,
                       const DecodeContext& context);
Result<Content> forward(const Kind& kind, ContentHead head, JsonObject json,
                        const DecodeContext& context);
Result<Content> array(const Kind& kind, ContentHead head, JsonObject json,
                      const DecodeContext& context);
Result<Content> customized(const Kind& kind, ContentHead head, JsonObject json,
                           const DecodeContext& context);
/// Keeps the whole JSON under the name of the kind.
Result<Content> generic(const Kind& kind, ContentHead head, JsonObject json,
                        const DecodeContext& context);

}  // namespace dim::decoders
