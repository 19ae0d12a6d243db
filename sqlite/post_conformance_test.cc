// Hubs and channels in every store: the one in memory and the one on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sqlite/both_testing.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Guid kRoses = guid(1'000'001);
const Guid kTulips = guid(1'000'002);

Post post(int number, std::string content, std::string author = "alice",
          const Guid& channel = kRoses) {
  return {.guid = guid(number),
          .channel = channel,
          .time = kTestTime + number,
          .author = std::move(author),
          .content = std::move(content)};
}

template <class Backend>
class PostConformance : public testing::Test {
 protected:
  Store& store() { return *backend_.store; }
  Written one(Write write) {
    auto out = store().commit(std::span(&write, 1));
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? out->at(0) : Written{Accepted::conflict, {}};
  }
  Written act(int number, PostAct what, std::string text = {}, std::string who = {},
              std::optional<std::int64_t> revision = {}) {
    return one(ChangePost{.guid = guid(number),
                          .act = what,
                          .who = std::move(who),
                          .text = std::move(text),
                          .time = kTestTime + 1'000,
                          .revision = revision});
  }
  std::vector<std::string> page(PostPage::Order order, Cursor from, std::size_t limit = 10,
                                std::size_t bytes = 1'000) {
    std::vector<std::string> out;
    const auto found =
        store().posts(kRoses, {.order = order, .from = from, .limit = limit, .bytes = bytes});
    EXPECT_TRUE(found);
    for (const Post& one : *found) out.push_back(one.content);
    return out;
  }
  std::vector<std::string> search(std::string_view words, std::int64_t place = 0) {
    std::vector<std::string> out;
    const std::array both = {kRoses, kTulips};
    const auto found = store().search(both, words, place, 10);
    EXPECT_TRUE(found) << to_string(found.error());
    for (const FoundPost& one : *found) out.push_back(one.post.content);
    return out;
  }
  void clean() {
    for (auto more = store().tidy(kTestTime, true); more && *more;)
      more = store().tidy(kTestTime, true);
  }
  Backend backend_;
};

using Backends = testing::Types<StoreInMemory, StoreOnDisk>;
TYPED_TEST_SUITE(PostConformance, Backends, BackendNames<StoreInMemory>);

