#include "client/native_prekeys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "client/station_fixture.h"

namespace dim {
namespace {

using native::PrekeyKind;
using native::PrekeySecret;
using native::PrekeySet;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kDay = 86'400'000;

class NativePrekeysTest : public testing::Test {
 protected:
  Vault vault = Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();
  native::DeviceKeys keys = make_native_device_keys(vault, fake_random()).value();
  Id device = fake_user(1).id.with_terminal("phone");
  Millis now = kFakeNow;
  std::optional<HeldPrekeys> held;  // what the station says
  std::set<std::uint32_t> at_station;

  Result<PrekeyPlan> planned() {
    return plan_prekeys(vault, keys, device, held, now, fake_random());
  }
  /// The station does what the plan says, and its answers come.
  void carry_out(const PrekeyPlan& plan) {
    lose_the_answer(plan);
    if (!plan.bring) return;
    ASSERT_TRUE(note_brought(vault, held->newest));
  }
  void lose_the_answer(const PrekeyPlan& plan) {
    if (plan.drop) at_station.clear();
    if (!plan.bring) return;
    const PrekeySet& set = *plan.bring;
    EXPECT_TRUE(set.verify(device, keys.public_half()));
    HeldPrekeys next{.signed_id = set.signed_prekey.id,
                     .time = set.signed_prekey.time,
                     .newest = held ? held->newest : 0};
    EXPECT_GE(next.time, held ? held->time : 0) << "the station refuses it otherwise";
    for (const auto& one : set.one_time) {
      EXPECT_GT(one.id, next.newest) << "it is passed over otherwise";
      next.newest = std::max(next.newest, one.id);
      at_station.insert(one.id);
    }
    next.count = static_cast<std::int64_t>(at_station.size());
    held = next;
  }
  void give_out(std::size_t count) {
    for (; count > 0; --count) at_station.erase(at_station.begin());
    held->count = static_cast<std::int64_t>(at_station.size());
  }
  bool has(PrekeyKind kind, std::uint32_t id) {
    return native_prekey(vault, kind, id).value().has_value();
  }
};

TEST_F(NativePrekeysTest, A03_TheFirstTimeEverythingIsBrought) {
  const PrekeyPlan plan = planned().value();
  EXPECT_FALSE(plan.drop);
  ASSERT_TRUE(plan.bring);
  EXPECT_THAT(plan.bring->one_time, SizeIs(100));
  EXPECT_TRUE(plan.bring->verify(device, keys.public_half()));
  EXPECT_TRUE(has(PrekeyKind::signed_prekey, plan.bring->signed_prekey.id));
  EXPECT_TRUE(has(PrekeyKind::last_resort, plan.bring->last_resort.id));
  std::set<std::uint32_t> ids{plan.bring->signed_prekey.id, plan.bring->last_resort.id};
  for (const auto& one : plan.bring->one_time) {
    EXPECT_TRUE(has(PrekeyKind::one_time, one.id));
    ids.insert(one.id);
  }
  EXPECT_THAT(ids, SizeIs(102)) << "no id twice";
  carry_out(plan);
  EXPECT_FALSE(planned()->bring);
}

// The set goes out again as it was: else each try would leave secrets behind.
TEST_F(NativePrekeysTest, A03_WhatNoStationHasTakenIsBroughtAgain) {
  const PrekeyPlan first = planned().value();
  const PrekeyPlan second = planned().value();
  EXPECT_EQ(*first.bring, *second.bring);
  now += kDay;
  EXPECT_EQ(*first.bring, *planned()->bring);
  EXPECT_THAT(native_prekeys(vault, PrekeyKind::one_time).value(), SizeIs(100));

  lose_the_answer(first);
  EXPECT_FALSE(planned()->bring) << "the station says that it has it";
}

TEST_F(NativePrekeysTest, A03_OneTimeKeysAreFilledUpBelow20AndNoneIsBroughtTwice) {
  carry_out(planned().value());
  std::set<std::uint32_t> brought = at_station;
  give_out(80);
  EXPECT_FALSE(planned()->bring) << "20 are enough";
  give_out(1);
  const PrekeyPlan plan = planned().value();
  ASSERT_TRUE(plan.bring);
  EXPECT_FALSE(plan.drop);
  EXPECT_THAT(plan.bring->one_time, SizeIs(81));
  for (const auto& one : plan.bring->one_time) EXPECT_FALSE(brought.contains(one.id));
  EXPECT_EQ(plan.bring->signed_prekey.id, held->signed_id) << "the same";
  carry_out(plan);
  EXPECT_EQ(held->count, 100);

  // The station was restored from a backup and has none; what it gave out after that is not brought
  // again, though it does not know of it.
  held->count = 0;
  held->newest = 50;
  at_station.clear();
  const PrekeyPlan again = planned().value();
  ASSERT_TRUE(again.bring);
  EXPECT_FALSE(again.drop);
  EXPECT_THAT(again.bring->one_time, SizeIs(100));
  for (const auto& one : again.bring->one_time) EXPECT_GT(one.id, *brought.rbegin() + 81);
}

TEST_F(NativePrekeysTest, A03_EachWeekThereAreANewSignedAndANewLastResortPrekey) {
  const PrekeyPlan first = planned().value();
  carry_out(first);
  now += 7 * kDay - 1;
  EXPECT_FALSE(planned()->bring);
  now += 1;
  const PrekeyPlan second = planned().value();
  ASSERT_TRUE(second.bring);
  EXPECT_THAT(second.bring->one_time, IsEmpty());
  EXPECT_GT(second.bring->signed_prekey.id, first.bring->signed_prekey.id);
  EXPECT_NE(second.bring->last_resort.id, first.bring->last_resort.id);
  EXPECT_EQ(second.bring->signed_prekey.time, now);
  EXPECT_FALSE(second.drop);
  carry_out(second);
  EXPECT_FALSE(planned()->bring);

  // A clock that was ahead when they were made.
  now -= kDay;
  EXPECT_EQ(planned()->bring->signed_prekey.time, held->time + 1);
}

TEST_F(NativePrekeysTest, A03_SecretsOfReplacedOnesAreKeptFor30Days) {
  const PrekeyPlan first = planned().value();
  carry_out(first);
  now += 40 * kDay;
  const PrekeyPlan second = planned().value();
  const Millis replaced = now;
  now += 31 * kDay;
  EXPECT_FALSE(forget_replaced_prekeys(vault, *held, now).value())
      << "the station gives the first one out still: nothing else has come to it";
  lose_the_answer(second);
  now = replaced + 30 * kDay;
  EXPECT_FALSE(forget_replaced_prekeys(vault, *held, now).value());
  EXPECT_TRUE(has(PrekeyKind::signed_prekey, first.bring->signed_prekey.id));
  now += 1;
  EXPECT_TRUE(forget_replaced_prekeys(vault, *held, now).value());
  EXPECT_FALSE(has(PrekeyKind::signed_prekey, first.bring->signed_prekey.id));
  EXPECT_FALSE(has(PrekeyKind::last_resort, first.bring->last_resort.id));
  EXPECT_TRUE(has(PrekeyKind::signed_prekey, second.bring->signed_prekey.id));
  EXPECT_TRUE(has(PrekeyKind::last_resort, second.bring->last_resort.id));
  EXPECT_FALSE(forget_replaced_prekeys(vault, *held, now).value());
}

class RestoredPrekeys : public NativePrekeysTest {
 protected:
  /// This device as it was when the test began; the station goes on with what it has.
  void restore(const std::function<void()>& since) {
    vault_before =
        Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();
    for (const PrekeyKind kind :
         {PrekeyKind::signed_prekey, PrekeyKind::one_time, PrekeyKind::last_resort}) {
      const auto all = native_prekeys(vault, kind).value();
      for (const PrekeySecret& secret : all) ASSERT_TRUE(put_native_prekey(*vault_before, secret));
    }
    ASSERT_TRUE(
        vault_before->put("native device", "prekeys", **vault.get("native device", "prekeys")));
    since();
    vault = std::move(*vault_before);
  }
  std::optional<Vault> vault_before;

