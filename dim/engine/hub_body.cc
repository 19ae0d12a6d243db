#include "dim/engine/hub_body.h"

#include <algorithm>
#include <array>
#include <set>

#include "dim/base/utf8.h"
#include "dim/identity/id.h"

namespace dim {
namespace {

constexpr std::int64_t kMostPosition = 1'000'000;
constexpr std::array<std::string_view, 3> kKinds = {"text", "private", "announcement"};

bool one_line(std::string_view text) {
  if (!valid_utf8(text)) return false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_control(c) || is_invisible(c)) return false;
  }
  return true;
}

Result<HubOverride> read_override(const JsonObject& object) {
  HubOverride out;
  const std::string* role = object.text("role");
  if (role == nullptr)
    return fail(Errc::bad_request, "an override has role: a role's GUID, or \"everyone\"");
  if (*role != "everyone") {
    auto guid = Guid::parse(*role);
    if (!guid) return std::unexpected(guid.error());
    out.role = *guid;
  }
  if (auto done = read_permissions(object, "allow", out.allow); !done)
    return std::unexpected(done.error());
  if (auto done = read_permissions(object, "deny", out.deny); !done)
    return std::unexpected(done.error());
  if (!(out.allow | out.deny).within(kChannelPermissions))
    return fail(Errc::bad_request,
                "a channel gives and takes read, write, attach, speak, stream and moderate only");
  return out;
}

}  // namespace

bool valid_hub_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kHubName && one_line(text) &&
         text.front() != ' ' && text.back() != ' ';
}

Status read_name(const JsonObject& body, std::string& out) {
  const Json* value = body.find("name");
  if (value == nullptr) return {};
  if (value->text() == nullptr || !valid_hub_name(*value->text()))
    return fail(Errc::bad_request, "name is a line of 1 to 64 bytes without spaces at its ends");
  out = *value->text();
  return {};
}

Status read_topic(const JsonObject& body, std::string_view key, std::string& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  if (value->text() == nullptr || value->text()->size() > limits::kHubTopic ||
      !one_line(*value->text()))
    return fail(Errc::bad_request, "topic and reason are lines of up to 1,024 bytes");
  out = *value->text();
  return {};
}

Status read_number(const JsonObject& body, std::string_view key, std::int64_t least,
                   std::int64_t most, std::int64_t& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  const std::int64_t* number = value->integer();
  if (number == nullptr || *number < least || *number > most)
    return fail(Errc::bad_request,
                "a number in the content is no whole number, or outside of its range");
  out = *number;
  return {};
}

Status read_flag(const JsonObject& body, std::string_view key, bool& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  if (value->boolean() == nullptr) return fail(Errc::bad_request, "approval is true or false");
  out = *value->boolean();
  return {};
}

Status read_permissions(const JsonObject& body, std::string_view key, Permissions& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  const JsonArray* list = value->array();
  if (list == nullptr || list->size() > limits::kListItems)
    return fail(Errc::bad_request, "permissions are a list of words");
  std::vector<std::string> words;
  for (const Json& one : *list) {
    if (one.text() == nullptr) return fail(Errc::bad_request, "permissions are a list of words");
    words.push_back(*one.text());
  }
  auto read = Permissions::parse(words);
  if (!read) return std::unexpected(read.error());
  out = *read;
  return {};
}

Status read_guid(const JsonObject& body, std::string_view key, std::optional<Guid>& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  out.reset();
  if (value->is_null()) return {};
  if (value->text() == nullptr)
    return fail(Errc::bad_request, "a GUID is a text of 32 hex digits, or null");
  auto guid = Guid::parse(*value->text());
  if (!guid) return std::unexpected(guid.error());
  out = *guid;
  return {};
}

Result<std::string> read_user(std::string_view text) {
  auto id = Id::parse(text);
  if (!id) return std::unexpected(id.error());
  if (!id->is_user()) return fail(Errc::bad_request, "only users are members of hubs");
  return id->bare().text();
}

Status read_category(const JsonObject& body, HubCategory& out) {
  if (auto done = read_name(body, out.name); !done) return done;
  if (out.name.empty()) return fail(Errc::bad_request, "a category needs a name");
  return read_number(body, "position", 0, kMostPosition, out.position);
}

Status read_channel(const JsonObject& body, HubChannel& out) {
  if (auto done = read_name(body, out.name); !done) return done;
  if (out.name.empty()) return fail(Errc::bad_request, "a channel needs a name");
  if (auto done = read_topic(body, "topic", out.topic); !done) return done;
  if (auto done = read_guid(body, "category", out.category); !done) return done;
  if (auto done = read_number(body, "position", 0, kMostPosition, out.position); !done) return done;
  if (auto done = read_number(body, "retention", 0, limits::kRetentionDays, out.retention); !done)
    return done;
  if (const Json* kind = body.find("kind"); kind != nullptr) {
    const std::string* word = kind->text();
    const auto found = word == nullptr ? kKinds.end() : std::ranges::find(kKinds, *word);
    if (found == kKinds.end())
      return fail(Errc::bad_request, "kind is text, private or announcement");
    out.kind = static_cast<ChannelKind>(found - kKinds.begin());
  }
  const Json* list = body.find("overrides");
  if (list == nullptr) return {};
  if (list->array() == nullptr || list->array()->size() > limits::kChannelOverrides)
    return fail(Errc::bad_request, "overrides are a list of up to 32 objects");
  out.overrides.clear();
  std::set<std::optional<Guid>> known;
  for (const Json& one : *list->array()) {
    if (one.object() == nullptr)
      return fail(Errc::bad_request, "overrides are a list of up to 32 objects");
    auto read = read_override(*one.object());
    if (!read) return std::unexpected(read.error());
    if (!known.insert(read->role).second)
      return fail(Errc::bad_request, "a role has one override in a channel");
    out.overrides.push_back(*read);
  }
  return {};
}

Status read_role(const JsonObject& body, HubRole& out) {
  if (auto done = read_name(body, out.name); !done) return done;
  if (out.name.empty()) return fail(Errc::bad_request, "a role needs a name");
  if (auto done = read_permissions(body, "permissions", out.permissions); !done) return done;
  return read_number(body, "rank", 0, kMostPosition, out.rank);
}

Json words_json(Permissions permissions) {
  JsonArray out;
  for (std::string& word : permissions.words()) out.emplace_back(std::move(word));
  return out;
}

std::string_view to_string(ChannelKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

}  // namespace dim
