// Login records of DIM/2023 users. Those of dimchat clients: gateway_commands_test.cc; what
// neighbours make of them: bridge_test.cc.
#include "server/login_record.h"

#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

class LoginRecordTest : public GatewayTest {
 protected:
  void SetUp() override {
    GatewayTest::SetUp();
    alice = login("alice");
  }
  int code(const Packet& packet) { return answer(*alice.control, packet).code; }
  std::vector<StoredDocument> records() {
    auto documents = *store.documents(id_of("alice"));
    std::erase_if(documents, [](const StoredDocument& one) { return one.type != "#login"; });
    return documents;
  }
  LoggedIn alice;
};

TEST_F(LoginRecordTest, A23_IsKeptAndToldToADimchatClientThatAsks) {
  EXPECT_EQ(code(login_packet("alice")), 201);
  ASSERT_EQ(records().size(), 1U);
  auto bob = come("bob");
  const auto answers = ask(*bob, encode_content(DocumentsContent::query(*Id::parse(id_of("alice")),
                                                                        0, clock.now(), random)));
  ASSERT_EQ(answers.size(), 2U);
  const auto content = decode_content(answers[1].message.content);
  const auto* forward = content ? content->as<ForwardContent>() : nullptr;
  ASSERT_NE(forward, nullptr);
  ASSERT_EQ(forward->secrets.size(), 1U);
  EXPECT_TRUE(forward->secrets[0].sealed.envelope.sender.same_entity(user("alice").id));
  Packet get = Packet::request(Operation::get);
  get.set("id", "9").set("type", "document").set("target", id_of("alice"));
  EXPECT_EQ(answer(*alice.control, get).content->find("login"), std::string::npos)
      << "a record is no document";
}

TEST_F(LoginRecordTest, J25_ForOthersElsewhereAtOtherTimesOrOlderIsRefused) {
  const Millis now = clock.now();
  EXPECT_EQ(code(login_packet(user("bob"), station_id(), now)), 403) << "target is another user";
  Packet forged = login_packet(user("bob"), station_id(), now);
  forged.set("target", id_of("alice"));
  EXPECT_EQ(code(forged), 402) << "signed by another user";
  EXPECT_EQ(code(login_packet(user("alice"), "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G", now)), 403);
  EXPECT_EQ(code(login_packet(user("alice"), station_id(), now - 301'000)), 401);
  EXPECT_EQ(code(login_packet(user("alice"), station_id(), now + 301'000)), 401);
  EXPECT_TRUE(records().empty());
  EXPECT_EQ(code(login_packet(user("alice"), station_id(), now)), 201);
  EXPECT_EQ(code(login_packet(user("alice"), station_id(), now - 1'000)), 407);
  EXPECT_EQ(records().size(), 1U);
}

TEST_F(LoginRecordTest, A23_AClockThatIsAheadLocksNobodyOut) {
  EXPECT_EQ(code(login_packet(user("alice"), station_id(), clock.now() + 299'000)), 201);
  clock.at += 1'000;
  EXPECT_EQ(code(login_packet("alice")), 201);
}

TEST_F(LoginRecordTest, J24_WhatIsNoLoginCommandIsRefused) {
  Packet packet = login_packet("alice");
  const std::string right = *packet.content;
  const auto with_content = [&](std::optional<std::string> content) {
    packet.content = std::move(content);
    return code(packet);
  };
  EXPECT_EQ(with_content(std::nullopt), 401);
  EXPECT_EQ(with_content("{"), 401);
  EXPECT_EQ(with_content(signed_message(user("alice"), id_of("bob"), "encrypted")), 401);
  auto altered = *parse_json_object(right);
  altered.set("data", "{\"type\":136,\"sn\":1,\"command\":\"login\"}");
  EXPECT_EQ(with_content(write_json(altered)), 402) << "the signature is over other bytes";
  const PlainMessage text{.envelope = {.sender = user("alice").id,
                                       .receiver = Id("everyone", Address::everywhere()),
                                       .time = static_cast<double>(clock.now()) / 1000},
                          .content = text_of("to all the world")};
  EXPECT_EQ(with_content(write_message(*seal(text, user("alice"), Directory(), {}, random))), 401);
  EXPECT_TRUE(records().empty());
  EXPECT_EQ(with_content(right), 201);
}

TEST_F(LoginRecordTest, TakesNoneOfTheSixteenPlacesOfDocuments) {
  EXPECT_EQ(code(login_packet("alice")), 201);
  for (int number = 2; number <= 17; ++number) {  // the visa of the log-in is the first
    JsonObject content;
    content.set("document", Document::make(user("alice").id, "kind-" + std::to_string(number), {},
                                           clock.now(), user("alice").identity_key)
                                .json());
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "7").set("type", "document").set("target", id_of("alice"));
    packet.content = write_json(content);
    EXPECT_EQ(code(packet), number <= 16 ? 201 : 506) << number;
  }
}

TEST_F(LoginRecordTest, NothingIsAcknowledgedThatTheDiskRefuses) {
  committer.error = Error{Errc::insufficient_storage, "the disk is full"};
  EXPECT_EQ(code(login_packet("alice")), 506);
}

}  // namespace
}  // namespace dim::station_test
