// The log-in and a session's life as a client sees them, with stations that lie.
#include "client/session.h"

#include <gtest/gtest.h>

#include <array>

#include "client/station_fixture.h"
#include "dim/base/limits.h"
#include "dim/engine/rights.h"
#include "dim/engine/verify.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

class SessionTest : public testing::Test, private SessionHost {
 protected:
  void start(StationTarget target = fake_target(), Session::Options options = {}) {
    session.emplace(std::move(target), fake_user(1), static_cast<SessionHost&>(*this), clock,
                    fake_random(), std::move(options));
  }
  void connect(std::uint8_t certificate = 1) {
    session->opened(Lane::control, fake_binding(Lane::control), fake_spki(certificate));
  }
  void answer(Lane lane, const Packet& packet) { session->received(lane, write_packet(packet)); }
  /// Through CONNECT and the text lane.
  void log_in() {
    start();
    connect();
    answer(Lane::control, station.challenge(station.next(Lane::control)));
    answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
    session->opened(Lane::text, fake_binding(Lane::text), fake_spki());
    answer(Lane::text, Packet::response(200, station.next(Lane::text).get("id")));
    ASSERT_TRUE(session->is_ready());
  }
  void expect_over(Errc code) {
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->code, code) << to_string(*failure);
    EXPECT_FALSE(session->is_ready());
    EXPECT_EQ(failures, 1);
  }

  FakeClock clock;
  FakeStation station;
  std::optional<Session> session;
  std::vector<Lane> opened_lanes;
  std::vector<Lane> closed_lanes;
  std::vector<Packet> pushes;
  std::vector<std::pair<Lane, std::string>> lived;  ///< bytes of frames
  std::optional<Lane> joined;                       ///< no packets are sent on it any more
  std::string frames_sent;
  std::optional<Error> failure;
  int failures = 0;
  int readies = 0;

 private:
  void send(Lane lane, std::string bytes) override {
    if (lane == joined)
      frames_sent += bytes;
    else
      station.client_sent(lane, bytes);
  }
  void live(Lane lane, std::string bytes) override { lived.emplace_back(lane, std::move(bytes)); }
  void live_ended(Lane lane) override { lived.emplace_back(lane, "ended"); }
  void open(Lane lane) override { opened_lanes.push_back(lane); }
  void close(Lane lane) override { closed_lanes.push_back(lane); }
  void ready() override { ++readies; }
  void pushed(Lane, Packet packet) override { pushes.push_back(std::move(packet)); }
  void failed(const Error& error, int, std::string_view) override {
    failure = error;
    ++failures;
  }
};

TEST_F(SessionTest, LogsInAndProvesTheTextLane) {
  start();
  connect();
  const Packet hello = station.next(Lane::control);
  EXPECT_EQ(hello.get("target"), fake_target().id);
  answer(Lane::control, station.challenge(hello));
  const Packet proof = station.next(Lane::control);
  ConnectInput input{.station_id = fake_target().id,
                     .author_id = fake_user(1).id.text(),
                     .channel_binding = fake_binding(Lane::control),
                     .challenge = Bytes(32, 9),
                     .nonce = from_base64(hello.get("nonce")).value(),
                     .offered = std::string(hello.get("checksums")),
                     .chosen = "crc32c"};
  EXPECT_TRUE(fake_user(1).meta.key().verify(connect_signing_input(input),
                                             from_base64(proof.get("signature")).value()));
  answer(Lane::control, FakeStation::welcome(proof));
  EXPECT_EQ(opened_lanes, std::vector{Lane::text});
  EXPECT_EQ(readies, 0);
  session->opened(Lane::text, fake_binding(Lane::text), fake_spki());
  const Packet lane = station.next(Lane::text);
  EXPECT_EQ(lane.get("proof"), to_base64(port_proof(Bytes(32, 5), 8801, fake_binding(Lane::text))));
  answer(Lane::text, Packet::response(200, lane.get("id")));
  EXPECT_EQ(readies, 1);
  EXPECT_TRUE(session->is_ready());
}

