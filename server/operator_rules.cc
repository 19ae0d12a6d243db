#include "server/operator_rules.h"

#include <algorithm>
#include <utility>

namespace dim {
namespace {

std::unexpected<Error> broken() {
  return fail(Errc::internal, "a setting of the operator in the store cannot be read");
}

const OperatorAct* find_act(const std::map<std::string, OperatorAct, std::less<>>& all,
                            std::string_view key) {
  const auto found = all.find(key);
  return found == all.end() ? nullptr : &found->second;
}

}  // namespace

std::string OperatorAct::text() const {
  JsonObject out;
  out.set("by", by);
  if (!reason.empty()) out.set("reason", reason);
  out.set("time", time);
  if (until != 0) out.set("until", until);
  return write_json(out);
}

Result<OperatorAct> OperatorAct::parse(std::string_view text) {
  const auto object = parse_json_object(text);
  if (!object) return broken();
  OperatorAct out;
  const auto read_text = [&](std::string_view key, std::string& to) {
    const Json* value = object->find(key);
    if (value != nullptr && value->text() != nullptr) to = *value->text();
    return value == nullptr || value->text() != nullptr;
  };
  const auto read_time = [&](std::string_view key, Millis& to) {
    const Json* value = object->find(key);
    if (value == nullptr) return true;
    if (value->integer() == nullptr || *value->integer() < 0) return false;
    to = *value->integer();
    return true;
  };
  if (!read_text("by", out.by) || !read_text("reason", out.reason) ||
      !read_time("time", out.time) || !read_time("until", out.until))
    return broken();
  return out;
}

Status check_quota(std::string_view name, std::int64_t value) {
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  if (name == "members") {
    if (value >= 1 && value <= static_cast<std::int64_t>(limits::kHubMembers)) return {};
    return fail(Errc::bad_request, "members of a hub are 1 to 100000");
  }
  if (name == "channels") {
    if (value >= 0 && value <= static_cast<std::int64_t>(limits::kHubChannels)) return {};
    return fail(Errc::bad_request, "channels of a hub are 0 to 500");
  }
  if (name == "messages" || name == "bytes") {
    if (value >= 0 && value <= kMost) return {};
    return fail(Errc::bad_request,
                "messages and bytes of a hub are whole numbers up to 2^50; 0: no limit");
  }
  if (name == "hubs") {
    if (value >= 0 && value <= 1'000'000) return {};
    return fail(Errc::bad_request, "hubs of a user are 0 to 1000000");
  }
  return fail(Errc::bad_request,
              "quotas are messages, bytes, members and channels of a hub, hubs of a user");
}

JsonObject quotas_json(const QuotaChanges& changes) {
  JsonObject out;
  for (const auto& [name, value] : changes) out.set(name, value);
  return out;
}

Result<OperatorRules> OperatorRules::load(const std::vector<StoredSetting>& settings) {
  OperatorRules out;
  for (const StoredSetting& one : settings) {
    if (auto done = out.set(one.kind, one.key, one.value); !done)
      return std::unexpected(done.error());
  }
  return out;
}

Status OperatorRules::set(const std::string& kind, const std::string& key,
                          const std::string& value) {
  if (kind == "quota") {
    if (value.empty()) {
      quotas_.erase(key);
      return {};
    }
    const auto object = parse_json_object(value);
    if (!object) return broken();
    QuotaChanges changes;
    for (const auto& [name, number] : *object) {
      if (number.integer() == nullptr || !check_quota(name, *number.integer())) return broken();
      changes[name] = *number.integer();
    }
    quotas_[key] = std::move(changes);
    return {};
  }
  if (kind == "code") return codes_.set(key, value);
  if (kind == "registration") {
    registration_ = registration_called(value);
    if (!registration_ && !value.empty()) return broken();
    return {};
  }
  const bool ban = kind == "ban";
  if (!ban && kind != "disabled" && kind != "frozen") return broken();
  if (ban) {
    const auto known = bans_.find(key);
    if (known != bans_.end()) {
      if (known->second.network) --networks_;
      bans_.erase(known);
    }
  }
  auto& acts = kind == "disabled" ? disabled_ : frozen_;
  if (value.empty()) {
    if (!ban) acts.erase(key);
    return {};
  }
  auto act = OperatorAct::parse(value);
  if (!act) return std::unexpected(act.error());
  if (!ban) {
    acts[key] = std::move(*act);
    return {};
  }
  OperatorBan made{std::move(*act), AddressPrefix::parse(key)};
  if (made.network) ++networks_;
  bans_.emplace(key, std::move(made));
  return {};
}

const OperatorAct* OperatorRules::ban_of(std::string_view user, Millis now) const {
  const auto found = bans_.find(user);
  const bool holds = found != bans_.end() && !found->second.network && found->second.act.holds(now);
  return holds ? &found->second.act : nullptr;
}

const OperatorAct* OperatorRules::ban_at(std::string_view address, Millis now) const {
  if (networks_ == 0) return nullptr;
  for (const auto& [key, ban] : bans_) {
    if (ban.network && ban.act.holds(now) && ban.network->contains(address)) return &ban.act;
  }
  return nullptr;
}

const OperatorAct* OperatorRules::disabled(std::string_view user) const {
  return find_act(disabled_, user);
}

const OperatorAct* OperatorRules::frozen(std::string_view hub) const {
  return find_act(frozen_, hub);
}

HubQuotas OperatorRules::quotas(HubQuotas defaults, std::string_view of) const {
  const auto found = quotas_.find(of);
  if (found == quotas_.end()) return defaults;
  for (const auto& [name, value] : found->second) {
    if (name == "messages") defaults.messages = value;
    if (name == "bytes") defaults.bytes = value;
    if (name == "members") defaults.members = value;
    if (name == "channels") defaults.channels = value;
    if (name == "hubs") defaults.hubs = value;
  }
  return defaults;
}

}  // namespace dim
