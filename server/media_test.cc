#include <gmock/gmock.h>

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
  EXPECT_EQ(code(about(Operation::destroy, two)), 501);
  EXPECT_EQ(code(about(Operation::edit, two)), 501);
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
  store.set_media_limits({.user_bytes = 1'000});
  upload(some_bytes(600));
  const std::string two = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
  EXPECT_EQ(code(open(401, two)), 506);
  EXPECT_EQ(code(open(400, two)), 202);
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
