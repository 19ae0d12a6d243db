#include "terminal/passphrase.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace dim {
namespace {

/// What read_passphrase() makes of `text`, and what it leaves.
std::pair<Result<Secret>, std::string> read_from(std::string_view text) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  if (::write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  ::close(ends[1]);
  auto secret = read_passphrase(ends[0]);
  std::string rest(4'096, '\0');
  const ssize_t got = ::read(ends[0], rest.data(), rest.size());
  rest.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  ::close(ends[0]);
  return {std::move(secret), std::move(rest)};
}

TEST(Passphrase, IsTheFirstLine) {
  const auto [secret, rest] = read_from("correct horse\nsecond\n");
  ASSERT_TRUE(secret);
  EXPECT_EQ(as_text(secret->view()), "correct horse");
  EXPECT_EQ(rest, "second\n");
}

TEST(Passphrase, NeedsNoEndOfLine) {
  const auto [secret, rest] = read_from("correct horse");
  ASSERT_TRUE(secret);
  EXPECT_EQ(as_text(secret->view()), "correct horse");
}

TEST(Passphrase, ThatIsEmptyIsAnError) {
  for (const std::string_view text : {"", "\n", "\ncorrect horse\n"}) {
    const auto [secret, rest] = read_from(text);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code, Errc::key);
  }
}

TEST(Passphrase, HasAtMost1024Bytes) {
  const auto [secret, rest] = read_from(std::string(1'030, 'x') + "\n");
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->size(), 1'024U);
}

/// What a terminal shows while `work` runs in a process of its own at it; `typed` is typed when
/// "? " is shown.
std::string at_terminal(std::string_view typed, int (*work)(), int& code) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child < 0) std::abort();
  if (child == 0) ::_exit(work());
  std::string shown;
  char byte = 0;
  bool answered = false;
  while (::read(terminal, &byte, 1) == 1) {
    shown += byte;
    if (!answered && shown.ends_with("? ")) {
      answered = true;
      if (::write(terminal, typed.data(), typed.size()) < 0) std::abort();
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(terminal);
  code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return shown;
}

TEST(Passphrase, IsAskedForAndNotShown) {
  int code = -1;
  const std::string shown = at_terminal(
      "correct horse\n",
      [] {
        const auto secret = ask_passphrase("Well? ");
        return secret && as_text(secret->view()) == "correct horse" ? 0 : 1;
      },
      code);
  EXPECT_EQ(code, 0);
  EXPECT_NE(shown.find("Well? "), std::string::npos);
  EXPECT_EQ(shown.find("horse"), std::string::npos) << shown;
}

TEST(Passphrase, CannotBeAskedForWithoutATerminal) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setsid();
    const auto secret = ask_passphrase("Well? ");
    ::_exit(!secret && secret.error().code == Errc::unavailable ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace dim