  void expect_all_is_new(const PrekeyPlan& plan) {
    EXPECT_TRUE(plan.drop) << "nobody has the secrets of those that are there";
    ASSERT_TRUE(plan.bring);
    EXPECT_NE(plan.bring->signed_prekey.id, held->signed_id);
    EXPECT_GT(plan.bring->signed_prekey.time, held->time);
    EXPECT_THAT(plan.bring->one_time, SizeIs(100));
    for (const auto& one : plan.bring->one_time) {
      EXPECT_GT(one.id, held->newest);
      EXPECT_TRUE(has(PrekeyKind::one_time, one.id));
    }
  }
};

TEST_F(RestoredPrekeys, A03_OneTimeKeysThatOnlyALaterSelfKnewAreDropped) {
  carry_out(planned().value());
  restore([&] {
    give_out(95);
    carry_out(planned().value());
  });
  const PrekeyPlan plan = planned().value();
  expect_all_is_new(plan);
  // The session ends before the station has them: the next one does the same, with the same.
  const PrekeyPlan again = planned().value();
  EXPECT_TRUE(again.drop);
  EXPECT_EQ(*again.bring, *plan.bring);
  carry_out(again);
  const PrekeyPlan after = planned().value();
  EXPECT_FALSE(after.drop);
  EXPECT_FALSE(after.bring);
}

TEST_F(RestoredPrekeys, A03_ASignedPrekeyThatOnlyALaterSelfKnewIsReplaced) {
  carry_out(planned().value());
  restore([&] {
    now += 8 * kDay;
    carry_out(planned().value());
  });
  const PrekeyPlan plan = planned().value();
  expect_all_is_new(plan);
  carry_out(plan);
  EXPECT_FALSE(planned()->drop);
}

// The same id is another key's when both have counted on from the same place.
TEST_F(RestoredPrekeys, A03_AnIdAloneDoesNotMakeAPrekeyOnesOwn) {
  carry_out(planned().value());
  now += 8 * kDay;
  restore([&] { carry_out(planned().value()); });
  now += 1;
  const auto lost = held->signed_id;
  held.reset();  // it does not hear of that in time
  ASSERT_EQ(planned()->bring->signed_prekey.id, lost);
  held = HeldPrekeys{.signed_id = lost, .time = now - 1, .count = 100, .newest = 102};
  expect_all_is_new(planned().value());
}

TEST_F(NativePrekeysTest, A03_ANumberThatNoStationCanHaveIsBelievedByNobody) {
  carry_out(planned().value());
  held->newest = 4'294'967'295;
  EXPECT_EQ(planned().error().code, Errc::bad_request);
  held->newest = 102;
  EXPECT_FALSE(planned()->bring) << "and nothing has come of it";
}

TEST_F(NativePrekeysTest, A03_WhatAStationSaysOfItsPrekeysIsRead) {
  constexpr std::string_view kAnswer =
      R"([{"device":"phone","signed":1,"time":"2026-09-21T13:33:20.000Z","count":3,"newest":9},)"
      R"({"signed":2,"time":"2026-09-21T13:33:21.000Z","count":0,"newest":0}])";
  const auto phone = HeldPrekeys::read(kAnswer, "phone").value();
  ASSERT_TRUE(phone);
  EXPECT_EQ(phone->signed_id, 1U);
  EXPECT_EQ(phone->time, *parse_time("2026-09-21T13:33:20.000Z"));
  EXPECT_EQ(phone->count, 3);
  EXPECT_EQ(phone->newest, 9U);
  EXPECT_EQ(HeldPrekeys::read(kAnswer, "").value()->signed_id, 2U);
  EXPECT_FALSE(HeldPrekeys::read(kAnswer, "laptop").value());
  EXPECT_FALSE(HeldPrekeys::read("[]", "").value());
  for (const std::string_view wrong :
       {"", "{}", "[7]", R"([{"signed":1}])",
        R"([{"signed":-1,"time":"2026-09-21T13:33:20.000Z","count":3,"newest":9}])",
        R"([{"signed":1,"time":"2026-09-21T13:33:20.000Z","count":3,"newest":4294967296}])",
        R"([{"signed":1,"time":"2026-09-21T13:33:20.000Z","count":-3,"newest":9}])"})
    EXPECT_EQ(HeldPrekeys::read(wrong, "").error().code, Errc::bad_request) << wrong;
}

}  // namespace
}  // namespace dim
