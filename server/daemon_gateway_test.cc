// The gateway with its threads: real sockets on 127.0.0.1, a real store, a stop in the middle.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>

#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/content.h"
#include "net/system_clock.h"
#include "server/daemon.h"
#include "server/gateway_copy.h"
#include "sqlite/sqlite_store.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

OsRandom& os_random() {
  static OsRandom random;
  return random;
}

/// A client of the dimchat world on a socket that blocks, for 60 seconds at most.
class Talker {
 public:
  Talker(std::uint16_t port, const Account& account)
      : account_(account), frames_({.framing = Framing::mtp, .first_sn = os_random().u64() >> 1}) {
    sockaddr_in station{};
    station.sin_family = AF_INET;
    station.sin_port = htons(port);
    station.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{60, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&station), sizeof station), 0);
    EXPECT_TRUE(directory_.learn_meta(account.id, account.meta));
  }
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;
  ~Talker() { ::close(fd_); }

  /// Returns the handle that its acknowledgement will have.
  std::uint64_t send(const std::string& text) {
    OutgoingFrame frame = frames_.encode_message(text);
    send_bytes(frame.bytes);
    return frame.handle;
  }

  /// False: the station has closed, or is silent.
  bool read() {
    std::array<char, 16'384> buffer{};
    const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    frames_.feed({buffer.data(), static_cast<std::size_t>(count)});
    for (;;) {
      auto next = frames_.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return std::holds_alternative<std::monostate>(next);
      if (event->acked) acked.insert(*event->acked);
      if (event->kind == FrameEvent::Kind::pong) ++pongs;
      send_bytes(event->ack + event->reply);
      for (const std::string& text : event->texts) {
        auto message = SignedMessage::parse(text);
        if (!message) continue;
        auto opened = open(*message, account_, directory_, {}, SystemClock().now());
        if (opened) contents.push_back(std::move(opened->message.content));
      }
    }
  }

  [[nodiscard]] bool log_in() {
    send(greeting(HandshakeContent::start(SystemClock().now(), os_random())));
    std::string session;
    for (;;) {
      for (const JsonObject& content : std::exchange(contents, {})) {
        const std::string* title = content.text("title");
        if (title == nullptr) continue;
        if (*title == "DIM!") return true;
        if (*title != "DIM?" || !session.empty()) continue;
        session = *content.text("session");
        send(greeting(HandshakeContent::restart(session, SystemClock().now(), os_random())));
      }
      if (!read()) return false;
    }
  }

  void ping() { send_bytes(frames_.ping()); }

  std::size_t pongs = 0;
  std::set<std::uint64_t> acked;
  std::vector<JsonObject> contents;

 private:
  void send_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;  // closed: read() will say so
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  std::string greeting(const HandshakeContent& handshake) {
    PlainMessage message{
        .envelope = {.sender = account_.id, .receiver = *Id::parse("station@anywhere")},
        .content = encode_content(Content(handshake))};
    message.envelope.extra.set("meta", account_.meta.json());
    message.envelope.extra.set("visa", account_.visa.json());
    const auto sealed = seal(message, account_, directory_, {}, os_random());
    EXPECT_TRUE(sealed);
    return write_message(*sealed);
  }

  const Account& account_;
  FrameStream frames_;
  Directory directory_;
  int fd_ = -1;
};

TEST(DaemonGateway, HundredsOfConnectionsFromOneAddressAreServed) {
  constexpr std::size_t kConnections = 300;
  std::string folder = (fs::temp_directory_path() / "dimd-gateway-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Log log{LogLevel::off};
  DaemonConfig config;
  config.data = folder + "/station";
  config.listen = "::1";
  config.port_base = 0;
  config.dimchat = ListenAddress{"127.0.0.1", 0};
  config.admission = AdmissionLimits::open();  // what strangers may do is another matter
  auto daemon = Daemon::open(config, log);
  ASSERT_TRUE(daemon) << daemon.error().text;
  std::thread station([&] { (*daemon)->run(); });

  const Account alice = *Account::make_user("alice", SystemClock().now() - 60'000, os_random());
  std::vector<std::unique_ptr<Talker>> all;
  for (std::size_t i = 0; i < kConnections; ++i) {
    all.push_back(std::make_unique<Talker>((*daemon)->dimchat_port(), alice));
    all.back()->ping();
  }
  std::size_t answered = 0;
  for (auto& one : all) {
    while (one->pongs == 0 && one->read()) {
    }
    answered += one->pongs;
  }
  EXPECT_EQ(answered, kConnections);
  EXPECT_TRUE(all.back()->log_in());
  (*daemon)->stop();
  station.join();
  daemon->reset();
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

TEST(DaemonGateway, R1_AStopWithMessagesAtTheCrewLosesNothingAcknowledged) {
  std::string folder = (fs::temp_directory_path() / "dimd-gateway-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Log log{LogLevel::off};
  DaemonConfig config;
  config.data = folder + "/station";
  config.listen = "::1";
  config.port_base = 0;
  config.dimchat = ListenAddress{"127.0.0.1", 0};
  config.station.quotas.messages = config.station.quotas.history = {};
  auto daemon = Daemon::open(config, log);
  ASSERT_TRUE(daemon) << daemon.error().text;
  std::thread station([&] { (*daemon)->run(); });

  const Millis now = SystemClock().now();
  const Account alice = *Account::make_user("alice", now - 60'000, os_random());
  const Account bob = *Account::make_user("bob", now - 60'000, os_random());
  const std::uint16_t port = (*daemon)->dimchat_port();
  EXPECT_TRUE(Talker(port, bob).log_in());  // known from now on, and away
  Talker writer(port, alice);
  EXPECT_TRUE(writer.log_in());

  Directory directory;
  EXPECT_TRUE(directory.learn_meta(bob.id, bob.meta));
  EXPECT_TRUE(directory.learn_document(bob.id, bob.visa.json(), now));
  std::map<std::uint64_t, Guid> sent;
  for (std::int64_t i = 0; i < 200; ++i) {
    const PlainMessage message{.envelope = {.sender = alice.id, .receiver = bob.id, .type = "1"},
                               .content = text_content(std::to_string(i), now, os_random())};
    const auto sealed = seal(message, alice, directory, {.seq = i + 1}, os_random());
    ASSERT_TRUE(sealed);
    const std::string text = write_message(*sealed);
    sent.emplace(writer.send(text), guid_of(*SignedMessage::parse(text)));
    if (i == 100) {
      while (writer.acked.size() < 10 && writer.read()) {
      }
    }
    if (i == 150) (*daemon)->stop();  // with about fifty on their way
  }
  while (writer.read()) {
  }
  station.join();
  daemon->reset();

  auto store = SqliteStore::open(config.data, {});
  ASSERT_TRUE(store);
  const auto inbox = (*store)->inbox(bob.id.text(), 0, 1'000, 100'000'000);
  ASSERT_TRUE(inbox);
  std::set<std::string> stored;
  for (const StoredMessage& message : *inbox) stored.insert(message.guid.text());
  std::size_t kept = 0;
  for (const auto& [handle, guid] : sent) {
    if (!writer.acked.contains(handle)) continue;
    ++kept;
    EXPECT_TRUE(stored.contains(guid.text())) << "acknowledged, and not on the disk";
  }
  EXPECT_GE(kept, 10U);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace
}  // namespace dim
