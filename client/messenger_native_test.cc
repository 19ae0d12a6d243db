// Forward secret messages between homes: when they are, what waits, and what is never done.
#include "client/handing_rows.h"
#include "client/native_fixture.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kMinute = 61'000;

class MessengerNative : public NativeScene {
 protected:
  MessengerNative() : alice(add("alice")), bob(add("bob")) {}
  void log_in_both() {
    log_in(alice);
    log_in(bob);
  }
  /// Both have had a message of the other: the session is there, and answered.
  void acquaint() {
    log_in_both();
    say(alice, bob, "hello");
    say(bob, alice, "hello yourself");
    ASSERT_THAT(bob.read(), ElementsAre("hello (secure)"));
    ASSERT_THAT(alice.read(), ElementsAre("hello yourself (secure)"));
    alice.received.clear();
    bob.received.clear();
    wires.clear();
    prekeys_asked.clear();
  }
  bool was_native(const Person& reader, const Packet& message) {
    return is_native(outer(reader, *message.content));
  }
  /// A visa of Bob's device without N1, or with it again.
  void offer(Person& who, bool offers) {
    const native::DeviceKeys keys = native_device_keys(who.home.vault()).value();
    JsonObject properties;
    properties.set("n1", offers ? Json(keys.public_half().json()) : Json(nullptr));
    clock.passed += 1'000;
    Account& account = account_of(who);
    ASSERT_TRUE(account.update_visa(properties, clock.now()));
    publish(account.visa);
    for (const auto& other : people) learn(*other, account.visa);
  }
  /// Their visa goes on, and the station has it.
  void renew(Person& who) {
    clock.passed += 1'000;
    ASSERT_TRUE(account_of(who).update_visa({}, clock.now()));
    publish(who.home.account().visa);
  }
  static Account& account_of(Person& who) { return const_cast<Account&>(who.home.account()); }

  Person& alice;
  Person& bob;
};

TEST_F(MessengerNative, A03_TheFirstMessageBetweenTwoHomesIsForwardSecretAlready) {
  log_in_both();
  const std::string guid = say(alice, bob, "nobody else reads this");
  EXPECT_THAT(bob.read(), ElementsAre("nobody else reads this (secure)"));
  const HistoryEntry sent = alice.entry(bob.id(), guid);
  EXPECT_EQ(sent.label, Label::secure);
  EXPECT_EQ(sent.tick, Tick::delivered) << "the receipt found it";
  EXPECT_THAT(prekeys_asked, ElementsAre(bob.id().text()));
  // What travelled says nothing of it to who has the RSA keys.
  const JsonObject content = outer(bob, *wires[0].content);
  ASSERT_TRUE(is_native(content));
  EXPECT_EQ(text_in(content, "guid"), guid);
  EXPECT_THAT(write_json(content), testing::Not(HasSubstr("nobody else")));
  ASSERT_THAT(wires, SizeIs(2));
  EXPECT_TRUE(was_native(alice, wires[1])) << "the receipt too";
  ASSERT_TRUE(bob.messenger->shown(bob.received[0]));
  settle();
  EXPECT_EQ(alice.entry(bob.id(), guid).tick, Tick::read);
  EXPECT_TRUE(alice.messenger->is_forward_secret(bob.id()).value());
  EXPECT_TRUE(bob.messenger->is_forward_secret(alice.id()).value());
}

TEST_F(MessengerNative, A03_WhatTravelledIsOpenedByNothingThatBothHomesHaveAfterwards) {
  acquaint();
  say(alice, bob, "the secret");
  const Packet recorded = wires[0];
  say(bob, alice, "yes");
  ASSERT_TRUE(was_native(bob, recorded));
  // Somebody takes everything, and what would keep a repetition out is gone.
  for (Person* one : {&alice, &bob}) {
    for (const char* bucket : {"seen", "native opened", "native begun"})
      ASSERT_TRUE(one->home.vault().erase_through(bucket, INT64_MAX));
  }
  bob.received.clear();
  withholds = true;  // and Alice is not there to say it again
  push(bob, alice.id(), *recorded.content);
  settle();
  EXPECT_THAT(bob.read(), ElementsAre("? (E_N1)"));
}

