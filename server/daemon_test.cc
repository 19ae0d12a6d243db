// The whole station in this process: real sockets on [::1], real TLS, a real store.
#include "server/daemon.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "dim/crypto/os_random.h"
#include "dim/packet/frame_stream.h"
#include "net/dial.h"
#include "net/system_clock.h"
#include "net/web_stream.h"
#include "server/admin_channel.h"
#include "server/check.h"
#include "server/key_file.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "dimd-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A client that waits for answers: one thread of its own, the test's.
class Client {
 public:
  struct Wire {
    std::shared_ptr<Connection> connection;
    std::unique_ptr<Dial> dial;
    std::unique_ptr<WebStream> web;  ///< packets are in WebSocket
    PacketReader reader{{.lane = Lane::text}};
    std::vector<Packet> got;
    std::string raw;  ///< every byte inside TLS
    bool closed = false, failed = false;

    void send(std::string bytes) {
      if (!web) return connection->send(std::move(bytes));
      web->write(bytes);
      connection->send(std::exchange(web->output(), {}));
    }
    void received(std::string_view bytes) {
      raw += bytes;
      std::string plain;
      if (web) {
        web->feed(bytes, plain);
        connection->send(std::exchange(web->output(), {}));
        bytes = plain;
      }
      reader.feed(bytes);
      while (true) {
        auto next = reader.next();
        auto* packet = std::get_if<Packet>(&next);
        if (packet == nullptr) break;
        got.push_back(std::move(*packet));
      }
    }
  };

  /// Of the web gateway: through the upgrade.
  Wire& dial_web(std::uint16_t port) {
    Wire& wire = dial(port, false, std::string(kWebAlpn));
    if (wire.connection == nullptr) return wire;
    wire.web = std::make_unique<WebStream>("::1", port, random_);
    wire.connection->send(std::exchange(wire.web->output(), {}));
    wait([&] { return wire.web->is_open() || wire.closed; });
    return wire;
  }

  Wire& dial(std::uint16_t port, bool plain_connect = false,
             const std::string& alpn = std::string(kAlpn)) {
    wires_.push_back(std::make_unique<Wire>());
    Wire& wire = *wires_.back();
    DialOptions options;
    options.host = "::1";
    options.port = port;
    options.tls = *TlsContext::client({.alpn = {alpn}});
    options.plain_connect = plain_connect;
    wire.dial =
        Dial::start(reactor_, options,
                    {.opened =
                         [&wire](std::shared_ptr<Connection> connection) {
                           wire.connection = std::move(connection);
                           wire.connection->set_callbacks(
                               {.data = [&wire](std::string_view bytes) { wire.received(bytes); },
                                .drained = {},
                                .ended = {},
                                .closed = [&wire](CloseReason) { wire.closed = true; }});
                         },
                     .failed = [&wire](const Error&) { wire.failed = true; }});
    wait([&] { return wire.connection != nullptr || wire.failed; });
    return wire;
  }

  bool wait(const std::function<bool()>& done, Millis ms = 5'000) {
    const SystemClock clock;
    const Millis end = clock.monotonic() + ms;
    while (!done() && clock.monotonic() < end) reactor_.run_for(5);
    return done();
  }

  Packet ask(Wire& wire, const Packet& packet) {
    const std::size_t before = wire.got.size();
    wire.send(write_packet(packet));
    const auto is_answer = [](const Packet& one) { return one.is_response(); };
    wait([&] {
      return wire.closed || std::any_of(wire.got.begin() + static_cast<std::ptrdiff_t>(before),
                                        wire.got.end(), is_answer);
    });
    for (std::size_t i = before; i < wire.got.size(); ++i) {
      if (wire.got[i].is_response()) return wire.got[i];
    }
    return {};
  }

  struct In {
    Wire* control = nullptr;
    Wire* text = nullptr;
    Packet welcome;
  };

