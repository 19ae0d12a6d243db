// Two devices of one person: what they tell others, and each other.
#include <map>

#include "client/messenger_fixture.h"
#include "client/native_keys.h"
#include "dim/engine/device_link.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class MessengerDevicesTest : public MessengerTest {
 protected:
  MessengerDevicesTest() {
    const Account& me = home.account();
    const auto key = PrivateKey::generate_rsa().value();
    const auto native = native::DeviceKeys::generate(fake_random());
    const auto request =
        DeviceRequest::parse(*DeviceRequest::make("laptop", key, native.public_half())).value();
    visa = visa_for(me, request, nullptr, kFakeNow).value();
    gone = visa_without(me, *visa, kFakeNow).value();
    laptop.emplace(
        Home::in_memory(
            linked_account({me.id, me.meta, *visa, ""}, key, native.public_half()).value(),
            fake_random(), &native)
            .value());
    EXPECT_TRUE(laptop->set_station(fake_target()));
    EXPECT_TRUE(laptop->learn(peer().id, peer().meta.json(), {peer().visa.json()}, kFakeNow));
  }
  /// Each of the two devices knows of both.
  void learn_both() {
    for (Home* one : {&home, &*laptop}) {
      EXPECT_TRUE(one->learn(home.account().id, home.account().meta.json(),
                             {home.account().visa.json(), visa->json()}, kFakeNow));
    }
  }
  /// A message of the peer for both devices.
  SignedMessage to_both(std::string_view text) {
    const Account& me = home.account();
    Directory known;
    EXPECT_TRUE(known.learn_meta(me.id, me.meta));
    for (const Document& one : {me.visa, *visa})
      EXPECT_TRUE(known.learn_document(me.id, one.json(), clock.now()));
    const PlainMessage plain{
        .envelope = {.sender = peer().id,
                     .receiver = me.id,
                     .time = static_cast<double>(clock.now()) / 1000},
        .content = encode_content(TextContent::make(text, clock.now(), fake_random()))};
    Chain& chain = chains[peer().id.text()];
    ++chain.seq;
    auto sealed = seal(plain, peer(), known, chain, fake_random()).value();
    chain.prev = to_base64(message_hash(sealed));
    return sealed;
  }
  /// What the peer reads of the next message.
  std::optional<Content> told() {
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    Packet next = station.next(Lane::text);
    while (next.get("target") == home.account().id.text()) next = station.next(Lane::text);
    const auto message = SignedMessage::parse(*next.content).value();
    auto opened = open(message, peer(), known, {}, clock.now());
    EXPECT_TRUE(opened) << to_string(opened.error());
    if (!opened) return std::nullopt;
    return decode_content(opened->message.content).value();
  }
  /// The station has none of the other device: what is for it goes in the old form.
  void refuse_prekeys() {
    auto& waiting = station.requests[Lane::control];
    const auto found = std::ranges::find_if(
        waiting, [](const Packet& one) { return one.get("type") == "prekeys"; });
    ASSERT_NE(found, waiting.end());
    const Packet refusal = Packet::response(404, found->get("id"));
    waiting.erase(found);
    answer(Lane::control, refusal);
  }
  std::optional<Document> visa, gone;
  std::optional<Home> laptop;
};

TEST_F(MessengerDevicesTest, F07_ItNamesItselfToTheStationAndShowsItsVisaToPeople) {
  std::swap(home, *laptop);
  log_in();
  send("from the laptop");
  send("and again");
  for (int i = 0; i < 2; ++i) {
    const auto content = told();
    ASSERT_TRUE(content);
    EXPECT_NE(content->as<TextContent>(), nullptr) << "it could be verified";
  }
  std::swap(home, *laptop);
}