TEST_F(SessionTest, OpensTheMediaLaneForWhoWantsFiles) {
  for (const bool text : {true, false}) {
    opened_lanes.clear();
    readies = 0;
    start(fake_target(), {.text_lane = text, .media_lane = true});
    connect();
    answer(Lane::control, station.challenge(station.next(Lane::control)));
    answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
    if (text) {
      session->opened(Lane::text, fake_binding(Lane::text), fake_spki());
      answer(Lane::text, Packet::response(200, station.next(Lane::text).get("id")));
    }
    EXPECT_EQ(opened_lanes.back(), Lane::media);
    EXPECT_EQ(readies, 0);
    session->opened(Lane::media, fake_binding(Lane::media), fake_spki());
    const Packet lane = station.next(Lane::media);
    EXPECT_EQ(lane.get("proof"),
              to_base64(port_proof(Bytes(32, 5), 8802, fake_binding(Lane::media))));
    answer(Lane::media, Packet::response(200, lane.get("id")));
    EXPECT_EQ(readies, 1);
  }
}

TEST_F(SessionTest, BehindThe101OfALiveLaneComeFramesAndItsEndEndsNothingElse) {
  start(fake_target(), {.audio_lane = true});
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
  session->opened(Lane::text, fake_binding(Lane::text), fake_spki());
  answer(Lane::text, Packet::response(200, station.next(Lane::text).get("id")));
  EXPECT_EQ(opened_lanes.back(), Lane::audio);
  session->opened(Lane::audio, fake_binding(Lane::audio), fake_spki());
  const Packet lane = station.next(Lane::audio);
  EXPECT_EQ(lane.get("proof"),
            to_base64(port_proof(Bytes(32, 5), 8803, fake_binding(Lane::audio))));
  answer(Lane::audio, Packet::response(200, lane.get("id")));
  ASSERT_TRUE(session->is_ready());
  int code = 0;
  session->request(Lane::audio, Packet::request(Operation::connect).set("target", "x"),
                   [&](const Packet& packet) {
                     code = packet.code;
                     EXPECT_TRUE(lived.empty()) << "first the answer, then the frames";
                   });
  const std::string id(station.next(Lane::audio).get("id"));
  joined = Lane::audio;
  session->received(Lane::audio, write_packet(Packet::response(101, id)) + "frame");
  EXPECT_EQ(code, 101);
  session->received(Lane::audio, "s");
  EXPECT_EQ(lived, (std::vector<std::pair<Lane, std::string>>{{Lane::audio, "frame"},
                                                              {Lane::audio, "s"}}));
  session->send_live(Lane::audio, "mine");
  clock.passed += 600'000;
  session->tick();
  EXPECT_EQ(frames_sent, "mine") << "and no pings";
  session->closed(Lane::audio);
  EXPECT_EQ(lived.back().second, "ended");
  EXPECT_TRUE(session->is_ready());
}

TEST_F(SessionTest, InOneConnectionFramesOfALiveLaneAreInPackets) {
  start(fake_target(), {.audio_lane = true, .one_port = true});
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
  for (const Lane lane : {Lane::text, Lane::audio}) {
    Packet proven = Packet::response(200, station.next(lane).get("id"));
    answer(Lane::control, proven.set("lane", std::string(to_string(lane))));
  }
  ASSERT_TRUE(session->is_ready());
  int code = 0;
  session->request(Lane::audio, Packet::request(Operation::connect).set("target", "x"),
                   [&](const Packet& packet) { code = packet.code; });
  Packet answer_101 = Packet::response(101, station.next(Lane::audio).get("id"));
  answer(Lane::control, answer_101.set("lane", "audio"));
  EXPECT_EQ(code, 101);
  session->send_live(Lane::audio, "mine");
  const Packet sent = station.next(Lane::audio);
  EXPECT_EQ(sent.get("type"), "frame");
  EXPECT_EQ(sent.get("lane"), "audio");
  EXPECT_EQ(sent.content, "mine");
  Packet frames = Packet::request(Operation::notify);
  frames.set("type", "frame").set("lane", "audio");
  frames.content = "theirs";
  answer(Lane::control, frames);
  EXPECT_EQ(lived.back().second, "theirs");
  EXPECT_TRUE(pushes.empty());
}

