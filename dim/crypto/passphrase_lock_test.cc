#include "dim/crypto/passphrase_lock.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

constexpr Argon2Cost kCheap{.passes = 1, .memory_bytes = 8'192};

Secret secret(std::string_view text) { return Secret::copy_of(as_bytes(text)); }

JsonObject written(const PassphraseLock& lock) {
  JsonObject out;
  lock.write_to(out);
  return out;
}

TEST(PassphraseLock, A43_TheSameWordsGiveTheSameKeyThroughWhatIsWritten) {
  OsRandom random;
  const PassphraseLock lock = PassphraseLock::make(random, kCheap);
  const auto again = PassphraseLock::parse(written(lock));
  ASSERT_TRUE(again);
  const auto key = lock.key(secret("correct horse"));
  const auto same = again->key(secret("correct horse"));
  const auto other = again->key(secret("correct house"));
  ASSERT_TRUE(key && same && other);
  EXPECT_TRUE(equal_secret(key->view(), same->view()));
  EXPECT_FALSE(equal_secret(key->view(), other->view()));
}

TEST(PassphraseLock, A43_EachLockHasItsOwnSalt) {
  OsRandom random;
  const auto a = PassphraseLock::make(random, kCheap).key(secret("correct horse"));
  const auto b = PassphraseLock::make(random, kCheap).key(secret("correct horse"));
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(equal_secret(a->view(), b->view()));
}

TEST(PassphraseLock, A43_TheCostIsThatOfTheSecurityPlanUnlessSaidOtherwise) {
  OsRandom random;
  const JsonObject object = written(PassphraseLock::make(random));
  EXPECT_EQ(*object.find("passes")->integer(), 3);
  EXPECT_EQ(*object.find("memory")->integer(), 256 * 1024 * 1024);
}

TEST(PassphraseLock, RefusesWhatNoProgramWrites) {
  OsRandom random;
  const JsonObject right = written(PassphraseLock::make(random, kCheap));
  ASSERT_TRUE(PassphraseLock::parse(right));
  const auto refuses = [&](const char* name, Json value) {
    JsonObject object = right;
    object.set(name, std::move(value));
    const auto lock = PassphraseLock::parse(object);
    return !lock && lock.error().code == Errc::key;
  };
  EXPECT_TRUE(refuses("kind", "file"));
  EXPECT_TRUE(refuses("salt", "AAAA"));
  EXPECT_TRUE(refuses("salt", "not base64"));
  EXPECT_TRUE(refuses("salt", 7));
  EXPECT_TRUE(refuses("passes", 0));
  EXPECT_TRUE(refuses("passes", 65));
  EXPECT_TRUE(refuses("passes", "3"));
  EXPECT_TRUE(refuses("memory", -1));
  EXPECT_TRUE(refuses("memory", 8'191));
  EXPECT_TRUE(refuses("memory", (std::int64_t{4} << 30) + 1));
}

}  // namespace
}  // namespace dim
