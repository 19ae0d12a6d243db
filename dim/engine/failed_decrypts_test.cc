#include "dim/engine/failed_decrypts.h"

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

constexpr Millis kMinute = 60'000;

FailedDecrypts full(Millis from) {
  FailedDecrypts out;
  for (std::size_t i = 0; i < kFailedDecrypts; ++i)
    out.add(from + static_cast<Millis>(i) * kMinute);
  return out;
}

TEST(FailedDecrypts, A22_TwentyFailuresOfAnHourAreTheMost) {
  FailedDecrypts failed;
  for (std::size_t i = 0; i < kFailedDecrypts; ++i) {
    EXPECT_TRUE(failed.may_try(kNow)) << i;
    failed.add(kNow);
  }
  EXPECT_FALSE(failed.may_try(kNow));
  EXPECT_FALSE(failed.may_try(kNow + kFailedDecryptsMs - 1));
  EXPECT_TRUE(failed.may_try(kNow + kFailedDecryptsMs));
}

TEST(FailedDecrypts, A22_TheHourMovesOn) {
  FailedDecrypts failed = full(kNow);
  const Millis later = kNow + kFailedDecryptsMs;
  EXPECT_TRUE(failed.may_try(later)) << "the first one is an hour old";
  failed.add(later);
  EXPECT_FALSE(failed.may_try(later)) << "one room, one more failure";
  EXPECT_TRUE(failed.may_try(later + kMinute));
}

TEST(FailedDecrypts, AClockThatWasSetBackDoesNotLockForEver) {
  EXPECT_TRUE(full(kNow).may_try(kNow - 24 * 60 * kMinute));
}

TEST(FailedDecrypts, ComesBackFromItsText) {
  const FailedDecrypts failed = full(kNow);
  EXPECT_EQ(FailedDecrypts::parse(failed.text()), failed);
  EXPECT_EQ(FailedDecrypts::parse(""), FailedDecrypts{});
  EXPECT_EQ(FailedDecrypts::parse("no numbers"), FailedDecrypts{});
  EXPECT_EQ(FailedDecrypts{}.text(), "");
}

TEST(Open, A22_AfterTwentyFailuresNothingOfTheSenderIsDecryptedForAWhile) {
  Directory directory = directory_of({&alice(), &bob()});
  const SignedMessage good = alice_to_bob();
  SignedMessage bad = good;
  bad.sealed.keys[0].second[100] ^= 1;
  FailedDecrypts failed;
  const auto opens = [&](const SignedMessage& message, Millis now) {
    return open(message, bob(), directory, {}, now, {.failed = &failed});
  };
  EXPECT_TRUE(opens(good, kNow));
  EXPECT_EQ(failed, FailedDecrypts{}) << "what opens is not counted";
  const auto first = opens(bad, kNow);
  ASSERT_FALSE(first);
  for (std::size_t i = 1; i < kFailedDecrypts; ++i) EXPECT_FALSE(opens(bad, kNow));
  const auto refused = opens(good, kNow);
  ASSERT_FALSE(refused) << "it would open, and nothing was tried";
  EXPECT_EQ(refused.error().code, Errc::decrypt);
  EXPECT_EQ(refused.error().hint, first.error().hint) << "and it looks like any other failure";
  EXPECT_FALSE(opens(good, kNow)) << "refusing does not count";
  EXPECT_TRUE(opens(good, kNow + kFailedDecryptsMs)) << "the count is that of one hour";
}

TEST(Open, A22_ABadSignatureCountsForNobody) {
  Directory directory = directory_of({&alice(), &bob()});
  SignedMessage forged = alice_to_bob();
  forged.sealed.data[0] ^= 1;
  FailedDecrypts failed;
  const auto opened = open(forged, bob(), directory, {}, kNow, {.failed = &failed});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::signature);
  EXPECT_EQ(failed, FailedDecrypts{});
}

}  // namespace
}  // namespace dim