TEST_F(MessengerDevicesTest, F07_VisasOfAllDevicesAreSignedAnewInTime) {
  const Id me = home.account().id;
  const auto learn = [&](const Document& one) {
    ASSERT_TRUE(home.learn(me, home.account().meta.json(), {one.json()}, clock.now()));
  };
  learn(home.account().visa);
  const auto take_published = [&] {
    std::map<std::string, Document> out;
    while (!station.requests[Lane::control].empty()) {
      const Packet request = station.next(Lane::control);
      if (request.operation != Operation::create || request.get("type") != "document") continue;
      const JsonObject content = *parse_json_object(*request.content);
      auto one = Document::parse(*content.find("document")->object(), me, home.account().meta);
      EXPECT_TRUE(one);
      EXPECT_EQ(one->time(), clock.now());
      out.emplace(one->terminal(), *one);
      answer(Lane::control, Packet::response(201, request.get("id")));
    }
    return out;
  };
  learn(*visa);
  clock.passed += Millis{80} * 86'400'000;
  log_in();
  EXPECT_THAT(take_published(), IsEmpty()) << "both have time";
  // The own one with a new key, which is due after 90 days; the linked one with the key it has.
  clock.passed += Millis{80} * 86'400'000;
  connect();
  auto renewed = take_published();
  ASSERT_THAT(renewed, SizeIs(2));
  EXPECT_EQ(renewed.at("").digest(), home.account().visa.digest());
  EXPECT_EQ(home.account().message_keys.size(), 2U);
  EXPECT_EQ(renewed.at("laptop").message_key()->data(), visa->message_key()->data());
  connect();
  EXPECT_THAT(take_published(), IsEmpty()) << "once";
  EXPECT_EQ(home.directory().message_keys(me).size(), 2U) << "nothing of it was refused (I13)";
}

TEST_F(MessengerDevicesTest, F07_GroupsAreChangedWhereTheIdentityIs) {
  std::swap(home, *laptop);
  log_in();
  const auto made = messenger->change_group(
      [&](Groups& groups, Millis now) { return groups.create("friends", {peer().id}, now); },
      "founded it");
  EXPECT_EQ(made.error().code, Errc::forbidden);
}

TEST_F(MessengerDevicesTest, F07_PeopleOneHasWrittenToAreToldOfDevicesThatCameAndWent) {
  log_in();
  const Account& me = home.account();
  ASSERT_TRUE(home.learn(me.id, me.meta.json(), {me.visa.json(), visa->json()}, kFakeNow));
  ASSERT_TRUE(messenger->announce_devices());
  EXPECT_EQ(station.requests[Lane::text].size(), 1U) << "the other device; no strangers";
  send("hello");
  ASSERT_TRUE(told());
  for (const Document& newest : {*visa, *gone}) {
    ASSERT_TRUE(home.learn(me.id, me.meta.json(), {newest.json()}, kFakeNow));
    ASSERT_TRUE(messenger->announce_devices());
    const auto content = told();
    const auto* documents = content ? content->as<DocumentsContent>() : nullptr;
    ASSERT_NE(documents, nullptr);
    ASSERT_EQ(documents->documents.size(), 2U);
    std::vector<Digest32> digests;
    for (const JsonObject& one : documents->documents)
      digests.push_back(Document::parse(one, me.id, me.meta)->digest());
    EXPECT_THAT(digests, testing::Contains(newest.digest()));
  }
}

// A linked device of before N1.
TEST_F(MessengerDevicesTest, A03_ALinkedDeviceWithoutKeysOfN1GetsAVisaThatNamesThem) {
  const auto key = PrivateKey::generate_rsa().value();
  const Id me = home.account().id;
  const JsonObject meta = home.account().meta.json();
  {
    const auto request = DeviceRequest::parse(*DeviceRequest::make("tablet", key)).value();
    visa = visa_for(home.account(), request, nullptr, kFakeNow).value();
    laptop = Home::in_memory(linked_account({me, home.account().meta, *visa, ""}, key).value(),
                             fake_random())
                 .value();
    ASSERT_TRUE(laptop->set_station(fake_target()));
  }
  learn_both();
  std::swap(home, *laptop);
  log_in();
  const Packet asking = station.next(Lane::text);
  EXPECT_EQ(asking.get("target"), me.text());
  const SignedMessage note = SignedMessage::parse(*asking.content).value();
  const auto own = native_device_keys(home.vault()).value().public_half();
  connect();
  accept(station.next(Lane::text));
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "once a week";

  std::swap(home, *laptop);
  log_in();
  push(note);
  EXPECT_THAT(received, IsEmpty());
  Packet publishing = station.next(Lane::control);
  while (publishing.get("type") != "document") publishing = station.next(Lane::control);
  const JsonObject content = *parse_json_object(*publishing.content);
  const JsonObject& renewed = *content.find("document")->object();
  const Document next = Document::parse(renewed, me, home.account().meta).value();
  EXPECT_EQ(next.terminal(), "tablet");
  EXPECT_EQ(next.message_key()->data(), key.public_key().data());
  EXPECT_EQ(native::device_of(next).value(), own);
  answer(Lane::control, Packet::response(201, publishing.get("id")));
  push(note, Guid::make(clock.now(), fake_random()).text());
  EXPECT_THAT(station.requests[Lane::control], IsEmpty()) << "it has it";

  std::swap(home, *laptop);
  ASSERT_TRUE(home.learn(me, meta, {renewed}, clock.now()));
  EXPECT_EQ(native::device_of(home.account().visa).value(), own);
  std::swap(home, *laptop);
}

