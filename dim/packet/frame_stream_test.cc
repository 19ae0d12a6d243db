#include "dim/packet/frame_stream.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

using namespace std::string_literals;
using Kind = FrameEvent::Kind;

MtpHeader head(MtpType type, std::uint64_t sn) { return {.type = type, .sn = sn}; }

struct Seen {
  std::vector<FrameEvent> events;
  std::optional<BadFrame> bad;
};

Seen drain(FrameStream& stream, std::string_view bytes, Millis now = 0) {
  Seen seen;
  stream.feed(bytes);
  for (;;) {
    auto next = stream.next(now);
    if (auto* event = std::get_if<FrameEvent>(&next)) {
      seen.events.push_back(std::move(*event));
    } else {
      if (auto* bad = std::get_if<BadFrame>(&next)) seen.bad = std::move(*bad);
      return seen;
    }
  }
}

FrameEvent only(FrameStream& stream, std::string_view bytes) {
  Seen seen = drain(stream, bytes);
  EXPECT_FALSE(seen.bad);
  EXPECT_EQ(seen.events.size(), 1U);
  return seen.events.empty() ? FrameEvent{} : std::move(seen.events.front());
}

FrameStream station() { return FrameStream({.framing = {}, .first_sn = 100}); }

std::string websocket(std::string_view payload) {
  return write_websocket(WebSocketKind::text, payload, WebSocketMask{1, 2, 3, 4});
}

FrameStream upgraded() {
  FrameStream stream = station();
  EXPECT_EQ(only(stream, write_websocket_request("h", "dGhlIHNhbXBsZSBub25jZQ==")).kind,
            Kind::upgraded);
  return stream;
}

TEST(SplitPayload, CutsAtLineBreaksOnlyWhereAnObjectBegins) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(split_payload("{}"), Texts{"{}"});
  EXPECT_EQ(split_payload("{1}\n{2}\r\n\n{3}\n"), (Texts{"{1}", "{2}", "{3}"}));
  EXPECT_EQ(split_payload("[\n]"), Texts{"[\n]"});
  EXPECT_EQ(split_payload(""), Texts{});
}

