#include "server/live_relay.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

using Taken = LiveRelay::Taken;

Guid guid(std::uint8_t last) {
  return Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9" +
                     std::string(1, static_cast<char>('0' + last)) + "0")
      .value();
}

class Relay : public testing::Test {
 protected:
  std::uint32_t join(Lane lane, std::uint8_t who, bool sends = true, bool receives = true) {
    return relay.join({.lane = lane, .shared = guid(who), .sends = sends, .receives = receives});
  }
  Taken send(std::uint32_t from, std::uint32_t sequence, std::size_t bytes = 100, bool key = true,
             bool admitted = true) {
    return relay.take(from,
                      {.stream = from,
                       .sequence = sequence,
                       .key = key,
                       .payload = std::string(bytes - kLiveHead, 'x')},
                      admitted, now);
  }
  /// Sequences that come, until there are no more.
  std::vector<std::uint32_t> drain(std::uint32_t to, Lane lane) {
    LiveFrameReader reader(lane);
    while (const auto bytes = relay.next(to, now)) reader.feed(*bytes);
    std::vector<std::uint32_t> out;
    for (auto next = reader.next(); next && *next; next = reader.next())
      out.push_back((*next)->sequence);
    return out;
  }

  LiveRelay relay;
  Millis now = 1'000;
};
using Sequences = std::vector<std::uint32_t>;

TEST_F(Relay, GivesAFrameToAllOthersOfItsLaneWhoReceive) {
  const auto alice = join(Lane::audio, 1), bob = join(Lane::audio, 2);
  const auto carol = join(Lane::audio, 3, true, false), film = join(Lane::video, 2);
  EXPECT_EQ(send(alice, 1), Taken::forwarded);
  EXPECT_EQ(send(alice, 2), Taken::forwarded);
  EXPECT_EQ(drain(bob, Lane::audio), (Sequences{1, 2}));
  EXPECT_TRUE(drain(alice, Lane::audio).empty()) << "not back to its sender";
  EXPECT_TRUE(drain(carol, Lane::audio).empty());
  EXPECT_TRUE(drain(film, Lane::video).empty());
  relay.leave(bob);
  EXPECT_EQ(send(alice, 3), Taken::forwarded);
  EXPECT_EQ(relay.next(bob, now), nullptr);
}

TEST_F(Relay, M11_StrangeNumbersAndReplaysGoNowhere) {
  const auto alice = join(Lane::audio, 1), bob = join(Lane::audio, 2);
  const auto quiet = join(Lane::audio, 3, false);
  EXPECT_EQ(relay.take(alice, {.stream = bob, .sequence = 1, .payload = "x"}, true, now),
            Taken::unknown);
  EXPECT_EQ(relay.take(alice, {.stream = 99, .sequence = 1, .payload = "x"}, true, now),
            Taken::unknown);
  EXPECT_EQ(send(77, 1), Taken::unknown);
  EXPECT_EQ(send(quiet, 1), Taken::silent);
  EXPECT_EQ(send(alice, 5), Taken::forwarded);
  for (const std::uint32_t again : {5U, 4U, 0U}) EXPECT_EQ(send(alice, again), Taken::replayed);
  EXPECT_EQ(drain(bob, Lane::audio), (Sequences{5}));
}

TEST_F(Relay, NumbersAreNotGivenAgain) {
  const auto first = join(Lane::audio, 1);
  relay.leave(first);
  EXPECT_TRUE(relay.empty());
  EXPECT_GT(join(Lane::audio, 1), first);
}

