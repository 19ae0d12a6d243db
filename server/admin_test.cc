#include "server/admin.h"

#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class AdminOfStation : public HubTest {
 protected:
  /// The answer to one verb.
  JsonObject admin(const std::string& verb, const std::string& target = {},
                   const std::string& more = {}) {
    std::string line = R"({"verb":")" + verb + "\"";
    if (!target.empty()) line += R"(,"target":")" + target + "\"";
    line += (more.empty() ? "" : ",") + more + "}";
    std::string out;
    station->admin(line, "operator:1000", [&](std::string text) { out = std::move(text); });
    station->end_of_turn();
    const auto object = parse_json_object(out);
    EXPECT_TRUE(object) << verb << " was not answered";
    return object.value_or(JsonObject());
  }
  static std::int64_t number(const JsonObject& from, std::string_view key) {
    const Json* value = from.find(key);
    return value == nullptr || value->integer() == nullptr ? -1 : *value->integer();
  }
  static int code_of(const JsonObject& answer) {
    const Json* ok = answer.find("ok");
    return ok != nullptr && ok->boolean() != nullptr && *ok->boolean()
               ? 200
               : static_cast<int>(number(answer, "code"));
  }
  static std::vector<JsonObject> list(const JsonObject& answer, std::string_view key) {
    std::vector<JsonObject> out;
    const Json* all = answer.find(key);
    EXPECT_NE(all, nullptr) << write_json(answer);
    if (all == nullptr || all->array() == nullptr) return out;
    for (const Json& one : *all->array()) out.push_back(*one.object());
    return out;
  }
  /// "who act whom hub object reason" of the newest acts, oldest first.
  std::vector<std::string> acts(const std::string& hub = {}) {
    std::vector<std::string> out;
    for (const JsonObject& one : list(admin("audit-list", hub), "acts")) {
      std::string text;
      for (const char* key : {"who", "act", "whom", "reason"}) {
        if (const std::string* found = one.text(key)) text += (text.empty() ? "" : " ") + *found;
      }
      out.insert(out.begin(), text);
    }
    return out;
  }
  int login_code(const std::string& name) {
    auto control = connect();
    const auto first = ask(*control, hello(account_of(name)));
    if (first.empty() || first.back().code != 418) return first.empty() ? 0 : first.back().code;
    const auto all =
        ask(*control, proof(account_of(name), input_for(account_of(name), *control, first.back()),
                            first.back().get("known") == "no"));
    return all.empty() ? 0 : all.front().code;
  }
  static std::string said(const std::vector<Packet>& all, int code) {
    for (const Packet& one : all) {
      if (one.code == code) return std::string(one.get("message"));
    }
    return {};
  }
};

TEST_F(AdminOfStation, F69_N9_ABanEndsWhatIsOpenAtOnceAndOutlivesARestart) {
  auto alice = founder();
  auto bob = member("bob");
  const auto answer = admin("bans-add", id_of("bob"), R"("reason":"spam")");
  EXPECT_EQ(code_of(answer), 200) << write_json(answer);
  EXPECT_EQ(number(answer, "streams"), 2) << "control and text";
  EXPECT_GE(number(answer, "took"), 0);
  EXPECT_TRUE(bob.control->link.closed);
  EXPECT_TRUE(bob.text->link.closed);
  EXPECT_NE(said(bob.text->take(), 403), "");
  EXPECT_EQ(login_code("bob"), 403);
  EXPECT_FALSE(alice.text->link.closed);
  start();
  EXPECT_EQ(login_code("bob"), 403) << "after a restart too";
  const auto bans = list(admin("bans-list"), "bans");
  ASSERT_EQ(bans.size(), 1U);
  EXPECT_EQ(*bans[0].text("target"), id_of("bob"));
  EXPECT_EQ(*bans[0].text("reason"), "spam");
  EXPECT_EQ(*bans[0].text("by"), "operator:1000");
  EXPECT_EQ(code_of(admin("bans-lift", id_of("bob"))), 200);
  EXPECT_EQ(login_code("bob"), 200);
  EXPECT_EQ(code_of(admin("bans-lift", id_of("bob"))), 404) << "nothing is left to lift";
  EXPECT_THAT(acts(), testing::IsSupersetOf({"operator:1000 CREATE ban " + id_of("bob") + " spam",
                                             "operator:1000 DELETE ban " + id_of("bob")}));
}

