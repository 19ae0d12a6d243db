#include "client/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "client/station_fixture.h"
#include "dim/store/memory_store.h"

namespace dim {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

/// Keeps media as a station does, answers when it is told to.
class MediaStation {
 public:
  Transfer::Request request() {
    return [this](Packet packet, Uplink::Handler handler) {
      waiting.emplace_back(std::move(packet), std::move(handler));
      if (waiting.back().first.content) most_waiting = std::max(most_waiting, waiting.size());
    };
  }
  /// Answers so many requests, or all that come.
  void answer(std::size_t most = SIZE_MAX) {
    for (; most > 0 && !waiting.empty(); --most) {
      auto [packet, handler] = std::move(waiting.front());
      waiting.pop_front();
      const int failure = fail_next == 0 ? 0 : std::exchange(fail_next, 0);
      handler(failure != 0 ? Packet::response(failure, "1").set("retry-after", retry_after)
                           : reply(packet));
    }
  }
  Packet reply(const Packet& packet) {
    const Guid guid = *Guid::parse(packet.get(packet.has("guid") ? "guid" : "target"));
    if (packet.operation == Operation::get) {
      const auto media = store.media(guid).value();
      if (!media || media->state != MediaState::complete) return Packet::response(404, "1");
      ByteRange range = *ByteRange::parse(packet.get("range"));
      range.last = std::min(range.last, range.first + most_bytes - 1);
      Packet out = Packet::response(206, "1");
      out.set("range", range.text());
      out.content =
          store.media_bytes(*media, range.first, static_cast<std::size_t>(range.size())).value();
      if (spoil) out.content->at(5) ^= 1;
      return out;
    }
    if (packet.content) {
      ++pieces;
      const auto out = one(PutPiece{guid, "me", ByteRange::parse(packet.get("range"))->first,
                                    *packet.content, kFakeNow});
      return out.refused ? Packet::response(*out.refused, "1") : Packet::response(202, "1");
    }
    OpenMedia open{.guid = guid, .owner = "me", .size = number(packet.get("size"))};
    if (packet.has("digest")) {
      const Bytes digest = *from_base64(packet.get("digest").substr(7));
      std::ranges::copy(digest, open.digest.emplace().begin());
    }
    const auto out = one(open);
    if (out.refused) return Packet::response(*out.refused, "1");
    if (store.media(guid).value()->whole() && open.digest) {
      const auto checked = one(CheckMedia{guid, "me", *open.digest, kFakeNow});
      if (checked.refused) return Packet::response(*checked.refused, "1");
    }
    const StoredMedia now = store.media(guid).value().value();
    if (now.state == MediaState::complete) return Packet::response(201, "1");
    Packet answer = Packet::response(out.accepted == Accepted::stored ? 202 : 205, "1");
    const auto missing = missing_ranges(now.have, now.size, 3);
    if (!missing.empty()) answer.set("missing", ranges_text(missing));
    return answer;
  }
  static std::int64_t number(std::string_view text) { return std::stoll(std::string(text)); }
  Written one(Write write) { return store.commit(std::span(&write, 1))->at(0); }

