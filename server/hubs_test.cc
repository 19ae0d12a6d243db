#include <algorithm>

#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class Hubs : public HubTest {};

TEST_F(Hubs, F20_AHubIsFoundedByTheKeyThatMadeItsId) {
  auto alice = online("alice");
  auto bob = online("bob");
  EXPECT_EQ(code(*bob.text, founding()), 402) << "A31: somebody else's group";
  Packet other = founding();
  EXPECT_EQ(code(*alice.text, other.set("target", id_of("alice"))), 401);
  other = founding();
  other.content = "{\"name\":\"x\"}";
  EXPECT_EQ(code(*alice.text, other), 401);
  EXPECT_EQ(code(*alice.text, founding()), 201) << last.get("message");
  EXPECT_EQ(code(*alice.text, founding()), 201) << "P36: the same again";
  other = founding();
  other.content->replace(other.content->find("Gardeners"), 9, "Florists!");
  EXPECT_EQ(code(*alice.text, other), 407);
  const Packet shown = ask_for(*alice.text, request(Operation::get, "hub", hub_id()));
  EXPECT_EQ(shown.code, 200);
  const auto content = parse_json_object(*shown.content);
  const JsonObject& hub = *content->find("list")->array()->front().object();
  EXPECT_EQ(*hub.text("name"), "Gardeners");
  EXPECT_EQ(*hub.text("owner"), id_of("alice"));
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", hub_id())), 404) << "as if it were not";
  EXPECT_EQ(*ask_for(*bob.text, request(Operation::get, "hub", "")).content, R"({"list":[]})");
  EXPECT_EQ(ask_for(*alice.text, request(Operation::get, "hub", "")).get("count"), "1");
}

TEST_F(Hubs, R1_NothingIsAnsweredBeforeItIsOnTheDisk) {
  auto alice = founder();
  committer.held = true;
  const Guid guid = next_guid();
  EXPECT_TRUE(ask(*alice.text, make("role", guid, R"({"name":"r"})")).empty());
  EXPECT_TRUE(ask(*alice.text, make("role", guid, R"({"name":"r"})").set("id", "8")).empty())
      << "nor is a repetition, while the first one waits";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 3U) << "the change is told, and two are answered";
  EXPECT_EQ(answers[1].code, 201);
  EXPECT_EQ(answers[2].code, 201);
}

TEST_F(Hubs, R1_ARestartedStationHasTheSameHub) {
  auto alice = founder();
  auto bob = member("bob");
  give(alice, "bob", "\"moderate\"");
  const auto before = ask_for(*alice.text, request(Operation::get, "member", hub_id())).content;
  start();
  auto again = online("alice");
  EXPECT_EQ(ask_for(*again.text, request(Operation::get, "member", hub_id())).content, before);
  EXPECT_EQ(code(*again.text, make("channel", channel, R"({"name":"general"})")), 201) << "P36";
  EXPECT_EQ(code(*again.text, make("channel", channel, R"({"name":"other"})")), 407) << "P36";
}

TEST_F(Hubs, R14_WhatAFullDiskDidNotTakeDidNotHappen) {
  auto alice = founder();
  committer.error = Error{Errc::insufficient_storage, "no space is left on the disk"};
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, make("role", guid, R"({"name":"r"})")), 506);
  committer.error.reset();
  EXPECT_EQ(code(*alice.text, request(Operation::get, "role", guid.text())), 404);
  EXPECT_EQ(code(*alice.text, make("role", guid, R"({"name":"r"})")), 201) << last.get("message");
}

