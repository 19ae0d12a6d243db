// Test vectors: files {"category", "set", "generation"?, "cases": [{name, kind, input, expected,
// verdict, …}]}, and what checks each kind. vectors/README.md describes the format.
#pragma once
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/json.h"

namespace dim::vectors {

struct Case {
  std::string file;  ///< name of the file without its folder
  std::string name;
  std::string kind;
  std::string generation;  ///< "2026" or empty, from the file
  const JsonObject& input;
  const Json& expected;
  std::string verdict;  ///< "accept" or "reject"

  bool accepts() const { return verdict == "accept"; }
};

/// The test accounts of the checked folder: name to {id, meta, visa, identity_private_key,
/// message_private_key, …}, as they stand in accounts.json and accounts_2026.json. An empty object
/// where the file is missing.
struct Accounts {
  JsonObject first;           ///< accounts.json
  JsonObject generation2026;  ///< accounts_2026.json

  /// The accounts that go with a case.
  const JsonObject& of(const Case& test) const {
    return test.generation == "2026" ? generation2026 : first;
  }
};

/// Nothing when the case passes, else "expected …, got …".
using Check = std::function<std::optional<std::string>(const Case&, const Accounts&)>;
using CheckTable = std::map<std::string, Check, std::less<>>;

void add_identity_checks(CheckTable& table);  ///< IDs, metas, documents
void add_crypto_checks(CheckTable& table);    ///< keys, AES, RSA, ECDSA, digests
void add_codec_checks(
    CheckTable& table);  ///< base64 and the like, binary values, files, JSON, times
void add_content_checks(CheckTable& table);  ///< content, documents_receive, receipt_create
void add_message_checks(
    CheckTable& table);  ///< message_roundtrip, message_receive, message_route, message_explode
void add_frame_checks(CheckTable& table);  ///< MTP, Mars, WebSocket

/// "expected <JSON>, got <JSON>", each cut to 200 characters.
std::string differs(const Json& expected, const Json& got);
/// As `differs`, with the name of the member first.
std::string differs(std::string_view what, const Json& expected, const Json& got);
/// Nothing when `accepted` is what the verdict says.
std::optional<std::string> check_verdict(const Case& test, bool accepted);
/// Each member of `expected` must be equal in `got` (missing there counts as null); `got` may have
/// more. Members in `ignored` are not compared.
std::optional<std::string> compare_members(const JsonObject& expected, const JsonObject& got,
                                           std::initializer_list<std::string_view> ignored = {});
/// The object member `name` of `object`, or an empty object.
const JsonObject& object_member(const JsonObject& object, std::string_view name);
/// The text member `name` of `object`, or empty text.
const std::string& text_member(const JsonObject& object, std::string_view name);
/// The bytes of the hexadecimal text member `name`; empty when there is none or it is no hex.
Bytes hex_member(const JsonObject& object, std::string_view name);

}  // namespace dim::vectors
