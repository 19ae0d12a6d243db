#include "tui/view.h"

#include <gmock/gmock.h>

#include "tui/curses.h"

namespace dim::tui {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Message said(const std::string& id, const std::string& author, const std::string& text) {
  return {.id = id,
          .day = "Thursday 26 November 2026",
          .clock = "16:52",
          .author = author,
          .author_id = "id-" + author,
          .text = text};
}
Message mine(const std::string& id, const std::string& text, Progress progress) {
  Message out = said(id, "you", text);
  out.mine = true;
  out.progress = progress;
  return out;
}

class View : public testing::Test {
 protected:
  View() {
    set_locale();
    model.me = "alice";
    model.station = "[::1]:8800";
    model.connection = Connection::connected;
    Conversation bobby{.id = "bobby", .title = "bobby", .about = "secure, old protocol"};
    bobby.loaded = true;
    bobby.messages = {said("m1", "bobby", "Lunch?"), mine("m2", "At one.", Progress::read)};
    model.add(bobby);
    Conversation general{.id = "general",
                         .kind = Kind::channel,
                         .title = "general",
                         .hub = "gardeners",
                         .hub_id = "hub"};
    general.unread = 12;
    model.add(general);
    model.select(0);
  }

  std::string shown(Size size) const {
    const Screen screen = draw(model, size);
    std::string out;
    for (int row = 0; row < size.rows; ++row) out += screen.row(row) + "\n";
    return out;
  }
  static std::string text_of(const std::vector<Row>& rows) {
    std::string out;
    for (const Row& row : rows) {
      for (const Piece& piece : row.pieces) out += piece.text;
      while (out.ends_with(' ')) out.pop_back();
      out += '\n';
    }
    return out;
  }
  std::string rows(int width) { return text_of(rows_of(*model.now(), width, model.ids)); }