TEST_F(Hubs, MembersHearOfChangesAndOnlyThoseWhoMaySeeThem) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = online("carol");
  static_cast<void>(alice.text->take());
  const Guid open = next_guid(), secret = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", open, R"({"name":"open"})")), 201);
  EXPECT_EQ(code(*alice.text, make("channel", secret, R"({"name":"s","kind":"private"})")), 201);
  auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].operation, Operation::notify);
  EXPECT_EQ(told[0].get("type"), "channel");
  EXPECT_EQ(told[0].get("change"), "CREATE");
  EXPECT_EQ(told[0].get("guid"), open.text());
  EXPECT_EQ(told[0].get("target"), hub_id());
  EXPECT_TRUE(told[0].content->contains("\"open\""));
  EXPECT_TRUE(carol.text->take().empty());
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", secret.text())), 404);
  EXPECT_EQ(ask_for(*bob.text, request(Operation::get, "channel", hub_id())).get("count"), "2");
  EXPECT_EQ(ask_for(*alice.text, request(Operation::get, "channel", hub_id())).get("count"), "3");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", open.text())), 204);
  told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("change"), "DELETE");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "channel", open.text())), 410) << "P38";
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", open.text())), 410) << "P38";
  EXPECT_EQ(code(*carol.text, request(Operation::get, "channel", open.text())), 404)
      << "whoever is no member does not learn that it was there";
}

TEST_F(Hubs, F22_JoiningByInviteWithAndWithoutApproval) {
  auto alice = founder();
  const Guid once = next_guid(), asks = next_guid();
  EXPECT_EQ(code(*alice.text, make("invite", once, R"({"uses":1})")), 201);
  EXPECT_EQ(code(*alice.text, make("invite", asks, R"({"approval":true})")), 201);
  auto bob = online("bob");
  EXPECT_EQ(code(*bob.text, joining(next_guid())), 404);
  EXPECT_EQ(code(*bob.text, joining(once)), 201) << last.get("message");
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(once)), 410);
  static_cast<void>(alice.text->take());
  EXPECT_EQ(code(*carol.text, joining(asks)), 202);
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "request");
  EXPECT_TRUE(bob.text->take().empty()) << "only who decides hears of requests";
  EXPECT_EQ(code(*bob.text, about(Operation::edit, "request", "carol")), 403);
  EXPECT_EQ(code(*carol.text, about(Operation::get, "request", "carol")), 200);
  EXPECT_EQ(code(*alice.text, about(Operation::edit, "request", "carol")), 200);
  EXPECT_EQ(code(*carol.text, request(Operation::get, "hub", hub_id())), 200);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "invite", asks.text())), 403)
      << "an invite is its own key";
  EXPECT_EQ(code(*bob.text, about(Operation::erase, "member", "")), 204) << "leaves";
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", hub_id())), 404);
}

TEST_F(Hubs, P36_WhoWaitsAndAsksAgainIsAnsweredAsTheFirstTime) {
  auto alice = founder();
  const Guid asks = next_guid(), once = next_guid();
  EXPECT_EQ(code(*alice.text, make("invite", asks, R"({"approval":true})")), 201);
  EXPECT_EQ(code(*alice.text, make("invite", once, R"({"approval":true,"uses":1})")), 201);
  auto bob = online("bob");
  EXPECT_EQ(code(*bob.text, joining(asks)), 202);
  EXPECT_EQ(code(*bob.text, joining(asks)), 202) << "still waiting, no member";
  EXPECT_EQ(code(*alice.text, about(Operation::edit, "request", "bob")), 200);
  EXPECT_EQ(code(*bob.text, joining(asks)), 201);
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(once)), 202);
  EXPECT_EQ(code(*carol.text, joining(once)), 202) << "although it is used up: by her";
}

TEST_F(Hubs, ARequestDoesNotShowTheInviteThatItCameWith) {
  auto alice = founder();
  auto bob = member("bob");
  give(alice, "bob", "\"invite\"");
  const Guid asks = next_guid();
  EXPECT_EQ(code(*alice.text, make("invite", asks, R"({"approval":true})")), 201);
  static_cast<void>(bob.text->take());
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(asks)), 202);
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "request");
  EXPECT_FALSE(told[0].content->contains(asks.text())) << "an invite is its own key";
  const Packet shown = ask_for(*bob.text, request(Operation::get, "request", hub_id()));
  EXPECT_TRUE(shown.content->contains(id_of("carol")));
  EXPECT_FALSE(shown.content->contains(asks.text()));
}

