#include "tui/complete.h"

#include <gmock/gmock.h>

namespace dim::tui {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names(Argument kind, std::string_view) {
  if (kind == Argument::person) return {"bobby", "Bonnie", "carol", "carol"};
  if (kind == Argument::place) return {"bobby", "my hub/general", "my hub/roses"};
  return {};
}

/// The line behind TAB at its end.
std::string completed(std::string line, std::vector<std::string>* choices = nullptr) {
  const auto done = complete(line, line.size(), names);
  if (!done) return "nothing";
  line.replace(done->begin, done->end - done->begin, done->by);
  if (choices != nullptr) *choices = done->choices;
  return line;
}

TEST(Complete, CommandsNamesAndPlaces) {
  EXPECT_EQ(completed("/jo"), "/join ");
  EXPECT_EQ(completed("ca"), "carol: ");
  EXPECT_EQ(completed("ask CA"), "ask carol ");
  EXPECT_EQ(completed("/join my hub/g"), "/join my hub/general ");
  EXPECT_EQ(completed("/reply ca"), "/reply carol ");
  EXPECT_EQ(completed("/quit x"), "nothing");
  EXPECT_EQ(completed("zz"), "nothing");
  EXPECT_EQ(completed("hello "), "nothing");
}

TEST(Complete, WhereSeveralFitWhatIsCommonIsWrittenAndAllAreShown) {
  std::vector<std::string> choices;
  EXPECT_EQ(completed("b", &choices), "bo");
  EXPECT_THAT(choices, ElementsAre("Bonnie", "bobby"));
  EXPECT_EQ(completed("/join my", &choices), "/join my hub/");
  EXPECT_THAT(choices, ElementsAre("my hub/general", "my hub/roses"));
  EXPECT_EQ(completed("carol", &choices), "carol: ");
  EXPECT_THAT(choices, IsEmpty());
}

TEST(Commands, ABeginningIsEnoughWhenItIsOfOne) {
  const auto given = parse_command("/jo  my hub/general ");
  ASSERT_TRUE(given);
  ASSERT_NE(given->command, nullptr);
  EXPECT_EQ(given->command->name, "join");
  EXPECT_EQ(given->rest, "my hub/general");
  EXPECT_EQ(parse_command("/re x")->command, nullptr);     // reply, react, remove, read
  EXPECT_EQ(parse_command("/pin")->command->name, "pin");  // and not pins
  EXPECT_EQ(parse_command("/nothing")->command, nullptr);
  EXPECT_EQ(parse_command("/")->command, nullptr);
}

TEST(Commands, TwoSlashesWriteOne) {
  EXPECT_FALSE(parse_command("//etc/passwd"));
  EXPECT_EQ(message_of("//etc/passwd"), "/etc/passwd");
  EXPECT_FALSE(parse_command("hello /join"));
  EXPECT_EQ(message_of("hello"), "hello");
}

TEST(Commands, QuotesHoldWordsTogether) {
  EXPECT_THAT(words_of("hub edit \"my hub\" --topic 'what \"grows\"'  x\\ y ''"),
              ElementsAre("hub", "edit", "my hub", "--topic", "what \"grows\"", "x y", ""));
  EXPECT_THAT(words_of("  "), IsEmpty());
  EXPECT_THAT(words_of("open \"quote"), ElementsAre("open", "quote"));
}

}  // namespace
}  // namespace dim::tui