TEST(FrameStream, A33_AFrameBrings256MessagesAndNoMore) {
  std::string full;
  for (std::size_t i = 0; i < limits::kFrameTexts; ++i) full += "{\n\n";
  const std::string over = full + "{";
  const auto frames_of = [](FrameStream stream, const std::string& frame) {
    return drain(stream, frame);
  };
  const auto mtp = [](const std::string& body) {
    return write_mtp({.type = MtpType::message, .sn = 1}, body);
  };
  const auto mars = [](const std::string& body) {
    return write_mars({.command = MarsCommand::send_message, .seq = 1}, {}, body);
  };
  EXPECT_EQ(frames_of(station(), mtp(full)).events.at(0).texts.size(), limits::kFrameTexts);
  EXPECT_EQ(frames_of(station(), mars(full)).events.at(0).texts.size(), limits::kFrameTexts);
  EXPECT_EQ(frames_of(upgraded(), websocket(full)).events.at(0).texts.size(), limits::kFrameTexts);
  // Half a million lines fit into one frame; each costs far more than its two bytes.
  std::string many;
  for (int i = 0; i < 500'000; ++i) many += "{\n";
  for (const std::string& body : {over, many}) {
    for (const Seen& seen : {frames_of(station(), mtp(body)), frames_of(station(), mars(body)),
                             frames_of(upgraded(), websocket(body))}) {
      EXPECT_TRUE(seen.events.empty());
      ASSERT_TRUE(seen.bad);
      EXPECT_EQ(seen.bad->error.code, Errc::too_large);
    }
  }
  EXPECT_EQ(frames_of(upgraded(), websocket(over)).bad->reply, write_websocket_close(1009));
}

TEST(FrameStream, Mtp_AMessageIsAcknowledgedByItsOwnerAndNotBefore) {
  FrameStream stream = station();
  const std::string frame = write_mtp(head(MtpType::message, 7), "{\"a\":1}\n{\"b\":2}");
  const FrameEvent event = only(stream, frame);
  EXPECT_EQ(stream.framing(), Framing::mtp);
  EXPECT_EQ(event.kind, Kind::messages);
  EXPECT_EQ(event.texts, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"}));
  EXPECT_EQ(event.reply, "");
  EXPECT_EQ(event.ack, write_mtp(head(MtpType::message_response, 7), "OK"));
  // Eight bytes of header are answered with eight.
  EXPECT_EQ(only(stream, write_mtp(head(MtpType::message, 0), "{}")).ack, "DIM\x23\0\0\0\2OK"s);
}

TEST(FrameStream, Mtp_AnswersTheSmallWords) {
  FrameStream stream = station();
  const auto say = [&](MtpType type, std::string_view body) {
    return only(stream, write_mtp(head(type, 9), body));
  };
  FrameEvent event = say(MtpType::command, "PING");
  EXPECT_EQ(event.kind, Kind::ping);
  EXPECT_EQ(event.reply, write_mtp(head(MtpType::command_response, 9), "PONG"));
  event = say(MtpType::command, "NOOP");
  EXPECT_EQ(event.kind, Kind::noop);
  EXPECT_EQ(event.reply, write_mtp(head(MtpType::command_response, 9), "OK"));
  event = say(MtpType::command, "HELLO");
  EXPECT_EQ(event.kind, Kind::messages);
  EXPECT_EQ(event.ack, write_mtp(head(MtpType::command_response, 9), "OK"));
  for (const char* word : {"PING", "PONG", "NOOP", ""}) {
    event = say(MtpType::message, word);
    EXPECT_EQ(event.kind, Kind::noop) << word;
    EXPECT_EQ(event.reply, write_mtp(head(MtpType::message_response, 9), "OK")) << word;
  }
  EXPECT_EQ(say(MtpType::command_response, "PONG").kind, Kind::pong);
  EXPECT_TRUE(drain(stream, write_mtp(head(MtpType::message_response, 9), "AGAIN")).events.empty());
}

TEST(FrameStream, Mtp_AcksNameTheMessage) {
  FrameStream stream({.framing = Framing::mtp, .first_sn = 0xFFFFFFFFFFFFFFFF});
  const OutgoingFrame first = stream.encode_message("{}");
  const OutgoingFrame second = stream.encode_message("{}");
  EXPECT_NE(first.handle, second.handle);
  EXPECT_NE(second.handle, 0U) << "0 says that there is no number";
  EXPECT_EQ(first.bytes, write_mtp(head(MtpType::message, first.handle), "{}"));
  EXPECT_TRUE(first.is_acked);
  const FrameEvent ack =
      only(stream, write_mtp(head(MtpType::message_response, second.handle), "OK"));
  EXPECT_EQ(ack.kind, Kind::ack);
  EXPECT_EQ(ack.acked, second.handle);
  FrameStream peer = station();
  EXPECT_EQ(only(peer, stream.ping()).kind, Kind::ping);
}

TEST(FrameStream, Mtp_EveryFragmentIsAcknowledgedForItselfWhenAllAreThere) {
  FrameStream stream = station();
  const auto part = [](MtpType type, std::uint32_t index, std::string_view body) {
    return write_mtp({.type = type, .sn = 5, .pages = 3, .index = index}, body);
  };
  EXPECT_TRUE(drain(stream, part(MtpType::fragment, 2, "}")).events.empty());
  EXPECT_TRUE(drain(stream, part(MtpType::fragment, 0, "{\"a\"")).events.empty());
  const FrameEvent event = only(stream, part(MtpType::fragment, 1, ":1"));
  EXPECT_EQ(event.texts, std::vector<std::string>{"{\"a\":1}"});
  EXPECT_EQ(event.ack, part(MtpType::message_response, 0, "OK") +
                           part(MtpType::message_response, 1, "OK") +
                           part(MtpType::message_response, 2, "OK"));
}

TEST(FrameStream, Mars_AnswersAsTheReferenceStation) {
  FrameStream stream = station();
  const auto mars = [](MarsCommand command, std::uint32_t seq, std::string_view body) {
    return write_mars({.command = command, .seq = seq}, {}, body);
  };
  FrameEvent event = only(stream, mars(MarsCommand::send_message, 3, "{\"a\":1}"));
  EXPECT_EQ(stream.framing(), Framing::mars);
  EXPECT_EQ(event.texts, std::vector<std::string>{"{\"a\":1}"});
  EXPECT_EQ(event.reply, "");
  EXPECT_EQ(event.ack, mars(MarsCommand::push_message, 0, mars_sn_line(100)));
  EXPECT_EQ(event.acked, std::nullopt) << "its own number is no acknowledgement";
  for (const char* body : {"", "NOOP"}) {
    event = only(stream, mars(MarsCommand::noop, 4, body));
    EXPECT_EQ(event.kind, Kind::noop);
    EXPECT_EQ(event.reply, mars(MarsCommand::noop, 4, body));
  }
  event = only(stream, mars(MarsCommand::send_message, 5, "PING"));
  EXPECT_EQ(event.kind, Kind::ping);
  EXPECT_EQ(event.reply, mars(MarsCommand::send_message, 5, "PONG"));

  const OutgoingFrame push = stream.encode_message("{\"x\":1}");
  EXPECT_EQ(push.bytes, mars(MarsCommand::push_message, 0,
                             mars_sn_line(static_cast<std::uint32_t>(push.handle)) + "{\"x\":1}"));
  event = only(stream, mars(MarsCommand::send_message, 6,
                            mars_sn_line(static_cast<std::uint32_t>(push.handle))));
  EXPECT_EQ(event.kind, Kind::ack);
  EXPECT_EQ(event.acked, push.handle);
  event = only(stream, mars(MarsCommand::send_message, 6,
                            mars_sn_line(static_cast<std::uint32_t>(push.handle)) + "{}"));
  EXPECT_EQ(event.kind, Kind::messages);
  EXPECT_EQ(event.acked, push.handle);
  event = only(stream, mars(MarsCommand::push_message, 77, ""));
  EXPECT_EQ(event.acked, 77U);
}

TEST(FrameStream, WebSocket_UpgradesInAnySegmentationAndThenTalks) {
  const std::string request = write_websocket_request("h", "dGhlIHNhbXBsZSBub25jZQ==");
  const std::string input = request + websocket("{\"a\":1}\n{\"b\":2}") + websocket("PING");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, input.size()}) {
    FrameStream stream = station();
    std::vector<FrameEvent> events;
    for (std::size_t at = 0; at < input.size(); at += piece) {
      for (auto& event : drain(stream, std::string_view(input).substr(at, piece)).events) {
        events.push_back(std::move(event));
      }
    }
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].kind, Kind::upgraded);
    EXPECT_EQ(events[0].reply, write_websocket_answer("dGhlIHNhbXBsZSBub25jZQ=="));
    EXPECT_EQ(events[1].texts.size(), 2U);
    EXPECT_EQ(events[1].ack, "");
    EXPECT_EQ(events[2].reply, write_websocket(WebSocketKind::text, "PONG"));
  }
}

