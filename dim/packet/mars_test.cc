#include "dim/packet/mars.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim {
namespace {

using namespace std::string_literals;

std::string frame(std::uint32_t seq, std::string_view body, std::string_view options = {}) {
  return write_mars({.seq = seq}, options, body);
}

std::vector<std::string> bodies(std::string_view stream, std::size_t piece = 1 << 30) {
  MarsReader reader;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    for (;;) {
      auto next = reader.next();
      auto* found = std::get_if<MarsFrame>(&next);
      if (found == nullptr) break;
      out.push_back(std::move(found->body));
    }
  }
  return out;
}

TEST(Mars, WritesWhatTheReferenceSends) {
  EXPECT_EQ(to_hex(as_bytes(write_mars({.command = MarsCommand::push_message}, {},
                                       mars_sn_line(1) + R"({"x":1})"))),
            "00000014000000c80000271100000000000000184d61727320534e3a4141414141513d3d0a7b2278223a31"
            "7d");
}

TEST(Mars, PayloadsMayHaveALineWithTheirNumber) {
  const std::string body = mars_sn_line(0x6d0ff26b) + "{}";
  EXPECT_EQ(body, "Mars SN:bQ/yaw==\n{}");
  EXPECT_EQ(read_mars_payload(body).sn, 0x6d0ff26bU);
  EXPECT_EQ(read_mars_payload(body).payload, "{}");
  EXPECT_EQ(read_mars_payload("{}").sn, std::nullopt);
  EXPECT_EQ(read_mars_payload("{}").payload, "{}");
  EXPECT_EQ(read_mars_payload("Mars SN:no end").payload, "Mars SN:no end");
  EXPECT_EQ(read_mars_payload("Mars SN:AAAA\n{}").sn, std::nullopt) << "three bytes are no number";
  EXPECT_EQ(read_mars_payload("Mars SN:AAAA\n{}").payload, "{}");
}

TEST(Mars, FramesDoNotDependOnWhereTheBytesAreCut) {
  const std::string false_start("\0\0\0\x14\0\0\0\xc8\0\0\0\x04\0\0\0\1\0\0\0\1", 20);
  const std::string stream = std::string(40, 'j') + frame(1, "one") + frame(2, "", "OPTIONS!") +
                             false_start + std::string(40, 'k') +
                             frame(3, std::string(3'000, 'x')) + frame(4, "four");
  const std::vector<std::string> whole = bodies(stream);
  EXPECT_EQ(whole, (std::vector<std::string>{"one", "", std::string(3'000, 'x'), "four"}));
  for (std::size_t piece = 1; piece < 60; ++piece) EXPECT_EQ(bodies(stream, piece), whole) << piece;
}

TEST(Mars, A33_JunkIsHeldUpTo64KiBAndTheFrameBehindItIsFound) {
  MarsReader reader;
  const std::string junk(10'000, '\0');
  for (int i = 0; i < 30; ++i) {
    reader.feed(junk);
    EXPECT_TRUE(std::holds_alternative<NeedMore>(reader.next()));
    EXPECT_LE(reader.held().size(), limits::kFrameJunk);
  }
  reader.feed(frame(9, "found, and long enough to be looked for").substr(3));  // "\0\0\0" came
  auto next = reader.next();
  ASSERT_TRUE(std::holds_alternative<MarsFrame>(next));
  EXPECT_EQ(std::get<MarsFrame>(next).header.seq, 9U);
}

TEST(Mars, A33_LengthsOverTheLimitsAreRefusedBeforeTheirBytesCome) {
  MarsReader reader;
  reader.feed(frame(1, std::string(limits::kFrameBody, 'x')));
  EXPECT_TRUE(std::holds_alternative<MarsFrame>(reader.next()));
  std::string header = frame(2, "").substr(0, 16);
  append_big_endian(header, static_cast<std::uint32_t>(limits::kFrameBody + 1));
  reader.feed(header);
  auto next = reader.next();
  ASSERT_TRUE(std::holds_alternative<Error>(next));
  EXPECT_EQ(std::get<Error>(next).code, Errc::too_large);

  EXPECT_TRUE(std::holds_alternative<NeedMore>(
      read_mars_header(frame(1, "", std::string(limits::kMarsHeader - 20, 'o')).substr(0, 30))));
  EXPECT_TRUE(std::holds_alternative<Error>(
      read_mars_header(frame(1, "", std::string(limits::kMarsHeader - 19, 'o')).substr(0, 4))));
}

}  // namespace
}  // namespace dim
