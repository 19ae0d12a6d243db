#include "client/import_dimples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "client/station_fixture.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

class ImportDimplesTest : public ::testing::Test {
 protected:
  ImportDimplesTest() {
    std::string name = (fs::temp_directory_path() / "dim-import-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root = name;
  }
  ~ImportDimplesTest() override { fs::remove_all(root); }

  void write(const fs::path& path, std::string_view text) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  static std::string text(const PrivateKey& key) { return std::string(as_text(key.json().view())); }
  /// As both generations write it; that of 2026 has an object around the documents.
  void store(const Account& account, bool of_2026) {
    const std::string address = account.id.address().text();
    const std::string list = "[" + write_json(account.visa.json()) + "]";
    write(fs::path("public") / address / "meta.js", write_json(account.meta.json()));
    write(fs::path("public") / address / "documents.js",
          of_2026 ? "{\"documents\": " + list + "}" : list);
    write(fs::path("private") / address / "secret.js", text(account.identity_key));
    write(fs::path("private") / address / "secret_keys.js",
          "[" + text(account.message_keys[0]) + "]");
    write(fs::path("private") / address / "contacts.js",
          "[\"" + fake_user(2).id.text() + "\", \"nonsense\"]");
  }
  Result<DimplesAccount> read(std::string_view which = {}) {
    return account_from_dimples(root.string(), which, kFakeNow);
  }
  fs::path root;
};

TEST_F(ImportDimplesTest, TheAccountIsTheSameAndReadsWhatWasWrittenToIt) {
  for (const bool of_2026 : {false, true}) {
    const Account& old = fake_user(1);
    store(old, of_2026);
    auto got = read();
    ASSERT_TRUE(got) << to_string(got.error());
    EXPECT_EQ(got->account.id, old.id);
    EXPECT_EQ(got->account.visa.name(), "user 1");
    EXPECT_GT(got->account.visa.time(), old.visa.time());
    EXPECT_THAT(got->contacts, ::testing::ElementsAre(fake_user(2).id));
    ASSERT_EQ(got->account.message_keys.size(), 2U);
    Directory known;
    ASSERT_TRUE(known.learn_meta(old.id, old.meta));
    ASSERT_TRUE(known.learn_document(old.id, old.visa.json(), kFakeNow));
    const PlainMessage plain{.envelope = {.sender = fake_user(2).id, .receiver = old.id},
                             .content = text_content("before", kFakeNow, fake_random())};
    const auto sealed = seal(plain, fake_user(2), known, {}, fake_random()).value();
    Directory mine;
    ASSERT_TRUE(mine.learn_meta(fake_user(2).id, fake_user(2).meta));
    EXPECT_TRUE(open(sealed, got->account, mine, nullptr, kFakeNow));
    ASSERT_TRUE(known.learn_document(old.id, got->account.visa.json(), kFakeNow))
        << "peers take the new visa";
  }
}

TEST_F(ImportDimplesTest, SeveralAccountsHaveToBeToldApart) {
  EXPECT_EQ(read().error().code, Errc::not_found);
  store(fake_user(1), false);
  store(fake_user(3), true);
  EXPECT_EQ(read().error().code, Errc::usage);
  EXPECT_EQ(read(fake_user(3).id.text())->account.id, fake_user(3).id);
  EXPECT_EQ(read(fake_user(1).id.address().text())->account.id, fake_user(1).id);
  EXPECT_EQ(read("elsewhere").error().code, Errc::not_found);
}

TEST_F(ImportDimplesTest, A02_AKeyThatIsNotTheMetasIsRefused) {
  store(fake_user(1), false);
  const fs::path secret = fs::path("private") / fake_user(1).id.address().text() / "secret.js";
  write(secret, text(fake_user(3).identity_key));
  EXPECT_EQ(read().error().code, Errc::key);
  write(secret, "[]");
  EXPECT_FALSE(read());
  store(fake_user(1), false);
  write(fs::path("public") / fake_user(1).id.address().text() / "meta.js",
        write_json(fake_user(3).meta.json()));
  EXPECT_EQ(read().error().code, Errc::meta);
}

TEST_F(ImportDimplesTest, WithoutAVisaANewOneIsMade) {
  store(fake_user(1), false);
  fs::remove(root / "public" / fake_user(1).id.address().text() / "documents.js");
  auto got = read();
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->account.visa.name(), "");
}

}  // namespace
}  // namespace dim