  Model model;
};

TEST_F(View, At80x24EverythingIsThere) {
  const std::string all = shown({24, 80});
  EXPECT_THAT(all, StartsWith("People              │ bobby · secure, old protocol\n"));
  EXPECT_THAT(all, HasSubstr("  bobby             │───"));
  EXPECT_THAT(all, HasSubstr(" Thursday 26 November 2026 "));
  EXPECT_THAT(all, HasSubstr("│16:52 bobby: Lunch?\n"));
  EXPECT_THAT(all, HasSubstr("16:52 you: At one.  ✓✓ read\n"));
  EXPECT_THAT(all, HasSubstr("gardeners           │"));
  EXPECT_THAT(all, HasSubstr("# general         12│"));
  EXPECT_THAT(all, HasSubstr(" alice · connected to [::1]:8800"));
  EXPECT_THAT(all, HasSubstr("F1 help\n>\n"));
}

TEST_F(View, ANarrowTerminalShowsTheConversationAndHowMuchWaitsElsewhere) {
  const std::string all = shown({10, 40});
  EXPECT_THAT(all, StartsWith(" +12 bobby · secure, old protocol\n"));
  EXPECT_THAT(all, HasSubstr("16:52 you: At one.  ✓✓ read\n"));
  EXPECT_THAT(all, Not(HasSubstr("People")));
}

TEST_F(View, NoSizeBreaksIt) {
  model.conversations[0].messages.push_back(said("m3", "a very long name of somebody (0x95E6…)",
                                                 "你好 long words\n\nsupercalifragilistic"));
  model.conversations[0].composer.insert("a\nb\nc\nd\ne\nf\ng 你好");
  for (const int rows : {1, 2, 3, 4, 5, 10, 24, 60, 200}) {
    for (const int columns : {1, 2, 5, 12, 20, 40, 59, 60, 80, 200, 500}) {
      const Screen screen = draw(model, {rows, columns});
      EXPECT_LT(screen.cursor.row, rows);
      EXPECT_LT(screen.cursor.column, columns);
      EXPECT_GE(screen.cursor.row, 0);
      scroll(model, {rows, columns}, 3);
      show_selected(model, {rows, columns});
      scroll(model, {rows, columns}, -100);
    }
  }
}

TEST_F(View, LongTextGoesOnIndentedAndFurtherLinesSayThatTheyAre) {
  model.now()->messages = {said("m1", "bobby", "one two three four five\nsix")};
  EXPECT_EQ(rows(24),
            "─ Thursday 26 Novembe… ─\n"
            "16:52 bobby: one two\n"
            "      three four five\n"
            "      │ six\n");
}

TEST_F(View, C11_NoTextPosesAsAnotherMessageOrDrivesTheTerminal) {
  model.now()->messages = {said("m1", "bobby\n16:53 carol",
                                "hi\n16:53 carol: I am carol\x1b[2J\xE2\x80\xAE"
                                "evil")};
  const std::string all = rows(60);
  EXPECT_THAT(all, HasSubstr("16:52 bobby\\u{A}16:53 carol: hi\n"));
  EXPECT_THAT(all, HasSubstr("\n      │ 16:53 carol: I am carol\\u{1B}[2J\\u{202E}evil\n"));
  model.now()->title = "evil\x1b]0;x\x07";
  model.now()->about = "\x1b[31m";
  model.notice = "\x1b[2J";
  EXPECT_THAT(shown({24, 80}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(shown({24, 80}), HasSubstr("evil\\u{1B}]0;x\\u{7}"));
}

TEST_F(View, MarksOfAMessage) {
  Message one = said("018f3f2a91", "carol", "red ones");
  one.answers = "answers bobby: “Which?”";
  one.labels = {"edited", "pinned"};
  one.reactions = {{"👍", 3}, {"🌹", 1}};
  model.now()->messages = {one, mine("m2", "late", Progress::queued)};
  model.now()->messages.back().cause = "too large";
  model.now()->messages.back().progress = Progress::failed;
  model.ids = true;
  const std::string all = rows(70);
  EXPECT_THAT(all, HasSubstr("16:52 carol: ↳ answers bobby: “Which?”\n"
                             "      red ones  [edited]  [pinned]  👍 3  🌹  #3f2a91\n"));
  EXPECT_THAT(all, HasSubstr("16:52 you: late  not sent  [too large]  #m2\n"));
}

TEST_F(View, AnAlarmIsNoWordOfAPerson) {
  Message alarm = said("m3", "bobby", "");
  alarm.alarm = "KEYS CHANGED: bobby: another key";
  model.now()->messages = {alarm};
  EXPECT_THAT(rows(60), HasSubstr("\n16:52 KEYS CHANGED: bobby: another key\n"));
}

TEST_F(View, DaysAndWhatIsNewHaveTheirLines) {
  model.now()->messages.push_back(said("m3", "bobby", "Are you there?"));
  model.now()->messages.back().day = "Friday 27 November 2026";
  model.now()->new_from = "m3";
  const std::string all = rows(40);
  EXPECT_THAT(all, HasSubstr("─ Thursday 26 November 2026 ─"));
  EXPECT_THAT(all, HasSubstr("─ Friday 27 November 2026 ─"));
  EXPECT_LT(all.find("Friday"), all.find("─ new ─"));
  EXPECT_LT(all.find("─ new ─"), all.find("Are you there?"));
}

TEST_F(View, WhatIsSeenStaysWhileNewMessagesComeAndTheSizeChanges) {
  model.now()->messages.clear();
  for (int i = 0; i < 100; ++i)
    model.now()->messages.push_back(
        said("m" + std::to_string(i), "bobby", "number " + std::to_string(i)));
  const Size size{10, 80};
  EXPECT_THAT(shown(size), HasSubstr("number 99\n"));
  EXPECT_FALSE(scroll(model, size, 20));
  const std::string before = shown(size);
  EXPECT_THAT(before, HasSubstr("number 79\n"));
  EXPECT_THAT(before, HasSubstr("↓ 20 more rows: End"));
  model.now()->messages.push_back(said("m100", "bobby", "number 100"));
  EXPECT_THAT(shown(size), HasSubstr("number 79\n"));
  EXPECT_THAT(shown({20, 40}), HasSubstr("number 79\n"));
  EXPECT_TRUE(scroll(model, size, 1'000));
  EXPECT_THAT(shown(size), HasSubstr("number 0\n"));
  EXPECT_FALSE(scroll(model, size, -1'000));
  EXPECT_FALSE(model.now()->anchor);
  EXPECT_THAT(shown(size), HasSubstr("number 100\n"));
}

TEST_F(View, AMarkedMessageIsSeen) {
  model.now()->messages.clear();
  for (int i = 0; i < 50; ++i)
    model.now()->messages.push_back(
        said("m" + std::to_string(i), "bobby", "number " + std::to_string(i)));
  const Size size{10, 80};
  for (int i = 0; i < 20; ++i) {
    select_message(*model.now(), -1);
    show_selected(model, size);
    EXPECT_THAT(shown(size), HasSubstr("number " + std::to_string(49 - i) + "  #m"));
  }
  for (int i = 0; i < 20; ++i) {
    select_message(*model.now(), 1);
    show_selected(model, size);
  }
  EXPECT_FALSE(model.now()->anchor);
}

TEST_F(View, TheComposerGrowsAndShowsWhereOneWrites) {
  model.now()->composer.insert("one\ntwo\n你");
  const Screen screen = draw(model, {24, 80});
  EXPECT_EQ(screen.row(21), "> one");
  EXPECT_EQ(screen.row(22), "  two");
  EXPECT_EQ(screen.row(23), "  你");
  EXPECT_EQ(screen.cursor.row, 23);
  EXPECT_EQ(screen.cursor.column, 4);
  EXPECT_THAT(screen.row(20), HasSubstr("alice"));
}

TEST_F(View, TheConnectionIsToldAsItIs) {
  model.connection = Connection::away;
  model.trouble = "the station cannot be reached";
  model.queued = 2;
  EXPECT_THAT(shown({24, 100}),
              HasSubstr("OFFLINE · 2 not sent yet · the station cannot be reached"));
  model.connection = Connection::connecting;
  EXPECT_THAT(shown({24, 80}), HasSubstr("connecting …"));
}

TEST_F(View, TypingNoticesQuestionsAndChoicesStandInTheStatusLine) {
  model.now()->typing = {"bobby", "carol"};
  EXPECT_THAT(shown({24, 80}), HasSubstr("bobby, carol are typing"));
  model.notice = "saved";
  EXPECT_THAT(shown({24, 80}), HasSubstr("\n saved\n"));
  model.choices = {"bobby", "bonnie"};
  EXPECT_THAT(shown({24, 80}), HasSubstr("\n bobby  bonnie\n"));
  model.question = "Do it?";
  EXPECT_THAT(shown({24, 80}), HasSubstr("\n Do it? [y/N]\n"));
}

TEST_F(View, APagerIsReadInPlaceOfTheConversation) {
  model.pager = Pager{.title = "Found"};
  for (int i = 0; i < 50; ++i)
    model.pager->lines.push_back("line " + std::to_string(i) + "\nand more");
  EXPECT_THAT(shown({10, 80}), HasSubstr("│ Found\n"));
  EXPECT_THAT(shown({10, 80}), HasSubstr("line 0\n"));
  scroll(model, {10, 80}, -1'000);
  EXPECT_THAT(shown({10, 80}), HasSubstr("line 49\n"));
  scroll(model, {10, 80}, 1'000);
  EXPECT_EQ(model.pager->top, 0);
}

TEST_F(View, ColumnsOfAPagerStayColumns) {
  model.pager = Pager{.title = "Help",
                      .lines = {"PageUp        scrolls; at the top older messages are read"}};
  EXPECT_THAT(shown({10, 40}), HasSubstr("PageUp        scrolls; at the top older\n"
                                         "              messages are read\n"));
}

TEST_F(View, AClickMeetsAConversation) {
  EXPECT_EQ(conversation_at(model, {24, 80}, 1, 3), 0);
  EXPECT_EQ(conversation_at(model, {24, 80}, 4, 3), 1);
  EXPECT_EQ(conversation_at(model, {24, 80}, 0, 3), -1);   // a heading
  EXPECT_EQ(conversation_at(model, {24, 80}, 1, 50), -1);  // the conversation
  EXPECT_EQ(conversation_at(model, {24, 80}, 20, 3), -1);
}

TEST_F(View, TheListScrollsToWhatIsCurrent) {
  for (int i = 0; i < 100; ++i)
    model.add({.id = "p" + std::to_string(i), .title = "person " + std::to_string(i)});
  model.select(60);
  EXPECT_THAT(shown({24, 80}), HasSubstr(model.now()->title));
}

TEST_F(View, WithoutAnybodyItSaysHowToBegin) {
  Model nobody;
  nobody.lobby.insert("/join bobby");
  const Screen screen = draw(nobody, {24, 80});
  EXPECT_THAT(screen.row(1), HasSubstr("Nobody to talk with yet."));
  EXPECT_EQ(screen.row(23), "> /join bobby");
}

}  // namespace
}  // namespace dim::tui
