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

TEST_F(Relay, AQueueHoldsAtMostSoManyFramesHoweverSmall) {
  const auto voice = join(Lane::audio, 1), film = join(Lane::video, 1);
  const auto hears = join(Lane::audio, 2), sees = join(Lane::video, 2);
  for (std::uint32_t i = 1; i <= 6'000; ++i) {
    send(film, i, kLiveHead + 1);
    send(voice, i, kLiveHead + 1);
  }
  const auto pictures = drain(sees, Lane::video);
  ASSERT_EQ(pictures.size(), kLiveQueuePictures);
  EXPECT_EQ(pictures.back(), 6'000U) << "the oldest go";
  const auto sound = drain(hears, Lane::audio);
  ASSERT_EQ(sound.size(), kLiveQueueSounds);
  EXPECT_EQ(sound.back(), 6'000U);
  EXPECT_EQ(relay.waiting(sees), 0U);
}

TEST_F(Relay, WhatGoesIsOneKeyFrameWithWhatBuildsOnItAndNothingOfOthers) {
  const auto film = join(Lane::video, 1), other = join(Lane::video, 2);
  const auto sees = join(Lane::video, 3, false);
  send(film, 1, 80'000);
  send(other, 1, 50'000);
  send(film, 2, 80'000, false);
  send(film, 3, 40'000);
  send(film, 4, 20'000, false);
  EXPECT_EQ(drain(other, Lane::video).size(), 4U);
  EXPECT_EQ(relay.waiting(sees), 110'000U) << "the first two went";
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{1, 3, 4}));
}

TEST_F(Relay, AReceiverThatReadsNothingIsAskedForNoMoreKeyFrames) {
  const auto film = join(Lane::video, 1), stalled = join(Lane::video, 2, false);
  static_cast<void>(relay.ask_for_keys(now));
  std::uint32_t sequence = 0;
  std::size_t asked = 0;
  for (int i = 0; i < 30; ++i) {
    send(film, ++sequence, 150'000, asked != 0 || i == 0);
    send(film, ++sequence, 150'000, false);
    now += kLiveKeyMs;
    asked = relay.ask_for_keys(now).size();
    EXPECT_EQ(asked, 0U) << i;
  }
  EXPECT_TRUE(drain(stalled, Lane::video).empty()) << "nothing waits";
  send(film, ++sequence, 100, false);
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film})) << "it reads again";
  send(film, ++sequence, 100);
  EXPECT_EQ(drain(stalled, Lane::video), (Sequences{sequence}));
}

TEST_F(Relay, AKeyFrameThatCameWasAskedForOnce) {
  const auto film = join(Lane::video, 1), sees = join(Lane::video, 2);
  EXPECT_EQ(relay.ask_for_keys(now), (Sequences{film}));
  send(film, 1, 100, false);  // on its way when it was asked for another
  send(film, 2, 100, true);
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{2}));
  now += kLiveKeyMs;
  EXPECT_TRUE(relay.ask_for_keys(now).empty());
}

TEST_F(Relay, AFrameLargerThanAShortQueueDisplacesNothingAndPassesAnEmptyOne) {
  const auto film = join(Lane::video, 1), sees = join(Lane::video, 2);
  constexpr std::size_t kShort = 64 * limits::kKiB;
  const auto give = [&](std::uint32_t sequence, std::size_t bytes) {
    return relay.take(film,
                      {.stream = film,
                       .sequence = sequence,
                       .key = true,
                       .payload = std::string(bytes - kLiveHead, 'x')},
                      true, now, kShort);
  };
  give(1, 1'000);
  give(2, 80'000);
  EXPECT_EQ(relay.waiting(sees), 1'000U);
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{1}));
  give(3, 80'000);
  EXPECT_EQ(drain(sees, Lane::video), (Sequences{3}));
}

}  // namespace
}  // namespace dim
