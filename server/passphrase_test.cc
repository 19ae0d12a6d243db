#include "server/passphrase.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "dim/crypto/os_random.h"
#include "server/key_file.h"
#include "sqlite/folder_lock.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using ::testing::HasSubstr;

constexpr Argon2Cost kCheap{.passes = 1, .memory_bytes = 8'192};
constexpr Millis kTime = 1'750'000'000'000;

class Passphrase : public testing::Test {
 protected:
  Passphrase() { ::unsetenv("DIMD_PASSPHRASE"); }
  ~Passphrase() override { ::unsetenv("DIMD_PASSPHRASE"); }

  std::string file(const std::string& name, std::string_view text, mode_t mode = 0600) {
    std::string path = folder.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  void make() {
    OsRandom random;
    const auto saved = save_keys(data, std::move(make_keys(kTime, random).value()), random);
    ASSERT_TRUE(saved) << saved.error().text;
  }
  bool opens(std::optional<std::string_view> passphrase) {
    std::optional<Secret> given;
    if (passphrase) given = Secret::copy_of(as_bytes(*passphrase));
    return load_keys(data, given).has_value();
  }
  std::expected<std::string, Failure> reseal(const std::string& before, const std::string& after) {
    return reseal_keys({.data = data, .old_file = before, .new_file = after, .cost = kCheap});
  }
  std::string content() {
    std::ifstream in(key_file(data), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TemporaryFolder folder;
  TemporaryFolder station;
  const std::string& data = station.path();
};

TEST_F(Passphrase, IsTheFirstLineOfItsFile) {
  for (const std::string_view text :
       {"correct horse", "correct horse\n", "correct horse\nmore\n"}) {
    const auto given = given_passphrase(file("pass", text));
    ASSERT_TRUE(given) << given.error().text;
    ASSERT_TRUE(*given);
    EXPECT_EQ(as_text((**given).view()), "correct horse");
  }
}

TEST_F(Passphrase, ComesFromTheEnvironmentAndIsTakenOutOfIt) {
  ::setenv("DIMD_PASSPHRASE", "correct horse", 1);
  const char* const place = std::getenv("DIMD_PASSPHRASE");
  const auto given = given_passphrase("");
  ASSERT_TRUE(given && *given);
  EXPECT_EQ(as_text((**given).view()), "correct horse");
  EXPECT_EQ(*place, '\0');
  EXPECT_EQ(std::getenv("DIMD_PASSPHRASE"), nullptr);
  const auto none = given_passphrase("");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST_F(Passphrase, OfTheFileGoesBeforeThatOfTheEnvironment) {
  ::setenv("DIMD_PASSPHRASE", "wrong horse", 1);
  const auto given = given_passphrase(file("pass", "correct horse\n"));
  ASSERT_TRUE(given && *given);
  EXPECT_EQ(as_text((**given).view()), "correct horse");
}

TEST_F(Passphrase, C04_InAFileThatOthersMayReadIs77) {
  const auto given = given_passphrase(file("pass", "correct horse\n", 0644));
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, Exit::permissions);
  EXPECT_THAT(given.error().text, HasSubstr("chmod 600"));
}

TEST_F(Passphrase, ThatIsEmptyOrMissingIsAnErrorOfTheCommandLine) {
  EXPECT_EQ(given_passphrase(file("pass", "\n")).error().code, Exit::usage);
  EXPECT_EQ(given_passphrase(folder.path() + "/none").error().code, Exit::usage);
  ::setenv("DIMD_PASSPHRASE", "", 1);
  EXPECT_EQ(given_passphrase("").error().code, Exit::usage);
}

TEST_F(Passphrase, A43_IsSetChangedAndRemoved) {
  make();
  const std::string one = file("one", "correct horse\n");
  const std::string two = file("two", "battery staple\n");
  ASSERT_TRUE(opens(std::nullopt));
  ASSERT_TRUE(reseal("", one));
  EXPECT_FALSE(opens(std::nullopt));
  EXPECT_TRUE(opens("correct horse"));
  ASSERT_TRUE(reseal(one, two));
  EXPECT_FALSE(opens("correct horse"));
  EXPECT_TRUE(opens("battery staple"));
  ::setenv("DIMD_PASSPHRASE", "battery staple", 1);
  ASSERT_TRUE(reseal_keys({.data = data, .remove = true}));
  EXPECT_TRUE(opens(std::nullopt));
}

TEST_F(Passphrase, C04_AWrongOneChangesNothingAndIs77) {
  make();
  const std::string one = file("one", "correct horse\n");
  ASSERT_TRUE(reseal("", one));
  const std::string before = content();
  const auto done = reseal(file("bad", "wrong horse\n"), file("two", "battery staple\n"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Exit::permissions);
  EXPECT_EQ(content(), before);
}

TEST_F(Passphrase, ABadNewOneChangesNothing) {
  make();
  const std::string before = content();
  EXPECT_EQ(reseal("", file("new", "\n")).error().code, Exit::usage);
  EXPECT_EQ(reseal("", file("open", "correct horse\n", 0644)).error().code, Exit::permissions);
  EXPECT_EQ(content(), before);
}

TEST_F(Passphrase, C05_IsNotChangedWhileAStationUsesTheFolder) {
  make();
  const auto lock = FolderLock::take(data);
  ASSERT_TRUE(lock);
  const auto done = reseal("", file("one", "correct horse\n"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Exit::locked);
  EXPECT_TRUE(opens(std::nullopt));
}

TEST_F(Passphrase, C04_OfKeysThatAreNotThereIs78AndMakesNone) {
  EXPECT_EQ(reseal("", file("one", "correct horse\n")).error().code, Exit::keys);
  EXPECT_FALSE(have_keys(data));
}

}  // namespace
}  // namespace dim
