#include "dim/packet/live_frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace dim {
namespace {

const LiveFrame kFrame{
    .stream = 7, .sequence = 0x01020304, .time = 20'000, .key = true, .payload = "abc"};

std::string bytes(std::initializer_list<int> all) {
  std::string out;
  for (const int one : all) out.push_back(static_cast<char>(one));
  return out;
}

TEST(LiveFrame, IsTheBytesThatThePageSays) {
  EXPECT_EQ(write_live_frame(kFrame), bytes({0, 0, 0, 20, 0, 0, 0,    7,    1, 2,   3,   4,
                                             0, 0, 0, 0,  0, 0, 0x4e, 0x20, 1, 'a', 'b', 'c'}));
  EXPECT_EQ(to_text(live_metadata(kFrame)), write_live_frame(kFrame).substr(4, 17));
}

TEST(LiveFrame, IsReadInAnySegmentation) {
  LiveFrame second = kFrame;
  second.sequence += 1;
  second.key = false;
  second.payload.assign(9'000, 'x');
  const std::string both = write_live_frame(kFrame) + write_live_frame(second);
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}, std::size_t{21}, both.size()}) {
    LiveFrameReader reader(Lane::audio);
    std::vector<LiveFrame> got;
    for (std::size_t at = 0; at < both.size(); at += step) {
      reader.feed(std::string_view(both).substr(at, step));
      while (true) {
        const auto next = reader.next();
        ASSERT_TRUE(next.has_value());
        if (!*next) break;
        got.push_back(**next);
      }
    }
    ASSERT_EQ(got.size(), 2U) << step;
    EXPECT_EQ(got[0], kFrame);
    EXPECT_EQ(got[1], second);
    EXPECT_EQ(reader.buffered(), 0U);
  }
}

TEST(LiveFrame, M11_ALengthBeyondTheLaneEndsTheFraming) {
  for (const std::string& head :
       {bytes({0x80, 0, 0, 0}), bytes({0xff, 0xff, 0xff, 0xff}), bytes({0, 0, 0x40, 18})}) {
    LiveFrameReader reader(Lane::audio);
    reader.feed(head);
    EXPECT_EQ(reader.next().error().code, Errc::too_large);
    reader.feed(write_live_frame(kFrame));
    EXPECT_EQ(reader.next().error().code, Errc::too_large) << "nothing is read behind it";
    EXPECT_EQ(reader.buffered(), 0U) << "and nothing kept";
  }
  LiveFrame most = kFrame;
  most.payload.assign(kLiveAudioPayload, 'x');
  LiveFrameReader audio(Lane::audio), video(Lane::video);
  audio.feed(write_live_frame(most));
  EXPECT_EQ(audio.next()->value(), most) << "the limit itself";
  most.payload.assign(kLiveVideoPayload, 'x');
  video.feed(write_live_frame(most));
  EXPECT_EQ(video.next()->value(), most);
}

TEST(LiveFrame, M11_ALengthWithoutAPayloadOrUnknownFlagsAreNoFrame) {
  for (const int length : {0, 1, 17}) {
    LiveFrameReader reader(Lane::video);
    reader.feed(bytes({0, 0, 0, length}));
    EXPECT_EQ(reader.next().error().code, Errc::bad_request) << length;
  }
  std::string flags = write_live_frame(kFrame);
  flags[20] = 2;
  LiveFrameReader reader(Lane::video);
  reader.feed(flags);
  EXPECT_EQ(reader.next().error().code, Errc::bad_request);
}

}  // namespace
}  // namespace dim