TEST_F(SessionTest, N8_ProvesAndUsesEveryLaneInOneConnection) {
  start(fake_target(), {.media_lane = true, .after = 7, .one_port = true});
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
  EXPECT_TRUE(session->is_shared());
  for (const Lane lane : {Lane::text, Lane::media}) {
    const Packet proof = station.next(lane);
    EXPECT_EQ(proof.get("lane"), to_string(lane));
    EXPECT_EQ(proof.has("after"), lane == Lane::text);
    const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(lane));
    EXPECT_EQ(proof.get("proof"),
              to_base64(port_proof(Bytes(32, 5), port, fake_binding(Lane::control))));
    answer(Lane::control,
           Packet::response(200, proof.get("id")).set("lane", std::string(to_string(lane))));
  }
  EXPECT_TRUE(opened_lanes.empty());
  EXPECT_EQ(readies, 1);

  int answered = 0;
  session->request(Lane::text, Packet::request(Operation::notify).set("type", "ping"),
                   [&](const Packet&) { ++answered; });
  const Packet ping = station.next(Lane::text);
  EXPECT_EQ(ping.get("lane"), "text");
  answer(Lane::control, Packet::response(200, ping.get("id")));
  EXPECT_EQ(answered, 0) << "an answer of another lane";
  answer(Lane::control, Packet::response(200, ping.get("id")).set("lane", "text"));
  EXPECT_EQ(answered, 1);
  // A packet of 1 MiB may come here too, because it is of the text lane.
  Packet push = Packet::request(Operation::create).set("type", "message").set("lane", "text");
  push.content = std::string(limits::kTextContent, 'x');
  answer(Lane::control, push);
  ASSERT_EQ(pushes.size(), 1U);
  EXPECT_EQ(pushes[0].content, push.content);
}

TEST_F(SessionTest, N8_GoesOnInTheFirstConnectionWhenAPortCannotBeReached) {
  for (const int code : {200, 407}) {
    failure.reset();
    failures = 0;
    opened_lanes.clear();
    start();
    connect();
    EXPECT_FALSE(session->do_without(Lane::control));
    answer(Lane::control, station.challenge(station.next(Lane::control)));
    answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
    EXPECT_EQ(opened_lanes, std::vector{Lane::text});
    EXPECT_TRUE(session->do_without(Lane::text));
    const Packet proof = station.next(Lane::text);
    EXPECT_EQ(proof.get("lane"), "text");
    if (code == 407) {  // a station of before, which sees a second CONNECT
      answer(Lane::control, Packet::response(code, proof.get("id")));
      expect_over(Errc::unreachable);
      continue;
    }
    answer(Lane::control, Packet::response(code, proof.get("id")).set("lane", "text"));
    EXPECT_TRUE(session->is_ready());
    EXPECT_FALSE(session->do_without(Lane::text)) << "it is there";
  }
}

