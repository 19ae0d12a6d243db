#include "client/messenger.h"

#include <cstdlib>
#include <filesystem>

#include "client/attach.h"
#include "client/messenger_fixture.h"
#include "client/rebound.h"
#include "dim/engine/steps.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(MessengerTest, P36_WhatWasNotAnsweredGoesOutAgainWithTheSameBytes) {
  log_in();
  const std::string guid = send("once");
  const Packet first = station.next(Lane::text);
  EXPECT_EQ(first.get("guid"), guid);
  messenger->closed(Lane::text);
  connect();
  const Packet again = station.next(Lane::text);
  EXPECT_EQ(again.get("guid"), guid);
  EXPECT_EQ(again.content, first.content);
  accept(again);
  EXPECT_EQ(entry_of(guid).tick, Tick::sent);
  EXPECT_EQ(messenger->waiting(), 0U);
  connect();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
}

TEST_F(MessengerTest, R5_OnlyWhatMayBeSignedAnewIsComparedByItsContent) {
  log_in();
  const auto marks = [this] { return home.vault().count("seen").value(); };
  push(from_peer("hello"));
  EXPECT_EQ(marks(), 1) << "its hash";
  // Through a station of the dimchat world: signed anew, it is another message with the same words.
  const Content words = TextContent::make("again and again", clock.now(), fake_random());
  const std::string name_of_bytes = "0190c41e600080008000000000000001";
  push(from(peer(), words), name_of_bytes);
  EXPECT_EQ(marks(), 3);
  push(from(peer(), words), "0190c41e600080008000000000000002");
  EXPECT_THAT(received, SizeIs(2));
}

// The receiver's station is a neighbour of ours: there the message has another GUID.
TEST_F(MessengerTest, A16_AReceiptWithAnotherGuidIsFoundByTheHashHoweverLongAgo) {
  log_in();
  const auto receipt_of = [this](const Packet& request, const Account& from_whom) {
    const Digest32 hash = message_hash(SignedMessage::parse(*request.content).value());
    const std::string guid = Guid::make(clock.now(), fake_random()).text();
    const Receipt receipt{.guid = guid, .hash = hash, .read = true};
    return from(from_whom,
                decode_content(receipt_content(receipt, clock.now(), fake_random())).value());
  };
  const std::string first = send("to a neighbour's user");
  const Packet request = station.next(Lane::text);
  accept(request);
  const auto text = messenger->history(peer().id, 1).value().front();
  History history(home.vault());
  for (int i = 0; i < 1'001; ++i) {
    HistoryEntry later = text;
    later.guid = Guid::make(clock.now(), fake_random()).text();
    later.hash.clear();
    ASSERT_TRUE(history.put(later));
  }
  ticked.clear();
  know(fake_user(3));
  push(receipt_of(request, fake_user(3)));
  EXPECT_THAT(ticked, IsEmpty()) << "who was not written to has nothing to say about it";
  push(receipt_of(request, peer()));
  ASSERT_THAT(ticked, SizeIs(1));
  EXPECT_EQ(ticked.front().guid, first);
  EXPECT_EQ(ticked.front().tick, Tick::read);
}

TEST_F(MessengerTest, F09_TicksGoFromQueuedToSentToDeliveredToReadAndNeverBack) {
  log_in();
  const std::string guid = send("tick?");
  EXPECT_EQ(to_string(entry_of(guid).tick), "queued");
  const Packet request = station.next(Lane::text);
  accept(request);
  EXPECT_EQ(to_string(entry_of(guid).tick), "sent");
  const SignedMessage message = SignedMessage::parse(*request.content).value();
  const auto receipt = [&](bool read) {
    const Receipt one{.guid = guid, .hash = message_hash(message), .read = read};
    push(from(peer(), decode_content(receipt_content(one, clock.now(), fake_random())).value()));
  };
  ticked.clear();
  receipt(false);
  EXPECT_EQ(to_string(entry_of(guid).tick), "delivered");
  receipt(true);
  EXPECT_EQ(to_string(entry_of(guid).tick), "read");
  receipt(false);
  EXPECT_EQ(to_string(entry_of(guid).tick), "read");
  std::vector<Tick> told;
  for (const HistoryEntry& entry : ticked) told.push_back(entry.tick);
  EXPECT_THAT(told, ElementsAre(Tick::delivered, Tick::read));
}

