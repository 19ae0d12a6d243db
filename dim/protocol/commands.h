// Commands (136): what programs say to each other.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/identity/ted.h"
#include "dim/protocol/head.h"

namespace dim {

/// Says what became of a message. Whether to believe it: engine/receipt.h (A16).
struct ReceiptContent {
  ContentHead head;
  std::string text{};
  std::optional<JsonObject>
      origin{};       ///< envelope of the message it is about, without data and keys
  JsonObject rest{};  ///< ours: "guid", "hash", "state"; "template" and "replacements"

  static ReceiptContent make(std::string_view text, std::optional<JsonObject> origin, Millis now,
                             Random& random);
  /// The origin for `message`: its envelope without data, key, keys, meta, visa; `sn` of a readable
  /// content. Of members that nobody finds a message by, 4 KiB in all.
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
  std::string title{};    ///< "Hello world!", "DIM?", "DIM!", "Nice to meet you!" and its answer
  std::string session{};  ///< empty when there is none
  JsonObject rest{};

  HandshakeState state() const;
  /// "Nice to meet you!", which peers of 2026 send without wanting to log in; answered with
  /// greeting_answer, and that with nothing.
  bool is_greeting() const;
  bool is_greeting_answer() const;

  static HandshakeContent start(Millis now, Random& random);
  static HandshakeContent again(std::string_view session, Millis now, Random& random);
  static HandshakeContent restart(std::string_view session, Millis now, Random& random);
  static HandshakeContent success(std::string_view session, Millis now, Random& random);
  static HandshakeContent greeting(Millis now, Random& random);
  static HandshakeContent greeting_answer(std::string_view session, Millis now, Random& random);
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

/// Where a user is logged in. Whether to believe it: engine/rights.h (A23, J25).
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

/// Asks a station who stands behind names, or tells it.
struct AnsContent {
  ContentHead head;
  std::vector<std::string> names{};                   ///< 256 at most
  std::vector<std::pair<std::string, Id>> records{};  ///< empty in a query
  JsonObject rest{};  ///< "missed"; records whose value is no ID stay under "records"

  static AnsContent query(std::vector<std::string> names, Millis now, Random& random);
  static AnsContent answer(std::vector<std::string> names,
                           std::vector<std::pair<std::string, Id>> records, Millis now,
                           Random& random);
};

/// The list of those whose messages come without sound; without a list it is a query.
struct MuteContent {
  ContentHead head;
  std::optional<std::vector<Id>> list{};
  JsonObject rest{};

  static MuteContent query(Millis now, Random& random);
  static MuteContent make(std::vector<Id> list, Millis now, Random& random);
};

/// The list of those whose messages do not come at all; without a list it is a query.
struct BlockContent {
  ContentHead head;
  std::optional<std::vector<Id>> list{};
  JsonObject rest{};

  static BlockContent query(Millis now, Random& random);
  static BlockContent make(std::vector<Id> list, Millis now, Random& random);
};

/// Looks for users by words; "users" (those online) is the same with another name.
struct SearchContent {
  ContentHead head;
  bool online = false;                ///< command "users" in place of "search"
  std::string keywords{};             ///< separated by spaces
  std::int64_t start = 0, limit = 0;  ///< of a page; 0: not said
  std::optional<Id> station{};        ///< where those found are
  std::vector<Id> users{};            ///< the answer
  JsonObject rest{};

  static SearchContent query(std::string_view keywords, std::int64_t start, std::int64_t limit,
                             Millis now, Random& random);
  static SearchContent online_users(std::int64_t start, std::int64_t limit, Millis now,
                                    Random& random);
  /// The answer to `query`: the same with users.
  static SearchContent answer(const SearchContent& query, std::vector<Id> users, Millis now,
                              Random& random);
};

/// Something of the sender's own that a station keeps, encrypted by the sender: "contacts",
/// "private_key", any title. Without data it is a query.
struct StorageContent {
  ContentHead head;
  std::string title{};
  std::optional<Id> did{};
  std::optional<TransportableData> data{};  ///< encrypted under `key`
  std::optional<TransportableData> key{};   ///< encrypted for the sender itself
  JsonObject rest{};

  static StorageContent query(std::string_view title, const Id& did, Millis now, Random& random);
  static StorageContent put(std::string_view title, const Id& did, Bytes data,
                            std::optional<Bytes> key, Millis now, Random& random);
};

}  // namespace dim
