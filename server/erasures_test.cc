#include <gtest/gtest.h>

#include <algorithm>

#include "dim/engine/erasure.h"
#include "dim/engine/hub.h"
#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class Erasures : public HubTest {
 protected:
  Packet receipt(const std::string& who, const Guid& guid) {
    Packet packet = request(Operation::create, "erasure", guid.text());
    packet.content =
        write_json(sign_erasure(account_of(who), channel.text(), guid.text(), clock.now()));
    return packet;
  }
  /// Of a channel or hub.
  Packet receipt_of(const std::string& who, const std::string& object) {
    Packet packet = request(Operation::create, "erasure", object);
    packet.content = write_json(sign_erasure(account_of(who), object, object, clock.now()));
    return packet;
  }
  Packet asking(const Guid& guid) { return request(Operation::get, "erasure", guid.text()); }
  std::vector<std::string> signers(const Packet& answer) {
    std::vector<std::string> out;
    const auto object = parse_json_object(answer.content.value_or(""));
    EXPECT_TRUE(object);
    for (const Json& one : *object->find("list")->array())
      out.push_back(*one.object()->text("who"));
    return out;
  }
};

TEST_F(Erasures, N1_WhoDestroysHearsWhoHasErased) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  auto dave = online("dave");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "canary")), 201);
  EXPECT_EQ(code(*carol.text, receipt("carol", guid)), 407) << "it was not destroyed";
  EXPECT_EQ(code(*bob.text, asking(guid)), 407);
  EXPECT_EQ(code(*bob.text, request(Operation::destroy, "message", guid.text())), 204);
  Packet answer = ask_for(*bob.text, asking(guid));
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.get("count"), "0");
  EXPECT_EQ(answer.get("members"), "3");
  EXPECT_EQ(code(*carol.text, receipt("carol", guid)), 201) << last.get("message");
  EXPECT_EQ(code(*carol.text, receipt("carol", guid)), 201) << "once more";
  EXPECT_EQ(code(*alice.text, receipt("alice", guid)), 201);
  answer = ask_for(*bob.text, asking(guid));
  EXPECT_EQ(answer.get("count"), "2");
  const std::vector<std::string> both = signers(answer);
  EXPECT_EQ((std::set<std::string>(both.begin(), both.end())),
            (std::set<std::string>{id_of("alice"), id_of("carol")}));
  EXPECT_EQ(signers(ask_for(*bob.text, asking(guid).set("after", both[0]))),
            (std::vector<std::string>{both[1]}));
  EXPECT_EQ(code(*alice.text, asking(guid)), 200) << "the owner has own";
  EXPECT_EQ(code(*carol.text, asking(guid)), 403);
  EXPECT_EQ(code(*dave.text, asking(guid)), 404);
  EXPECT_EQ(code(*dave.text, receipt("dave", guid)), 404);
}

TEST_F(Erasures, N1_WrongReceiptsAreRefused) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "canary")), 201);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "message", guid.text())), 204);
  EXPECT_EQ(code(*bob.text, receipt("alice", guid)), 403) << "somebody else's";
  Packet other = receipt("bob", next_guid());
  EXPECT_EQ(code(*bob.text, other), 404) << "of no message";
  Packet wrong = receipt("bob", guid);
  wrong.content =
      write_json(sign_erasure(account_of("bob"), channel.text(), next_guid().text(), clock.now()));
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content = "{}";
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content.reset();
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content = R"({"x":")" + std::string(3'000, 'x') + "\"}";
  EXPECT_EQ(code(*bob.text, wrong), 411);
}

TEST_F(Erasures, N1_R20_AChannelIsDestroyedAndItsReadersSign) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  auto dave = online("dave");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "canary")), 201);
  EXPECT_EQ(code(*bob.text, receipt_of("bob", channel.text())), 407) << "it is there";
  Packet topic = request(Operation::edit, "channel", channel.text()).set("revision", "1");
  topic.content = R"({"topic":"topic of it"})";
  EXPECT_EQ(code(*alice.text, topic), 200);
  EXPECT_EQ(code(*dave.text, receipt_of("dave", channel.text())), 404);
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "channel", channel.text())), 204)
      << last.get("message");
  const auto heard = bob.text->take();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].get("type"), "channel");
  EXPECT_EQ(heard[0].get("change"), "DESTROY");
  EXPECT_EQ(heard[0].get("guid"), channel.text());
  EXPECT_FALSE(heard[0].content);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", channel.text())), 410);
  EXPECT_EQ(last.get("state"), "destroyed");
  EXPECT_EQ(code(*bob.text, request(Operation::get, "message", guid.text())), 404);
  EXPECT_EQ(code(*alice.text, make("channel", channel, R"({"name":"general"})")), 410);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "channel", channel.text())), 204)
      << "P38";
  EXPECT_EQ(code(*bob.text, receipt_of("bob", channel.text())), 201) << last.get("message");
  EXPECT_EQ(code(*bob.text, receipt_of("bob", channel.text())), 201) << "once more";
  EXPECT_EQ(code(*carol.text, receipt_of("bob", channel.text())), 403);
  EXPECT_EQ(code(*dave.text, receipt_of("dave", channel.text())), 404);
  auto erin = member("erin");
  EXPECT_EQ(code(*erin.text, receipt_of("erin", channel.text())), 403) << "came later";
  EXPECT_EQ(code(*bob.text, request(Operation::get, "erasure", channel.text())), 403);
  const Packet answer = ask_for(*alice.text, request(Operation::get, "erasure", channel.text()));
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.get("members"), "3");
  EXPECT_EQ(signers(answer), (std::vector<std::string>{id_of("bob")}));
  EXPECT_EQ(code(*alice.text, make("channel", next_guid(), R"({"name":"other"})")), 201)
      << "the hub goes on";
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "channel", channel.text())), 410);
  EXPECT_EQ(last.get("state"), "destroyed");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "hub", hub_id())), 200) << "it folds";
  const auto changes = *store.hub_changes(0, 100);
  for (const StoredHubChange& one : changes) {
    EXPECT_EQ(one.change.find("general"), std::string::npos) << one.change;
    EXPECT_EQ(one.change.find("topic of it"), std::string::npos) << one.change;
  }
}

