// Several lanes in the connection of 8800: docs/protocol/connect.md section 6.
#include <gmock/gmock.h>

#include "dim/crypto/digest.h"
#include "dim/packet/lane_queue.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

using testing::ElementsAre;

constexpr std::size_t kBlock = limits::kMediaBlock;
constexpr std::string_view kGuid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";

class SharedConnection : public StationTest {
 protected:
  Packet proof_of(const LoggedIn& in, Lane lane, const Peer& at) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("lane", std::string(to_string(lane))).set("session", in.session);
    const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(lane));
    return packet.set("proof", to_base64(port_proof(in.token, port, at.binding)));
  }
  /// Logged in, with text (pushes behind cursor 0) and media in the same connection.
  LoggedIn shared(const std::string& name) {
    LoggedIn in = login(name);
    for (const Lane lane : {Lane::text, Lane::media}) {
      Packet packet = proof_of(in, lane, *in.control);
      if (lane == Lane::text) packet.set("after", "0");
      const Packet opened = answer(*in.control, packet);
      EXPECT_EQ(opened.code, 200) << opened.get("message");
      EXPECT_EQ(opened.get("lane"), to_string(lane));
    }
    return in;
  }
  static Packet on(Lane lane, Packet packet) {
    return packet.set("lane", std::string(to_string(lane)));
  }
  Packet ping(std::string id = "9") {
    return Packet::request(Operation::notify).set("id", std::move(id)).set("type", "ping");
  }
  Packet open_media(std::size_t size) {
    return on(Lane::media, Packet::request(Operation::create))
        .set("id", std::to_string(++ids))
        .set("type", "media")
        .set("guid", std::string(kGuid))
        .set("size", std::to_string(size));
  }
  Packet piece(std::size_t block, std::size_t size = kBlock) {
    Packet packet = on(Lane::media, Packet::request(Operation::create));
    packet.set("id", std::to_string(++ids)).set("type", "media").set("target", std::string(kGuid));
    packet.set("range",
               std::to_string(block * kBlock) + "-" + std::to_string(block * kBlock + size - 1));
    packet.content = std::string(size, static_cast<char>('a' + block));
    return packet;
  }
  Packet range(std::size_t first, std::size_t last) {
    return on(Lane::media, Packet::request(Operation::get))
        .set("id", std::to_string(++ids))
        .set("type", "media")
        .set("target", std::string(kGuid))
        .set("range", std::to_string(first) + "-" + std::to_string(last));
  }
  /// A complete object of so many blocks.
  void upload(LoggedIn& in, std::size_t blocks) {
    ASSERT_EQ(answer(*in.control, open_media(blocks * kBlock)).code, 202);
    std::string all;
    for (std::size_t i = 0; i < blocks; ++i) {
      all += *piece(i).content;
      ASSERT_EQ(answer(*in.control, piece(i)).code, 202);
    }
    Packet finish = open_media(blocks * kBlock);
    finish.set("digest", "sha256-" + to_base64(sha256(as_bytes(all))));
    ASSERT_EQ(answer(*in.control, finish).code, 201);
  }
  /// Takes all that is under way, and lets what waits follow, until nothing does.
  std::vector<Packet> take_all(Peer& peer) {
    std::vector<Packet> out;
    peer.link.stuck = false;
    do {
      peer.link.unstick();
      for (Packet& packet : peer.take()) out.push_back(std::move(packet));
      peer.link.stuck = true;
      station->drained(peer.id);
      station->end_of_turn();
    } while (!peer.link.waiting.empty());
    peer.link.unstick();
    return out;
  }
  static std::vector<std::string> lanes_of(const std::vector<Packet>& packets) {
    std::vector<std::string> out;
    for (const Packet& packet : packets)
      out.emplace_back(packet.has("lane") ? packet.get("lane") : "control");
    return out;
  }

  int ids = 20;
};

TEST_F(SharedConnection, N8_WorkOfEveryLaneIsDoneInOneConnection) {
  auto alice = shared("alice");
  auto bob = online("bob");
  const Packet sent =
      answer(*alice.control, on(Lane::text, create(user("alice"), id_of("bob"), "to bob")));
  EXPECT_EQ(sent.code, 201) << sent.get("message");
  EXPECT_EQ(sent.get("lane"), "text");
  EXPECT_EQ(bob.text->take().size(), 1U);

  send(*bob.text, create(user("bob"), id_of("alice"), "to alice"));
  const auto pushed = alice.control->take();
  ASSERT_EQ(pushed.size(), 1U);
  EXPECT_EQ(pushed[0].get("type"), "message");
  EXPECT_EQ(pushed[0].get("lane"), "text");

  upload(alice, 2);
  const Packet got = answer(*alice.control, range(10, 19));
  EXPECT_EQ(got.code, 206);
  EXPECT_EQ(got.get("lane"), "media");
  EXPECT_EQ(got.content, "aaaaaaaaaa");

  const Packet plain = answer(*alice.control, ping());
  EXPECT_EQ(plain.code, 200);
  EXPECT_FALSE(plain.has("lane"));
  EXPECT_EQ(answer(*alice.control, on(Lane::control, ping())).code, 200);
  EXPECT_EQ(answer(*alice.control, create(user("alice"), id_of("bob"), "no lane")).code, 417)
      << "without lane it is of the control lane";
}

