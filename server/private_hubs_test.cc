// Private hubs at the station: it has no keys, checks the form, and refuses what would need more.
#include "dim/engine/hub_post.h"
#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class PrivateHubs : public HubTest {
 protected:
  static const Meta& meta() {
    static const Meta one = Meta::make_mkm(account_of("alice").identity_key, "private-garden");
    return one;
  }
  static std::string hub() { return meta().id(EntityType::group)->text(); }
  JsonObject first() const { return first_roster(account_of("alice"), hub(), meta(), clock.now()); }
  Packet to_hub(Operation operation, const std::string& type, const JsonObject& body = {}) const {
    Packet packet = request(operation, type, hub());
    if (!body.empty()) packet.content = write_json(body);
    return packet;
  }
  JsonObject body_with(const JsonObject& membership) const {
    JsonObject body;
    body.set("name", "Cellar");
    body.set("meta", meta().json());
    if (!membership.empty()) body.set("roster", membership);
    return body;
  }
  JsonObject founding_body() const { return body_with(first()); }

  /// Alice's private hub with one channel, Bob at the station's list only.
  void found() {
    ASSERT_EQ(code(*alice.text, to_hub(Operation::create, "hub", founding_body())), 201)
        << last.get("message");
    Packet in = to_hub(Operation::create, "channel", *parse_json_object(R"({"name":"den"})"));
    ASSERT_EQ(code(*alice.text, in.set("guid", channel.text())), 201) << last.get("message");
    Packet invited = to_hub(Operation::create, "invite");
    ASSERT_EQ(code(*alice.text, invited.set("guid", invite.text())), 201);
    Packet join = to_hub(Operation::create, "member",
                         *parse_json_object(R"({"invite":")" + invite.text() + "\"}"));
    ASSERT_EQ(code(*bob.text, join), 201) << last.get("message");
    roster.emplace(Roster::begin(hub(), first()).value());
  }
  std::string sealed(const std::string& author, const Guid& guid, std::int64_t revision = 1) {
    Directory known;
    for (const char* who : {"alice", "bob"}) {
      EXPECT_TRUE(known.learn_meta(account_of(who).id, account_of(who).meta));
      EXPECT_TRUE(
          known.learn_document(account_of(who).id, account_of(who).visa.json(), clock.now()));
    }
    Roster both = *roster;
    if (!both.has(id_of("bob"))) {
      EXPECT_TRUE(both.extend(
          both.next(account_of("alice"), {id_of("bob")}, {}, clock.now()).value().value()));
    }
    auto out = seal_post("a word that nobody at the station reads", {channel, guid, revision}, both,
                         both.members(), account_of(author), known, clock.now(), random);
    EXPECT_TRUE(out) << to_string(out.error());
    return out.value_or("");
  }

  LoggedIn alice, bob;
  std::optional<Roster> roster;
  void SetUp() override {
    HubTest::SetUp();
    alice = online("alice");
    bob = online("bob");
  }
};

