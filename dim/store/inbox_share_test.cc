#include "dim/store/inbox_share.h"

namespace dim {
namespace {

TEST(InboxShare, IsAQuarterOfMessagesAndOfBytes) {
  constexpr InboxLimits limits{.messages = 20'000, .bytes = 256 << 20};
  EXPECT_FALSE(beyond_share(limits, 4'999, 0, 1));
  EXPECT_TRUE(beyond_share(limits, 5'000, 0, 1));
  EXPECT_FALSE(beyond_share(limits, 1, (64 << 20) - 10, 10));
  EXPECT_TRUE(beyond_share(limits, 1, (64 << 20) - 10, 11));
}

TEST(InboxShare, SmallInboxesAreNotDivided) {
  constexpr InboxLimits limits{.messages = 100, .bytes = 1 << 20};
  EXPECT_FALSE(beyond_share(limits, 99, (1 << 20) - 1, 1));
  EXPECT_TRUE(beyond_share(limits, kInboxShareMessages, 0, 1));
}

TEST(InboxShare, AnInboxIsOwnedByItsUserOnAllDevices) {
  EXPECT_TRUE(owns_inbox("bob@x", "bob@x"));
  EXPECT_TRUE(owns_inbox("bob@x", "bob@x/phone"));
  EXPECT_FALSE(owns_inbox("bob@x", "bob@xy"));
  EXPECT_FALSE(owns_inbox("bob@x", "bob"));
  EXPECT_FALSE(owns_inbox("bob", "bob@x"));
}

TEST(InboxShare, MarksOfAuthorsLieOnDisksAndStayAsTheyAre) {
  EXPECT_EQ(author_mark("abc"), 0x3A78'16BFU);  // the first bytes of FIPS 180's SHA-256 of it
  EXPECT_NE(author_mark("alice"), author_mark("bob"));
}

}  // namespace
}  // namespace dim
