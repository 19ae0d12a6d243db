#include "server/live.h"

#include <gmock/gmock.h>

#include "server/live_fixture.h"

namespace dim::station_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Live = LiveTest;

std::string key(std::size_t bytes) { return std::string(bytes, 'k'); }

// --- opening

TEST_F(Live, AStreamOfAChannelIsToldToItsReadersAndFoundThere) {
  auto alice = host();
  auto bob = member("bob");
  static_cast<void>(bob.text->take());
  const Guid stream = open_in_channel(alice);
  EXPECT_THAT(told(bob), ElementsAre("started"));
  EXPECT_EQ(last.get("author"), id_of("alice"));
  EXPECT_EQ(last.get("target"), channel.text());
  EXPECT_EQ(last.content, secret());
  EXPECT_EQ(code(*bob.text, request(Operation::get, "stream", channel.text())), 200);
  EXPECT_EQ(last.get("guid"), stream.text());
  EXPECT_EQ(last.content, secret());
  EXPECT_EQ(code(*bob.text, request(Operation::get, "stream", stream.text())), 200);
  EXPECT_EQ(code(*alice.text, opening(channel.text(), stream)), 201) << "the very same again";
  EXPECT_EQ(code(*alice.text, opening(channel.text(), stream,
                                      R"({"secret":")" + to_base64(Bytes(32, 8)) + "\"}")),
            407);
  EXPECT_EQ(code(*bob.text, opening(channel.text(), next_guid())), 407) << "one is open there";
  EXPECT_EQ(last.get("guid"), stream.text());
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, request(Operation::get, "stream", channel.text())), 404);
  EXPECT_EQ(code(*carol.text, request(Operation::get, "stream", stream.text())), 404);
  EXPECT_EQ(code(*carol.text, opening(channel.text(), next_guid())), 404);
}

TEST_F(Live, WhatAStreamNeeds) {
  auto alice = host();
  for (const std::string& wrong :
       {std::string(), std::string("{}"), std::string(R"({"secret":"AAAA"})"), std::string("x")})
    EXPECT_EQ(code(*alice.text, opening(channel.text(), next_guid(), wrong)), 401) << wrong;
  Packet no_guid = opening(channel.text(), next_guid());
  no_guid.set("guid", "42");
  EXPECT_EQ(code(*alice.text, no_guid), 401);
  EXPECT_EQ(code(*alice.text, opening("no target", next_guid())), 401);
  EXPECT_EQ(code(*alice.text, opening(next_guid().text(), next_guid())), 404);
  EXPECT_EQ(code(*alice.text, opening(id_of("alice"), next_guid())), 401) << "oneself";
  EXPECT_EQ(code(*alice.control, opening(channel.text(), next_guid())), 417);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "stream", channel.text())), 404);
}

TEST_F(Live, BetweenPeopleTheSecretIsAMessageThatTheStationCannotRead) {
  auto alice = online("alice");
  auto bob = online("bob");
  auto carol = online("carol");
  const std::string sealed = signed_message(user("alice"), id_of("bob"), "secret");
  const Guid stream = next_guid();
  EXPECT_EQ(code(*alice.text, opening(id_of("bob"), stream)), 401) << "it could read that";
  EXPECT_EQ(code(*alice.text, opening(id_of("carol"), stream, sealed)), 401);
  EXPECT_EQ(code(*carol.text, opening(id_of("bob"), stream, sealed)), 401);
  EXPECT_EQ(code(*alice.text, opening(id_of("bob"), stream, sealed)), 201);
  EXPECT_THAT(told(bob), ElementsAre("started"));
  EXPECT_EQ(last.content, sealed);
  EXPECT_EQ(code(*bob.text, request(Operation::get, "stream", id_of("alice"))), 200);
  EXPECT_EQ(last.get("guid"), stream.text());
  EXPECT_EQ(code(*carol.text, request(Operation::get, "stream", stream.text())), 404);
  EXPECT_EQ(code(*carol.text, request(Operation::get, "stream", id_of("alice"))), 404);
  EXPECT_EQ(code(*bob.text, opening(id_of("alice"), next_guid(),
                                    signed_message(user("bob"), id_of("alice"), "secret"))),
            407)
      << "two people have one";
  auto a = join(alice, stream), b = join(bob, stream);
  say(a, 1);
  EXPECT_THAT(b.frames(), SizeIs(1));
  auto stranger = lane_of(carol, Lane::audio);
  EXPECT_EQ(answer(*stranger, joining_stream(stream)).code, 404);
}

