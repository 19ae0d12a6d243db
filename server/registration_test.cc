// Who may come to a station for the first time (F86): codes as values, what a stranger is answered,
// and that no code works more often than it was made for.
#include "server/registration.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "dim/packet/guid.h"
#include "server/gateway_fixture.h"
#include "server/records.h"

namespace dim::station_test {
namespace {

constexpr const char* kGuid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
constexpr const char* kOther = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";

JoinCode code_of(const std::string& code, std::int64_t uses = 1, Millis until = 1'000) {
  return {
      .hash = join_code_hash(code), .by = "operator:1", .time = 1, .until = until, .uses = uses};
}

TEST(JoinCodes, F86_ACodeIsRandomAndKeptAsAHash) {
  SeededRandom random(1);
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) made.insert(new_join_code(random));
  EXPECT_EQ(made.size(), 100U);
  for (const std::string& one : made) {
    EXPECT_EQ(one.size(), 24U) << "144 bits in base64url";
    EXPECT_EQ(
        one.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        std::string::npos)
        << "it stands in a URI as it is";
    EXPECT_FALSE(code_of(one).text().contains(one));
  }
}

TEST(JoinCodes, F86_OnlyTheWholeCodeInItsTimeIsFound) {
  JoinCodes codes;
  ASSERT_TRUE(codes.set(kGuid, code_of("right").text()));
  ASSERT_TRUE(codes.set(kOther, code_of("other", 2).text()));
  ASSERT_NE(codes.find("right", 999), nullptr);
  EXPECT_EQ(*codes.find("right", 999), kGuid);
  EXPECT_EQ(*codes.find("other", 999), kOther);
  EXPECT_EQ(codes.find("right", 1'000), nullptr) << "over";
  for (const char* wrong : {"", "righ", "right ", "rightright", "Right"})
    EXPECT_EQ(codes.find(wrong, 999), nullptr) << wrong;
  EXPECT_EQ(codes.find(join_code_hash("right"), 999), nullptr) << "who reads the disk has no code";
  codes.count(kGuid, -1);
  EXPECT_EQ(codes.find("right", 999), nullptr) << "used up";
  codes.count(kGuid, 1);
  EXPECT_NE(codes.find("right", 999), nullptr);
  ASSERT_TRUE(codes.set(kGuid, ""));
  EXPECT_EQ(codes.find("right", 999), nullptr) << "taken back";
}

TEST(JoinCodes, F86_WhatIsNoCodeIsNotTaken) {
  const JoinCode right = code_of("right", 3);
  const auto again = JoinCode::parse(right.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), right.text());
  JoinCodes codes;
  for (const std::string& wrong :
       {std::string("{}"), std::string("[]"), std::string(R"({"hash":"ab","by":"x"})"),
        R"({"hash":")" + right.hash + R"(","by":"x","time":1,"until":2})",
        R"({"hash":")" + right.hash + R"(","by":"x","time":1,"until":2,"uses":-1})",
        R"({"hash":")" + std::string(64, 'z') + R"(","by":"x","time":1,"until":2,"uses":1})"})
    EXPECT_FALSE(codes.set(kGuid, wrong)) << wrong;
  EXPECT_FALSE(codes.set("bob", right.text()));
  EXPECT_TRUE(codes.all().empty());
}

TEST(Registration, F86_ItsWordsAreRead) {
  for (const auto how : {Registration::open, Registration::invite, Registration::closed})
    EXPECT_EQ(registration_called(to_string(how)), how);
  for (const char* wrong : {"", "Open", "default", "invites"})
    EXPECT_FALSE(registration_called(wrong)) << wrong;
}

class Strangers : public GatewayTest {
 protected:
  void SetUp() override {
    config.registration = Registration::invite;
    GatewayTest::SetUp();
  }
  JsonObject admin(const std::string& rest) {
    std::string out;
    station->admin("{\"verb\":" + rest + "}", "operator:1000",
                   [&](std::string text) { out = std::move(text); });
    station->end_of_turn();
    EXPECT_FALSE(out.empty() && !committer.held) << rest << " was not answered";
    return parse_json_object(out).value_or(JsonObject());
  }
  std::string new_code(const std::string& more = {}) {
    const JsonObject answer = admin("\"codes-make\"" + more);
    const std::string* code = answer.text("invite");
    EXPECT_NE(code, nullptr) << write_json(answer);
    guid = answer.text("guid") == nullptr ? "" : *answer.text("guid");
    return code == nullptr ? "" : *code;
  }
  void registration(const std::string& how) {
    EXPECT_EQ(*admin(R"("registration-set","target":")" + how + "\"").find("ok")->boolean(), true);
  }
  /// A log-in up to the proof with that code; its connection is `last`.
  Packet prove(const std::string& name, const std::string& code,
               const std::string& remote = "2001:db8:1::7") {
    last = connect(Lane::control, remote);
    const Account& account = account_of(name);
    const Packet challenge = answer(*last, hello(account));
    EXPECT_EQ(challenge.code, 418) << challenge.get("message");
    Packet packet =
        proof(account, input_for(account, *last, challenge), challenge.get("known") == "no");
    if (!code.empty()) packet.set("invite-code", code);
    auto all = ask(*last, packet);
    return all.empty() ? Packet{} : all.front();
  }
  int code(const std::string& name, const std::string& with = {}) { return prove(name, with).code; }
  std::size_t codes() {
    const JsonObject answer = admin("\"codes-list\"");
    return answer.find("codes")->array()->size();
  }
  std::vector<std::string> acts() {
    std::vector<std::string> out;
    const JsonObject answer = admin("\"audit-list\"");
    for (const Json& one : *answer.find("acts")->array())
      out.push_back(*one.object()->text("who") + " " + *one.object()->text("act"));
    return out;
  }

  std::string guid;
  std::unique_ptr<Peer> last;
};

TEST_F(Strangers, F86_AStrangerNeedsACodeAndWhoIsKnownNeedsNone) {
  const Packet refused = prove("alice", "");
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(std::string(refused.get("message")), testing::HasSubstr("invitation"));
  EXPECT_FALSE(store.identity(id_of("alice")).value().has_value()) << "nothing is kept of them";
  const std::string made = new_code();
  EXPECT_EQ(code("alice", made), 200);
  EXPECT_EQ(code("alice"), 200) << "who has been here comes back";
  EXPECT_EQ(code("alice", "nonsense"), 200);
  EXPECT_EQ(code("bob", made), 403) << "it works once";
  EXPECT_EQ(codes(), 0U);
  EXPECT_EQ(code("bob", new_code(R"(,"uses":2)")), 200);
  EXPECT_EQ(codes(), 1U) << "one use is left";
  EXPECT_THAT(acts(), testing::IsSupersetOf({std::string("operator:1000 CREATE code"),
                                             id_of("alice") + " USE code"}));
}

TEST_F(Strangers, F86_ACodeIsUsedUpOnTheDiskTogetherWithTheIdentity) {
  const std::string made = new_code(R"(,"uses":2)");
  EXPECT_EQ(code("alice", made), 200);
  start();  // as after a crash: what was acknowledged is all there is
  EXPECT_EQ(code("alice"), 200);
  EXPECT_EQ(code("bob", made), 200);
  start();
  EXPECT_EQ(code("carol", made), 403);
  EXPECT_EQ(codes(), 0U);
}

TEST_F(Strangers, F86_TwoAtOnceDoNotShareAUse) {
  const std::string made = new_code();
  committer.held = true;
  EXPECT_EQ(code("alice", made), 0) << "not answered before it is on the disk";
  auto first = std::move(last);
  EXPECT_EQ(code("bob", made), 403);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto all = first->take();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].code, 200);
}