  MemoryStore store;
  std::deque<std::pair<Packet, Uplink::Handler>> waiting;
  std::size_t most_waiting = 0;
  int pieces = 0, fail_next = 0;
  std::string retry_after = "2";
  std::int64_t most_bytes = kMiB;
  bool spoil = false;
};

class TransferTest : public testing::Test {
 protected:
  TransferTest() {
    plain.resize(5 * kMiB + 12'345);
    for (std::size_t i = 0; i < plain.size(); ++i)
      plain[i] = static_cast<std::uint8_t>(i * 31 + i / 509);
    link.size = sealed_size(static_cast<std::int64_t>(plain.size()));
    link.key = Secret::copy_of(Bytes(32, 5));
    seal.emplace(FileSeal::make(link.key).value());
    fresh_upload();
  }
  void fresh_upload() {
    upload = std::make_unique<MediaUpload>(
        link.guid, link.size,
        [this](std::int64_t first, std::int64_t size, Bytes& out) -> Status {
          EXPECT_EQ(first % kSealedChunk, 0);
          if (changed) return fail(Errc::conflict, "the file was changed");
          for (std::int64_t at = first; at < first + size; at += kSealedChunk) {
            const std::int64_t chunk = at / kSealedChunk;
            const auto from = static_cast<std::size_t>(chunk * kPlainChunk);
            const ByteView part = ByteView(plain).subspan(
                from, std::min(plain.size() - from, std::size_t{kPlainChunk}));
            if (auto done = seal->seal(chunk, chunk + 1 == chunk_count(link.size), part, out);
                !done)
              return done;
          }
          return {};
        },
        clock);
  }
  void up() {
    upload->start(station.request());
    station.answer();
    ASSERT_TRUE(upload->done());
    link.sha256 = upload->digest();
  }
  std::unique_ptr<MediaDownload> down() {
    got.clear();
    return MediaDownload::make(
               link,
               [this](ByteView bytes) -> Status {
                 got.insert(got.end(), bytes.begin(), bytes.end());
                 return {};
               },
               clock)
        .value();
  }

  bool changed = false;  // the file, since the upload has begun
  FakeClock clock;
  MediaStation station;
  Bytes plain, got;
  MediaLink link{.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"), .station = "station"};
  std::optional<FileSeal> seal;
  std::unique_ptr<MediaUpload> upload;
};

TEST_F(TransferTest, F43_UpAndDownGivesTheFileAndTheStationNothingOfIt) {
  up();
  EXPECT_EQ(upload->moved(), link.size);
  const auto media = station.store.media(link.guid).value().value();
  const std::string stored =
      station.store.media_bytes(media, 0, static_cast<std::size_t>(link.size)).value();
  EXPECT_EQ(stored.find(to_text(ByteView(plain).subspan(1'000, 32))), std::string::npos);
  auto download = down();
  download->start(station.request());
  station.answer();
  ASSERT_TRUE(download->done());
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, F47_OnlyAWindowOfItIsUnderWay) {
  up();
  EXPECT_LE(station.most_waiting, 12U) << "of 256 KiB";
  auto download = down();
  download->start(station.request());
  EXPECT_LE(station.waiting.size(), 8U);
}

TEST_F(TransferTest, F45_AnUploadThatWasCutSendsOnlyWhatIsMissing) {
  upload->start(station.request());
  station.answer(10);
  station.waiting.clear();
  upload->lost();
  const int before = station.pieces;
  EXPECT_EQ(before, 9);
  upload->start(station.request());
  station.answer();
  ASSERT_TRUE(upload->done());
  EXPECT_EQ(station.pieces, 21) << "5 MiB in pieces of 256 KiB, none twice";
}

TEST_F(TransferTest, F45_AnUploadGoesOnInAnotherRun) {
  upload->start(station.request());
  station.answer(10);
  station.waiting.clear();
  fresh_upload();
  upload->start(station.request());
  station.answer();
  ASSERT_TRUE(upload->done());
  EXPECT_EQ(station.pieces, 21);
  link.sha256 = upload->digest();
  fresh_upload();
  upload->start(station.request());
  station.answer();
  EXPECT_TRUE(upload->done()) << "nor does an answer matter that was never heard";
  EXPECT_EQ(station.pieces, 21);
  auto download = down();
  download->start(station.request());
  station.answer();
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, AnswersOfADeadSessionSayNothing) {
  upload->start(station.request());
  station.answer(3);
  auto old = std::move(station.waiting);
  station.waiting.clear();
  upload->lost();
  upload->start(station.request());
  for (auto& [packet, handler] : old) handler(Packet::response(410, "1"));
  EXPECT_FALSE(upload->failed());
  station.answer();
  EXPECT_TRUE(upload->done());
}

TEST_F(TransferTest, AnswersThatComeAfterTheEndFindNobody) {
  upload->start(station.request());
  station.answer(1);
  const auto under_way = static_cast<int>(station.waiting.size());
  EXPECT_GT(under_way, 0);
  upload.reset();
  station.answer();
  EXPECT_EQ(station.pieces, under_way) << "nobody sends more";
}

TEST_F(TransferTest, ManyGapsAreAskedForAgain) {
  upload->start(station.request());
  station.answer(1);  // it is open
  station.waiting.clear();
  upload->lost();
  for (std::int64_t block = 0; block < 80; block += 2) {
    Bytes sealed;
    const ByteView part =
        ByteView(plain).subspan(static_cast<std::size_t>(block * kPlainChunk), kPlainChunk);
    ASSERT_TRUE(seal->seal(block, false, part, sealed));
    ASSERT_FALSE(
        station.one(PutPiece{link.guid, "me", block * kSealedChunk, to_text(sealed), kFakeNow})
            .refused);
  }
  fresh_upload();
  up();
  auto download = down();
  download->start(station.request());
  station.answer();
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, WaitsWhenTheStationSaysSo) {
  upload->start(station.request());
  station.answer(1);
  station.fail_next = 416;
  station.answer();
  EXPECT_FALSE(upload->failed());
  EXPECT_FALSE(upload->done());
  clock.passed = 1'000;
  upload->tick();
  EXPECT_TRUE(station.waiting.empty());
  clock.passed = 2'000;
  upload->tick();
  station.answer();
  EXPECT_TRUE(upload->done());
  link.sha256 = upload->digest();
  auto download = down();
  download->start(station.request());
  station.fail_next = 416;
  station.answer();
  EXPECT_FALSE(download->failed());
  clock.passed = 10'000;
  download->tick();
  station.answer();
  ASSERT_TRUE(download->done());
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, NeverWaitsLongerThanAMinute) {
  upload->start(station.request());
  station.answer(1);
  station.fail_next = 416;
  station.retry_after = "9223372036854775807";
  station.answer();
  clock.passed = 59'000;
  upload->tick();
  EXPECT_TRUE(station.waiting.empty());
  clock.passed = 60'000;
  upload->tick();
  station.answer();
  EXPECT_TRUE(upload->done());
}

TEST_F(TransferTest, AFileThatChangesUnderTheLastPieceIsNotFinished) {
  upload->start(station.request());
  station.answer(21);
  ASSERT_EQ(station.waiting.size(), 1U) << "the last piece";
  changed = true;
  station.answer();
  EXPECT_FALSE(upload->done());
  ASSERT_TRUE(upload->failed());
  EXPECT_EQ(upload->failed()->code, Errc::conflict);
  EXPECT_EQ(station.store.media(link.guid).value()->state, MediaState::open);
}

TEST_F(TransferTest, SaysWhyItCannotGoOn) {
  for (const auto& [code, errc] : {std::pair{506, Errc::insufficient_storage},
                                   {411, Errc::too_large},
                                   {410, Errc::gone},
                                   {501, Errc::not_implemented},
                                   {416, Errc::too_many_requests},
                                   {407, Errc::conflict}}) {
    fresh_upload();
    upload->start(station.request());
    station.fail_next = code;
    station.answer();
    ASSERT_TRUE(upload->failed()) << code;
    EXPECT_EQ(upload->failed()->code, errc);
  }
  auto download = down();
  download->start(station.request());
  station.answer();
  ASSERT_TRUE(download->failed());
  EXPECT_EQ(download->failed()->code, Errc::not_found);
}

TEST_F(TransferTest, AForgottenUploadBeginsAnewOnce) {
  upload->start(station.request());
  station.answer(3);
  ASSERT_FALSE(station.one(DropMedia{link.guid, "me", MediaState::deleted, 0}).refused);
  ASSERT_TRUE(station.store.tidy(kSeenMs + 1, true));
  station.answer();
  EXPECT_TRUE(upload->done());
}

TEST_F(TransferTest, F45_ADownloadGoesOnBehindWhatIsOnTheDisk) {
  up();
  auto download = down();
  download->start(station.request());
  station.answer(4);
  download->lost();
  station.waiting.clear();
  const Bytes first = got;
  EXPECT_FALSE(first.empty());
  auto again = down();
  for (std::size_t at = 0; at < first.size(); at += kPlainChunk)
    ASSERT_TRUE(again->have(ByteView(first).subspan(at, kPlainChunk)));
  again->start(station.request());
  station.answer();
  ASSERT_TRUE(again->done());
  EXPECT_EQ(first.size() + got.size(), plain.size());
  EXPECT_TRUE(std::ranges::equal(got, ByteView(plain).subspan(first.size())));
}

TEST_F(TransferTest, ADownloadSurvivesACutInTheMiddle) {
  up();
  auto download = down();
  for (int cuts = 0; cuts < 10 && !download->done(); ++cuts) {
    download->start(station.request());
    station.answer(3);
    download->lost();
    station.waiting.clear();
  }
  EXPECT_TRUE(download->done());
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, AStationThatGivesLessThanAskedIsAskedAgain) {
  up();
  station.most_bytes = 100'000;
  auto download = down();
  download->start(station.request());
  station.answer();
  ASSERT_TRUE(download->done());
  EXPECT_EQ(got, plain);
}

TEST_F(TransferTest, M09_DamagedBytesAreNotShown) {
  up();
  auto spoiled = down();
  station.spoil = true;
  spoiled->start(station.request());
  station.answer();
  ASSERT_TRUE(spoiled->failed());
  EXPECT_EQ(spoiled->failed()->code, Errc::decrypt);
  EXPECT_TRUE(got.empty());
  station.spoil = false;

  link.sha256[0] ^= 1;  // opens, and is another file than the message says
  auto other = down();
  other->start(station.request());
  station.answer();
  ASSERT_TRUE(other->failed());
  EXPECT_EQ(other->failed()->code, Errc::decrypt);
}

TEST_F(TransferTest, M03_AnEmptyFile) {
  plain.clear();
  link.size = sealed_size(0);
  fresh_upload();
  up();
  auto download = down();
  download->start(station.request());
  station.answer();
  EXPECT_TRUE(download->done());
  EXPECT_TRUE(got.empty());
}

}  // namespace
}  // namespace dim