TEST_F(Relay, AQueueHoldsAtMostItsLimitAndLosesVideoBeforeAudio) {
  const auto voice = join(Lane::audio, 1), film = join(Lane::video, 1);
  const auto hears = join(Lane::audio, 2), sees = join(Lane::video, 2);
  EXPECT_EQ(send(film, 1, 100'000), Taken::forwarded);
  EXPECT_EQ(send(film, 2, 100'000, false), Taken::forwarded);
  std::uint32_t said = 0;
  for (; said < 100; ++said) {
    EXPECT_EQ(send(voice, said + 1, 1'000), Taken::forwarded);
    EXPECT_LE(relay.waiting(hears), kLiveQueue);
  }
  EXPECT_EQ(relay.waiting(hears), relay.waiting(sees)) << "one queue";
  EXPECT_EQ(relay.waiting(hears), 100'000U) << "both pictures went, and no sound";
  EXPECT_EQ(send(film, 3, 190'000), Taken::forwarded);
  EXPECT_EQ(relay.waiting(hears), 100'000U) << "a picture displaces no sound";
  EXPECT_EQ(drain(hears, Lane::audio).size(), said);
  EXPECT_TRUE(drain(sees, Lane::video).empty());
  for (std::uint32_t i = 0; i < 300; ++i) send(voice, 1'000 + i, 1'000);
  EXPECT_LE(relay.waiting(hears), kLiveQueue);
  EXPECT_EQ(drain(hears, Lane::audio).back(), 1'299U) << "of sound the oldest goes";
}

TEST_F(Relay, WhoeverComesLateBeginsAtAKeyFrameThatTheSenderIsAskedFor) {
  const auto film = join(Lane::video, 1);
  EXPECT_EQ(send(film, 1), Taken::forwarded);
  EXPECT_TRUE(relay.ask_for_keys(now).empty()) << "nobody was there to need one";
  const auto late = join(Lane::video, 2);
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film}));
  EXPECT_EQ(send(film, 2, 100, false), Taken::forwarded);
  EXPECT_TRUE(drain(late, Lane::video).empty());
  EXPECT_TRUE(relay.ask_for_keys(now).empty()) << "asked a moment ago";
  now += kLiveKeyMs;
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film})) << "it did not come";
  EXPECT_EQ(send(film, 3, 100, true), Taken::forwarded);
  EXPECT_EQ(send(film, 4, 100, false), Taken::forwarded);
  EXPECT_EQ(drain(late, Lane::video), (Sequences{3, 4}));
  now += kLiveKeyMs;
  EXPECT_TRUE(relay.ask_for_keys(now).empty());
}

TEST_F(Relay, LateVideoGoesWithWhatBuildsOnItAndLateAudioLater) {
  const auto voice = join(Lane::audio, 1), film = join(Lane::video, 1);
  const auto hears = join(Lane::audio, 2), sees = join(Lane::video, 2);
  static_cast<void>(relay.ask_for_keys(now));
  send(film, 1, 100, true);
  send(film, 2, 100, false);
  send(voice, 1);
  now += kLiveVideoLateMs;
  EXPECT_EQ(relay.waiting(sees), 300U);
  now += 1;
  send(film, 3, 100, false);
  EXPECT_TRUE(drain(sees, Lane::video).empty()) << "the third builds on the late ones";
  now += kLiveKeyMs;
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film}));
  EXPECT_EQ(drain(hears, Lane::audio), (Sequences{1})) << "sound has longer";
  send(voice, 2);
  now += kLiveAudioLateMs + 1;
  EXPECT_TRUE(drain(hears, Lane::audio).empty());
  const auto reports = relay.reports(now);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].frames, 2U);
  EXPECT_EQ(reports[0].copies, 1U);
  EXPECT_EQ(reports[0].dropped, 1U);
  EXPECT_EQ(reports[0].delay, 1'501);
  EXPECT_EQ(reports[1].dropped, 3U);
  EXPECT_TRUE(relay.reports(now + kLiveReportMs).empty()) << "nothing more was sent";
}

TEST_F(Relay, M12_WhatIsOverTheRateGoesToNobodyAndVideoGoesOnAtAKeyFrame) {
  const auto film = join(Lane::video, 1), sees = join(Lane::video, 2);
  static_cast<void>(relay.ask_for_keys(now));
  EXPECT_EQ(send(film, 1, 100, true), Taken::forwarded);
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{1}));
  EXPECT_EQ(send(film, 2, 100, false, false), Taken::shaped);
  EXPECT_EQ(send(film, 3, 100, false, true), Taken::shaped) << "it builds on the second";
  now += kLiveKeyMs;
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film}));
  EXPECT_EQ(send(film, 4, 100, true, false), Taken::shaped);
  EXPECT_EQ(send(film, 5, 100, true, true), Taken::forwarded);
  EXPECT_EQ(send(film, 6, 100, false, true), Taken::forwarded);
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{5, 6}));
  const auto reports = relay.reports(now + kLiveReportMs);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].shaped, 3U);
  EXPECT_EQ(reports[0].dropped, 0U);
}

}  // namespace
}  // namespace dim
