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
    Kind{16, "", "file", "file", kLarge, decoders::generic},
    Kind{18, "", "image", "image", kLarge, decoders::generic},
    Kind{20, "", "audio", "audio", kLarge, decoders::generic},
    Kind{22, "", "video", "video", kLarge, decoders::generic},
    Kind{32, "", "page", "page", kLarge, decoders::generic},
    Kind{51, "", "card", "card", kMiddle, decoders::generic},
    Kind{55, "", "quote", "quote", kLarge, decoders::generic},
    Kind{64, "", "money", "money", kSmall, decoders::generic},
    Kind{65, "", "transfer", "transfer", kSmall, decoders::generic},
    Kind{136, "ans", "", "ans", kMiddle, decoders::generic},
    Kind{136, "block", "", "block", kMiddle, decoders::generic},
    Kind{136, "documents", "document", "documents", kDocuments, decoders::documents},
    Kind{136, "handshake", "", "handshake", kSmall, decoders::handshake},
    Kind{136, "login", "", "login", kSmall, decoders::login},
    Kind{136, "meta", "", "meta", kMiddle, decoders::meta},
    Kind{136, "mute", "", "mute", kMiddle, decoders::generic},
    Kind{136, "receipt", "", "receipt", kMiddle, decoders::receipt},
    Kind{136, "report", "", "report", kSmall, decoders::report},
    Kind{136, "search", "", "search", kMiddle, decoders::generic},
    Kind{137, "expel", "", "expel", kLarge, decoders::generic},
    Kind{137, "fire", "", "fire", kMiddle, decoders::generic},
    Kind{137, "hire", "", "hire", kMiddle, decoders::generic},
    Kind{137, "invite", "", "invite", kLarge, decoders::generic},
    Kind{137, "join", "", "join", kMiddle, decoders::generic},
    Kind{137, "query", "", "query", kMiddle, decoders::generic},
    Kind{137, "quit", "", "quit", kMiddle, decoders::generic},
    Kind{137, "reset", "", "reset", kLarge, decoders::generic},
    Kind{137, "resign", "", "resign", kMiddle, decoders::generic},
    Kind{160, "", "application", "application", kLarge, decoders::customized},
    Kind{202, "", "array", "array", kLarge, decoders::array},
    Kind{204, "", "customized", "customized", kLarge, decoders::customized},
    Kind{207, "", "combine", "combine", kLarge, decoders::generic},
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
  const char* end = type.data() + type.size();
  const auto [at, error] = std::from_chars(type.data(), end, number);
  if (!type.empty() && error == std::errc() && at == end) return number;
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