TEST_F(AdminOfStation, F69_ABanEndsByItselfWhenItsTimeHasCome) {
  const std::string until = "\"until\":\"" + format_time(clock.now() + 60'000) + "\"";
  EXPECT_EQ(code_of(admin("bans-add", id_of("bob"), until)), 200);
  EXPECT_EQ(login_code("bob"), 403);
  pass(60'000, 1'000);
  EXPECT_EQ(login_code("bob"), 200);
  EXPECT_TRUE(list(admin("bans-list"), "bans").empty());
  EXPECT_EQ(code_of(admin("bans-add", id_of("bob"), until)), 401) << "a time that is over";
}

TEST_F(AdminOfStation, F69_N9_ABanOfAnAddressEndsWhoIsThereAndKeepsThemOut) {
  auto alice = login("alice", "2001:db8:1::7");
  auto bob = login("bob", "2001:db8:2::7");
  auto stranger = connect(Lane::control, "2001:db8:2::99");
  const auto answer = admin("bans-add", "2001:db8:2::/64");
  EXPECT_EQ(number(answer, "streams"), 2) << write_json(answer);
  EXPECT_TRUE(bob.control->link.closed);
  EXPECT_TRUE(stranger->link.closed);
  EXPECT_FALSE(alice.control->link.closed);
  auto again = connect(Lane::control, "2001:db8:2::7");
  EXPECT_TRUE(again->link.closed);
  EXPECT_NE(said(again->take(), 403), "");
  EXPECT_EQ(login_code("bob"), 200) << "from elsewhere";
  EXPECT_EQ(code_of(admin("bans-lift", "2001:db8:2::/64")), 200);
  EXPECT_FALSE(connect(Lane::control, "2001:db8:2::7")->link.closed);
}

TEST_F(AdminOfStation, F69_ABanOfTheConfigurationIsShownAndIsLiftedThere) {
  config.bans.insert(id_of("bob"));
  start();
  const auto bans = list(admin("bans-list"), "bans");
  ASSERT_EQ(bans.size(), 1U);
  EXPECT_EQ(*bans[0].text("by"), "configuration");
  EXPECT_EQ(code_of(admin("bans-lift", id_of("bob"))), 407);
  EXPECT_EQ(*admin("users-show", id_of("bob")).find("user")->object()->text("state"), "banned");
}

TEST_F(AdminOfStation, AUserIsShownDisabledAndEnabled) {
  auto alice = founder();
  auto bob = member("bob");
  const auto users = list(admin("users-list"), "users");
  ASSERT_EQ(users.size(), 2U) << "and not the hub, which has an identity too";
  EXPECT_EQ(number(users[0], "sessions"), 1);
  const auto first = admin("users-list", "", "\"limit\":1");
  ASSERT_EQ(list(first, "users").size(), 1U);
  const auto rest = admin("users-list", "", "\"after\":\"" + *first.text("next") + "\"");
  ASSERT_EQ(list(rest, "users").size(), 1U);
  EXPECT_NE(*list(first, "users")[0].text("id"), *list(rest, "users")[0].text("id"));

  const auto answer = admin("users-show", id_of("bob"));
  const JsonObject* shown = answer.find("user")->object();
  EXPECT_EQ(*shown->text("state"), "active");
  EXPECT_EQ(*shown->find("addresses")->array()->front().text(), "2001:db8:1::7");
  EXPECT_EQ(*shown->find("hubs")->array()->front().object()->text("id"), hub_id());
  EXPECT_EQ(code_of(admin("users-show", id_of("carol"))), 404);
  EXPECT_EQ(code_of(admin("users-disable", id_of("carol"))), 404);
  EXPECT_EQ(code_of(admin("users-show", "no-such-name")), 404);

  EXPECT_EQ(number(admin("users-disable", id_of("bob"), R"("reason":"left us")"), "streams"), 2);
  EXPECT_TRUE(bob.text->link.closed);
  EXPECT_EQ(login_code("bob"), 403);
  const auto disabled = admin("users-show", id_of("bob"));
  EXPECT_EQ(*disabled.find("user")->object()->text("state"), "disabled");
  EXPECT_EQ(*disabled.find("user")->object()->find("act")->object()->text("reason"), "left us");
  start();
  EXPECT_EQ(login_code("bob"), 403);
  EXPECT_EQ(code_of(admin("users-enable", id_of("bob"))), 200);
  EXPECT_EQ(login_code("bob"), 200);
  EXPECT_EQ(code_of(admin("users-enable", id_of("bob"))), 404);
}

TEST_F(AdminOfStation, NothingIsLeftOfAUserWhoIsRemoved) {
  auto alice = founder();
  auto bob = member("bob");
  EXPECT_EQ(code_of(admin("users-remove", id_of("alice"))), 407) << "she owns a hub";
  EXPECT_FALSE(alice.text->link.closed) << "and nothing has happened to her";
  static_cast<void>(alice.text->take());
  const auto answer = admin("users-remove", id_of("bob"));
  EXPECT_EQ(code_of(answer), 200) << write_json(answer);
  EXPECT_EQ(number(answer, "streams"), 2);
  EXPECT_TRUE(bob.text->link.closed);
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("change"), "DELETE");
  EXPECT_EQ(told[0].get("member"), id_of("bob"));
  EXPECT_EQ(code_of(admin("users-show", id_of("bob"))), 404);
  EXPECT_FALSE(*store.identity(id_of("bob")));
  start();
  EXPECT_EQ(number(*admin("hubs-show", hub_id()).find("hub")->object(), "members"), 1);
  EXPECT_EQ(login_code("bob"), 200) << "as somebody new";
}

