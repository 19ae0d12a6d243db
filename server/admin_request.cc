#include "server/admin_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "dim/identity/id.h"
#include "dim/packet/guid.h"
#include "server/operator_rules.h"

namespace dim {
namespace {

enum class Target : std::uint8_t {
  none,
  user,
  hub,
  hub_or_none,
  invite,
  banned,
  hub_or_user,
  registration
};

struct Row {
  std::string_view word;
  Target target = Target::none;
  std::string_view keys{};  ///< besides verb and target
};

constexpr std::array<Row, kAdminVerbs> kRows{{
    {"users-list", Target::none, "after limit"},
    {"users-show", Target::user},
    {"users-disable", Target::user, "reason"},
    {"users-enable", Target::user},
    {"users-remove", Target::user, "reason"},
    {"invites-list", Target::hub},
    {"invites-make", Target::hub, "uses until approval"},
    {"invites-withdraw", Target::invite},
    {"bans-list", Target::none, "after limit"},
    {"bans-add", Target::banned, "reason until"},
    {"bans-lift", Target::banned},
    {"hubs-list", Target::none, "after limit"},
    {"hubs-show", Target::hub},
    {"hubs-freeze", Target::hub, "reason"},
    {"hubs-thaw", Target::hub},
    {"hubs-delete", Target::hub, "reason"},
    {"quotas-show", Target::hub_or_user},
    {"quotas-set", Target::hub_or_user, "quotas"},
    {"audit-list", Target::hub_or_none, "before limit"},
    {"codes-make", Target::none, "uses until reason"},
    {"codes-list", Target::none, "after limit"},
    {"codes-revoke", Target::invite},
    {"registration-show"},
    {"registration-set", Target::registration, "reason"},
}};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

bool one_line(std::string_view text, std::size_t most) {
  if (text.size() > most || !valid_utf8(text)) return false;
  for (std::size_t at = 0; at < text.size();) {
    if (is_control(next_code_point(text, at))) return false;
  }
  return true;
}

Result<std::string> hub_of(std::string_view text) {
  const auto id = Id::parse(text);
  if (!id) return std::unexpected(id.error());
  if (!id->is_group() || id->is_broadcast())
    return fail(Errc::bad_request, "this verb is about a hub: target is a group ID");
  return id->bare().text();
}

/// A name is looked up by the station.
Result<std::string> user_of(std::string_view text) {
  const auto id = Id::parse(text);
  if (!id) {
    if (!text.empty() && text.size() <= 64 && one_line(text, 64) && !text.contains('@'))
      return std::string(text);
    return std::unexpected(id.error());
  }
  if (!id->is_user()) return fail(Errc::bad_request, "this verb is about a user: target is an ID");
  return id->bare().text();
}

Result<std::string> target_of(Target kind, std::string_view text) {
  switch (kind) {
    case Target::hub:
    case Target::hub_or_none:
      return hub_of(text);
    case Target::user:
      return user_of(text);
    case Target::hub_or_user: {
      auto hub = hub_of(text);
      return hub ? hub : user_of(text);
    }
    case Target::invite: {
      const auto guid = Guid::parse(text);
      if (!guid) return std::unexpected(guid.error());
      return guid->text();
    }
    case Target::banned: {
      if (AddressPrefix::parse(text)) return std::string(text);
      return user_of(text);
    }
    case Target::registration:
      if (text == "default" || registration_called(text)) return std::string(text);
      return fail(Errc::bad_request, "registration is open, invite, closed, or default");
    case Target::none:
      break;
  }
  return fail(Errc::bad_request, "this verb has no target");
}

Result<std::int64_t> number_of(const Json& value, std::int64_t least, std::int64_t most) {
  if (value.integer() == nullptr || *value.integer() < least || *value.integer() > most)
    return fail(Errc::bad_request, "limit, before and uses are whole numbers from 1");
  return *value.integer();
}

Status read_quotas(const Json& value, AdminRequest& out) {
  const JsonObject* object = value.object();
  if (object == nullptr || object->empty())
    return fail(Errc::bad_request, "quotas is an object of names and numbers, or null");
  for (const auto& [name, number] : *object) {
    if (number.is_null()) {
      if (auto right = check_quota(name, 1); !right) return right;
      out.quotas.emplace_back(name, std::nullopt);
      continue;
    }
    if (number.integer() == nullptr)
      return fail(Errc::bad_request, "quotas is an object of names and numbers, or null");
    if (auto right = check_quota(name, *number.integer()); !right) return right;
    out.quotas.emplace_back(name, *number.integer());
  }
  return {};
}

Status read_key(std::string_view key, const Json& value, AdminRequest& out) {
  if (key == "quotas") return read_quotas(value, out);
  if (key == "approval") {
    if (value.boolean() == nullptr) return fail(Errc::bad_request, "approval is true or false");
    out.approval = *value.boolean();
    return {};
  }
  if (key == "limit") {
    const auto limit = number_of(value, 1, 1'000'000);
    if (!limit) return std::unexpected(limit.error());
    out.limit = std::min(limits::kAdminPage, static_cast<std::size_t>(*limit));
    return {};
  }
  if (key == "before" || key == "uses") {
    const auto number = number_of(value, 1, key == "uses" ? 1'000'000 : std::int64_t{1} << 53);
    if (!number) return std::unexpected(number.error());
    (key == "uses" ? out.uses : out.before) = *number;
    return {};
  }
  const std::string* text = value.text();
  if (text == nullptr) return fail(Errc::bad_request, "reason, until and after are texts");
  if (key == "until") {
    const auto time = parse_time(*text);
    if (!time || *time <= 0)
      return fail(Errc::bad_request, "until is a time, as 2026-12-24T18:00:00Z");
    out.until = *time;
    return {};
  }
  if (!one_line(*text, limits::kAdminReason))
    return fail(Errc::bad_request, "reason and after are one line of up to 1,024 bytes");
  (key == "reason" ? out.reason : out.after) = *text;
  return {};
}

}  // namespace

std::string_view to_string(AdminVerb verb) { return kRows[static_cast<std::size_t>(verb)].word; }

Result<AdminRequest> AdminRequest::parse(std::string_view line) {
  if (line.size() > limits::kAdminRequest)
    return fail(Errc::too_large, "a request of the operator has at most 16 KiB");
  const auto object = parse_json_object(line);
  if (!object) return std::unexpected(object.error());
  const std::string* verb = object->text("verb");
  const auto row = verb == nullptr ? kRows.end() : std::ranges::find(kRows, *verb, &Row::word);
  if (row == kRows.end())
    return fail(Errc::bad_request, "no such verb; `dimd admin --help` has the list");
  AdminRequest out;
  out.verb = static_cast<AdminVerb>(row - kRows.begin());
  const bool optional = row->target == Target::none || row->target == Target::hub_or_none;
  if (!optional && !object->contains("target"))
    return fail(Errc::bad_request, "this verb needs target: whom or what it is about");
  for (const auto& [key, value] : *object) {
    if (key == "verb") continue;
    if (key == "target") {
      if (value.text() == nullptr) return fail(Errc::bad_request, "target is a text");
      auto target = target_of(row->target, *value.text());
      if (!target) return std::unexpected(target.error());
      out.target = std::move(*target);
      continue;
    }
    if (!has_word(row->keys, key))
      return fail(Errc::bad_request, "this verb has no such key; docs/operator.md has the list");
    if (auto done = read_key(key, value, out); !done) return std::unexpected(done.error());
  }
  if (out.verb == AdminVerb::quotas_set && out.quotas.empty())
    return fail(Errc::bad_request, "quotas-set needs quotas");
  return out;
}

}  // namespace dim
