#include "cli/hub_options.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace dim {
namespace {

using testing::ElementsAre;

/// Parses as `dim` does; nothing where the command line is wrong.
std::optional<HubOptions> parsed(std::vector<std::string> words) {
  CLI::App app;
  app.require_subcommand(1);
  HubOptions out;
  add_hub_verbs(app, out);
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError&) {
    return std::nullopt;
  }
  return out;
}

TEST(HubOptions, F20_VerbsTakeWhatTheyNeed) {
  const auto created = parsed({"hub", "create", "gardeners", "--topic", "roses"});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->verb, "hub");
  EXPECT_EQ(created->action, "create");
  EXPECT_EQ(created->name, "gardeners");
  EXPECT_TRUE(created->topic_given);
  const auto cleared = parsed({"channel", "edit", "h/c", "--category", ""});
  ASSERT_TRUE(cleared);
  EXPECT_TRUE(cleared->category_given);
  EXPECT_EQ(cleared->category, "");
  EXPECT_FALSE(cleared->topic_given);
  const auto role = parsed({"role", "create", "h", "keeper", "moderate", "ban", "--rank", "5"});
  ASSERT_TRUE(role);
  EXPECT_THAT(role->permissions, ElementsAre("moderate", "ban"));
  EXPECT_EQ(role->rank, 5);
  const auto reaction = parsed({"react", "h/c", "3f2a91", "ok", "--off"});
  ASSERT_TRUE(reaction);
  EXPECT_EQ(reaction->message, "3f2a91");
  EXPECT_EQ(reaction->symbol, "ok");
  EXPECT_TRUE(reaction->off);
  const auto destroy = parsed({"destroy", "h/c", "3f2a91", "--yes", "--wait", "60"});
  ASSERT_TRUE(destroy);
  EXPECT_EQ(destroy->message, "3f2a91");
  EXPECT_TRUE(destroy->yes);
  EXPECT_EQ(destroy->wait_s, 60);
  EXPECT_FALSE(parsed({"destroy", "h/c"}));
  EXPECT_TRUE(parsed({"ban", "h"}));
  EXPECT_TRUE(parsed({"unread"}));
  const auto post = parsed({"post", "h/c", "hello", "--thread", "3f2a91", "--expires", "30m"});
  ASSERT_TRUE(post);
  EXPECT_EQ(post->thread, "3f2a91");
  EXPECT_EQ(post->expires, "30m");
  const auto files = parsed({"post", "h/c", "--file", "a.png", "Look", "--file", "b.ogg"});
  ASSERT_TRUE(files);
  EXPECT_THAT(files->files, ElementsAre("a.png", "b.ogg"));
  EXPECT_EQ(files->text, "Look");
  EXPECT_EQ(parsed({"post", "h/c", "--file", "a.png"})->text, "");
  const auto thread = parsed({"thread", "h/c", "3f2a91", "--after", "4"});
  ASSERT_TRUE(thread);
  EXPECT_EQ(thread->after, 4);
  EXPECT_EQ(parsed({"notify", "h/c", "none"})->level, "none");
  EXPECT_TRUE(parsed({"notify", "h/c"}));
  EXPECT_FALSE(parsed({"notify", "h/c", "loud"}));
  EXPECT_EQ(parsed({"channel", "edit", "h/c", "--retention", "30", "--yes"})->retention, 30);
  EXPECT_FALSE(parsed({"channel", "edit", "h/c", "--retention", "3651"}));
}

TEST(HubOptions, F20_AChannelIsMadeUnderTheNameThatItHasLater) {
  for (const auto& words : {std::vector<std::string>{"channel", "create", "gardeners", "roses"},
                            std::vector<std::string>{"channel", "create", "gardeners/roses"}}) {
    const auto created = parsed(words);
    ASSERT_TRUE(created);
    EXPECT_EQ(created->action, "create");
    EXPECT_EQ(created->place, "gardeners");
    EXPECT_EQ(created->name, "roses");
  }
  for (const char* const nameless : {"gardeners", "gardeners/", ""})
    EXPECT_FALSE(parsed({"channel", "create", nameless})) << nameless;
}

TEST(HubOptions, WrongCommandLinesAreRefused) {
  EXPECT_FALSE(parsed({"hub"}));
  EXPECT_FALSE(parsed({"hub", "create"}));
  EXPECT_FALSE(parsed({"channel", "create", "h", "c", "--kind", "secret"}));
  EXPECT_FALSE(parsed({"role", "create", "h", "r", "--rank", "-1"}));
  EXPECT_FALSE(parsed({"channel", "allow", "h/c", "everyone"}));
  EXPECT_FALSE(parsed({"post", "h/c"}));
  EXPECT_FALSE(parsed({"search", "h", "words", "--limit", "0"}));
}

TEST(HubOptions, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("90s"), 90'000);
  EXPECT_EQ(parse_duration("30m"), 1'800'000);
  EXPECT_EQ(parse_duration("12h"), 43'200'000);
  EXPECT_EQ(parse_duration("7d"), 604'800'000);
  for (const char* const wrong : {"", "7", "d", "0d", "-1d", "7w", "7 d", "1.5h", "99999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace dim