TEST_F(AdminOfStation, A44_AUserIsRemovedAltogetherOrNotAtAll) {
  auto alice = founder();
  auto bob = member("bob");
  static_cast<void>(alice.text->take());
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, make("role", next_guid(), R"({"name":"r"})")).empty());
  std::string said;
  station->admin(R"({"verb":"users-remove","target":")" + id_of("bob") + "\"}", "operator:1000",
                 [&](std::string text) { said = std::move(text); });
  station->end_of_turn();
  EXPECT_TRUE(alice.text->take().empty()) << "nobody hears of what is not stored yet";
  lose_the_first();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 1U) << "nor of what did not happen";
  EXPECT_EQ(answers[0].code, 506);
  EXPECT_EQ(code_of(*parse_json_object(said)), 503) << said;
  EXPECT_TRUE(*store.identity(id_of("bob")));
  EXPECT_EQ(number(*admin("hubs-show", hub_id()).find("hub")->object(), "members"), 2);
  EXPECT_EQ(code_of(admin("users-remove", id_of("bob"))), 200);
  EXPECT_FALSE(*store.identity(id_of("bob")));
  EXPECT_EQ(alice.text->take().size(), 1U);
}

TEST_F(AdminOfStation, InvitesOfAHubAreListedMadeAndTakenBack) {
  auto alice = founder();
  const auto made = admin("invites-make", hub_id(), "\"uses\":1");
  ASSERT_EQ(code_of(made), 200) << write_json(made);
  const std::string guid = *made.text("invite");
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U) << "those who may see invites hear of it";
  EXPECT_EQ(told[0].get("author"), station_account().id.bare().text());
  auto bob = online("bob");
  EXPECT_EQ(code(*bob.text, joining(*Guid::parse(guid))), 201) << last.get("message");
  ASSERT_EQ(list(admin("invites-list", hub_id()), "invites").size(), 1U) << "it was used up";
  EXPECT_EQ(code_of(admin("invites-withdraw", invite.text())), 200);
  EXPECT_TRUE(list(admin("invites-list", hub_id()), "invites").empty());
  EXPECT_EQ(code_of(admin("invites-withdraw", invite.text())), 410);
  EXPECT_EQ(code_of(admin("invites-withdraw", next_guid().text())), 404);
  EXPECT_EQ(code_of(admin("invites-list", id_of("alice"))), 401);
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(invite)), 410);
  start();
  EXPECT_EQ(number(*admin("hubs-show", hub_id()).find("hub")->object(), "members"), 2);
}

