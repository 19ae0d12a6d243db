// The verbs where no station answers; with one: tests/e2e.
#include "cli/verbs.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/home.h"
#include "dim/crypto/os_random.h"
#include "net/system_clock.h"

namespace dim {
namespace {

using ::testing::HasSubstr;

/// A port of [::1] where nobody listens: bound, so that nobody else gets it.
class DeadPort {
 public:
  DeadPort() {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin6_port);
  }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;
  ~DeadPort() { ::close(socket_); }
  std::uint16_t port() const { return port_; }

 private:
  int socket_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

class Verbs : public testing::Test {
 protected:
  Verbs() {
    std::string pattern = std::filesystem::temp_directory_path() / "dim-cli-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder = pattern;
    common.home = folder + "/home";
    common.json = true;
  }
  ~Verbs() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  /// A home as `dim join` leaves it, of a station that is away.
  void make_home() {
    static const Account alice =
        std::move(Account::make_user("alice", clock.now(), random).value());
    auto home = Home::create(common.home, std::nullopt, copy_of(alice), random);
    ASSERT_TRUE(home) << to_string(home.error());
    StationTarget target;
    target.id = station().text();
    target.host = "::1";
    target.port = dead.port();
    ASSERT_TRUE(home->set_station(target));
  }
  static Account copy_of(const Account& account) {
    std::vector<PrivateKey> keys;
    for (const PrivateKey& key : account.message_keys)
      keys.push_back(
          std::move(PrivateKey::parse(*parse_json_object(as_text(key.json().view()))).value()));
    return {
        account.id, account.meta, account.visa,
        std::move(PrivateKey::parse(*parse_json_object(as_text(account.identity_key.json().view())))
                      .value()),
        std::move(keys)};
  }
  static const Id& station() {
    static OsRandom random;
    static const Id id =
        Account::make_station("station", {}, SystemClock{}.now(), random).value().id;
    return id;
  }
  /// Runs a verb; what it printed as objects.
  template <class Verb>
  int run(Verb verb) {
    testing::internal::CaptureStdout();
    const int exit = verb();
    printed.clear();
    std::istringstream lines(testing::internal::GetCapturedStdout());
    for (std::string line; std::getline(lines, line);) {
      auto object = parse_json_object(std::string_view(line));
      EXPECT_TRUE(object) << line;
      if (object) printed.push_back(std::move(*object));
    }
    return exit;
  }
  std::string text(std::string_view name) {
    if (printed.empty() || printed.back().text(name) == nullptr) return "";
    return *printed.back().text(name);
  }

  OsRandom random;
  SystemClock clock;
  DeadPort dead;
  std::string folder;
  CommonOptions common;
  std::vector<JsonObject> printed;
};

TEST_F(Verbs, WithoutAHomeSayHowToMakeOne) {
  SendOptions send;
  send.who = "bobby";
  send.text = "hello";
  EXPECT_EQ(run([&] { return verb_id(common); }), code(Exit::home));
  EXPECT_THAT(text("message"), HasSubstr("dim join"));
  EXPECT_EQ(run([&] { return verb_send(common, send); }), code(Exit::home));
  EXPECT_EQ(run([&] { return verb_listen(common, {}); }), code(Exit::home));
  EXPECT_EQ(run([&] { return verb_status(common); }), code(Exit::home));
  EXPECT_EQ(run([&] { return verb_contacts(common, {}); }), code(Exit::home));
  EXPECT_FALSE(std::filesystem::exists(common.home));
}

TEST_F(Verbs, JoinRefusesWhatIsNoLinkOrNoNameAndMakesNothing) {
  JoinOptions join;
  join.link = "http://example.org";
  join.name = "alice";
  EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::usage));
  EXPECT_THAT(text("message"), HasSubstr("dim:"));
  join.link = "dim:station:" + station().text() + "?host=[::1];port=8800;";
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("a\x1b[2J"),
                                  std::string("a\xFF"), std::string("a\nb")}) {
    join.name = name;
    EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::usage)) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(common.home));
}

TEST_F(Verbs, AnIdentityIsMadeWithoutTheStationAndKept) {
  JoinOptions join;
  join.link =
      "dim:station:" + station().text() + "?host=[::1];port=" + std::to_string(dead.port()) + ";";
  join.name = "alice";
  EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::unreachable));
  ASSERT_EQ(run([&] { return verb_id(common); }), 0);
  const std::string id = text("id");
  EXPECT_TRUE(id.contains("0x")) << id;
  EXPECT_EQ(text("name"), "alice");
  EXPECT_EQ(text("station"), station().text());
  EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::unreachable));
  ASSERT_EQ(run([&] { return verb_id(common); }), 0);
  EXPECT_EQ(text("id"), id);
}

TEST_F(Verbs, AHomeJoinsOneStation) {
  make_home();
  JoinOptions join;
  join.link =
      "dim:station:" + Account::make_station("other", {}, clock.now(), random).value().id.text() +
      "?host=[::1];port=1;";
  join.name = "alice";
  EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::home));
  EXPECT_THAT(text("message"), HasSubstr("another station"));
}

