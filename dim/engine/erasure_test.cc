#include "dim/engine/erasure.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;

class ErasureTest : public testing::Test {
 protected:
  OsRandom random_;
  Account alice_ = Account::make_user("alice", kNow, random_).value();
  Account bob_ = Account::make_user("bob", kNow, random_).value();
  Guid channel_ = Guid::make(kNow, random_), message_ = Guid::make(kNow, random_);
};

TEST_F(ErasureTest, N1_AReceiptIsOfWhoHasSignedIt) {
  const JsonObject receipt = sign_erasure(alice_, channel_.text(), message_.text(), kNow);
  EXPECT_TRUE(check_erasure(receipt, alice_.meta));
  const auto read = read_erasure(receipt);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->erased, message_.text());
  EXPECT_EQ(read->channel, channel_.text());
  EXPECT_EQ(read->who, alice_.id.bare().text());
  EXPECT_EQ(read->time, kNow);
  EXPECT_EQ(check_erasure(receipt, bob_.meta).error().code, Errc::signature);
}

TEST_F(ErasureTest, N1_NothingOfItCanBeChanged) {
  const JsonObject receipt = sign_erasure(alice_, channel_.text(), message_.text(), kNow);
  const std::pair<const char*, std::string> changes[] = {
      {"erased", Guid::make(kNow, random_).text()},
      {"channel", Guid::make(kNow, random_).text()},
      {"who", bob_.id.bare().text()},
      {"time", format_time(kNow + 1'000)},
      {"signature",
       *sign_erasure(alice_, message_.text(), channel_.text(), kNow).text("signature")}};
  for (const auto& [key, value] : changes) {
    JsonObject other = receipt;
    other.set(key, value);
    EXPECT_EQ(check_erasure(other, alice_.meta).error().code, Errc::signature) << key;
  }
}

TEST_F(ErasureTest, WhatIsNoReceiptIsRefused) {
  const JsonObject receipt = sign_erasure(alice_, channel_.text(), message_.text(), kNow);
  for (const char* key : {"erased", "channel", "who", "time", "signature"}) {
    JsonObject other = receipt;
    other.set(key, "");
    EXPECT_EQ(read_erasure(other).error().code, Errc::bad_request) << key;
    other.set(key, std::int64_t{7});
    EXPECT_EQ(read_erasure(other).error().code, Errc::bad_request) << key;
  }
}

TEST_F(ErasureTest, N1_AHubIsNamedByItsIdTwice) {
  const std::string hub =
      Meta::make_mkm(alice_.identity_key, "Group-1").id(EntityType::group)->text();
  EXPECT_EQ(read_erasure(sign_erasure(alice_, hub, hub, kNow))->erased, hub);
  EXPECT_TRUE(check_erasure(sign_erasure(alice_, hub, hub, kNow), alice_.meta));
  EXPECT_FALSE(read_erasure(sign_erasure(alice_, channel_.text(), hub, kNow)));
  const std::string user = bob_.id.bare().text();
  EXPECT_FALSE(read_erasure(sign_erasure(alice_, user, user, kNow))) << "no hub";
}

}  // namespace
}  // namespace dim
