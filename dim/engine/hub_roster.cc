#include "dim/engine/hub_roster.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "dim/base/base64.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

constexpr std::string_view kDomain = "DIM/2023 membership";
constexpr Millis kDay = 86'400'000;
constexpr std::size_t kRulesAtOnce = 200;

std::unexpected<Error> broken() {
  return fail(Errc::bad_request,
              "a membership of a private hub has hub, epoch, prev (behind the first), add and "
              "remove (user IDs), history (channels and days), time and signature; hubs.md "
              "section 10");
}

std::string prev_text(const RosterChange& change) {
  return change.prev ? to_base64(*change.prev) : std::string();
}

Status read_people(const JsonObject& object, std::string_view key, std::vector<std::string>& out) {
  const Json* list = object.find(key);
  if (list == nullptr) return {};
  if (list->array() == nullptr || list->array()->size() > limits::kPrivateHubMembers)
    return broken();
  for (const Json& one : *list->array()) {
    if (one.text() == nullptr) return broken();
    auto who = read_user(*one.text());
    // As it is signed: one text for one person.
    if (!who || *who != *one.text()) return broken();
    out.push_back(std::move(*who));
  }
  return {};
}

Status read_history(const JsonObject& object, std::vector<HistoryRule>& out) {
  const Json* list = object.find("history");
  if (list == nullptr) return {};
  if (list->array() == nullptr || list->array()->empty() || list->array()->size() > kRulesAtOnce)
    return broken();
  std::set<Guid> channels;
  for (const Json& one : *list->array()) {
    const std::string* name = one.object() == nullptr ? nullptr : one.object()->text("channel");
    const std::string* text = one.object() == nullptr ? nullptr : one.object()->text("show");
    if (name == nullptr || text == nullptr) return broken();
    const auto channel = Guid::parse(*name);
    const auto days = parse_history(*text);
    // As it is signed: one text for one rule.
    if (!channel || channel->text() != *name || !days || !channels.insert(*channel).second)
      return broken();
    out.push_back({*channel, *days});
  }
  return {};
}

JsonArray list_of(const std::vector<HistoryRule>& history) {
  JsonArray out;
  for (const HistoryRule& one : history) {
    JsonObject rule;
    rule.set("channel", one.channel.text());
    rule.set("show", history_text(one.days));
    out.emplace_back(std::move(rule));
  }
  return out;
}

JsonArray list_of(const std::vector<std::string>& people) {
  JsonArray out;
  for (const std::string& who : people) out.emplace_back(who);
  return out;
}

}  // namespace

bool is_private_hub(std::string_view hub_id) { return hub_id.starts_with(kPrivateHubPrefix); }

std::string history_text(std::int64_t days) {
  if (days == kAllDays) return "all";
  return days == 0 ? "none" : std::to_string(days) + "d";
}

Result<std::int64_t> parse_history(std::string_view text) {
  if (text == "none") return 0;
  if (text == "all") return kAllDays;
  std::int64_t days = 0;
  const auto [rest, wrong] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (wrong == std::errc() && days >= 1 && days <= limits::kHistoryDays &&
      history_text(days) == text)
    return days;
  return fail(Errc::bad_request,
              "new members may read none, all, or so many days of what was written before: 1d to "
              "3650d");
}

Bytes roster_signing_input(const RosterChange& change) {
  Bytes out;
  const auto add = [&](std::string_view field) { append_field(out, as_bytes(field)); };
  add(kDomain);
  add(change.hub);
  add(std::to_string(change.epoch));
  add(prev_text(change));
  add(format_time(change.time));
  for (const auto* people : {&change.add, &change.remove}) {
    add(std::to_string(people->size()));
    for (const std::string& who : *people) add(who);
  }
  // Nothing follows where there is none, as it was before there were any.
  if (change.history.empty()) return out;
  add(std::to_string(change.history.size()));
  for (const HistoryRule& one : change.history) {
    add(one.channel.text());
    add(history_text(one.days));
  }
  return out;
}

Digest32 roster_digest(const RosterChange& change) { return sha256(roster_signing_input(change)); }

JsonObject sign_roster(RosterChange change, const PrivateKey& key) {
  change.signature = key.sign(roster_signing_input(change));
  return roster_json(change);
}

JsonObject roster_json(const RosterChange& change) {
  JsonObject out;
  out.set("hub", change.hub);
  out.set("epoch", change.epoch);
  if (change.prev) out.set("prev", prev_text(change));
  out.set("add", list_of(change.add));
  out.set("remove", list_of(change.remove));
  if (!change.history.empty()) out.set("history", list_of(change.history));
  out.set("time", format_time(change.time));
  if (change.meta) out.set("meta", change.meta->json());
  out.set("signature", to_base64(change.signature));
  return out;
}

