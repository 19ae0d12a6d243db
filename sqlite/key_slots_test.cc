#include "sqlite/key_slots.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dim/crypto/os_random.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

class KeySlotsTest : public testing::Test {
 protected:
  std::string file(int number) const { return database_ + "-keys" + std::to_string(number); }
  std::string bytes(int number) const {
    std::ifstream in(file(number), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  KeySlots slots() { return {sqlite3_vfs_find(nullptr), database_, "keys", random_}; }

  TemporaryFolder folder_;
  std::string database_ = folder_.path() + "/station.db";
  OsRandom random_;
  // SQLite's files take the mode of the database.
  bool made_ = std::ofstream(database_).put('x').good();
};

bool same(const Secret& a, const Secret& b) { return equal_secret(a.view(), b.view()); }

TEST_F(KeySlotsTest, KeysAreThereAgainAndEachIsItsOwn) {
  KeySlots first = slots();
  ASSERT_TRUE(first.make(1));
  const auto one = first.put(1);
  const auto seven = first.put(7);
  ASSERT_TRUE(one && seven && first.sync());
  EXPECT_FALSE(same(*one, *seven));
  first.close();
  KeySlots second = slots();
  ASSERT_TRUE(second.open(1));
  EXPECT_TRUE(same(*second.get(1), *one));
  EXPECT_TRUE(same(*second.get(7), *seven));
  EXPECT_EQ(second.get(3).error().code, Errc::internal);
  EXPECT_EQ(second.get(8).error().code, Errc::internal);
  EXPECT_EQ(bytes(1).find(std::string(as_text(one->view()))), std::string::npos)
      << "a key lies there in its box only";
}

TEST_F(KeySlotsTest, ADestroyedSlotHoldsNothingOfItsKey) {
  KeySlots all = slots();
  ASSERT_TRUE(all.make(1));
  const auto kept = all.put(1);
  ASSERT_TRUE(all.put(2) && all.sync());
  constexpr std::size_t kHead = 4'096, kSlot = 72;
  const std::string before = bytes(1).substr(kHead + kSlot, kSlot);
  ASSERT_EQ(before.size(), kSlot);
  ASSERT_TRUE(all.destroy(2) && all.sync());
  EXPECT_EQ(all.get(2).error().code, Errc::internal);
  EXPECT_TRUE(same(*all.get(1), *kept));
  for (std::size_t at = 0; at + 8 <= kSlot; at += 8)
    EXPECT_EQ(bytes(1).find(before.substr(at, 8)), std::string::npos);
}

TEST_F(KeySlotsTest, ARotationTakesWhatIsAliveAndDestroysTheOldEpochKey) {
  KeySlots all = slots();
  ASSERT_TRUE(all.make(1));
  std::vector<Secret> keys;
  for (std::int64_t slot = 1; slot <= 20; ++slot) keys.push_back(std::move(*all.put(slot)));
  ASSERT_TRUE(all.destroy(5));
  const std::string epoch = bytes(1).substr(16, 32);
  ASSERT_EQ(all.rotate(10), Result<bool>(false));
  // What happens while it goes on is in both files.
  const auto late = all.put(21);
  ASSERT_TRUE(late && all.destroy(6) && all.destroy(15) && all.sync());
  ASSERT_EQ(all.rotate(100), Result<bool>(true));
  const std::filesystem::path second = folder_.path() + "/second-name";
  std::filesystem::create_hard_link(file(1), second);  // what becomes of the bytes
  ASSERT_TRUE(all.finish_rotation());
  EXPECT_EQ(all.number(), 2);
  EXPECT_FALSE(std::filesystem::exists(file(1)));
  std::ifstream in(second, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}).find(epoch), std::string::npos);
  all.close();
  KeySlots again = slots();
  ASSERT_TRUE(again.open(2));
  for (std::int64_t slot = 1; slot <= 20; ++slot) {
    const auto key = again.get(slot);
    const bool dead = slot == 5 || slot == 6 || slot == 15;
    ASSERT_EQ(key.has_value(), !dead) << slot;
    if (key) {
      EXPECT_TRUE(same(*key, keys[static_cast<std::size_t>(slot - 1)]));
    }
  }
  EXPECT_TRUE(same(*again.get(21), *late));
}

TEST_F(KeySlotsTest, WhatARotationLeftBesideTheFileGoes) {
  KeySlots all = slots();
  ASSERT_TRUE(all.make(1) && all.put(1) && all.sync());
  ASSERT_TRUE(all.rotate(10));
  all.close();  // killed before anything names file 2
  ASSERT_TRUE(std::filesystem::exists(file(2)));
  KeySlots again = slots();
  ASSERT_TRUE(again.open(1));
  EXPECT_FALSE(std::filesystem::exists(file(2)));
  EXPECT_TRUE(again.get(1));
}

TEST_F(KeySlotsTest, AMissingOrDamagedFileIsNamed) {
  EXPECT_EQ(slots().open(1).error().code, Errc::internal);
  KeySlots all = slots();
  ASSERT_TRUE(all.make(1) && all.put(1) && all.sync());
  all.close();
  std::fstream(file(1), std::ios::in | std::ios::out | std::ios::binary).seekp(20).put('!');
  EXPECT_EQ(slots().open(1).error().code, Errc::internal);
  std::filesystem::copy_file(file(1), file(3));
  EXPECT_EQ(slots().open(3).error().code, Errc::internal) << "it says that it is file 1";
}

}  // namespace
}  // namespace dim
