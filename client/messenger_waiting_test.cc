// Messages that cannot be read, or not yet: they hold up nothing and do not go without a word.
#include <algorithm>

#include "client/messenger_fixture.h"
#include "dim/engine/device_link.h"
#include "dim/engine/replay.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class MessengerWaitingTest : public MessengerTest {
 protected:
  static const Account& stranger() { return fake_user(5); }
  SignedMessage from_stranger(std::string_view text) {
    return from(stranger(), TextContent::make(text, clock.now(), fake_random()));
  }
  /// The station's answer to the question for somebody's documents.
  void answer_documents(const Account* known) {
    const Packet asked = station.next(Lane::control);
    EXPECT_EQ(asked.get("target"), (known != nullptr ? *known : stranger()).id.text());
    if (known == nullptr) return answer(Lane::control, Packet::response(404, asked.get("id")));
    JsonObject content;
    content.set("meta", known->meta.json());
    JsonArray documents;
    documents.emplace_back(known->visa.json());
    content.set("documents", std::move(documents));
    Packet packet = Packet::response(200, asked.get("id"));
    packet.content = write_json(content);
    answer(Lane::control, packet);
  }
};

TEST_F(MessengerWaitingTest, AStrangerWhoseKeysAreAskedForHoldsUpNobody) {
  log_in();
  push(from_stranger("who am I?"));
  push(from_peer("a friend"));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "a friend");
  EXPECT_EQ(messenger->set_aside().value(), 1U);
  answer_documents(&stranger());
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[1].text, "who am I?");
  EXPECT_EQ(messenger->set_aside().value(), 0U);
  push(from_stranger("known now"));
  EXPECT_EQ(received.back().text, "known now");
}

TEST_F(MessengerWaitingTest, WhoIsUnknownToTheStationIsSaidToBeUnreadableOnce) {
  log_in();
  push(from_stranger("who am I?"));
  answer_documents(nullptr);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_THAT(received[0].cause, HasSubstr("not known"));
  EXPECT_EQ(received[0].peer, stranger().id);
  EXPECT_EQ(messenger->set_aside().value(), 0U);
}

TEST_F(MessengerWaitingTest, HoweverMuchWaitsEachSenderIsAskedForOnce) {
  log_in();
  station.requests[Lane::control].clear();
  for (int number = 5; number < 9; ++number) {
    for (int i = 0; i < 3; ++i)
      push(from(fake_user(number), TextContent::make("one of many", clock.now(), fake_random())));
  }
  EXPECT_EQ(station.requests[Lane::control].size(), 4U);
  answer_documents(&stranger());
  EXPECT_EQ(station.requests[Lane::control].size(), 3U) << "the others are asked for already";
  EXPECT_THAT(received, SizeIs(3));
}

TEST_F(MessengerWaitingTest, AStationThatCannotAnswerNowHasNotSaidThatNobodyKnowsThem) {
  log_in();
  station.requests[Lane::control].clear();
  const auto guid = messenger->send_text(stranger().id, "to somebody new").value().guid;
  for (const int code : {416, 500}) {
    const Packet asked = station.next(Lane::control);
    answer(Lane::control, Packet::response(code, asked.get("id")).set("retry-after", "3"));
    clock.passed += 2'900;
    messenger->tick();
    EXPECT_THAT(station.requests[Lane::control], IsEmpty()) << "too early";
    EXPECT_EQ(messenger->waiting(), 1U) << "it has not failed";
    clock.passed += 100;
    messenger->tick();
  }
  answer_documents(&stranger());
  EXPECT_EQ(station.next(Lane::text).get("guid"), guid);
}

TEST_F(MessengerWaitingTest, WhatWaitsIsDecidedAfterARestart) {
  log_in();
  push(from_stranger("kept"));
  messenger->closed(Lane::control);
  EXPECT_THAT(received, IsEmpty());
  connect();
  answer_documents(&stranger());
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "kept");
}

TEST_F(MessengerWaitingTest, WhenTooMuchWaitsTheRestIsShownAsUnreadable) {
  log_in();
  const SignedMessage message = from_stranger("one of many");
  for (int i = 0; i < 502; ++i) push(message);
  EXPECT_EQ(messenger->set_aside().value(), 500U);
  EXPECT_THAT(received, SizeIs(2));
  EXPECT_THAT(received.front().cause, HasSubstr("keys"));
}

