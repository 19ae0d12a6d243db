// The table of kinds: every content type and command of the protocol, with its names, its decoder
// and its limit. A user of the library adds kinds of their own to a copy of the table; the library
// stays as it is.
#pragma once
#include <any>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/json.h"
#include "dim/identity/address_table.h"
#include "dim/identity/reading.h"

namespace dim {

struct Content;
struct ContentHead;
class KindTable;

/// What a decoder may look at beside its content.
struct DecodeContext {
  const KindTable& table;
  int depth = 0;
  Reading reading = Reading::strict;
};

/// A built-in kind. `decode` gets the head, and the content without the members of the head.
struct Kind {
  int type = 0;  ///< number on the wire
  std::string_view
      command{};  ///< name of the command; empty for types, and for "any command of this type"
  std::string_view alias{};  ///< another name that peers write
  std::string_view name{};   ///< for people and logs, unique
  std::size_t limit = 0;     ///< bytes of all member names and texts together
  Result<Content> (*decode)(const Kind& kind, ContentHead head, JsonObject json,
                            const DecodeContext& context) = nullptr;
};

/// All built-in kinds, sorted by type and command.
std::span<const Kind> built_in_kinds();
/// By number or name of the type, and command (empty for none). Null when there is none.
const Kind* find_kind(std::string_view type, std::string_view command);
/// "text" -> 1, "136" -> 136; -1 for another name.
int type_number(std::string_view type);
/// The name of the command in a content that has not been decoded; empty when it is none.
std::string content_command(const JsonObject& content);
/// For people and logs: "text", "file", "handshake"; "unknown" for what the table lacks.
std::string content_name(const JsonObject& content);

/// What a decoder of the user's made. (A bare std::any inside std::expected does not compile
/// everywhere.)
class AddedValue {
 public:
  AddedValue() = default;
  template <class T>
  static AddedValue of(T value) {
    AddedValue out;
    out.value = std::move(value);
    return out;
  }
  std::any value{};
};

/// A kind added by the user of the library.
struct AddedKind {
  std::string type{};     ///< "160", or a name of one's own such as "x-chess"
  std::string command{};  ///< for commands: its name
  std::string name{};     ///< for people and logs
  std::size_t limit = 64 * 1024;
  /// Makes the user's own value of the whole content; Errc::content when it is not well formed.
  std::function<Result<AddedValue>(const JsonObject&)> decode{};
};

/// A value: built-in kinds and added ones. An added kind wins over a built-in one of the same type
/// and command.
class KindTable {
 public:
  KindTable() = default;
  KindTable with(AddedKind kind) const;
  /// IDs in contents may have addresses of these forms too.
  KindTable with(AddressTable addresses) const;
  const AddressTable& addresses() const { return addresses_; }
  const AddedKind* find_added(std::string_view type, std::string_view command) const;

 private:
  std::vector<std::shared_ptr<const AddedKind>> added_;
  AddressTable addresses_;
};

}  // namespace dim