TEST_F(Erasures, N1_R20_AHubIsDestroyedWithAllThatIsInItAndStaysSo) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid second = next_guid(), guid = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", second, R"({"name":"roses"})")), 201);
  EXPECT_EQ(code(*bob.text, post(second, guid, "canary")), 201);
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*bob.text, request(Operation::destroy, "hub", hub_id())), 403);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "hub", hub_id())), 204)
      << last.get("message");
  const auto heard = bob.text->take();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].get("change"), "DESTROY");
  const auto gone = [&] {
    for (const auto& [type, target] :
         {std::pair{"hub", hub_id()}, std::pair{"channel", second.text()},
          std::pair{"channel", channel.text()}}) {
      EXPECT_EQ(code(*bob.text, request(Operation::get, type, target)), 410) << type;
      EXPECT_EQ(last.get("state"), "destroyed") << type;
    }
    EXPECT_EQ(code(*bob.text, request(Operation::get, "message", guid.text())), 404);
    EXPECT_EQ(code(*alice.text, founding()), 410);
    EXPECT_EQ(code(*bob.text, request(Operation::destroy, "hub", hub_id())), 410);
    EXPECT_EQ(code(*alice.text, request(Operation::destroy, "hub", hub_id())), 204) << "P38";
  };
  gone();
  EXPECT_EQ(code(*bob.text, receipt_of("bob", hub_id())), 201) << last.get("message");
  start();
  alice = online("alice");
  bob = online("bob");
  gone();
  const Packet answer = ask_for(*alice.text, request(Operation::get, "erasure", hub_id()));
  EXPECT_EQ(answer.get("members"), "2");
  EXPECT_EQ(signers(answer), (std::vector<std::string>{id_of("bob")}));
  const auto changes = *store.hub_changes(0, 100);
  for (const StoredHubChange& one : changes) {
    EXPECT_EQ(one.change.find("Gardeners"), std::string::npos);
    EXPECT_EQ(one.change.find("roses"), std::string::npos);
  }
}

TEST_F(Erasures, R20_AHubThatWasHalfDestroyedIsFinishedAfterTheStart) {
  auto alice = founder();
  member("bob");
  const auto before = *store.hub_changes(0, 100);
  // The change is on the disk, and then the station is killed.
  const HubChange change{.operation = Operation::destroy,
                         .object = HubObject::hub,
                         .actor = id_of("alice"),
                         .time = clock.now()};
  const std::vector<Write> writes = {
      PutHubChange{hub_id(), static_cast<std::int64_t>(before.size()) + 1, change.text()}};
  ASSERT_TRUE(store.commit(writes));
  start();
  alice = online("alice");
  EXPECT_EQ(code(*alice.text, request(Operation::get, "hub", hub_id())), 410);
  EXPECT_EQ(last.get("state"), "destroyed");
  const auto after = *store.hub_changes(0, 100);
  ASSERT_EQ(after.size(), before.size() + 1);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(is_shredded(after[i].change)) << i;
}

TEST_F(Erasures, R20_TheAnswerComesBehindTheLastSliceAndNobodyWaitsForIt) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid other = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", other, R"({"name":"other"})")), 201);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "canary")), 201);
  static_cast<void>(alice.text->take());
  static_cast<void>(bob.text->take());
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, request(Operation::destroy, "channel", channel.text())).empty());
  committer.run_one();  // the change
  station->end_of_turn();
  EXPECT_EQ(bob.text->take().size(), 1U) << "members hear of it";
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("change"), "DESTROY") << "no answer yet";
  EXPECT_TRUE(ask(*bob.text, post(other, next_guid(), "meanwhile")).empty());
  committer.run_one();  // the slice
  station->end_of_turn();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 204);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto heard = bob.text->take();
  EXPECT_TRUE(std::ranges::any_of(heard, [](const Packet& one) { return one.code == 201; }));
}

TEST_F(Erasures, A44_R20_AHubWhoseDestructionCouldNotBeStoredIsAsItWas) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "kept")), 201);
  static_cast<void>(alice.text->take());
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, request(Operation::destroy, "hub", hub_id())).empty());
  EXPECT_TRUE(ask(*alice.text, request(Operation::destroy, "hub", hub_id()).set("id", "8")).empty())
      << "again, which would go on with what is not on the disk";
  lose_the_first();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, 506);
  EXPECT_EQ(answers[1].code, 503);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", hub_id())), 200);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "more")), 201) << last.get("message");
  EXPECT_TRUE(store.post(guid)->has_value());
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "hub", hub_id())), 204);
}

TEST_F(Erasures, WhatWasDeletedBeforeCanStillBeDestroyed) {
  auto alice = founder();
  auto bob = member("bob");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", channel.text())), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", channel.text())), 410);
  EXPECT_EQ(last.get("state"), "");
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "channel", channel.text())), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "channel", channel.text())), 410);
  EXPECT_EQ(last.get("state"), "destroyed");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "hub", hub_id())), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", hub_id())), 410);
  EXPECT_EQ(last.get("state"), "");
  EXPECT_EQ(code(*bob.text, request(Operation::destroy, "hub", hub_id())), 410);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "hub", hub_id())), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "hub", hub_id())), 410);
  EXPECT_EQ(last.get("state"), "destroyed");
}

}  // namespace
}  // namespace dim::station_test
