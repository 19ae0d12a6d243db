#include "client/native_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/fields.h"
#include "client/native_testing.h"
#include "dim/engine/device_link.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class NativeMessages : public testing::Test {
 protected:
  NativeMessages() {
    for (NativeDevice* one : {&alice, &bob}) {
      one->learn(alice);
      one->learn(bob);
    }
  }
  /// Alice begins a session with Bob's device by what the station has of it.
  void begin() {
    ASSERT_TRUE(begin_native_session(alice.vault, alice.self(), alice.known(bob), bob.bundle(),
                                     kNativeNow, native_random()));
  }
  JsonObject sealed(NativeDevice& from, NativeDevice& to, std::string_view text) {
    const std::vector<native::Party> devices{from.known(to)};
    auto out = seal_native(from.vault, from.self(),
                           {.to = to.account.id,
                            .devices = devices,
                            .guid = guid(),
                            .time = kNativeNow,
                            .content = text_content(text, kNativeNow, native_random())},
                           native_random());
    EXPECT_TRUE(out) << to_string(out.error());
    return out.value_or(JsonObject());
  }
  static Result<NativeOpened> opened(NativeDevice& at, NativeDevice& from,
                                     const JsonObject& content) {
    auto parsed = NativeContent::parse(content);
    if (!parsed) return std::unexpected(parsed.error());
    return open_native(at.vault, at.self(), at.known(from), *parsed, kNativeNow);
  }
  /// What it says, or the name of the error.
  static std::string read(NativeDevice& at, NativeDevice& from, const JsonObject& content) {
    auto out = opened(at, from, content);
    if (!out) return std::string(name_of(out.error().code));
    if (out->lacks == NativeOpened::Lacks::their_visa) return "lacks theirs";
    if (out->lacks == NativeOpened::Lacks::own_visa) return "lacks own";
    return text_in(out->content, "text");
  }
  static std::string kept(NativeDevice& at, NativeDevice& of) {
    return at.vault.get("native sessions", of.name()).value().value_or("");
  }
  std::string guid() { return Guid::make(kNativeNow, native_random()).text(); }

  NativeDevice alice{"alice"}, bob{"bob"};
};

TEST_F(NativeMessages, A03_WhatWasExchangedIsOpenedByNothingThatBothHaveAfterwards) {
  begin();
  const JsonObject first = sealed(alice, bob, "first");
  EXPECT_EQ(read(bob, alice, first), "first");
  const JsonObject answer = sealed(bob, alice, "answer");
  EXPECT_EQ(read(alice, bob, answer), "answer");
  const JsonObject second = sealed(alice, bob, "second");
  EXPECT_EQ(read(bob, alice, second), "second");
  // Somebody takes all that lies in both vaults, and forgets what says that it has come before.
  for (NativeDevice* one : {&alice, &bob}) {
    ASSERT_TRUE(one->vault.erase_through(kNativeOpened, INT64_MAX));
    ASSERT_TRUE(one->vault.erase_through("native begun", INT64_MAX));
  }
  EXPECT_EQ(read(bob, alice, first), "E_N1");
  EXPECT_EQ(read(bob, alice, second), "E_N1");
  EXPECT_EQ(read(alice, bob, answer), "E_N1");
  EXPECT_EQ(read(alice, alice, first), "E_N1") << "nor does who has sealed it";
  EXPECT_EQ(read(bob, alice, sealed(alice, bob, "third")), "third") << "and they go on";
}

TEST_F(NativeMessages, A03_AUsedOneTimePrekeyIsGoneWithTheFirstMessage) {
  begin();
  const JsonObject first = sealed(alice, bob, "first");
  EXPECT_TRUE(
      native_prekey(bob.vault, native::PrekeyKind::one_time, bob.last_one_time)->has_value());
  ASSERT_EQ(read(bob, alice, first), "first");
  EXPECT_FALSE(
      native_prekey(bob.vault, native::PrekeyKind::one_time, bob.last_one_time)->has_value());
}

