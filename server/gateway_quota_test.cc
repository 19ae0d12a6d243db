// What one user, or one network, can make the gateway do: over many connections, and for long.
#include <gmock/gmock.h>

#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;
using testing::SizeIs;

class GatewayQuotaTest : public GatewayTest {
 protected:
  /// To the station, signed, and garbled inside.
  std::string garbled(Client& client) {
    auto message = *SignedMessage::parse(pack(client, station_id(), command("ans")));
    message.sealed.data.back() ^= 0x5a;
    message.signature = client.account->identity_key.sign(message.sealed.data);
    message.json.set("data", to_base64(message.sealed.data));
    message.json.set("signature", to_base64(message.signature));
    return write_json(message.json, JsonStyle::reference);
  }
  /// As somebody else's, so that the signature is wrong.
  std::string forged(Client& client) {
    auto message = *SignedMessage::parse(pack(client, id_of("bob"), text_of("forged")));
    message.json.set("signature", to_base64(user("carol").identity_key.sign(message.sealed.data)));
    return write_json(message.json, JsonStyle::reference);
  }
  std::size_t answers_to_names(Client& client) {
    JsonObject names = command("ans");
    names.set("names", "station");
    return ask(client, names).size();
  }
  void leave(Client& client) {
    station->closed(client.id);
    station->end_of_turn();
  }
  /// Time passes while these clients stay.
  void stay(const std::vector<Client*>& clients, int seconds) {
    for (int s = 0; s < seconds; ++s) {
      pass(1'000, 1'000);
      if (s % 60 != 0) continue;
      for (Client* client : clients) bytes(*client, client->frames.ping());
    }
  }
};

TEST_F(GatewayQuotaTest, A22_AfterTwentyFailedDecryptsASenderWaitsAnHour) {
  for (int connection = 0; connection < 2; ++connection) {
    auto mallory = come("mallory");
    for (int i = 0; i < 10; ++i) give(*mallory, garbled(*mallory));
    if (connection == 1) {
      EXPECT_EQ(answers_to_names(*mallory), 0U) << "a good one is not decrypted either";
    }
    leave(*mallory);
  }
  auto alice = come("alice");
  EXPECT_EQ(answers_to_names(*alice), 1U);
  clock.at += 3'600'000;
  auto mallory = come("mallory");
  EXPECT_EQ(answers_to_names(*mallory), 1U);
}

TEST_F(GatewayQuotaTest, R10_ComingBackRefillsNoQuota) {
  visit("bob");
  config.quotas.messages = {1, 3};
  station->reload(config.quotas, {});
  for (int connection = 0; connection < 4; ++connection) {
    auto mallory = come("mallory");
    introduce(*mallory, legacy("bob"));
    for (int i = 0; i < 3; ++i) give(*mallory, pack(*mallory, id_of("bob"), text_of("spam")));
    leave(*mallory);
  }
  // Three at once, and one for each that had to be waited for: the first of a connection is always
  // taken, because nobody can be told to wait before something has come.
  EXPECT_LE(station->counters().messages_stored, 6U);
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  give(*alice, pack(*alice, id_of("bob"), text_of("hello")));
  EXPECT_EQ(texts(*alice), Strings{"Message cached."});
}