TEST_F(SharedConnection, S12_S13_ProofsAreThoseOfTheLaneTheSessionAndTheConnection) {
  auto alice = login("alice");
  auto other = login("alice");
  Packet wrong = proof_of(alice, Lane::text, *alice.control);
  EXPECT_EQ(answer(*alice.control, on(Lane::media, wrong)).code, 419) << "of 8801, for media";
  EXPECT_EQ(answer(*alice.control, proof_of(other, Lane::text, *alice.control)).code, 419)
      << "of another session, right as it is";
  EXPECT_EQ(answer(*alice.control, proof_of(alice, Lane::text, *other.control)).code, 419)
      << "of another connection";
  EXPECT_FALSE(alice.control->link.closed);
  wrong.set("proof", to_base64(alice.token));
  send(*alice.control, wrong);
  const auto bare = alice.control->take();
  ASSERT_EQ(bare.size(), 1U);
  EXPECT_EQ(bare[0].code, 419) << "the bare token";
  EXPECT_TRUE(alice.control->link.closed) << "the third wrong one on a lane";
  EXPECT_EQ(station->sessions(), 1U);
}

TEST_F(SharedConnection, S15_ALaneIsOpenOnceWhereverItIs) {
  auto alice = shared("alice");
  const Packet again = answer(*alice.control, proof_of(alice, Lane::text, *alice.control));
  EXPECT_EQ(again.code, 407);
  EXPECT_EQ(again.get("lane"), "text");
  EXPECT_EQ(open_lane(alice, {}, Lane::media).code, 407);

  auto bob = online("bob");
  EXPECT_EQ(answer(*bob.control, proof_of(bob, Lane::text, *bob.control)).code, 407);
  EXPECT_EQ(answer(*bob.control, proof_of(bob, Lane::media, *bob.control)).code, 200)
      << "the other one may be here";
}

TEST_F(SharedConnection, P32_LanesThatAreNotThere) {
  auto stranger = connect();
  const Packet early = answer(*stranger, on(Lane::text, ping()));
  EXPECT_EQ(early.code, 418);
  auto alice = online("alice");
  const Packet unknown = answer(*alice.control, ping().set("lane", "smell"));
  EXPECT_EQ(unknown.code, 401);
  EXPECT_FALSE(unknown.has("lane"));
  const Packet live = answer(*alice.control, on(Lane::audio, ping()));
  EXPECT_EQ(live.code, 418) << "no proof yet";
  EXPECT_EQ(live.get("lane"), "audio");
  EXPECT_EQ(answer(*alice.control, on(Lane::media, ping())).code, 418) << "no proof yet";
  const Packet elsewhere = answer(*alice.text, on(Lane::media, ping()));
  EXPECT_EQ(elsewhere.code, 417);
  EXPECT_EQ(elsewhere.get("port"), "8800");
  EXPECT_EQ(answer(*alice.text, on(Lane::text, ping())).code, 200);
}

TEST_F(SharedConnection, P17_MediaComesInPiecesOf64KiB) {
  auto alice = shared("alice");
  upload(alice, 3);
  const Packet part = answer(*alice.control, range(0, 3 * kBlock - 1));
  EXPECT_EQ(part.code, 206);
  EXPECT_EQ(part.get("range"), "0-65535") << "less than was asked for";
  const Packet large = answer(*alice.control, piece(0, kBlock + 1));
  EXPECT_EQ(large.code, 411);
  EXPECT_EQ(large.get("lane"), "media");
  EXPECT_EQ(answer(*alice.control, ping()).code, 200);
}

TEST_F(SharedConnection, N8_ABanAndATextOvertakePiecesThatWait) {
  auto alice = shared("alice");
  upload(alice, 4);
  alice.control->link.stuck = true;
  for (std::size_t i = 0; i < 4; ++i) send(*alice.control, range(i * kBlock, (i + 1) * kBlock - 1));
  // The first piece is on its way, the others can still be overtaken.
  EXPECT_LT(alice.control->link.queued(), 2 * kBlock);
  auto bob = online("bob");
  send(*bob.text, create(user("bob"), id_of("alice"), "a text"));
  send(*bob.control, Packet::request(Operation::notify)
                         .set("type", "presence")
                         .set("state", "online")
                         .set("target", id_of("alice")));
  EXPECT_THAT(lanes_of(take_all(*alice.control)),
              ElementsAre("media", "control", "text", "media", "media", "media"));
}

