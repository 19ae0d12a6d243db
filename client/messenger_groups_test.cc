// What leaves for the members of a group, copy by copy.
#include <set>

#include "client/messenger_fixture.h"
#include "dim/engine/group_history.h"
#include "dim/engine/group_message.h"
#include "dim/engine/message_change.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class MessengerGroupsTest : public MessengerTest {
 protected:
  /// A group of the own account and `size` - 1 others, whose news have left.
  Id found(std::size_t size) {
    std::vector<Id> others;
    for (std::size_t i = 1; i < size; ++i) {
      const Account& other = fake_user(static_cast<int>(i) + 1);
      know(other);
      others.push_back(other.id);
    }
    auto made = messenger->change_group(
        [&](Groups& groups, Millis now) { return groups.create("friends", others, now); },
        "founded it");
    EXPECT_TRUE(made) << to_string(made.error());
    take_all();
    return made->peer;
  }
  /// A group of three; user 3 was put out behind a message that had not left yet.
  Id found_and_lost_one() {
    Id group = found(3);
    messenger->closed(Lane::text);
    EXPECT_TRUE(messenger->send_text(group, "written before"));
    EXPECT_TRUE(messenger->change_group(
        [&](Groups& groups, Millis now) { return groups.expel(group, {fake_user(3).id}, now); },
        "put out"));
    connect();
    return group;
  }
  /// Everything that the client sends now, each accepted by the station.
  std::vector<SignedMessage> take_all() {
    std::vector<SignedMessage> out;
    while (!station.requests[Lane::text].empty()) {
      const Packet packet = station.next(Lane::text);
      if (packet.operation != Operation::create) continue;
      out.push_back(SignedMessage::parse(*packet.content).value());
      accept(packet);
      clock.passed += 1'000;  // within the station's quota
      messenger->tick();
    }
    return out;
  }
  /// What `reader` says of the copy that they got.
  void say(const Account& reader, const SignedMessage& copy, bool read) {
    const JsonObject json = receipt_content({.guid = Guid::make(clock.now(), fake_random()).text(),
                                             .hash = message_hash(copy),
                                             .read = read},
                                            clock.now(), fake_random());
    push(from(reader, decode_content(json).value()));
  }
  Tick tick_of(const Id& group) { return messenger->history(group, 1)->front().tick; }
  /// Receipts that the client sends now, as "state receiver".
  std::vector<std::string> receipts() {
    std::vector<std::string> out;
    for (const SignedMessage& message : take_all()) {
      for (int number = 1; number < 20; ++number) {
        const Account& reader = fake_user(number);
        if (!reader.id.same_entity(message.sealed.envelope.receiver)) continue;
        Directory known;
        EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
        auto opened = open(message, reader, known, nullptr, clock.now());
        const std::string* state = opened ? opened->message.content.text("state") : nullptr;
        if (state != nullptr) out.push_back(*state + " " + std::to_string(number));
      }
    }
    return out;
  }
  /// A text of user 2 to the group.
  void hear(const Id& group, std::string_view text) {
    TextContent content = TextContent::make(text, clock.now(), fake_random());
    content.head.group = group;
    push(from(fake_user(2), Content(std::move(content))));
  }
  /// A text of user 2 to the group, as it is in the history.
  HistoryEntry heard(const Id& group, std::string_view text) {
    hear(group, text);
    const HistoryEntry entry = messenger->history(group, 1)->front();
    EXPECT_EQ(entry.text, text);
    return entry;
  }
  /// `who` says of a message of `author` that it is changed so.
  void change(const Account& who, const Id& group, MessageAct act, const HistoryEntry& message,
              const Id& author, std::string text = {}) {
    push(from(who, message_change_content({.act = act,
                                           .guid = message.guid,
                                           .hash = group_message_name(group, author, message.sn),
                                           .text = std::move(text),
                                           .revision = 2,
                                           .device = act == MessageAct::erased ? "phone" : "",
                                           .group = group},
                                          clock.now(), fake_random())));
  }
  std::vector<std::string> texts(const Id& group) {
    std::vector<std::string> out;
    const auto all = messenger->history(group, 100);
    for (const HistoryEntry& entry : *all) {
      if (entry.content_type == "text") out.push_back(entry.removed ? "removed" : entry.text);
    }
    return out;
  }
  /// What the client tells others now about messages, by the number of the reader.
  std::vector<std::pair<int, MessageChange>> told() {
    std::vector<std::pair<int, MessageChange>> out;
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    for (const SignedMessage& message : take_all()) {
      for (int reader = 2; reader < 20; ++reader) {
        if (!fake_user(reader).id.same_entity(message.sealed.envelope.receiver)) continue;
        const auto opened = open(message, fake_user(reader), known, nullptr, clock.now());
        const auto content = opened ? decode_content(opened->message.content)
                                    : Result<Content>(fail(Errc::content, "none"));
        if (const auto one = content ? read_message_change(*content)
                                     : Result<MessageChange>(fail(Errc::content, "none")))
          out.emplace_back(reader, *one);
      }
    }
    return out;
  }
  /// A group that user 2 has founded with these, and what is told of it.
  struct Foreign {
    explicit Foreign(const std::vector<Id>& members)
        : made(create_group(fake_user(2), "theirs", {}, {}, kFakeNow - 60'000, fake_random())
                   .value()) {
      const Account& owner = fake_user(2);
      EXPECT_TRUE(known.learn_meta(owner.id, owner.meta));
      EXPECT_TRUE(known.prove(owner.id, owner.meta));
      EXPECT_TRUE(known.learn_meta(made.id, made.meta));
      EXPECT_TRUE(known.learn_document(made.id, made.bulletin.json(), kFakeNow));
      group.emplace(Group::start(known, made.id).value());
      EXPECT_TRUE(group->apply(
          sign_command(GroupContent::reset(made.id, members, kFakeNow - 30'000, fake_random()),
                       owner, known, fake_random())
              .value(),
          kFakeNow));
    }
    Content told_by(const Account& teller) {
      return Content(pack_history(*group, known, teller, kFakeNow, fake_random()).value());
    }
    /// As peers of the reference tell of a new bulletin: a command of its own, to each member.
    Content bulletin(const Account& signer, const Id& administrator) const {
      JsonObject all = made.bulletin.properties();
      all.set("administrators", JsonArray{Json(administrator.bare().text())});
      const Document next = Document::make(made.id, "bulletin", all, kFakeNow, signer.identity_key);
      return Content(DocumentsContent::answer(made.id, made.meta.json(), {next.json()}, kFakeNow,
                                              fake_random()));
    }
    NewGroup made;
    Directory known;
    std::optional<Group> group;
  };
  /// Questions for the history of `group` that the client sends now, as "receiver since".
  std::vector<std::string> questions(const Id& group) {
    std::vector<std::string> out;
    for (const SignedMessage& message : take_all()) {
      for (int number = 2; number < 5; ++number) {
        const Account& reader = fake_user(number);
        if (!reader.id.same_entity(message.sealed.envelope.receiver)) continue;
        Directory known;
        EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
        auto opened = open(message, reader, known, nullptr, clock.now());
        if (!opened) continue;
        const auto query = read_history_query(decode_content(opened->message.content).value());
        if (query && query->group.same_entity(group))
          out.push_back(std::to_string(number) + " " +
                        std::to_string(static_cast<Millis>(query->last_time * 1000)));
      }
    }
    return out;
  }
  std::string opened_by(const Account& reader, const SignedMessage& message) {
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    EXPECT_TRUE(known.learn_document(home.account().id, home.account().visa.json(), clock.now()));
    auto opened = open(message, reader, known, nullptr, clock.now());
    if (!opened) return to_string(opened.error());
    const std::string* text = opened->message.content.text("text");
    return text != nullptr ? *text : "no text";
  }
};

TEST_F(MessengerGroupsTest, UpTo15MembersGetAMessageEachThatNamesNoGroupOutside) {
  log_in();
  const Id group = found(15);
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  const auto copies = take_all();
  ASSERT_THAT(copies, SizeIs(14));
  std::set<Bytes> signatures;
  for (const SignedMessage& copy : copies) {
    EXPECT_FALSE(copy.sealed.envelope.group);
    signatures.insert(copy.signature);
  }
  EXPECT_THAT(signatures, SizeIs(14));
  EXPECT_EQ(opened_by(fake_user(2), copies[0]), "hello");
  EXPECT_EQ(messenger->history(group, 1)->front().tick, Tick::sent);
}

TEST_F(MessengerGroupsTest, From16OnItIsEncryptedOnceForAll) {
  log_in();
  const Id group = found(16);
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  const auto copies = take_all();
  ASSERT_THAT(copies, SizeIs(15));
  for (std::size_t i = 0; i < copies.size(); ++i) {
    EXPECT_EQ(copies[i].signature, copies[0].signature);
    ASSERT_TRUE(copies[i].sealed.envelope.group);
    EXPECT_EQ(*copies[i].sealed.envelope.group, group);
    EXPECT_EQ(opened_by(fake_user(static_cast<int>(i) + 2), copies[i]), "hello");
  }
  EXPECT_NE(opened_by(fake_user(2), copies[1]), "hello") << "a copy holds its reader's key alone";
  ASSERT_TRUE(messenger->send_text(group, "again"));
  EXPECT_NE(take_all()[0].sealed.keys[0].second, copies[0].sealed.keys[0].second) << "a fresh key";
}

TEST_F(MessengerGroupsTest, A27_WhoIsPutOutGetsNothingThatWasStillWaiting) {
  log_in();
  const Id group = found_and_lost_one();
  std::vector<std::string> read_by_gone, read_by_member;
  for (const SignedMessage& copy : take_all()) {
    const Id& to = copy.sealed.envelope.receiver;
    auto& read = to.same_entity(fake_user(3).id) ? read_by_gone : read_by_member;
    read.push_back(opened_by(fake_user(to.same_entity(fake_user(3).id) ? 3 : 2), copy));
  }
  EXPECT_EQ(read_by_member, (std::vector<std::string>{"written before", "no text"}));
  EXPECT_EQ(read_by_gone, (std::vector<std::string>{"no text"})) << "only the news";
  EXPECT_THAT(messenger->waiting().value(), 0U);
  EXPECT_EQ(messenger->history(group, 9)->at(1).tick, Tick::sent);
  ASSERT_TRUE(messenger->send_text(group, "after it"));
  EXPECT_THAT(take_all(), SizeIs(1));
}

TEST_F(MessengerGroupsTest, ACopyWhoseReaderHasNoKeysIsSaidToBeMissing) {
  log_in();
  const Id group = found(3);
  const Account& stranger = fake_user(77);
  ASSERT_TRUE(messenger->change_group(
      [&](Groups& groups, Millis now) { return groups.invite(group, {stranger.id}, now); },
      "invited"));
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  for (int i = 0; i < 10 && messenger->waiting().value() > 0; ++i) {
    take_all();
    while (!station.requests[Lane::control].empty()) {
      const Packet asked = station.next(Lane::control);
      answer(Lane::control, Packet::response(404, asked.get("id")));
    }
  }
  const HistoryEntry entry = messenger->history(group, 1)->front();
  EXPECT_EQ(entry.tick, Tick::sent);
  EXPECT_THAT(entry.cause, testing::HasSubstr(stranger.id.text()));
}

TEST_F(MessengerGroupsTest, F09_AMessageHasGotAsFarAsTheReaderWhoIsFurthestBehind) {
  log_in();
  const Id group = found(4);
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  const auto copies = take_all();
  ASSERT_THAT(copies, SizeIs(3));
  ticked.clear();
  say(fake_user(2), copies[0], true);
  say(fake_user(3), copies[1], false);
  EXPECT_EQ(tick_of(group), Tick::sent);
  EXPECT_THAT(ticked, IsEmpty());
  say(fake_user(4), copies[2], false);
  EXPECT_EQ(tick_of(group), Tick::delivered);
  ASSERT_THAT(ticked, SizeIs(1));
  EXPECT_EQ(ticked[0].peer, group);
  say(fake_user(4), copies[2], true);
  say(fake_user(2), copies[0], false);
  EXPECT_EQ(tick_of(group), Tick::delivered) << "a tick only grows, and one has not read it yet";
  say(fake_user(3), copies[1], true);
  EXPECT_EQ(tick_of(group), Tick::read);
  EXPECT_THAT(ticked, SizeIs(2));
}

TEST_F(MessengerGroupsTest, J29_AReceiptOfSomebodyElsesCopyIsIgnored) {
  log_in();
  const Id group = found(3);
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  const auto copies = take_all();
  say(fake_user(2), copies[1], true);
  say(fake_user(3), copies[0], true);
  know(fake_user(9));
  say(fake_user(9), copies[0], true);
  EXPECT_EQ(tick_of(group), Tick::sent);
}

TEST_F(MessengerGroupsTest, F09_WhoGetsNothingHoldsNoTickUp) {
  log_in();
  const Id group = found_and_lost_one();
  const auto copies = take_all();
  ASSERT_FALSE(copies.empty());
  ASSERT_TRUE(copies[0].sealed.envelope.receiver.same_entity(fake_user(2).id));
  say(fake_user(2), copies[0], false);
  EXPECT_EQ(messenger->history(group, 9)->at(1).tick, Tick::delivered);
}

TEST_F(MessengerGroupsTest, F09_AReceiptThatOvertakesTheStationsAnswerCounts) {
  log_in();
  const Id group = found(2);
  ASSERT_TRUE(messenger->send_text(group, "hello"));
  const Packet packet = station.next(Lane::text);
  say(fake_user(2), SignedMessage::parse(*packet.content).value(), false);
  EXPECT_EQ(tick_of(group), Tick::queued);
  accept(packet);
  EXPECT_EQ(tick_of(group), Tick::delivered);
}

TEST_F(MessengerGroupsTest, F09_AReaderSaysWhatTheyHaveGotAndReadInSmallGroupsOnly) {
  log_in();
  const Id small = found(3);
  hear(small, "hello");
  EXPECT_EQ(receipts(), std::vector<std::string>{"delivered 2"});
  const auto unread = messenger->unread().value();
  ASSERT_THAT(unread, SizeIs(1));
  ASSERT_TRUE(messenger->shown(unread[0]));
  EXPECT_EQ(receipts(), std::vector<std::string>{"read 2"});
  const Id large = found(16);
  hear(large, "hello, all of you");
  ASSERT_THAT(messenger->unread().value(), SizeIs(1));
  ASSERT_TRUE(messenger->shown(messenger->unread()->front()));
  EXPECT_THAT(receipts(), IsEmpty());
}

// Whoever tells of a group could leave out its newest reset.
TEST_F(MessengerGroupsTest, A28_OnFirstHearingOfAGroupItsOwnerIsAskedToo) {
  log_in();
  for (int number = 2; number < 5; ++number) know(fake_user(number));
  const std::vector<Id> members{fake_user(2).id, fake_user(3).id, fake_user(4).id,
                                home.account().id.bare()};
  Foreign theirs(members);
  push(from(fake_user(3), theirs.told_by(fake_user(3))));
  ASSERT_NE(messenger->groups().find(theirs.made.id, clock.now()).value(), nullptr);
  EXPECT_EQ(questions(theirs.made.id),
            std::vector<std::string>{"2 " + std::to_string(kFakeNow - 30'000)});
  push(from(fake_user(4), theirs.told_by(fake_user(4))));
  EXPECT_THAT(questions(theirs.made.id), IsEmpty()) << "it is known by now";
  Foreign another(members);
  push(from(fake_user(2), another.told_by(fake_user(2))));
  ASSERT_NE(messenger->groups().find(another.made.id, clock.now()).value(), nullptr);
  EXPECT_THAT(questions(another.made.id), IsEmpty()) << "it was the owner who told of it";
}

TEST_F(MessengerGroupsTest, F27_WhoAsksForWhatIsNewerIsToldWhenThereIsNothing) {
  log_in();
  know(fake_user(2));
  know(fake_user(3));
  Foreign theirs({fake_user(2).id, fake_user(3).id, home.account().id.bare()});
  push(from(fake_user(2), theirs.told_by(fake_user(2))));
  take_all();
  const double newest = static_cast<double>(kFakeNow - 30'000) / 1000;
  const auto answer_to = [&](const Content& question) -> std::string {
    push(from(fake_user(3), question));
    const auto answers = take_all();
    if (answers.size() != 1) return std::to_string(answers.size()) + " answers";
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    auto opened = open(answers[0], fake_user(3), known, nullptr, clock.now());
    if (!opened) return to_string(opened.error());
    const auto content = decode_content(opened->message.content).value();
    if (content.as<ForwardContent>() != nullptr) return "history";
    const auto* receipt = content.as<ReceiptContent>();
    if (receipt == nullptr) return "something else";
    EXPECT_EQ(*receipt->origin->find("sn")->integer(), question.head().sn);
    return receipt->text;
  };
  const auto both = [&](double since) {
    const Id& group = theirs.made.id;
    const std::string custom =
        answer_to(Content(ask_history({group, since}, clock.now(), fake_random())));
    EXPECT_EQ(answer_to(Content(GroupContent::query(group, since, clock.now(), fake_random()))),
              custom);
    return custom;
  };
  EXPECT_EQ(both(0), "history");
  EXPECT_EQ(both(newest - 0.001), "history");
  EXPECT_EQ(both(newest), "Group history not updated.");
  EXPECT_EQ(both(newest + 60), "Group history not updated.");
  // A bulletin that is newer than every command is news too.
  push(from(fake_user(2), theirs.bulletin(fake_user(2), fake_user(3).id)));
  take_all();
  EXPECT_EQ(both(newest), "history");
  EXPECT_EQ(both(static_cast<double>(kFakeNow) / 1000), "Group history not updated.");
}

TEST_F(MessengerGroupsTest, A27_ABulletinThatComesAloneSaysWhoLeads) {
  log_in();
  know(fake_user(2));
  know(fake_user(3));
  Foreign theirs({fake_user(2).id, fake_user(3).id, home.account().id.bare()});
  const auto leads = [&] {
    const Group* group = messenger->groups().find(theirs.made.id, clock.now()).value();
    return group != nullptr && group->is_administrator(home.account().id);
  };
  const Id& self = home.account().id;
  push(from(fake_user(2), theirs.bulletin(fake_user(2), self)));
  EXPECT_EQ(messenger->groups().find(theirs.made.id, clock.now()).value(), nullptr)
      << "of a group that nobody has told of";
  push(from(fake_user(2), theirs.told_by(fake_user(2))));
  ASSERT_NE(messenger->groups().find(theirs.made.id, clock.now()).value(), nullptr);
  EXPECT_FALSE(leads());
  push(from(fake_user(3), theirs.bulletin(fake_user(3), self)));
  EXPECT_FALSE(leads()) << "not by the founder's key";
  received.clear();
  push(from(fake_user(2), theirs.bulletin(fake_user(2), self)));
  EXPECT_TRUE(leads());
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].peer, theirs.made.id);
  EXPECT_THAT(received[0].words, testing::HasSubstr("leads now"));
}

TEST_F(MessengerGroupsTest, OnlyLeadersKeepRequestsAndOnlyMembersWrite) {
  log_in();
  const Id group = found(2);
  EXPECT_FALSE(messenger->change_group(
      [&](Groups& groups, Millis now) { return groups.leave(group, now); }, "left"))
      << "the owner stays";
  EXPECT_TRUE(messenger->change_group(
      [&](Groups& groups, Millis now) { return groups.expel(group, {fake_user(2).id}, now); },
      "put out"));
  const auto alone = messenger->send_text(group, "anybody?");
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, Errc::not_found);
  EXPECT_THAT(messenger->groups().requests(group, clock.now()).value(), IsEmpty());
  EXPECT_EQ(messenger->group_called("friends").value(), group);
  EXPECT_EQ(messenger->group_called("enemies").error().code, Errc::not_found);
  found(2);
  EXPECT_EQ(messenger->group_called("friends").error().code, Errc::usage) << "two of them";
}

TEST_F(MessengerGroupsTest, F11_F12_EachMembersHomeDoesWhatTheAuthorHasSigned) {
  log_in();
  const Id group = found(3);
  const HistoryEntry edited = heard(group, "the frist text"), back = heard(group, "never mind"),
                     gone = heard(group, "nothing of it"), stays = heard(group, "stays");
  const Id author = fake_user(2).id;
  change(fake_user(2), group, MessageAct::edit, edited, author, "the first text");
  change(fake_user(2), group, MessageAct::remove, back, author);
  change(fake_user(2), group, MessageAct::erase, gone, author);
  EXPECT_THAT(texts(group), ElementsAre("the first text", "removed", "stays"));
  EXPECT_EQ(messenger->earlier_texts(messenger->history(group, 3)->front())->size(), 1U);
  EXPECT_THAT(messenger->unread().value(), SizeIs(3)) << "what is gone is not unread";
  EXPECT_EQ(stays.peer, group);
}

TEST_F(MessengerGroupsTest, F11_F12_A14_NobodyElseChangesWhatAMemberHasWritten) {
  log_in();
  const Id group = found(3);
  const HistoryEntry theirs = heard(group, "as it was");
  ASSERT_TRUE(messenger->send_text(group, "mine"));
  const HistoryEntry mine = messenger->history(group, 1)->front();
  const Id author = fake_user(2).id;
  know(fake_user(9));
  for (const MessageAct act : {MessageAct::edit, MessageAct::remove, MessageAct::destroy}) {
    change(fake_user(3), group, act, theirs, author, "worse");           // a member
    change(fake_user(9), group, act, theirs, author, "worse");           // nobody
    change(fake_user(3), group, act, theirs, fake_user(3).id, "worse");  // as if it were theirs
    change(fake_user(2), group, act, mine, home.account().id, "worse");
  }
  EXPECT_THAT(texts(group), ElementsAre("as it was", "mine"));
  // Nor in another group, nor alone, where it is none of the two's.
  HistoryEntry other = theirs;
  change(fake_user(2), found(4), MessageAct::remove, other, author);
  EXPECT_THAT(texts(group), ElementsAre("as it was", "mine"));
}

TEST_F(MessengerGroupsTest, A27_WhoIsOutChangesNothingAnyMore) {
  log_in();
  const Id group = found(3);
  const HistoryEntry theirs = heard(group, "as it was");
  ASSERT_TRUE(messenger->change_group(
      [&](Groups& groups, Millis now) { return groups.expel(group, {fake_user(2).id}, now); },
      "put out"));
  clock.passed += 600'000;
  change(fake_user(2), group, MessageAct::edit, theirs, fake_user(2).id, "worse");
  EXPECT_THAT(texts(group), ElementsAre("as it was"));
}

TEST_F(MessengerGroupsTest, F12_N1_WhatIsDestroyedIsCountedOverTheDevicesOfAll) {
  log_in();
  const Id group = found(3);
  ASSERT_TRUE(messenger->send_text(group, "a canary"));
  take_all();
  const HistoryEntry mine = messenger->history(group, 1)->front();
  ASSERT_TRUE(messenger->change_message(mine, MessageAct::destroy));
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].first, 2);
  EXPECT_EQ(sent[1].first, 3);
  EXPECT_EQ(sent[0].second.act, MessageAct::destroy);
  EXPECT_EQ(sent[0].second.group, group);
  EXPECT_EQ(sent[0].second.hash, group_message_name(group, home.account().id, mine.sn));
  EXPECT_THAT(texts(group), IsEmpty());
  const auto state = [&] { return messenger->destroyed_messages()->front(); };
  EXPECT_EQ(state().of, 3);
  EXPECT_THAT(state().by, SizeIs(1));
  change(fake_user(2), group, MessageAct::erased, mine, home.account().id);
  change(fake_user(2), group, MessageAct::erased, mine, home.account().id);
  know(fake_user(9));
  change(fake_user(9), group, MessageAct::erased, mine, home.account().id);
  EXPECT_THAT(state().by, ElementsAre(home.account().id.bare().text(),
                                      fake_user(2).id.bare().text() + "/phone"));
}

