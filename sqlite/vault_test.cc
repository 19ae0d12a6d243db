#include "sqlite/vault.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dim/crypto/os_random.h"
#include "sqlite/database.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class VaultTest : public testing::Test {
 protected:
  Result<Vault> open(const Secret& with) { return Vault::open(path, with, random); }
  Vault opened() { return std::move(open(key).value()); }
  static std::vector<std::string> bodies(const Result<std::vector<Vault::Row>>& rows) {
    std::vector<std::string> out;
    for (const Vault::Row& row : rows.value()) out.push_back(row.body);
    return out;
  }
  std::string every_byte() {
    std::string out;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      out.append(std::istreambuf_iterator<char>(in), {});
    }
    return out;
  }
  /// As somebody who has the file and no key.
  void sql(const char* text) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  OsRandom random;
  TemporaryFolder folder;
  std::string path = folder.path() + "/vault.db";
  Secret key = Secret::random(32, random);
};

TEST_F(VaultTest, KeepsWhatWasPutAndForgetsWhatWasErased) {
  {
    Vault vault = opened();
    ASSERT_TRUE(vault.put("contact", "bob", "one"));
    ASSERT_TRUE(vault.put("contact", "carol", std::string("\0two", 4)));
    ASSERT_TRUE(vault.put("station", "bob", "another bucket"));
  }
  Vault vault = opened();
  EXPECT_EQ(vault.get("contact", "bob").value(), "one");
  EXPECT_EQ(vault.get("contact", "carol").value(), std::string("\0two", 4));
  EXPECT_EQ(vault.get("station", "bob").value(), "another bucket");
  EXPECT_EQ(vault.get("contact", "dave").value(), std::nullopt);
  EXPECT_TRUE(vault.contains("contact", "bob").value());
  ASSERT_TRUE(vault.erase("contact", "bob"));
  EXPECT_FALSE(vault.contains("contact", "bob").value());
  EXPECT_TRUE(vault.contains("station", "bob").value());
  EXPECT_EQ(vault.count("contact").value(), 1);
}

TEST_F(VaultTest, RowsComeInTheOrderOfTheirFirstWriting) {
  Vault vault = opened();
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_TRUE(vault.put("history", name, name));
  ASSERT_TRUE(vault.put("history", "a", "a again"));
  EXPECT_THAT(bodies(vault.list("history")), ElementsAre("a again", "b", "c", "d"));
  EXPECT_THAT(bodies(vault.list("history", 0, 2)), ElementsAre("a again", "b"));
  const std::int64_t place = vault.row("history", "b").value()->place;
  EXPECT_THAT(bodies(vault.list("history", place)), ElementsAre("c", "d"));
  EXPECT_THAT(bodies(vault.newest("history", 2)), ElementsAre("c", "d"));
  EXPECT_THAT(bodies(vault.newest("history", 9, place)), ElementsAre("a again"));
  EXPECT_THAT(bodies(vault.list("nothing")), IsEmpty());
}

TEST_F(VaultTest, TheOldestRowsOfABucketGoAndNoOthers) {
  Vault vault = opened();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(vault.put("seen", name, name));
    ASSERT_TRUE(vault.put("sent", name, name));
  }
  const auto rows = vault.list("seen").value();
  ASSERT_TRUE(vault.erase_through("seen", rows[1].place));
  EXPECT_THAT(bodies(vault.list("seen")), ElementsAre("c"));
  EXPECT_THAT(bodies(vault.list("sent")), ElementsAre("a", "b", "c"));
  EXPECT_EQ(vault.contains("seen", "a"), false);
}