TEST_F(MessengerNative, A03_WithoutPrekeysItIsTheOldFormAndAskedForAgainInAMinute) {
  withholds = true;
  log_in_both();
  say(alice, bob, "one");
  say(alice, bob, "two");
  EXPECT_EQ(asked(bob.id().text()), 1U);
  withholds = false;
  say(alice, bob, "three");
  clock.passed += kMinute;
  say(alice, bob, "four");
  EXPECT_EQ(asked(bob.id().text()), 2U);
  EXPECT_THAT(bob.read(), ElementsAre("one (secure, old protocol)", "two (secure, old protocol)",
                                      "three (secure, old protocol)", "four (secure)"));
}

TEST_F(MessengerNative, A03_ReceiptsNeverBeginAnything) {
  withholds = true;
  log_in_both();
  say(alice, bob, "in the old form");
  ASSERT_TRUE(bob.messenger->shown(bob.received[0]));
  settle();
  EXPECT_THAT(prekeys_asked, ElementsAre(bob.id().text())) << "Alice's request; none of Bob";
}

TEST_F(MessengerNative, A03_OnceNativeItStaysSoWhateverTheStationWithholds) {
  acquaint();
  withholds = true;
  for (int i = 0; i < 3; ++i) {
    clock.passed += kMinute;
    say(alice, bob, "on");
  }
  for (const Packet& wire : wires)
    EXPECT_TRUE(was_native(wire.get("target") == bob.id().text() ? bob : alice, wire));
  EXPECT_THAT(prekeys_asked, IsEmpty());
}

TEST_F(MessengerNative, A03_ForgedPrekeysAreNotUsedAndNothingGoesOut) {
  lies = true;
  Person& carol = add("carol");
  log_in(carol);
  log_in_both();
  const std::string guid = say(alice, bob, "not for the station");
  EXPECT_THAT(wires, IsEmpty()) << "not in the old form either";
  EXPECT_THAT(alice.entry(bob.id(), guid).cause, HasSubstr("are not theirs"));
  EXPECT_THAT(alice.ticked.back().cause, HasSubstr("E_SIGNATURE"));
  EXPECT_TRUE(alice.messenger->rests()) << "a program need not wait for it";
  lies = false;
  say(alice, carol, "others are written to");
  EXPECT_THAT(carol.read(), ElementsAre("others are written to (secure)"));
  pass(kMinute);
  EXPECT_THAT(bob.read(), ElementsAre("not for the station (secure)"));
  EXPECT_EQ(alice.entry(bob.id(), guid).cause, "");
}

TEST_F(MessengerNative, A03_AVisaThatSaysSomethingUnreadableOfN1IsNotOneWithout) {
  log_in_both();
  JsonObject odd;
  odd.set("v", 2);
  JsonObject properties;
  properties.set("n1", odd);
  clock.passed += 1'000;
  Account& account = account_of(bob);
  ASSERT_TRUE(account.update_visa(properties, clock.now()));
  publish(account.visa);
  const std::string guid = say(alice, bob, "waits");
  EXPECT_THAT(wires, IsEmpty());
  EXPECT_THAT(alice.entry(bob.id(), guid).cause, HasSubstr("E_N1"));
}

TEST_F(MessengerNative, A03_OnlyTheirOwnVisaTakesForwardSecrecyAwayAndThatIsSaidOnce) {
  acquaint();
  offer(bob, false);
  alice.received.clear();
  say(alice, bob, "in the old form");
  say(alice, bob, "and again");
  EXPECT_THAT(bob.read(), ElementsAre("in the old form (secure, old protocol)",
                                      "and again (secure, old protocol)"));
  ASSERT_THAT(alice.read(), SizeIs(1));
  EXPECT_THAT(alice.read()[0], HasSubstr("no longer forward secret"));
  EXPECT_EQ(tells_secrecy(alice.received[0]), false);
  EXPECT_FALSE(stops_sending(alice.received[0]));
  EXPECT_FALSE(alice.messenger->is_forward_secret(bob.id()).value());
  EXPECT_FALSE(alice.home.vault().contains("native sessions", bob.device()).value());
  // And again: with sessions of that time.
  offer(bob, true);
  alice.received.clear();
  bob.received.clear();
  clock.passed += kMinute;
  say(alice, bob, "secret again");
  EXPECT_THAT(bob.read(), ElementsAre("secret again (secure)"));
  ASSERT_THAT(alice.read(), SizeIs(1));
  EXPECT_THAT(alice.read()[0], HasSubstr("forward secret again"));
  EXPECT_EQ(tells_secrecy(alice.received[0]), true);
}