TYPED_TEST(PostConformance, ChangesOfAHubAreNumberedWithoutGaps) {
  EXPECT_EQ(this->one(PutHubChange{"hub", 1, "a"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutHubChange{"other", 1, "x"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutHubChange{"hub", 2, "b"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutHubChange{"hub", 2, "c"}).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(PutHubChange{"hub", 4, "c"}).accepted, Accepted::conflict);
  this->backend_.reopen();
  std::vector<std::string> all;
  std::int64_t row = 0;
  for (int i = 0; i < 2; ++i) {
    const auto page = this->store().hub_changes(row, 2);
    ASSERT_TRUE(page);
    for (const StoredHubChange& one : *page) {
      all.push_back(one.hub + std::to_string(one.number) + one.change);
      row = one.row;
    }
  }
  EXPECT_THAT(all, ElementsAre("hub1a", "other1x", "hub2b"));
}

TYPED_TEST(PostConformance, PagesOfAChannelGoInBothDirections) {
  for (int i = 1; i <= 4; ++i)
    EXPECT_THAT(this->one(PutPost{post(i, "m" + std::to_string(i))}).cursors, ElementsAre(i));
  EXPECT_THAT(this->one(PutPost{post(5, "elsewhere", "alice", kTulips)}).cursors, ElementsAre(1));
  this->backend_.reopen();
  using enum PostPage::Order;
  EXPECT_THAT(this->page(forward, 0), ElementsAre("m1", "m2", "m3", "m4"));
  EXPECT_THAT(this->page(forward, 2, 1), ElementsAre("m3"));
  EXPECT_THAT(this->page(backward, INT64_MAX, 2), ElementsAre("m4", "m3"));
  EXPECT_THAT(this->page(backward, 3), ElementsAre("m2", "m1"));
  EXPECT_THAT(this->page(forward, 0, 10, 3), ElementsAre("m1")) << "bytes bound a page";
  EXPECT_THAT(this->page(forward, 0, 10, 1), ElementsAre("m1")) << "one message always fits";
}

TYPED_TEST(PostConformance, P36_AMessageIsStoredOnceForEver) {
  EXPECT_EQ(this->one(PutPost{post(1, "one")}).accepted, Accepted::stored);
  this->act(1, PostAct::edit, "two");
  this->backend_.reopen();
  const Written again = this->one(PutPost{post(1, "one")});
  EXPECT_EQ(again.accepted, Accepted::repeated);
  EXPECT_THAT(again.cursors, ElementsAre(1));
  EXPECT_EQ(this->one(PutPost{post(1, "two")}).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(PutPost{post(1, "one", "bob")}).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(PutPost{post(1, "one", "alice", kTulips)}).accepted, Accepted::conflict);
}

TYPED_TEST(PostConformance, F11_EditsKeepWhatWasSaidBefore) {
  this->one(PutPost{post(1, "one")});
  EXPECT_THAT(this->act(1, PostAct::edit, "two", {}, 1).cursors, ElementsAre(2));
  EXPECT_EQ(this->act(1, PostAct::edit, "three", {}, 1).accepted, Accepted::conflict);
  EXPECT_EQ(this->act(1, PostAct::edit, "two", {}, 1).accepted, Accepted::repeated);
  EXPECT_EQ(this->act(1, PostAct::edit, "three", {}, 2).accepted, Accepted::stored);
  this->backend_.reopen();
  const auto kept = this->store().post(guid(1));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->content, "three");
  EXPECT_EQ((*kept)->revision, 3);
  EXPECT_EQ((*kept)->cursor, 1);
  EXPECT_EQ((*kept)->changed, 3);
  EXPECT_EQ((*kept)->edited, kTestTime + 1'000);
  const auto earlier = this->store().revisions(guid(1), 0, 1'000);
  ASSERT_TRUE(earlier);
  ASSERT_EQ(earlier->size(), 2U);
  EXPECT_EQ(earlier->at(0).content, "one");
  EXPECT_EQ(earlier->at(0).time, kTestTime + 1);
  EXPECT_EQ(earlier->at(1).content, "two");
}

TYPED_TEST(PostConformance, F11_TheNewestEarlierTextsAreKeptAndComeInPages) {
  this->one(PutPost{post(1, "text 1")});
  const auto edits = static_cast<int>(kPostRevisions) + 5;
  for (int i = 2; i <= edits + 1; ++i)
    EXPECT_EQ(this->act(1, PostAct::edit, "text " + std::to_string(i)).accepted, Accepted::stored);
  this->backend_.reopen();
  std::vector<std::int64_t> numbers;
  std::int64_t after = 0;
  for (;;) {
    const auto page = this->store().revisions(guid(1), after, 60);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 10U) << "60 bytes";
    for (const PostRevision& one : *page) {
      EXPECT_EQ(one.content, "text " + std::to_string(one.number));
      numbers.push_back(after = one.number);
    }
  }
  ASSERT_EQ(numbers.size(), kPostRevisions);
  EXPECT_EQ(numbers.front(), 6);
  EXPECT_EQ(numbers.back(), edits);
  EXPECT_EQ((*this->store().post(guid(1)))->revision, edits + 1);
  EXPECT_EQ(this->store().revisions(guid(1), 0, 1)->size(), 1U) << "one always fits";
}

TYPED_TEST(PostConformance, N12_ChangesComeInTheOrderInWhichTheyHappened) {
  for (int i = 1; i <= 3; ++i) this->one(PutPost{post(i, "m" + std::to_string(i))});
  this->act(1, PostAct::edit, "m1, better");  // 4
  this->act(2, PostAct::react, "+1", "bob");  // 5
  using enum PostPage::Order;
  EXPECT_THAT(this->page(changes, 0), ElementsAre("m3", "m1, better", "m2"));
  EXPECT_THAT(this->page(changes, 3), ElementsAre("m1, better", "m2"));
  EXPECT_THAT(this->page(changes, 5), IsEmpty());
}

TYPED_TEST(PostConformance, F12_WhatIsTakenBackOrDeletedLeavesItsPlaceOnly) {
  for (int i = 1; i <= 3; ++i) this->one(PutPost{post(i, "secret" + std::to_string(i))});
  this->act(1, PostAct::edit, "secret1 again");
  this->act(1, PostAct::react, "+1", "bob");
  this->act(1, PostAct::take_back);
  EXPECT_EQ(this->act(1, PostAct::take_back).accepted, Accepted::repeated);
  EXPECT_EQ(this->act(1, PostAct::edit, "back").accepted, Accepted::conflict);
  EXPECT_EQ(this->act(1, PostAct::show).accepted, Accepted::conflict);
  this->act(2, PostAct::pin);
  this->act(2, PostAct::erase);
  EXPECT_EQ(this->act(2, PostAct::erase).accepted, Accepted::repeated);
  EXPECT_EQ(this->act(2, PostAct::react, "+1", "bob").accepted, Accepted::conflict);
  this->backend_.reopen();
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), ElementsAre("", "", "secret3"));
  EXPECT_THAT(*this->store().revisions(guid(1), 0, 1'000), IsEmpty());
  EXPECT_EQ((*this->store().post(guid(1)))->state, PostState::removed);
  EXPECT_EQ((*this->store().post(guid(2)))->state, PostState::deleted);
  EXPECT_THAT((*this->store().post(guid(2)))->reactions, IsEmpty());
  EXPECT_THAT(this->page(PostPage::Order::pinned, INT64_MAX), IsEmpty());
}

TYPED_TEST(PostConformance, N1_P38_WhatIsDestroyedLeavesItsPlaceAndCannotComeBack) {
  this->one(PutPost{post(1, "canary one")});
  this->one(PutPost{post(2, "canary two")});
  this->act(1, PostAct::edit, "canary one, better");
  this->act(1, PostAct::react, "+1", "bob");
  this->act(1, PostAct::pin);
  EXPECT_EQ(this->one(PutErasure{guid(1), "bob", "{}"}).accepted, Accepted::conflict);
  const Written first = this->act(1, PostAct::destroy);
  EXPECT_EQ(first.accepted, Accepted::stored);
  EXPECT_THAT(first.cursors, ElementsAre(6));
  const Written again = this->act(1, PostAct::destroy);
  EXPECT_EQ(again.accepted, Accepted::repeated) << "P38";
  EXPECT_THAT(again.cursors, ElementsAre(6));
  for (const PostAct late : {PostAct::edit, PostAct::hide, PostAct::show, PostAct::take_back,
                             PostAct::react, PostAct::pin})
    EXPECT_EQ(this->act(1, late, "+1", "bob").accepted, Accepted::conflict);
  EXPECT_EQ(this->act(1, PostAct::erase).accepted, Accepted::repeated);
  EXPECT_EQ(this->one(PutPost{post(1, "canary one")}).accepted, Accepted::conflict)
      << "the same once more would bring it back";
  EXPECT_EQ(this->one(PutPost{post(2, "canary two")}).accepted, Accepted::repeated);
  this->backend_.reopen();
  const auto kept = this->store().post(guid(1));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->state, PostState::destroyed);
  EXPECT_EQ((*kept)->content, "");
  EXPECT_EQ((*kept)->pinned, 0);
  EXPECT_THAT((*kept)->reactions, IsEmpty());
  EXPECT_THAT(*this->store().revisions(guid(1), 0, 1'000), IsEmpty());
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), ElementsAre("", "canary two"));
  EXPECT_THAT(this->search("canary"), ElementsAre("canary two"));
  EXPECT_EQ(this->store().read_state(kRoses, "bob")->unread, 1);
}

TYPED_TEST(PostConformance, N1_WhatWasDeletedCanStillBeDestroyed) {
  this->one(PutPost{post(1, "canary")});
  this->act(1, PostAct::erase);
  EXPECT_EQ(this->act(1, PostAct::destroy).accepted, Accepted::stored);
  EXPECT_EQ((*this->store().post(guid(1)))->state, PostState::destroyed);
}

TYPED_TEST(PostConformance, N1_TheFirstReceiptOfEachPersonIsKept) {
  this->one(PutPost{post(1, "canary")});
  this->act(1, PostAct::destroy);
  EXPECT_EQ(this->one(PutErasure{guid(1), "carol", "c"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutErasure{guid(1), "bob", "b"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutErasure{guid(1), "bob", "other"}).accepted, Accepted::repeated);
  EXPECT_EQ(this->one(PutErasure{guid(9), "bob", "b"}).accepted, Accepted::conflict);
  this->backend_.reopen();
  EXPECT_THAT(*this->store().erasures(guid(1)), ElementsAre("b", "c"));
  EXPECT_THAT(*this->store().erasures(guid(9)), IsEmpty());
}

TYPED_TEST(PostConformance, SearchGoesThroughAllPartsOfTheIndex) {
  // Parts are closed by their bytes: 8 KiB of each message are searched.
  const std::string filler(9'000, 'x');
  for (int i = 1; i <= 150; ++i)
    this->one(PutPost{post(i, "word" + std::to_string(i % 50) + " " + filler + " late")});
  this->act(60, PostAct::destroy);
  this->backend_.reopen();
  std::vector<std::int64_t> places;
  std::int64_t place = 0;
  for (;;) {
    const auto found = this->store().search(std::array{kRoses}, "word10", place, 1);
    ASSERT_TRUE(found) << to_string(found.error());
    if (found->empty()) break;
    place = found->front().place;
    places.push_back(found->front().post.cursor);
  }
  EXPECT_THAT(places, ElementsAre(110, 10)) << "60 is destroyed";
  EXPECT_THAT(this->search("late"), IsEmpty()) << "behind the first 8 KiB";
}

TYPED_TEST(PostConformance, F13_ReactionsCountEachPersonOnce) {
  this->one(PutPost{post(1, "one")});
  EXPECT_EQ(this->act(1, PostAct::react, "+1", "bob").accepted, Accepted::stored);
  EXPECT_EQ(this->act(1, PostAct::react, "+1", "bob").accepted, Accepted::repeated);
  this->act(1, PostAct::react, "+1", "carol");
  this->act(1, PostAct::react, "heart", "carol");
  this->backend_.reopen();
  EXPECT_THAT((*this->store().post(guid(1)))->reactions,
              ElementsAre(ReactionCount{"+1", 2}, ReactionCount{"heart", 1}));
  this->act(1, PostAct::unreact, "+1", "bob");
  EXPECT_EQ(this->act(1, PostAct::unreact, "+1", "bob").accepted, Accepted::repeated);
  EXPECT_EQ((*this->store().post(guid(1)))->reactions.size(), 2U);
}

TYPED_TEST(PostConformance, PinsAreAPageOfTheirOwn) {
  for (int i = 1; i <= 3; ++i) this->one(PutPost{post(i, "m" + std::to_string(i))});
  this->act(1, PostAct::pin);
  this->act(3, PostAct::pin);
  EXPECT_THAT(this->page(PostPage::Order::pinned, INT64_MAX), ElementsAre("m3", "m1"));
  this->act(3, PostAct::unpin);
  EXPECT_THAT(this->page(PostPage::Order::pinned, INT64_MAX), ElementsAre("m1"));
}

TYPED_TEST(PostConformance, F18_UnreadCountsAreExact) {
  for (int i = 1; i <= 4; ++i)
    this->one(PutPost{post(i, "m" + std::to_string(i), i == 2 ? "bob" : "alice")});
  const auto state = [&] { return *this->store().read_state(kRoses, "bob"); };
  EXPECT_EQ(state().unread, 3) << "all but one's own";
  EXPECT_EQ(state().newest, 4);
  this->one(PutMark{kRoses, "bob", 1});
  EXPECT_EQ(state().unread, 2);
  this->one(PutMark{kRoses, "bob", 3});
  this->one(PutMark{kRoses, "bob", 1});
  this->backend_.reopen();
  EXPECT_EQ(state().upto, 3) << "a mark never goes back";
  EXPECT_EQ(state().unread, 1);
  this->act(4, PostAct::hide);
  EXPECT_EQ(state().unread, 0) << "what nobody sees is not unread";
  this->act(4, PostAct::show);
  EXPECT_EQ(state().unread, 1);
  this->act(1, PostAct::edit, "changed");
  EXPECT_EQ(state().unread, 1) << "an edit is nothing new";
  EXPECT_EQ(this->store().read_state(kTulips, "bob")->unread, 0);
}

TYPED_TEST(PostConformance, F18_UnreadCountsAreExactOfThousandsInAnyState) {
  // Cursors: 4,000 messages in two channels, then a change of every third.
  constexpr int kMessages = 4'000;
  const std::array<std::string, 3> people = {"alice", "bob", "carol"};
  struct Told {
    Cursor cursor;
    std::string author;
    PostState state;
  };
  std::map<Guid, std::vector<Told>> told;
  std::vector<Write> batch;
  for (int i = 1; i <= kMessages; ++i) {
    const Guid& channel = i % 5 == 0 ? kTulips : kRoses;
    const std::string& author = people[static_cast<std::size_t>(i) * 7 / 3 % 3];
    batch.emplace_back(PutPost{post(i, "m", author, channel)});
    told[channel].push_back({static_cast<Cursor>(told[channel].size()) + 1, author, {}});
  }
  for (int i = 3; i <= kMessages; i += 3) {
    const auto act = static_cast<PostAct>(i / 3 % 4 + 1);  // hide, show, take_back, erase
    batch.emplace_back(ChangePost{.guid = guid(i), .act = act, .time = kTestTime});
    auto& in = told[i % 5 == 0 ? kTulips : kRoses];
    auto& message = in[static_cast<std::size_t>(i % 5 == 0 ? i / 5 : i - i / 5) - 1];
    message.state = act == PostAct::hide        ? PostState::hidden
                    : act == PostAct::take_back ? PostState::removed
                    : act == PostAct::erase     ? PostState::deleted
                                                : PostState::shown;
  }
  ASSERT_TRUE(this->store().commit(batch));
  const auto check = [&] {
    for (const auto& [channel, messages] : told) {
      for (const char* reader : {"alice", "bob", "dave"}) {
        const ReadState state = *this->store().read_state(channel, reader);
        const auto unread = std::ranges::count_if(messages, [&](const Told& one) {
          return one.cursor > state.upto && one.author != reader && one.state == PostState::shown;
        });
        ASSERT_EQ(state.unread, unread) << reader << " behind " << state.upto;
      }
    }
  };
  check();
  this->backend_.reopen();
  for (const Cursor upto : {1, 500, 999, 1'000, 1'001, 1'023, 1'024, 1'025, 2'047, 2'048, 2'999}) {
    for (const auto& [channel, messages] : told) {
      this->one(PutMark{channel, "bob", upto});
      this->one(PutMark{channel, "dave", upto - 1});
    }
    check();
  }
  // Shown again, across the blocks; and everything read is nothing unread, on every device.
  for (int i = 12; i <= kMessages; i += 12) {
    this->act(i, PostAct::show);
    auto& in = told[i % 5 == 0 ? kTulips : kRoses];
    auto& message = in[static_cast<std::size_t>(i % 5 == 0 ? i / 5 : i - i / 5) - 1];
    if (message.state == PostState::hidden) message.state = PostState::shown;
  }
  check();
  for (const char* reader : {"alice", "bob", "dave"}) {
    this->one(PutMark{kRoses, reader, INT64_MAX});
    EXPECT_EQ(this->store().read_state(kRoses, reader)->unread, 0);
  }
}

TYPED_TEST(PostConformance, F18_AMarkGoesNoFurtherThanWhatIsThere) {
  const auto state = [&] { return *this->store().read_state(kRoses, "bob"); };
  this->one(PutMark{kRoses, "bob", INT64_MAX});
  this->one(PutPost{post(1, "one")});
  EXPECT_EQ(state().unread, 1);
  this->one(PutMark{kRoses, "bob", INT64_MAX});
  EXPECT_EQ(state().upto, 1);
  EXPECT_EQ(state().unread, 0);
  this->one(PutPost{post(2, "two")});
  EXPECT_EQ(state().unread, 1);
}

TYPED_TEST(PostConformance, SearchFindsWordsAlsoOfTwoChineseCharacters) {
  this->one(PutPost{post(1, "The roses are RED today")});
  this->one(PutPost{post(2, "我爱中国园林")});
  this->one(PutPost{post(3, "red tulips, not roses", "bob", kTulips)});
  this->one(PutPost{post(4, "国中 is another word")});
  this->backend_.reopen();
  EXPECT_THAT(this->search("roses"),
              ElementsAre("red tulips, not roses", "The roses are RED today"));
  EXPECT_THAT(this->search("red roses"),
              ElementsAre("red tulips, not roses", "The roses are RED today"));
  EXPECT_THAT(this->search("中国"), ElementsAre("我爱中国园林"));
  EXPECT_THAT(this->search("园"), ElementsAre("我爱中国园林"));
  EXPECT_THAT(this->search("rose"), IsEmpty()) << "whole words";
  EXPECT_THAT(this->search("roses OR tulips"), IsEmpty()) << "no operators";
  EXPECT_THAT(this->search("\"roses"), testing::SizeIs(2)) << "quotes are no syntax";
  EXPECT_THAT(this->search("  "), IsEmpty());
  const auto found = this->store().search(std::array{kRoses}, "roses", 0, 10);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U) << "only in the channels that were asked for";
  const std::array both = {kRoses, kTulips};
  const auto newest = this->store().search(both, "roses", 0, 1);
  ASSERT_EQ(newest->size(), 1U);
  EXPECT_THAT(this->search("roses", newest->front().place), ElementsAre("The roses are RED today"));
}

TYPED_TEST(PostConformance, A29_WhatIsSealedHasNoWords) {
  const std::string sealed =
      R"({"sender":"a","receiver":"b","time":1,"keys":{"a":"canary"},"data":"canary parrot","signature":"canary"})";
  const std::string plain = R"({"data":"canary","signature":"is","keys":"a text like others"})";
  this->one(PutPost{post(1, sealed)});
  this->one(PutPost{post(2, plain)});
  this->one(PutPost{post(3, "roses")});
  EXPECT_THAT(this->search("canary"), ElementsAre(plain));
  EXPECT_THAT(this->search("parrot"), IsEmpty());
  this->act(1, PostAct::edit, "a parrot in words");
  this->act(3, PostAct::edit, sealed);
  EXPECT_THAT(this->search("parrot"), ElementsAre("a parrot in words"));
  EXPECT_THAT(this->search("roses"), IsEmpty());
  this->act(1, PostAct::edit, sealed);
  EXPECT_THAT(this->search("parrot"), IsEmpty());
  this->act(3, PostAct::destroy);  // makes the part of the index anew
  this->act(2, PostAct::hide);
  this->act(2, PostAct::show);
  EXPECT_THAT(this->search("canary"), ElementsAre(plain));
  this->backend_.reopen();
  EXPECT_THAT(this->search("canary"), ElementsAre(plain));
}

TYPED_TEST(PostConformance, SearchForgetsWhatIsNotShownAnyMore) {
  for (int i = 1; i <= 4; ++i) this->one(PutPost{post(i, "canary " + std::to_string(i))});
  this->act(1, PostAct::edit, "parrot");
  this->act(2, PostAct::take_back);
  this->act(3, PostAct::erase);
  this->act(4, PostAct::hide);
  EXPECT_THAT(this->search("canary"), IsEmpty());
  EXPECT_THAT(this->search("parrot"), ElementsAre("parrot"));
  this->act(4, PostAct::show);
  EXPECT_THAT(this->search("canary"), ElementsAre("canary 4"));
}

TYPED_TEST(PostConformance, F24_AThreadHasPagesInBothDirectionsAndItsRootSaysHowMany) {
  for (int i = 1; i <= 6; ++i) {
    Post one = post(i, "m" + std::to_string(i));
    if (i == 2 || i == 4 || i == 5) one.thread = guid(1);
    if (i == 6) one.thread = guid(3);
    EXPECT_EQ(this->one(PutPost{one}).accepted, Accepted::stored);
  }
  Post again = post(2, "m2");
  EXPECT_EQ(this->one(PutPost{again}).accepted, Accepted::conflict) << "it stood in a thread";
  again.thread = guid(1);
  EXPECT_EQ(this->one(PutPost{again}).accepted, Accepted::repeated);
  this->backend_.reopen();
  const auto thread = [&](PostPage::Order order, Cursor from, std::size_t limit) {
    std::vector<std::string> out;
    const auto page = this->store().posts(
        kRoses, {.order = order, .from = from, .limit = limit, .bytes = 1'000, .thread = guid(1)});
    EXPECT_TRUE(page);
    for (const Post& one : *page) out.push_back(one.content);
    return out;
  };
  using enum PostPage::Order;
  EXPECT_THAT(thread(backward, INT64_MAX, 2), ElementsAre("m5", "m4"));
  EXPECT_THAT(thread(backward, 4, 2), ElementsAre("m2"));
  EXPECT_THAT(thread(forward, 2, 10), ElementsAre("m4", "m5"));
  const auto root = [&](int number) {
    const auto found = this->store().post(guid(number));
    EXPECT_TRUE(found && *found);
    return std::pair{(*found)->answers, (*found)->answered};
  };
  EXPECT_EQ(root(1), (std::pair<std::int64_t, Cursor>{3, 5}));
  EXPECT_EQ(root(3), (std::pair<std::int64_t, Cursor>{1, 6}));
  EXPECT_EQ(root(2), (std::pair<std::int64_t, Cursor>{0, 0}));
  this->act(5, PostAct::hide);
  EXPECT_EQ(root(1), (std::pair<std::int64_t, Cursor>{2, 4}));
  this->act(5, PostAct::show);
  EXPECT_EQ(root(1), (std::pair<std::int64_t, Cursor>{3, 5}));
  for (const int i : {2, 4, 5}) this->act(i, PostAct::destroy);
  EXPECT_EQ(root(1), (std::pair<std::int64_t, Cursor>{0, 0}));
}

TYPED_TEST(PostConformance, F15_WhatIsUnreadTellsMentionsOfOneAndOfEveryone) {
  for (int i = 1; i <= 5; ++i) {
    Post one = post(i, "m" + std::to_string(i), i == 5 ? "bob" : "alice");
    if (i == 2) one.mentions = {"carol", "bob", std::string(kEveryone)};
    if (i == 3) one.mentions = {"bob"};
    if (i == 4) one.mentions = {"carol"};
    if (i == 5) one.mentions = {"bob"};
    this->one(PutPost{one});
  }
  this->one(PutLevel{kRoses, "bob", NotifyLevel::mentions});
  this->one(PutLevel{kTulips, "bob", NotifyLevel::none});
  this->backend_.reopen();
  const auto state = [&](const std::string& user) {
    return *this->store().read_state(kRoses, user);
  };
  EXPECT_EQ(state("bob").unread, 4);
  EXPECT_EQ(state("bob").mentions, 2) << "twice in one message is once, one's own do not count";
  EXPECT_EQ(state("bob").level, NotifyLevel::mentions);
  EXPECT_EQ(state("carol").mentions, 2);
  EXPECT_EQ(state("dave").mentions, 1);
  EXPECT_EQ(state("dave").level, NotifyLevel::all);
  EXPECT_EQ(this->store().read_state(kTulips, "bob")->level, NotifyLevel::none);
  EXPECT_THAT((*this->store().post(guid(2)))->mentions, ElementsAre("carol", "bob", kEveryone));
  this->act(3, PostAct::hide);
  EXPECT_EQ(state("bob").mentions, 1);
  this->act(2, PostAct::take_back);
  EXPECT_EQ(state("dave").mentions, 0);
  EXPECT_THAT((*this->store().post(guid(2)))->mentions, IsEmpty());
  this->act(3, PostAct::show);
  this->one(PutMark{kRoses, "bob", 3});
  EXPECT_EQ(state("bob").mentions, 0);
}

TYPED_TEST(PostConformance, F74_WhatIsOlderIsForgottenWithEverythingAboutIt) {
  for (int i = 1; i <= 5; ++i) this->one(PutPost{post(i, "canary " + std::to_string(i))});
  this->one(PutPost{post(6, "canary 6", "alice", kTulips)});
  this->act(1, PostAct::edit, "canary 1, again");
  this->act(1, PostAct::react, "+1", "bob");
  this->act(2, PostAct::destroy);
  EXPECT_EQ(this->store().last_swept().value_or(-1), 0);
  const auto expire = [&](Millis before) {
    return this->one(ExpirePosts{.channel = kRoses, .before = before, .now = kTestTime + 9});
  };
  EXPECT_EQ(expire(kTestTime).accepted, Accepted::repeated);
  const Written done = expire(kTestTime + 4);
  EXPECT_EQ(done.accepted, Accepted::stored);
  EXPECT_THAT(done.cursors, ElementsAre(3));
  this->backend_.reopen();
  EXPECT_EQ(this->store().last_swept().value_or(-1), kTestTime + 9);
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), ElementsAre("canary 4", "canary 5"));
  EXPECT_FALSE((*this->store().post(guid(1))).has_value());
  EXPECT_THAT(this->search("canary"), ElementsAre("canary 6", "canary 5", "canary 4"));
  EXPECT_EQ(this->store().read_state(kRoses, "bob")->unread, 2);
  EXPECT_EQ(expire(kTestTime + 9).accepted, Accepted::stored);
  // In one batch with a message that is written there: it has its own key, whatever was there.
  const std::vector<Write> both = {
      ExpirePosts{.channel = kTulips, .before = kTestTime + 9, .now = kTestTime + 9},
      PutPost{post(7, "canary 7")}};
  ASSERT_TRUE(this->store().commit(both));
  this->backend_.reopen();
  EXPECT_THAT(this->search("canary"), ElementsAre("canary 7"));
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), ElementsAre("canary 7"));
  EXPECT_EQ((*this->store().post(guid(7)))->cursor, 9) << "cursors go on";
}

TYPED_TEST(PostConformance, F16_MessagesDisappearWhenTheirTimeIsOver) {
  for (int i = 1; i <= 3; ++i) {
    Post one = post(i, "canary " + std::to_string(i), "alice", i == 3 ? kTulips : kRoses);
    if (i > 1) one.expires = kTestTime + 100 * i;
    this->one(PutPost{one});
  }
  EXPECT_EQ((*this->store().post(guid(2)))->expires, kTestTime + 200);
  EXPECT_EQ(this->store().next_expiry().value_or(-1), kTestTime + 200);
  EXPECT_EQ(this->one(ExpirePosts{.before = kTestTime + 199}).accepted, Accepted::repeated);
  EXPECT_EQ(this->one(ExpirePosts{.before = kTestTime + 200}).accepted, Accepted::stored);
  EXPECT_THAT(this->search("canary"), ElementsAre("canary 3", "canary 1"));
  EXPECT_EQ(this->store().next_expiry().value_or(-1), kTestTime + 300);
  EXPECT_EQ(this->one(ExpirePosts{.before = kTestTime + 300}).accepted, Accepted::stored);
  EXPECT_EQ(this->store().next_expiry().value_or(-1), 0);
  EXPECT_THAT(this->search("canary"), ElementsAre("canary 1"));
}

TYPED_TEST(PostConformance, F72_AReportKeepsWhatAMessageSaid) {
  for (int i = 1; i <= 4; ++i) this->one(PutPost{post(i, "canary " + std::to_string(i))});
  const auto report = [&](int number, const std::string& user) {
    return this
        ->one(
            PutReport{.post = guid(number), .user = user, .text = "why " + user, .time = kTestTime})
        .accepted;
  };
  EXPECT_EQ(report(1, "bob"), Accepted::stored);
  EXPECT_EQ(report(1, "bob"), Accepted::repeated);
  EXPECT_EQ(report(1, "carol"), Accepted::stored);
  EXPECT_EQ(report(2, "bob"), Accepted::stored);
  EXPECT_EQ(report(3, "bob"), Accepted::stored);
  EXPECT_EQ(report(9, "bob"), Accepted::conflict);
  this->act(1, PostAct::edit, "parrot");
  this->act(1, PostAct::erase);
  this->act(2, PostAct::destroy);
  EXPECT_EQ(report(2, "dave"), Accepted::conflict);
  this->backend_.reopen();
  const auto listed = [&](std::int64_t row, std::size_t limit) {
    const std::array both = {kRoses, kTulips};
    return this->store().reports(both, row, limit).value();
  };
  const auto all = listed(0, 10);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].content, "canary 1");
  EXPECT_EQ(all[0].text, "why bob");
  EXPECT_EQ(all[1].user, "carol");
  EXPECT_EQ(all[1].author, "alice");
  EXPECT_EQ(all[1].revision, 1);
  EXPECT_EQ(all[2].post, guid(3));
  EXPECT_EQ(listed(all[0].row, 1).size(), 1U);
  EXPECT_EQ(listed(all[0].row, 1)[0].user, "carol");
  EXPECT_THAT(this->store().reports(std::array{kTulips}, 0, 10).value(), IsEmpty());
  EXPECT_EQ(this->one(CloseReports{guid(1)}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(CloseReports{guid(1)}).accepted, Accepted::repeated);
  this->one(ExpirePosts{.channel = kRoses, .before = kTestTime + 9, .now = kTestTime + 9});
  EXPECT_THAT(listed(0, 10), IsEmpty());
}

TYPED_TEST(PostConformance, ADroppedChannelIsGoneAtOnceAndSweptLater) {
  for (int i = 1; i <= 300; ++i) this->one(PutPost{post(i, "m")});
  this->one(PutPost{post(301, "m", "bob", kTulips)});
  this->one(PutMark{kRoses, "bob", 3});
  this->one(DropChannel{kRoses});
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), IsEmpty());
  EXPECT_EQ(this->store().post(guid(1))->has_value(), false);
  EXPECT_THAT(this->search("m"), ElementsAre("m"));
  this->backend_.reopen();
  this->clean();
  EXPECT_THAT(this->search("m"), ElementsAre("m"));
  EXPECT_EQ(this->store().read_state(kRoses, "bob")->upto, 0);
}