TEST_F(MessengerWaitingTest, WhoTakesAllPlacesWithMadeUpGroupsKeepsNobodyElseOut) {
  know(fake_user(7));
  log_in();
  const auto to_group = [&](const Account& sender, const std::string& name) {
    TextContent content = TextContent::make("hello, " + name, clock.now(), fake_random());
    content.head.group = Id(name, Address::btc(EntityType::group, as_bytes(name)));
    push(from(sender, Content(std::move(content))));
  };
  for (int i = 0; i < 501; ++i) to_group(fake_user(7), "made-up-" + std::to_string(i));
  ASSERT_EQ(messenger->set_aside().value(), 500U);
  ASSERT_THAT(received, SizeIs(1)) << "the one that found no room";
  to_group(peer(), "friends");
  push(from_stranger("who am I?"));
  EXPECT_EQ(messenger->set_aside().value(), 500U);
  ASSERT_THAT(received, SizeIs(3));
  for (const HistoryEntry& entry : received) EXPECT_EQ(entry.peer, fake_user(7).id) << entry.cause;
  answer_documents(&stranger());
  ASSERT_THAT(received, SizeIs(4));
  EXPECT_EQ(received[3].text, "who am I?");
  EXPECT_EQ(messenger->set_aside().value(), 499U) << "what the friend wrote is among them";
  to_group(fake_user(7), "made-up-again");
  EXPECT_EQ(messenger->set_aside().value(), 500U);
  to_group(fake_user(7), "one-more");
  EXPECT_EQ(received.back().peer, fake_user(7).id);
}

// I11: a visa from the future counts for nobody. To a slow clock fresh ones are from there.
constexpr Millis kHour = 3'600'000;
const Account& of_an_hour_later() {
  static const Account account =
      Account::make_user("later", kFakeNow + kHour, fake_random()).value();
  return account;
}

TEST_F(MessengerWaitingTest, I11_WhatIsForSomebodyWithAFreshVisaWaitsForASlowClock) {
  station_ahead = kHour;
  log_in();
  EXPECT_THAT(clocks, ElementsAre(kHour));
  const auto to_new = messenger->send_text(of_an_hour_later().id, "to somebody new").value().guid;
  answer_documents(&of_an_hour_later());
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  EXPECT_EQ(messenger->waiting().value(), 1U) << "it has not failed";
  const auto to_friend = send("to a friend");
  const Packet sent = station.next(Lane::text);
  EXPECT_EQ(sent.get("guid"), to_friend) << "others go on";
  const auto behind = messenger->send_text(of_an_hour_later().id, "and more").value().guid;
  clock.passed += 31'000;
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "the friend's is under way";
  accept(sent);
  clock.passed += 31'000;
  messenger->tick();
  answer_documents(&of_an_hour_later());
  EXPECT_EQ(messenger->waiting().value(), 2U) << "asked again, and still too early";
  // The clock is set right.
  clock.passed += kHour;
  messenger->tick();
  station.requests[Lane::text].clear();  // pings
  answer_documents(&of_an_hour_later());
  EXPECT_EQ(station.next(Lane::text).get("guid"), to_new);
  EXPECT_EQ(station.next(Lane::text).get("guid"), behind);
}

TEST_F(MessengerWaitingTest, I11_WhoseVisaIsOfTheFutureForTheStationTooIsNotWaitedFor) {
  log_in();
  EXPECT_THAT(clocks, IsEmpty());
  const auto guid = messenger->send_text(of_an_hour_later().id, "to a wrong clock").value().guid;
  answer_documents(&of_an_hour_later());
  EXPECT_EQ(messenger->waiting().value(), 0U);
  ASSERT_THAT(ticked, SizeIs(1));
  EXPECT_EQ(ticked[0].tick, Tick::failed);
}

