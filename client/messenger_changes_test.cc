// Messages between people that their author has changed or taken away.
#include "client/messenger_fixture.h"
#include "dim/base/base64.h"
#include "dim/engine/message_change.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class MessengerChangesTest : public MessengerTest {
 protected:
  void SetUp() override { log_in(); }
  static std::string guid_of(int number) {
    return Guid::make(kFakeNow + number, fake_random()).text();
  }
  /// Comes from the peer, and is shown.
  std::pair<std::string, Digest32> came(std::string_view text) {
    const SignedMessage message = from_peer(text);
    const std::string guid = guid_of(++number);
    push(message, guid);
    return {guid, message_hash(message)};
  }
  void change(const Account& who, MessageAct act, const std::pair<std::string, Digest32>& message,
              std::string text = {}, std::int64_t revision = 2) {
    push(from(who, message_change_content({.act = act,
                                           .guid = message.first,
                                           .hash = message.second,
                                           .text = std::move(text),
                                           .revision = revision},
                                          clock.now(), fake_random())));
  }
  std::vector<HistoryEntry> history() { return messenger->history(peer().id, 100).value(); }
  /// What the client has sent to the peer about messages.
  std::vector<MessageChange> told() {
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    std::vector<MessageChange> out;
    for (const Packet& packet : std::exchange(station.requests[Lane::text], {})) {
      if (packet.operation != Operation::create) continue;
      accept(packet);
      const auto message = SignedMessage::parse(packet.content.value_or(""));
      if (!message) continue;
      const auto opened = open(*message, peer(), known, {}, clock.now());
      const auto content = opened ? decode_content(opened->message.content)
                                  : Result<Content>(fail(Errc::content, "none"));
      if (const auto one = content ? read_message_change(*content)
                                   : Result<MessageChange>(fail(Errc::content, "none")))
        out.push_back(*one);
    }
    return out;
  }
  int number = 0;
};

TEST_F(MessengerChangesTest, F11_AnEditIsShownAndTheEarlierTextsStay) {
  const auto message = came("the frist text");
  change(peer(), MessageAct::edit, message, "the first text", 2);
  change(peer(), MessageAct::edit, message, "the last text", 3);
  change(peer(), MessageAct::edit, message, "out of order", 2);
  ASSERT_THAT(history(), SizeIs(1)) << "changes are no messages";
  const HistoryEntry entry = history()[0];
  EXPECT_EQ(entry.text, "the last text");
  EXPECT_EQ(entry.revision, 3);
  EXPECT_GT(entry.edited, 0);
  EXPECT_EQ(*messenger->content(entry)->value().text("text"), "the last text");
  const auto earlier = messenger->earlier_texts(entry).value();
  ASSERT_THAT(earlier, SizeIs(2));
  EXPECT_EQ(earlier[0].content, "the frist text");
  EXPECT_EQ(earlier[1].content, "the first text");
  EXPECT_EQ(earlier[1].number, 2);
}

TEST_F(MessengerChangesTest, F12_TakenBackThePlaceStaysDeletedItGoes) {
  const auto first = came("one");
  const auto second = came("two");
  change(peer(), MessageAct::edit, first, "one!");
  change(peer(), MessageAct::remove, first);
  change(peer(), MessageAct::edit, first, "and yet", 3);
  change(peer(), MessageAct::erase, second);
  ASSERT_THAT(history(), SizeIs(1));
  const HistoryEntry entry = history()[0];
  EXPECT_TRUE(entry.removed);
  EXPECT_EQ(entry.text, "");
  EXPECT_FALSE(messenger->content(entry).value());
  EXPECT_THAT(messenger->earlier_texts(entry).value(), IsEmpty());
  EXPECT_THAT(messenger->unread().value(), SizeIs(1)) << "nobody is to see what was deleted";
}

TEST_F(MessengerChangesTest, F12_A14_OnlyTheAuthorChangesAMessage) {
  const auto message = came("mine");
  know(fake_user(3));
  const std::string own = send("yours");
  for (const Packet& packet : std::exchange(station.requests[Lane::text], {})) accept(packet);
  const Digest32 own_hash = [&] {
    Digest32 out{};
    std::ranges::copy(from_base64(entry_of(own).hash).value(), out.begin());
    return out;
  }();
  for (const MessageAct act :
       {MessageAct::edit, MessageAct::remove, MessageAct::erase, MessageAct::destroy}) {
    change(fake_user(3), act, message, act == MessageAct::edit ? "forged" : "");
    change(peer(), act, {own, own_hash}, act == MessageAct::edit ? "forged" : "");
    change(peer(), act, {message.first, sha256(as_bytes(std::string_view("another")))},
           act == MessageAct::edit ? "forged" : "");
  }
  ASSERT_THAT(history(), SizeIs(2));
  for (const HistoryEntry& entry : history()) {
    EXPECT_EQ(entry.text, entry.outgoing ? "yours" : "mine");
    EXPECT_EQ(entry.revision, 1);
    EXPECT_FALSE(entry.removed);
  }
}