  In login(const Daemon& daemon, const Account& account, std::optional<Cursor> after,
           bool web = false) {
    In in;
    in.control = web ? &dial_web(daemon.web_port()) : &dial(daemon.port(Lane::control));
    if (in.control->connection == nullptr) return in;
    EXPECT_EQ("sha256-" + to_base64url(*in.control->connection->peer_spki()),
              daemon.pins().front());
    Packet hello = Packet::request(Operation::connect);
    hello.set("id", "1")
        .set("author", account.id.text())
        .set("target", "::1")
        .set("nonce", to_base64(Bytes(32, 9)));
    hello.set("checksums", "[sha256]").set("encryption", "AES");
    const Packet challenge = ask(*in.control, hello);
    EXPECT_EQ(challenge.code, 418) << challenge.get("message");
    if (challenge.code != 418) return in;
    ConnectInput input;
    input.station_id = daemon.station_id();
    input.author_id = account.id.text();
    input.channel_binding = *in.control->connection->channel_binding();
    input.challenge = *from_base64(challenge.get("challenge"));
    input.nonce = Bytes(32, 9);
    input.offered = "[sha256]";
    input.chosen = "sha256";
    Packet proof = Packet::request(Operation::connect);
    proof.set("id", "2")
        .set("author", account.id.text())
        .set("target", "::1")
        .set("challenge", to_base64(input.challenge));
    proof.set("signature", to_base64(account.identity_key.sign(connect_signing_input(input))));
    JsonObject content;
    content.set("meta", account.meta.json());
    content.set("visa", account.visa.json());
    proof.content = write_json(content);
    in.welcome = ask(*in.control, proof);
    EXPECT_EQ(in.welcome.code, 200) << in.welcome.get("message");
    if (in.welcome.code != 200) return in;

    in.text = web ? in.control : &dial(daemon.port(Lane::text));
    if (in.text->connection == nullptr) return in;
    Packet lane = Packet::request(Operation::connect);
    lane.set("id", "1").set("session", std::string(in.welcome.get("session")));
    lane.set("proof", to_base64(port_proof(*from_base64(in.welcome.get("token")), 8801,
                                           *in.text->connection->channel_binding())));
    if (after) lane.set("after", std::to_string(*after));
    if (web) lane.set("lane", "text");
    EXPECT_EQ(ask(*in.text, lane).code, 200);
    return in;
  }

 private:
  Reactor reactor_;
  OsRandom random_;
  std::vector<std::unique_ptr<Wire>> wires_;
};

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    config.data = folder.path() + "/station";
    config.listen = "::1";
    config.port_base = 0;
  }
  ~DaemonTest() override { stop(); }

  void start() {
    auto opened = Daemon::open(config, log);
    ASSERT_TRUE(opened) << opened.error().text;
    daemon = std::move(*opened);
    thread = std::thread([this] { exit = daemon->run(); });
  }
  void stop() {
    if (!daemon) return;
    daemon->stop();
    if (thread.joinable()) thread.join();
    daemon.reset();
  }
  Failure refused() {
    auto opened = Daemon::open(config, log);
    EXPECT_FALSE(opened);
    return opened ? Failure{Exit::ok, {}} : opened.error();
  }
  static Packet message(const Account& from, const Account& to, const std::string& text) {
    Bytes data = to_bytes(text);
    while (data.size() < 48 || data.size() % 16 != 0) data.push_back('.');
    JsonObject object;
    object.set("sender", from.id.text());
    object.set("receiver", to.id.text());
    object.set("time", 1'790'000'000.0);
    object.set("data", to_base64(data));
    object.set("iv", to_base64(Bytes(16, 2)));
    JsonObject keys;
    keys.set(to.id.text(), to_base64(Bytes(256, 1)));
    object.set("keys", keys);
    object.set("signature", to_base64(from.identity_key.sign(data)));
    OsRandomLike random;
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "7").set("type", "message").set("target", to.id.text());
    packet.set("guid", Guid::make(SystemClock().now(), random.random).text());
    packet.content = write_json(object);
    return packet;
  }
  struct OsRandomLike {
    SeededRandom random{static_cast<std::uint64_t>(SystemClock().monotonic()) * 7919 + ++counter};
    static inline std::uint64_t counter = 0;
  };

  Folder folder;
  Log log{LogLevel::off};
  DaemonConfig config;
  std::unique_ptr<Daemon> daemon;
  std::thread thread;
  Exit exit = Exit::ok;
};