TEST_F(SessionTest, S18_AnotherIdThanTheTargetIsAHardStop) {
  StationTarget target = fake_target();
  target.id = Account::make_station("another", {}, kFakeNow - 1'000, fake_random())->id.text();
  start(target);
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  expect_over(Errc::station_changed);
  EXPECT_TRUE(station.requests[Lane::control].empty()) << "nothing is signed for it";
  EXPECT_EQ(closed_lanes, std::vector{Lane::control});
}

TEST_F(SessionTest, S18_ACertificateThatTheVisaDoesNotNameIsAHardStop) {
  start();
  connect(2);
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  expect_over(Errc::station_changed);
  EXPECT_TRUE(station.requests[Lane::control].empty());
}

TEST_F(SessionTest, S18_AnotherCertificateThanThePinnedOneStopsBeforeTheFirstByte) {
  StationTarget target = fake_target();
  target.id.clear();
  start(target);
  connect(2);
  expect_over(Errc::station_changed);
  EXPECT_TRUE(station.requests[Lane::control].empty());
}

TEST_F(SessionTest, S18_ATextLaneWithAnotherCertificateIsAHardStop) {
  start();
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
  session->opened(Lane::text, fake_binding(Lane::text), fake_spki(2));
  expect_over(Errc::station_changed);
  EXPECT_TRUE(station.requests[Lane::text].empty()) << "no proof for it";
}

TEST_F(SessionTest, S04_AStationsSignatureFromAnotherConnectionIsRefused) {
  start();
  connect();
  Packet challenge = station.challenge(station.next(Lane::control));
  session->opened(Lane::control, Bytes(32, 0x77), fake_spki());  // the same words, other TLS
  answer(Lane::control, challenge);
  expect_over(Errc::station_changed);
}

TEST_F(SessionTest, S05_AStationsSignatureOverAnotherNonceOrChallengeIsRefused) {
  for (const char* field : {"challenge", "chosen", "signature"}) {
    failure.reset();
    failures = 0;
    start();
    connect();
    Packet challenge = station.challenge(station.next(Lane::control));
    station.requests.clear();
    challenge.set(field, field == std::string_view("chosen") ? "sha256" : to_base64(Bytes(32, 1)));
    answer(Lane::control, challenge);
    expect_over(Errc::station_changed);
    EXPECT_TRUE(station.requests[Lane::control].empty()) << field;
  }
}

TEST_F(SessionTest, S19_AChecksumThatWasNotOfferedIsADowngrade) {
  for (const char* chosen : {"md5", "", "sha256-x"}) {
    failure.reset();
    failures = 0;
    start();
    connect();
    Packet challenge = station.challenge(station.next(Lane::control));
    answer(Lane::control, challenge.set("chosen", chosen));
    if (std::string_view(chosen).empty()) {
      ASSERT_TRUE(failure.has_value());
      continue;
    }
    expect_over(Errc::downgrade);
  }
  failure.reset();
  failures = 0;
  start(fake_target(), {.checksum_crc32c = false});
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  expect_over(Errc::downgrade);
}

TEST_F(SessionTest, AWelcomeWithoutAProofBeforeIsNone) {
  start();
  connect();
  answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
  expect_over(Errc::unauthorised);
  EXPECT_TRUE(opened_lanes.empty());
}

TEST_F(SessionTest, AWelcomeWithoutATokenIsNone) {
  start();
  connect();
  answer(Lane::control, station.challenge(station.next(Lane::control)));
  Packet welcome = FakeStation::welcome(station.next(Lane::control));
  answer(Lane::control, welcome.set("token", to_base64(Bytes(16, 5))));
  expect_over(Errc::security_error);
}

TEST_F(SessionTest, AskedForItsMetaItSendsItOnceAndThenGivesUp) {
  start();
  connect();
  Packet challenge = station.challenge(station.next(Lane::control));
  challenge.set("known", "no");
  answer(Lane::control, challenge);
  EXPECT_TRUE(station.next(Lane::control).content.has_value());
  answer(Lane::control, challenge);
  expect_over(Errc::unauthorised);
}

TEST_F(SessionTest, S14_AResumeSecretIsShownToThePinnedCertificateOnly) {
  const Session::Options options{.resume = ResumeTicket{"session", "c2VjcmV0"}};
  start(fake_target(), options);
  connect(2);
  EXPECT_EQ(station.next(Lane::control).get("resume"), "") << "a stranger's certificate";
  start(fake_target(), options);
  connect();
  const Packet resume = station.next(Lane::control);
  EXPECT_EQ(resume.get("resume"), "c2VjcmV0");
  answer(Lane::control, Packet::response(419, resume.get("id")));
  EXPECT_EQ(station.next(Lane::control).get("resume"), "") << "used up: the full proof follows";
  EXPECT_FALSE(failure.has_value());
}

TEST_F(SessionTest, ALogInThatTakesTooLongEnds) {
  start();
  connect();
  clock.passed = limits::kLoginMs;
  session->tick();
  EXPECT_FALSE(failure.has_value());
  clock.passed = limits::kLoginMs + 1;
  session->tick();
  expect_over(Errc::unreachable);
}

TEST_F(SessionTest, AnswersFindTheirRequestAndNoOther) {
  log_in();
  const std::size_t before = session->open_requests();
  std::vector<std::string> answered;
  for (const char* name : {"first", "second"}) {
    session->request(Lane::text, Packet::request(Operation::get),
                     [&answered, name](const Packet&) { answered.emplace_back(name); });
  }
  const std::string first(station.next(Lane::text).get("id"));
  const std::string second(station.next(Lane::text).get("id"));
  ASSERT_NE(first, second);
  answer(Lane::text, Packet::response(200, second));
  EXPECT_EQ(answered, std::vector<std::string>{"second"});
  answer(Lane::text, Packet::response(200, second));
  answer(Lane::text, Packet::response(200, "4711"));
  answer(Lane::control, Packet::response(200, first));
  EXPECT_EQ(answered.size(), 1U) << "twice, of nobody, on another lane: nothing happens";
  answer(Lane::text, Packet::response(200, first));
  EXPECT_EQ(answered.size(), 2U);
  EXPECT_EQ(session->open_requests(), before);
  EXPECT_FALSE(failure.has_value());
}

TEST_F(SessionTest, A23_SaysUnderTheUsersSignatureWhereTheyAreAndAgainEveryFourMinutes) {
  log_in();
  ASSERT_EQ(station.logins.size(), 1U);
  const Packet login = station.logins[0];
  EXPECT_EQ(login.operation, Operation::create);
  EXPECT_EQ(login.get("target"), fake_user(1).id.text());
  const auto message = SignedMessage::parse(login.content.value_or(""));
  ASSERT_TRUE(message) << to_string(message.error());
  EXPECT_TRUE(message->sealed.plain);
  EXPECT_EQ(message->sealed.envelope.receiver.text(), "everyone@everywhere");
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(fake_user(1).id, fake_user(1).meta));
  EXPECT_TRUE(verify(*message, directory, clock.now()));
  const auto content = decode_content(parse_json_object(as_text(message->sealed.data)).value());
  const auto* command = content ? content->as<LoginContent>() : nullptr;
  ASSERT_NE(command, nullptr);
  EXPECT_TRUE(check_login(*command, fake_user(1).id, {}, std::array{fake_station_account().id},
                          clock.now()));
  answer(Lane::control, Packet::response(501, login.get("id")));
  clock.passed += 240'000;
  session->tick();
  EXPECT_EQ(station.logins.size(), 1U);
  clock.passed += 1;
  session->tick();
  EXPECT_EQ(station.logins.size(), 2U);
  EXPECT_FALSE(failure.has_value());
}

