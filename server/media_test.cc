#include <gmock/gmock.h>

#include <functional>

#include "dim/crypto/digest.h"
#include "dim/packet/range.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

constexpr std::size_t kBlock = limits::kMediaBlock;
constexpr std::string_view kGuid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";

std::string some_bytes(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 977);
  return out;
}

std::string digest_text(std::string_view bytes) {
  return "sha256-" + to_base64(sha256(as_bytes(bytes)));
}

class Media : public StationTest {
 protected:
  void SetUp() override {
    store.set_media_limits({.user_bytes = std::int64_t{3} << 30});
    StationTest::SetUp();
    alice = uploading("alice");
  }
  /// Logged in, with `text` being the media lane.
  LoggedIn uploading(const std::string& name) {
    LoggedIn in = login(name);
    EXPECT_EQ(open_lane(in, {}, Lane::media).code, 200);
    return in;
  }
  Packet open(std::int64_t size, std::string_view guid = kGuid) {
    return Packet::request(Operation::create)
        .set("id", std::to_string(++ids))
        .set("type", "media")
        .set("guid", std::string(guid))
        .set("size", std::to_string(size));
  }
  Packet finish(std::string_view bytes, std::string_view guid = kGuid) {
    return open(static_cast<std::int64_t>(bytes.size()), guid).set("digest", digest_text(bytes));
  }
  Packet piece(std::string_view all, std::size_t from, std::size_t size,
               std::string_view guid = kGuid) {
    Packet packet = Packet::request(Operation::create);
    packet.set("id", std::to_string(++ids)).set("type", "media").set("target", std::string(guid));
    packet.set("range", std::to_string(from) + "-" + std::to_string(from + size - 1));
    packet.content = std::string(all.substr(from, size));
    return packet;
  }
  Packet about(Operation operation, std::string_view guid = kGuid) {
    return Packet::request(operation)
        .set("id", std::to_string(++ids))
        .set("type", "media")
        .set("target", std::string(guid));
  }
  Packet get(const std::string& range, std::string_view guid = kGuid) {
    return about(Operation::get, guid).set("range", range);
  }
  int code(const Packet& request) { return answer(*alice.text, request).code; }
  void upload(const std::string& bytes, std::string_view guid = kGuid) {
    ASSERT_EQ(code(open(static_cast<std::int64_t>(bytes.size()), guid)), 202);
    ASSERT_EQ(code(piece(bytes, 0, bytes.size(), guid)), 202);
    ASSERT_EQ(code(finish(bytes, guid)), 201);
  }

  LoggedIn alice;
  int ids = 10;
};

