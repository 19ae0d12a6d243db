// Framings and limits of the gateway's connections.
#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

class GatewayTransportTest : public GatewayTest {
 protected:
  std::unique_ptr<Client> dial_over(Framing framing, const std::string& name) {
    auto client = dial(legacy(name));
    client->frames = FrameStream({.framing = framing, .first_sn = 7'000});
    return client;
  }
  std::unique_ptr<Client> upgraded(const std::string& name) {
    auto client = dial_over(Framing::websocket, name);
    bytes(*client, write_websocket_request("localhost", "dGhlIHNhbXBsZSBub25jZQ=="));
    const std::string answer = std::exchange(client->link.sent, {});
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocol\r\nServer: DIM-Station\r\n"));
    EXPECT_NE(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    websocket = WebSocketReader({.masks = WebSocketReader::Masks::refused});
    return client;
  }
  /// What came over WebSocket: FrameStream has no client side of the upgrade.
  void take_websocket(Client& client) {
    websocket.feed(std::exchange(client.link.sent, {}));
    for (;;) {
      auto next = websocket.next();
      auto* message = std::get_if<WebSocketMessage>(&next);
      if (message == nullptr) return;
      if (message->kind == WebSocketKind::text) read(client, message->payload);
    }
  }
  void say(Client& client, std::string_view text, int fragments = 1) {
    const WebSocketMask mask{1, 2, 3, 4};
    std::string out;
    const std::size_t step = text.size() / static_cast<std::size_t>(fragments) + 1;
    for (std::size_t at = 0; at < text.size(); at += step) {
      out += write_websocket(at == 0 ? WebSocketKind::text : WebSocketKind::continuation,
                             text.substr(at, step), mask, at + step >= text.size());
    }
    bytes(client, out);
    take_websocket(client);
  }
  void log_in(Client& client) {
    say(client, pack(client, "station@anywhere", hello(), {.meta = true, .visa = true}));
    auto first = news(client);
    ASSERT_EQ(first.size(), 1U);
    say(client, pack(client, station_id(), hello(text_in(first[0], "session"))));
    auto second = news(client);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(text_in(second[0], "title"), "DIM!");
  }
  WebSocketReader websocket;
  std::uint32_t seq = 0;
};

TEST_F(GatewayTransportTest, WebSocketLogsInAndTalks) {
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  auto alice = upgraded("alice");
  log_in(*alice);
  introduce(*alice, legacy("bob"));
  pass(1'500);
  say(*alice, pack(*alice, id_of("bob"), text_of("over the web")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"over the web"});
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."});
}

TEST_F(GatewayTransportTest, AWebSocketMessageOfFiveFragmentsIsWhole) {
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  auto alice = upgraded("alice");
  log_in(*alice);
  introduce(*alice, legacy("bob"));
  pass(1'500);
  say(*alice, pack(*alice, id_of("bob"), text_of("in five parts")), 5);
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"in five parts"});
}

TEST_F(GatewayTransportTest, OverWebSocketWhatHasBeenWrittenIsDelivered) {
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  auto bob = upgraded("bob");
  log_in(*bob);
  introduce(*bob, legacy("alice"));
  pass(1'500);
  bob->link.stuck = true;
  give(*alice, pack(*alice, id_of("bob"), text_of("slowly")));
  pass(6'000);
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U) << "still on its way";
  bob->link.unstick();
  station->drained(bob->id);
  station->end_of_turn();
  pass(6'000);
  EXPECT_TRUE(store.inbox(id_of("bob"), 0, 10, 1'000'000)->empty());
  take_websocket(*bob);
  EXPECT_EQ(texts(*bob), Strings{"slowly"});
}

TEST_F(GatewayTransportTest, MarsLogsInAndTalks) {
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  auto alice = dial_over(Framing::mars, "alice");
  const auto mars = [&](std::string_view text) {
    bytes(*alice, write_mars({.command = MarsCommand::send_message, .seq = ++seq}, {}, text));
    take(*alice);
  };
  mars(pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  auto first = news(*alice);
  ASSERT_EQ(first.size(), 1U);
  mars(pack(*alice, station_id(), hello(text_in(first[0], "session"))));
  ASSERT_EQ(news(*alice).size(), 1U);
  introduce(*alice, legacy("bob"));
  pass(1'500);
  mars(pack(*alice, id_of("bob"), text_of("from mars")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"from mars"});
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."});
}

TEST_F(GatewayTransportTest, AFrameBehindJunkIsNotLost) {
  visit("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  const std::string one =
      alice->frames.encode_message(pack(*alice, id_of("bob"), text_of("1"))).bytes;
  const std::string two =
      alice->frames.encode_message(pack(*alice, id_of("bob"), text_of("2"))).bytes;
  bytes(*alice, std::string(40, '\x07') + one + std::string(30, '?') + two);
  EXPECT_EQ(*store.newest(id_of("bob")), 2);
}

TEST_F(GatewayTransportTest, FragmentsInAnyOrderAreOneMessageAndEachIsAcknowledged) {
  visit("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  const std::string text = pack(*alice, id_of("bob"), text_of("in parts"));
  const std::size_t third = text.size() / 3;
  for (const std::uint32_t index : {2U, 0U, 1U}) {
    const std::string_view part =
        std::string_view(text).substr(index * third, index == 2 ? std::string_view::npos : third);
    bytes(*alice,
          write_mtp({.type = MtpType::fragment, .sn = 77, .pages = 3, .index = index}, part));
  }
  EXPECT_EQ(*store.newest(id_of("bob")), 1);
  MtpReader reader;
  reader.feed(alice->link.sent);
  std::size_t acked = 0;
  for (;;) {
    auto next = reader.next();
    auto* frame = std::get_if<MtpFrame>(&next);
    if (frame == nullptr) break;
    acked += frame->header.sn == 77 ? 1 : 0;
  }
  EXPECT_EQ(acked, 3U);
}

TEST_F(GatewayTransportTest, A33_ABodyOverTheLimitClosesBeforeItIsWaitedFor) {
  auto alice = dial(legacy("alice"));
  bytes(*alice, std::string("DIM\x42\0\0\0\0\0\0\0\1\x40\0\0\0", 16));
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayTransportTest, WhatIsNoFrameAtAllIsCutOff) {
  auto alice = dial(legacy("alice"));
  bytes(*alice, std::string(8'192, 'x'));
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayTransportTest, EveryByteMayComeAlone) {
  auto alice = dial(legacy("alice"));
  const std::string all =
      alice->frames
          .encode_message(pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}))
          .bytes;
  for (const char byte : all) bytes(*alice, std::string_view(&byte, 1));
  take(*alice);
  EXPECT_EQ(news(*alice).size(), 1U);
}

TEST_F(GatewayTransportTest, A33_WhatStrangersMayHoldInMemoryIsBoundedInAll) {
  const std::string half =
      write_mtp({.type = MtpType::message, .sn = 9}, std::string(900'000, 'x'), true)
          .substr(0, 900'000);
  std::vector<std::unique_ptr<Client>> strangers;
  std::size_t closed = 0;
  for (int i = 0; i < 90; ++i) {
    strangers.push_back(dial(legacy("alice"), "2001:db8:" + std::to_string(i + 1) + "::7"));
    bytes(*strangers.back(), half);
    if (strangers.back()->link.closed) ++closed;
  }
  EXPECT_GE(closed, 15U);
  EXPECT_FALSE(strangers.front()->link.closed);
  auto bob = come("bob");
  give(*bob, pack(*bob, station_id(), text_of("still here")));
  EXPECT_FALSE(bob->link.closed) << "whoever holds little is not cut for others";
}

TEST_F(GatewayTransportTest, ManyMessagesOfOneFrameAreHandledInOrder) {
  auto alice = come("alice");
  auto bob = come("bob");
  introduce(*alice, legacy("bob"));
  introduce(*bob, legacy("alice"));
  pass(1'100);  // pushes wait a second after DIM!
  std::string frame;
  Strings sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back("text " + std::to_string(i));
    frame += pack(*alice, legacy("bob").id.text(), text_of(sent.back())) + "\n";
  }
  give(*alice, frame);
  take(*bob);
  EXPECT_EQ(texts(*bob), sent);
}

TEST_F(GatewayTransportTest, AThousandConnectionsAreNoLimit) {
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < 1'000; ++i) {
    all.push_back(dial(legacy("alice")));
    bytes(*all.back(), all.back()->frames.ping());
  }
  for (auto& client : all) EXPECT_FALSE(client->link.sent.empty());
  EXPECT_EQ(station->links(), 1'000U);
}

}  // namespace
}  // namespace dim::station_test