TEST_F(VaultTest, ATransactionIsAllOrNothing) {
  Vault vault = opened();
  ASSERT_TRUE(vault.put("contact", "bob", "before"));
  const Status failed = vault.transaction([&]() -> Status {
    EXPECT_TRUE(vault.put("contact", "bob", "within"));
    return vault.transaction([&]() -> Status {
      EXPECT_TRUE(vault.put("contact", "carol", "within"));
      return fail(Errc::conflict, "no");
    });
  });
  EXPECT_EQ(failed.error().code, Errc::conflict);
  EXPECT_EQ(vault.get("contact", "bob").value(), "before");
  EXPECT_FALSE(vault.contains("contact", "carol").value());
  ASSERT_TRUE(vault.transaction([&] { return vault.put("contact", "carol", "kept"); }));
  EXPECT_EQ(vault.get("contact", "carol").value(), "kept");
}

TEST_F(VaultTest, A43_AnotherKeyDoesNotOpenItAndChangesNothing) {
  {
    ASSERT_TRUE(opened().put("contact", "bob", "one"));
  }
  const auto wrong = open(Secret::random(32, random));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::key);
  EXPECT_EQ(open(Secret::random(16, random)).error().code, Errc::key);
  EXPECT_EQ(opened().get("contact", "bob").value(), "one");
}

TEST_F(VaultTest, A43_NeitherNamesNorBodiesStandInItsFiles) {
  {
    Vault vault = opened();
    ASSERT_TRUE(vault.put("canary-bucket", "canary-name", "canary-body"));
    EXPECT_FALSE(every_byte().contains("canary")) << "while it is open, in the log";
  }
  const std::string bytes = every_byte();
  EXPECT_FALSE(bytes.contains("canary"));
  EXPECT_FALSE(bytes.contains(std::string(as_text(key.view()))));
}

TEST_F(VaultTest, A43_WhatWasChangedOrMovedOnTheDiskIsNotBelieved) {
  {
    Vault vault = opened();
    ASSERT_TRUE(vault.put("contact", "bob", "body of bob"));
    ASSERT_TRUE(vault.put("contact", "carol", "body of carol"));
  }
  const std::int64_t bob = opened().row("contact", "bob").value()->place;
  const std::string swap =
      "UPDATE entry SET body=(SELECT body FROM entry WHERE place=" + std::to_string(bob + 1) +
      ") WHERE place=" + std::to_string(bob);
  sql(swap.c_str());
  const auto moved = opened().get("contact", "bob");
  ASSERT_FALSE(moved) << "another row's body was taken for this one's";
  EXPECT_EQ(moved.error().code, Errc::io);
  EXPECT_EQ(opened().get("contact", "carol").value(), "body of carol");
  sql("UPDATE entry SET body=zeroblob(80)");
  EXPECT_FALSE(open(key));
}

TEST_F(VaultTest, OneOfANewerFormatIsLeftAlone) {
  opened();
  sql("PRAGMA user_version=2");
  const auto newer = open(key);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, Errc::io);
}

TEST_F(VaultTest, SomethingElseIsNoVault) {
  std::ofstream(path) << std::string(4'096, 'x');
  EXPECT_EQ(open(key).error().code, Errc::io);
  path = folder.path() + "/none/vault.db";
  EXPECT_EQ(open(key).error().code, Errc::io);
}

TEST_F(VaultTest, N1_WhatWasErasedIsInNoFileBehindAScrub) {
  Vault vault = opened();
  ASSERT_TRUE(vault.put("post", "one", std::string(2'000, 'x')));
  std::string sealed;  // a piece of its cipher text
  {
    Database db;
    ASSERT_TRUE(db.open(path, SQLITE_OPEN_READONLY, nullptr));
    Statement newest;
    ASSERT_TRUE(newest.prepare(db, "SELECT body FROM entry ORDER BY place DESC LIMIT 1"));
    Use use(newest);
    ASSERT_EQ(use.step(), Result<bool>(true));
    sealed = use.text(0).substr(1'000, 64);
  }
  ASSERT_NE(every_byte().find(sealed), std::string::npos);
  ASSERT_TRUE(vault.erase("post", "one"));
  ASSERT_NE(every_byte().find(sealed), std::string::npos) << "the log still has it";
  ASSERT_TRUE(vault.scrub());
  EXPECT_EQ(every_byte().find(sealed), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path + "-wal"), 0U);
}

}  // namespace
}  // namespace dim