TEST_F(SharedConnection, N8_ABanIsTheFirstThingThatIsSaid) {
  auto alice = shared("alice");
  upload(alice, 4);
  alice.control->link.stuck = true;
  for (std::size_t i = 0; i < 4; ++i) send(*alice.control, range(i * kBlock, (i + 1) * kBlock - 1));
  station->reload(config.quotas, {id_of("alice")});
  station->end_of_turn();
  EXPECT_TRUE(alice.control->link.closed);
  alice.control->link.unstick();
  const auto said = alice.control->take();
  ASSERT_GE(said.size(), 3U);
  EXPECT_EQ(said[0].get("lane"), "media") << "what was under way";
  EXPECT_EQ(said[1].code, 403);
  EXPECT_EQ(said[2].get("state"), "banned");
  EXPECT_EQ(station->links(), 0U);
}

TEST_F(SharedConnection, N8_ADiskThatIsBusyWithMediaHoldsNoTextBack) {
  config.media_inflight_bytes = 2 * kBlock;
  start();
  auto alice = shared("alice");
  ASSERT_EQ(answer(*alice.control, open_media(20 * kBlock)).code, 202);
  committer.held = true;
  for (std::size_t i = 0; i < 4; ++i) send(*alice.control, piece(i));
  EXPECT_TRUE(alice.control->take().empty()) << "nothing is on the disk";
  EXPECT_FALSE(alice.control->link.paused);
  EXPECT_EQ(answer(*alice.control, on(Lane::text, ping())).code, 200);
  EXPECT_EQ(answer(*alice.control, ping()).code, 200);
  // Whoever sends more than the media lane may have open is not read any more: no buffer grows.
  for (std::size_t i = 4; i < 19; ++i) send(*alice.control, piece(i));
  EXPECT_TRUE(alice.control->link.paused);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  pass(200);
  EXPECT_FALSE(alice.control->link.paused);
  EXPECT_EQ(alice.control->take().size(), 19U) << "each piece has its answer";
}

TEST_F(SharedConnection, TheSessionEndsWithItsConnectionAndIsResumedWithAllLanes) {
  auto alice = shared("alice");
  station->closed(alice.control->id);
  station->end_of_turn();
  EXPECT_EQ(station->links(), 0U);
  EXPECT_EQ(station->sessions(), 0U);

  auto bob = online("bob");
  EXPECT_EQ(answer(*bob.text, create(user("bob"), id_of("alice"), "while away")).code, 202);
  alice.control = connect();
  Packet resume = Packet::request(Operation::connect);
  resume.set("id", "1").set("author", id_of("alice")).set("target", alice.session);
  const Packet welcome = answer(*alice.control, resume.set("resume", alice.resume));
  ASSERT_EQ(welcome.code, 200);
  learn(alice, welcome);
  Packet text = proof_of(alice, Lane::text, *alice.control);
  const auto all = ask(*alice.control, text.set("after", "0"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].code, 200);
  EXPECT_EQ(all[1].get("lane"), "text");
  EXPECT_EQ(all[1].get("type"), "message");
}

TEST_F(SharedConnection, ALaneThatIsClosedClosesItsConnection) {
  auto alice = shared("alice");
  for (int i = 0; i < 100; ++i) {  // responses that nobody asked for: a fault of the connection
    Packet stray = Packet::response(200, "77");
    send(*alice.control, on(Lane::text, stray));
  }
  EXPECT_TRUE(alice.control->link.closed);
  EXPECT_EQ(station->links(), 0U);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(SharedConnection, WhoeverReadsNothingFor300SecondsIsGivenUp) {
  auto alice = shared("alice");
  upload(alice, 4);
  alice.control->link.stuck = true;
  for (std::size_t i = 0; i < 4; ++i) send(*alice.control, range(i * kBlock, (i + 1) * kBlock - 1));
  for (int i = 0; i < 31; ++i) {
    pass(10'000, 1'000);
    if (!alice.control->link.closed) send(*alice.control, ping(std::to_string(100 + i)));
  }
  EXPECT_TRUE(alice.control->link.closed);
}

TEST_F(SharedConnection, R9_PushesWaitInTheStoreForASlowReader) {
  config.send_queue_bytes = 16 * limits::kKiB;
  start();
  auto alice = shared("alice");
  auto bob = online("bob");
  alice.control->link.stuck = true;
  constexpr int kTexts = 60;
  for (int i = 0; i < kTexts; ++i) {
    send(*bob.text, create(user("bob"), id_of("alice"), "text", std::to_string(500 + i)));
    pass(100);
  }
  EXPECT_LT(alice.control->link.queued(), 20 * limits::kKiB);
  EXPECT_GT(station->counters().pauses_for_slow_reader, 0U);
  const auto all = take_all(*alice.control);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kTexts));
  std::int64_t before = 0;
  for (const Packet& packet : all) {
    const std::int64_t cursor = std::stoll(std::string(packet.get("cursor")));
    EXPECT_GT(cursor, before);
    before = cursor;
  }
}

}  // namespace
}  // namespace dim::station_test