TEST_F(MessengerGroupsTest, F12_N1_WhatAMemberDestroysIsErasedAndTheyAreTold) {
  log_in();
  const Id group = found(3);
  const HistoryEntry theirs = heard(group, "a canary");
  take_all();
  change(fake_user(2), group, MessageAct::destroy, theirs, fake_user(2).id);
  EXPECT_THAT(texts(group), IsEmpty());
  const auto sent = told();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].first, 2);
  EXPECT_EQ(sent[0].second.act, MessageAct::erased);
  EXPECT_EQ(sent[0].second.group, group);
  EXPECT_EQ(sent[0].second.guid, theirs.guid);
  EXPECT_EQ(sent[0].second.hash, group_message_name(group, fake_user(2).id, theirs.sn));
}

TEST_F(MessengerGroupsTest, F12_WhatWasTakenBackBeforeItCameIsNotShown) {
  log_in();
  const Id group = found(3);
  TextContent late = TextContent::make("held up on the way", clock.now(), fake_random());
  late.head.group = group;
  HistoryEntry coming{.guid = Guid::make(clock.now(), fake_random()).text(), .peer = group};
  coming.sn = late.head.sn;
  change(fake_user(2), group, MessageAct::remove, coming, fake_user(2).id);
  push(from(fake_user(2), Content(std::move(late))));
  EXPECT_THAT(texts(group), IsEmpty());
}