TEST_F(Verbs, ALinkWithAnotherAddressDoesNotTakeAHomeAwayFromItsStation) {
  make_home();
  const DeadPort other;
  const std::string where =
      "host=[::1];port=" + std::to_string(other.port()) + ";pin=sha256-" + std::string(43, 'A');
  JoinOptions join;
  join.name = "alice";
  const std::string hub =
      "dim:hub:Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H?"
      "invite=018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4;station=";
  for (const std::string& link : {"dim:station:" + station().text() + "?" + where + ";",
                                  hub + station().text() + ";" + where + ";"}) {
    join.link = link;
    EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::unreachable)) << link;
    auto home = Home::open(common.home, std::nullopt, random);
    ASSERT_TRUE(home);
    const auto kept = home->station();
    ASSERT_TRUE(kept && *kept);
    EXPECT_EQ((*kept)->port, dead.port()) << link;
    EXPECT_TRUE((*kept)->pins.empty()) << link;
  }
  join.link = "dimchat://127.0.0.1:9394?station=" + station().text();
  EXPECT_EQ(run([&] { return verb_join(common, join); }), code(Exit::home)) << "another protocol";
}

TEST_F(Verbs, WhatIsSentWhileTheStationIsAwayWaitsInTheOutbox) {
  make_home();
  ASSERT_EQ(run([&] { return verb_id(common); }), 0);
  SendOptions send;
  send.who = "0x95e6f72fb194200e95b60332e8142ddf41c7c333";
  send.text = "hello";
  EXPECT_EQ(run([&] { return verb_send(common, send); }), 0);
  EXPECT_EQ(text("state"), "queued");
  EXPECT_EQ(text("text"), "hello");
  EXPECT_EQ(run([&] { return verb_status(common); }), code(Exit::unreachable));
  EXPECT_EQ(*printed.back().find("waiting")->integer(), 1);
  EXPECT_FALSE(*printed.back().find("connected")->boolean());
  HistoryOptions history;
  history.who = send.who;
  EXPECT_EQ(run([&] { return verb_history(common, history); }), 0);
  ASSERT_EQ(printed.size(), 2U) << "the message, and that there are no more";
  EXPECT_EQ(*printed.front().text("text"), "hello");
  EXPECT_EQ(*printed.back().find("count")->integer(), 1);
  ContactsOptions contacts;
  contacts.who = send.who;
  contacts.alias = "Bob";
  EXPECT_EQ(run([&] { return verb_contacts(common, contacts); }), 0);
  EXPECT_EQ(text("alias"), "Bob");
  send.who = "Bob";
  EXPECT_EQ(run([&] { return verb_send(common, send); }), 0);
}

TEST_F(Verbs, ARefusedPostOfAnEarlierProgramIsShownWithItsTextOnce) {
  make_home();
  {
    auto home = Home::open(common.home, std::nullopt, random);
    ASSERT_TRUE(home);
    JsonObject row;
    row.set("guid", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5");
    row.set("hub", "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H");
    row.set("channel", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
    row.set("text", "my long text");
    row.set("time", clock.now());
    row.set("code", 403);
    ASSERT_TRUE(home->vault().put("refused", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5", write_json(row)));
  }
  EXPECT_EQ(run([&] { return verb_status(common); }), code(Exit::unreachable));
  ASSERT_FALSE(printed.empty());
  EXPECT_EQ(*printed.front().text("event"), "post_refused");
  EXPECT_EQ(*printed.front().text("text"), "my long text");
  EXPECT_EQ(*printed.front().text("channel"), "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  EXPECT_EQ(run([&] { return verb_status(common); }), code(Exit::unreachable));
  EXPECT_EQ(*printed.front().text("event"), "status");
}

TEST_F(Verbs, C11_ATextIsUtf8NotEmptyAndNotEndless) {
  make_home();
  SendOptions send;
  send.who = "0x95e6f72fb194200e95b60332e8142ddf41c7c333";
  for (const std::string& bad :
       {std::string(), std::string("\xFF"), std::string(256 * 1024 + 1, 'x')}) {
    send.text = bad;
    EXPECT_EQ(run([&] { return verb_send(common, send); }), code(Exit::usage)) << bad.size();
  }
}

TEST_F(Verbs, ListenEndsWithItsTimeWhenNothingCame) {
  make_home();
  ListenOptions listen;
  listen.timeout_s = 0;
  EXPECT_EQ(run([&] { return verb_listen(common, listen); }), code(Exit::nothing));
}

TEST_F(Verbs, APersonWhomOnlyTheStationKnowsCannotBeFoundWithoutIt) {
  make_home();
  SendOptions send;
  send.who = "somebody";
  send.text = "hello";
  EXPECT_EQ(run([&] { return verb_send(common, send); }), code(Exit::unreachable));
  VerifyOptions verify;
  verify.who = "0x95e6f72fb194200e95b60332e8142ddf41c7c333";
  EXPECT_EQ(run([&] { return verb_verify(common, verify); }), code(Exit::unknown_person));
}

TEST_F(Verbs, A43_AKeyFileThatOthersMayReadIsNotOpened) {
  make_home();
  ::chmod((common.home + "/key").c_str(), 0644);
  EXPECT_EQ(run([&] { return verb_id(common); }), code(Exit::home));
  EXPECT_THAT(text("message"), HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace dim