TEST_F(MessengerWaitingTest, F07_WhatANewDeviceWritesWaitsForASlowClock) {
  station_ahead = kHour;
  log_in();
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("laptop", key)).value();
  const Document visa = visa_for(peer(), request, nullptr, clock.now() + kHour).value();
  const Account laptop = linked_account({peer().id, peer().meta, visa, ""}, key).value();
  Directory known;
  EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
  EXPECT_TRUE(known.learn_document(home.account().id, home.account().visa.json(), clock.now()));
  clock.passed += kHour;
  PlainMessage plain{
      .envelope = {.sender = peer().id,
                   .receiver = home.account().id,
                   .time = static_cast<double>(clock.now()) / 1000},
      .content = encode_content(TextContent::make("from the laptop", clock.now(), fake_random()))};
  plain.envelope.extra.set("visa", visa.json());
  const SignedMessage message = seal(plain, laptop, known, {.seq = 1}, fake_random()).value();
  clock.passed -= kHour;
  push(message);
  EXPECT_THAT(received, IsEmpty());
  EXPECT_EQ(messenger->set_aside().value(), 1U);
  clock.passed += kHour;
  messenger->tick();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "from the laptop");
  // Of somebody else nobody has to wait for anything.
  JsonObject json = to_json(message);
  json.set("signature", to_base64(Bytes(256, 7)));
  push(SignedMessage::parse(write_json(json)).value());
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_THAT(received[1].cause, HasSubstr("SIGNATURE"));
}

TEST_F(MessengerWaitingTest, J21_WhatASlowClockTakesForTheFutureWaitsUntilItIsNot) {
  log_in();
  const auto written_in = [&](Millis ms, std::string_view text) {
    clock.passed += ms;
    const SignedMessage out = from_peer(text);
    clock.passed -= ms;
    return out;
  };
  push(written_in(360'000, "one"));
  push(written_in(361'000, "two"));
  push(written_in(30 * 86'400'000LL, "by a clock that is a month ahead"));
  push(from_peer("zero"));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "zero");
  EXPECT_EQ(messenger->set_aside().value(), 3U);
  clock.passed += 58'000;
  messenger->tick();
  EXPECT_THAT(received, SizeIs(1));
  clock.passed += 34'000;
  messenger->tick();
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_EQ(received[1].text, "one");
  EXPECT_EQ(received[2].text, "two");
  // It survives a restart, and the clock that is set right.
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(messenger->set_aside().value(), 1U);
  clock.passed += 30 * 86'400'000LL;
  messenger->tick();
  ASSERT_THAT(received, SizeIs(4));
  EXPECT_EQ(received[3].text, "by a clock that is a month ahead");
  EXPECT_EQ(messenger->set_aside().value(), 0U);
}

TEST_F(MessengerWaitingTest, J21_WhatStaysInTheFutureIsSaidToBeUnreadableAtLast) {
  log_in();
  constexpr Millis kYear = 365 * 86'400'000LL;
  clock.passed += 5 * kYear;
  const SignedMessage never = from_peer("in the year of never");
  clock.passed -= 5 * kYear;
  push(never);
  EXPECT_THAT(received, IsEmpty());
  clock.passed += kReplayLife + 60'000;
  messenger->tick();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_THAT(received[0].cause, HasSubstr("future"));
  EXPECT_EQ(messenger->set_aside().value(), 0U);
}

TEST_F(MessengerWaitingTest, AMessageThatMakesNoSenseHoldsUpNothingAndIsShown) {
  log_in();
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "message").set("author", peer().id.text());
  packet.set("guid", Guid::make(clock.now(), fake_random()).text());
  packet.set("cursor", std::to_string(++cursor));
  packet.content = "{\"sender\": 1}";
  answer(Lane::text, packet);
  push(broken(from_peer("broken")));
  push(from_peer("right"));
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_NE(received[0].cause, "");
  EXPECT_NE(received[1].cause, "");
  EXPECT_EQ(received[2].text, "right");
}

TEST_F(MessengerWaitingTest, R1_APushThatIsNoneIsShownOnceBeforeAnythingBehindItIsAcknowledged) {
  log_in();
  const auto push_of = [&](const std::string& author) {
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message").set("author", author);
    packet.set("guid", Guid::make(clock.now(), fake_random()).text());
    packet.content = "{}";
    return packet;
  };
  const auto with_cursor = [&](Packet packet) {
    packet.set("cursor", std::to_string(++cursor));
    answer(Lane::text, packet);
    EXPECT_EQ(received.empty() ? "" : received.back().guid, packet.get("guid"));
  };
  Packet packet = push_of(peer().id.text());
  packet.content.reset();
  with_cursor(packet);
  with_cursor(push_of(peer().id.text()).set("type", "poem"));
  with_cursor(push_of("no ID at all"));
  ASSERT_THAT(received, SizeIs(3));
  for (const HistoryEntry& one : received) EXPECT_NE(one.cause, "");
  EXPECT_EQ(received[0].peer, peer().id);
  EXPECT_EQ(received[2].peer, fake_station_account().id.bare());
  // Without a cursor each is known by its GUID, or by what is in it.
  packet = push_of(peer().id.text());
  Packet nameless = push_of(peer().id.text()).set("guid", "none");
  for (int i = 0; i < 2; ++i) {
    answer(Lane::text, packet);
    answer(Lane::text, nameless);
  }
  ASSERT_THAT(received, SizeIs(5));
  EXPECT_EQ(received[3].guid, packet.get("guid"));
  EXPECT_TRUE(Guid::parse(received[4].guid)) << received[4].guid;
  const SignedMessage right = from_peer("right");
  packet.content = write_message(right);
  packet.set("guid", Guid::make(clock.now(), fake_random()).text());
  answer(Lane::text, packet);
  push(from_peer("and on"));
  ASSERT_THAT(received, SizeIs(7));
  EXPECT_EQ(received[5].text, "right");
  EXPECT_EQ(received[6].text, "and on");
}

TEST_F(MessengerWaitingTest, AForwardedMessageIsOpenedAsItsOwnSenders) {
  know(stranger());
  log_in();
  const SignedMessage inner = from_stranger("inside");
  push(from(peer(), ForwardContent::make({inner}, clock.now(), fake_random())));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "inside");
  EXPECT_EQ(received[0].peer, stranger().id);
  push(from(peer(), ForwardContent::make({inner}, clock.now(), fake_random())));
  EXPECT_THAT(received, SizeIs(1)) << "it has come before";
}

TEST_F(MessengerWaitingTest, J26_WhatIsPassedOnForOthersStaysClosedAndBringsNoReply) {
  know(stranger());
  know(fake_user(4));
  log_in();
  Directory known;
  ASSERT_TRUE(known.learn_meta(fake_user(4).id, fake_user(4).meta));
  ASSERT_TRUE(known.learn_document(fake_user(4).id, fake_user(4).visa.json(), clock.now()));
  const PlainMessage plain{
      .envelope = {.sender = stranger().id,
                   .receiver = fake_user(4).id,
                   .time = static_cast<double>(clock.now()) / 1000},
      .content = encode_content(TextContent::make("for user 4", clock.now(), fake_random()))};
  const SignedMessage inner = seal(plain, stranger(), known, {.seq = 1}, fake_random()).value();
  push(from(peer(),
            ForwardContent::make({inner, from_stranger("for me")}, clock.now(), fake_random())));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "for me");
  std::vector<std::string> told;
  for (const Packet& packet : station.requests[Lane::text]) {
    if (packet.operation == Operation::create) told.emplace_back(packet.get("target"));
  }
  EXPECT_THAT(told, testing::ElementsAre(stranger().id.text())) << "the receipt of what was for me";
}