Result<RosterChange> read_roster_change(const JsonObject& object) {
  RosterChange out;
  const std::string* hub = object.text("hub");
  const Json* epoch = object.find("epoch");
  const std::string* time = object.text("time");
  const std::string* signature = object.text("signature");
  if (hub == nullptr || epoch == nullptr || epoch->integer() == nullptr || time == nullptr ||
      signature == nullptr)
    return broken();
  const auto id = Id::parse(*hub);
  if (!id || !id->is_group() || id->is_broadcast() || id->bare().text() != *hub) return broken();
  out.hub = *hub;
  out.epoch = *epoch->integer();
  if (out.epoch < 1 || out.epoch > static_cast<std::int64_t>(limits::kRosterEpochs))
    return broken();
  if (const std::string* prev = object.text("prev")) {
    const auto bytes = from_base64(*prev);
    if (!bytes || bytes->size() != std::tuple_size_v<Digest32> || to_base64(*bytes) != *prev)
      return broken();
    out.prev.emplace();
    std::ranges::copy(*bytes, out.prev->begin());
  }
  if (out.prev.has_value() != (out.epoch > 1)) return broken();
  const auto when = parse_time(*time);
  if (!when || format_time(*when) != *time) return broken();
  out.time = *when;
  if (auto done = read_people(object, "add", out.add); !done) return std::unexpected(done.error());
  if (auto done = read_people(object, "remove", out.remove); !done)
    return std::unexpected(done.error());
  if (auto done = read_history(object, out.history); !done) return std::unexpected(done.error());
  const std::set<std::string> added(out.add.begin(), out.add.end());
  const std::set<std::string> removed(out.remove.begin(), out.remove.end());
  const auto twice = [&](const std::string& who) { return added.contains(who); };
  if (added.size() != out.add.size() || removed.size() != out.remove.size() ||
      added.size() + removed.size() + out.history.size() == 0 ||
      std::ranges::any_of(removed, twice))
    return broken();
  if (const Json* meta = object.find("meta"); meta != nullptr && out.epoch == 1) {
    if (meta->object() == nullptr) return broken();
    auto made = Meta::parse(*meta->object());
    if (!made) return std::unexpected(made.error());
    out.meta = std::move(*made);
  }
  if (out.meta.has_value() != (out.epoch == 1)) return broken();
  auto bytes = from_base64(*signature);
  if (!bytes || bytes->empty()) return broken();
  out.signature = std::move(*bytes);
  return out;
}

Result<Roster> Roster::begin(std::string_view hub, const JsonObject& first) {
  const auto change = read_roster_change(first);
  if (!change) return std::unexpected(change.error());
  const auto id = Id::parse(hub);
  if (!id || change->epoch != 1 || change->hub != hub || change->add.size() != 1)
    return fail(Errc::bad_request, "the first membership of a private hub is that of its founder");
  if (!change->meta->matches(*id) || !change->meta->key().is_ec())
    return fail(Errc::meta, "the key of this membership has not made the hub's ID");
  // The ID of an ETH account is made of its key: nobody else founded it.
  const auto own = Meta::make(MetaType::eth, change->meta->key());
  const auto founder = Id::parse(change->add.front());
  if (!own || !founder || !own->matches(*founder))
    return fail(Errc::meta, "the hub was not made with the key of its founder");
  Roster out(std::string(hub), change->meta->key());
  out.founder_ = change->add.front();
  if (auto done = out.take(*change); !done) return std::unexpected(done.error());
  return out;
}

Status Roster::extend(const JsonObject& object) {
  const auto change = read_roster_change(object);
  if (!change) return std::unexpected(change.error());
  if (change->hub != hub_) return fail(Errc::bad_request, "this membership is of another hub");
  if (change->epoch <= epoch()) return agrees(*change);
  if (change->epoch != epoch() + 1 || change->prev != digest(epoch()))
    return fail(Errc::conflict, "this membership does not continue the one that is known");
  return take(*change);
}

Status Roster::agrees(const JsonObject& object) const {
  const auto change = read_roster_change(object);
  if (!change) return std::unexpected(change.error());
  return agrees(*change);
}

Status Roster::agrees(const RosterChange& change) const {
  if (change.epoch <= epoch() && roster_digest(change) == digest(change.epoch)) return {};
  return fail(Errc::conflict,
              "the station shows another membership of the hub than before; it may be lying");
}