TEST_F(AdminOfStation, AFrozenHubIsReadAndNotWritten) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid mine = next_guid(), late = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, mine, "before")), 201);
  EXPECT_EQ(code_of(admin("hubs-freeze", hub_id(), R"("reason":"complaint")")), 200);
  start();
  alice = online("alice");
  bob = online("bob");
  EXPECT_EQ(code(*bob.text, post(channel, late, "after")), 403);
  EXPECT_EQ(code(*bob.text, post(channel, mine, "before")), 201) << "P36: it is stored";
  Packet edit = request(Operation::edit, "message", mine.text());
  edit.content = "other";
  EXPECT_EQ(code(*bob.text, edit), 403);
  EXPECT_EQ(code(*bob.text, request(Operation::create, "reaction", mine.text()).set("symbol", "x")),
            403);
  EXPECT_EQ(code(*alice.text, make("role", next_guid(), R"({"name":"r"})")), 403);
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(invite)), 403);
  EXPECT_EQ(code(*carol.text, joining(next_guid())), 404) << "a stranger learns nothing";
  EXPECT_EQ(code(*bob.text, request(Operation::get, "message", channel.text())), 200);
  EXPECT_EQ(code(*bob.text, request(Operation::remove, "message", mine.text())), 200)
      << "what one wrote is one's own";
  EXPECT_EQ(code(*bob.text, about(Operation::erase, "member", "")), 204);
  EXPECT_EQ(*admin("hubs-show", hub_id()).find("hub")->object()->text("state"), "frozen");
  EXPECT_EQ(code_of(admin("hubs-thaw", hub_id())), 200);
  EXPECT_EQ(code(*carol.text, joining(invite)), 201) << last.get("message");
  EXPECT_EQ(code(*carol.text, post(channel, late, "after")), 201);
}

TEST_F(AdminOfStation, AHubIsDeletedByTheOperator) {
  auto alice = founder();
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "text")), 201);
  static_cast<void>(alice.text->take());
  EXPECT_EQ(list(admin("hubs-list"), "hubs").size(), 1U);
  EXPECT_EQ(code_of(admin("hubs-delete", hub_id(), R"("reason":"unlawful")")), 200);
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "hub");
  EXPECT_EQ(told[0].get("change"), "DELETE");
  EXPECT_TRUE(list(admin("hubs-list"), "hubs").empty());
  EXPECT_EQ(code_of(admin("hubs-show", hub_id())), 410);
  EXPECT_EQ(code_of(admin("hubs-delete", hub_id())), 410);
  EXPECT_EQ(store.channel_use(channel)->messages, 0);
  start();
  EXPECT_TRUE(list(admin("hubs-list"), "hubs").empty());
  EXPECT_EQ(acts(hub_id()).back(), "operator:1000 DELETE hub unlawful");
}

TEST_F(AdminOfStation, N14_AHubHasAsManyMessagesAndBytesAsItsQuota) {
  config.hub_quotas.messages = 3;
  start();
  auto alice = founder();
  Guid last_one = next_guid();
  for (int i = 0; i < 3; ++i) {
    last_one = next_guid();
    EXPECT_EQ(code(*alice.text, post(channel, last_one, "text")), 201);
  }
  const Guid fourth = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, fourth, "text")), 506);
  EXPECT_EQ(code(*alice.text, post(channel, last_one, "text")), 201) << "P36";
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", last_one.text())), 204);
  EXPECT_EQ(code(*alice.text, post(channel, fourth, "text")), 201) << "there is room again";

  const auto set = admin("quotas-set", hub_id(), R"("quotas":{"messages":0,"bytes":100})");
  EXPECT_EQ(code_of(set), 200) << write_json(set);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), std::string(88, 'x'))), 201);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "x")), 506);
  Packet edit = request(Operation::edit, "message", fourth.text());
  edit.content = "an edit keeps the earlier text";
  EXPECT_EQ(code(*alice.text, edit), 506);
  const auto shown = admin("quotas-show", hub_id());
  EXPECT_EQ(number(*shown.find("used")->object(), "bytes"), 100);
  EXPECT_EQ(number(*shown.find("used")->object(), "messages"), 4);
  EXPECT_EQ(number(*shown.find("set")->object(), "bytes"), 100);
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "x")), 506) << "after a restart too";
  EXPECT_EQ(code_of(admin("quotas-set", hub_id(), R"("quotas":{"messages":null,"bytes":null})")),
            200);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "x")), 506) << "three by default";
  EXPECT_TRUE(admin("quotas-show", hub_id()).find("set")->object()->empty());
}

