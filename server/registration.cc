#include "server/registration.h"

#include <algorithm>
#include <array>

#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/base/json.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/secret.h"
#include "dim/packet/guid.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, 3> kWords{"open", "invite", "closed"};
constexpr std::size_t kCodeBytes = 18;
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kCame = R"({"here":false})";
constexpr std::string_view kHere = R"({"here":true})";

const StoredDocument* origin_of(std::span<const StoredDocument> documents) {
  const auto found = std::ranges::find(documents, kOriginRecord, &StoredDocument::type);
  return found == documents.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(Registration how) { return kWords[static_cast<std::size_t>(how)]; }

std::optional<Registration> registration_called(std::string_view word) {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<Registration>(found - kWords.begin());
}

std::string JoinCode::text() const {
  JsonObject out;
  out.set("hash", hash);
  out.set("by", by);
  out.set("time", time);
  out.set("until", until);
  out.set("uses", uses);
  return write_json(out);
}

Result<JoinCode> JoinCode::parse(std::string_view text) {
  const auto broken = [] {
    return fail(Errc::internal, "a code of an invitation in the store cannot be read");
  };
  const auto object = parse_json_object(text);
  if (!object) return broken();
  const std::string* hash = object->text("hash");
  const std::string* by = object->text("by");
  if (hash == nullptr || by == nullptr || hash->size() != kHashDigits || !from_hex(*hash))
    return broken();
  JoinCode out{.hash = *hash, .by = *by};
  for (const auto& [key, to] : {std::pair{"time", &out.time}, std::pair{"until", &out.until},
                                std::pair{"uses", &out.uses}}) {
    const Json* value = object->find(key);
    if (value == nullptr || value->integer() == nullptr || *value->integer() < 0) return broken();
    *to = *value->integer();
  }
  return out;
}

std::string new_join_code(Random& random) { return to_base64url(random.array<kCodeBytes>()); }

std::string join_code_hash(std::string_view code) { return to_hex(sha256(as_bytes(code))); }

Status JoinCodes::set(const std::string& guid, std::string_view value) {
  if (value.empty()) {
    codes_.erase(guid);
    return {};
  }
  auto code = JoinCode::parse(value);
  if (!code) return std::unexpected(code.error());
  if (!Guid::parse(guid)) return fail(Errc::internal, "a code of an invitation has no GUID");
  codes_.insert_or_assign(guid, std::move(*code));
  return {};
}

const std::string* JoinCodes::find(std::string_view code, Millis now) const {
  const std::string shown = join_code_hash(code);
  const std::string* found = nullptr;
  for (const auto& [guid, one] : codes_) {
    if (equal_secret(as_bytes(one.hash), as_bytes(shown)) && one.holds(now)) found = &guid;
  }
  return found;
}

void JoinCodes::count(const std::string& guid, std::int64_t more) {
  const auto found = codes_.find(guid);
  if (found != codes_.end()) found->second.uses += more;
}

bool came_by_neighbour(std::span<const StoredDocument> documents) {
  const StoredDocument* origin = origin_of(documents);
  return origin != nullptr && origin->document == kCame;
}

PutDocument by_neighbour_record(const std::string& user, Millis now) {
  return {user, std::string(kOriginRecord), {}, now, std::string(kCame)};
}

PutDocument logged_in_record(const std::string& user, std::span<const StoredDocument> documents,
                             Millis now) {
  const StoredDocument* origin = origin_of(documents);
  const Millis after = origin == nullptr ? 0 : origin->time + 1;
  return {user, std::string(kOriginRecord), {}, std::max(now, after), std::string(kHere)};
}

}  // namespace dim
