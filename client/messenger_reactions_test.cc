// With which symbols two people answer each other's messages, and which of them they pin.
#include "client/messenger_fixture.h"
#include "client/past.h"
#include "dim/base/base64.h"
#include "dim/engine/device_link.h"
#include "dim/engine/message_change.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Symbols = std::vector<std::string>;

class MessengerReactionsTest : public MessengerTest {
 protected:
  void SetUp() override { log_in(); }
  /// Comes from the peer.
  HistoryEntry came(std::string_view text) {
    const std::string guid = Guid::make(kFakeNow + ++number, fake_random()).text();
    push(from_peer(text), guid);
    return entry_of(guid);
  }
  /// Goes to the peer.
  HistoryEntry went(std::string_view text) {
    const std::string guid = send(text);
    (void)told();
    return entry_of(guid);
  }
  void says(const Account& who, const HistoryEntry& message, Symbols symbols, std::int64_t revision,
            const std::optional<Id>& with = {}) {
    says(who, message.guid, *from_base64(message.hash), std::move(symbols), revision, with);
  }
  void says(const Account& who, const std::string& guid, std::span<const std::uint8_t> hash,
            Symbols symbols, std::int64_t revision, const std::optional<Id>& with = {}) {
    MessageChange change{.act = MessageAct::react, .guid = guid, .peer = with};
    std::ranges::copy(hash, change.hash.begin());
    change.reactions = {.symbols = std::move(symbols), .revision = revision};
    push(from(who, message_change_content(change, clock.now(), fake_random())));
  }
  void pins(const Account& who, const HistoryEntry& message, bool on, std::int64_t revision,
            const std::optional<Id>& with = {}) {
    MessageChange change{.act = MessageAct::pin, .guid = message.guid, .peer = with};
    std::ranges::copy(*from_base64(message.hash), change.hash.begin());
    change.pin = {.on = on, .revision = revision};
    push(from(who, message_change_content(change, clock.now(), fake_random())));
  }
  void accept_peer() { ASSERT_TRUE(home.put_contact({.id = peer().id, .accepted = true})); }
  /// The texts of what is pinned.
  std::vector<std::string> pinned() {
    std::vector<std::string> out;
    const auto all = messenger->pinned(peer().id);
    for (const HistoryEntry& entry : *all) out.push_back(entry.text);
    return out;
  }
  /// What the client has sent about messages, to whom.
  std::vector<std::pair<std::string, MessageChange>> told() {
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    EXPECT_TRUE(known.learn_document(home.account().id, home.account().visa.json(), clock.now()));
    std::vector<std::pair<std::string, MessageChange>> out;
    for (const Packet& packet : std::exchange(station.requests[Lane::text], {})) {
      if (packet.operation != Operation::create) continue;
      accept(packet);
      const auto message = SignedMessage::parse(packet.content.value_or(""));
      if (!message) continue;
      const bool own = packet.get("target") == home.account().id.text();
      const auto opened = open(*message, own ? home.account() : peer(), known, {}, clock.now());
      const auto content = opened ? decode_content(opened->message.content)
                                  : Result<Content>(fail(Errc::content, "none"));
      const auto change = content ? read_message_change(*content)
                                  : Result<MessageChange>(fail(Errc::content, "none"));
      if (change) out.emplace_back(packet.get("target"), *change);
    }
    return out;
  }
  int number = 0;
};

TEST_F(MessengerReactionsTest, F13_EitherOfTheTwoAnswersAMessageOfEither) {
  const HistoryEntry theirs = came("shall we?");
  const HistoryEntry mine = went("we shall");
  says(peer(), theirs, {"🤔"}, 1);
  says(peer(), mine, {"👍", "🎉"}, 1);
  EXPECT_THAT(entry_of(theirs.guid).theirs.symbols, ElementsAre("🤔"));
  EXPECT_THAT(entry_of(mine.guid).theirs.symbols, ElementsAre("👍", "🎉"));

  ASSERT_TRUE(messenger->react(entry_of(theirs.guid), "👍", false));
  ASSERT_TRUE(messenger->react(entry_of(mine.guid), "👍", false));
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].second.guid, theirs.guid);
  EXPECT_EQ(to_base64(sent[0].second.hash), theirs.hash);
  EXPECT_THAT(sent[0].second.reactions.symbols, ElementsAre("👍"));
  EXPECT_EQ(sent[1].second.guid, mine.guid);
  EXPECT_THAT(reaction_counts(entry_of(mine.guid)),
              ElementsAre(ReactionCount{"👍", 2}, ReactionCount{"🎉", 1}));
  EXPECT_THAT(messenger->unread().value(), SizeIs(1)) << "an answer is no message";
}