TEST_F(MessengerTest, F16_TextsThatDisappearAreErasedOnBothSides) {
  log_in();
  TextContent content = TextContent::make("short", clock.now(), fake_random());
  set_expiry(content, clock.now() + 60'000);
  const auto sent = messenger->send(peer().id, Content(content));
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->expires, (clock.now() + 60'000) / 1'000 * 1'000);
  accept(station.next(Lane::text));
  push(from(peer(), Content(content)));
  ASSERT_THAT(received, SizeIs(1));
  const auto answer =
      quote(received.front(), home.account().id, "Really?", clock.now(), fake_random());
  ASSERT_TRUE(answer);
  ASSERT_TRUE(messenger->send(peer().id, Content(*answer)));
  EXPECT_THAT(*messenger->history(peer().id, 10), SizeIs(3));
  EXPECT_THAT(*messenger->unread(), SizeIs(1));
  clock.passed += 61'000;
  messenger->tick();
  const auto left = messenger->history(peer().id, 10).value();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left.front().text, "Really?");
  EXPECT_THAT(left.front().words, testing::Not(testing::HasSubstr("short")));
  EXPECT_THAT(*messenger->unread(), IsEmpty());
  // One whose time is over when it comes is never shown.
  push(from(peer(), Content(content)));
  EXPECT_THAT(received, SizeIs(1));
  EXPECT_THAT(*messenger->history(peer().id, 10), SizeIs(1));
}

TEST_F(MessengerTest, KeepsOrderAndAWindowOfUnansweredMessages) {
  log_in();
  clock.passed += 60'000;
  std::vector<std::string> guids;
  for (int i = 0; i < 40; ++i) guids.push_back(send("number " + std::to_string(i)));
  ASSERT_THAT(station.requests[Lane::text], SizeIs(32));
  for (int i = 0; i < 40; ++i) {
    const Packet request = station.next(Lane::text);
    EXPECT_EQ(request.get("guid"), guids[static_cast<std::size_t>(i)]);
    accept(request);
    clock.passed += 1'000;
    messenger->tick();
  }
  EXPECT_EQ(messenger->waiting(), 0U);
  EXPECT_THAT(ticked, SizeIs(40));
}

TEST_F(MessengerTest, AfterTooManyRequestsItWaitsAndBeginsWithTheOldest) {
  log_in();
  clock.passed += 60'000;
  const std::string one = send("one");
  const std::string two = send("two");
  const Packet first = station.next(Lane::text);
  const Packet second = station.next(Lane::text);
  answer(Lane::text, Packet::response(416, first.get("id")).set("retry-after", "3"));
  accept(second);
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  clock.passed += 2'999;
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "3 seconds are not over";
  clock.passed += 1;
  messenger->tick();
  EXPECT_EQ(station.next(Lane::text).get("guid"), one);
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "two was taken already";
}

TEST_F(MessengerTest, ACutWhileKeysAreAskedForDoesNotStopTheOutbox) {
  log_in();
  const Account& stranger = fake_user(3);
  ASSERT_TRUE(messenger->send_text(stranger.id, "whose keys are not known"));
  EXPECT_EQ(station.next(Lane::control).get("type"), "document");
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(station.next(Lane::control).get("type"), "document") << "asked for again";
}

TEST_F(MessengerTest, ARefusedMessageFailsAndTheNextGoesOut) {
  log_in();
  const std::string guid = send("refused");
  send("taken");
  answer(Lane::text,
         Packet::response(403, station.next(Lane::text).get("id")).set("message", "no"));
  EXPECT_EQ(entry_of(guid).tick, Tick::failed);
  EXPECT_THAT(entry_of(guid).cause, HasSubstr("403"));
  accept(station.next(Lane::text));
  EXPECT_EQ(messenger->waiting(), 0U);
}

TEST_F(MessengerTest, WhenTheStationIsOverloadedTheMessageStays) {
  log_in();
  const std::string guid = send("later");
  accept(station.next(Lane::text), 510);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, Errc::unavailable);
  EXPECT_EQ(entry_of(guid).tick, Tick::queued);
  EXPECT_EQ(messenger->waiting(), 1U);
}