TEST_F(Live, AStreamEndsWhenTheLastLeavesAndWhenNobodyComes) {
  auto alice = host();
  const Guid stream = open_in_channel(alice);
  pass(limits::kLiveEmptyMs - 1'000);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "stream", channel.text())), 200);
  auto a = join(alice, stream);
  pass(limits::kLiveEmptyMs);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "stream", channel.text())), 200);
  station->closed(a.peer->id);
  station->end_of_turn();
  EXPECT_EQ(code(*alice.text, request(Operation::get, "stream", channel.text())), 404);
  static_cast<void>(open_in_channel(alice));
  static_cast<void>(told(alice));
  pass(limits::kLiveEmptyMs + 1'000);
  EXPECT_THAT(told(alice), ElementsAre("ended"));
  EXPECT_EQ(code(*alice.text, request(Operation::get, "stream", channel.text())), 404);
}

TEST_F(Live, WhoHasOpenedItEndsIt) {
  auto alice = host();
  auto bob = member("bob");
  auto carol = member("carol");
  const Guid stream = open_in_channel(bob);
  auto b = join(bob, stream), c = join(carol, stream);
  EXPECT_EQ(code(*carol.text, request(Operation::erase, "stream", stream.text())), 403);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "stream", stream.text())), 204);
  EXPECT_TRUE(b.peer->link.closed && c.peer->link.closed);
  EXPECT_EQ(told(carol).back(), "ended");
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "stream", stream.text())), 404);
}

TEST_F(Live, OneUserOpensNotMoreThanEight) {
  auto alice = host();
  std::vector<Guid> channels;
  for (std::size_t i = 0; i <= limits::kLiveCallsOfUser; ++i) {
    channels.push_back(next_guid());
    ASSERT_EQ(code(*alice.text,
                   make("channel", channels.back(), R"({"name":"c)" + std::to_string(i) + "\"}")),
              201);
  }
  for (std::size_t i = 0; i < limits::kLiveCallsOfUser; ++i)
    EXPECT_EQ(code(*alice.text, opening(channels[i].text(), next_guid())), 201);
  EXPECT_EQ(code(*alice.text, opening(channels.back().text(), next_guid())), 506);
}

// --- joining and frames