TEST_F(MessengerWaitingTest, A12_MarksOfWhatCameAreKeptFor400DaysAndOlderMessagesRefused) {
  log_in();
  const SignedMessage old = from_peer("long ago");
  push(old);
  EXPECT_EQ(home.vault().count("seen").value(), 1);
  clock.passed += kReplayLife - 60'000;
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(home.vault().count("seen").value(), 1);
  push(old);
  EXPECT_THAT(received, SizeIs(1)) << "a replay says nothing";
  clock.passed += 120'000;
  messenger->closed(Lane::control);
  connect();
  EXPECT_EQ(home.vault().count("seen").value(), 0);
  push(old);
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[1].text, "");
  EXPECT_THAT(received[1].cause, HasSubstr("400 days"));
}

TEST_F(MessengerWaitingTest, EveryKindOfContentIsKeptAndSaidInWords) {
  log_in();
  push(from(peer(), MoneyContent::make("USD", 10.25, clock.now(), fake_random())));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].content_type, "money");
  EXPECT_EQ(received[0].words, "money: 10.25 USD");
  EXPECT_EQ(content_type(messenger->content(received[0]).value().value()), "64");
  const std::string guid = send("what for?");
  const HistoryEntry asked = entry_of(guid);
  ASSERT_GT(asked.sn, 0);
  push(from(peer(), QuoteContent::make("the lunch",
                                       {.sender = home.account().id, .type = "1", .sn = asked.sn},
                                       clock.now(), fake_random())));
  EXPECT_EQ(received.back().text, "the lunch");
  EXPECT_THAT(received.back().words, HasSubstr("what for?"));
}

}  // namespace
}  // namespace dim