TEST_F(MessengerChangesTest, F12_WhatComesAfterItsDeletionIsDropped) {
  const SignedMessage late = from_peer("held up on the way");
  change(peer(), MessageAct::erase, {guid_of(7), message_hash(late)});
  push(late, guid_of(8));
  EXPECT_THAT(history(), IsEmpty());
  EXPECT_THAT(messenger->unread().value(), IsEmpty());
}

TEST_F(MessengerChangesTest, N1_DestroyedItIsErasedAndTheDeviceSaysSo) {
  const auto message = came("canary");
  (void)told();
  change(peer(), MessageAct::destroy, message);
  EXPECT_THAT(history(), IsEmpty());
  const auto answers = told();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].act, MessageAct::erased);
  EXPECT_EQ(answers[0].guid, message.first);
  EXPECT_EQ(answers[0].hash, message.second);
  clock.passed += 60'000;
  messenger->tick();
  EXPECT_THAT(told(), IsEmpty()) << "once";
}

TEST_F(MessengerChangesTest, N1_F11_F12_WhatOneDoesToOwnMessagesIsToldAndCounted) {
  const std::string guid = send("my text");
  (void)told();
  const auto edited = messenger->change_message(entry_of(guid), MessageAct::edit, "my better text");
  ASSERT_TRUE(edited) << to_string(edited.error());
  auto sent = told();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].text, "my better text");
  EXPECT_EQ(sent[0].revision, 2);
  EXPECT_EQ(to_base64(sent[0].hash), entry_of(guid).hash);
  EXPECT_EQ(entry_of(guid).text, "my better text");
  ASSERT_TRUE(messenger->change_message(entry_of(guid), MessageAct::destroy));
  EXPECT_THAT(history(), IsEmpty());
  sent = told();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].act, MessageAct::destroy);
  const auto count = [&] { return messenger->destroyed_messages()->at(0).by.size(); };
  EXPECT_EQ(messenger->destroyed_messages()->at(0).of, 2);
  EXPECT_EQ(count(), 1U) << "this home";
  change(peer(), MessageAct::erased, {guid, sha256(as_bytes(std::string_view("another")))});
  EXPECT_EQ(count(), 1U);
  change(peer(), MessageAct::erased, {guid, sent[0].hash});
  change(peer(), MessageAct::erased, {guid, sent[0].hash});
  EXPECT_EQ(count(), 2U);
}

TEST_F(MessengerChangesTest, F12_WhatWaitsInTheOutboxGoesToNobody) {
  messenger->stop();
  const std::string guid = send("never mind");
  ASSERT_TRUE(messenger->change_message(entry_of(guid), MessageAct::erase));
  const std::string second = send("frist");
  ASSERT_TRUE(messenger->change_message(entry_of(second), MessageAct::edit, "first"));
  connect();
  const auto requests = station.requests[Lane::text];
  std::size_t messages = 0;
  for (const Packet& packet : requests) {
    if (packet.operation == Operation::create) ++messages;
    EXPECT_NE(packet.get("guid"), guid);
  }
  EXPECT_EQ(messages, 1U) << "one text, as it is now, and no word of changes";
}

TEST_F(MessengerChangesTest, WhatCannotBeChangedIsRefusedWithAReason) {
  const auto message = came("theirs");
  EXPECT_EQ(messenger->change_message(entry_of(message.first), MessageAct::edit, "x").error().code,
            Errc::forbidden);
  const std::string guid = send("mine");
  EXPECT_EQ(messenger->change_message(entry_of(guid), MessageAct::edit, "").error().code,
            Errc::usage);
  ASSERT_TRUE(messenger->change_message(entry_of(guid), MessageAct::remove));
  EXPECT_EQ(messenger->change_message(entry_of(guid), MessageAct::edit, "x").error().code,
            Errc::gone);
}

}  // namespace
}  // namespace dim