TEST_F(MessengerNative, F07_ANewDeviceWithoutPrekeysHoldsUpNobodyElse) {
  acquaint();
  Person& carol = add("carol");
  log_in(carol);
  Person& phone = link(bob, "phone");
  learn(alice, phone.home.account().visa);
  clock.passed += kMinute;
  const std::string guid = say(alice, bob, "for both");
  const std::string second = say(alice, bob, "behind it");
  say(alice, carol, "meanwhile");
  EXPECT_THAT(bob.read(), IsEmpty());
  EXPECT_THAT(carol.read(), ElementsAre("meanwhile (secure)"));
  for (const std::string& waits : {guid, second}) {
    EXPECT_EQ(alice.entry(bob.id(), waits).tick, Tick::queued);
    EXPECT_THAT(alice.entry(bob.id(), waits).cause, HasSubstr("their device phone"));
  }
  EXPECT_EQ(asked(phone.device()), 1U) << "of that device alone, once";
  log_in(phone);
  pass(30'000);
  EXPECT_EQ(asked(phone.device()), 1U);
  pass(kMinute);
  EXPECT_THAT(bob.read(), ElementsAre("for both (secure)", "behind it (secure)"));
  EXPECT_THAT(phone.read(), ElementsAre("for both (secure)", "behind it (secure)"));
}

TEST_F(MessengerNative, F07_ARemovedDeviceReadsNothingMore) {
  acquaint();
  Person& phone = link(bob, "phone");
  learn(alice, phone.home.account().visa);
  log_in(phone);
  clock.passed += kMinute;
  say(alice, bob, "for both");
  EXPECT_THAT(phone.read(), ElementsAre("for both (secure)"));
  ASSERT_TRUE(alice.home.vault().contains("native sessions", phone.device()).value());
  publish(visa_without(bob.home.account(), phone.home.account().visa, clock.now()).value());
  alice.messenger->refresh(bob.id(), [](const Status&) {});
  settle();
  EXPECT_FALSE(alice.home.vault().contains("native sessions", phone.device()).value());
  say(alice, bob, "for one");
  EXPECT_THAT(native_receivers(outer(bob, last_wire(bob))), ElementsAre(bob.device()));
}

TEST_F(MessengerNative, P36_WhatMayHaveGotThroughIsSentAgainAsTheSameBytes) {
  log_in_both();
  loses = true;
  say(alice, bob, "once");
  ASSERT_THAT(wires, SizeIs(1));
  log_out(alice);
  loses = false;
  log_in(alice);
  ASSERT_GE(wires.size(), 2U);
  EXPECT_EQ(*wires[0].content, *wires[1].content);
  EXPECT_EQ(wires[0].get("guid"), wires[1].get("guid"));
  EXPECT_THAT(bob.read(), ElementsAre("once (secure)"));
}

TEST_F(MessengerNative, J32_WhatIsSignedAnewWithTheSameFramesIsShownOnce) {
  acquaint();
  say(alice, bob, "once");
  const JsonObject content = outer(bob, last_wire(bob));
  bob.received.clear();
  // As a home at a station of the dimchat world sends what was not acknowledged.
  Directory known;
  const Account& to = bob.home.account();
  ASSERT_TRUE(known.learn_meta(to.id, to.meta));
  ASSERT_TRUE(known.learn_document(to.id, to.visa.json(), clock.now()));
  const auto again =
      seal({.envelope = {.sender = alice.id(), .receiver = bob.id()}, .content = content},
           alice.home.account(), known, {.seq = 9, .prev = ""}, fake_random());
  ASSERT_TRUE(again) << to_string(again.error());
  push(bob, alice.id(), write_message(*again));
  settle();
  EXPECT_THAT(bob.read(), IsEmpty());
}

TEST_F(MessengerNative, J32_InAnyOrderAndWithoutSomeOfThem) {
  acquaint();
  hold_pushes = true;
  for (const char* text : {"0", "1", "2", "3"}) say(alice, bob, text);
  ASSERT_THAT(bob.inbox, SizeIs(4));
  std::swap(*bob.inbox[0].content, *bob.inbox[3].content);
  bob.inbox[1].content = bob.inbox[2].content;  // one never comes, and another one twice
  hold_pushes = false;
  settle();
  EXPECT_THAT(bob.read(), ElementsAre("3 (secure)", "2 (secure)", "0 (secure)"));
}

TEST_F(MessengerNative, J32_BothBeginAtOnce) {
  log_in_both();
  hold_pushes = true;
  say(alice, bob, "of alice");
  say(bob, alice, "of bob");
  hold_pushes = false;
  settle();
  for (int i = 0; i < 2; ++i) {
    say(alice, bob, "on");
    say(bob, alice, "and on");
  }
  EXPECT_THAT(bob.read(), ElementsAre("of alice (secure)", "on (secure)", "on (secure)"));
  EXPECT_THAT(alice.read(), ElementsAre("of bob (secure)", "and on (secure)", "and on (secure)"));
}

TEST_F(MessengerNative, A04_AFrameByAVisaThatIsNotKnownHereWaitsForIt) {
  learn(bob, alice.home.account().visa);
  renew(alice);
  log_in_both();
  documents_asked.clear();
  say(alice, bob, "by the new visa");
  EXPECT_THAT(bob.read(), ElementsAre("by the new visa (secure)"));
  EXPECT_EQ(std::ranges::count(documents_asked, alice.id().text()), 1);
}

TEST_F(MessengerNative, A04_WhatTheStationDoesNotShowEvenThenIsShownAsUnreadable) {
  learn(bob, alice.home.account().visa);
  renew(alice);
  log_in_both();
  documents[alice.id().text()].pop_back();
  documents_asked.clear();
  hold_pushes = true;
  say(alice, bob, "by a visa that nobody sees");
  withholds = true;  // nor can it be said again
  hold_pushes = false;
  settle();
  EXPECT_THAT(bob.read(), ElementsAre("? (E_N1)"));
  say(alice, bob, "and another");
  EXPECT_EQ(std::ranges::count(documents_asked, alice.id().text()), 1) << "one a minute";
  EXPECT_THAT(bob.read(), SizeIs(1));
  EXPECT_EQ(bob.messenger->set_aside().value(), 1U);
  publish(alice.home.account().visa);
  pass(kMinute);
  EXPECT_EQ(std::ranges::count(documents_asked, alice.id().text()), 2);
  ASSERT_THAT(bob.read(), SizeIs(2));
  EXPECT_EQ(bob.read()[1], "and another (secure)");
}

TEST_F(MessengerNative, F07_OwnDevicesTellEachOtherInSecret) {
  Person& tablet = link(alice, "tablet");
  log_in(tablet);
  log_in_both();
  wires.clear();
  const std::string guid = say(alice, bob, "from the first");
  EXPECT_EQ(tablet.entry(bob.id(), guid).text, "from the first");
  EXPECT_GE(asked(tablet.device()), 1U);
  std::vector<std::vector<std::string>> to_her;
  for (const Packet& wire : wires) {
    if (wire.get("target") == alice.id().bare().text())
      to_her.push_back(native_receivers(outer(tablet, *wire.content)));
  }
  EXPECT_THAT(to_her, testing::UnorderedElementsAre(
                          ElementsAre(tablet.device()),  // the note of her first device
                          ElementsAre(alice.device(), tablet.device())));  // a receipt
  EXPECT_THAT(alice.read(), IsEmpty()) << "its own note comes back, and is nothing";
  // What comes for both of them.
  say(bob, alice, "to both");
  EXPECT_THAT(alice.read(), ElementsAre("to both (secure)"));
  EXPECT_THAT(tablet.read(), ElementsAre("to both (secure)"));
  ASSERT_TRUE(alice.messenger->shown(alice.received[0]));
  settle();
  EXPECT_THAT(tablet.messenger->unread().value(), IsEmpty()) << "read on the other (F18)";
}

TEST_F(MessengerNative, A05_DocumentsAreForWhoHasLostEverythingElse) {
  acquaint();
  ASSERT_TRUE(alice.messenger->announce_devices());
  settle();
  const JsonObject content = outer(bob, last_wire(bob, "receipt"));
  EXPECT_FALSE(is_native(content));
  EXPECT_THAT(content_command(content), testing::StartsWith("document"));
}

TEST_F(MessengerNative, A21_ANativeContentAnywhereElseIsNeverShownAsWhatItIs) {
  acquaint();
  say(alice, bob, "good");
  const JsonObject native = outer(bob, last_wire(bob));
  bob.received.clear();
  const Content decoded = decode_content(native).value();
  ASSERT_TRUE(alice.messenger->send(bob.id(), decoded));
  ASSERT_TRUE(alice.messenger->send(
      bob.id(), Content(ArrayContent::make({decoded}, clock.now(), fake_random()))));
  settle();
  ASSERT_THAT(bob.received, SizeIs(2));
  EXPECT_THAT(bob.received[0].cause, HasSubstr("E_CONTENT"));
  EXPECT_THAT(bob.received[1].words, HasSubstr("opens only as what it was sent as"));
}

TEST_F(MessengerNative, F27_WhatAGroupIsIsToldInSecretAndWaitsWithWhatItSays) {
  acquaint();
  Person& carol = add("carol");
  log_in(carol);
  learn(alice, carol.home.account().visa);
  Id group = bob.id();
  ASSERT_TRUE(alice.messenger->change_group(
      [&](Groups& groups, Millis now) {
        auto made = groups.create("friends", {bob.id(), carol.id()}, now);
        if (made) group = made->group;
        return made;
      },
      "founded it"));
  settle();
  const auto known = bob.messenger->groups().find(group, clock.now());
  ASSERT_TRUE(known && *known != nullptr);
  EXPECT_TRUE((*known)->is_member(carol.id()));
  // What is said in it stays in the old form (native.md section 9).
  bob.received.clear();
  ASSERT_TRUE(alice.messenger->send_text(group, "to all"));
  settle();
  EXPECT_THAT(bob.read(), ElementsAre("to all (secure, old protocol)"));
}

TEST_F(MessengerNative, F05_AnEditGoesTheSameWay) {
  acquaint();
  const std::string guid = say(alice, bob, "wrnog");
  ASSERT_TRUE(
      alice.messenger->change_message(alice.entry(bob.id(), guid), MessageAct::edit, "wrong"));
  settle();
  EXPECT_EQ(bob.entry(alice.id(), guid).text, "wrong");
  EXPECT_TRUE(is_native(outer(bob, last_wire(bob, "receipt"))));
}

// ---- labels

TEST_F(MessengerNative, A03_WhatOwnDevicesAreToldInTheOldFormIsNotForwardSecret) {
  Person& tablet = link(alice, "tablet");
  log_in_both();
  const auto label = [&](const std::string& guid) { return alice.entry(bob.id(), guid).label; };
  const std::string before = say(alice, bob, "a copy of this is not");
  EXPECT_THAT(bob.read(), ElementsAre("a copy of this is not (secure)"));
  EXPECT_EQ(label(before), Label::secure_old);
  log_in(tablet);
  clock.passed += kMinute;
  const std::string after = say(alice, bob, "all of this is");
  EXPECT_EQ(tablet.entry(bob.id(), after).text, "all of this is");
  EXPECT_EQ(label(after), Label::secure);
}

TEST_F(MessengerNative, F05_AnEditInTheOldFormTakesTheLabelAlong) {
  acquaint();
  const std::string guid = say(alice, bob, "secret");
  ASSERT_EQ(bob.entry(alice.id(), guid).label, Label::secure);
  offer(bob, false);
  const auto edit = [&](std::string_view text) {
    ASSERT_TRUE(
        alice.messenger->change_message(alice.entry(bob.id(), guid), MessageAct::edit, text));
    clock.passed += kMinute;
    settle();
  };
  edit("less so");
  EXPECT_EQ(bob.entry(alice.id(), guid).text, "less so");
  EXPECT_EQ(bob.entry(alice.id(), guid).label, Label::secure_old);
  EXPECT_EQ(alice.entry(bob.id(), guid).label, Label::secure_old);
}

TEST_F(MessengerNative, F07_WhatIsHandedOverInTheOldFormIsNoLongerForwardSecret) {
  acquaint();
  const std::string guid = say(alice, bob, "so far it is");
  const std::string theirs = say(bob, alice, "and this");
  ASSERT_EQ(alice.entry(bob.id(), theirs).label, Label::secure);
  Person& tablet = link(alice, "tablet");  // which has left no prekeys yet
  ASSERT_TRUE(alice.messenger->hand_over_history());
  settle();
  EXPECT_EQ(alice.entry(bob.id(), guid).label, Label::secure_old);
  EXPECT_EQ(alice.entry(bob.id(), theirs).label, Label::secure_old);
  log_in(tablet);
  EXPECT_EQ(tablet.entry(bob.id(), theirs).text, "and this");
  EXPECT_EQ(tablet.entry(bob.id(), theirs).label, Label::secure_old);
}

TEST_F(MessengerNative, F04_ItCarriesLessThanTheOldForm) {
  acquaint();
  const auto size = [&](const Person& to, std::size_t kib) {
    const auto entry = alice.messenger->send_text(to.id(), std::string(kib * limits::kKiB, 'x'));
    settle();
    return entry ? "sent" : std::string(name_of(entry.error().code));
  };
  EXPECT_EQ(size(bob, 439), "sent");
  ASSERT_THAT(bob.received, SizeIs(1));
  EXPECT_EQ(bob.received[0].text.size(), 439 * limits::kKiB);
  EXPECT_EQ(size(bob, 441), "PAYLOAD_TOO_LARGE");
  offer(bob, false);
  EXPECT_EQ(size(bob, 599), "sent");
  EXPECT_THAT(bob.received, SizeIs(2));
}

// ---- what could not be opened is said again

class MessengerNativeAgain : public MessengerNative {
 protected:
  /// All that Bob's home keeps for N1, as a backup has it.
  void lose_sessions(Person& who) {
    ASSERT_TRUE(who.home.vault().erase_through("native sessions", INT64_MAX));
  }
};

TEST_F(MessengerNativeAgain, A03_WhoHasLostTheirSessionsGetsWhatTheyCouldNotOpen) {
  acquaint();
  lose_sessions(bob);
  const std::string guid = say(alice, bob, "say it again");
  ASSERT_THAT(bob.read(), ElementsAre("? (E_N1)", "say it again (secure)"));
  const HistoryEntry entry = bob.entry(alice.id(), guid);
  EXPECT_EQ(entry.text, "say it again") << "in the place of the other one";
  EXPECT_EQ(entry.cause, "");
  EXPECT_EQ(bob.messenger->history(alice.id(), 99)->size(), 3U);
  EXPECT_EQ(entry.missing, 0);
  EXPECT_EQ(alice.entry(bob.id(), guid).tick, Tick::delivered);
  // Both go on with the session that Bob has begun.
  bob.received.clear();
  say(alice, bob, "on");
  say(bob, alice, "and on");
  EXPECT_THAT(bob.read(), ElementsAre("on (secure)"));
  EXPECT_THAT(alice.read(), ElementsAre("and on (secure)"));
  // What its author does to it finds it.
  ASSERT_TRUE(alice.messenger->change_message(alice.entry(bob.id(), guid), MessageAct::remove));
  settle();
  EXPECT_TRUE(bob.entry(alice.id(), guid).removed);
}

TEST_F(MessengerNativeAgain, A03_TheSideThatWritesMayHaveLostThemAsWell) {
  acquaint();
  // Alice goes back to a copy of the state from before, and uses its keys a second time.
  const std::string kept = *alice.home.vault().get("native sessions", bob.device()).value();
  say(alice, bob, "with these keys");
  say(bob, alice, "read");
  say(alice, bob, "and the next");
  ASSERT_TRUE(alice.home.vault().put("native sessions", bob.device(), kept));
  bob.received.clear();
  say(alice, bob, "with the same keys");
  EXPECT_THAT(bob.read(), ElementsAre("? (E_N1)", "with the same keys (secure)"));
  alice.received.clear();
  say(bob, alice, "and back");
  EXPECT_THAT(alice.read(), ElementsAre("and back (secure)"));
}

TEST_F(MessengerNativeAgain, A03_OnceForEachMessageAndWithoutALoop) {
  acquaint();
  lose_sessions(bob);
  withholds = true;
  say(alice, bob, "one");
  say(alice, bob, "two");
  EXPECT_THAT(bob.read(), ElementsAre("? (E_N1)", "? (E_N1)"));
  EXPECT_EQ(asked(alice.device()), 1U) << "one request a minute";
  for (int i = 0; i < 3; ++i) pass(kMinute);
  EXPECT_EQ(bob.home.vault().count("native asked").value(), 2);
  EXPECT_EQ(bob.messenger->waiting().value(), 2U) << "two questions, however long it takes";
  withholds = false;
  pass(kMinute);
  EXPECT_THAT(bob.read(), ElementsAre("? (E_N1)", "? (E_N1)", "one (secure)", "two (secure)"));
  EXPECT_EQ(bob.messenger->waiting().value(), 0U);
  EXPECT_EQ(bob.home.vault().count("native asked").value(), 0);
}

TEST_F(MessengerNativeAgain, A03_NobodyElseGetsItAndNobodyMoreThanThreeTimes) {
  acquaint();
  Person& carol = add("carol");
  log_in(carol);
  say(alice, carol, "hello");
  const std::string guid = say(alice, bob, "for Bob as he was then");
  const std::string hash = alice.entry(bob.id(), guid).hash;
  Person& phone = link(bob, "phone");
  learn(alice, phone.home.account().visa);
  log_in(phone);
  clock.passed += kMinute;
  say(alice, bob, "for both");
  const auto asks = [&](Person& who, const std::string& which, const std::string& of) {
    const std::size_t before = wires.size();
    EXPECT_TRUE(who.messenger->send(
        alice.id(),
        decode_content(ask_again_content(which, of, clock.now(), fake_random())).value()));
    settle();
    std::size_t answers = 0;
    for (std::size_t i = before; i < wires.size(); ++i) {
      if (wires[i].get("target") != who.id().bare().text()) continue;
      const JsonObject content = outer(who, *wires[i].content);
      // A receipt has a GUID of its own.
      if (text_in(content, "guid") == which) ++answers;
    }
    return answers;
  };
  EXPECT_EQ(asks(phone, guid, hash), 0U) << "it was no device of theirs then";
  EXPECT_EQ(asks(carol, guid, hash), 0U) << "somebody else's";
  EXPECT_EQ(asks(bob, guid, to_base64(Bytes(32, 1))), 0U) << "another message";
  EXPECT_EQ(asks(bob, Guid::make(clock.now(), fake_random()).text(), hash), 0U);
  for (const std::size_t answers : {1U, 1U, 1U, 0U}) EXPECT_EQ(asks(bob, guid, hash), answers);
  // What was taken back is no longer there.
  const std::string other = say(alice, bob, "taken back");
  const std::string of_other = alice.entry(bob.id(), other).hash;
  ASSERT_TRUE(alice.messenger->change_message(alice.entry(bob.id(), other), MessageAct::remove));
  settle();
  EXPECT_EQ(asks(bob, other, of_other), 0U);
  const std::string old = say(alice, bob, "old");
  const std::string of_old = alice.entry(bob.id(), old).hash;
  clock.passed += Millis{91} * 86'400'000;
  EXPECT_EQ(asks(bob, old, of_old), 0U);
}

TEST_F(MessengerNativeAgain, F09_AReceiptThatCouldNotBeOpenedIsSaidAgain) {
  acquaint();
  const std::string guid = say(alice, bob, "read this");
  ASSERT_EQ(alice.entry(bob.id(), guid).tick, Tick::delivered);
  lose_sessions(alice);
  ASSERT_TRUE(bob.messenger->shown(bob.received[0]));
  settle();
  pass(kMinute);  // Alice has asked for Bob's prekeys a moment ago
  EXPECT_EQ(alice.entry(bob.id(), guid).tick, Tick::read);
  EXPECT_THAT(alice.read(), IsEmpty()) << "nothing of it is shown";
}

TEST_F(MessengerNativeAgain, F05_AnEditThatCouldNotBeOpenedIsSaidAgainAsTheTextIsNow) {
  acquaint();
  const std::string guid = say(alice, bob, "wrnog");
  const std::string other = say(alice, bob, "for a moment");
  const auto change = [&](const std::string& which, MessageAct act, std::string_view text = {}) {
    const auto done = alice.messenger->change_message(alice.entry(bob.id(), which), act, text);
    ASSERT_TRUE(done) << to_string(done.error());
    settle();
  };
  lose_sessions(bob);
  withholds = true;
  change(guid, MessageAct::edit, "wrog");
  change(guid, MessageAct::edit, "wrong");
  change(other, MessageAct::edit, "for nobody");
  change(other, MessageAct::remove);
  EXPECT_EQ(bob.entry(alice.id(), guid).text, "wrnog");
  withholds = false;
  pass(kMinute);
  const HistoryEntry entry = bob.entry(alice.id(), guid);
  EXPECT_EQ(entry.text, "wrong");
  EXPECT_EQ(entry.revision, alice.entry(bob.id(), guid).revision);
  EXPECT_TRUE(bob.entry(alice.id(), other).removed);
  EXPECT_THAT(bob.messenger->history(alice.id(), 99).value(), SizeIs(4)) << "and no line more";
  // What is kept to be said again holds no text of a message.
  const auto kept = alice.home.vault().list("sent").value();
  for (const auto& row : kept) EXPECT_THAT(row.body, testing::Not(HasSubstr("for nobody")));
}

TEST_F(MessengerNativeAgain, F23_N1_KeysOfAHubAreNotKeptToBeSaidAgainAndOnlyForWhoBelongsToIt) {
  acquaint();
  say(alice, bob, "hello");
  say(bob, alice, "hello");
  const Account& me = alice.home.account();
  const std::string his = bob.id().bare().text();
  const Meta meta = Meta::make_mkm(me.identity_key, "private-garden");
  const std::string hub = meta.id(EntityType::group)->text();
  PrivateHubs& hubs = alice.messenger->hubs().privates();
  ASSERT_TRUE(hubs.take(hub, {first_roster(me, hub, meta, clock.now())}));
  const auto change = [&](const std::vector<std::string>& in, const std::vector<std::string>& out) {
    const Roster& roster = *hubs.roster(hub);
    const JsonObject next = roster.next(me, in, out, clock.now()).value().value();
    EXPECT_TRUE(hubs.take(hub, {roster.changes().back(), next}));
  };
  change({his}, {});
  const std::string key = to_base64(Bytes(32, 7));
  const auto put_page = [&] {
    const KeysNote note{
        .hub = hub,
        .channel = Guid::make(clock.now(), fake_random()),
        .keys = {
            {.message = Guid::make(clock.now(), fake_random()), .key = key, .time = clock.now()}}};
    const auto content = keys_content(note, clock.now(), fake_random());
    EXPECT_TRUE(Outbox(alice.home.vault())
                    .put({.guid = Guid::make(clock.now(), fake_random()).text(),
                          .kind = "receipt",
                          .to = bob.id().bare(),
                          .time = clock.now(),
                          .content = encode_content(Content(content))}));
  };
  const auto waiting = [&] { return alice.messenger->waiting().value(); };
  put_page();
  EXPECT_FALSE(handed_all(alice.home.vault()).value());
  pass(1'000);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(handed_all(alice.home.vault()).value());
  EXPECT_EQ(outer(bob, last_wire(bob, "receipt")).text("app") != nullptr, true);
  EXPECT_EQ(bob.home.vault().count(kEarlyKeys).value(), 1) << "he knows nothing of the hub yet";
  const auto kept = alice.home.vault().list("sent").value();
  for (const auto& row : kept) EXPECT_THAT(row.body, testing::Not(HasSubstr(key)));
  // Put out: a page that waits goes with it, and one that comes later is not sealed.
  log_out(alice);
  put_page();
  ASSERT_TRUE(owe_handing(alice.home.vault(), hub, his));
  {
    PrivateHubs away(alice.home, clock);
    const Roster& roster = *away.roster(hub);
    const JsonObject next = roster.next(me, {}, {his}, clock.now()).value().value();
    ASSERT_TRUE(away.take(hub, {roster.changes().back(), next}));
  }
  EXPECT_EQ(Outbox(alice.home.vault()).count().value(), 0U);
  EXPECT_TRUE(handed_all(alice.home.vault()).value());
  put_page();
  log_in(alice);
  pass(1'000);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(bob.home.vault().count(kEarlyKeys).value(), 1);
}

TEST_F(MessengerNativeAgain, A03_OfWhatNobodyReadsFewAreAskedForInADay) {
  acquaint();
  const std::string guid = say(alice, bob, "0");
  lose_sessions(bob);
  withholds = true;
  const auto edit = [&](int number) {
    ASSERT_TRUE(alice.messenger->change_message(alice.entry(bob.id(), guid), MessageAct::edit,
                                                std::to_string(number)));
    settle();
  };
  for (int i = 1; i <= 12; ++i) edit(i);
  EXPECT_EQ(bob.messenger->waiting().value(), 8U);
  clock.passed += Millis{25} * 3'600'000;
  edit(13);
  EXPECT_EQ(bob.messenger->waiting().value(), 9U);
}

TEST_F(MessengerNativeAgain, A03_WhatNobodyHasAskedForReplacesNothing) {
  acquaint();
  const std::string guid = say(alice, bob, "as it was");
  // Alice says it again unasked, with another text.
  EXPECT_TRUE(alice.home.vault().transaction([&] {
    Outbox outbox(alice.home.vault());
    return outbox.put({.guid = Guid::make(clock.now(), fake_random()).text(),
                       .kind = "receipt",
                       .to = bob.id().bare(),
                       .time = clock.now(),
                       .content = text_content("as it never was", clock.now(), fake_random()),
                       .only = bob.device(),
                       .again = guid});
  }));
  pass(1'000);
  EXPECT_EQ(bob.entry(alice.id(), guid).text, "as it was");
}

}  // namespace
}  // namespace dim