TEST_F(Hubs, F18_WhatWasWrittenBeforeOneCameCountsAsRead) {
  auto alice = founder();
  const Guid asks = next_guid(), secret = next_guid();
  EXPECT_EQ(code(*alice.text, make("invite", asks, R"({"approval":true})")), 201);
  EXPECT_EQ(code(*alice.text, make("channel", secret, R"({"name":"s","kind":"private"})")), 201);
  const auto writes = [&](const Guid& in) {
    EXPECT_EQ(code(*alice.text, post(in, next_guid(), "x")), 201) << last.get("message");
  };
  const auto unread = [&](LoggedIn& in, const Guid& of) {
    static_cast<void>(in.text->take());
    last = ask_for(*in.text, request(Operation::get, "mark", of.text()));
    return std::string(last.get("unread"));
  };
  writes(channel);
  writes(secret);
  auto bob = member("bob");
  EXPECT_EQ(unread(bob, channel), "0");
  EXPECT_EQ(last.get("cursor"), "1");
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(asks)), 202);
  writes(channel);
  EXPECT_EQ(code(*alice.text, about(Operation::edit, "request", "carol")), 200);
  EXPECT_EQ(unread(carol, channel), "0") << "with approval too";
  EXPECT_EQ(unread(bob, channel), "1");
  Packet opens = request(Operation::edit, "channel", secret.text());
  opens.content = R"({"kind":"text"})";
  EXPECT_EQ(code(*alice.text, opens), 200);
  EXPECT_EQ(unread(bob, secret), "0") << "nor what opens to them later";
  EXPECT_EQ(code(*bob.text, about(Operation::erase, "member", "")), 204);
  static_cast<void>(alice.text->take());  // that he has left
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, post(channel, next_guid(), "on its way")).empty());
  EXPECT_TRUE(ask(*bob.text, joining(invite)).empty());
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(unread(bob, channel), "0") << "who comes again, and what was on its way to the disk";
  writes(channel);
  EXPECT_EQ(unread(bob, channel), "1");
}

TEST_F(Hubs, N9_ABanEndsTheStreamsOfTheBannedBeforeTheDiskIsDone) {
  auto alice = founder();
  auto bob = member("bob");
  give(alice, "bob", "\"invite\"");
  const Guid bobs = next_guid();
  EXPECT_EQ(code(*bob.text, make("invite", bobs)), 201) << last.get("message");
  static_cast<void>(bob.control->take());
  committer.held = true;
  EXPECT_TRUE(
      ask(*alice.control, about(Operation::create, "ban", "bob", R"({"reason":"spam"})")).empty());
  EXPECT_TRUE(bob.text->link.closed) << "while the disk works";
  EXPECT_FALSE(bob.control->link.closed) << "his other conversations go on";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto answers = alice.control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 201);
  EXPECT_EQ(answers[0].get("streams"), "1");
  EXPECT_EQ(answers[0].get("invites"), "1");
  EXPECT_EQ(answers[0].get("took"), "0");
  const auto told = bob.control->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "ban");
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(bobs)), 410) << "his invite went with him";
  auto again = online("bob");
  EXPECT_EQ(code(*again.text, joining(invite)), 403);
  EXPECT_EQ(code(*alice.control, about(Operation::erase, "ban", "bob")), 204);
  EXPECT_EQ(code(*again.text, joining(invite)), 201);
}

TEST_F(Hubs, P32_BansBelongOnTheControlLaneEverythingElseGoesOnBoth) {
  auto alice = founder();
  EXPECT_EQ(code(*alice.text, about(Operation::create, "ban", "bob")), 417);
  EXPECT_EQ(last.get("port"), "8800");
  EXPECT_EQ(code(*alice.control, make("channel", next_guid(), R"({"name":"a"})")), 201);
  EXPECT_EQ(code(*alice.control, post(channel, next_guid(), "hello")), 417);
  EXPECT_EQ(last.get("port"), "8801");
}