TEST(FrameStream, WebSocket_AcksAreAwaitedOnceThePeerHasSaidOne) {
  FrameStream stream = upgraded();
  const std::string json = R"({"sender": "a", "time": 123.5, "signature": "MEUCIQ=="})";
  const OutgoingFrame before = stream.encode_message(json);
  EXPECT_FALSE(before.is_acked);
  EXPECT_EQ(before.bytes, write_websocket(WebSocketKind::text, json));
  EXPECT_EQ(only(stream, websocket(R"(ACK:{"signature": "MEUCIQ=="})")).acked, std::nullopt);

  const OutgoingFrame signature = stream.encode_message(json);
  const OutgoingFrame time = stream.encode_message(R"({"sender": "a", "time": 77.5})");
  EXPECT_TRUE(signature.is_acked);
  EXPECT_EQ(only(stream, websocket(R"(ACK:{"time": 77.5})")).acked, time.handle);
  EXPECT_EQ(only(stream, websocket(R"(ACK:{"signature": "another"})")).acked, std::nullopt);
  EXPECT_EQ(only(stream, websocket(R"(ACK:{"signature": "MEUCIQ=="})")).acked, signature.handle);
  EXPECT_EQ(only(stream, websocket(R"(ACK:{"signature": "MEUCIQ=="})")).acked, std::nullopt);
}

TEST(FrameStream, WebSocket_ControlFramesAreAnswered) {
  FrameStream stream = upgraded();
  EXPECT_EQ(only(stream, write_websocket(WebSocketKind::ping, "are you there")).reply,
            write_websocket(WebSocketKind::pong, "are you there"));
  for (const char* word : {"NOOP", "OK", ""}) {
    const FrameEvent event = only(stream, websocket(word));
    EXPECT_EQ(event.kind, Kind::noop);
    EXPECT_EQ(event.reply, "");
  }
  const FrameEvent closed =
      only(stream, write_websocket_close(1001) + websocket("{\"never\":\"seen\"}"));
  EXPECT_EQ(closed.kind, Kind::closed);
  EXPECT_EQ(closed.reply, write_websocket_close(1001));
}

TEST(FrameStream, A33_WhatLosesTheFramingSaysSoOnce) {
  FrameStream stream = upgraded();
  Seen seen = drain(stream, "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s);
  ASSERT_TRUE(seen.bad);
  EXPECT_EQ(seen.bad->error.code, Errc::too_large);
  EXPECT_EQ(seen.bad->reply, write_websocket_close(1009));
  seen = drain(stream, websocket("{}"));
  EXPECT_TRUE(seen.events.empty() && !seen.bad);

  FrameStream junk = station();
  EXPECT_FALSE(junk.has_begun());
  EXPECT_FALSE(drain(junk, "hello there").bad);
  EXPECT_TRUE(junk.has_begun());
  EXPECT_TRUE(drain(junk, std::string(limits::kDetectJunk, 'x')).bad);
  EXPECT_EQ(junk.framing(), std::nullopt);
}

}  // namespace
}  // namespace dim
