// A hub under any changes by anybody. Lines of text are changes as a station keeps them; a line of
// bytes that is none makes a change by its numbers: who, what, on what, whom. After each: nothing
// that was refused has changed anything, nobody rose above what they may give, every reference
// leads somewhere, and the changes read back make the same hub.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dim/engine/hub.h"
#include "dim/identity/id.h"
#include "fuzz/check.h"

namespace {

using namespace dim;

constexpr Millis kNow = 1'790'000'000'000;
constexpr std::size_t kPeople = 8;
constexpr std::size_t kMostLines = 200;

const std::vector<std::string>& people() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < kPeople; ++i) {
      const std::string name = "person-" + std::to_string(i);
      out.push_back(Id(name, Address::btc(EntityType::user, as_bytes(name))).text());
    }
    return out;
  }();
  return all;
}

Guid guid_of(unsigned number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  bytes[15] = static_cast<std::uint8_t>(number % 12 + 1);
  return *Guid::from_bytes(bytes);
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

/// One of a few bodies that mean something to some object.
std::string body_of(unsigned which, unsigned detail) {
  const std::string guid = quoted(guid_of(detail).text());
  switch (which % 10) {
    case 0:
      return R"({"name":"n","permissions":["read","invite"],"rank":)" + std::to_string(detail) +
             "}";
    case 1:
      return R"({"name":"n","category":)" + guid + "}";
    case 2:
      return R"({"name":"n","kind":"private","overrides":[{"role":)" + guid +
             R"(,"allow":["read"],"deny":["write"]}]})";
    case 3:
      return R"({"roles":[)" + guid + "]}";
    case 4:
      return R"({"invite":)" + guid + "}";
    case 5:
      return R"({"uses":2,"approval":true})";
    case 6:
      return R"({"name":"n","permissions":["manage-roles","ban","moderate","own"],"rank":7})";
    case 7:
      return R"({"until":"2026-12-24T18:00:00Z","reason":"r"})";
    case 8:
      return R"({"everyone":["read","manage-roles"],"topic":"t"})";
    default:
      return "{}";
  }
}

HubChange change_of(std::string_view line) {
  const auto at = [&](std::size_t i) {
    return i < line.size() ? static_cast<unsigned char>(line[i]) : 0U;
  };
  constexpr Operation kOperations[] = {Operation::create, Operation::edit, Operation::erase,
                                       Operation::remove};
  HubChange out{.operation = kOperations[at(0) % 4],
                .object = static_cast<HubObject>(at(1) % kHubObjects),
                .actor = people()[at(2) % kPeople],
                .time = kNow + at(6),
                .guid = guid_of(at(3)),
                .member = people()[at(4) % kPeople]};
  if (at(7) % 8 == 1) out.revision = at(8) % 4 + 1;
  out.body = *parse_json_object(body_of(at(5), at(8)));
  return out;
}

std::string seen(const Hub& hub) {
  std::string out = write_json(hub.hub_json());
  for (const auto& [guid, one] : hub.channels()) out += write_json(hub.channel_json(guid));
  for (const auto& [who, one] : hub.members()) out += write_json(hub.member_json(who, kNow));
  for (const auto& [guid, one] : hub.invites()) out += write_json(hub.invite_json(guid));
  for (const auto& [who, one] : hub.requests()) out += write_json(hub.request_json(who));
  for (const auto* all : {&hub.bans(), &hub.mutes()}) {
    for (const auto& [who, one] : *all) out += write_json(Hub::penalty_json(who, one));
  }
  return out;
}

void check_shape(const Hub& hub) {
  fuzz::must(hub.is_member(hub.owner()) && !hub.is_banned(hub.owner(), kNow));
  fuzz::must(!hub.everyone().has(Permission::own));
  for (const auto& [who, member] : hub.members()) {
    for (const Guid& role : member.roles) fuzz::must(hub.roles().contains(role));
    fuzz::must(!hub.requests().contains(who));
    fuzz::must(member.roles.size() <= limits::kMemberRoles);
  }
  for (const auto& [guid, channel] : hub.channels()) {
    fuzz::must(!channel.category || hub.categories().contains(*channel.category));
    for (const HubOverride& one : channel.overrides)
      fuzz::must(!one.role || hub.roles().contains(*one.role));
    fuzz::must(!hub.gone(guid));
    for (const auto& [who, member] : hub.members()) {
      const Permissions in = hub.permissions_in(channel, who);
      fuzz::must(in.within(hub.permissions_of(who) | kChannelPermissions));
    }
  }
  fuzz::must(hub.requests().size() <= limits::kHubPending);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string id = Id("hub", Address::btc(EntityType::group, as_bytes("hub"))).text();
  HubChange founding{.object = HubObject::hub, .actor = people()[0], .time = kNow};
  founding.body = *parse_json_object(R"({"name":"n"})");
  Hub hub = *Hub::found(id, founding);
  std::vector<std::string> log;
  std::string_view text = fuzz::text_of(data, size);
  for (std::size_t lines = 0; !text.empty() && lines < kMostLines; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    HubChange change;
    if (auto read = HubChange::parse(line)) {
      fuzz::must(HubChange::parse(read->text())->text() == read->text());
      change = std::move(*read);
    } else if (line.starts_with('{')) {
      continue;
    } else {
      change = change_of(line);
    }
    change.time = std::max(change.time, hub.latest());
    const Permissions before = hub.permissions_of(change.actor);
    const std::int64_t number = hub.number();
    const auto done = hub.apply(change);
    const bool changed = done && done->kind != HubEffect::Kind::unchanged;
    fuzz::must(hub.number() == number + (changed ? 1 : 0));
    if (changed) log.push_back(change.text());
    if (changed && change.object == HubObject::role && change.operation != Operation::erase)
      fuzz::must(hub.roles().at(*change.guid).permissions.within(before));
    if (changed && change.object == HubObject::member && change.operation == Operation::create)
      fuzz::must(change.actor == change.member);
    check_shape(hub);
  }
  Hub again = *Hub::found(id, founding);
  for (const std::string& line : log) fuzz::must(again.apply(*HubChange::parse(line)).has_value());
  fuzz::must(again.number() == hub.number());
  // What has run out since the last change may still stand in the one that was only read back.
  if (!log.empty() && again.latest() == hub.latest()) fuzz::must(seen(again) == seen(hub));
  return 0;
}
