#include "client/live_stream.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

const Id kAlice = Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF").value();
const Id kBob = Id::parse("0x95E6F72fB194200e95b60332E8142DDF41C7c333").value();
const Id kCarol = Id::parse("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359").value();

class Streams : public testing::Test {
 protected:
  LiveStream make(const Id& who, std::uint8_t secret = 7) {
    return {guid, Secret::copy_of(Bytes(kStreamSecret, secret)), who, random};
  }
  static Packet notice(const Id& who, std::uint32_t stream, std::string state,
                       std::string kind = "audio") {
    Packet packet = Packet::request(Operation::notify);
    packet.set("type", "stream").set("state", std::move(state)).set("author", who.text());
    packet.set("stream", std::to_string(stream)).set("kind", std::move(kind));
    return packet;
  }
  LiveStream::Hear hear() {
    return [this](LiveStream::Heard one) { heard.push_back(std::move(one)); };
  }
  std::string say(LiveStream& from, std::string_view text, std::uint64_t time = 0) {
    return from.seal(Lane::audio, time, true, as_bytes(text)).value();
  }

  OsRandom random;
  Guid guid = Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4").value();
  std::vector<LiveStream::Heard> heard;
};

TEST_F(Streams, WhatOneSealsTheOtherOpens) {
  auto alice = make(kAlice), bob = make(kBob);
  ASSERT_TRUE(alice.joined(Lane::audio, 1) && bob.joined(Lane::audio, 2));
  EXPECT_TRUE(bob.told(notice(kAlice, 1, "joined"), hear()));
  std::string both = say(alice, "one", 5);
  both += say(alice, "two", 20'005);
  bob.received(Lane::audio, both.substr(0, 30), hear());
  bob.received(Lane::audio, both.substr(30), hear());
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(to_text(heard[1].payload), "two");
  EXPECT_EQ(heard[1].time, 20'005U);
  EXPECT_EQ(heard[1].sender, kAlice);
  EXPECT_EQ(alice.stats().sent, 2U);
  EXPECT_EQ(bob.stats().received_bytes, 6U);
  EXPECT_EQ(bob.stats().failed + bob.stats().lost, 0U);
  EXPECT_EQ(both.find("one"), std::string::npos);
}

TEST_F(Streams, FramesWaitUntilItIsToldWhoseTheyAre) {
  auto alice = make(kAlice), bob = make(kBob);
  ASSERT_TRUE(alice.joined(Lane::audio, 1) && bob.joined(Lane::audio, 2));
  bob.received(Lane::audio, say(alice, "early"), hear());
  EXPECT_TRUE(heard.empty());
  EXPECT_TRUE(bob.told(notice(kAlice, 1, "joined"), hear()));
  EXPECT_EQ(heard.size(), 1U);
  for (int i = 0; i < 40; ++i) {
    auto stranger = make(kAlice);
    ASSERT_TRUE(stranger.joined(Lane::audio, 9));
    bob.received(Lane::audio, say(stranger, std::string(10'000, 'x')), hear());
  }
  EXPECT_GT(bob.stats().unknown, 10U) << "not without end";
}

TEST_F(Streams, M11_AWrongTagAReplayAndAnotherSendersFrameAreFoundByTheReceiver) {
  auto alice = make(kAlice), bob = make(kBob), eve = make(kBob, 8);
  ASSERT_TRUE(alice.joined(Lane::audio, 1) && bob.joined(Lane::audio, 2) &&
              eve.joined(Lane::audio, 1));
  bob.told(notice(kAlice, 1, "joined"), hear());
  std::string changed = say(alice, "changed");
  changed.back() = static_cast<char>(changed.back() ^ 1);
  bob.received(Lane::audio, changed, hear());
  EXPECT_EQ(bob.stats().failed, 1U) << "wrong tag";
  const std::string right = say(alice, "right");
  bob.received(Lane::audio, right + right, hear());
  EXPECT_EQ(bob.stats().failed, 2U) << "a replay";
  bob.received(Lane::audio, say(eve, "without the secret"), hear());
  EXPECT_EQ(bob.stats().failed, 3U);
  std::string later = say(alice, "key bit changed");
  later[20] = 0;
  bob.received(Lane::audio, later, hear());
  EXPECT_EQ(bob.stats().failed, 4U) << "the head is covered too";
  auto mallory = make(kBob);  // has the secret, and is another sender
  ASSERT_TRUE(mallory.joined(Lane::audio, 1));
  bob.received(Lane::audio, say(mallory, "as alice"), hear());
  EXPECT_EQ(bob.stats().failed, 5U);
  EXPECT_EQ(heard.size(), 1U);
}

TEST_F(Streams, EachJoiningHasAnotherKeyAndCountsAnew) {
  auto alice = make(kAlice), bob = make(kBob);
  ASSERT_TRUE(alice.joined(Lane::audio, 1) && bob.joined(Lane::audio, 2));
  bob.told(notice(kAlice, 1, "joined"), hear());
  const std::string first = say(alice, "same");
  bob.received(Lane::audio, first, hear());
  bob.told(notice(kAlice, 1, "left"), hear());
  EXPECT_TRUE(bob.senders().empty());
  ASSERT_TRUE(alice.joined(Lane::audio, 3));
  bob.told(notice(kAlice, 3, "joined"), hear());
  const std::string second = say(alice, "same");
  bob.received(Lane::audio, second, hear());
  EXPECT_EQ(heard.size(), 2U);
  EXPECT_NE(first.substr(kLiveHead), second.substr(kLiveHead));
  EXPECT_EQ(bob.stats().lost, 0U);
}

TEST_F(Streams, WhoMakesKeysWithoutEndSilencesNobodyElse) {
  auto bob = make(kBob);
  ASSERT_TRUE(bob.joined(Lane::audio, 1));
  for (std::uint32_t i = 2; i < 1'200; ++i) {
    auto alice = make(kAlice);
    ASSERT_TRUE(alice.joined(Lane::audio, i));
    bob.told(notice(kAlice, i, "joined"), hear());
    bob.received(Lane::audio, say(alice, "x"), hear());
  }
  EXPECT_EQ(heard.size(), 1'000U);
  auto carol = make(kCarol), again = make(kCarol);
  ASSERT_TRUE(carol.joined(Lane::audio, 5'000) && again.joined(Lane::audio, 5'000));
  bob.told(notice(kCarol, 5'000, "joined"), hear());
  bob.received(Lane::audio, say(carol, "here"), hear());
  EXPECT_EQ(heard.back().sender, kCarol);
  const auto failed = bob.stats().failed;
  static_cast<void>(say(again, "first"));
  bob.received(Lane::audio, say(again, "another key for the same joining"), hear());
  EXPECT_EQ(bob.stats().failed, failed + 1);
}

TEST_F(Streams, CountsGapsAndWhatTheStationReports) {
  auto alice = make(kAlice), bob = make(kBob);
  ASSERT_TRUE(alice.joined(Lane::audio, 1) && bob.joined(Lane::audio, 2));
  bob.told(notice(kAlice, 1, "joined"), hear());
  bob.received(Lane::audio, say(alice, "1"), hear());
  static_cast<void>(say(alice, "2"));
  static_cast<void>(say(alice, "3"));
  bob.received(Lane::audio, say(alice, "4"), hear());
  EXPECT_EQ(bob.stats().lost, 2U);
  Packet report = notice(kAlice, 1, "report");
  report.set("dropped", "5").set("shaped", "6").set("delay", "70");
  EXPECT_FALSE(alice.told(report, hear()));
  EXPECT_EQ(alice.stats().dropped, 5U);
  EXPECT_EQ(alice.stats().shaped, 6U);
  EXPECT_EQ(alice.stats().delay, 70);
  EXPECT_FALSE(alice.key_wanted());
  EXPECT_TRUE(alice.told(notice(kAlice, 1, "key-frame", "video"), hear()));
  EXPECT_TRUE(alice.key_wanted());
  EXPECT_FALSE(alice.key_wanted());
}

TEST_F(Streams, RefusesWhatTheStationWouldNotTake) {
  auto alice = make(kAlice);
  EXPECT_EQ(alice.seal(Lane::audio, 0, true, Bytes(3)).error().code, Errc::conflict);
  ASSERT_TRUE(alice.joined(Lane::audio, 1));
  EXPECT_EQ(alice.seal(Lane::audio, 0, true, Bytes(kLiveAudioPayload)).error().code,
            Errc::too_large);
  EXPECT_TRUE(
      alice.seal(Lane::audio, 0, true, Bytes(kLiveAudioPayload - kSframeMostHeader - kSframeTag)));
}

}  // namespace
}  // namespace dim
