#include "server/dimples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "dim/store/memory_store.h"
#include "server/records.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr Millis kNow = 1'795'700'000'000;  // some hours after the databases were made

const std::string kFixtures = "tests/reference/fixtures/";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// One entity of a fixture: the first in order whose folder begins so.
DimplesFiles files_of(const std::string& year, const std::string& begin) {
  std::vector<fs::path> folders;
  for (const auto& one : fs::directory_iterator(kFixtures + "database-" + year + "/public"))
    if (one.path().filename().string().starts_with(begin)) folders.push_back(one.path());
  std::ranges::sort(folders);
  const fs::path folder = folders.at(0);
  std::string logins = read(folder / "login_commands.js");
  if (logins.empty()) logins = read(folder / "login.js");
  return {folder.filename().string(), read(folder / "meta.js"), read(folder / "documents.js"),
          logins};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class Dimples : public ::testing::TestWithParam<std::string> {
 protected:
  MemoryStore store_{InboxLimits{100, 100'000}};
  std::expected<DimplesImport, Failure> import(const std::string& root) {
    return import_dimples(root, "data", store_, kNow);
  }
};

TEST_P(Dimples, A01_A02_ADatabaseOfEachGenerationIsTakenOverWholeAndNothingInItIsRefused) {
  const auto done = import(kFixtures + "database-" + GetParam());
  ASSERT_TRUE(done) << done.error().text;
  const bool later = GetParam() == "2026";
  EXPECT_EQ(done->users, later ? 3u : 2u);
  EXPECT_EQ(done->groups, 1u);
  EXPECT_EQ(done->others, 1u);
  EXPECT_EQ(done->documents, later ? 6u : 4u);  // of 2026: one user with two devices
  EXPECT_EQ(done->logins, later ? 3u : 2u);
  EXPECT_EQ(done->unchanged, 0u);
  for (const auto& one : done->refused) ADD_FAILURE() << one.what << ": " << one.why;

  const DimplesFiles user = files_of(GetParam(), "0x");
  const auto identity = store_.identity(user.address);
  ASSERT_TRUE(identity && *identity);
  EXPECT_TRUE((*identity)->pinned);
  const auto documents = store_.documents(user.address);
  ASSERT_TRUE(documents);
  EXPECT_EQ(std::ranges::count(*documents, "visa", &StoredDocument::type), later ? 2 : 1);
  EXPECT_EQ(std::ranges::count(*documents, kLoginRecord, &StoredDocument::type), 1);
}

TEST_P(Dimples, ASecondImportChangesNothing) {
  ASSERT_TRUE(import(kFixtures + "database-" + GetParam()));
  const auto again = import(kFixtures + "database-" + GetParam());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->documents, 0u);
  EXPECT_EQ(again->logins, 0u);
  EXPECT_GT(again->unchanged, 5u);
  EXPECT_TRUE(again->refused.empty());
}

INSTANTIATE_TEST_SUITE_P(Generation, Dimples, ::testing::Values("2025", "2026"),
                         [](const auto& generation) { return generation.param; });

TEST(DimplesEntity, A02_AMetaThatMakesAnotherAddressIsRefusedWithEverythingBesideIt) {
  DimplesFiles files = files_of("2025", "0x");
  files.address = "0x1234567890123456789012345678901234567890";
  const DimplesEntity entity = read_dimples(files, kNow);
  EXPECT_FALSE(entity.id);
  EXPECT_TRUE(entity.writes.empty());
  ASSERT_EQ(entity.refused.size(), 1u);
  EXPECT_EQ(entity.refused[0].what, files.address + "/meta.js");
}

TEST(DimplesEntity, A02_WithoutAMetaNothingIsTaken) {
  DimplesFiles files = files_of("2026", "0x");
  for (const char* meta : {"", "{}", "[1]", "no JSON", "{\"type\":\"4\",\"key\":{}}"}) {
    files.meta = meta;
    const DimplesEntity entity = read_dimples(files, kNow);
    EXPECT_FALSE(entity.id) << meta;
    EXPECT_TRUE(entity.writes.empty()) << meta;
    EXPECT_EQ(entity.refused.size(), 1u) << meta;
  }
}

TEST(DimplesEntity, A01_ADocumentThatWasChangedIsRefusedAndTheMetaIsNotPinnedByIt) {
  DimplesFiles files = files_of("2025", "0x");
  files.documents = replaced(files.documents, "chat.dim.tests", "chat.dim.tesss");
  const DimplesEntity entity = read_dimples(files, kNow);
  ASSERT_TRUE(entity.id);
  EXPECT_EQ(entity.documents, 0u);
  EXPECT_FALSE(std::get<PutIdentity>(entity.writes.at(0)).pinned);
  ASSERT_EQ(entity.refused.size(), 1u);
  EXPECT_EQ(entity.refused[0].what, files.address + "/documents.js 1");
}

TEST(DimplesEntity, A04_ADocumentFromTheFutureIsRefused) {
  const DimplesFiles files = files_of("2025", "0x");
  const DimplesEntity entity = read_dimples(files, Millis{1'600'000'000'000});
  EXPECT_EQ(entity.documents, 0u);
  EXPECT_EQ(entity.logins, 0u);
  EXPECT_EQ(entity.refused.size(), 2u);
}

TEST(DimplesEntity, A23_ALoginOfSomebodyElseIsRefused) {
  DimplesFiles files = files_of("2025", "0x");
  std::vector<fs::path> folders;
  for (const auto& one : fs::directory_iterator(kFixtures + "database-2025/public"))
    if (one.path().filename().string().starts_with("0x") && one.path().filename() != files.address)
      folders.push_back(one.path());
  files.logins = read(folders.at(0) / "login.js");
  const DimplesEntity entity = read_dimples(files, kNow);
  EXPECT_EQ(entity.documents, 1u);
  EXPECT_EQ(entity.logins, 0u);
  ASSERT_EQ(entity.refused.size(), 1u);
  EXPECT_EQ(entity.refused[0].why, "the login is signed by somebody else");
}

TEST(DimplesEntity, A01_ALoginThatWasChangedIsRefused) {
  DimplesFiles files = files_of("2026", "0x");
  // The copy under cmd says nothing: only what is signed counts.
  files.logins = replaced(files.logins, "\"port\": ", "\"port\": 1");
  EXPECT_EQ(read_dimples(files, kNow).logins, 1u);
  files.logins = replaced(files.logins, "\\\"port\\\": ", "\\\"port\\\": 1");
  EXPECT_EQ(read_dimples(files, kNow).logins, 0u);
}

TEST(DimplesEntity, FilesThatAreCutOrStrangeNeverStopTheOthers) {
  const DimplesFiles whole = files_of("2026", "0x");
  for (const std::string& documents :
       {whole.documents.substr(0, 500), std::string("{}"), std::string("[]"),
        std::string("[1,null,{}]"), std::string("\"text\""), std::string("{\"documents\":[[]]}")}) {
    DimplesFiles files = whole;
    files.documents = documents;
    files.logins = documents;
    const DimplesEntity entity = read_dimples(files, kNow);
    ASSERT_TRUE(entity.id) << documents;
    EXPECT_EQ(entity.documents, 0u) << documents;
    EXPECT_EQ(entity.logins, 0u) << documents;
  }
}

TEST(DimplesImport, A02_AnIdThatTheStationKnowsWithAnotherMetaStaysAsItIs) {
  MemoryStore store{InboxLimits{100, 100'000}};
  const DimplesFiles user = files_of("2025", "0x");
  const DimplesFiles other = files_of("2026", "0x");
  const std::vector<Write> before{PutIdentity{user.address, other.meta, true}};
  ASSERT_TRUE(store.commit(before));
  const auto done = import_dimples(kFixtures + "database-2025", "data", store, kNow);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->users, 1u);
  ASSERT_EQ(done->refused.size(), 1u);
  EXPECT_EQ(done->refused[0].what, user.address);
  EXPECT_EQ((*store.identity(user.address))->meta, other.meta);
  EXPECT_TRUE(store.documents(user.address)->empty());
}

TEST(DimplesImport, AFolderWithoutADatabaseIsTold) {
  MemoryStore store{InboxLimits{100, 100'000}};
  for (const char* root : {"docs", "no/such/folder", "tests/reference/fixtures"}) {
    const auto done = import_dimples(root, "data", store, kNow);
    ASSERT_FALSE(done) << root;
    EXPECT_EQ(done.error().code, Exit::usage);
    EXPECT_NE(done.error().text.find("public/ADDRESS"), std::string::npos);
  }
}

TEST(DimplesImport, TheFolderPublicMayBeNamedItself) {
  MemoryStore store{InboxLimits{100, 100'000}};
  const auto done = import_dimples(kFixtures + "database-2025/public", "data", store, kNow);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->users, 2u);
}

}  // namespace
}  // namespace dim