TEST_F(SessionTest, AnswersAfterTheEndAreNotHeard) {
  log_in();
  bool called = false;
  session->request(Lane::text, Packet::request(Operation::get),
                   [&](const Packet&) { called = true; });
  const Packet request = station.next(Lane::text);
  session->closed(Lane::text);
  expect_over(Errc::unreachable);
  answer(Lane::text, Packet::response(200, request.get("id")));
  session->closed(Lane::control);
  session->opened(Lane::control, fake_binding(Lane::control), fake_spki());
  EXPECT_FALSE(called);
  EXPECT_EQ(failures, 1) << "it ends once";
}

TEST_F(SessionTest, AnErrorThatAnswersNothingEndsTheSession) {
  log_in();
  answer(Lane::control, Packet::response(200));
  EXPECT_FALSE(failure.has_value());
  answer(Lane::control, Packet::response(403));
  expect_over(Errc::bad_request);
}

TEST_F(SessionTest, J31_AHandshakeCommandOfAStationIsNoLogIn) {
  // In the old protocol a station asks with `DIM?` and a session key. Here it is a push like any
  // other: nothing is signed, nothing is answered.
  log_in();
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "message").set("author", "0x0000000000000000000000000000000000000000");
  packet.content = R"({"type": 136, "sn": 1, "command": "handshake", "title": "DIM?"})";
  answer(Lane::text, packet);
  EXPECT_EQ(pushes.size(), 1U);
  EXPECT_TRUE(station.requests[Lane::text].empty());
  EXPECT_TRUE(station.requests[Lane::control].empty());
  EXPECT_TRUE(session->is_ready());
}

TEST_F(SessionTest, AnIdleLaneIsPinged) {
  log_in();
  clock.passed = 120'001;
  session->tick();
  EXPECT_EQ(station.next(Lane::control).get("type"), "ping");
  EXPECT_EQ(station.next(Lane::text).get("type"), "ping");
  session->tick();
  EXPECT_TRUE(station.requests[Lane::control].empty()) << "once";
}

TEST(StationTarget, ComesBackFromItsLink) {
  StationTarget target = fake_target();
  target.port = 9'900;
  target.pins.push_back(fake_pin(2));
  EXPECT_FALSE(StationTarget::parse(target.link())->one_port);
  target.one_port = true;
  target.web = true;
  EXPECT_TRUE(target.link().ends_with("lanes=one;via=web;"));
  const auto parsed = StationTarget::parse(target.link());
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  EXPECT_EQ(parsed->id, target.id);
  EXPECT_EQ(parsed->host, target.host);
  EXPECT_EQ(parsed->port, target.port);
  EXPECT_EQ(parsed->pins, target.pins);
  EXPECT_TRUE(parsed->one_port);
  EXPECT_TRUE(parsed->web);
}

TEST(StationTarget, SaysWhatALinkLacks) {
  for (const std::string& link :
       {std::string("http://example.org"), std::string("dim:user:someone"),
        "dim:station:" + fake_target().id, "dim:station:" + fake_target().id + "?host=[::1];port=0",
        "dim:station:" + fake_target().id + "?host=[::1];port=65536"}) {
    const auto parsed = StationTarget::parse(link);
    ASSERT_FALSE(parsed) << link;
  }
}

}  // namespace
}  // namespace dim