TEST_F(MessengerReactionsTest, F13_ItIsTakenBack) {
  const HistoryEntry theirs = came("shall we?");
  says(peer(), theirs, {"🤔"}, 1);
  says(peer(), theirs, {}, 2);
  says(peer(), theirs, {"😀"}, 1);
  EXPECT_THAT(entry_of(theirs.guid).theirs.symbols, IsEmpty())
      << "and what is late changes nothing";
  ASSERT_TRUE(messenger->react(theirs, "👍", false));
  const auto again = messenger->react(entry_of(theirs.guid), "👍", false);
  ASSERT_TRUE(again);
  ASSERT_TRUE(messenger->react(entry_of(theirs.guid), "👍", true));
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2)) << "what is so already nobody is told";
  EXPECT_THAT(sent[1].second.reactions.symbols, IsEmpty());
  EXPECT_GT(sent[1].second.reactions.revision, sent[0].second.reactions.revision);
  EXPECT_THAT(entry_of(theirs.guid).mine.symbols, IsEmpty());
}

TEST_F(MessengerReactionsTest, F13_A14_NobodyElseAnswersInTheirPlace) {
  know(fake_user(3));
  const HistoryEntry theirs = came("for the two of us");
  says(fake_user(3), theirs, {"😈"}, 1);
  says(fake_user(3), theirs, {"😈"}, 1, peer().id);
  says(peer(), theirs, {"😈"}, 1, peer().id);  // as if from a device of the person here
  const auto another = sha256(as_bytes(std::string_view("another")));
  says(peer(), theirs.guid, another, {"😈"}, 1);
  const HistoryEntry entry = entry_of(theirs.guid);
  EXPECT_EQ(entry.mine, Reactions());
  EXPECT_EQ(entry.theirs, Reactions());
}

TEST_F(MessengerReactionsTest, F13_TheOwnDevicesLearnIt) {
  const Account& me = home.account();
  const auto request =
      DeviceRequest::parse(*DeviceRequest::make("laptop", PrivateKey::generate_rsa().value()));
  const auto visa = visa_for(me, *request, nullptr, kFakeNow).value();
  ASSERT_TRUE(home.learn(me.id, me.meta.json(), {me.visa.json(), visa.json()}, kFakeNow));
  const HistoryEntry theirs = came("shall we?");
  (void)told();
  ASSERT_TRUE(messenger->react(theirs, "👍", false));
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_FALSE(sent[0].second.peer);
  EXPECT_EQ(sent[1].first, me.id.text());
  EXPECT_EQ(sent[1].second.peer, peer().id);
  EXPECT_EQ(sent[1].second.reactions, sent[0].second.reactions);

  // And what the other device says counts here, on messages of both.
  const HistoryEntry mine = went("we shall");
  says(me, theirs, {"👍", "🎉"}, sent[0].second.reactions.revision + 1, peer().id);
  says(me, mine, {"😀"}, 1, peer().id);
  EXPECT_THAT(entry_of(theirs.guid).mine.symbols, ElementsAre("👍", "🎉"));
  EXPECT_THAT(entry_of(mine.guid).mine.symbols, ElementsAre("😀"));
}

TEST_F(MessengerReactionsTest, F13_WhatComesBeforeTheMessageIsNotLost) {
  const SignedMessage late = from_peer("held up on the way");
  const std::string guid = Guid::make(kFakeNow, fake_random()).text();
  says(peer(), guid, message_hash(late), {"👀"}, 1);
  says(peer(), guid, message_hash(late), {"👀", "👍"}, 2);
  push(late, guid);
  EXPECT_THAT(entry_of(guid).theirs.symbols, ElementsAre("👀", "👍"));
  EXPECT_THAT(home.vault().list("early reactions").value(), IsEmpty());
}