TEST_F(NativeMessages, J32_AMessageThatDoesNotOpenLeavesEverythingAsItWas) {
  begin();
  const JsonObject first = sealed(alice, bob, "first");
  const auto changed = [](JsonObject content, std::string_view member, std::size_t at) {
    auto bytes = from_base64(text_in(content, member)).value();
    bytes[at] ^= 1;
    content.set(member, to_base64(bytes));
    return content;
  };
  const auto changed_frame = [&](JsonObject content) {
    JsonObject keys = *content.find("keys")->object();
    keys = changed(std::move(keys), bob.name(), 200);
    content.set("keys", std::move(keys));
    return content;
  };
  JsonObject other_guid = first, other_time = first, for_others = first;
  other_guid.set("guid", guid());
  other_time.set("time", static_cast<double>(kNativeNow + 1) / 1000);
  JsonObject keys;
  keys.set(alice.name(), text_in(*first.find("keys")->object(), bob.name()));
  for_others.set("keys", std::move(keys));
  for (const JsonObject& bad :
       {changed(first, "data", 60), changed_frame(first), other_guid, other_time, for_others}) {
    EXPECT_EQ(read(bob, alice, bad), "E_N1");
    EXPECT_EQ(kept(bob, alice), "");
    EXPECT_EQ(native_state(bob.vault, alice.account.id).value(), NativeState::never);
  }
  EXPECT_EQ(read(bob, alice, first), "first") << "its prekeys are still there";
  const std::string before = kept(bob, alice);
  const JsonObject second = sealed(alice, bob, "second");
  EXPECT_EQ(read(bob, alice, changed(second, "data", 60)), "E_N1");
  EXPECT_EQ(read(bob, alice, changed_frame(second)), "E_N1");
  EXPECT_EQ(kept(bob, alice), before);
  EXPECT_EQ(read(bob, alice, second), "second");
}

TEST_F(NativeMessages, J32_DroppedReorderedAndRepeated) {
  begin();
  std::vector<JsonObject> all;
  for (const char* text : {"0", "1", "2", "3"}) all.push_back(sealed(alice, bob, text));
  EXPECT_EQ(read(bob, alice, all[2]), "2");
  EXPECT_EQ(read(bob, alice, all[0]), "0");
  EXPECT_EQ(read(bob, alice, all[0]), "E_REPLAY");
  EXPECT_EQ(read(bob, alice, all[3]), "3");
  EXPECT_EQ(read(bob, alice, all[1]), "1");
}

TEST_F(NativeMessages, A12_ASessionThatWasDroppedIsNotBegunAgainByTheSameFrame) {
  ASSERT_TRUE(begin_native_session(alice.vault, alice.self(), alice.known(bob), bob.bundle(false),
                                   kNativeNow, native_random()));
  const JsonObject first = sealed(alice, bob, "by the last-resort key");
  ASSERT_EQ(read(bob, alice, first), "by the last-resort key");
  ASSERT_TRUE(bob.vault.erase("native sessions", alice.name()));
  ASSERT_TRUE(bob.vault.erase_through(kNativeOpened, INT64_MAX));
  EXPECT_EQ(read(bob, alice, first), "E_N1");
  // As long as the prekey is there, and no longer.
  ASSERT_TRUE(forget_begun_sessions(bob.vault));
  EXPECT_EQ(bob.vault.count("native begun").value(), 1);
  ASSERT_TRUE(forget_native_prekey(bob.vault, native::PrekeyKind::signed_prekey, bob.signed_id));
  ASSERT_TRUE(forget_begun_sessions(bob.vault));
  EXPECT_EQ(bob.vault.count("native begun").value(), 0);
}

TEST_F(NativeMessages, J32_BothBeginAtOnce) {
  begin();
  ASSERT_TRUE(begin_native_session(bob.vault, bob.self(), bob.known(alice), alice.bundle(),
                                   kNativeNow, native_random()));
  const JsonObject of_alice = sealed(alice, bob, "of alice"), of_bob = sealed(bob, alice, "of bob");
  EXPECT_EQ(read(bob, alice, of_alice), "of alice");
  EXPECT_EQ(read(alice, bob, of_bob), "of bob");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read(bob, alice, sealed(alice, bob, "on")), "on");
    EXPECT_EQ(read(alice, bob, sealed(bob, alice, "and on")), "and on");
  }
}

