// What every store must do with media, run against the one in memory and the one on disk.
#include <gmock/gmock.h>

#include "sqlite/media_testing.h"

namespace dim {
namespace {

using testing::ElementsAre;

template <class Backend>
class MediaConformance : public MediaTest<Backend> {};

TYPED_TEST_SUITE(MediaConformance, MediaBackends, BackendNames<InMemory>);

TYPED_TEST(MediaConformance, GivesBackWhatWasUploaded) {
  const std::string bytes = some_bytes(3 * kBlock + 100);
  this->upload(1, "alice", bytes);
  EXPECT_EQ(this->media(1).state, MediaState::complete);
  EXPECT_EQ(this->read(1, 0, bytes.size()), bytes);
  EXPECT_EQ(this->read(1, kBlock - 5, 10), bytes.substr(kBlock - 5, 10));
  this->backend_.reopen();
  EXPECT_EQ(this->read(1, 3 * kBlock, 100), bytes.substr(3 * kBlock));
}

TYPED_TEST(MediaConformance, F70_ADigestCompletesOnlyForWhoMayHaveTheBytes) {
  const std::string bytes = some_bytes(kBlock);
  this->upload(1, "alice", bytes);
  this->upload(2, "bob", bytes);
  EXPECT_THAT(this->store().media_with(sha256(as_bytes(bytes)), kBlock, 10).value(),
              testing::UnorderedElementsAre(guid(1), guid(2)));
  EXPECT_EQ(this->store().media_with(sha256(as_bytes(bytes)), kBlock, 1)->size(), 1U);
  EXPECT_TRUE(this->store().media_with(sha256(as_bytes(bytes)), kBlock + 1, 10)->empty());
  OpenMedia open = this->open(3, "carol", kBlock);
  open.digest = sha256(as_bytes(bytes));
  open.known = false;
  EXPECT_FALSE(this->one(open).refused);
  EXPECT_EQ(this->media(3).state, MediaState::open);
  EXPECT_FALSE(this->one(this->piece(3, "carol", bytes, 0, kBlock)).refused);
  EXPECT_FALSE(this->check(3, bytes).refused);
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 1U) << "they are kept once all the same";
  open.guid = guid(4);
  open.known = true;
  EXPECT_FALSE(this->one(open).refused);
  EXPECT_EQ(this->media(4).state, MediaState::complete);
  EXPECT_EQ(this->store().media_with(sha256(as_bytes(bytes)), kBlock, 10)->size(), 4U);
}

TYPED_TEST(MediaConformance, M01_OutOfOrderIsTakenOverlapWithOtherBytesIsNot) {
  const std::string bytes = some_bytes(4 * kBlock + 7);
  this->one(this->open(1, "alice", 4 * kBlock + 7));
  EXPECT_FALSE(this->one(this->piece(1, "alice", bytes, 4 * kBlock, 7)).refused);
  EXPECT_FALSE(this->one(this->piece(1, "alice", bytes, kBlock, kBlock)).refused);
  EXPECT_THAT(missing_ranges(this->media(1).have, this->media(1).size, 10),
              ElementsAre(ByteRange{0, kBlock - 1}, ByteRange{2 * kBlock, 4 * kBlock - 1}));
  EXPECT_EQ(this->one(this->piece(1, "alice", bytes, kBlock, kBlock)).accepted, Accepted::repeated);
  const std::string other = some_bytes(4 * kBlock + 7, 'A');
  EXPECT_EQ(this->refused(this->piece(1, "alice", other, kBlock, kBlock)), Errc::conflict);
  EXPECT_EQ(this->refused(this->piece(1, "alice", other, 0, 2 * kBlock)), Errc::conflict)
      << "half of it is there";
  this->backend_.reopen();
  EXPECT_FALSE(this->one(this->piece(1, "alice", bytes, 0, 2 * kBlock)).refused)
      << "the half that is there is the same";
  EXPECT_EQ(this->refused(this->piece(1, "alice", bytes + "x", 4 * kBlock, 8)), Errc::too_large);
  EXPECT_FALSE(this->media(1).whole());
  EXPECT_FALSE(this->one(this->piece(1, "alice", bytes, 2 * kBlock, 2 * kBlock)).refused);
  EXPECT_TRUE(this->media(1).whole());
  EXPECT_FALSE(this->check(1, bytes).refused);
  EXPECT_EQ(this->read(1, 0, bytes.size()), bytes);
  EXPECT_EQ(this->one(this->piece(1, "alice", bytes, 0, kBlock)).accepted, Accepted::repeated);
  EXPECT_EQ(this->refused(this->piece(1, "alice", other, 0, kBlock)), Errc::conflict);
}

TYPED_TEST(MediaConformance, M02_AWrongDigestDiscardsTheUpload) {
  const std::string bytes = some_bytes(2 * kBlock);
  this->one(this->open(1, "alice", 2 * kBlock));
  this->one(this->piece(1, "alice", bytes, 0, 2 * kBlock));
  const auto out = this->check(1, bytes + "x");
  ASSERT_TRUE(out.refused);
  EXPECT_EQ(out.refused->code, Errc::bad_request);
  EXPECT_FALSE(this->store().media(guid(1)).value());
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
  this->upload(1, "alice", bytes);
  EXPECT_EQ(this->media(1).state, MediaState::complete) << "the GUID is free again";
}

TYPED_TEST(MediaConformance, M03_EmptyAndTooLarge) {
  this->upload(1, "alice", "");
  EXPECT_EQ(this->media(1).state, MediaState::complete);
  EXPECT_EQ(this->refused(this->open(2, "alice", 40 * kBlock + 1)), Errc::too_large);
  EXPECT_FALSE(this->store().media(guid(2)).value());
}

TYPED_TEST(MediaConformance, M04_ThreeOpenUploadsAreEnoughAndExpire) {
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(this->one(this->open(i, "alice", 10)).refused);
  EXPECT_EQ(this->refused(this->open(4, "alice", 10)), Errc::too_many_requests);
  EXPECT_FALSE(this->one(this->open(5, "bob", 10)).refused);
  this->one(PutPiece{guid(2), "alice", 0, "0123456789", kTestTime + 900});
  this->clean(kTestTime + 1'001);
  EXPECT_FALSE(this->store().media(guid(1)).value());
  EXPECT_TRUE(this->store().media(guid(2)).value()) << "a piece came since";
  EXPECT_FALSE(this->one(this->open(4, "alice", 10)).refused);
  this->clean(kTestTime + 10'000);
  EXPECT_EQ(this->backend_.blobs(), 0U) << "nothing of a half upload stays";
}

TYPED_TEST(MediaConformance, AUserHasSoMuchRoomAndGetsItBack) {
  const std::string bytes = some_bytes(40 * kBlock);
  this->upload(1, "alice", bytes);
  this->one(this->open(2, "alice", 40 * kBlock));
  EXPECT_EQ(this->refused(this->open(3, "alice", 20 * kBlock + 1)), Errc::insufficient_storage);
  EXPECT_FALSE(this->one(this->open(3, "alice", 20 * kBlock)).refused);
  EXPECT_FALSE(this->one(DropMedia{guid(1), "alice", MediaState::deleted, kTestTime}).refused);
  EXPECT_EQ(this->refused(this->open(4, "alice", 40 * kBlock)), Errc::insufficient_storage)
      << "of what was deleted a mark stays, which counts one block";
  EXPECT_FALSE(this->one(this->open(4, "alice", 39 * kBlock)).refused);
}

TYPED_TEST(MediaConformance, S21_SmallObjectsAndMarksCountABlockEach) {
  for (int i = 1; i <= 100; ++i) this->upload(i, "alice", i % 2 == 0 ? "" : std::to_string(i));
  EXPECT_EQ(this->refused(this->open(101, "alice", 0)), Errc::insufficient_storage);
  auto same = this->open(101, "alice", 0);
  same.digest = sha256(as_bytes(""));
  EXPECT_EQ(this->refused(same), Errc::insufficient_storage) << "nor without a byte sent";
  for (int i = 1; i <= 100; ++i)
    this->one(DropMedia{guid(i), "alice", MediaState::deleted, kTestTime});
  EXPECT_EQ(this->refused(this->open(101, "alice", 0)), Errc::insufficient_storage);
  EXPECT_FALSE(this->one(this->open(101, "bob", 0)).refused);
  this->clean(kTestTime + kSeenMs + 1);
  EXPECT_FALSE(this->one(this->open(102, "alice", 0)).refused);
}

TYPED_TEST(MediaConformance, AnUploadThatWasGivenUpLeavesNoMark) {
  this->one(this->open(1, "alice", 10));
  EXPECT_FALSE(this->one(DropMedia{guid(1), "alice", MediaState::removed, kTestTime}).refused);
  EXPECT_FALSE(this->store().media(guid(1)).value());
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
  EXPECT_FALSE(this->one(this->open(1, "bob", 10)).refused);
}

TYPED_TEST(MediaConformance, ACheckOfAnotherOwnerTouchesNothing) {
  this->one(this->open(1, "alice", 10));
  this->one(PutPiece{guid(1), "alice", 0, "0123456789", kTestTime});
  EXPECT_FALSE(this->one(CheckMedia{guid(1), "bob", {}, kTestTime}).refused);
  EXPECT_TRUE(this->media(1).whole());
  EXPECT_FALSE(this->check(1, "0123456789").refused);
}

TYPED_TEST(MediaConformance, N14_TheSameBytesAreKeptOnceAndFreedWithTheLastReference) {
  const std::string bytes = some_bytes(2 * kBlock);
  this->upload(1, "alice", bytes);
  this->upload(2, "bob", bytes);
  auto third = this->open(3, "carol", 2 * kBlock);
  third.digest = sha256(as_bytes(bytes));
  EXPECT_FALSE(this->one(third).refused);
  EXPECT_EQ(this->media(3).state, MediaState::complete) << "without a byte sent";
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 1U);
  this->one(DropMedia{guid(1), "alice", MediaState::deleted, kTestTime});
  this->one(DropMedia{guid(3), "carol", MediaState::removed, kTestTime});
  this->clean();
  EXPECT_EQ(this->read(2, 0, bytes.size()), bytes);
  this->one(DropMedia{guid(2), "bob", MediaState::deleted, kTestTime});
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
}

TYPED_TEST(MediaConformance, OnlyTheOwnerDropsAndTheGuidIsSpent) {
  this->upload(1, "alice", "some bytes");
  EXPECT_EQ(this->refused(DropMedia{guid(1), "bob", MediaState::deleted, kTestTime}),
            Errc::forbidden);
  EXPECT_EQ(this->refused(PutPiece{guid(1), "bob", 0, "some bytes", kTestTime}), Errc::forbidden);
  EXPECT_EQ(this->refused(DropMedia{guid(2), "bob", MediaState::deleted, kTestTime}),
            Errc::not_found);
  EXPECT_FALSE(this->one(DropMedia{guid(1), "alice", MediaState::removed, kTestTime}).refused);
  this->backend_.reopen();
  EXPECT_EQ(this->media(1).state, MediaState::removed);
  EXPECT_EQ(this->refused(DropMedia{guid(1), "alice", MediaState::deleted, kTestTime}), Errc::gone);
  EXPECT_EQ(this->refused(this->open(1, "alice", 10)), Errc::gone);
  EXPECT_EQ(this->refused(this->open(1, "bob", 10)), Errc::conflict);
  this->clean(kTestTime + kSeenMs + 1);
  EXPECT_FALSE(this->one(this->open(1, "bob", 10)).refused) << "the mark is forgotten in the end";
}

TYPED_TEST(MediaConformance, N1_P38_WhatIsDestroyedIsGoneUnlessOthersHaveTheSameBytes) {
  const auto destroy = [&](int number, const char* owner) {
    for (;;) {
      auto out = this->one(DestroyMedia{guid(number), owner, kTestTime});
      if (out.refused || out.accepted == Accepted::repeated) return out;
    }
  };
  const std::string bytes = some_bytes(200'000);
  this->upload(1, "alice", bytes);
  this->upload(2, "bob", bytes);
  EXPECT_EQ(destroy(1, "bob").refused->code, Errc::forbidden);
  EXPECT_EQ(destroy(9, "bob").refused->code, Errc::not_found);
  EXPECT_EQ(destroy(1, "alice").cursors, (std::vector<Cursor>{1})) << "bob's are the same";
  EXPECT_EQ(this->media(1).state, MediaState::destroyed);
  EXPECT_EQ(this->read(2, 0, 200'000), bytes);
  EXPECT_EQ(destroy(2, "bob").cursors, (std::vector<Cursor>{0}));
  this->backend_.reopen();
  this->clean();
  EXPECT_EQ(this->backend_.blobs(), 0U);
  EXPECT_EQ(this->media(2).state, MediaState::destroyed);
  EXPECT_FALSE(destroy(2, "bob").refused) << "twice";
  EXPECT_EQ(this->refused(DropMedia{guid(2), "bob", MediaState::deleted, kTestTime}), Errc::gone);
  this->upload(3, "carol", bytes);
  EXPECT_EQ(this->read(3, 0, 200'000), bytes) << "the same may come again under another GUID";
}

TYPED_TEST(MediaConformance, N1_AnUploadIsDestroyedBeforeItIsComplete) {
  const std::string bytes = some_bytes(200'000);
  ASSERT_FALSE(this->one(this->open(1, "alice", 200'000)).refused);
  ASSERT_FALSE(this->one(this->piece(1, "alice", bytes, 65'536, 65'536)).refused);
  while (this->one(DestroyMedia{guid(1), "alice", kTestTime}).accepted == Accepted::stored)
    continue;
  EXPECT_EQ(this->media(1).state, MediaState::destroyed);
  EXPECT_EQ(this->backend_.blobs(), 0U);
  EXPECT_EQ(this->refused(this->piece(1, "alice", bytes, 0, 65'536)), Errc::gone);
}

TYPED_TEST(MediaConformance, F48_ObjectsGoByAge) {
  this->upload(1, "alice", "some bytes");
  this->clean(kTestTime + 100'000);
  EXPECT_EQ(this->media(1).state, MediaState::complete);
  this->clean(kTestTime + 100'001);
  EXPECT_EQ(this->media(1).state, MediaState::deleted);
  this->clean(kTestTime + 100'001);
  EXPECT_EQ(this->backend_.blobs(), 0U);
}

TYPED_TEST(MediaConformance, OpeningAgainIsAQuestion) {
  EXPECT_EQ(this->one(this->open(1, "alice", 10)).accepted, Accepted::stored);
  EXPECT_EQ(this->one(this->open(1, "alice", 10)).accepted, Accepted::repeated);
  EXPECT_EQ(this->refused(this->open(1, "alice", 11)), Errc::conflict);
  EXPECT_EQ(this->refused(this->open(1, "bob", 10)), Errc::conflict);
  EXPECT_FALSE(this->one(CheckMedia{guid(1), "alice", {}, kTestTime}).refused)
      << "not whole: not checked";
  EXPECT_EQ(this->media(1).state, MediaState::open);
  this->one(PutPiece{guid(1), "alice", 0, "0123456789", kTestTime});
  ASSERT_FALSE(this->check(1, "0123456789").refused);
  auto again = this->open(1, "alice", 10);
  again.digest = sha256(as_bytes("0123456789"));
  EXPECT_EQ(this->one(again).accepted, Accepted::repeated);
  again.digest = sha256(as_bytes("9876543210"));
  EXPECT_EQ(this->refused(again), Errc::conflict);
}

TYPED_TEST(MediaConformance, ALargeUploadThatWasInterruptedIsCheckedInSlices) {
  const std::string bytes = some_bytes(40 * kBlock);
  this->one(this->open(1, "alice", 40 * kBlock));
  this->one(this->piece(1, "alice", bytes, 20 * kBlock, 20 * kBlock));
  this->backend_.reopen();
  this->one(this->piece(1, "alice", bytes, 0, 20 * kBlock));
  EXPECT_FALSE(this->check(1, bytes).refused);
  EXPECT_EQ(this->read(1, 0, bytes.size()), bytes);
}

}  // namespace
}  // namespace dim