TEST_F(MessengerGroupsTest, F12_N1_WhatIsTakenAwayBeforeTheGroupIsKnownIsNeitherKeptNorShown) {
  log_in();
  for (int number = 2; number < 4; ++number) know(fake_user(number));
  Foreign theirs({fake_user(2).id, fake_user(3).id, home.account().id.bare()});
  const Id group = theirs.made.id;
  const auto text = [&](std::string_view words) {
    TextContent content = TextContent::make(words, clock.now(), fake_random());
    content.head.group = group;
    return content;
  };
  const TextContent waits = text("waits"), later = text("later"), stays = text("stays");
  push(from(fake_user(2), Content(waits)));
  push(from(fake_user(2), Content(stays)));
  EXPECT_EQ(messenger->set_aside().value(), 2U);
  HistoryEntry meant{.guid = Guid::make(clock.now(), fake_random()).text(), .peer = group};
  for (const TextContent* one : {&waits, &later}) {
    meant.sn = one->head.sn;
    change(fake_user(2), group, MessageAct::destroy, meant, fake_user(2).id);
  }
  meant.sn = stays.head.sn;
  change(fake_user(3), group, MessageAct::destroy, meant, fake_user(2).id);
  EXPECT_EQ(messenger->set_aside().value(), 1U) << "nothing of it is kept";
  push(from(fake_user(2), theirs.told_by(fake_user(2))));
  push(from(fake_user(2), Content(later)));
  EXPECT_THAT(texts(group), ElementsAre("stays"));
  EXPECT_EQ(messenger->set_aside().value(), 0U);
}