TEST_F(NativeMessages, A04_AFrameByANewerVisaWaitsForIt) {
  // Alice's visa goes on, with the same keys; Bob has not heard of it.
  alice.renew();
  begin();
  const JsonObject first = sealed(alice, bob, "first");
  EXPECT_EQ(read(bob, alice, first), "lacks theirs");
  EXPECT_EQ(kept(bob, alice), "");
  bob.learn(alice);
  EXPECT_EQ(read(bob, alice, first), "first");
}

TEST_F(NativeMessages, A04_AFrameByANewerVisaOfOnesOwnWaitsForIt) {
  const Document before = bob.account.visa;
  bob.renew();
  alice.learn(bob);
  begin();
  const JsonObject first = sealed(alice, bob, "first");
  const Document after = std::exchange(bob.account.visa, before);
  EXPECT_EQ(read(bob, alice, first), "lacks own");
  bob.account.visa = after;
  EXPECT_EQ(read(bob, alice, first), "first");
}

TEST_F(NativeMessages, A03_OtherKeysAreOtherSessions) {
  begin();
  ASSERT_EQ(read(bob, alice, sealed(alice, bob, "first")), "first");
  ASSERT_EQ(read(alice, bob, sealed(bob, alice, "answer")), "answer");
  const JsonObject late = sealed(alice, bob, "by the old keys");
  alice.renew(/*other_keys=*/true);
  bob.learn(alice);
  EXPECT_TRUE(native_sessions(bob.vault, bob.known(alice))->empty());
  ASSERT_TRUE(drop_native_sessions(bob.vault, bob.directory, alice.account.id));
  EXPECT_EQ(kept(bob, alice), "");
  EXPECT_EQ(native_state(bob.vault, alice.account.id).value(), NativeState::on)
      << "who takes the sessions away does not take this away";
  EXPECT_EQ(read(bob, alice, late), "E_N1");
}

