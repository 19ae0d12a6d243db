#include "net/listener.h"

#include <gtest/gtest.h>

#include "net/test_world.h"

namespace dim {
namespace {

constexpr std::string_view kConnect =
    "version: dim/2023\noperation: CONNECT\ntarget: 2001:db8::7\nencryption: AES\n\n";

// Sends `bytes` on a fresh socket and returns everything that comes back until the station closes.
std::string ask(World& world, std::string_view bytes, bool* reset = nullptr) {
  BareSocket socket(world.port());
  socket.write(bytes);
  EXPECT_TRUE(world.until([&] {
    socket.poll();
    return socket.over();
  }));
  if (reset != nullptr) *reset = socket.reset;
  return socket.in;
}

bool has_code(const std::string& answer, int code) {
  return answer.find("\ncode: " + std::to_string(code)) != std::string::npos;
}

TEST(Listener, P06_TlsStartsAtTheFirstByte) {
  World world;
  EXPECT_TRUE(world.dial());
  EXPECT_EQ(world.gate->stats().opened, 1U);
  EXPECT_EQ(world.gate->stats().upgraded, 0U);
}

TEST(Listener, PlainConnectThen101ThenTls) {
  World world;
  BareSocket socket(world.port());
  socket.write(kConnect);
  ASSERT_TRUE(world.until([&] {
    socket.poll();
    return socket.in.ends_with("\n\n");
  }));
  EXPECT_TRUE(has_code(socket.in, 101));
  EXPECT_FALSE(socket.over());
}

TEST(Listener, OurClientCanUseTheDraftsForm) {
  World world;
  // ::1 is an address a plain CONNECT may name.
  const auto client = world.dial({.host = "[::1]", .plain_connect = true});
  ASSERT_TRUE(client) << (world.error ? world.error->hint : "");
  EXPECT_EQ(world.gate->stats().upgraded, 1U);
  EXPECT_EQ(client->channel_binding().value(), world.accepted[0]->channel_binding().value());
}

TEST(Listener, P33_AnythingElseBeforeTlsGets413AndClose) {
  World world;
  EXPECT_TRUE(has_code(ask(world, "version: dim/2023\noperation: GET\ntarget: ::1\n\n"), 413));
  EXPECT_EQ(world.gate->stats().plain_refused, 1U);
  EXPECT_TRUE(world.accepted.empty());
}

TEST(Listener, P34_BytesBehindThePlainConnectGet300AndClose) {
  World world;
  EXPECT_TRUE(has_code(
      ask(world, std::string(kConnect) + "version: dim/2023\noperation: DESTROY\n\n"), 300));
  EXPECT_TRUE(world.accepted.empty());
}

TEST(Listener, S03_AnotherEncryptionGets303) {
  World world;
  EXPECT_TRUE(has_code(
      ask(world, "version: dim/2023\noperation: CONNECT\ntarget: ::1\nencryption: ROT13\n\n"),
      303));
}

TEST(Listener, P05_HttpGets401WithoutAWordOfHttp) {
  World world;
  const std::string answer = ask(world, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(has_code(answer, 401));
  EXPECT_EQ(answer.find("HTTP"), std::string::npos);
}

TEST(Listener, P45_AMebibyteOfNoiseGets401) {
  World world;
  BareSocket socket(world.port());
  std::string noise(1 << 20, '\0');
  std::uint32_t seed = 5;
  for (char& c : noise) c = static_cast<char>((seed = seed * 1'664'525 + 1'013'904'223) >> 24);
  noise[0] = '\x7f';
  std::string_view left = noise;
  ASSERT_TRUE(world.until([&] {
    socket.write(left.substr(0, 8'192));
    left.remove_prefix(std::min<std::size_t>(left.size(), 8'192));
    socket.poll();
    return socket.over();
  }));
  EXPECT_TRUE(has_code(socket.in, 401)) << "the answer survives what the peer still sends";
}

TEST(Listener, P07_CountsPeersWithoutTls13) {
  World world;
  std::string hello = {0x16, 0x03, 0x00, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x00};
  hello += std::string(32, 'r') + std::string("\0\0\x02\0\x35\x01\0", 7);
  const std::string answer = ask(world, hello);
  ASSERT_EQ(answer.size(), 7U);
  EXPECT_EQ(answer[0], 21);
  EXPECT_EQ(answer[6], 70) << "protocol_version";
  EXPECT_EQ(world.gate->stats().tls_old, 1U);
}

TEST(Listener, P16_A511EndsAPlainPacketThatNeverEnds) {
  ListenOptions options;
  options.setup_ms = 300;
  World world(AdmissionLimits::open(), options);
  EXPECT_TRUE(has_code(ask(world, "version: dim/2023\n"), 511));
  EXPECT_EQ(world.gate->stats().setup_timeout, 1U);
}

TEST(Listener, SilentAndStalledConnectionsAreResetInTime) {
  ListenOptions options;
  options.setup_ms = 300;
  World world(AdmissionLimits::open(), options);
  bool reset = false;
  EXPECT_EQ(ask(world, "", &reset), "");
  EXPECT_TRUE(reset);
  EXPECT_EQ(ask(world, std::string("\x16\x03\x01\x02\x00\x01", 6), &reset), "");
  EXPECT_TRUE(reset);
  EXPECT_EQ(world.gate->unauthenticated(), 0U);
}

TEST(Listener, R7_ResetsTheOneTooManyAndTakesItAfterALogin) {
  AdmissionLimits limits = AdmissionLimits::open();
  limits.per_64 = 2;
  World world(limits);
  const auto one = world.dial(), two = world.dial();
  ASSERT_TRUE(one && two);
  bool reset = false;
  EXPECT_EQ(ask(world, "", &reset), "");
  EXPECT_TRUE(reset);
  EXPECT_EQ(world.gate->stats().refused_per_64, 1U);
  world.accepted[0]->mark_authenticated();
  world.accepted[0]->mark_authenticated();
  EXPECT_EQ(world.gate->unauthenticated(), 1U);
  EXPECT_TRUE(world.dial());
  for (const auto& connection : world.accepted) connection->abort();
  EXPECT_EQ(world.gate->unauthenticated(), 0U);
}

TEST(Listener, C09_ClosedToStrangersItResetsEverybodyUntilItIsOpenAgain) {
  World world(AdmissionLimits::open());
  world.gate->close_to_strangers(true);
  bool reset = false;
  EXPECT_EQ(ask(world, "", &reset), "");
  EXPECT_TRUE(reset);
  EXPECT_EQ(world.gate->stats().refused_memory, 1U);
  EXPECT_EQ(world.gate->unauthenticated(), 0U);
  world.gate->close_to_strangers(false);
  EXPECT_TRUE(world.dial());
}

TEST(Listener, R11_AStalledHandshakeDoesNotKeepOthersOut) {
  AdmissionLimits limits = AdmissionLimits::open();
  limits.handshakes = 1;
  limits.handshake_patience = 500;
  World world(limits);
  BareTls stalled(world.port());
  stalled.socket.write(std::exchange(stalled.tls.output(), {}));
  ASSERT_TRUE(world.until([&] { return world.gate->handshakes() == 1; }));
  const Millis start = world.reactor.now();
  EXPECT_TRUE(world.dial());
  EXPECT_TRUE(world.dial());
  EXPECT_LT(world.reactor.now() - start, 2'000);
  EXPECT_EQ(world.gate->stats().evicted, 1U);
  EXPECT_EQ(world.gate->handshakes(), 0U);
}

TEST(Listener, ANewCertificateServesNewConnections) {
  World world;
  const auto before = world.dial();
  const Certificate next = make_certificate().value();
  world.listener->set_tls(TlsContext::server(next).value());
  const auto after = world.dial();
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->peer_spki(), spki_sha256(next.cert_pem).value());
  EXPECT_NE(before->peer_spki(), after->peer_spki());
}

TEST(Listener, C02_RefusesAddressesAndPortsItCannotHave) {
  World world;
  const auto open = [&](ListenOptions options) {
    const auto made = Listener::open(world.reactor, world.gate, options, [](auto) {});
    return made ? std::optional<Errc>() : made.error().code;
  };
  const auto tls = test_keys().server;
  EXPECT_EQ(open({.address = "127.0.0.1", .tls = tls}), Errc::config);
  EXPECT_EQ(open({.address = "::ffff:127.0.0.1", .tls = tls}), Errc::config);
  EXPECT_EQ(open({.address = "nowhere", .tls = tls}), Errc::config);
  EXPECT_EQ(open({.address = "::1"}), Errc::config);
  EXPECT_EQ(open({.address = "::1", .tls = test_keys().client}), Errc::config);
  EXPECT_EQ(open({.address = "::1", .port = world.port(), .tls = tls}), Errc::io);
  EXPECT_EQ(open({.address = "2001:db8::dead", .tls = tls}), Errc::io);
  EXPECT_EQ(open({.address = "127.0.0.1", .mode = ListenMode::plain, .allow_v4 = true}),
            std::nullopt);
}

TEST(Listener, PlainModeHandsOverWithoutTls) {
  ListenOptions options;
  options.mode = ListenMode::plain;
  World world(AdmissionLimits::open(), options);
  Seen seen;
  world.on_open = [&](std::shared_ptr<Connection> connection) {
    connection->set_callbacks(seen.callbacks(true));
  };
  BareSocket socket(world.port());
  socket.write("GET / HTTP/1.1\r\n\r\n");
  socket.end();
  ASSERT_TRUE(world.until([&] { return seen.ended == 1; }));
  EXPECT_EQ(seen.data, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(world.accepted[0]->is_tls());
  EXPECT_EQ(world.accepted[0]->channel_binding().error().code, Errc::too_early);
  world.accepted[0]->send("answer");
  world.accepted[0]->close();
  ASSERT_TRUE(world.until([&] {
    socket.poll();
    return socket.ended;
  }));
  EXPECT_EQ(socket.in, "answer");
}

TEST(Listener, TlsModeTakesABrowsersAlpn) {
  ListenOptions options;
  options.mode = ListenMode::tls;
  options.tls =
      TlsContext::server(test_keys().certificate, {.alpn = {"http/1.1"}, .alpn_required = false})
          .value();
  World world(AdmissionLimits::open(), options);
  DialOptions browser;
  browser.tls = TlsContext::client({.alpn = {"h2", "http/1.1"}, .alpn_required = true}).value();
  EXPECT_TRUE(world.dial(browser));
  EXPECT_FALSE(world.dial()) << "dim/2023 is not spoken there";
  bool reset = false;
  EXPECT_FALSE(has_code(ask(world, kConnect, &reset), 101));
}

TEST(Listener, WithoutAListenerNothingMoreIsHandedOver) {
  World world;
  BareTls client(world.port());
  world.run(20);
  world.listener.reset();
  ASSERT_TRUE(world.until([&] {
    client.pump();
    return client.socket.over();
  }));
  EXPECT_TRUE(world.accepted.empty());
}

// ---- Dial

// A station that answers anything with `answer`.
std::optional<Errc> dial_answered(std::string_view answer, bool plain_connect = false) {
  ListenOptions options;
  options.mode = ListenMode::plain;
  World world(AdmissionLimits::open(), options);
  std::string kept(answer);
  world.on_open = [kept](std::shared_ptr<Connection> connection) {
    Connection* raw = connection.get();
    connection->set_callbacks({.data = [raw, kept](std::string_view) { raw->send(kept); }});
  };
  DialOptions dial;
  dial.plain_connect = plain_connect;
  dial.timeout = 1'000;
  EXPECT_FALSE(world.dial(dial));
  return world.error ? std::optional(world.error->code) : std::nullopt;
}

TEST(Dial, S19_StopsWhenTheStationAnswersInPlainText) {
  EXPECT_EQ(dial_answered("version: dim/2023\ncode: 200\nstatus: Okay\n\n"), Errc::downgrade);
  EXPECT_EQ(dial_answered("version: dim/2023\ncode: 200\nstatus: Okay\n\n", true), Errc::downgrade);
  EXPECT_EQ(dial_answered(
                "version: dim/2023\ncode: 101\nstatus: Switching_Protocols\n\nversion: x\n", true),
            Errc::downgrade);
  EXPECT_EQ(dial_answered("version: dim/2023\ncode: 303\nstatus: Better_Encryption\n\n", true),
            Errc::better_encryption);
}

TEST(Dial, TellsWhyThereIsNoConnection) {
  EXPECT_EQ(dial_answered(""), Errc::unreachable) << "timeout";
  EXPECT_EQ(dial_answered(std::string("\x15\x03\x03\x00\x02\x02\x46", 7)), Errc::better_encryption);
  World world;
  const std::uint16_t port = world.port();
  EXPECT_FALSE(world.dial({.host = "127.0.0.1", .port = port}));
  EXPECT_EQ(world.error->code, Errc::usage);
  EXPECT_FALSE(world.dial({.host = "::ffff:127.0.0.1", .port = port}));
  EXPECT_EQ(world.error->code, Errc::usage);
  EXPECT_FALSE(world.dial({.host = "no-such-name.invalid", .port = port}));
  EXPECT_EQ(world.error->code, Errc::unreachable);
  world.listener.reset();
  EXPECT_FALSE(world.dial({.host = "::1", .port = port}));
  EXPECT_EQ(world.error->code, Errc::unreachable);
}

TEST(Dial, CancelledOnesStaySilent) {
  World world;
  int calls = 0;
  for (int turns = 0; turns < 6; ++turns) {
    DialOptions options{.host = "::1", .port = world.port(), .tls = test_keys().client};
    auto dial =
        Dial::start(world.reactor, options,
                    {.opened = [&](auto) { ++calls; }, .failed = [&](const Error&) { ++calls; }});
    if (turns == 0) dial->cancel();
    dial.reset();
    world.run(30);
  }
  EXPECT_EQ(calls, 0);
}

TEST(Dial, MayBeDroppedFromItsOwnCallback) {
  World world;
  std::unique_ptr<Dial> dial;
  std::shared_ptr<Connection> got;
  dial =
      Dial::start(world.reactor, {.host = "::1", .port = world.port(), .tls = test_keys().client},
                  {.opened = [&](std::shared_ptr<Connection> connection) {
                    got = std::move(connection);
                    dial.reset();
                  }});
  ASSERT_TRUE(world.until([&] { return got != nullptr; }));
  EXPECT_TRUE(got->is_open());
}

}  // namespace
}  // namespace dim