TYPED_TEST(PostConformance, A44_AWriteIsDoneOnlyWhenTheHubHasTheChangeItRestsOn) {
  this->one(PutHubChange{"hub", 1, "a"});
  const std::array<Write, 8> batch{PutHubChange{"hub", 3, "c"}, RequireHub{"hub", 3},
                                   PutPost{post(1, "not")},     PutPost{post(2, "free")},
                                   RequireHub{"hub", 1},        PutPost{post(3, "rests")},
                                   RequireHub{"none", 1},       DropChannel{kRoses}};
  const auto done = this->store().commit(batch);
  ASSERT_TRUE(done) << to_string(done.error());
  std::vector<bool> stored;
  for (const Written& one : *done) stored.push_back(one.accepted == Accepted::stored);
  EXPECT_THAT(stored, ElementsAre(false, false, false, true, true, true, false, false));
  EXPECT_THAT(this->page(PostPage::Order::forward, 0), ElementsAre("free", "rests"));
  EXPECT_EQ(this->one(RequireHub{}).accepted, Accepted::stored);
}

TEST(SpacedWords, PutSpacesAroundCharactersThatAreWords) {
  EXPECT_EQ(spaced_words("a中国b"), "a 中  国 b");
  EXPECT_EQ(spaced_words("plain"), "plain");
}

}  // namespace
}  // namespace dim