TEST_F(MessengerReactionsTest, F13_WhoAnswersWhatNeverComesFillsNoDisk) {
  for (int i = 0; i < 1'000; ++i)
    ASSERT_TRUE(home.vault().put("early reactions", std::to_string(i), "{}"));
  for (const char* never : {"x", "y"}) {
    says(peer(), Guid::make(kFakeNow, fake_random()).text(),
         sha256(as_bytes(std::string_view(never))), {"👍"}, 1);
    EXPECT_EQ(home.vault().count("early reactions").value(), 1'000);
  }
  EXPECT_FALSE(home.vault().contains("early reactions", "1").value()) << "the oldest goes";
  EXPECT_TRUE(home.vault().contains("early reactions", "2").value());
}

TEST_F(MessengerReactionsTest, F13_WhatCannotBeAnsweredIsRefusedWithAReason) {
  const HistoryEntry theirs = came("shall we?");
  for (const char* bad : {"", "a b", "123456789012345678901234567890123"})
    EXPECT_EQ(messenger->react(theirs, bad, false).error().code, Errc::usage) << bad;
  HistoryEntry full = theirs;
  for (std::size_t i = 0; i < kSymbolsOfOne; ++i)
    full = messenger->react(full, "s" + std::to_string(i), false).value();
  EXPECT_EQ(messenger->react(full, "more", false).error().code, Errc::usage);
  EXPECT_TRUE(messenger->react(full, "s3", true));
  messenger->stop();
  EXPECT_EQ(messenger->react(entry_of(send("not sent")), "👍", false).error().code, Errc::usage);
  connect();
  const std::string gone = went("never mind").guid;
  ASSERT_TRUE(messenger->change_message(entry_of(gone), MessageAct::remove));
  EXPECT_EQ(messenger->react(entry_of(gone), "👍", false).error().code, Errc::gone);
}

TEST_F(MessengerReactionsTest, F13_WhatIsTakenBackHasNoneAndHandedOverTheyGoAlong) {
  const HistoryEntry mine = went("we shall");
  says(peer(), mine, {"👍"}, 1);
  ASSERT_TRUE(messenger->react(entry_of(mine.guid), "🎉", false));
  const HistoryEntry now = entry_of(mine.guid);
  const auto past = read_past(past_entry(now, messenger->content(now).value()));
  ASSERT_TRUE(past);
  EXPECT_EQ(past->entry.mine, now.mine);
  EXPECT_EQ(past->entry.theirs, now.theirs);
  ASSERT_TRUE(messenger->change_message(now, MessageAct::remove));
  EXPECT_THAT(reaction_counts(entry_of(mine.guid)), IsEmpty());
}

TEST_F(MessengerReactionsTest, EitherOfTheTwoPinsAMessageOfEitherAndTakesThePinAway) {
  accept_peer();
  const HistoryEntry theirs = came("the address");
  const HistoryEntry mine = went("the key is under the mat");
  pins(peer(), mine, true, 5);
  ASSERT_TRUE(messenger->pin(theirs, false));
  EXPECT_THAT(pinned(), ElementsAre("the key is under the mat", "the address"));
  pins(peer(), theirs, false, entry_of(theirs.guid).pin.revision + 1);
  EXPECT_THAT(pinned(), ElementsAre("the key is under the mat"));
  ASSERT_TRUE(messenger->pin(entry_of(mine.guid), true));
  EXPECT_THAT(pinned(), IsEmpty());
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].second.act, MessageAct::pin);
  EXPECT_EQ(to_base64(sent[0].second.hash), theirs.hash);
  EXPECT_TRUE(sent[0].second.pin.on);
  EXPECT_FALSE(sent[1].second.pin.on);
  EXPECT_GT(sent[1].second.pin.revision, 5);
  ASSERT_TRUE(messenger->pin(entry_of(mine.guid), true));
  EXPECT_THAT(told(), IsEmpty()) << "what is so already nobody is told";
  EXPECT_THAT(messenger->unread().value(), SizeIs(1)) << "a pin is no message";
}