TEST_F(MessengerTest, R14_AReceiverForWhomThereIsNoRoomHoldsUpNobodyElse) {
  const Account& other = fake_user(3);
  know(other);
  log_in();
  const std::string first = send("first"), second = send("second");
  const Packet refused = station.next(Lane::text);
  ASSERT_EQ(refused.get("guid"), first);
  ASSERT_EQ(station.next(Lane::text).get("guid"), second);
  answer(Lane::text, Packet::response(506, refused.get("id")).set("message", "full"));
  EXPECT_FALSE(failure.has_value());
  EXPECT_TRUE(messenger->is_ready());
  EXPECT_EQ(entry_of(first).tick, Tick::queued);
  EXPECT_THAT(entry_of(first).cause, HasSubstr("506"));
  // What is for others goes out; what is for that one waits behind the first.
  const std::string third = send("third");
  auto to_other = messenger->send_text(other.id, "for somebody else");
  ASSERT_TRUE(to_other);
  const Packet passed = station.next(Lane::text);
  EXPECT_EQ(passed.get("guid"), to_other->guid);
  accept(passed);
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  clock.passed += 61'000;
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "the second one has no answer yet";
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(station.next(Lane::text).get("guid"), first) << "a new session asks again";
  EXPECT_EQ(station.next(Lane::text).get("guid"), second);
  EXPECT_EQ(station.next(Lane::text).get("guid"), third);
}

TEST_F(MessengerTest, R14_WhatFoundNoRoomGoesOutInTheSameSessionLater) {
  log_in();
  const std::string guid = send("later");
  const Packet refused = station.next(Lane::text);
  answer(Lane::text, Packet::response(506, refused.get("id")).set("message", "full"));
  EXPECT_TRUE(messenger->rests()) << "a program need not wait for it";
  EXPECT_EQ(messenger->waiting(), 1U);
  clock.passed += 30'000;
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  clock.passed += 31'000;
  messenger->tick();
  const Packet again = station.next(Lane::text);
  EXPECT_EQ(again.get("guid"), guid);
  EXPECT_EQ(again.content, refused.content) << "the same bytes (P36)";
  accept(again);
  EXPECT_EQ(entry_of(guid).tick, Tick::sent);
  EXPECT_EQ(entry_of(guid).cause, "");
  EXPECT_EQ(messenger->waiting(), 0U);
}

TEST_F(MessengerTest, ARowOfTheOutboxThatCannotBeReadHoldsUpNothing) {
  ASSERT_TRUE(home.vault().put("outbox", "0190c41e-6000-7000-8000-0000000000ff", "{\"to\":1}"));
  log_in();
  const std::string guid = send("behind it");
  EXPECT_EQ(station.next(Lane::text).get("guid"), guid);
}