TEST_F(MessengerGroupsTest, F12_WhatIsTakenBackWhileItWaitsLeavesNothingBehind) {
  log_in();
  const Id group = found(3);
  messenger->closed(Lane::text);
  ASSERT_TRUE(messenger->send_text(group, "never sent"));
  const HistoryEntry mine = messenger->history(group, 1)->front();
  ASSERT_TRUE(messenger->change_message(mine, MessageAct::remove));
  EXPECT_FALSE(home.vault().contains("copies", mine.guid).value());
  EXPECT_FALSE(home.vault().contains("reached", mine.guid).value());
  EXPECT_EQ(tick_of(group), Tick::failed);
  EXPECT_EQ(messenger->waiting().value(), 0U);
}

TEST_F(MessengerGroupsTest, F11_F12_WhatHasNotGoneOutIsChangedHereAlone) {
  log_in();
  const Id group = found(3);
  messenger->closed(Lane::text);
  ASSERT_TRUE(messenger->send_text(group, "frist"));
  ASSERT_TRUE(messenger->send_text(group, "second"));
  const auto waiting = messenger->history(group, 2).value();
  ASSERT_TRUE(messenger->change_message(waiting[0], MessageAct::edit, "first"));
  ASSERT_TRUE(messenger->change_message(waiting[1], MessageAct::destroy));
  connect();
  std::vector<std::string> read;
  for (const SignedMessage& copy : take_all()) {
    const int reader = copy.sealed.envelope.receiver.same_entity(fake_user(2).id) ? 2 : 3;
    read.push_back(opened_by(fake_user(reader), copy));
  }
  EXPECT_EQ(read, (std::vector<std::string>{"first", "first"}));
  EXPECT_THAT(texts(group), ElementsAre("first"));
}

