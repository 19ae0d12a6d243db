#include "client/history_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/history.h"
#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A conversation of several parts.
class HistoryWordsTest : public testing::Test {
 protected:
  static constexpr int kMessages = 2'500;

  void SetUp() override {
    ASSERT_TRUE(vault.transaction([&]() -> Status {
      for (int i = 1; i <= kMessages; ++i) {
        if (auto put = write(i, "message " + std::to_string(i)); !put) return put;
      }
      return {};
    }));
  }
  static HistoryEntry entry(int number, std::string text) {
    HistoryEntry out{.guid = std::to_string(number), .peer = fake_user(2).id};
    out.outgoing = true;
    out.content_type = "text";
    out.text = std::move(text);
    return out;
  }
  Status write(int number, std::string text) {
    return history.put(entry(number, std::move(text)), JsonObject());
  }
  std::vector<std::string> found(std::string_view words) {
    std::vector<std::string> out;
    const auto page = history.search(fake_user(2).id, words, {}, kFakeNow);
    EXPECT_TRUE(page);
    for (const HistoryEntry& one : page->entries) out.push_back(one.guid);
    return out;
  }
  std::int64_t parts() { return vault.count(bucket()).value(); }
  static std::string bucket() { return "words of history " + fake_user(2).id.bare().text(); }
  /// Some part has the number of this word.
  bool is_known(std::string_view word) {
    const std::uint32_t number = WordSearch::of(word)->wanted().at(0);
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(number >> shift & 0xFF);
    const auto rows = vault.list(bucket());
    return std::ranges::any_of(*rows, [&](const auto& row) {
      for (std::size_t at = 0; at + 4 <= row.body.size(); at += 4) {
        if (row.body.compare(at, 4, bytes) == 0) return true;
      }
      return false;
    });
  }

  Vault vault = Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();
  History history{vault};
};

TEST_F(HistoryWordsTest, F17_WhatIsInAPartAndWhatIsNewerIsFound) {
  EXPECT_EQ(parts(), 0);
  for (const int one : {1, 1'000, 1'001, 1'777, 2'000, 2'001, 2'500})
    EXPECT_THAT(found("message " + std::to_string(one)), ElementsAre(std::to_string(one)));
  EXPECT_EQ(parts(), 2) << "whole ones";
  EXPECT_THAT(found("nowhere"), IsEmpty());
  EXPECT_THAT(found("message 2501"), IsEmpty());
  ASSERT_TRUE(write(2'501, "message 2501"));
  EXPECT_THAT(found("message 2501"), ElementsAre("2501"));
}

TEST_F(HistoryWordsTest, F17_PagesGoOnAcrossParts) {
  std::vector<std::string> all;
  HistoryPart part{.limit = 700};
  for (int pages = 0; pages < 10; ++pages) {
    const HistoryPage page = history.search(fake_user(2).id, "message", part, kFakeNow).value();
    for (const HistoryEntry& one : page.entries) all.push_back(one.guid);
    if (!page.next) break;
    part.before = page.next;
  }
  ASSERT_THAT(all, SizeIs(kMessages));
  for (int i = 0; i < kMessages; ++i)
    EXPECT_EQ(all[static_cast<std::size_t>(i)], std::to_string(kMessages - i));
}

TEST_F(HistoryWordsTest, F17_N1_WhatIsEditedOrGoneIsInNoPart) {
  ASSERT_TRUE(write(500, "a canary sings"));
  EXPECT_THAT(found("canary"), ElementsAre("500"));
  EXPECT_TRUE(is_known("canary"));
  // Edited.
  ASSERT_TRUE(write(500, "a parrot speaks"));
  EXPECT_THAT(found("canary"), IsEmpty());
  EXPECT_FALSE(is_known("canary"));
  EXPECT_THAT(found("parrot"), ElementsAre("500"));
  EXPECT_EQ(parts(), 2) << "the part was made anew";
  // Destroyed: before anything is made anew nothing knows of it.
  ASSERT_TRUE(history.erase(entry(500, "a parrot speaks")));
  EXPECT_EQ(parts(), 1);
  EXPECT_THAT(found("parrot"), IsEmpty());
  EXPECT_FALSE(is_known("parrot"));
  EXPECT_THAT(found("message 499"), ElementsAre("499")) << "the others are there";
  EXPECT_THAT(found("message 501"), ElementsAre("501"));
}

TEST_F(HistoryWordsTest, F16_F17_WhatHasDisappearedIsInNoPart) {
  HistoryEntry one = entry(700, "a canary sings");
  one.expires = kFakeNow + 1'000;
  ASSERT_TRUE(history.put(one, JsonObject()));
  EXPECT_THAT(found("canary"), ElementsAre("700"));
  ASSERT_THAT(history.expire(kFakeNow + 1'000).value(), ElementsAre("700"));
  EXPECT_FALSE(is_known("canary"));
  EXPECT_THAT(found("canary"), IsEmpty());
}

TEST_F(HistoryWordsTest, WhatIsNoPartIsRefused) {
  ASSERT_TRUE(vault.put(bucket(), "1", "short"));
  EXPECT_EQ(history.search(fake_user(2).id, "message", {}, kFakeNow).error().code, Errc::io);
}

}  // namespace
}  // namespace dim