TEST_F(MessengerReactionsTest, WhateverTheOrderBothEndWithTheSamePin) {
  accept_peer();
  const HistoryEntry one = came("one"), two = came("two");
  for (const auto& [on, revision] : {std::pair{true, 3}, {false, 4}, {true, 2}})
    pins(peer(), one, on, revision);
  for (const auto& [on, revision] : {std::pair{true, 2}, {false, 4}, {true, 3}, {true, 4}})
    pins(peer(), two, on, revision);
  EXPECT_EQ(entry_of(one.guid).pin, (Pin{false, 4}));
  EXPECT_EQ(entry_of(two.guid).pin, (Pin{false, 4}));
}

TEST_F(MessengerReactionsTest, A14_NobodyPinsForEver) {
  accept_peer();
  const HistoryEntry theirs = came("look at me");
  const Millis ahead = clock.now() + 86'400'000;
  for (const std::int64_t revision : {ahead + 1'000, std::int64_t{kLastPin}}) {
    pins(peer(), theirs, true, revision);
    EXPECT_THAT(pinned(), IsEmpty()) << revision;
  }
  pins(peer(), theirs, true, ahead);
  EXPECT_THAT(pinned(), ElementsAre("look at me"));
  ASSERT_TRUE(messenger->pin(entry_of(theirs.guid), true));
  pins(peer(), theirs, true, ahead);
  EXPECT_THAT(pinned(), IsEmpty());
  ASSERT_TRUE(messenger->pin(entry_of(theirs.guid), false));
  EXPECT_THAT(pinned(), ElementsAre("look at me"));
}

TEST_F(MessengerReactionsTest, WhatCannotBePinnedAnyMoreIsNotSaidToBe) {
  accept_peer();
  HistoryEntry theirs = came("look at me");
  theirs.pin = {.on = false, .revision = kLastPin};
  EXPECT_EQ(messenger->pin(theirs, false).error().code, Errc::usage);
}

TEST_F(MessengerReactionsTest, A14_500PinsAreTheMost) {
  accept_peer();
  const HistoryEntry one = came("one"), two = came("two");
  for (int i = 0; i < kPinnedMost; ++i)
    ASSERT_TRUE(home.vault().put("pins " + peer().id.text(), std::to_string(i), "x"));
  pins(peer(), one, true, 5);
  EXPECT_FALSE(entry_of(one.guid).pin.on);
  EXPECT_EQ(messenger->pin(two, false).error().code, Errc::usage);
  ASSERT_TRUE(home.vault().erase("pins " + peer().id.text(), "0"));
  EXPECT_TRUE(messenger->pin(two, false));
}

TEST_F(MessengerReactionsTest, N10_WhoIsNoContactYetPinsNothing) {
  const HistoryEntry theirs = came("buy this");
  pins(peer(), theirs, true, 5);
  EXPECT_THAT(pinned(), IsEmpty());
  ASSERT_TRUE(messenger->pin(theirs, false));
  EXPECT_THAT(pinned(), ElementsAre("buy this")) << "the person here does";
  pins(peer(), theirs, false, clock.now() + 1'000);
  EXPECT_THAT(pinned(), ElementsAre("buy this"));
  accept_peer();
  pins(peer(), theirs, false, clock.now() + 1'000);
  EXPECT_THAT(pinned(), IsEmpty());
}

TEST_F(MessengerReactionsTest, A14_NobodyElsePinsInTheirPlace) {
  accept_peer();
  know(fake_user(3));
  ASSERT_TRUE(home.put_contact({.id = fake_user(3).id, .accepted = true}));
  const HistoryEntry theirs = came("for the two of us");
  pins(fake_user(3), theirs, true, 1);
  pins(fake_user(3), theirs, true, 1, peer().id);
  pins(peer(), theirs, true, 1, peer().id);  // as if from a device of the person here
  HistoryEntry another = theirs;
  another.hash = to_base64(sha256(as_bytes(std::string_view("another"))));
  pins(peer(), another, true, 1);
  EXPECT_EQ(entry_of(theirs.guid).pin, Pin());
}

TEST_F(MessengerReactionsTest, TheOwnDevicesPinToo) {
  const Account& me = home.account();
  const auto request =
      DeviceRequest::parse(*DeviceRequest::make("laptop", PrivateKey::generate_rsa().value()));
  const auto visa = visa_for(me, *request, nullptr, kFakeNow).value();
  ASSERT_TRUE(home.learn(me.id, me.meta.json(), {me.visa.json(), visa.json()}, kFakeNow));
  const HistoryEntry theirs = came("the address");
  (void)told();
  ASSERT_TRUE(messenger->pin(theirs, false));
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[1].first, me.id.text());
  EXPECT_EQ(sent[1].second.peer, peer().id);
  EXPECT_EQ(sent[1].second.pin, sent[0].second.pin);
  pins(me, theirs, false, sent[0].second.pin.revision + 1, peer().id);
  EXPECT_THAT(pinned(), IsEmpty());
}

TEST_F(MessengerReactionsTest, APinThatComesBeforeTheMessageIsNotLost) {
  accept_peer();
  const SignedMessage late = from_peer("held up on the way");
  const std::string guid = Guid::make(kFakeNow, fake_random()).text();
  HistoryEntry coming{.guid = guid, .peer = peer().id};
  coming.hash = to_base64(message_hash(late));
  pins(peer(), coming, true, 2);
  pins(peer(), coming, false, 1);
  push(late, guid);
  EXPECT_THAT(pinned(), ElementsAre("held up on the way"));
  EXPECT_THAT(home.vault().list("early reactions").value(), IsEmpty());
}

TEST_F(MessengerReactionsTest, F12_F16_WhatIsTakenBackDestroyedOrOverHasNoPin) {
  accept_peer();
  const HistoryEntry back = went("back"), gone = went("gone"), stays = went("stays");
  TextContent brief = TextContent::make("brief", clock.now(), fake_random());
  set_expiry(brief, clock.now() + 60'000);
  const std::string over = messenger->send(peer().id, Content(brief)).value().guid;
  (void)told();
  for (const std::string& guid : {back.guid, gone.guid, stays.guid, over})
    ASSERT_TRUE(messenger->pin(entry_of(guid), false));
  EXPECT_THAT(pinned(), SizeIs(4));
  ASSERT_TRUE(messenger->change_message(entry_of(back.guid), MessageAct::remove));
  ASSERT_TRUE(messenger->change_message(entry_of(gone.guid), MessageAct::destroy));
  clock.passed += 61'000;
  messenger->tick();
  EXPECT_THAT(pinned(), ElementsAre("stays"));
  EXPECT_THAT(home.vault().list("pins " + peer().id.text()).value(), SizeIs(1));
  pins(peer(), back, true, clock.now() + 1'000);
  EXPECT_THAT(pinned(), ElementsAre("stays"));
  EXPECT_EQ(messenger->pin(entry_of(back.guid), false).error().code, Errc::gone);
}

TEST_F(MessengerReactionsTest, F39_HandedOverThePinGoesAlong) {
  accept_peer();
  const HistoryEntry mine = went("the address");
  ASSERT_TRUE(messenger->pin(mine, false));
  const HistoryEntry now = entry_of(mine.guid);
  const auto past = read_past(past_entry(now, messenger->content(now).value()));
  ASSERT_TRUE(past);
  EXPECT_EQ(past->entry.pin, now.pin);
}

TEST_F(MessengerReactionsTest, F39_WhatCameBeforeThePastIsNotLost) {
  accept_peer();
  const Account& me = home.account();
  HistoryEntry entry{.guid = Guid::make(kFakeNow, fake_random()).text(), .peer = peer().id};
  entry.time = kFakeNow;
  entry.content_type = "text";
  entry.text = "from before";
  entry.label = Label::secure;
  entry.hash = to_base64(sha256(as_bytes(std::string_view("from before"))));
  entry.pin = {.on = false, .revision = 3};
  entry.theirs = {.symbols = {"👀"}, .revision = 3};
  pins(peer(), entry, true, 4);
  says(peer(), entry, {"👍"}, 2);
  JsonArray entries;
  entries.emplace_back(past_entry(entry, std::nullopt));
  CustomizedContent note =
      CustomizedContent::make("chat.dim.device", "past", "note", clock.now(), fake_random());
  note.rest.set("entries", std::move(entries));
  push(from(me, Content(std::move(note))));
  EXPECT_THAT(pinned(), ElementsAre("from before"));
  EXPECT_THAT(entry_of(entry.guid).theirs.symbols, ElementsAre("👀")) << "the newer one counts";
}

}  // namespace
}  // namespace dim