TEST_F(MessengerTest, R5_WhatTheDiskRefusesKeepsItsPlaceInTheOutbox) {
  std::string folder = (std::filesystem::temp_directory_path() / "dim-outbox-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  folder += "/home";
  home =
      Home::create(folder, std::nullopt,
                   Account::make_user("me", kFakeNow - 1'000, fake_random()).value(), fake_random())
          .value();
  ASSERT_TRUE(home.set_station(fake_target()));
  know(peer());
  log_in();
  const std::string zero = send("zero");
  answer(Lane::text, Packet::response(416, station.next(Lane::text).get("id"))
                         .set("retry-after", "1")
                         .set("message", "slowly"));
  const std::string one = send("one"), two = send("two");
  ASSERT_THAT(station.requests[Lane::text], IsEmpty());
  {
    Home other = Home::open(folder, std::nullopt, fake_random()).value();
    clock.passed += 1'000;
    ASSERT_TRUE(other.vault().transaction([&]() -> Status {
      messenger->tick();  // waits 5 s for the other program, in vain
      return {};
    }));
  }
  EXPECT_EQ(station.next(Lane::text).get("guid"), zero) << "it is sealed already";
  ASSERT_THAT(station.requests[Lane::text], IsEmpty());
  clock.passed += 1'000;
  messenger->tick();
  for (const std::string& guid : {one, two}) EXPECT_EQ(station.next(Lane::text).get("guid"), guid);
  messenger.reset();
  std::filesystem::remove_all(std::filesystem::path(folder).parent_path());
}

TEST_F(MessengerTest, WhatAnotherProgramOfThisHomeWritesGoesOutAtTheNextTick) {
  log_in();
  {
    Outbox other(home.vault());
    ASSERT_TRUE(other.put({.guid = "0190c41e-6000-7000-8000-0000000000aa",
                           .kind = "message",
                           .to = peer().id,
                           .time = clock.now(),
                           .content = text_content("from elsewhere", clock.now(), fake_random())}));
  }
  clock.passed += 1'000;
  messenger->tick();
  EXPECT_EQ(station.next(Lane::text).get("guid"), "0190c41e-6000-7000-8000-0000000000aa");
}

TEST_F(MessengerTest, A12_J23_APushIsStoredOnceAndItsCursorAcknowledged) {
  log_in();
  const SignedMessage message = from_peer("hello");
  push(message, "0190c41e-6000-7000-8000-000000000001");
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "hello");
  EXPECT_EQ(station.next(Lane::text).get("cursor"), "1");
  push(message, "0190c41e-6000-7000-8000-000000000002");
  EXPECT_THAT(received, SizeIs(1)) << "the same message under another GUID is a replay (A12)";
  EXPECT_THAT(*messenger->history(peer().id, 10), SizeIs(1));
}

TEST_F(MessengerTest, R1_AfterLogInAStationHearsOnceWhatThisHomeHas) {
  log_in();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "nothing has come to a new home";
  push(from_peer("hello"));
  push(from_peer("and more"));
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(station.next(Lane::text).get("cursor"), "2")
      << "a station that was killed has forgotten it";
  for (const Packet& other : station.requests[Lane::text])
    EXPECT_NE(other.get("type"), "cursor") << "once";
}

TEST_F(MessengerTest, F81_R5_ACursorIsOfTheStationThatItCameFrom) {
  // Of an earlier version, which knew one cursor, of whatever station.
  const Account elsewhere =
      Account::make_station("elsewhere", {}, kFakeNow - 1'000, fake_random()).value();
  const std::string first = elsewhere.id.text();
  StationTarget other = fake_target();
  other.id = first;
  ASSERT_TRUE(home.set_station(other));
  ASSERT_TRUE(home.vault().put("state", "cursor", "500"));
  EXPECT_EQ(home.inbox_cursor(first).value(), 500);
  cursor = 800;  // of another inbox, which has more
  log_in({.target = fake_target()});
  EXPECT_EQ(asked_after, "0") << "what waits here has nothing to do with what came there";
  for (const Packet& told : station.requests[Lane::text])
    EXPECT_NE(told.get("type"), "cursor") << "and nothing of it is dropped";
  push(from_peer("hello"));
  EXPECT_EQ(home.inbox_cursor(fake_target().id).value(), 801);
  EXPECT_EQ(home.inbox_cursor(first).value(), 500) << "who goes back goes on there";
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(asked_after, "801");
  ASSERT_TRUE(home.set_station(other));
  EXPECT_EQ(home.inbox_cursor(first).value(), 500);
}

TEST_F(MessengerTest, F81_AnInboxThatBeganAnewIsReadFromItsBeginning) {
  log_in();
  for (const char* text : {"one", "two", "three"}) push(from_peer(text));
  messenger->closed(Lane::control);
  cursor = 2;  // a station that was restored from a backup, where we were new
  connect();
  EXPECT_EQ(asked_after, "0");
  for (const Packet& other : station.requests[Lane::text])
    EXPECT_NE(other.get("type"), "cursor") << "what it has is not had";
  cursor = 0;
  const SignedMessage again = from_peer("four");
  push(again);
  push(from_peer("five"));
  push(again);  // what comes twice is shown once
  ASSERT_THAT(received, SizeIs(5));
  EXPECT_EQ(received[3].text, "four");
  EXPECT_EQ(received[4].text, "five");
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(asked_after, "3") << "and is not forgotten";
  push(from_peer("six"));
  EXPECT_EQ(received.back().text, "six");
}

TEST_F(MessengerTest, A13_AGapIsToldAndTakenBackWhenItFillsItselfLater) {
  log_in();
  const SignedMessage one = from_peer("one"), two = from_peer("two"), three = from_peer("three");
  const SignedMessage four = from_peer("four"), five = from_peer("five");
  push(one);
  push(four, "0190c41e-6000-7000-8000-000000000004");
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[0].missing, 0);
  EXPECT_EQ(received[1].missing, 2);
  push(three);
  EXPECT_EQ(entry_of("0190c41e-6000-7000-8000-000000000004").missing, 1);
  push(two);
  push(five);
  const auto all = messenger->history(peer().id, 10).value();
  for (const HistoryEntry& entry : all) {
    EXPECT_EQ(entry.missing, 0) << entry.text;
    EXPECT_FALSE(entry.forked) << entry.text;
  }
}

TEST_F(MessengerTest, A13_AGapThatOnlyAReceiptShowsIsToldWithTheNextText) {
  log_in();
  send("to be receipted");
  const Packet request = station.next(Lane::text);
  push(from_peer("one"));
  (void)from_peer("withheld");
  const Receipt receipt{.guid = std::string(request.get("guid")),
                        .hash = message_hash(SignedMessage::parse(*request.content).value())};
  push(from(peer(), decode_content(receipt_content(receipt, clock.now(), fake_random())).value()));
  ASSERT_THAT(received, SizeIs(1));
  push(from_peer("three"));
  push(from_peer("four"));
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_EQ(received[1].missing, 1);
  EXPECT_EQ(received[2].missing, 0);
}

TEST_F(MessengerTest, A13_WhatDoesNotFollowOnItsSendersLastMessageIsShownAsThat) {
  log_in();
  push(from_peer("one"));
  // An old copy of the sender's home writes its first message once more.
  chains.clear();
  push(from_peer("another one"));
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_TRUE(received[1].forked);
  push(from_peer("two"));
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_TRUE(received[2].forked) << "it follows on the other one";
  push(from_peer("three"));
  EXPECT_FALSE(received[3].forked) << "told once";
  EXPECT_TRUE(messenger->history(peer().id, 10)->at(1).forked) << "and kept";
}

TEST_F(MessengerTest, UnreadIsAskedAgainOnlyWhenItMayHaveGrown) {
  log_in();
  EXPECT_TRUE(messenger->unread_may_have_grown());
  EXPECT_FALSE(messenger->unread_may_have_grown());
  push(from_peer("new"));
  EXPECT_TRUE(messenger->unread_may_have_grown());
  EXPECT_FALSE(messenger->unread_may_have_grown());
  clock.passed += 1'000;
  EXPECT_TRUE(messenger->unread_may_have_grown()) << "another program may have received";
}

// A station, or the peer, that names the GUID of a message that is there already.
TEST_F(MessengerTest, P36_AGuidThatIsTakenNeverReplacesWhatWasSaid) {
  log_in();
  const std::string mine = send("my own words");
  accept(station.next(Lane::text));
  push(from_peer("instead of them"), mine);
  push(broken(from_peer("nor this")), mine);
  const HistoryEntry kept = entry_of(mine);
  EXPECT_TRUE(kept.outgoing);
  EXPECT_EQ(kept.text, "my own words");
  EXPECT_EQ(kept.tick, Tick::sent);

  const std::string theirs = "0190c41e-6000-7000-8000-000000000003";
  push(from_peer("first"), theirs);
  push(from_peer("second"), theirs);
  EXPECT_EQ(entry_of(theirs).text, "first");
  std::vector<std::string> texts;
  for (const HistoryEntry& entry : *messenger->history(peer().id, 10)) texts.push_back(entry.text);
  EXPECT_THAT(texts, testing::UnorderedElementsAre("my own words", "instead of them", "", "first",
                                                   "second"))
      << "nothing is lost either";
}

TEST_F(MessengerTest, A22_AfterTwentyFailuresNothingOfThatSenderIsTried) {
  log_in();
  const SignedMessage good = from_peer("good");
  for (std::size_t i = 0; i < kFailedDecrypts; ++i) push(broken(from_peer("bad")));
  ASSERT_THAT(received, SizeIs(kFailedDecrypts));
  log_in();  // the count is on the disk, not in the program
  received.clear();
  push(good);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_THAT(received[0].cause, HasSubstr("E_DECRYPT"));
  clock.passed += kFailedDecryptsMs;
  received.clear();
  push(from_peer("an hour later"));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "an hour later");
}

TEST_F(MessengerTest, J22_A08_WhatIsNotBoundToThisHomeIsShownAsThatAndNeverItsText) {
  log_in();
  // The peer's visa promises `bind`. This is what somebody else's program, or an attacker who has
  // wrapped the key of another message anew, sends in its name.
  JsonObject content =
      encode_content(TextContent::make("for somebody else", clock.now(), fake_random()));
  const auto& recipient = home.account();
  const std::vector<Recipient> to = {
      {recipient.id.text(), recipient.message_keys.front().public_key()}};
  Envelope envelope{.sender = peer().id, .receiver = recipient.id};
  envelope.time = static_cast<double>(clock.now()) / 1000;
  push(sign(
      encrypt(std::move(envelope), as_bytes(pad_content(write_json(content)).value()),
              SymmetricKey::generate(fake_random()), fake_random().array<16>(), to, fake_random())
          .value(),
      peer().identity_key));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_TRUE(is_rebound(received[0])) << received[0].cause;
  EXPECT_THAT(received[0].cause, HasSubstr("E_REBOUND"));
  EXPECT_EQ(received[0].text, "");
  EXPECT_EQ(received[0].peer.text(), peer().id.bare().text());
  EXPECT_TRUE(is_rebound(messenger->unread()->at(0))) << "until somebody has seen it";
  EXPECT_THAT(station.requests[Lane::text],
              testing::Not(testing::Contains(testing::ResultOf(
                  [](const Packet& one) { return std::string(one.get("type")); }, "receipt"))))
      << "its sender is told nothing";
}

TEST_F(MessengerTest, AnAddressIsTheHomesWhenTheStationHasProvedThatItIsThere) {
  StationTarget moved = fake_target();
  moved.host = "moved.example";
  messenger.emplace(home, transport(), clock, fake_random(), MessengerEvents{},
                    Messenger::Options{.target = moved});
  ASSERT_TRUE(messenger->start());
  messenger->unreachable(Lane::control, {Errc::unreachable, "nobody there"});
  EXPECT_EQ(home.station().value()->host, fake_target().host);
  connect();
  EXPECT_EQ(home.station().value()->host, "moved.example");
}

TEST_F(MessengerTest, F19_NothingIsHeardOfWhomThePersonHasBlocked) {
  log_in();
  push(from_peer("hello"));
  ASSERT_THAT(received, SizeIs(1));
  Contact contact = home.contact(peer().id).value().value();
  EXPECT_TRUE(contact.is_stranger()) << "they have written first";
  contact.refused = true;
  ASSERT_TRUE(home.put_contact(contact));
  received.clear();
  station.requests[Lane::text].clear();
  push(from_peer("are you there?"));
  push(broken(from_peer("damaged")));
  notice(peer().id, "presence", "online");
  EXPECT_THAT(received, IsEmpty());
  EXPECT_THAT(notices, IsEmpty());
  EXPECT_THAT(messenger->history(peer().id, 10).value(), SizeIs(1));
  EXPECT_THAT(messenger->unread().value(), SizeIs(1));
  EXPECT_EQ(messenger->waiting(), 1U) << "no receipt but that of the first";
  for (const Packet& request : station.requests[Lane::text])
    EXPECT_EQ(request.operation, Operation::notify) << "it is acknowledged, and that is all";
  contact = home.contact(peer().id).value().value();
  contact.refused = false;
  ASSERT_TRUE(home.put_contact(contact));
  push(from_peer("and now?"));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "and now?");
}