// Who can write in the name of somebody else's device signs as none.
TEST_F(MessengerDevicesTest, A03_OnlyADeviceItselfGetsAVisaForItsKeysOfN1) {
  learn_both();
  log_in();
  CustomizedContent note =
      CustomizedContent::make("chat.dim.device", "n1", "note", clock.now(), fake_random());
  note.rest.set("n1", native::DeviceKeys::generate(fake_random()).public_half().json());
  for (const Account* sender : {&peer(), &home.account()}) {
    push(from(*sender, Content(note)));
    EXPECT_THAT(station.requests[Lane::control], IsEmpty()) << sender->id.text();
  }
  EXPECT_THAT(received, IsEmpty());
}

// What each device writes is a chain of its own, and the key tells whose.
TEST_F(MessengerDevicesTest, A13_EachDeviceOfTheSenderHasItsChain) {
  log_in();
  send("we know each other");
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("tablet", key)).value();
  const Document of_tablet = visa_for(peer(), request, nullptr, clock.now()).value();
  const Account tablet = linked_account({peer().id, peer().meta, of_tablet, ""}, key).value();
  struct Device {
    const Account& account;
    Chain chain{};
  };
  Device first{peer()}, second{tablet};
  Directory known;
  EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
  EXPECT_TRUE(known.learn_document(home.account().id, home.account().visa.json(), clock.now()));
  const auto write = [&](Device& by, std::string_view text) {
    PlainMessage plain{
        .envelope = {.sender = peer().id,
                     .receiver = home.account().id,
                     .time = static_cast<double>(clock.now()) / 1000},
        .content = encode_content(TextContent::make(text, clock.now(), fake_random()))};
    plain.envelope.extra.set("visa", by.account.visa.json());
    ++by.chain.seq;
    auto sealed = seal(plain, by.account, known, by.chain, fake_random()).value();
    by.chain.prev = to_base64(message_hash(sealed));
    return sealed;
  };
  const auto arrives = [&](const SignedMessage& message) {
    received.clear();
    push(message);
    EXPECT_FALSE(received.empty());
    return std::pair(received.back().missing, received.back().forked);
  };
  const std::pair<std::int64_t, bool> good{0, false};
  EXPECT_EQ(arrives(write(first, "one of the first")), good);
  EXPECT_EQ(arrives(write(second, "one of the second")), good);
  EXPECT_EQ(arrives(write(first, "two of the first")), good);
  EXPECT_EQ(arrives(write(second, "two of the second")), good);
  write(second, "withheld");
  write(second, "withheld too");
  EXPECT_EQ(arrives(write(first, "three of the first")), good);
  EXPECT_EQ(arrives(write(second, "five of the second")),
            (std::pair<std::int64_t, bool>{2, false}));
  first.chain.prev = to_base64(Bytes(32, 1));
  EXPECT_EQ(arrives(write(first, "four, behind another three")),
            (std::pair<std::int64_t, bool>{0, true}));
}

TEST_F(MessengerDevicesTest, A13_ALinkedDeviceMissesNothingOfBeforeItCame) {
  learn_both();
  SignedMessage third = to_both("one");
  for (const char* const text : {"two", "three"}) third = to_both(text);
  std::swap(home, *laptop);
  log_in();
  push(third);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].missing, 0);
  push(to_both("four"));
  EXPECT_FALSE(received[1].forked);
  to_both("withheld");
  push(to_both("six"));
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_EQ(received[2].missing, 1);
  std::swap(home, *laptop);
}

TEST_F(MessengerDevicesTest, F07_WhatOneWritesStandsInTheHistoryOfTheOtherAndGetsItsTicks) {
  learn_both();
  log_in();
  const std::string guid = send("from the phone");
  refuse_prekeys();
  const Packet to_peer = station.next(Lane::text);
  const Packet to_laptop = station.next(Lane::text);
  EXPECT_EQ(to_laptop.get("target"), home.account().id.text());
  const SignedMessage note = SignedMessage::parse(*to_laptop.content).value();

  std::swap(home, *laptop);
  log_in();
  push(note);
  EXPECT_THAT(received, IsEmpty()) << "nobody has written to them";
  EXPECT_EQ(messenger->unread()->size(), 0U);
  HistoryEntry entry = entry_of(guid);
  EXPECT_TRUE(entry.outgoing);
  EXPECT_EQ(entry.text, "from the phone");
  EXPECT_EQ(entry.tick, Tick::sent);
  EXPECT_TRUE(home.contact(peer().id).value()->written);
  const Digest32 hash = message_hash(SignedMessage::parse(*to_peer.content).value());
  push(from(peer(), decode_content(
                        receipt_content({.guid = guid, .hash = hash}, clock.now(), fake_random()))
                        .value()));
  EXPECT_EQ(entry_of(guid).tick, Tick::delivered);
  std::swap(home, *laptop);
}