TEST_F(AdminOfStation, N14_WhatIsOnItsWayToTheDiskCountsToo) {
  config.hub_quotas.messages = 2;
  start();
  auto alice = founder();
  committer.held = true;
  for (int i = 0; i < 3; ++i)
    send(*alice.text, post(channel, next_guid(), "text").set("id", std::to_string(20 + i)));
  committer.held = false;
  committer.run();
  station->end_of_turn();
  int stored = 0, full = 0;
  for (const Packet& one : alice.text->take()) {
    stored += one.code == 201 ? 1 : 0;
    full += one.code == 506 ? 1 : 0;
  }
  EXPECT_EQ(stored, 2);
  EXPECT_EQ(full, 1);
}

TEST_F(AdminOfStation, N14_AHubHasAsManyMembersAndChannelsAsItsQuotaAndAUserAsManyHubs) {
  auto alice = founder();
  EXPECT_EQ(code_of(admin("quotas-set", hub_id(), R"("quotas":{"members":2,"channels":1})")), 200);
  auto bob = member("bob");
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, joining(invite)), 506);
  EXPECT_EQ(code(*alice.text, make("channel", next_guid(), R"({"name":"more"})")), 506);
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, make("channel", next_guid(), R"({"name":"more"})")), 506);
  EXPECT_EQ(code_of(admin("quotas-set", hub_id(), R"("quotas":{"channels":2})")), 200);
  EXPECT_EQ(code(*alice.text, make("channel", next_guid(), R"({"name":"more"})")), 201);

  EXPECT_EQ(code_of(admin("quotas-set", id_of("alice"), R"("quotas":{"hubs":1})")), 200);
  const Meta meta = Meta::make_mkm(account_of("alice").identity_key, "Group-2");
  Packet second = request(Operation::create, "hub", meta.id(EntityType::group)->text());
  JsonObject content;
  content.set("name", "Second");
  content.set("meta", meta.json());
  second.content = write_json(content);
  EXPECT_EQ(code(*alice.text, second), 506);
  EXPECT_EQ(code_of(admin("quotas-set", id_of("bob"), R"("quotas":{"hubs":0})")), 200);
  EXPECT_EQ(code(*alice.text, about(Operation::edit, "owner", "bob")), 506)
      << "nor is one given to who may own none";
  EXPECT_EQ(code_of(admin("quotas-set", id_of("alice"), R"("quotas":{"hubs":null})")), 200);
  EXPECT_EQ(code(*alice.text, second), 201) << last.get("message");
  EXPECT_EQ(number(*admin("quotas-show", id_of("alice")).find("used")->object(), "hubs"), 2);
  EXPECT_EQ(code_of(admin("quotas-set", id_of("bob"), R"("quotas":{"members":3})")), 401);
}

TEST_F(AdminOfStation, R14_WhatTheDiskDidNotTakeDoesNotHold) {
  static_cast<void>(login("bob"));
  committer.error = Error{Errc::insufficient_storage, "no space is left on the disk"};
  EXPECT_EQ(code_of(admin("bans-add", id_of("bob"))), 506);
  committer.error.reset();
  EXPECT_EQ(login_code("bob"), 200);
  EXPECT_TRUE(list(admin("bans-list"), "bans").empty());
}

TEST_F(AdminOfStation, WhatCannotBeReadLetsNobodyIn) {
  const std::vector<Write> broken{PutSetting{"ban", id_of("bob"), "nonsense"}};
  ASSERT_TRUE(store.commit(broken));
  start();
  static_cast<void>(connect());
  EXPECT_TRUE(station->failed()) << "dimd ends with 70";
}

}  // namespace
}  // namespace dim::station_test
