#include "dim/protocol/kinds.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "dim/protocol/decode.h"

namespace dim {
namespace {

constexpr std::size_t kSmall = 16 * limits::kKiB;
constexpr std::size_t kMiddle = 64 * limits::kKiB;
constexpr std::size_t kLarge = 1 * limits::kMiB;
// A meta and four documents of 16 KiB each, with their signatures.
constexpr std::size_t kDocuments = 6 * limits::kDocumentBytes;

constexpr std::array kKinds = {
    Kind{1, "", "text", "text", kLarge, decoders::text},
    Kind{16, "", "file", "file", kLarge, decoders::file},
    Kind{18, "", "image", "image", kLarge, decoders::image},
    Kind{20, "", "audio", "audio", kLarge, decoders::audio},
    Kind{22, "", "video", "video", kLarge, decoders::video},
    Kind{32, "", "page", "page", kLarge, decoders::page},
    Kind{51, "", "card", "card", kMiddle, decoders::card},
    Kind{55, "", "quote", "quote", kLarge, decoders::quote},
    Kind{64, "", "money", "money", kSmall, decoders::money},
    Kind{65, "", "transfer", "transfer", kSmall, decoders::transfer},
    Kind{136, "ans", "", "ans", kMiddle, decoders::ans},
    Kind{136, "block", "", "block", kMiddle, decoders::block},
    Kind{136, "contacts", "", "contacts", kLarge, decoders::storage},
    Kind{136, "documents", "document", "documents", kDocuments, decoders::documents},
    Kind{136, "handshake", "", "handshake", kSmall, decoders::handshake},
    Kind{136, "login", "", "login", kSmall, decoders::login},
    Kind{136, "meta", "", "meta", kMiddle, decoders::meta},
    Kind{136, "mute", "", "mute", kMiddle, decoders::mute},
    Kind{136, "private_key", "", "private_key", kLarge, decoders::storage},
    Kind{136, "receipt", "", "receipt", kMiddle, decoders::receipt},
    Kind{136, "report", "", "report", kSmall, decoders::report},
    Kind{136, "search", "", "search", kMiddle, decoders::search},
    Kind{136, "storage", "", "storage", kLarge, decoders::storage},
    Kind{136, "users", "", "users", kMiddle, decoders::search},
    Kind{137, "expel", "", "expel", kLarge, decoders::group},
    Kind{137, "fire", "", "fire", kMiddle, decoders::group},
    Kind{137, "hire", "", "hire", kMiddle, decoders::group},
    Kind{137, "invite", "", "invite", kLarge, decoders::group},
    Kind{137, "join", "", "join", kMiddle, decoders::group},
    Kind{137, "query", "", "query", kMiddle, decoders::group},
    Kind{137, "quit", "", "quit", kMiddle, decoders::group},
    Kind{137, "reset", "", "reset", kLarge, decoders::group},
    Kind{137, "resign", "", "resign", kMiddle, decoders::group},
    Kind{160, "", "application", "application", kLarge, decoders::customized},
    Kind{202, "", "array", "array", kLarge, decoders::array},
    Kind{204, "", "customized", "customized", kLarge, decoders::customized},
    Kind{207, "", "combine", "combine", kLarge, decoders::combine},
    Kind{255, "", "forward", "forward", kLarge, decoders::forward},
};

constexpr bool before(const Kind& a, const Kind& b) {
  return std::tie(a.type, a.command) < std::tie(b.type, b.command);
}
static_assert(std::is_sorted(kKinds.begin(), kKinds.end(), before));

struct TypeName {
  std::string_view name;
  int number;
};
constexpr std::array<TypeName, 2> kCommandTypes = {{{"command", 136}, {"history", 137}}};

}  // namespace

std::span<const Kind> built_in_kinds() { return kKinds; }

int type_number(std::string_view type) {
  int number = -1;
  const auto [at, error] = std::from_chars(type.data(), type.data() + type.size(), number);
  if (!type.empty() && error == std::errc() && at == type.data() + type.size()) return number;
  for (const TypeName& entry : kCommandTypes) {
    if (entry.name == type) return entry.number;
  }
  for (const Kind& kind : kKinds) {
    if (kind.command.empty() && kind.alias == type) return kind.type;
  }
  return -1;
}

const Kind* find_kind(std::string_view type, std::string_view command) {
  const Kind key{.type = type_number(type), .command = command};
  const auto found = std::lower_bound(kKinds.begin(), kKinds.end(), key, before);
  if (found != kKinds.end() && found->type == key.type && found->command == command) return found;
  if (command.empty()) return nullptr;
  for (const Kind& kind : kKinds) {
    if (kind.type == key.type && kind.alias == command) return &kind;
  }
  return nullptr;
}

std::string content_command(const JsonObject& content) {
  const std::string* name = content.text("command");
  if (name == nullptr) name = content.text("cmd");
  const int type = type_number(content_type(content));
  return name != nullptr && (type == 136 || type == 137) ? *name : std::string();
}

std::string content_name(const JsonObject& content) {
  const Kind* kind = find_kind(content_type(content), content_command(content));
  return std::string(kind != nullptr ? kind->name : "unknown");
}

KindTable KindTable::with(AddedKind kind) const {
  KindTable table = *this;
  table.added_.push_back(std::make_shared<const AddedKind>(std::move(kind)));
  return table;
}

KindTable KindTable::with(AddressTable addresses) const {
  KindTable table = *this;
  table.addresses_ = std::move(addresses);
  return table;
}

const AddedKind* KindTable::find_added(std::string_view type, std::string_view command) const {
  const int number = type_number(type);
  for (auto kind = added_.rbegin(); kind != added_.rend(); ++kind) {
    const bool same_type =
        number >= 0 ? type_number((*kind)->type) == number : (*kind)->type == type;
    if (same_type && (*kind)->command == command) return kind->get();
  }
  return nullptr;
}

}  // namespace dim