Status Roster::take(const RosterChange& change) {
  if (!key_.verify(roster_signing_input(change), change.signature))
    return fail(Errc::signature, "this membership was not signed by the key that made the hub");
  for (const std::string& who : change.add) {
    if (has(who)) return fail(Errc::bad_request, "this membership adds who is there already");
  }
  for (const std::string& who : change.remove) {
    if (!has(who)) return fail(Errc::bad_request, "this membership removes who is not there");
  }
  const std::size_t members = members_ + change.add.size() - change.remove.size();
  if (members > limits::kPrivateHubMembers)
    return fail(Errc::too_large, "a private hub has at most 200 members");
  JsonObject object = roster_json(change);
  const std::size_t bytes = write_json(object).size();
  if (bytes > limits::kRosterChangeBytes || bytes_ + bytes > limits::kRosterBytes)
    return fail(Errc::too_large,
                "a change of the membership has at most 32 KiB, all of a hub have 8 MiB");
  bytes_ += bytes;
  members_ = members;
  for (const std::string& who : change.add) stays_[who].push_back({.from = change.epoch});
  for (const std::string& who : change.remove) stays_[who].back().until = change.epoch;
  for (const HistoryRule& one : change.history)
    history_[one.channel].push_back({.from = change.epoch, .days = one.days});
  changes_.push_back(std::move(object));
  digests_.push_back(roster_digest(change));
  times_.push_back(change.time);
  return {};
}

const Roster::Stay* Roster::stay_at(std::string_view who, std::int64_t epoch) const {
  const auto found = stays_.find(who);
  if (found == stays_.end()) return nullptr;
  const auto stay = std::ranges::find_if(found->second, [&](const Stay& one) {
    return one.from <= epoch && (one.until == 0 || epoch < one.until);
  });
  return stay == found->second.end() ? nullptr : &*stay;
}

bool Roster::has(std::string_view who, std::int64_t epoch) const {
  return stay_at(who, epoch) != nullptr;
}

std::int64_t Roster::left(std::string_view who, std::int64_t epoch) const {
  const Stay* stay = stay_at(who, epoch);
  return stay == nullptr ? 0 : stay->until;
}

std::int64_t Roster::since(std::string_view who) const {
  const Stay* stay = stay_at(who, epoch());
  return stay == nullptr ? 0 : stay->from;
}

std::int64_t Roster::history(const Guid& channel, std::int64_t epoch) const {
  const auto found = history_.find(channel);
  if (found == history_.end()) return 0;
  std::int64_t days = 0;
  for (const Rule& one : found->second) {
    if (one.from <= epoch) days = one.days;
  }
  return days;
}

bool Roster::hides_history(std::int64_t epoch) const {
  return std::ranges::all_of(history_,
                             [&](const auto& entry) { return history(entry.first, epoch) == 0; });
}

bool Roster::may_be_handed(std::string_view who, const Guid& channel, std::int64_t epoch,
                           Millis written) const {
  const std::int64_t from = since(who);
  if (from == 0 || epoch < 1 || epoch > this->epoch()) return false;
  if (has(who, epoch)) return true;
  const std::int64_t days = history(channel, from);
  return days == kAllDays || (days > 0 && written >= time(from) - days * kDay);
}

std::vector<std::string> Roster::members() const {
  std::vector<std::string> out;
  for (const auto& [who, stays] : stays_) {
    if (stays.back().until == 0) out.push_back(who);
  }
  return out;
}

std::vector<std::string> Roster::people() const {
  std::vector<std::string> out;
  for (const auto& [who, stays] : stays_) out.push_back(who);
  return out;
}

bool Roster::may_sign(const Account& account) const {
  return account.holds_identity() && account.identity_key.public_key().data() == key_.data();
}

Result<std::optional<JsonObject>> Roster::next(const Account& account,
                                               const std::vector<std::string>& add,
                                               const std::vector<std::string>& remove, Millis now,
                                               const std::vector<HistoryRule>& history) const {
  if (!may_sign(account))
    return fail(Errc::key, "who belongs to a private hub is signed by who has founded it");
  RosterChange change{.hub = hub_, .epoch = epoch() + 1, .prev = digest(epoch())};
  for (const std::string& who : add) {
    if (!has(who)) change.add.push_back(who);
  }
  for (const std::string& who : remove) {
    if (has(who)) change.remove.push_back(who);
  }
  for (const HistoryRule& one : history) {
    if (this->history(one.channel, epoch()) != one.days) change.history.push_back(one);
  }
  if (change.add.empty() && change.remove.empty() && change.history.empty())
    return std::optional<JsonObject>();
  if (members_ + change.add.size() - change.remove.size() > limits::kPrivateHubMembers)
    return fail(Errc::too_large, "a private hub has at most 200 members");
  if (change.epoch > static_cast<std::int64_t>(limits::kRosterEpochs))
    return fail(Errc::insufficient_storage, "the membership of a hub changes at most 10,000 times");
  change.time = std::max(now, time(epoch()));
  return sign_roster(std::move(change), account.identity_key);
}

JsonObject first_roster(const Account& founder, const std::string& hub, const Meta& meta,
                        Millis now) {
  return sign_roster(
      {.hub = hub, .epoch = 1, .add = {founder.id.bare().text()}, .time = now, .meta = meta},
      founder.identity_key);
}

}  // namespace dim
