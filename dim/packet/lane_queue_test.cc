#include "dim/packet/lane_queue.h"

#include <gtest/gtest.h>

#include "dim/packet/reader_testing.h"

namespace dim {
namespace {

TEST(LaneQueue, N8_ControlLeavesBeforeTextAndTextBeforeMedia) {
  LaneQueue queue;
  for (const char* piece : {"m1", "m2", "m3"}) queue.push(Lane::media, piece);
  EXPECT_EQ(queue.pop(), "m1");
  queue.push(Lane::text, "t1");
  queue.push(Lane::control, "ban");
  queue.push(Lane::text, "t2");
  EXPECT_EQ(queue.pop(), "ban");
  EXPECT_EQ(queue.pop(), "t1");
  queue.push(Lane::control, "key");
  EXPECT_EQ(queue.pop(), "key");
  EXPECT_EQ(queue.pop(), "t2");
  EXPECT_EQ(queue.pop(), "m2");
  EXPECT_EQ(queue.pop(), "m3");
  EXPECT_EQ(queue.pop(), "");
}

TEST(LaneQueue, N8_AudioLeavesBeforeTextAndVideoBeforeMedia) {
  LaneQueue queue;
  queue.push(Lane::media, "media");
  queue.push(Lane::video, "video");
  queue.push(Lane::text, "text");
  queue.push(Lane::audio, "audio");
  queue.push(Lane::control, "control");
  for (const char* next : {"control", "audio", "text", "video", "media"})
    EXPECT_EQ(queue.pop(), next);
}

TEST(LaneQueue, CountsBytesOfEachLane) {
  LaneQueue queue;
  EXPECT_TRUE(queue.empty());
  queue.push(Lane::text, "12345");
  queue.push(Lane::media, "123");
  EXPECT_EQ(queue.bytes(), 8U);
  EXPECT_EQ(queue.bytes(Lane::text), 5U);
  queue.pop();
  EXPECT_EQ(queue.bytes(Lane::text), 0U);
  EXPECT_EQ(queue.bytes(), 3U);
  queue.pop();
  EXPECT_TRUE(queue.empty());
}

TEST(Lanes, HaveTheNamesOfTheProtocol) {
  EXPECT_EQ(lane_called("text"), Lane::text);
  EXPECT_EQ(lane_called("video"), Lane::video);
  for (const char* wrong : {"", "Text", "gateway", "text ", "1"}) EXPECT_FALSE(lane_called(wrong));
}

TEST(Lanes, APacketSaysWhichLaneItIsOfAndIsTheSameOtherwise) {
  Packet packet = Packet::response(200, "7");
  packet.content = "version: dim/2023\noperation: GET\n";
  const std::string bytes = with_lane(write_packet(packet), Lane::media);
  PacketReader reader({.lane = Lane::media});
  reader.feed(bytes);
  const auto next = reader.next();
  const auto* read = std::get_if<Packet>(&next);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->code, 200);
  EXPECT_EQ(read->get("lane"), "media");
  EXPECT_EQ(read->get("reply"), "7");
  EXPECT_EQ(read->content, packet.content);
}

/// What becomes of a content of `size` bytes on that lane of a shared connection.
std::variant<std::monostate, Packet, BadPacket> read_shared(std::string_view lane,
                                                            std::size_t size) {
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "5").set("type", "message");
  if (!lane.empty()) packet.set("lane", std::string(lane));
  packet.content = std::string(size, 'x');
  PacketReader reader({.lane = Lane::control, .lanes = true});
  reader.feed(write_packet(packet));
  return reader.next();
}

TEST(SharedReader, TakesOfEachLaneWhatThatLaneTakes) {
  struct Case {
    std::string_view lane;
    std::size_t most;
  };
  for (const Case& one :
       {Case{"", limits::kControlContent}, Case{"control", limits::kControlContent},
        Case{"text", limits::kTextContent}, Case{"media", kSharedMediaContent},
        Case{"audio", kSharedLiveContent}, Case{"video", kSharedLiveContent},
        Case{"smell", limits::kControlContent}}) {
    EXPECT_TRUE(std::holds_alternative<Packet>(read_shared(one.lane, one.most))) << one.lane;
    const auto over = read_shared(one.lane, one.most + 1);
    const auto* bad = std::get_if<BadPacket>(&over);
    ASSERT_NE(bad, nullptr) << one.lane;
    EXPECT_EQ(bad->error.code, Errc::too_large);
    EXPECT_FALSE(bad->fatal);
    EXPECT_EQ(bad->reply, "5");
    EXPECT_EQ(bad->lane, one.lane);
  }
}

TEST(SharedReader, WithoutLanesTheKeyChangesNothing) {
  Packet packet = Packet::request(Operation::create);
  packet.set("lane", "text");
  packet.content = std::string(limits::kControlContent + 1, 'x');
  PacketReader reader({.lane = Lane::control});
  reader.feed(write_packet(packet));
  const auto next = reader.next();
  ASSERT_TRUE(std::holds_alternative<BadPacket>(next));
}

}  // namespace
}  // namespace dim