TEST_F(Live, BehindThe101FramesGoToAllOthers) {
  auto alice = host();
  auto bob = member("bob");
  auto carol = member("carol");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  EXPECT_EQ(a.answer.code, 101);
  EXPECT_EQ(a.answer.get("limit-payload"), std::to_string(kLiveAudioPayload));
  auto b = join(bob, stream), c = join(carol, stream, Lane::audio, "receive");
  static_cast<void>(told(alice));
  say(a, 1, "one");
  say(a, 2, "two");
  say(b, 1, "three");
  const auto heard = b.frames();
  ASSERT_THAT(heard, SizeIs(2));
  EXPECT_EQ(heard[1],
            (LiveFrame{
                .stream = a.number, .sequence = 2, .time = 40'000, .key = true, .payload = "two"}));
  EXPECT_THAT(a.frames(), SizeIs(1));
  EXPECT_THAT(c.frames(), SizeIs(3));
  EXPECT_EQ(station->counters().live_frames, 3U);
  // Who comes hears who sends, and the others hear of whoever comes to send.
  EXPECT_THAT(told(carol), ElementsAre("started", "joined", "joined"));
  EXPECT_EQ(last.get("author"), id_of("bob"));
  EXPECT_EQ(last.get("kind"), "audio");
  station->closed(b.peer->id);
  station->end_of_turn();
  EXPECT_THAT(told(carol), ElementsAre("left"));
  EXPECT_EQ(last.get("stream"), std::to_string(b.number));
}

TEST_F(Live, WhatJoiningRefuses) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto lane = lane_of(bob, Lane::audio);
  EXPECT_EQ(answer(*lane, joining_stream(next_guid())).code, 404);
  Packet wrong = joining_stream(stream);
  EXPECT_EQ(answer(*lane, wrong.set("target", "x")).code, 401);
  EXPECT_EQ(answer(*lane, joining_stream(stream, "sideways")).code, 401);
  Packet again = Packet::request(Operation::connect);
  EXPECT_EQ(answer(*lane, again.set("id", "3").set("session", bob.session)).code, 407);
  EXPECT_EQ(
      answer(*lane, Packet::request(Operation::notify).set("id", "9").set("type", "ping")).code,
      200)
      << "it is a lane of packets until the 101";
  Packet frame = Packet::request(Operation::notify);
  frame.set("id", "10").set("type", "frame");
  frame.content = write_live_frame({.stream = 1, .sequence = 1, .payload = "x"});
  EXPECT_EQ(answer(*lane, frame).code, 401) << "frames in packets are for the first connection";
  bytes(*lane, write_packet(joining_stream(stream)) + "early");
  EXPECT_EQ(lane->take().at(0).code, 401);
  EXPECT_TRUE(lane->link.closed);
}

TEST_F(Live, ToSpeakAndToShowSomethingAreRightsToListenIsNone) {
  auto alice = quiet_host();
  auto bob = member("bob");
  EXPECT_EQ(code(*bob.text, opening(channel.text(), next_guid())), 403);
  const Guid stream = open_in_channel(alice);
  auto lane = lane_of(bob, Lane::audio);
  EXPECT_EQ(answer(*lane, joining_stream(stream)).code, 403);
  EXPECT_EQ(answer(*lane, joining_stream(stream, "send")).code, 403);
  EXPECT_EQ(answer(*lane, joining_stream(stream, "receive")).code, 101);
  give(alice, "bob", R"("speak")");
  auto film = lane_of(bob, Lane::video);
  EXPECT_EQ(answer(*film, joining_stream(stream)).code, 403) << "to speak is not to show";
  give(alice, "bob", R"("speak","stream")");
  EXPECT_EQ(answer(*film, joining_stream(stream)).code, 101);
}

TEST_F(Live, WhoComesLateToAPictureGetsItFromAKeyFrameOn) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream, Lane::video);
  say(a, 1, key(5'000));
  say(a, 2, key(500), false);
  static_cast<void>(told(alice));
  auto b = join(bob, stream, Lane::video);
  EXPECT_THAT(told(alice), ElementsAre("joined", "key-frame"));
  EXPECT_EQ(last.get("stream"), std::to_string(a.number));
  say(a, 3, key(500), false);
  EXPECT_THAT(b.frames(), IsEmpty());
  say(a, 4, key(5'000));
  say(a, 5, key(500), false);
  EXPECT_THAT(b.frames(), SizeIs(2));
}

TEST_F(Live, ASlowReceiverLosesVideoBeforeAudioAndHoldsUpNobody) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream), film = join(alice, stream, Lane::video);
  auto hears = join(bob, stream), sees = join(bob, stream, Lane::video);
  hears.peer->link.stuck = sees.peer->link.stuck = true;
  say(film, 1, key(100'000));
  say(film, 2, key(100'000));
  say(film, 3, key(100'000));
  for (std::uint32_t i = 1; i <= 100; ++i) say(a, i, key(1'000));
  EXPECT_LT(hears.peer->link.queued() + sees.peer->link.queued(), 150'000U)
      << "little is given ahead, so that it can still be dropped";
  EXPECT_FALSE(a.peer->link.paused || film.peer->link.paused);
  for (Listener* one : {&hears, &sees}) {
    one->peer->link.unstick();
    station->drained(one->peer->id);
    station->end_of_turn();
  }
  pass(1'000);
  const auto sound = hears.frames(), pictures = sees.frames();
  EXPECT_EQ(sound.size(), 100U);
  EXPECT_LT(pictures.size(), 3U);
  static_cast<void>(told(alice));
  pass(kLiveReportMs + 200);
  say(film, 9, key(100));
  pass(kLiveReportMs + 200);
  const auto states = told(alice);
  EXPECT_THAT(states, testing::Contains("report"));
}

TEST_F(Live, M12_ASenderOverItsRateIsShapedAndItsVideoIsNoCostToItsVoice) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream), film = join(alice, stream, Lane::video);
  auto hears = join(bob, stream), sees = join(bob, stream, Lane::video);
  // A second of 100 Mbit/s, with voice in between.
  std::size_t pictures = 0, sound = 0, paused = 0;
  for (std::uint32_t tenth = 0; tenth < 10; ++tenth) {
    for (std::uint32_t i = 0; i < 25; ++i) say(film, tenth * 25 + i + 1, key(50'000));
    for (std::uint32_t i = 0; i < 5; ++i) say(a, tenth * 5 + i + 1, key(160));
    if (film.peer->link.paused) ++paused;
    for (const LiveFrame& frame : sees.frames()) pictures += frame.payload.size();
    sound += hears.frames().size();
    pass(100);
  }
  EXPECT_EQ(sound, 50U) << "no voice was lost";
  EXPECT_LE(pictures, 3 * limits::kMiB + 2 * limits::kKiB);
  EXPECT_GT(pictures, limits::kMiB);
  EXPECT_GE(paused, 5U) << "it is read no faster";
  EXPECT_FALSE(a.peer->link.paused);
  EXPECT_GT(station->counters().live_shaped, 0U);
  EXPECT_FALSE(film.peer->link.closed);
}

TEST_F(Live, M11_FramesOfNoStreamOfOnesOwnAndReplaysAreDroppedCountedAndEndIt) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto b = join(bob, stream);
  using Wrong = std::function<LiveFrame(const Listener&, std::uint32_t)>;
  const std::vector<Wrong> kinds{
      [](const Listener&, std::uint32_t i) {
        return LiveFrame{.stream = 4'711, .sequence = i, .payload = "unknown"};
      },
      [&](const Listener&, std::uint32_t i) {
        return LiveFrame{.stream = b.number, .sequence = i, .payload = "of somebody else"};
      },
      [](const Listener& from, std::uint32_t) {
        return LiveFrame{.stream = from.number, .sequence = 1, .payload = "replayed"};
      }};
  for (const Wrong& wrong : kinds) {
    auto a = join(alice, stream);
    say(a, 1);
    const auto before = station->counters().live_refused;
    for (std::uint32_t i = 1; i < limits::kLiveBadFrames; ++i)
      bytes(*a.peer, write_live_frame(wrong(a, i)));
    EXPECT_FALSE(a.peer->link.closed);
    EXPECT_EQ(station->counters().live_refused, before + limits::kLiveBadFrames - 1);
    say(a, 2);
    bytes(*a.peer, write_live_frame(wrong(a, 1'000)));
    EXPECT_TRUE(a.peer->link.closed) << "the hundredth";
    EXPECT_THAT(b.frames(), SizeIs(2)) << "only the right ones came";
    station->closed(a.peer->id);
  }
  auto a = join(alice, stream);
  bytes(*a.peer, std::string("\x80\0\0\0", 4));
  EXPECT_TRUE(a.peer->link.closed) << "a length of 2^31";
  auto listens = join(alice, stream, Lane::audio, "receive");
  say(listens, 1);
  EXPECT_THAT(b.frames(), IsEmpty());
}

// --- the end of a right

TEST_F(Live, N9_ABanEndsStreamsAtOnceAndCountsThem) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  auto hears = join(bob, stream), sees = join(bob, stream, Lane::video);
  say(a, 1);
  EXPECT_THAT(hears.frames(), SizeIs(1));
  EXPECT_EQ(code(*alice.control, about(Operation::create, "ban", "bob")), 201);
  EXPECT_EQ(last.get("streams"), "3") << "text, audio and video";
  EXPECT_TRUE(hears.peer->link.closed && sees.peer->link.closed && bob.text->link.closed);
  say(a, 2);
  EXPECT_THAT(hears.frames(), IsEmpty()) << "nothing but what was there before";
  auto lane = lane_of(bob, Lane::audio);
  EXPECT_EQ(answer(*lane, joining_stream(stream, "receive")).code, 403);
}

TEST_F(Live, N9_ABanLeavesStreamsElsewhereAlone) {
  auto alice = host();
  auto bob = member("bob");
  const Guid call = next_guid();
  EXPECT_EQ(code(*alice.text, opening(id_of("bob"), call,
                                      signed_message(user("alice"), id_of("bob"), "secret"))),
            201);
  auto a = join(alice, call), b = join(bob, call);
  EXPECT_EQ(code(*alice.control, about(Operation::create, "ban", "bob")), 201);
  EXPECT_EQ(last.get("streams"), "1");
  say(a, 1);
  EXPECT_THAT(b.frames(), SizeIs(1));
}

TEST_F(Live, WhoLosesARightIsPutOutOfWhatItWasFor) {
  auto alice = host();
  auto bob = member("bob");
  auto carol = member("carol");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  auto speaks = join(bob, stream), listens = join(carol, stream, Lane::audio, "receive");
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*alice.control, about(Operation::create, "mute", "bob")), 201);
  EXPECT_TRUE(speaks.peer->link.closed);
  EXPECT_THAT(told(bob), ElementsAre("left"));
  EXPECT_EQ(last.get("reason"), "forbidden");
  EXPECT_EQ(code(*alice.control, about(Operation::create, "mute", "carol")), 201);
  EXPECT_FALSE(listens.peer->link.closed) << "who only listens may go on";
  EXPECT_EQ(code(*alice.text, about(Operation::erase, "member", "carol")), 204);
  EXPECT_TRUE(listens.peer->link.closed);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", channel.text())), 204);
  EXPECT_TRUE(a.peer->link.closed);
}

// --- in the connection of 8800

TEST_F(Live, InOneConnectionFramesAreInPackets) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  auto carried = login("carol");
  prove(carried, Lane::text);
  Packet come = joining(invite);
  EXPECT_EQ(ask_for(*carried.control, come.set("lane", "text")).code, 201);
  prove(carried, Lane::audio);
  Packet join_packet = joining_stream(stream);
  const Packet joined = ask_for(*carried.control, join_packet.set("lane", "audio"));
  EXPECT_EQ(joined.code, 101);
  EXPECT_EQ(joined.get("lane"), "audio");
  static_cast<void>(carried.control->take());
  say(a, 1);
  auto got = carried.control->take();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(got[0].get("type"), "frame");
  EXPECT_EQ(got[0].get("lane"), "audio");
  EXPECT_EQ(
      got[0].content,
      write_live_frame(
          {.stream = a.number, .sequence = 1, .time = 20'000, .key = true, .payload = "opus"}));
  Packet frames = Packet::request(Operation::notify);
  frames.set("type", "frame").set("lane", "audio");
  LiveFrame mine{.stream = static_cast<std::uint32_t>(parse_number(joined.get("stream"))),
                 .sequence = 1,
                 .key = true,
                 .payload = "x"};
  std::string two = write_live_frame(mine);
  mine.sequence = 2;
  two += write_live_frame(mine);
  frames.content = two;
  EXPECT_THAT(ask(*carried.control, frames), IsEmpty()) << "nothing is answered without an id";
  EXPECT_THAT(a.frames(), SizeIs(2));
  frames.content = two.substr(0, two.size() - 1);
  EXPECT_EQ(ask_for(*carried.control, frames).code, 401);
  Packet leave = Packet::request(Operation::notify);
  leave.set("id", "9").set("lane", "audio").set("type", "stream").set("state", "left");
  EXPECT_EQ(ask_for(*carried.control, leave).code, 204);
  say(a, 2);
  EXPECT_THAT(carried.control->take(), IsEmpty());
  EXPECT_EQ(ask_for(*carried.control, leave).code, 407);
}

// --- what one person can bring about

TEST_F(Live, N9_ABanEndsEachSessionThatHasAllLanesInOneConnection) {
  auto alice = host();
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  std::vector<LoggedIn> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.push_back(login("bob"));
    prove(sessions.back(), Lane::text);
    if (i == 0) {
      EXPECT_EQ(ask_for(*sessions[0].control, joining(invite).set("lane", "text")).code, 201);
    }
    prove(sessions.back(), Lane::audio);
    EXPECT_EQ(ask_for(*sessions.back().control, joining_stream(stream).set("lane", "audio")).code,
              101);
  }
  EXPECT_EQ(code(*alice.control, about(Operation::create, "ban", "bob")), 201);
  EXPECT_EQ(last.get("streams"), "6") << "text and audio of each";
  for (const LoggedIn& one : sessions) EXPECT_TRUE(one.control->link.closed);
  say(a, 1);
  EXPECT_FALSE(a.peer->link.closed);
}

TEST_F(Live, M12_FramesOfOneByteAreShapedAsIfTheyWereLarger) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  const auto many = [](std::uint32_t number) {
    std::string out;
    for (std::uint32_t i = 1; i <= 10'000; ++i)
      out += write_live_frame({.stream = number, .sequence = i, .key = true, .payload = "x"});
    return out;
  };
  const auto admitted = [&] {
    return station->counters().live_frames - station->counters().live_shaped;
  };
  auto film = join(alice, stream, Lane::video), voice = join(alice, stream);
  bytes(*film.peer, many(film.number));
  const auto pictures = admitted();
  EXPECT_EQ(pictures, 2 * limits::kMiB / kLiveLeastVideo);
  bytes(*voice.peer, many(voice.number));
  EXPECT_EQ(admitted() - pictures, 128 * limits::kKiB / kLiveLeastAudio);
  // In the connection of 8800 what comes behind the first that is too much is not looked at.
  prove(bob, Lane::audio);
  const Packet joined = ask_for(*bob.control, joining_stream(stream).set("lane", "audio"));
  Packet frames = Packet::request(Operation::notify);
  frames.set("type", "frame").set("lane", "audio");
  frames.content = many(static_cast<std::uint32_t>(parse_number(joined.get("stream"))));
  const auto before = station->counters().live_frames;
  send(*bob.control, frames);
  EXPECT_EQ(station->counters().live_frames - before, 128 * limits::kKiB / kLiveLeastAudio + 1);
}

TEST_F(Live, WhoJoinsAgainAndAgainHasToWait) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream);
  prove(bob, Lane::audio);
  Packet come = joining_stream(stream).set("lane", "audio");
  Packet leave = Packet::request(Operation::notify);
  leave.set("id", "9").set("lane", "audio").set("type", "stream").set("state", "left");
  for (int i = 0; i < kLiveJoins; ++i) {
    ASSERT_EQ(ask_for(*bob.control, come).code, 101) << i;
    ASSERT_EQ(ask_for(*bob.control, leave).code, 204) << i;
  }
  static_cast<void>(told(alice));
  const Packet refused = ask_for(*bob.control, come);
  EXPECT_EQ(refused.code, 416);
  EXPECT_EQ(refused.get("retry-after"), "1");
  EXPECT_THAT(told(alice), IsEmpty());
  pass(1'000);
  EXPECT_EQ(ask_for(*bob.control, come).code, 101);
}

TEST_F(Live, WhoeverSpeaksInAHubThatIsFrozenIsPutOut) {
  auto alice = host();
  auto bob = member("bob");
  const Guid stream = open_in_channel(alice);
  auto a = join(alice, stream), listens = join(bob, stream, Lane::audio, "receive");
  std::string answer;
  station->admin(R"({"verb":"hubs-freeze","target":")" + hub_id() + "\"}", "operator:1000",
                 [&](std::string text) { answer = std::move(text); });
  station->end_of_turn();
  EXPECT_NE(answer.find("true"), std::string::npos) << answer;
  EXPECT_TRUE(a.peer->link.closed);
  EXPECT_FALSE(listens.peer->link.closed) << "what is there may be read";
}

}  // namespace
}  // namespace dim::station_test
