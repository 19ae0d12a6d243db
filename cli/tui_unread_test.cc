#include "cli/tui_unread.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

Post post() {
  const Guid guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  Post out{.guid = guid, .channel = guid};
  out.author = "bobby";
  out.cursor = 8;
  out.content = "hello";
  return out;
}

Unread of(const Post& one, NotifyLevel level = NotifyLevel::all, bool mentioned = false,
          bool named = false, bool early = false) {
  return unread_by(one, "alice", 7, level, mentioned, named, early);
}

TEST(TuiUnread, A27_WhatCannotBeReadIsNotCountedAndCallsNobody) {
  Post one = post();
  EXPECT_TRUE(of(one).counts);
  one.unreadable = "it is not signed by who is said to have written it";
  EXPECT_FALSE(of(one, NotifyLevel::all, true, true).counts);
  EXPECT_FALSE(of(one, NotifyLevel::all, true, true).names_me);
  EXPECT_TRUE(of(one, NotifyLevel::all, false, false, true).counts)
      << "it will be read in a moment";
}

TEST(TuiUnread, ThePersonsOwnWishesHold) {
  EXPECT_FALSE(of(post(), NotifyLevel::mentions).counts);
  EXPECT_TRUE(of(post(), NotifyLevel::mentions, true).counts);
  EXPECT_FALSE(of(post(), NotifyLevel::none, true).counts);
  EXPECT_FALSE(of(post(), NotifyLevel::none, true, true).names_me);
  EXPECT_TRUE(of(post(), NotifyLevel::mentions, false, true).names_me);
  EXPECT_FALSE(of(post()).names_me);
  Post own = post();
  own.author = "alice";
  EXPECT_FALSE(of(own).counts);
  Post seen = post();
  seen.cursor = 7;
  EXPECT_FALSE(of(seen).counts);
  Post hidden = post();
  hidden.state = PostState::hidden;
  EXPECT_FALSE(of(hidden).counts);
}

}  // namespace
}  // namespace dim