TEST_F(PrivateHubs, F20_TheKindIsFixedWhenAHubIsFounded) {
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "hub", body_with({}))), 401);
  EXPECT_NE(last.get("message").find("roster"), std::string_view::npos) << last.get("message");
  JsonObject of_bob = sign_roster(
      {.hub = hub(), .epoch = 1, .add = {id_of("bob")}, .time = clock.now(), .meta = meta()},
      account_of("alice").identity_key);
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "hub", body_with(of_bob))), 401);
  JsonObject lie = founding_body();
  lie.set("kind", "public");
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "hub", lie)), 401);
  found();
  const auto shown = [&] {
    EXPECT_EQ(code(*bob.text, to_hub(Operation::get, "hub")), 200);
    return last.content.value_or("");
  };
  EXPECT_TRUE(shown().contains(R"("kind":"private","epoch":1)")) << shown();
  EXPECT_EQ(code(*alice.text, to_hub(Operation::edit, "hub",
                                     *parse_json_object(R"({"kind":"public","name":"x"})"))),
            401);
  EXPECT_TRUE(shown().contains(R"("name":"Cellar")")) << "nothing of a refused change counts";
  EXPECT_EQ(code(*alice.text, to_hub(Operation::edit, "hub",
                                     *parse_json_object(R"({"kind":"private","name":"Den"})"))),
            200);
  Packet owner = to_hub(Operation::edit, "owner");
  EXPECT_EQ(code(*alice.text, owner.set("member", id_of("bob"))), 405)
      << "its members are signed by its founder's key";
  EXPECT_EQ(code(*alice.text, founding()), 201) << "and a public one has nothing of all that";
  EXPECT_EQ(code(*alice.text, request(Operation::get, "hub", hub_id())), 200);
  EXPECT_TRUE(last.content->contains(R"("kind":"public")")) << *last.content;
  EXPECT_EQ(code(*alice.text, request(Operation::get, "roster", hub_id())), 405);
}

TEST_F(PrivateHubs, A29_TheStationTakesNoPlainTextAndNoBorrowedMessage) {
  found();
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "in the clear")), 401);
  EXPECT_NE(last.get("message").find("private"), std::string_view::npos) << last.get("message");
  EXPECT_EQ(code(*bob.text, post(channel, guid, sealed("alice", guid))), 401) << "not Bob's";
  const std::string good = sealed("alice", guid);
  EXPECT_EQ(code(*alice.text, post(channel, guid, good)), 201) << last.get("message");
  EXPECT_EQ(code(*alice.text, post(channel, guid, good)), 201) << "P36";
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), std::string(256 * 1024 + 1, '{'))), 411);
  Packet edit = request(Operation::edit, "message", guid.text());
  edit.content = "in the clear";
  EXPECT_EQ(code(*alice.text, edit), 401);
  edit.content = sealed("alice", guid, 2);
  EXPECT_EQ(code(*alice.text, edit), 200) << last.get("message");
  // As it came: nothing is written anew.
  static_cast<void>(bob.text->take());
  last = ask_for(*bob.text, request(Operation::get, "message", channel.text()));
  ASSERT_EQ(pushed.size(), 1U);
  EXPECT_EQ(pushed[0].content, edit.content);
}

TEST_F(PrivateHubs, A29_APublicHubTakesNoSealedMessageThatItCouldNotRead) {
  ASSERT_EQ(code(*alice.text, founding()), 201);
  ASSERT_EQ(code(*alice.text, make("channel", channel, R"({"name":"general"})")), 201);
  const std::string sealed_for_public = [&] {
    Directory known;
    EXPECT_TRUE(known.learn_meta(account_of("alice").id, account_of("alice").meta));
    EXPECT_TRUE(
        known.learn_document(account_of("alice").id, account_of("alice").visa.json(), clock.now()));
    PlainMessage letter{.envelope = {.sender = account_of("alice").id,
                                     .receiver = *Id::parse(hub_id()),
                                     .time = static_cast<double>(clock.now()) / 1000},
                        .content = *parse_json_object(R"({"type":1,"sn":7,"text":"x"})")};
    return write_message(seal_group(letter, std::vector{account_of("alice").id},
                                    account_of("alice"), known, {}, random)
                             .value());
  }();
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), sealed_for_public)), 401);
  EXPECT_NE(last.get("message").find("public"), std::string_view::npos) << last.get("message");
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), R"({"json":"is text"})")), 201);
}