TEST_F(MessengerDevicesTest, F18_WhatIsReadOnOneIsReadOnTheOther) {
  learn_both();
  log_in();
  const SignedMessage message = to_both("to both");
  const std::string guid = Guid::make(clock.now(), fake_random()).text();
  push(message, guid);
  ASSERT_THAT(received, SizeIs(1));
  station.requests[Lane::text].clear();
  ASSERT_TRUE(messenger->shown(received[0]));
  refuse_prekeys();
  std::optional<SignedMessage> note;
  for (const Packet& packet : station.requests[Lane::text]) {
    if (packet.get("target") == home.account().id.text())
      note = SignedMessage::parse(*packet.content).value();
  }
  ASSERT_TRUE(note);

  std::swap(home, *laptop);
  log_in();
  push(message, guid);
  EXPECT_EQ(messenger->unread()->size(), 1U);
  push(*note);
  EXPECT_EQ(messenger->unread()->size(), 0U);
  std::swap(home, *laptop);
}

TEST_F(MessengerDevicesTest, F39_ANewDeviceReadsWhatWasSaidBefore) {
  know(fake_user(4));
  log_in();
  push(from_peer("hello"));
  ASSERT_THAT(received, SizeIs(1));
  send("hello yourself");
  while (!station.requests[Lane::text].empty()) accept(station.next(Lane::text));
  ASSERT_TRUE(messenger->send_text(fake_user(4).id, "not yet on its way"));
  station.requests[Lane::text].clear();
  learn_both();
  EXPECT_EQ(messenger->hand_over_history().value(), 2U);
  refuse_prekeys();
  std::optional<SignedMessage> note;
  for (const Packet& packet : station.requests[Lane::text]) {
    if (packet.get("target") == home.account().id.text())
      note = SignedMessage::parse(*packet.content).value();
  }
  ASSERT_TRUE(note);
  push(*note);  // it comes here as well
  EXPECT_EQ(messenger->history(peer().id, 9)->size(), 2U);

  std::swap(home, *laptop);
  received.clear();
  log_in();
  EXPECT_EQ(messenger->hand_over_history().error().code, Errc::forbidden);
  push(*note);
  EXPECT_THAT(received, IsEmpty()) << "it is not news";
  EXPECT_EQ(messenger->unread()->size(), 0U);
  const auto past = messenger->history(peer().id, 9).value();
  ASSERT_THAT(past, SizeIs(2));
  EXPECT_EQ(past[0].text, "hello");
  EXPECT_FALSE(past[0].outgoing);
  EXPECT_EQ(past[0].label, Label::secure_old);
  EXPECT_EQ(past[1].text, "hello yourself");
  EXPECT_EQ(past[1].tick, Tick::sent);
  EXPECT_TRUE(messenger->content(past[1])->has_value());
  EXPECT_TRUE(home.contact(peer().id).value()->written);
  std::swap(home, *laptop);
}

TEST_F(MessengerDevicesTest, A21_NobodyElseWritesIntoTheHistory) {
  learn_both();
  log_in();
  CustomizedContent note =
      CustomizedContent::make("chat.dim.device", "sent", "note", clock.now(), fake_random());
  const std::string guid = Guid::make(clock.now(), fake_random()).text();
  note.rest.set("peer", peer().id.text());
  note.rest.set("guid", guid);
  note.rest.set(
      "said", encode_content(Content(TextContent::make("I owe you", clock.now(), fake_random()))));
  push(from(peer(), Content(std::move(note))));
  EXPECT_THAT(received, IsEmpty());
  EXPECT_EQ(messenger->history(peer().id, 9)->size(), 0U);
}

TEST_F(MessengerDevicesTest, F07_WithoutAnotherDeviceNothingIsToldAndToARemovedOneNeither) {
  log_in();
  send("alone");
  EXPECT_EQ(station.requests[Lane::text].size(), 1U);
  learn_both();
  ASSERT_TRUE(home.learn(home.account().id, home.account().meta.json(), {gone->json()}, kFakeNow));
  send("alone again");
  EXPECT_EQ(station.requests[Lane::text].size(), 2U);
}

}  // namespace
}  // namespace dim