TEST_F(Hubs, P37_EditsOfOthersAndStaleOnesAreRefused) {
  auto alice = founder();
  auto bob = member("bob");
  Packet edit = request(Operation::edit, "channel", channel.text());
  edit.content = R"({"topic":"weather"})";
  EXPECT_EQ(code(*bob.text, edit), 403);
  edit.set("revision", "1");
  EXPECT_EQ(code(*alice.text, edit), 200) << last.get("message");
  EXPECT_EQ(code(*alice.text, edit), 200) << "the same again";
  edit.content = R"({"topic":"roses"})";
  EXPECT_EQ(code(*alice.text, edit), 407);
  EXPECT_EQ(code(*alice.text, edit.set("revision", "x")), 401);
  EXPECT_EQ(code(*bob.text, request(Operation::destroy, "channel", channel.text())), 403);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "role", channel.text())), 501);
  EXPECT_EQ(code(*alice.text, request(Operation::edit, "channel", next_guid().text())), 404)
      << "P30";
}

TEST_F(Hubs, QuotasBoundFoundingAndInviting) {
  config.quotas.invites = {1, 2};
  start();
  auto alice = founder();
  EXPECT_EQ(code(*alice.text, make("invite", next_guid())), 201);
  EXPECT_EQ(code(*alice.text, make("invite", next_guid())), 416);
  EXPECT_EQ(last.get("retry-after"), "1");
}

TEST_F(Hubs, ListsComeInPages) {
  auto alice = founder();
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(code(*alice.text, make("role", next_guid(), R"({"name":"r"})")), 201);
  }
  Packet get = request(Operation::get, "role", hub_id());
  std::size_t seen = 0;
  int pages = 0;
  for (get.set("limit", "2");; ++pages) {
    const Packet page = ask_for(*alice.text, get);
    seen += parse_json_object(*page.content)->find("list")->array()->size();
    if (page.code == 200) break;
    ASSERT_EQ(page.code, 206);
    get.set("after", std::string(page.get("next")));
  }
  EXPECT_EQ(seen, 5U);
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(code(*alice.text, get.set("limit", "0")), 401) << "P39";
}

TEST_F(Hubs, APageOfAListHoldsNoMoreValuesThanOneJsonTextMay) {
  auto alice = founder();
  const std::string words =
      R"("allow":["read","write","attach"],"deny":["speak","stream","moderate"])";
  std::string overrides = R"({"role":"everyone",)" + words + "}";
  for (int i = 0; i < 4; ++i) {
    const Guid role = next_guid();
    EXPECT_EQ(code(*alice.text, make("role", role, R"({"name":"r"})")), 201);
    overrides += R"(,{"role":")" + role.text() + "\"," + words + "}";
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(code(*alice.text,
                   make("channel", next_guid(), R"({"name":"c","overrides":[)" + overrides + "]}")),
              201)
        << last.get("message");
  }
  Packet get = request(Operation::get, "channel", hub_id());
  std::size_t seen = 0;
  for (;;) {
    const Packet page = ask_for(*alice.text, get);
    const auto content = parse_json_object(page.content.value_or(""));
    ASSERT_TRUE(content) << to_string(content.error());
    seen += content->find("list")->array()->size();
    if (page.code == 200) break;
    ASSERT_EQ(page.code, 206);
    get.set("after", std::string(page.get("next")));
  }
  EXPECT_EQ(seen, 201U);
}

