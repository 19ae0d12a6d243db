#include "server/check.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dim/crypto/os_random.h"
#include "server/key_file.h"
#include "sqlite/folder_lock.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Kind = Finding::Kind;

constexpr Millis kTime = 1'750'000'000'000;

/// Listens on [::1] or 127.0.0.1 as long as it lives.
class TakenPort {
 public:
  explicit TakenPort(bool v4 = false) : socket_(::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0)) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = v4 ? reinterpret_cast<sockaddr*>(&four) : reinterpret_cast<sockaddr*>(&six);
    socklen_t size = v4 ? sizeof four : sizeof six;
    if (::bind(socket_, address, size) != 0 || ::listen(socket_, 1) != 0 ||
        ::getsockname(socket_, address, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(v4 ? four.sin_port : six.sin6_port);
  }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  ~TakenPort() { ::close(socket_); }
  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

class Check : public testing::Test {
 protected:
  Check() {
    config.data = folder.path() + "/station";
    config.listen = "::1";
    const TakenPort free;  // of a moment ago
    config.port_base = free.port();
  }
  Finding find(std::string_view what, const std::optional<Secret>& passphrase = std::nullopt) {
    for (Finding& one : check_machine(config, passphrase)) {
      if (one.what == what) return std::move(one);
    }
    ADD_FAILURE() << "nothing is said of " << what;
    return {};
  }
  Finding find_port(std::uint16_t port) { return find("port " + std::to_string(port)); }
  void make_folder() { ASSERT_EQ(::mkdir(config.data.c_str(), 0700), 0); }
  void make(const std::optional<std::string>& passphrase = std::nullopt) {
    make_folder();
    OsRandom random;
    StationKeys keys = std::move(make_keys(kTime, random).value());
    id = keys.account.id.text();
    if (passphrase) {
      keys.seal = std::move(make_seal(Secret::copy_of(as_bytes(*passphrase)), random,
                                      {.passes = 1, .memory_bytes = 8'192})
                                .value());
    }
    ASSERT_TRUE(save_keys(config.data, keys, random));
  }

  TemporaryFolder folder;
  DaemonConfig config;
  std::string id;
};

TEST_F(Check, EverythingIsLookedAtAndNothingIsChanged) {
  std::vector<std::string> seen;
  for (const Finding& one : check_machine(config)) {
    seen.push_back(one.what);
    EXPECT_FALSE(one.detail.empty()) << one.what;
  }
  const auto port = [&](int lane) { return "port " + std::to_string(config.port_base + lane); };
  EXPECT_THAT(seen, testing::ElementsAre(port(0), port(1), port(2), "IPv6", "data folder", "keys",
                                         "disk", "clock", "open files"));
  EXPECT_FALSE(fs::exists(config.data));
}

TEST_F(Check, C02_APortThatAnotherProgramHasIsNamedWithTheOptionThatChangesIt) {
  const TakenPort taken;
  config.port_base = taken.port();
  const Finding found = find_port(taken.port());
  EXPECT_EQ(found.kind, Kind::fail);
  EXPECT_THAT(found.detail, HasSubstr("--port-base"));
  config.port_base = static_cast<std::uint16_t>(taken.port() - 1);
  EXPECT_EQ(find_port(taken.port()).kind, Kind::fail) << "the text lane's";
}

TEST_F(Check, APortOfThisVeryStationIsWell) {
  make_folder();
  const auto lock = FolderLock::take(config.data);
  ASSERT_TRUE(lock);
  const TakenPort taken;
  config.port_base = taken.port();
  const Finding found = find_port(taken.port());
  EXPECT_EQ(found.kind, Kind::ok);
  EXPECT_THAT(found.detail, HasSubstr("this station"));
}

TEST_F(Check, TheGatewaysPortIsLookedAtWhenItIsOn) {
  const TakenPort taken(true);
  config.dimchat = ListenAddress{"127.0.0.1", taken.port()};
  const Finding found = find_port(taken.port());
  EXPECT_EQ(found.kind, Kind::fail);
  EXPECT_THAT(found.detail, HasSubstr("--dimchat"));
}

TEST_F(Check, AnAddressThatThisMachineHasNotIsAFailure) {
  config.listen = "2001:db8::1";
  EXPECT_EQ(find_port(config.port_base).kind, Kind::fail);
}

TEST_F(Check, C05_AFolderThatIsNoneOrOpenToOthers) {
  std::ofstream(config.data) << "x";
  EXPECT_EQ(find("data folder").kind, Kind::fail);
  fs::remove(config.data);
  make_folder();
  EXPECT_EQ(find("data folder").kind, Kind::ok);
  ::chmod(config.data.c_str(), 0755);
  const Finding open = find("data folder");
  EXPECT_EQ(open.kind, Kind::warn);
  EXPECT_THAT(open.detail, HasSubstr("chmod 700"));
}

TEST_F(Check, C04_KeysThatAreMissingBesideAStoreOrOpenToOthers) {
  EXPECT_EQ(find("keys").kind, Kind::ok);
  make();
  EXPECT_THAT(find("keys").detail, HasSubstr(id));
  ::chmod(key_file(config.data).c_str(), 0644);
  EXPECT_EQ(find("keys").kind, Kind::fail);
  fs::remove(key_file(config.data));
  std::ofstream(config.data + "/station.db") << "";
  const Finding missing = find("keys");
  EXPECT_EQ(missing.kind, Kind::fail);
  EXPECT_THAT(missing.detail, HasSubstr("backup"));
  EXPECT_FALSE(have_keys(config.data));
}

TEST_F(Check, C04_SealedKeysAreTriedWithThePassphraseThatIsGiven) {
  make("correct horse");
  const Finding untried = find("keys");
  EXPECT_EQ(untried.kind, Kind::ok);
  EXPECT_THAT(untried.detail, HasSubstr("--passphrase-file"));
  EXPECT_EQ(find("keys", Secret::copy_of(as_bytes("correct horse"))).kind, Kind::ok);
  EXPECT_EQ(find("keys", Secret::copy_of(as_bytes("wrong horse"))).kind, Kind::fail);
}

TEST_F(Check, TheDiskOfTheNearestFolderThatIsThereIsMeasured) {
  config.data = folder.path() + "/not/yet/there";
  EXPECT_THAT(find("disk").detail, HasSubstr("MiB free"));
}

TEST_F(Check, TheClockIsShownWithWhatItSays) {
  const Finding clock = find("clock");
  EXPECT_EQ(clock.kind, Kind::ok);
  EXPECT_THAT(clock.detail, testing::MatchesRegex("20[0-9][0-9]-.*Z"));
}

TEST(Judge, AClockBeforeDimWasMadeCannotBeRight) {
  const Finding wrong = judge_clock(parse_time("2023-12-31T23:59:59Z").value());
  EXPECT_EQ(wrong.kind, Kind::fail);
  EXPECT_THAT(wrong.detail, HasSubstr("set the clock"));
  EXPECT_EQ(judge_clock(parse_time("2024-01-01T00:00:00Z").value()).kind, Kind::ok);
}

TEST(Judge, R14_LittleSpaceIsAWarningAndHardlyAnyAFailure) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_EQ(judge_disk(0).kind, Kind::fail);
  EXPECT_EQ(judge_disk(128 * kMiB - 1).kind, Kind::fail);
  EXPECT_THAT(judge_disk(127 * kMiB).detail, HasSubstr("127 MiB free; a station answers 506"));
  EXPECT_EQ(judge_disk(128 * kMiB).kind, Kind::warn);
  EXPECT_EQ(judge_disk(1'024 * kMiB).kind, Kind::ok);
}

TEST(Judge, AnAddressThatOthersCannotReachIsAWarning) {
  EXPECT_EQ(judge_address("::1").kind, Kind::warn);
  EXPECT_THAT(judge_address("::1").detail, HasSubstr("only loopback"));
  EXPECT_EQ(judge_address("fd00::5").kind, Kind::warn);
  EXPECT_EQ(judge_address("2001:db8::5").kind, Kind::ok);
}

TEST_F(Check, C09_TooFewFilesAreNamedWithTheNumberThatIsNeeded) {
  // In a process of its own: a hard limit cannot be raised again.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit few{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const Finding found = find("open files");
    ::_exit(found.kind == Kind::fail && found.detail.contains("256") ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Finding, HasAWordForEachKind) {
  EXPECT_EQ(to_string(Kind::ok), "ok");
  EXPECT_EQ(to_string(Kind::warn), "warn");
  EXPECT_EQ(to_string(Kind::fail), "fail");
}

}  // namespace
}  // namespace dim