TEST_F(Media, UpInPiecesAndDownInRanges) {
  const std::string bytes = some_bytes(3 * kBlock + 100);
  const Packet begun = answer(*alice.text, open(3 * kBlock + 100));
  EXPECT_EQ(begun.code, 202);
  EXPECT_EQ(begun.get("missing"), "[0-196707]");
  const Packet taken = answer(*alice.text, piece(bytes, 0, 2 * kBlock));
  EXPECT_EQ(taken.code, 202);
  EXPECT_EQ(taken.get("range"), "0-131071");
  EXPECT_EQ(code(get("0-10")), 404) << "nobody reads what is not complete";
  EXPECT_EQ(code(piece(bytes, 2 * kBlock, kBlock + 100)), 202);
  const Packet done = answer(*alice.text, finish(bytes));
  EXPECT_EQ(done.code, 201);
  EXPECT_EQ(done.get("guid"), kGuid);

  auto bob = uploading("bob");
  const Packet part = answer(*bob.text, get("65530-65549"));
  EXPECT_EQ(part.code, 206);
  EXPECT_EQ(part.content, bytes.substr(65'530, 20));
  EXPECT_EQ(part.get("range"), "65530-65549");
  EXPECT_EQ(part.get("size"), "196708");
  const Packet all = answer(*bob.text, about(Operation::get));
  EXPECT_EQ(all.code, 200);
  EXPECT_EQ(all.content, bytes);
  const Packet end = answer(*bob.text, get("196700-999999"));
  EXPECT_EQ(end.code, 206);
  EXPECT_EQ(end.get("range"), "196700-196707");
}

TEST_F(Media, M01_OutOfOrderOverlapBeyondAndGap) {
  const std::string bytes = some_bytes(4 * kBlock);
  std::string other = bytes;
  other[2 * kBlock] ^= 1;
  EXPECT_EQ(code(open(4 * kBlock)), 202);
  EXPECT_EQ(code(piece(bytes, 2 * kBlock, kBlock)), 202) << "out of order";
  EXPECT_EQ(code(piece(bytes, 0, kBlock)), 202);
  EXPECT_EQ(code(piece(bytes, 2 * kBlock, kBlock)), 202) << "the same again";
  EXPECT_EQ(code(piece(other, 2 * kBlock, kBlock)), 407) << "other bytes";
  EXPECT_EQ(code(piece(bytes + bytes, 3 * kBlock, 2 * kBlock)), 411) << "beyond the size";
  EXPECT_EQ(code(piece(bytes, 1, kBlock)), 401) << "not at a block";
  Packet lies = piece(bytes, kBlock, kBlock);
  lies.content->pop_back();
  EXPECT_EQ(code(lies), 401) << "fewer bytes than the range";
  const Packet gap = answer(*alice.text, finish(bytes));
  EXPECT_EQ(gap.code, 205);
  EXPECT_EQ(gap.get("missing"), "[65536-131071, 196608-262143]");
}

TEST_F(Media, M02_AWrongDigestDiscardsTheUpload) {
  const std::string bytes = some_bytes(kBlock);
  EXPECT_EQ(code(open(kBlock)), 202);
  EXPECT_EQ(code(piece(bytes, 0, kBlock)), 202);
  Packet wrong = open(kBlock);
  EXPECT_EQ(code(wrong.set("digest", digest_text("x"))), 401);
  EXPECT_EQ(store.blobs(), 0U);
  EXPECT_EQ(code(piece(bytes, 0, kBlock)), 404);
  upload(bytes);
}

TEST_F(Media, M03_EmptyAndTooLarge) {
  EXPECT_EQ(code(open(0)), 202);
  EXPECT_EQ(code(finish("")), 201);
  const Packet got = answer(*alice.text, about(Operation::get));
  EXPECT_EQ(got.code, 200);
  EXPECT_EQ(got.get("size"), "0");
  EXPECT_FALSE(got.content);
  EXPECT_EQ(code(get("0-0")), 401);
  const std::string two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  EXPECT_EQ(code(open((std::int64_t{2} << 30) + 1, two)), 411);
  EXPECT_EQ(store.blobs(), 1U) << "before a byte was sent";
}

TEST_F(Media, M04_SixteenUploadsMayBeOpen) {
  for (int i = 0; i < 100; ++i) {
    const Packet begun = answer(*alice.text, open(10, Guid::make(clock.now(), random).text()));
    EXPECT_EQ(begun.code, i < 16 ? 202 : 416) << i;
    EXPECT_EQ(begun.has("retry-after"), i >= 16);
    clock.at += 1'000;
  }
  EXPECT_FALSE(alice.text->link.closed);
  EXPECT_EQ(store.blobs(), 16U);
}

TEST_F(Media, M10_RangesThatAreNone) {
  upload(some_bytes(100));
  std::string many = "[0-1";
  for (int i = 1; i < 1'000; ++i)
    many += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i + 1);
  for (const std::string& range :
       {std::string("5-2"), std::string("-1"), std::string("0-"), std::string("0-1, 4-5"),
        many.substr(0, 4'000) + "]", std::string("100-100"), std::string("bytes=0-1")}) {
    EXPECT_EQ(code(get(range)), 401) << range;
  }
  EXPECT_EQ(code(get("99-99")), 206);
}

TEST_F(Media, OnlyTheOwnerTakesItAwayAndItIsGoneThen) {
  const std::string bytes = some_bytes(100);
  upload(bytes);
  auto bob = uploading("bob");
  EXPECT_EQ(answer(*bob.text, about(Operation::erase)).code, 403);
  EXPECT_EQ(answer(*bob.text, piece(bytes, 0, 100)).code, 403);
  EXPECT_EQ(answer(*bob.text, open(100)).code, 407);
  EXPECT_EQ(code(about(Operation::erase)), 204);
  EXPECT_EQ(store.blobs(), 0U);
  EXPECT_EQ(answer(*bob.text, get("0-1")).code, 410);
  EXPECT_EQ(code(about(Operation::erase)), 410);
  EXPECT_EQ(code(open(100)), 410);
  const std::string two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  EXPECT_EQ(code(about(Operation::remove, two)), 404);
  upload(bytes, two);
  EXPECT_EQ(code(about(Operation::remove, two)), 200);
  EXPECT_EQ(code(get("0-1", two)), 410);
  EXPECT_EQ(code(about(Operation::edit, two)), 501);
}

TEST_F(Media, N1_P37_P38_TheOwnerDestroysItAndHearsWhenOthersHaveTheSameBytes) {
  const std::string bytes = some_bytes(100), two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  upload(bytes);
  upload(bytes, two);
  auto bob = uploading("bob");
  EXPECT_EQ(answer(*bob.text, about(Operation::destroy)).code, 403) << "P37";
  EXPECT_EQ(code(about(Operation::destroy, "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e6")), 404) << "P30";
  const Packet first = answer(*alice.text, about(Operation::destroy));
  EXPECT_EQ(first.code, 200) << "not 204: the bytes are still there";
  EXPECT_EQ(first.get("shared"), "1");
  EXPECT_EQ(code(get("0-1")), 410);
  EXPECT_EQ(code(get("0-1", two)), 206);
  const Packet second = answer(*alice.text, about(Operation::destroy, two));
  EXPECT_EQ(second.code, 204);
  EXPECT_EQ(store.blobs(), 0U);
  EXPECT_EQ(code(about(Operation::destroy, two)), 204) << "P38: twice";
  EXPECT_EQ(code(get("0-1", two)), 410) << "P38";
  EXPECT_EQ(code(open(100)), 410);
}

TEST_F(Media, P32_MediaBelongsOnItsOwnPort) {
  auto bob = online("bob");
  const Packet wrong = answer(*bob.text, open(10));
  EXPECT_EQ(wrong.code, 417);
  EXPECT_EQ(wrong.get("port"), "8802");
  const Packet message = create(user("alice"), id_of("bob"), "hello");
  const Packet text = answer(*alice.text, message);
  EXPECT_EQ(text.code, 417);
  EXPECT_EQ(text.get("port"), "8801");
}

TEST_F(Media, FieldsThatAreMissingOrWrong) {
  Packet request = open(10);
  std::erase_if(request.fields, [](const auto& field) { return field.first == "guid"; });
  EXPECT_EQ(code(request), 401);
  request = open(10);
  EXPECT_EQ(code(request.set("size", "-1")), 401);
  request = open(10);
  EXPECT_EQ(code(request.set("size", "1e3")), 401);
  for (const char* digest : {"md5-AAAA", "sha256-", "sha256-AAAA", "sha256-!!!!"}) {
    request = open(10);
    EXPECT_EQ(code(request.set("digest", digest)), 401) << digest;
  }
  EXPECT_EQ(code(open(10)), 202);
  request = piece("0123456789", 0, 10);
  EXPECT_EQ(code(request.set("range", "0-x")), 401);
  EXPECT_EQ(code(get("0-1", "42")), 401);
  EXPECT_EQ(code(get("0-1", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9ff")), 404);
}

TEST_F(Media, ADigestThatIsThereAlreadyNeedsNoBytes) {
  const std::string bytes = some_bytes(2 * kBlock);
  upload(bytes);
  const std::string two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  auto bob = uploading("bob");
  EXPECT_EQ(answer(*bob.text, finish(bytes, two)).code, 201);
  EXPECT_EQ(store.blobs(), 1U);
  EXPECT_EQ(code(about(Operation::erase)), 204);
  EXPECT_EQ(code(get("0-9", two)), 206) << "bob still refers to it";
}

TEST_F(Media, APieceIsAnsweredWhenItIsOnTheDiskAndReadingStopsBeforeTheMemoryIsFull) {
  constexpr std::size_t kPiece = 4 * kBlock;
  const std::string bytes = some_bytes(24 * kPiece);
  EXPECT_EQ(code(open(24 * kPiece)), 202);
  committer.held = true;
  std::size_t sent = 0;
  for (; sent < 24 && !alice.text->link.paused; ++sent) {
    send(*alice.text, piece(bytes, sent * kPiece, kPiece));
    EXPECT_TRUE(alice.text->take().empty()) << "not before it is on the disk";
  }
  EXPECT_EQ(sent, limits::kMediaIncoming / kPiece);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(alice.text->take().size(), sent);
  EXPECT_FALSE(alice.text->link.paused);
  EXPECT_EQ(store.media(*Guid::parse(kGuid)).value()->owner, id_of("alice"));
}

TEST_F(Media, R14_AFullDiskRefusesThePieceAndLaterTakesIt) {
  const std::string bytes = some_bytes(kBlock);
  EXPECT_EQ(code(open(kBlock)), 202);
  committer.error = Error{Errc::insufficient_storage, "full"};
  EXPECT_EQ(code(piece(bytes, 0, kBlock)), 506);
  committer.error.reset();
  EXPECT_EQ(code(piece(bytes, 0, kBlock)), 202);
  EXPECT_EQ(code(finish(bytes)), 201);
}

TEST_F(Media, F48_AUserHasSoMuchRoom) {
  store.set_media_limits({.user_bytes = 200'000});
  upload(some_bytes(100'000));
  const std::string two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  EXPECT_EQ(code(open(100'001, two)), 506);
  EXPECT_EQ(code(open(100'000, two)), 202);
}

TEST_F(Media, R10_UploadsThatWaitForTheDiskDoNotHoldMessages) {
  config.inflight_bytes = 4 * kBlock;
  config.media_inflight_bytes = 8 * kBlock;
  start();
  alice = uploading("alice");
  auto bob = online("bob");
  auto carol = uploading("carol");
  const std::string bytes = some_bytes(20 * kBlock);
  EXPECT_EQ(code(open(20 * kBlock)), 202);
  committer.held = true;
  std::size_t sent = 0;
  for (; sent < 20 && !alice.text->link.paused; ++sent)
    send(*alice.text, piece(bytes, sent * kBlock, kBlock));
  EXPECT_EQ(sent, 4U) << "half of the room";
  station->tick();
  station->end_of_turn();
  EXPECT_TRUE(alice.text->link.paused);
  send(*carol.text, get("0-1"));
  EXPECT_EQ(carol.text->take().size(), 1U) << "who has nothing on the way gets through";
  send(*bob.text, create(user("bob"), id_of("alice"), "hello"));
  EXPECT_FALSE(bob.text->link.paused);
  send(*bob.text, create(user("bob"), id_of("alice"), "and again"));
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(bob.text->take().size(), 2U);
  EXPECT_EQ(alice.text->take().size(), sent);
  EXPECT_FALSE(alice.text->link.paused);
}

/// Has lost its files.
class LosingStore final : public MemoryStore {
 public:
  Result<std::string> media_bytes(const StoredMedia& media, std::int64_t first,
                                  std::size_t size) override {
    if (before_read) std::exchange(before_read, nullptr)();
    if (lost) return fail(Errc::not_found, "no file");
    return MemoryStore::media_bytes(media, first, size);
  }
  std::function<void()> before_read;
  bool lost = false;
};

TEST_F(Media, R14_AFileThatIsMissingIsDamageAndNotGone) {
  LosingStore losing;
  TestCommitter other(losing);
  station = std::make_unique<Station>(config, station_account(), losing, other, clock, random);
  std::vector<std::string> seen;
  station->on_event([&](const StationEvent& event) { seen.emplace_back(event.name); });
  alice = uploading("alice");
  upload(some_bytes(100));
  seen.clear();
  losing.lost = true;
  EXPECT_EQ(code(get("0-1")), 500);
  EXPECT_THAT(seen, testing::ElementsAre("store-read"));
  losing.lost = false;
  losing.before_read = [&] {
    losing.lost = true;
    Write drop = DropMedia{*Guid::parse(kGuid), id_of("alice"), MediaState::deleted, clock.now()};
    ASSERT_TRUE(losing.commit(std::span(&drop, 1)));
  };
  EXPECT_EQ(code(get("0-1")), 410) << "deleted between the row and the bytes";
  station.reset();
}

TEST_F(Media, ACheckThatComesTooLateLeavesTheUploadOfAnotherAlone) {
  const Guid guid = *Guid::parse(kGuid);
  const std::string bytes = some_bytes(100);
  EXPECT_EQ(code(open(100)), 202);
  EXPECT_EQ(code(piece(bytes, 0, 100)), 202);
  committer.held = true;
  send(*alice.text, finish(bytes));
  committer.run();
  station->end_of_turn();  // the check is under way
  const auto commit = [&](Write write) {
    const auto done = store.commit(std::span(&write, 1));
    ASSERT_TRUE(done);
    EXPECT_FALSE(done->front().refused);
  };
  commit(DropMedia{guid, id_of("alice"), MediaState::deleted, clock.now()});
  commit(OpenMedia{.guid = guid, .owner = "bob", .size = 100, .time = clock.now()});
  commit(PutPiece{guid, "bob", 0, std::string(100, 'b'), clock.now()});
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 404);
  const auto media = store.media(guid).value();
  ASSERT_TRUE(media);
  EXPECT_EQ(media->owner, "bob");
  EXPECT_TRUE(media->whole());
}

TEST_F(Media, R10_TheQuotaCountsBlocks) {
  config.quotas.media = {.per_second = 1, .burst = 40};
  start();
  alice = uploading("alice");
  const std::string bytes = some_bytes(16 * kBlock);
  upload(bytes);  // 1 + 16 + 1
  EXPECT_EQ(code(about(Operation::get)), 200);
  const Packet over = answer(*alice.text, about(Operation::get));
  EXPECT_EQ(over.code, 416) << "18 + 16 + 16 are more than 40";
  EXPECT_TRUE(over.has("retry-after"));
  pass(60'000);
  config.quotas.media = {.per_second = 1, .burst = 2};
  station->reload(config.quotas, {});
  pass(60'000);
  EXPECT_EQ(code(about(Operation::get)), 200) << "a small quota is never less than one request";
}

TEST_F(Media, AQuotaOfPiecesAndRanges) {
  config.quotas.media = {.per_second = 2, .burst = 2};
  start();
  alice = uploading("alice");
  EXPECT_EQ(code(open(10)), 202);
  EXPECT_EQ(code(open(10)), 205);
  const Packet over = answer(*alice.text, open(10));
  EXPECT_EQ(over.code, 416);
  EXPECT_TRUE(over.has("retry-after"));
}

}  // namespace
}  // namespace dim::station_test