TEST_F(MessengerGroupsTest, F11_F12_WhatCannotBeChangedIsRefusedWithAReason) {
  log_in();
  const Id small = found(3);
  const HistoryEntry theirs = heard(small, "theirs");
  EXPECT_EQ(messenger->change_message(theirs, MessageAct::remove).error().code, Errc::forbidden);
  EXPECT_EQ(messenger->react(theirs, "👍", false).error().code, Errc::usage);
  EXPECT_EQ(messenger->pin(theirs, false).error().code, Errc::usage);
  const Id large = found(16);
  ASSERT_TRUE(messenger->send_text(large, "to all"));
  take_all();
  const HistoryEntry mine = messenger->history(large, 1)->front();
  EXPECT_EQ(messenger->change_message(mine, MessageAct::edit, "x").error().code, Errc::usage);
  const HistoryEntry stays = heard(large, "to all, too");
  change(fake_user(2), large, MessageAct::remove, stays, fake_user(2).id);
  EXPECT_THAT(texts(large), ElementsAre("to all", "to all, too"));
}

TEST_F(MessengerGroupsTest, F24_AThreadInAGroupNamesItsRootForAllMembers) {
  log_in();
  const Id group = found(3);
  const HistoryEntry theirs = heard(group, "roses or tulips?");
  const auto root = messenger->thread_root(theirs);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->guid, "") << "each copy has its own";
  Content roses(TextContent::make("roses", clock.now(), fake_random()));
  ASSERT_TRUE(set_thread(roses, *root));
  ASSERT_TRUE(messenger->send(group, roses));
  TextContent tulips = TextContent::make("tulips", clock.now(), fake_random());
  tulips.head.group = group;
  Content said(std::move(tulips));
  ASSERT_TRUE(set_thread(said, *root));
  push(from(fake_user(3), said));
  std::vector<std::string> read;
  const auto page = messenger->thread(group, *root, {});
  for (const HistoryEntry& entry : page->entries) {
    read.push_back(entry.text);
    EXPECT_EQ(entry.thread->guid, theirs.guid) << "as it is called here";
    EXPECT_EQ(messenger->thread_root(entry)->guid, "") << "and nowhere else";
  }
  EXPECT_THAT(read, ElementsAre("roses", "tulips"));
  EXPECT_EQ(messenger->answers(theirs).value(), 2);
}

}  // namespace
}  // namespace dim