TEST_F(MessengerTest, F19_WhatAMutedPersonWritesCountsAsSeen) {
  log_in();
  push(from_peer("hello"));
  Contact contact = home.contact(peer().id).value().value();
  contact.muted = true;
  ASSERT_TRUE(home.put_contact(contact));
  push(from_peer("hello again"));
  EXPECT_THAT(messenger->history(peer().id, 10).value(), SizeIs(2));
  EXPECT_THAT(messenger->unread().value(), SizeIs(1));
}

TEST_F(MessengerTest, N10_WhomOneHasWrittenToIsNoStranger) {
  log_in();
  push(from_peer("hello"));
  EXPECT_TRUE(home.contact(peer().id).value()->is_stranger());
  send("hello");
  EXPECT_FALSE(home.contact(peer().id).value()->is_stranger());
}

TEST_F(MessengerTest, N8_RemembersForAnHourThatOnlyOnePortCanBeReached) {
  const auto log_in_shut = [this](bool known) {
    station = FakeStation();
    messenger->stop();
    ASSERT_TRUE(messenger->start());
    messenger->opened(Lane::control, fake_binding(Lane::control), fake_spki());
    answer(Lane::control, station.challenge(station.next(Lane::control)));
    answer(Lane::control, FakeStation::welcome(station.next(Lane::control)));
    EXPECT_EQ(station.requests[Lane::text].empty(), !known) << "asked for at once when known";
    if (!known) messenger->unreachable(Lane::text, {Errc::unreachable, "no way"});
    const Packet proof = station.next(Lane::text);
    EXPECT_EQ(proof.get("lane"), "text");
    answer(Lane::control, Packet::response(200, proof.get("id")).set("lane", "text"));
    ASSERT_TRUE(messenger->is_ready());
  };
  log_in();
  log_in_shut(false);
  log_in_shut(true);
  clock.passed += 3'500'000;
  log_in_shut(true);
  clock.passed += 200'000;
  log_in_shut(false);
}

