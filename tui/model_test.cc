#include "tui/model.h"

#include <gmock/gmock.h>

namespace dim::tui {
namespace {

using testing::ElementsAre;

Conversation person(const std::string& name) { return {.id = "id-" + name, .title = name}; }

Conversation channel(const std::string& name, std::int64_t position) {
  return {.id = "id-" + name,
          .kind = Kind::channel,
          .title = name,
          .hub = "gardeners",
          .hub_id = "hub",
          .place = {-1, position}};
}

std::vector<std::string> titles(const Model& model) {
  std::vector<std::string> out;
  for (const Conversation& one : model.conversations) out.push_back(one.title);
  return out;
}

TEST(TuiModel, TheListIsInAStableOrderAndWhatIsCurrentStaysSo) {
  Model model;
  model.add(channel("roses", 2));
  model.add(person("Bobby"));
  model.select(0);
  EXPECT_EQ(model.now()->title, "Bobby");
  model.add(channel("general", 1));
  model.add({.id = "g", .kind = Kind::group, .title = "friends"});
  model.add(person("alice"));
  EXPECT_THAT(titles(model), ElementsAre("alice", "Bobby", "friends", "general", "roses"));
  EXPECT_EQ(model.now()->title, "Bobby");
  model.find("id-roses")->unread = 5;
  EXPECT_EQ(titles(model).back(), "roses");
  EXPECT_EQ(&model.add(person("alice")), model.find("id-alice"));
  model.remove("id-alice");
  EXPECT_EQ(model.now()->title, "Bobby");
  model.remove("nobody");
}

TEST(TuiModel, NextGoesRoundAndWhatSpeaksToOneComesFirst) {
  Model model;
  EXPECT_FALSE(model.next_unread());
  model.next(1);
  for (const char* name : {"a", "b", "c", "d"}) model.add(channel(name, 0));
  model.select(0);
  model.next(-1);
  EXPECT_EQ(model.now()->title, "d");
  model.next(1);
  EXPECT_EQ(model.now()->title, "a");
  EXPECT_FALSE(model.next_unread());
  model.conversations[1].unread = 100;
  model.conversations[2].unread = 1;
  model.conversations[2].names_me = true;
  EXPECT_EQ(model.unread_elsewhere(), 101);
  EXPECT_TRUE(model.next_unread());
  EXPECT_EQ(model.now()->title, "c");
  model.now()->unread = 0;
  EXPECT_TRUE(model.next_unread());
  EXPECT_EQ(model.now()->title, "b");
}

TEST(TuiModel, MessagesAreFoundByTheEndOfTheirId) {
  Conversation one = person("bobby");
  for (const char* id : {"aa11", "bb11", "cc22"})
    one.messages.push_back({.id = id, .day = {}, .clock = {}, .author = {}, .author_id = {}});
  EXPECT_EQ(find_by_digits(one, "22"), &one.messages[2]);
  EXPECT_EQ(find_by_digits(one, "#b11"), &one.messages[1]);
  EXPECT_EQ(find_by_digits(one, "11"), nullptr);  // two
  EXPECT_EQ(find_by_digits(one, ""), nullptr);
  EXPECT_EQ(find_message(one, "aa11"), &one.messages[0]);
  EXPECT_EQ(find_message(one, "11"), nullptr);
  EXPECT_EQ(short_id("018f6f0e7b8c7cc2a1f3b0d5f33f2a91"), "3f2a91");
}

TEST(TuiModel, AMarkGoesFromMessageToMessageAndOffTheNewest) {
  Conversation one = person("bobby");
  select_message(one, -1);
  EXPECT_EQ(one.selected, "");
  for (const char* id : {"1", "2"})
    one.messages.push_back({.id = id, .day = {}, .clock = {}, .author = {}, .author_id = {}});
  select_message(one, 1);
  EXPECT_EQ(one.selected, "");
  select_message(one, -1);
  EXPECT_EQ(one.selected, "2");
  select_message(one, -1);
  select_message(one, -1);
  EXPECT_EQ(one.selected, "1");
  select_message(one, 1);
  select_message(one, 1);
  EXPECT_EQ(one.selected, "");
}

TEST(TuiModel, ANameIsMeantWhereItStandsAsAWord) {
  EXPECT_TRUE(names_person("Alice, are you there?", "alice"));
  EXPECT_TRUE(names_person("ask @ALICE", "alice"));
  EXPECT_TRUE(names_person("alicea and alice", "alice"));
  EXPECT_FALSE(names_person("malice", "alice"));
  EXPECT_FALSE(names_person("alice_2", "alice"));
  EXPECT_FALSE(names_person("éalice", "alice"));
  EXPECT_FALSE(names_person("anything", ""));
}

}  // namespace
}  // namespace dim::tui