TEST_F(Strangers, F86_AFullDiskUsesNoCodeUp) {
  const std::string made = new_code();
  committer.error = Error{Errc::insufficient_storage, "full"};
  EXPECT_EQ(code("alice", made), 506);
  committer.error.reset();
  EXPECT_EQ(code("alice", made), 200);
  EXPECT_EQ(code("bob", made), 403);
}

TEST_F(Strangers, F86_ACodeEndsInTimeAndWhenItIsTakenBack) {
  const std::string early = new_code(",\"until\":\"" + format_time(clock.now() + 60'000) + "\"");
  const std::string taken = new_code();
  const std::string taken_guid = guid;
  EXPECT_EQ(codes(), 2U);
  EXPECT_EQ(*admin(R"("codes-revoke","target":")" + taken_guid + "\"").find("ok")->boolean(), true);
  EXPECT_EQ(code("alice", taken), 403);
  const JsonObject again = admin(R"("codes-revoke","target":")" + taken_guid + "\"");
  EXPECT_EQ(*again.find("code")->integer(), 404);
  clock.at += 60'000;
  EXPECT_EQ(code("alice", early), 403);
  EXPECT_EQ(codes(), 0U);
  start();
  EXPECT_EQ(code("alice", taken), 403) << "after a restart too";
  EXPECT_EQ(code("alice", early), 403);
}

TEST_F(Strangers, F86_ACodeThatIsTakenBackDuringItsUseDoesNotReturn) {
  const std::string made = new_code(R"(,"uses":5)");
  committer.held = true;
  std::string revoked;
  station->admin(R"({"verb":"codes-revoke","target":")" + guid + "\"}", "operator:1000",
                 [&](std::string text) { revoked = std::move(text); });
  EXPECT_EQ(code("alice", made), 403) << "gone at once";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_THAT(revoked, testing::HasSubstr("\"ok\":true"));
  start();
  EXPECT_EQ(code("alice", made), 403);
}