TEST_F(GatewayQuotaTest, R10_WrongMessagesSlowTheirNetworkDown) {
  visit("bob");
  config.quotas.subnet_failures = {1, 5};
  station->reload(config.quotas, {});
  auto mallory = come("mallory");
  introduce(*mallory, legacy("bob"));
  for (int i = 0; i < 12; ++i) give(*mallory, forged(*mallory));
  EXPECT_TRUE(mallory->link.paused);
  EXPECT_LE(station->counters().messages_refused, 6U);
  // Somebody else there has to wait, and gets in.
  auto alice = come("alice");
  EXPECT_TRUE(alice->link.paused);
  pass(2'000);
  EXPECT_FALSE(alice->link.paused);
  // Elsewhere nobody notices.
  auto carol = dial(legacy("carol"), "2001:db8:8::8");
  handshake(*carol);
  EXPECT_FALSE(carol->link.paused);
}

TEST_F(GatewayQuotaTest, R11_The24OfAnIpv4AddressIsOneNetwork) {
  config.quotas.subnet_failures = {1, 5};
  config.quotas.subnet_logins = {1, 3};
  station->reload(config.quotas, {});
  visit("bob");
  const auto come_from = [&](const std::string& name, const std::string& remote) {
    auto client = dial(legacy(name), remote);
    introduce(*client, legacy("bob"));
    handshake(*client);
    return client;
  };
  auto mallory = come_from("mallory", "192.0.2.1");
  for (int i = 0; i < 6; ++i) give(*mallory, forged(*mallory));
  EXPECT_TRUE(mallory->link.paused);
  EXPECT_TRUE(come_from("alice", "192.0.2.254")->link.paused);
  EXPECT_FALSE(come_from("carol", "192.0.3.1")->link.paused);
  // The same of many log-ins.
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(come_from("dora", "198.51.100." + std::to_string(i))->link.paused) << i;
  }
  EXPECT_TRUE(come_from("alice", "198.51.100.9")->link.paused);
}

TEST_F(GatewayQuotaTest, AUserBringsAHundredGroupsAndIsToldSo) {
  auto alice = come("alice");
  const auto bring = [&](Client& client) {
    const PrivateKey key = PrivateKey::generate_ec(random);
    const Meta meta = Meta::make_mkm(key, "group");
    const Id group = *meta.id(EntityType::group);
    JsonObject properties;
    properties.set("name", "Friends");
    properties.set("founder", id_of("alice"));
    JsonObject content = command("documents");
    content.set("did", group.text());
    content.set("meta", meta.json());
    content.set("document",
                Document::make(group, "bulletin", properties, clock.now() - 1'000, key).json());
    return text_in(ask(client, content).at(0), "text");
  };
  for (int i = 0; i < 100; ++i) ASSERT_EQ(bring(*alice), "Document received.") << i;
  EXPECT_EQ(bring(*alice), "Too many groups.");
  leave(*alice);
  alice = come("alice");
  EXPECT_EQ(bring(*alice), "Too many groups.") << "coming back changes nothing";
  auto bob = come("bob");
  EXPECT_EQ(bring(*bob), "Document received.");
}

TEST_F(GatewayQuotaTest, WhatIsNeverAcknowledgedDoesNotStopWhatComesBehindIt) {
  auto [alice, bob] = come_together("alice", "bob");
  bob->acks = false;
  give(*alice, pack(*alice, id_of("bob"), text_of("poison")));
  take(*bob);
  stay({alice.get(), bob.get()}, 400);
  take(*bob);
  news(*bob);
  bob->acks = true;
  Strings sent, got;
  for (int i = 0; i < 1'100; ++i) {
    sent.push_back(std::to_string(i));
    give(*alice, pack(*alice, id_of("bob"), text_of(sent.back())));
    take(*bob);
  }
  for (std::string& text : texts(*bob)) got.push_back(std::move(text));
  EXPECT_EQ(got, sent);
  pass(6'000);
  // A15: nothing from the first one on has left the inbox.
  EXPECT_THAT(*store.inbox(id_of("bob"), 0, 2'000, 100'000'000), SizeIs(1'101));
}

TEST_F(GatewayQuotaTest, A33_WhoReadsNothingForLongIsCutOff) {
  config.send_queue_bytes = 4'000;
  start();
  auto [alice, bob] = come_together("alice", "bob");
  bob->link.stuck = true;
  for (int i = 0; i < 6; ++i) give(*alice, pack(*alice, id_of("bob"), text_of("are you there?")));
  EXPECT_TRUE(bob->link.paused);
  stay({alice.get(), bob.get()}, 120);
  EXPECT_FALSE(bob->link.closed);
  bob->link.waiting.resize(bob->link.waiting.size() - 1);  // it has read something
  stay({alice.get(), bob.get()}, 120);
  EXPECT_FALSE(bob->link.closed);
  stay({alice.get(), bob.get()}, 10);
  EXPECT_TRUE(bob->link.closed);
  EXPECT_THAT(*store.inbox(id_of("bob"), 0, 10, 1'000'000), SizeIs(6)) << "and loses nothing";
}

}  // namespace
}  // namespace dim::station_test
