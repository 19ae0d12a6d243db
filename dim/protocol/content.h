// What messages say: one struct for each kind that this library acts on, generic ones for the rest.
// Nothing that a peer sent is lost: members without a field of their own stay in `rest` (or `json`)
// and are written again.
#pragma once
#include <any>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "dim/message/message.h"
#include "dim/protocol/kinds.h"

namespace dim {

/// What every content has.
struct ContentHead {
  std::string type{};         ///< number as text ("136") or a name ("text", "x-mine"), as it came
  std::int64_t sn = 0;        ///< positive; the reference's have 31 bits
  double time = 0;            ///< seconds since 1970; 0 when missing
  std::optional<Id> group{};  ///< for whom, in a group; may also be a broadcast ID

  /// A head for a new content: random sn, time in milliseconds.
  static ContentHead make(std::string_view type, Millis now, Random& random);
};

struct TextContent {
  ContentHead head;
  std::string text{};
  JsonObject rest{};  ///< "format": "markdown", "template", …

  static TextContent make(std::string_view text, Millis now, Random& random);
};

/// Says what became of a message. Whether to believe it: engine/receipt.h (A16).
struct ReceiptContent {
  ContentHead head;
  std::string text{};
  std::optional<JsonObject>
      origin{};       ///< envelope of the message it is about, without data and keys
  JsonObject rest{};  ///< ours: "guid", "hash", "state"

  static ReceiptContent make(std::string_view text, std::optional<JsonObject> origin, Millis now,
                             Random& random);
  /// The origin for `message`: its envelope without data, key, keys, meta, visa; `sn` of the
  /// content when it was readable.
  static JsonObject origin_of(const JsonObject& message, std::optional<std::int64_t> sn);
};

enum class HandshakeState : std::uint8_t {
  start,    ///< client to station, without session (or with an expired one)
  again,    ///< station to client, with a new session
  restart,  ///< client to station, with that session
  success,  ///< station to client
};

struct HandshakeContent {
  ContentHead head;
  std::string
      title{};  ///< "Hello world!", "DIM?", "DIM!"; between clients also "Nice to meet you!"
  std::string session{};  ///< empty when there is none
  JsonObject rest{};

  HandshakeState state() const;
  static HandshakeContent start(Millis now, Random& random);
  static HandshakeContent again(std::string_view session, Millis now, Random& random);
  static HandshakeContent restart(std::string_view session, Millis now, Random& random);
  static HandshakeContent success(std::string_view session, Millis now, Random& random);
};

/// Asks for a meta, or carries one.
struct MetaContent {
  ContentHead head;
  Id did;
  std::optional<JsonObject> meta{};
  JsonObject rest{};

  static MetaContent query(const Id& did, Millis now, Random& random);
  static MetaContent answer(const Id& did, JsonObject meta, Millis now, Random& random);
};

/// Asks for documents (newer than `last_time`), or carries them, oldest first.
struct DocumentsContent {
  ContentHead head;
  Id did;
  std::optional<JsonObject> meta{};
  std::vector<JsonObject> documents{};
  double last_time = 0;  ///< seconds; 0 when missing
  JsonObject rest{};

  static DocumentsContent query(const Id& did, double last_time, Millis now, Random& random);
  static DocumentsContent answer(const Id& did, std::optional<JsonObject> meta,
                                 std::vector<JsonObject> documents, Millis now, Random& random);
};

/// Where a user is logged in. Rules for believing it: security.md A23.
struct LoginContent {
  ContentHead head;
  Id did;  ///< with the terminal, from `did` or the field `terminal`
  std::string agent{};
  std::string device{};
  std::optional<JsonObject> station{};
  std::optional<JsonObject> provider{};
  JsonObject rest{};

  static LoginContent make(const Id& did, JsonObject station, std::string_view agent, Millis now,
                           Random& random);
};

struct ReportContent {
  ContentHead head;
  std::string title{};  ///< "online", "offline"
  JsonObject rest{};

  bool is_online() const { return title == "online"; }
  static ReportContent online(Millis now, Random& random);
  static ReportContent offline(Millis now, Random& random);
};

/// Signed messages inside a message. Each has its own sender and must be verified against it.
struct ForwardContent {
  ContentHead head;
  std::vector<SignedMessage> secrets{};
  JsonObject rest{};

  static ForwardContent make(std::vector<SignedMessage> secrets, Millis now, Random& random);
};

/// Application (160) and customized (204) contents: app, module, action, and whatever members they
/// agree on.
struct CustomizedContent {
  ContentHead head;
  std::string app{};
  std::string mod{};
  std::string act{};
  JsonObject rest{};

  static CustomizedContent make(std::string_view app, std::string_view mod, std::string_view act,
                                Millis now, Random& random);
};

/// A kind that the table knows and this edition does not act on: files, pages, money, group
/// commands, …
struct GenericContent {
  ContentHead head;
  std::string name{};     ///< "file", "invite", …
  std::string command{};  ///< empty unless it is a command
  JsonObject json{};      ///< all of it
};

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

/// Several contents in one message.
struct ArrayContent {
  ContentHead head;
  std::vector<Content> contents;
  JsonObject rest{};

  static ArrayContent make(std::vector<Content> contents, Millis now, Random& random);
};

using ContentVariant =
    std::variant<TextContent, ReceiptContent, HandshakeContent, MetaContent, DocumentsContent,
                 LoginContent, ReportContent, ForwardContent, ArrayContent, CustomizedContent,
                 GenericContent, UnknownContent, AddedContent>;

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
Result<Content> decode_content(JsonObject json, const KindTable& table = {}, int depth = 0);

/// Writes it, without old names: `to_wire` (wire.h) adds these.
JsonObject encode_content(const Content& content);

// The same questions to a content that has not been decoded.
std::string content_type(
    const JsonObject& content);  ///< number or name as text; empty when missing
std::optional<std::int64_t> content_sn(
    const JsonObject& content);                          ///< integer or digits as text, positive
double content_time(const JsonObject& content);          ///< seconds; 0 when missing
std::string content_command(const JsonObject& content);  ///< empty when it is no command
/// For people and logs: "text", "file", "handshake"; "unknown" for what the table lacks.
std::string content_name(const JsonObject& content);

/// encode_content(TextContent::make(…)).
JsonObject text_content(std::string_view text, Millis now, Random& random);

}  // namespace dim
