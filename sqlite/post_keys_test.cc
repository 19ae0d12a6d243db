#include "sqlite/post_keys.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "dim/crypto/os_random.h"
#include "sqlite/schema.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

class PostKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db_.open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr));
    ASSERT_TRUE(prepare_database(db_, false));
  }
  auto open() { return PostKeys::open(db_, sqlite3_vfs_find(nullptr), path_, random_); }

  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/station.db";
  OsRandom random_;
  Database db_;
  const Guid one_ = guid(1), two_ = guid(2);
};

TEST_F(PostKeysTest, WhatWasSealedOpensAfterARestartAndOnlyForItsMessage) {
  Bytes sealed;
  {
    const auto keys = open();
    ASSERT_TRUE(keys);
    const auto key = (*keys)->posts().put(3);
    ASSERT_TRUE(key);
    auto made = (*keys)->seal(*key, ByteView(one_.bytes()), "canary");
    ASSERT_TRUE(made);
    sealed = std::move(*made);
    ASSERT_TRUE((*keys)->posts().sync());
  }
  EXPECT_EQ(to_text(sealed).find("canary"), std::string::npos);
  const auto keys = open();
  ASSERT_TRUE(keys);
  EXPECT_EQ((*keys)->open(3, ByteView(one_.bytes()), sealed), Result<std::string>("canary"));
  EXPECT_EQ((*keys)->open(3, ByteView(two_.bytes()), sealed).error().code, Errc::internal);
  EXPECT_EQ((*keys)->open(4, ByteView(one_.bytes()), sealed).error().code, Errc::internal);
  EXPECT_EQ((*keys)->open(4, ByteView(one_.bytes()), {}), Result<std::string>(""));
}

TEST_F(PostKeysTest, WithoutItsFileTheStoreSaysWhichIsMissing) {
  ASSERT_TRUE(open());
  std::filesystem::remove(path_ + "-keys1");
  const auto keys = open();
  ASSERT_FALSE(keys);
  EXPECT_NE(keys.error().hint.find("station.db-keys"), std::string_view::npos);
}

}  // namespace
}  // namespace dim
