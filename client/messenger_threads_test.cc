// What two people say in threads: about one of their messages, beside the rest.
#include "client/attach.h"
#include "client/messenger_fixture.h"
#include "dim/engine/device_link.h"
#include "dim/engine/thread.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MessengerThreadsTest : public MessengerTest {
 protected:
  void SetUp() override { log_in(); }
  HistoryEntry went(std::string_view text, const std::optional<ThreadRoot>& root = {}) {
    Content content(TextContent::make(text, clock.now(), fake_random()));
    EXPECT_TRUE(!root || set_thread(content, *root));
    const auto sent = messenger->send(peer().id, content);
    EXPECT_TRUE(sent);
    return entry_of(sent->guid);
  }
  HistoryEntry came(std::string_view text, const std::optional<ThreadRoot>& root = {}) {
    Content content(TextContent::make(text, clock.now(), fake_random()));
    EXPECT_TRUE(!root || set_thread(content, *root));
    const std::string guid = Guid::make(kFakeNow + ++number, fake_random()).text();
    push(from(peer(), content), guid);
    return entry_of(guid);
  }
  ThreadRoot root_of(const HistoryEntry& entry) { return messenger->thread_root(entry).value(); }
  std::vector<std::string> thread(const ThreadRoot& root, const HistoryPart& part = {}) {
    std::vector<std::string> out;
    const auto page = messenger->thread(peer().id, root, part);
    next = page->next;
    for (const HistoryEntry& entry : page->entries) out.push_back(entry.text);
    return out;
  }
  int number = 0;
  std::optional<std::int64_t> next;
};

TEST_F(MessengerThreadsTest, F24_BothSpeakInAThreadAboutAMessageOfEither) {
  const HistoryEntry theirs = came("roses or tulips?");
  const HistoryEntry mine = went("the fence is broken");
  const ThreadRoot flowers = root_of(theirs), fence = root_of(mine);
  went("roses", flowers);
  came("the fence? since when?", fence);
  const HistoryEntry last = came("roses it is", flowers);
  EXPECT_THAT(thread(flowers), ElementsAre("roses", "roses it is"));
  EXPECT_THAT(thread(fence), ElementsAre("the fence? since when?"));
  EXPECT_EQ(messenger->answers(theirs).value(), 2);
  EXPECT_EQ(messenger->answers(mine).value(), 1);
  ASSERT_TRUE(last.thread);
  EXPECT_EQ(last.thread->guid, theirs.guid);
  EXPECT_EQ(messenger->entry_of(peer().id, *last.thread).value()->text, "roses or tulips?");
  EXPECT_EQ(messenger->history(peer().id, 10)->size(), 5U) << "they are messages like any other";
  EXPECT_EQ(messenger->unread()->size(), 3U);
}

TEST_F(MessengerThreadsTest, F24_AThreadHasOneLevel) {
  const HistoryEntry theirs = came("roses or tulips?");
  const HistoryEntry answer = came("or lilies", root_of(theirs));
  EXPECT_TRUE(root_of(answer).is_same(root_of(theirs)));
  EXPECT_EQ(messenger->answers(answer).value(), 0);
}

TEST_F(MessengerThreadsTest, F24_AThreadIsReadInPagesOfBothDirections) {
  const ThreadRoot root = root_of(came("count"));
  for (int i = 1; i <= 5; ++i) came(std::to_string(i), root);
  EXPECT_THAT(thread(root, {.limit = 2}), ElementsAre("4", "5"));
  EXPECT_THAT(thread(root, {.before = next, .limit = 2}), ElementsAre("2", "3"));
  EXPECT_THAT(thread(root, {.before = next, .limit = 2}), ElementsAre("1"));
  EXPECT_FALSE(next);
  EXPECT_THAT(thread(root, {.after = 0, .limit = 3}), ElementsAre("1", "2", "3"));
  EXPECT_THAT(thread(root, {.after = next, .limit = 3}), ElementsAre("4", "5"));
}

