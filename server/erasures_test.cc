#include <gtest/gtest.h>

#include "dim/engine/erasure.h"
#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class Erasures : public HubTest {
 protected:
  Packet receipt(const std::string& who, const Guid& guid) {
    Packet packet = request(Operation::create, "erasure", guid.text());
    packet.content = write_json(sign_erasure(account_of(who), channel, guid, clock.now()));
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
  wrong.content = write_json(sign_erasure(account_of("bob"), channel, next_guid(), clock.now()));
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content = "{}";
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content.reset();
  EXPECT_EQ(code(*bob.text, wrong), 401);
  wrong.content = R"({"x":")" + std::string(3'000, 'x') + "\"}";
  EXPECT_EQ(code(*bob.text, wrong), 411);
}

}  // namespace
}  // namespace dim::station_test