TEST_F(MessengerTest, F10_PresenceIsToldToThoseOneHasWrittenTo) {
  know(fake_user(3));
  log_in({.presence = true});
  EXPECT_THAT(announced(), IsEmpty()) << "nobody was written to";
  send("hello");
  connect();
  EXPECT_THAT(announced(), ElementsAre("online [" + peer().id.text() + "]"));
  messenger->leave();
  EXPECT_THAT(announced(), ElementsAre("offline [" + peer().id.text() + "]"));
}

TEST_F(MessengerTest, F10_WhoComesLaterIsToldOnceThatOneIsHere) {
  log_in({.presence = true});
  send("hello");
  connect();
  announced();
  notice(peer().id, "presence", "online");
  EXPECT_THAT(announced(), IsEmpty()) << "told a moment ago";
  clock.passed += 10'000;
  notice(peer().id, "presence", "online");
  EXPECT_THAT(announced(), ElementsAre("online " + peer().id.text()));
  notice(peer().id, "presence", "online");
  notice(peer().id, "presence", "offline");
  EXPECT_THAT(announced(), IsEmpty());
  EXPECT_THAT(notices, SizeIs(4));
}

TEST_F(MessengerTest, F10_SwitchedOffNothingIsTold) {
  log_in();
  send("hello");
  connect();
  clock.passed += 60'000;
  notice(peer().id, "presence", "online");
  messenger->leave();
  EXPECT_THAT(announced(), IsEmpty());
}

TEST_F(MessengerTest, NoticesOfStrangersAreNotHeard) {
  log_in({.presence = true});
  notice(fake_user(3).id, "typing", "on");
  notice(fake_user(3).id, "presence", "online");
  EXPECT_THAT(notices, IsEmpty());
  send("hello");
  notice(peer().id, "typing", "on");
  notice(peer().id, "typing", "off");
  EXPECT_THAT(notices, ElementsAre(peer().id.text() + " types", peer().id.text() + " rests"));
}

}  // namespace
}  // namespace dim
