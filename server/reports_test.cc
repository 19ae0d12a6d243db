#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class Reports : public HubTest {
 protected:
  Packet report(const Guid& guid, std::string why) {
    Packet packet = request(Operation::create, "report", guid.text());
    packet.content = std::move(why);
    return packet;
  }
  std::string listed(Peer& peer, const std::string& target) {
    EXPECT_EQ(code(peer, request(Operation::get, "report", target)), 200) << last.get("message");
    return last.content.value_or("");
  }
};

TEST_F(Reports, F72_AMessageIsReportedWithWhatItSaidToThoseWhoModerate) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "buy my pills")), 201);
  static_cast<void>(alice.text->take());
  EXPECT_EQ(code(*carol.text, report(guid, "spam")), 201) << last.get("message");
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "report");
  EXPECT_EQ(told[0].get("guid"), guid.text());
  EXPECT_EQ(told[0].get("author"), "") << "who has reported it is in the list alone";
  EXPECT_EQ(code(*carol.text, report(guid, "spam, again")), 201) << "the first one counts";
  EXPECT_TRUE(alice.text->take().empty());
  // The evidence outlives what its author does, but not DESTROY.
  Packet edit = request(Operation::edit, "message", guid.text());
  edit.content = "nothing at all";
  EXPECT_EQ(code(*bob.text, edit), 200);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "message", guid.text())), 204);
  for (const std::string& target : {channel.text(), hub_id()}) {
    const std::string list = listed(*alice.text, target);
    EXPECT_NE(list.find(R"("content":"buy my pills")"), std::string::npos) << list;
    EXPECT_NE(list.find(R"("text":"spam")"), std::string::npos) << list;
    EXPECT_NE(list.find(R"("member":")" + id_of("carol")), std::string::npos) << list;
    EXPECT_NE(list.find(R"("author":")" + id_of("bob")), std::string::npos) << list;
  }
  EXPECT_EQ(code(*bob.text, request(Operation::get, "report", channel.text())), 403);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "report", hub_id())), 403);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "report", guid.text())), 403);
  EXPECT_EQ(code(*carol.text, report(guid, "too late")), 410);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "report", guid.text())), 204);
  EXPECT_EQ(listed(*alice.text, channel.text()), R"({"list":[]})");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "report", guid.text())), 204);
}

TEST_F(Reports, F72_WhatIsDestroyedIsNoEvidenceAnyMore) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "a secret of mine")), 201);
  EXPECT_EQ(code(*bob.text, report(guid, "rude")), 201);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "message", guid.text())), 204);
  EXPECT_EQ(listed(*alice.text, channel.text()), R"({"list":[]})");
}

TEST_F(Reports, F72_WhatIsNoReportIsRefused) {
  auto alice = founder();
  auto bob = member("bob");
  auto dora = online("dora");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "hello")), 201);
  EXPECT_EQ(code(*alice.text, report(guid, "my own")), 401);
  EXPECT_EQ(code(*bob.text, report(guid, "")), 401);
  EXPECT_EQ(code(*bob.text, report(guid, std::string(2'049, 'x'))), 411);
  EXPECT_EQ(code(*bob.text, report(next_guid(), "nothing")), 404);
  EXPECT_EQ(code(*dora.text, report(guid, "no member")), 404);
  EXPECT_EQ(code(*dora.text, request(Operation::get, "report", hub_id())), 404);
  Packet page = request(Operation::get, "report", channel.text());
  EXPECT_EQ(code(*alice.text, page.set("after", "x")), 401);
}

}  // namespace
}  // namespace dim::station_test