/// {"name":"r","z":[[…]]}, with so many levels in all.
std::string deep_body(std::size_t depth) {
  return R"({"name":"r","z":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}
/// With so many values in all.
std::string wide_body(std::size_t values) {
  std::string out = R"({"name":"r","z":[0)";
  for (std::size_t i = 4; i < values; ++i) out += ",0";
  return out + "]}";
}

TEST_F(Hubs, J01_WhatAHubStoresItCanReadAgain) {
  auto alice = founder();
  for (const std::string& body : {deep_body(limits::kJsonDepth), deep_body(limits::kJsonDepth - 1),
                                  wide_body(limits::kJsonNodes - 2)}) {
    EXPECT_EQ(code(*alice.text, make("role", next_guid(), body)), 401);
    const Meta meta = Meta::make_mkm(account_of("alice").identity_key, "Group-12");
    Packet other = request(Operation::create, "hub", meta.id(EntityType::group)->text());
    other.content = R"({"meta":)" + write_json(meta.json()) + "," + body.substr(1);
    EXPECT_EQ(code(*alice.text, other), 401);
  }
  EXPECT_EQ(code(*alice.text, make("role", next_guid(), deep_body(limits::kJsonDepth - 2))), 201);
  EXPECT_EQ(code(*alice.text, make("role", next_guid(), wide_body(limits::kJsonNodes - 16))), 201);
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "role", hub_id())), 200);
  EXPECT_EQ(last.get("count"), "2") << "what was taken is there";
  EXPECT_EQ(std::ranges::count(events, "hub-unreadable"), 0);
}

TEST_F(Hubs, ABodyOfBeforeIsReadAsItWasTaken) {
  auto alice = founder();
  const auto stored = [&](std::int64_t number, HubChange change) {
    change.time = clock.now();
    const Write write = PutHubChange{hub_id(), number, change.text()};
    EXPECT_EQ(store.commit(std::span(&write, 1))->front().accepted, Accepted::stored);
  };
  const auto body = [](const std::string& text) { return *parse_json_object(text); };
  stored(4, {.object = HubObject::role,
             .actor = id_of("alice"),
             .guid = next_guid(),
             .body = body(deep_body(limits::kJsonDepth))});
  stored(5, {.object = HubObject::role,
             .actor = id_of("alice"),
             .guid = next_guid(),
             .body = body(wide_body(limits::kJsonNodes))});
  // Members that meant nothing then.
  stored(6, {.operation = Operation::edit,
             .actor = id_of("alice"),
             .body = body(R"({"kind":"walled","roster":7,"topic":"roses"})")});
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "role", hub_id())), 200);
  EXPECT_EQ(last.get("count"), "2");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "hub", hub_id())), 200);
  EXPECT_TRUE(last.content->contains(R"("topic":"roses")")) << *last.content;
}

TEST_F(Hubs, OneHubThatCannotBeReadEndsNoOther) {
  auto alice = founder();
  auto bob = member("bob");
  const Meta meta = Meta::make_mkm(account_of("bob").identity_key, "Group-13");
  const std::string broken = meta.id(EntityType::group)->text();
  JsonObject content;
  content.set("name", "Cooks");
  content.set("meta", meta.json());
  Packet found = request(Operation::create, "hub", broken);
  found.content = write_json(content);
  EXPECT_EQ(code(*bob.text, found), 201) << last.get("message");
  const Guid inside = next_guid();
  Packet in = request(Operation::create, "channel", broken);
  in.content = R"({"name":"soups"})";
  EXPECT_EQ(code(*bob.text, in.set("guid", inside.text())), 201) << last.get("message");
  const Guid behind = next_guid();
  HubChange last_one{.object = HubObject::channel, .actor = id_of("bob"), .guid = behind};
  last_one.body.set("name", "cakes");
  const std::vector<Write> writes = {PutHubChange{broken, 3, "{damaged"},
                                     PutHubChange{broken, 4, last_one.text()}};
  ASSERT_EQ(store.commit(writes)->back().accepted, Accepted::stored);
  start();
  alice = online("alice");
  bob = online("bob");
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", hub_id())), 200)
      << last.get("message");
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "on we go")), 201);
  EXPECT_EQ(std::ranges::count(events, "hub-unreadable"), 1);
  // It is not "not there", and nobody else gets what was its own.
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", broken)), 500);
  EXPECT_EQ(code(*bob.text, post(inside, next_guid(), "soup")), 500);
  EXPECT_EQ(code(*bob.text, in.set("guid", next_guid().text())), 500);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", inside.text())), 500);
  EXPECT_EQ(code(*bob.text, found), 500);
  EXPECT_EQ(code(*alice.text, make("channel", behind, R"({"name":"mine"})")), 407);
}

}  // namespace
}  // namespace dim::station_test
