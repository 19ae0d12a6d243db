#include "dim/store/media.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kBlock = limits::kMediaBlock;

TEST(Media, NamesWhatIsMissing) {
  const std::int64_t size = 5 * kBlock + 10;
  Bytes have = no_blocks(size);
  EXPECT_THAT(missing_ranges(have, size, 10), ElementsAre(ByteRange{0, size - 1}));
  add_block(have, 1);
  add_block(have, 4);
  EXPECT_THAT(missing_ranges(have, size, 10),
              ElementsAre(ByteRange{0, kBlock - 1}, ByteRange{2 * kBlock, 4 * kBlock - 1},
                          ByteRange{5 * kBlock, size - 1}));
  EXPECT_THAT(missing_ranges(have, size, 2),
              ElementsAre(ByteRange{0, kBlock - 1}, ByteRange{2 * kBlock, 4 * kBlock - 1}));
  EXPECT_FALSE(has_all_blocks(have, size));
  for (const int block : {0, 2, 3, 5}) add_block(have, block);
  EXPECT_TRUE(has_all_blocks(have, size));
  EXPECT_THAT(missing_ranges(have, size, 10), IsEmpty());
}

TEST(Media, M03_AnEmptyObjectIsWholeAtOnce) {
  EXPECT_EQ(media_blocks(0), 0);
  EXPECT_TRUE(has_all_blocks(no_blocks(0), 0));
  EXPECT_EQ(media_blocks(1), 1);
  EXPECT_EQ(media_blocks(kBlock), 1);
  EXPECT_EQ(media_blocks(kBlock + 1), 2);
}

TEST(Media, M01_PiecesLieAtBlocksAndWithinTheSize) {
  const std::int64_t size = 2 * kBlock + 10;
  EXPECT_TRUE(check_piece(0, kBlock, size));
  EXPECT_TRUE(check_piece(0, static_cast<std::size_t>(size), size));
  EXPECT_TRUE(check_piece(2 * kBlock, 10, size));
  const auto code = [&](std::int64_t first, std::size_t bytes) {
    return check_piece(first, bytes, size).error().code;
  };
  EXPECT_EQ(code(0, 0), Errc::bad_request);
  EXPECT_EQ(code(1, kBlock), Errc::bad_request);
  EXPECT_EQ(code(0, kBlock - 1), Errc::bad_request);
  EXPECT_EQ(code(2 * kBlock, 9), Errc::bad_request);
  EXPECT_EQ(code(2 * kBlock, 11), Errc::too_large);
  EXPECT_EQ(code(3 * kBlock, 1), Errc::too_large);
  EXPECT_EQ(code(size, 0), Errc::bad_request);
}

OpenMedia opening(std::int64_t size) {
  return {.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"), .owner = "alice", .size = size};
}

TEST(Media, M03_M04_LimitsOfObjectsUploadsAndUsers) {
  const MediaLimits limits;
  EXPECT_FALSE(refuse_new(opening(limits.object_bytes), limits, 0, 0));
  EXPECT_EQ(refuse_new(opening(limits.object_bytes + 1), limits, 0, 0)->code, Errc::too_large);
  EXPECT_FALSE(refuse_new(opening(1), limits, 15, 0));
  EXPECT_EQ(refuse_new(opening(1), limits, 16, 0)->code, Errc::too_many_requests);
  const std::int64_t used = limits.user_bytes - kBlock;
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, kBlock})
    EXPECT_FALSE(refuse_new(opening(size), limits, 0, used)) << size;
  EXPECT_EQ(refuse_new(opening(kBlock + 1), limits, 0, used)->code, Errc::insufficient_storage);
  EXPECT_EQ(refuse_new(opening(0), limits, 0, used + 1)->code, Errc::insufficient_storage)
      << "nothing is for nothing";
}

TEST(Media, OnlyTheOwnerChangesAndNothingComesBack) {
  StoredMedia known;
  known.owner = "alice";
  known.size = 5;
  EXPECT_FALSE(refuse_change(known, "alice"));
  EXPECT_EQ(refuse_change(known, "bob")->code, Errc::forbidden);
  EXPECT_EQ(refuse_change(std::nullopt, "alice")->code, Errc::not_found);
  EXPECT_FALSE(refuse_open(known, opening(5)));
  EXPECT_EQ(refuse_open(known, opening(6))->code, Errc::conflict);
  known.state = MediaState::deleted;
  EXPECT_EQ(refuse_change(known, "alice")->code, Errc::gone);
  EXPECT_EQ(refuse_open(known, opening(5))->code, Errc::gone);
  known.owner = "bob";
  EXPECT_EQ(refuse_open(known, opening(5))->code, Errc::conflict);
}

}  // namespace
}  // namespace dim
