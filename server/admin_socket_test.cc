#include "server/admin_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "sqlite/store_testing.h"

namespace dim {
namespace {

using testing::HasSubstr;

/// Says back what it was asked and by whom.
void echo(std::string line, std::string by, const std::function<void(std::string)>& done) {
  done(by + " " + line);
}

std::unique_ptr<AdminSocket> opened(const std::string& data, AdminSocket::Handler handler = echo) {
  auto out = AdminSocket::open(data, std::move(handler));
  EXPECT_TRUE(out) << out.error().text;
  return out ? std::move(*out) : nullptr;
}

AdminConnection connected(const std::string& data) {
  auto out = AdminConnection::open(data);
  EXPECT_TRUE(out && *out);
  return std::move(**out);
}

TEST(AdminSocket, AsksAndAnswersInLinesAndKnowsWhoAsks) {
  const TemporaryFolder folder;
  const auto socket = opened(folder.path());
  auto one = connected(folder.path());
  const std::string by = "operator:" + std::to_string(::geteuid());
  EXPECT_EQ(one.ask("{}"), by + " {}");
  EXPECT_EQ(one.ask("second"), by + " second");
  EXPECT_EQ(one.ask(""), by + " ");
  auto other = connected(folder.path());
  std::expected<std::string, Failure> answer = std::unexpected(Failure{});
  {
    const AdminConnection ended = std::move(one);  // the next one's turn
  }
  answer = other.ask("third");
  EXPECT_EQ(answer, by + " third");
}

TEST(AdminSocket, A43_NobodyElseMayConnect) {
  const TemporaryFolder folder;
  const auto socket = opened(folder.path());
  struct stat info{};
  ASSERT_EQ(::stat(admin_socket_file(folder.path()).c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(AdminSocket, P05_ALineWithoutAnEndIsRefused) {
  const TemporaryFolder folder;
  int asked = 0;
  const auto socket = opened(folder.path(), [&](auto line, auto by, auto done) {
    ++asked;
    echo(std::move(line), std::move(by), done);
  });
  auto one = connected(folder.path());
  const auto answer = one.ask(std::string(100'000, 'x'));
  // It may have closed before all of that was sent.
  if (answer) {
    EXPECT_THAT(*answer, HasSubstr("411"));
  }
  EXPECT_EQ(asked, 0);
  auto next = connected(folder.path());
  EXPECT_TRUE(next.ask("fine"));
}

TEST(AdminSocket, WithoutAStationThereIsNothingToConnectTo) {
  const TemporaryFolder folder;
  auto none = AdminConnection::open(folder.path());
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  opened(folder.path()).reset();
  EXPECT_FALSE(std::filesystem::exists(admin_socket_file(folder.path())));
  EXPECT_EQ(AdminConnection::open(folder.path() + "/none").error().code, Exit::not_writable);
}

TEST(AdminSocket, ALeftOverSocketIsReplacedAndALongPathWorks) {
  const TemporaryFolder folder;
  const std::string deep = folder.path() + "/" + std::string(120, 'd');
  std::filesystem::create_directory(deep);
  std::ofstream(admin_socket_file(deep)) << "left over";
  const auto socket = opened(deep);
  EXPECT_TRUE(connected(deep).ask("{}"));
}

TEST(AdminSocket, StoppingWaitsForNoAnswer) {
  const TemporaryFolder folder;
  std::mutex mutex;
  std::vector<std::function<void(std::string)>> kept;
  auto socket = opened(folder.path(), [&](auto, auto, auto done) {
    const std::scoped_lock lock(mutex);
    kept.push_back(std::move(done));
  });
  auto one = connected(folder.path());
  std::expected<std::string, Failure> answer = std::unexpected(Failure{});
  std::thread waiting([&] { answer = one.ask("never answered"); });
  while (true) {
    const std::scoped_lock lock(mutex);
    if (!kept.empty()) break;
  }
  socket.reset();
  waiting.join();
  ASSERT_TRUE(answer);
  EXPECT_THAT(*answer, HasSubstr("503"));
  kept.front()("too late, and no harm");
}

TEST(LineReader, LinesComeOutOfAnyPieces) {
  LineReader lines(5);
  EXPECT_FALSE(lines.next());
  for (const char c : std::string("one\ntwo\n\nthr")) lines.feed({&c, 1});
  EXPECT_EQ(lines.next(), "one");
  EXPECT_EQ(lines.next(), "two");
  EXPECT_EQ(lines.next(), "");
  EXPECT_FALSE(lines.next());
  EXPECT_FALSE(lines.too_long());
  lines.feed("eee");
  EXPECT_TRUE(lines.too_long());
}

}  // namespace
}  // namespace dim