TEST_F(PrivateHubs, A29_WhatTheStationCannotReadItDoesNotSearchNorTakeReportsOf) {
  found();
  const Guid guid = next_guid();
  ASSERT_EQ(code(*alice.text, post(channel, guid, sealed("alice", guid))), 201)
      << last.get("message");
  for (const std::string& target : {hub(), channel.text()}) {
    Packet search = request(Operation::get, "message", target);
    EXPECT_EQ(code(*bob.text, search.set("search", "word")), 405);
    EXPECT_NE(last.get("message").find("dim search"), std::string_view::npos)
        << last.get("message");
  }
  Packet report = request(Operation::create, "report", guid.text());
  report.content = "because of what it says";
  EXPECT_EQ(code(*bob.text, report), 405);
  // Who may not see it learns no more of it than of others.
  LoggedIn carol = online("carol");
  Packet search = request(Operation::get, "message", hub());
  EXPECT_EQ(code(*carol.text, search.set("search", "word")), 404);
}

TEST_F(PrivateHubs, A28_MembershipsAreKeptInOrderAndToldToMembers) {
  found();
  const JsonObject second =
      roster->next(account_of("alice"), {id_of("bob")}, {}, clock.now()).value().value();
  const JsonObject other =
      roster->next(account_of("alice"), {id_of("carol")}, {}, clock.now()).value().value();
  EXPECT_EQ(code(*bob.text, to_hub(Operation::create, "roster", second)), 403) << "not its owner";
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", second)), 201)
      << last.get("message");
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "roster");
  EXPECT_EQ(told[0].content, write_json(second));
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", second)), 201) << "again";
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", other)), 407);
  EXPECT_EQ(
      code(*alice.text, to_hub(Operation::create, "roster", *parse_json_object(R"({"epoch":3})"))),
      401);
  Packet behind = to_hub(Operation::get, "roster");
  EXPECT_EQ(code(*bob.text, behind), 200);
  EXPECT_EQ(last.content, "{\"list\":[" + write_json(first()) + "," + write_json(second) + "]}");
  EXPECT_EQ(code(*bob.text, behind.set("limit", "1")), 206);
  EXPECT_EQ(last.get("next"), "1");
  EXPECT_EQ(code(*bob.text, behind.set("after", std::string(last.get("next")))), 200);
  EXPECT_EQ(last.content, "{\"list\":[" + write_json(second) + "]}");
  LoggedIn carol = online("carol");
  EXPECT_EQ(code(*carol.text, to_hub(Operation::get, "roster")), 404);
  // A station that begins anew has the same.
  start();
  bob = online("bob");
  EXPECT_EQ(code(*bob.text, to_hub(Operation::get, "roster")), 200);
  EXPECT_EQ(last.content, "{\"list\":[" + write_json(first()) + "," + write_json(second) + "]}");
}

TEST_F(PrivateHubs, NothingOfAMembershipIsKeptButWhatIsSigned) {
  const JsonObject good = first();
  JsonObject junk = good;
  junk.set("note", std::string(1'000, 'x'));
  ASSERT_EQ(code(*alice.text, to_hub(Operation::create, "hub", body_with(junk))), 201)
      << last.get("message");
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "hub", body_with(good))), 201) << "P36";
  roster.emplace(Roster::begin(hub(), good).value());
  const JsonObject second =
      roster->next(account_of("alice"), {id_of("bob")}, {}, clock.now()).value().value();
  junk = second;
  junk.set("note", std::string(limits::kRosterChangeBytes, 'x'));
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", junk)), 411);
  junk.set("note", JsonArray(5'000));
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", junk)), 201);
  EXPECT_EQ(code(*alice.text, to_hub(Operation::create, "roster", second)), 201) << "the same";
  const std::string all = "{\"list\":[" + write_json(good) + "," + write_json(second) + "]}";
  EXPECT_EQ(code(*alice.text, to_hub(Operation::get, "roster")), 200);
  EXPECT_EQ(last.content, all);
  for (const StoredHubChange& stored : store.hub_changes(0, 10).value())
    EXPECT_FALSE(stored.change.contains("note"));
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, to_hub(Operation::get, "roster")), 200);
  EXPECT_EQ(last.content, all);
}

}  // namespace
}  // namespace dim::station_test
