// What messages say: one struct for each kind of the protocol, generic ones for the rest.
// Nothing that a peer sent is lost: members without a field of their own stay in `rest` (or `json`)
// and are written again.
#pragma once
#include <any>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dim/protocol/commands.h"
#include "dim/protocol/content_basic.h"
#include "dim/protocol/content_media.h"
#include "dim/protocol/content_nested.h"
#include "dim/protocol/group_commands.h"
#include "dim/protocol/kinds.h"

namespace dim {

/// A type or command that nobody told us about (J30): kept, shown as unsupported.
struct UnknownContent {
  ContentHead head;
  JsonObject json{};
};

/// A kind that the user of the library added (KindTable::with).
struct AddedContent {
  ContentHead head;
  std::string name{};
  std::any value{};   ///< what its decoder made
  JsonObject json{};  ///< all of it; this is what gets written

  template <class T>
  const T* as() const {
    return std::any_cast<T>(&value);
  }
};

struct Content;

/// 202: several contents in one message.
struct ArrayContent {
  ContentHead head;
  std::vector<Content> contents;
  JsonObject rest{};

  static ArrayContent make(std::vector<Content> contents, Millis now, Random& random);
};

using ContentVariant =
    std::variant<TextContent, FileContent, ImageContent, AudioContent, VideoContent, PageContent,
                 CardContent, QuoteContent, MoneyContent, TransferContent, CustomizedContent,
                 ForwardContent, CombineContent, ArrayContent, ReceiptContent, HandshakeContent,
                 MetaContent, DocumentsContent, LoginContent, ReportContent, AnsContent,
                 MuteContent, BlockContent, SearchContent, StorageContent, GroupContent,
                 UnknownContent, AddedContent>;

/// One content. A type of its own only because an array holds contents; use it as the std::variant
/// it is.
struct Content : ContentVariant {
  using ContentVariant::ContentVariant;

  const ContentHead& head() const;
  template <class T>
  const T* as() const {
    return std::get_if<T>(static_cast<const ContentVariant*>(this));
  }
};

/// Reads a content: old names and short keys are understood, members of the kind must have their
/// types, arrays and forwards their limits (A32: depth 3, 64 inner ones). `depth` is how many
/// forwards it came out of. Errc::content, or Errc::too_large over the kind's limit.
/// Reading::codec is for test vectors: no type and no sn are needed, and binary data is read as
/// the reference reads it.
Result<Content> decode_content(JsonObject json, const KindTable& table = {}, int depth = 0,
                               Reading reading = Reading::strict);

/// Writes it, without old names: `to_wire` (wire.h) adds these.
JsonObject encode_content(const Content& content);

/// encode_content(TextContent::make(…)).
JsonObject text_content(std::string_view text, Millis now, Random& random);

}  // namespace dim