TEST_F(Strangers, F86_GuessesAreCountedAsWrongProofsAre) {
  config.quotas.subnet_failures = {1, 3};
  start();
  EXPECT_EQ(code("alice", "guess"), 403);
  EXPECT_EQ(code("alice", "guess"), 403);
  EXPECT_EQ(code("alice", "guess"), 403);
  last = connect();
  EXPECT_EQ(answer(*last, hello(account_of("alice"))).code, 416);
}

TEST_F(Strangers, F86_ClosedAndOpenAndWhatTheOperatorSets) {
  const std::string made = new_code();
  registration("closed");
  EXPECT_EQ(code("alice", made), 403);
  EXPECT_EQ(*admin("\"codes-make\"").find("code")->integer(), 407);
  start();
  EXPECT_EQ(code("alice", made), 403) << "it outlives a restart";
  registration("open");
  EXPECT_EQ(code("alice"), 200);
  EXPECT_EQ(code("bob", "nonsense"), 200) << "nobody asks for one";
  EXPECT_EQ(codes(), 1U) << "and none is used up";
  registration("default");
  EXPECT_EQ(code("carol"), 403);
  EXPECT_EQ(code("alice"), 200);
  EXPECT_EQ(*admin("\"registration-show\"").text("registration"), "invite");
}

TEST_F(Strangers, F86_WhoWasRemovedIsAStrangerAgain) {
  EXPECT_EQ(code("alice", new_code()), 200);
  EXPECT_EQ(*admin(R"("users-remove","target":")" + id_of("alice") + "\"").find("ok")->boolean(),
            true);
  EXPECT_EQ(code("alice"), 403);
  EXPECT_EQ(code("alice", new_code()), 200);
}

TEST_F(Strangers, F86_WhomANeighbourHasBroughtIsNoGuestYet) {
  const auto bring = [&](const std::string& name) {
    const std::vector<Write> writes{
        PutIdentity{id_of(name), write_json(account_of(name).meta.json()), true},
        by_neighbour_record(id_of(name), 0)};
    ASSERT_TRUE(store.commit(writes));
  };
  bring("alice");
  EXPECT_EQ(code("alice"), 403);
  EXPECT_EQ(code("alice", new_code()), 200);
  EXPECT_EQ(code("alice"), 200) << "from then on";
  bring("bob");
  registration("open");
  EXPECT_EQ(code("bob"), 200);
  registration("invite");
  EXPECT_EQ(code("bob"), 200) << "has been here while it was open";
  EXPECT_EQ(code("carol"), 403);
}

TEST_F(Strangers, F86_ANeighbourWhoBringsThemDuringTheirFirstLogInTakesNothingBack) {
  const std::string made = new_code();
  committer.held = true;
  EXPECT_EQ(code("alice", made), 0);
  // The station does not know them yet.
  committer.submit({PutIdentity{id_of("alice"), write_json(account_of("alice").meta.json()), true},
                    by_neighbour_record(id_of("alice"), 0)},
                   [](const auto& written) { EXPECT_TRUE(written); });
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(code("alice"), 200) << "who has logged in needs no code";
}

TEST_F(Strangers, F86_AUseThatComesBackIsOnTheDiskToo) {
  const std::string made = new_code(R"(,"uses":2)");
  committer.held = true;
  EXPECT_EQ(code("alice", made), 0);
  const auto first = std::move(last);
  EXPECT_EQ(code("bob", made), 0);
  committer.error = Error{Errc::insufficient_storage, "full"};
  committer.run_one();
  committer.error.reset();
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(codes(), 1U);
  start();
  EXPECT_EQ(codes(), 1U) << "after a restart too";
  EXPECT_EQ(code("alice", made), 200);
  EXPECT_EQ(code("carol", made), 403);
}

TEST_F(Strangers, F86_ADimchatProgramIsToldWhyItsUserIsNotTaken) {
  auto stranger = dial(legacy("alice"));
  give(*stranger, pack(*stranger, "station@anywhere", hello(), {.meta = true, .visa = true}));
  const auto asked = news(*stranger);
  ASSERT_EQ(asked.size(), 1U);
  give(*stranger, pack(*stranger, station_id(), hello(text_in(asked[0], "session"))));
  EXPECT_THAT(texts(*stranger), testing::ElementsAre(testing::HasSubstr("invitation")));
  EXPECT_FALSE(store.identity(id_of("alice")).value().has_value());
  EXPECT_FALSE(stranger->link.was_proven);
  registration("open");
  auto alice = come("alice");
  EXPECT_TRUE(alice->link.was_proven);
  registration("closed");
  auto again = come("alice");
  EXPECT_TRUE(again->link.was_proven) << "who is known goes on";
}

}  // namespace
}  // namespace dim::station_test