TEST_F(MessengerThreadsTest, F24_A14_WhatNamesNothingHereIsAMessageAllTheSame) {
  const HistoryEntry theirs = came("roses or tulips?");
  const ThreadRoot unknown{.sender = peer().id, .sn = 77, .guid = theirs.guid};
  const HistoryEntry odd = came("about nothing", unknown);
  EXPECT_EQ(odd.text, "about nothing");
  EXPECT_EQ(messenger->answers(theirs).value(), 0) << "the GUID alone names nothing";
  EXPECT_EQ(odd.thread->guid, "") << "nor is it shown as an answer to that one";
  EXPECT_FALSE(messenger->entry_of(peer().id, *odd.thread).value());
  ThreadRoot as_me = root_of(theirs);
  as_me.sender = home.account().id;
  came("as if it were mine", as_me);
  EXPECT_EQ(messenger->answers(theirs).value(), 0);
}

TEST_F(MessengerThreadsTest, F24_TheRootIsFoundUnderAnotherNameToo) {
  const HistoryEntry theirs = came("roses or tulips?");
  ThreadRoot root = root_of(theirs);
  root.guid = Guid::make(kFakeNow, fake_random()).text();  // of another station
  EXPECT_EQ(came("roses", root).thread->guid, theirs.guid);
  root.guid.clear();
  EXPECT_EQ(came("tulips", root).thread->guid, theirs.guid);
  EXPECT_THAT(thread(root), ElementsAre("roses", "tulips"));
}

TEST_F(MessengerThreadsTest, F12_F16_F24_WhatIsTakenBackOrOverStandsInNoThread) {
  const HistoryEntry theirs = came("roses or tulips?");
  const ThreadRoot root = root_of(theirs);
  const HistoryEntry back = went("roses", root), gone = went("tulips", root);
  Content brief(TextContent::make("lilies", clock.now(), fake_random()));
  set_expiry(std::get<TextContent>(brief), clock.now() + 60'000);
  ASSERT_TRUE(set_thread(brief, root));
  ASSERT_TRUE(messenger->send(peer().id, brief));
  went("none", root);
  EXPECT_EQ(messenger->answers(theirs).value(), 4);
  ASSERT_TRUE(messenger->change_message(entry_of(back.guid), MessageAct::remove));
  ASSERT_TRUE(messenger->change_message(entry_of(gone.guid), MessageAct::destroy));
  clock.passed += 61'000;
  messenger->tick();
  EXPECT_THAT(thread(root), ElementsAre("none"));
  EXPECT_EQ(messenger->answers(theirs).value(), 1);
}

TEST_F(MessengerThreadsTest, F24_WhatAnotherDeviceHasSentStandsInItsThread) {
  const Account& me = home.account();
  const HistoryEntry theirs = came("roses or tulips?");
  Content said(TextContent::make("roses", clock.now(), fake_random()));
  ASSERT_TRUE(set_thread(said, root_of(theirs)));
  CustomizedContent note =
      CustomizedContent::make("chat.dim.device", "sent", "note", clock.now(), fake_random());
  note.rest.set("peer", peer().id.text());
  note.rest.set("guid", Guid::make(kFakeNow, fake_random()).text());
  note.rest.set("said", encode_content(said));
  push(from(me, Content(note)));
  EXPECT_THAT(thread(root_of(theirs)), ElementsAre("roses"));
}

TEST_F(MessengerThreadsTest, F24_PassedOnItLeavesItsThreadBehind) {
  const HistoryEntry theirs = came("roses or tulips?");
  FileContent file = FileContent::make(FileParts::embedded("rose.txt", Bytes{'r', 'o', 's', 'e'}),
                                       clock.now(), fake_random());
  Content content(std::move(file));
  ASSERT_TRUE(set_thread(content, root_of(theirs)));
  const auto sent = messenger->send(peer().id, content);
  ASSERT_TRUE(sent);
  const HistoryEntry entry = entry_of(sent->guid);
  const auto passed_on = forwarded(entry, messenger->content(entry).value(), home.account().id,
                                   "Forwarded", clock.now(), fake_random());
  ASSERT_TRUE(passed_on);
  EXPECT_FALSE(thread_of(*passed_on));
  EXPECT_FALSE(encode_content(*passed_on).contains("thread"));
}

}  // namespace
}  // namespace dim