const Account& real_account(const std::string& name) {
  static std::map<std::string, Account> made;
  auto found = made.find(name);
  if (found == made.end()) {
    SeededRandom random(std::hash<std::string>{}(name) + 1);
    found =
        made.emplace(name, *Account::make_user(name, SystemClock().now() - 60'000, random)).first;
  }
  return found->second;
}

TEST_F(DaemonTest, N8_F61_TheWebGatewayCarriesALogInAndAllLanesInOneConnection) {
  config.web = ListenAddress{"::1", 0};
  start();
  Client client;
  const Account& alice = account_of("alice");
  auto in = client.login(*daemon, alice, 0, true);
  ASSERT_NE(in.text, nullptr);
  Packet sent = message(alice, alice, "over the web");
  ASSERT_EQ(client.ask(*in.text, sent.set("lane", "text")).code, 201);
  const auto push = [&] {
    return std::ranges::find_if(in.text->got,
                                [](const Packet& one) { return one.get("type") == "message"; });
  };
  ASSERT_TRUE(client.wait([&] { return push() != in.text->got.end(); }));
  EXPECT_EQ(push()->get("lane"), "text");
  in.control->web->close();
  in.control->connection->send(std::exchange(in.control->web->output(), {}));
  EXPECT_TRUE(client.wait([&] { return in.control->closed; })) << "a close is answered so";
}

TEST_F(DaemonTest, S22_TheWebGatewayRefusesAForeignPageAndFramesThatAreWrong) {
  config.web = ListenAddress{"::1", 0};
  config.web_origins = {"https://chat.example"};
  start();
  Client client;
  auto& page = client.dial(daemon->web_port(), false, std::string(kWebAlpn));
  ASSERT_NE(page.connection, nullptr);
  page.connection->send(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Origin: https://evil.example\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: dim.2023\r\n\r\n");
  EXPECT_TRUE(client.wait([&] { return page.closed; }));
  EXPECT_TRUE(page.raw.starts_with("HTTP/1.1 403 ")) << page.raw;

  auto& wrong = client.dial_web(daemon->web_port());
  ASSERT_TRUE(wrong.web && wrong.web->is_open());
  wrong.raw.clear();
  wrong.connection->send(std::string("\x82\xff\x80\0\0\0\0\0\0\0mask", 14));
  EXPECT_TRUE(client.wait([&] { return wrong.closed; }));
  EXPECT_EQ(wrong.raw, std::string("\x88\x02\x03\xf1")) << "1009";
}

TEST_F(DaemonTest, LogsInOverTlsAndRelays) {
  start();
  Client client;
  auto alice = client.login(*daemon, real_account("alice"), 0);
  auto bob = client.login(*daemon, real_account("bob"), 0);
  ASSERT_TRUE(alice.text != nullptr && bob.text != nullptr);
  const Packet sent = message(real_account("alice"), real_account("bob"), "hello");
  const Packet answer = client.ask(*alice.text, sent);
  EXPECT_EQ(answer.code, 201) << answer.get("message");
  ASSERT_TRUE(client.wait([&] { return bob.text->got.size() >= 2; }));
  const Packet& push = bob.text->got[1];
  EXPECT_EQ(push.get("guid"), sent.get("guid"));
  EXPECT_EQ(push.content, sent.content);
}

/// What comes back over TCP for `bytes`, up to `most`; empty when there is no connection.
std::string tcp_answer(int family, std::uint16_t port, std::string_view bytes, std::size_t most) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* address = family == AF_INET ? reinterpret_cast<const sockaddr*>(&v4)
                                          : reinterpret_cast<const sockaddr*>(&v6);
  const timeval patience{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string out;
  if (::connect(fd, address, static_cast<socklen_t>(family == AF_INET ? sizeof v4 : sizeof v6)) ==
          0 &&
      ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    std::array<char, 256> got{};
    while (out.size() < most) {
      const ssize_t count = ::recv(fd, got.data(), got.size(), 0);
      if (count <= 0) break;
      out.append(got.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(fd);
  return out;
}

TEST_F(DaemonTest, TheGatewayIsThereForBothAddressFamiliesWhenItIsAskedFor) {
  config.dimchat = ListenAddress{"::", 0};
  start();
  ASSERT_NE(daemon->dimchat_port(), 0);
  FrameStream frames({.framing = Framing::mtp, .first_sn = 9});
  const std::string ping = frames.ping();
  for (const int family : {AF_INET6, AF_INET}) {
    const std::string pong = tcp_answer(family, daemon->dimchat_port(), ping, ping.size());
    EXPECT_EQ(pong, write_mtp({.type = MtpType::command_response, .sn = 9}, "PONG"));
  }
}

TEST_F(DaemonTest, TheGatewayIsOffUnlessItIsAskedFor) {
  start();
  EXPECT_EQ(daemon->dimchat_port(), 0);
}

TEST_F(DaemonTest, R1_AcknowledgedMessagesSurviveARestart) {
  start();
  const std::string id = daemon->station_id();
  Packet sent;
  {
    Client client;
    auto bob = client.login(*daemon, real_account("bob"), std::nullopt);
    auto alice = client.login(*daemon, real_account("alice"), std::nullopt);
    ASSERT_NE(alice.text, nullptr);
    sent = message(real_account("alice"), real_account("bob"), "stored");
    EXPECT_EQ(client.ask(*alice.text, sent).code, 202);
  }
  stop();
  EXPECT_EQ(exit, Exit::ok);
  start();
  EXPECT_EQ(daemon->station_id(), id);
  Client client;
  auto bob = client.login(*daemon, real_account("bob"), 0);
  ASSERT_NE(bob.text, nullptr);
  ASSERT_TRUE(client.wait([&] { return bob.text->got.size() >= 2; }));
  EXPECT_EQ(bob.text->got[1].content, sent.content);
}

TEST_F(DaemonTest, N9_TheOperatorReachesAStationThatRunsAndOneThatIsStopped) {
  start();
  Client client;
  auto alice = client.login(*daemon, real_account("alice"), 0);
  ASSERT_NE(alice.text, nullptr);
  const std::string id = real_account("alice").id.bare().text();
  const auto asked = [&](const std::string& line) {
    auto channel = AdminChannel::open(config);
    EXPECT_TRUE(channel) << channel.error().text;
    if (!channel) return std::string();
    EXPECT_EQ(channel->station_runs(), daemon != nullptr);
    auto answer = channel->ask(line);
    EXPECT_TRUE(answer) << answer.error().text;
    return answer.value_or("");
  };
  EXPECT_THAT(asked(R"({"verb":"users-list"})"), HasSubstr(id));
  EXPECT_THAT(asked("nonsense"), HasSubstr("\"ok\":false"));
  const std::string ban = R"({"verb":"bans-add","target":")" + id + R"(","reason":"spam"})";
  EXPECT_THAT(asked(ban), HasSubstr("\"streams\":2"));
  EXPECT_TRUE(client.wait([&] { return alice.control->closed && alice.text->closed; }, 60'000));
  stop();
  EXPECT_THAT(asked(R"({"verb":"bans-list"})"), HasSubstr(id));
  EXPECT_THAT(asked(R"({"verb":"bans-lift","target":")" + id + "\"}"), HasSubstr("\"ok\":true"));
  start();
  EXPECT_EQ(asked(R"({"verb":"bans-list"})"), R"({"ok":true,"bans":[]})");
  EXPECT_NE(client.login(*daemon, real_account("alice"), 0).text, nullptr);
  stop();
  config.data += "/none";
  EXPECT_EQ(AdminChannel::open(config).error().code, Exit::not_writable);
  EXPECT_FALSE(fs::exists(config.data)) << "and nothing was made there";
}

TEST_F(DaemonTest, StopsWithinTwoSecondsAndTellsClients) {
  start();
  Client client;
  auto alice = client.login(*daemon, real_account("alice"), 0);
  ASSERT_NE(alice.text, nullptr);
  const SystemClock clock;
  const Millis before = clock.monotonic();
  stop();
  EXPECT_LT(clock.monotonic() - before, 2'000);
  EXPECT_TRUE(client.wait([&] { return alice.control->closed && alice.text->closed; }));
  EXPECT_EQ(alice.control->got.back().code, 503);
}

TEST_F(DaemonTest, S11_AReloadCutsBannedUsersWithinASecond) {
  start();
  Client client;
  auto alice = client.login(*daemon, real_account("alice"), 0);
  ASSERT_NE(alice.text, nullptr);
  DaemonConfig fresh = config;
  fresh.log_level = LogLevel::off;
  fresh.station.bans.insert(real_account("alice").id.text());
  daemon->reload(fresh);
  EXPECT_TRUE(client.wait([&] { return alice.control->closed && alice.text->closed; }, 1'000));
}

TEST_F(DaemonTest, TheDraftsPlainConnectLeadsIntoTls) {
  start();
  Client client;
  auto& wire = client.dial(daemon->port(Lane::control), true);
  ASSERT_NE(wire.connection, nullptr);
  Packet ping = Packet::request(Operation::notify);
  EXPECT_EQ(client.ask(wire, ping.set("id", "1").set("type", "ping")).code, 418);
}

TEST_F(DaemonTest, TheVisaShowsTheCertificatesInUse) {
  start();
  const auto keys = load_keys(config.data, std::nullopt);
  ASSERT_TRUE(keys) << keys.error().text;
  const JsonObject& properties = keys->account.visa.properties();
  EXPECT_EQ(properties.find("port")->number(), daemon->port(Lane::control));
  ASSERT_EQ(properties.find("tls")->array()->size(), 2U);
  EXPECT_EQ(*properties.find("tls")->array()->front().text(), daemon->pins().front());
}

TEST_F(DaemonTest, KeysAndFolderArePrivate) {
  start();
  struct stat info{};
  ASSERT_EQ(::stat(key_file(config.data).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(config.data.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(DaemonTest, C12_ItsOwnIdAmongTheNeighboursKeepsItFromStarting) {
  start();
  const Id own = *Id::parse(daemon->station_id());
  stop();
  config.station.neighbours = {{.id = own, .host = "::1", .where = "dimd.toml:7"}};
  const Failure failure = refused();
  EXPECT_EQ(failure.code, Exit::usage);
  EXPECT_THAT(failure.text, HasSubstr("dimd.toml:7"));
}

TEST_F(DaemonTest, C12_CheckNamesNeighboursThatDoNotAnswer) {
  config.dimchat = ListenAddress{"::1", 0};
  start();
  const Id id("station", Address::anywhere());
  DaemonConfig asked;
  asked.data = folder.path() + "/asked";
  asked.station.neighbours = {{.id = id, .host = "::1", .port = daemon->dimchat_port()},
                              {.id = id, .host = "::1", .port = 1}};
  std::map<Finding::Kind, std::string> found;
  for (const Finding& one : check_machine(asked)) {
    if (one.what.starts_with("neighbour")) found[one.kind] += one.what + ": " + one.detail;
  }
  EXPECT_THAT(found[Finding::Kind::ok], HasSubstr("answers"));
  EXPECT_THAT(found[Finding::Kind::warn],
              HasSubstr("neighbour station@anywhere: [::1]:1 does not answer"));
  EXPECT_EQ(found.count(Finding::Kind::fail), 0U);
}

/// What a neighbour hears first. (Two whole stations: tests/reference, bridge_net_test.cc.)
TEST_F(DaemonTest, A20_DialsItsNeighbourAndGreetsItByName) {
  const int listener = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const timeval patience{20, 0};
  ::setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  config.station.neighbours = {
      {.id = station_account().id.bare(), .host = "::1", .port = ntohs(address.sin6_port)}};
  start();
  const int fd = ::accept(listener, nullptr, nullptr);
  ASSERT_GE(fd, 0) << "nobody dials";
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  FrameStream frames({.framing = Framing::mtp, .first_sn = 1});
  std::string text;
  std::array<char, 4096> bytes{};
  while (text.empty()) {
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
    ASSERT_GT(got, 0);
    frames.feed({bytes.data(), static_cast<std::size_t>(got)});
    auto next = frames.next(0);
    if (auto* event = std::get_if<FrameEvent>(&next); event != nullptr && !event->texts.empty())
      text = event->texts[0];
  }
  const auto hello = SignedMessage::parse(text);
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->sealed.envelope.sender.text(), daemon->station_id());
  EXPECT_THAT(std::string(as_text(hello->sealed.data)), HasSubstr(station_account().id.text()));
  ::close(fd);
  ::close(listener);
}

TEST_F(DaemonTest, C02_APortInUseIs69) {
  start();
  DaemonConfig other = config;
  other.data = folder.path() + "/other";
  other.port_base = daemon->port(Lane::control);
  auto opened = Daemon::open(other, log);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Exit::port_in_use);
}

TEST_F(DaemonTest, C04_AMissingKeyFileBesideAStoreIs78AndIsNotMadeAgain) {
  start();
  stop();
  fs::remove(key_file(config.data));
  EXPECT_EQ(refused().code, Exit::keys);
  EXPECT_FALSE(fs::exists(key_file(config.data)));
}

TEST_F(DaemonTest, C04_AKeyFileThatOthersMayReadIs77) {
  start();
  stop();
  ::chmod(key_file(config.data).c_str(), 0644);
  const Failure failure = refused();
  EXPECT_EQ(failure.code, Exit::permissions);
  EXPECT_THAT(failure.text, HasSubstr("chmod 600"));
}

TEST_F(DaemonTest, C04_ACutKeyFileIs78AndIsNotTouched) {
  start();
  stop();
  const auto size = fs::file_size(key_file(config.data));
  fs::resize_file(key_file(config.data), size / 2);
  EXPECT_EQ(refused().code, Exit::keys);
  EXPECT_EQ(fs::file_size(key_file(config.data)), size / 2);
}

TEST_F(DaemonTest, C04_KeysOfAnotherStationAre78) {
  start();
  stop();
  const std::string ours = config.data;
  config.data = folder.path() + "/second";
  start();
  stop();
  fs::copy_file(key_file(config.data), key_file(ours), fs::copy_options::overwrite_existing);
  config.data = ours;
  EXPECT_EQ(refused().code, Exit::keys);
}

TEST_F(DaemonTest, C04_SealedKeysNeedTheirPassphraseAndAreNeitherTouchedNorMadeAgain) {
  start();
  const std::string id = daemon->station_id();
  stop();
  auto keys = load_keys(config.data, std::nullopt);
  ASSERT_TRUE(keys) << keys.error().text;
  OsRandom random;
  const Secret right = Secret::copy_of(as_bytes("correct horse"));
  auto seal = make_seal(right, random, {.passes = 1, .memory_bytes = 8'192});
  ASSERT_TRUE(seal) << seal.error().text;
  keys->seal = std::move(*seal);
  ASSERT_TRUE(save_keys(config.data, *keys, random));

  EXPECT_EQ(refused().code, Exit::permissions);
  const auto wrong = Daemon::open(config, log, Secret::copy_of(as_bytes("wrong horse")));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Exit::permissions);
  {
    const auto opened = Daemon::open(config, log, right.clone());
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ((*opened)->station_id(), id);
  }
  const auto card = load_card(config.data);
  ASSERT_TRUE(card);
  EXPECT_TRUE(card->sealed);
}

TEST_F(DaemonTest, C05_AFolderInUseIs75) {
  start();
  const Failure failure = refused();
  EXPECT_EQ(failure.code, Exit::locked);
}

TEST_F(DaemonTest, C05_AFolderThatCannotBeMadeIs73) {
  std::ofstream(folder.path() + "/file") << "x";
  config.data = folder.path() + "/file/station";
  EXPECT_EQ(refused().code, Exit::not_writable);
}

TEST_F(DaemonTest, A38_NoSecretIsInTheKeyFilesNeighbours) {
  start();
  stop();
  const auto keys = load_keys(config.data, std::nullopt);
  ASSERT_TRUE(keys);
  const std::string canary(as_text(keys->account.identity_key.json().view()).substr(40, 64));
  for (const auto& entry : fs::recursive_directory_iterator(config.data)) {
    if (entry.path() == key_file(config.data) || !entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find(canary), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace dim::station_test
