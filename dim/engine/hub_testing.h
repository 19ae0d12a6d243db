// Hubs for tests: people, GUIDs, and changes that must succeed. Included by tests only.
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <string>

#include "dim/engine/hub.h"
#include "dim/identity/id.h"

namespace dim::hub_testing {

inline constexpr Millis kTime = 1'790'000'000'000;

inline std::string person(const std::string& name) {
  return Id(name, Address::btc(EntityType::user, as_bytes(name))).text();
}
inline const std::string kOwner = person("alice");

inline Guid number(int value) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  bytes[14] = static_cast<std::uint8_t>(value >> 8);
  bytes[15] = static_cast<std::uint8_t>(value);
  return *Guid::from_bytes(bytes);
}

inline JsonObject object(const std::string& text) { return *parse_json_object(text); }

inline Result<HubEffect> change(Hub& hub, HubChange one, Millis time = kTime) {
  one.time = time;
  return hub.apply(one);
}
inline HubEffect must(Hub& hub, HubChange one, Millis time = kTime) {
  const std::string text = one.text();
  auto done = change(hub, std::move(one), time);
  EXPECT_TRUE(done) << text << ": " << (done ? "" : to_string(done.error()));
  return done ? *done : HubEffect{};
}
/// The code of a change that must fail.
inline Errc refused(Hub& hub, HubChange one, Millis time = kTime) {
  const std::string text = one.text();
  const auto done = change(hub, std::move(one), time);
  EXPECT_FALSE(done) << text;
  return done ? Errc::usage : done.error().code;
}

inline Hub founded() {
  const std::string group = Id("hub", Address::btc(EntityType::group, as_bytes("hub"))).text();
  HubChange create{.object = HubObject::hub, .actor = kOwner, .time = kTime};
  create.body = object(R"({"name": "Gardeners"})");
  return *Hub::found(group, create);
}

/// With an invite of the owner's that works for ever.
inline void join(Hub& hub, const std::string& who, Millis time = kTime) {
  must(hub, {.object = HubObject::invite, .actor = kOwner, .guid = number(9'999)}, time);
  JsonObject body;
  body.set("invite", number(9'999).text());
  must(hub, {.object = HubObject::member, .actor = who, .member = who, .body = body}, time);
}

/// Makes the role and gives it in addition to what they have.
inline void give(Hub& hub, const std::string& who, const Guid& role, Permissions permissions,
                 std::int64_t rank) {
  JsonObject made;
  made.set("name", "role");
  JsonArray words;
  for (const std::string& word : permissions.words()) words.emplace_back(word);
  made.set("permissions", words);
  made.set("rank", rank);
  must(hub, {.object = HubObject::role, .actor = kOwner, .guid = role, .body = made});
  JsonArray roles;
  for (const Guid& guid : hub.members().find(who)->second.roles) roles.emplace_back(guid.text());
  roles.emplace_back(role.text());
  JsonObject body;
  body.set("roles", roles);
  must(hub, {.operation = Operation::edit,
             .object = HubObject::member,
             .actor = kOwner,
             .member = who,
             .body = body});
}

}  // namespace dim::hub_testing
