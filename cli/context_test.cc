#include "cli/context.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace dim {
namespace {

class ContextTest : public testing::Test {
 protected:
  ContextTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "dim-cli-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder = pattern;
    common.home = folder + "/home";
    common.json = true;
  }
  ~ContextTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string file(std::string_view content) {
    std::string path = folder + "/passphrase";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string folder;
  CommonOptions common;
};

TEST_F(ContextTest, A43_ThePassphraseIsTheFirstLineOfItsFile) {
  common.passphrase_file = file("correct horse\nand more\n");
  const auto passphrase = passphrase_for(common, true);
  ASSERT_TRUE(passphrase && *passphrase);
  EXPECT_EQ(as_text((**passphrase).view()), "correct horse");
}

TEST_F(ContextTest, AFileThatCannotBeReadOrIsEmptyIsAnError) {
  common.passphrase_file = folder + "/none";
  EXPECT_EQ(passphrase_for(common, true).error().code, Errc::usage);
  common.passphrase_file = file("\n");
  EXPECT_EQ(passphrase_for(common, true).error().code, Errc::key);
}

TEST_F(ContextTest, NobodyIsAskedForWhatIsNotNeeded) {
  const auto passphrase = passphrase_for(common, false);
  ASSERT_TRUE(passphrase);
  EXPECT_FALSE(*passphrase);
}

TEST_F(ContextTest, A43_ALockedHomeOpensWithItsPassphraseOnly) {
  Context context(common);
  const Secret right = Secret::copy_of(as_bytes("correct horse"));
  auto made = Home::create(
      common.home, std::optional(right.clone()),
      std::move(Account::make_user("alice", context.clock.now(), context.random).value()),
      context.random, {.passes = 1, .memory_bytes = 8'192});
  ASSERT_TRUE(made) << to_string(made.error());
  const std::string id = made->account().id.text();
  {
    const Home closed = std::move(*made);
  }
  common.passphrase_file = file("wrong horse\n");
  testing::internal::CaptureStdout();
  EXPECT_FALSE(Context(common).open_home());
  EXPECT_NE(testing::internal::GetCapturedStdout().find("\"event\":\"error\""), std::string::npos);
  common.passphrase_file = file("correct horse\n");
  Context opened(common);
  ASSERT_TRUE(opened.open_home());
  EXPECT_EQ(opened.home->account().id.text(), id);
}

TEST_F(ContextTest, ANameOfNobodyKnownIsTheirId) {
  Context context(common);
  auto made = Home::create(
      common.home, std::nullopt,
      std::move(Account::make_user("alice", context.clock.now(), context.random).value()),
      context.random);
  ASSERT_TRUE(made);
  context.home.emplace(std::move(*made));
  const Id bob = Id::parse("0x95e6f72fb194200e95b60332e8142ddf41c7c333").value();
  EXPECT_EQ(context.name_of(bob), bob.bare().text());
  Contact contact{.id = bob};
  contact.registered = "bobby";
  ASSERT_TRUE(context.home->put_contact(contact));
  EXPECT_EQ(context.name_of(bob), "bobby");
  contact.alias = "Bob";
  ASSERT_TRUE(context.home->put_contact(contact));
  EXPECT_EQ(context.name_of(bob), "Bob");
}

TEST_F(ContextTest, AFailureHasItsExitCode) {
  Context context(common);
  const auto exit = [&](Errc code) {
    context.failure = Error{code, "why"};
    testing::internal::CaptureStdout();
    const int out = context.report_failure();
    testing::internal::GetCapturedStdout();
    return out;
  };
  EXPECT_EQ(exit(Errc::unreachable), 4);
  EXPECT_EQ(exit(Errc::station_changed), 5);
  context.failure.reset();
  testing::internal::CaptureStdout();
  EXPECT_EQ(context.report_failure(), 4);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("did not answer"), std::string::npos);
}

}  // namespace
}  // namespace dim