TEST_F(NativeMessages, F07_OfARemovedDeviceNothingIsKept) {
  begin();
  ASSERT_EQ(kept(alice, bob).empty(), false);
  const Document gone = visa_without(bob.account, bob.account.visa, kNativeNow + 1'000).value();
  ASSERT_TRUE(alice.directory.learn_document(bob.account.id, gone.json(), kNativeNow));
  EXPECT_EQ(native_device(alice.directory, bob.account.id, "").value(), std::nullopt);
  ASSERT_TRUE(drop_native_sessions(alice.vault, alice.directory, bob.account.id));
  EXPECT_EQ(kept(alice, bob), "");
}

TEST_F(NativeMessages, A03_AnUnreadablePropertyIsNotNone) {
  JsonObject odd;
  odd.set("v", 2);
  JsonObject properties;
  properties.set("n1", odd);
  ASSERT_TRUE(bob.account.update_visa(properties, kNativeNow + 1'000));
  alice.learn(bob);
  EXPECT_EQ(native_devices(alice.directory, bob.account.id).error().code, Errc::native);
  properties.set("n1", nullptr);
  ASSERT_TRUE(bob.account.update_visa(properties, kNativeNow + 2'000));
  alice.learn(bob);
  const auto devices = native_devices(alice.directory, bob.account.id);
  ASSERT_TRUE(devices);
  EXPECT_THAT(devices->with, IsEmpty());
  EXPECT_THAT(devices->without, ElementsAre(""));
}

TEST_F(NativeMessages, A03_ABundleOfSomebodyElseBeginsNothing) {
  const auto begun = [&](native::PrekeyBundle bundle) {
    const auto status = begin_native_session(alice.vault, alice.self(), alice.known(bob), bundle,
                                             kNativeNow, native_random());
    return status ? "begun" : std::string(name_of(status.error().code));
  };
  native::PrekeyBundle forged = bob.bundle();
  forged.signed_prekey.key[0] ^= 1;
  EXPECT_EQ(begun(forged), "E_SIGNATURE");
  EXPECT_EQ(begun(alice.bundle()), "E_SIGNATURE");
  native::PrekeyBundle old = bob.bundle();
  old.signed_prekey.time -= native::kOldestPrekeyMs + 1;
  EXPECT_EQ(begun(old), "E_SIGNATURE");
  EXPECT_EQ(begun(bob.bundle(true, kNativeNow - native::kOldestPrekeyMs - 1)), "E_N1");
  native::PrekeyBundle alone = bob.bundle();
  alone.one_time.reset();
  EXPECT_EQ(begun(alone), "E_N1");
  EXPECT_EQ(kept(alice, bob), "");
  EXPECT_EQ(begun(bob.bundle()), "begun");
}

TEST_F(NativeMessages, J21_WhatIsInsideIsAContentAndNoNativeOneAgain) {
  begin();
  const auto read_of = [&](const JsonObject& inner) {
    const std::vector<native::Party> devices{alice.known(bob)};
    const auto out = seal_native(alice.vault, alice.self(),
                                 {.to = bob.account.id,
                                  .devices = devices,
                                  .guid = guid(),
                                  .time = kNativeNow,
                                  .content = inner},
                                 native_random());
    return read(bob, alice, out.value());
  };
  const JsonObject good = text_content("good", kNativeNow, native_random());
  for (const char* member : {"type", "sn", "time"}) {
    JsonObject bad = good;
    bad.erase(member);
    EXPECT_EQ(read_of(bad), "E_CONTENT") << member;
  }
  JsonObject future = good;
  future.set("time", static_cast<double>(kNativeNow + 600'000) / 1000);
  EXPECT_EQ(read_of(future), "E_CONTENT");
  EXPECT_EQ(read_of(sealed(alice, bob, "twice")), "E_CONTENT");
  EXPECT_EQ(kept(bob, alice), "") << "nothing of these began anything";
  EXPECT_EQ(read_of(good), "good");
}

TEST_F(NativeMessages, J21_WhatIsNoMessageOfN1IsRefusedByItsForm) {
  begin();
  const JsonObject good = sealed(alice, bob, "good");
  EXPECT_TRUE(NativeContent::parse(good));
  EXPECT_TRUE(is_native(good));
  EXPECT_THAT(native_receivers(good), ElementsAre(bob.name()));
  const auto refused = [&](std::string_view member, Json value) {
    JsonObject bad = good;
    bad.set(member, std::move(value));
    return !NativeContent::parse(bad);
  };
  EXPECT_TRUE(refused("type", 1));
  EXPECT_TRUE(refused("mod", "n2"));
  EXPECT_TRUE(refused("act", "letter"));
  EXPECT_TRUE(refused("guid", "0190c41e-6000-8000-8000-000000000001"));
  EXPECT_TRUE(refused("guid", 7));
  EXPECT_TRUE(refused("data", "%"));
  EXPECT_TRUE(refused("keys", JsonArray{}));
  JsonObject keys;
  keys.set(bob.name(), 7);
  EXPECT_TRUE(refused("keys", std::move(keys)));
}

TEST_F(NativeMessages, F07_OneMessageForAllDevicesOfSomebody) {
  NativeDevice phone = bob.linked("phone");
  alice.learn(phone);
  phone.learn(alice);
  const auto devices = native_devices(alice.directory, bob.account.id).value().with;
  ASSERT_THAT(devices, SizeIs(2));
  begin();
  ASSERT_TRUE(begin_native_session(alice.vault, alice.self(), alice.known(phone), phone.bundle(),
                                   kNativeNow, native_random()));
  const JsonObject both =
      seal_native(alice.vault, alice.self(),
                  {.to = bob.account.id,
                   .devices = devices,
                   .guid = guid(),
                   .time = kNativeNow,
                   .content = text_content("both", kNativeNow, native_random())},
                  native_random())
          .value();
  EXPECT_THAT(native_receivers(both), ElementsAre(bob.name(), phone.name()));
  EXPECT_EQ(read(bob, alice, both), "both");
  EXPECT_EQ(read(phone, alice, both), "both");
  const JsonObject one = sealed(alice, bob, "for the first");
  EXPECT_EQ(read(phone, alice, one), "E_N1");
}

TEST_F(NativeMessages, A03_WithoutASessionNothingIsSealed) {
  const std::vector<native::Party> devices{alice.known(bob)};
  const auto out = seal_native(alice.vault, alice.self(),
                               {.to = bob.account.id,
                                .devices = devices,
                                .guid = guid(),
                                .time = kNativeNow,
                                .content = text_content("hello", kNativeNow, native_random())},
                               native_random());
  EXPECT_EQ(out.error().code, Errc::native);
}

}  // namespace
}  // namespace dim
