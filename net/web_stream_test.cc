#include "net/web_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::set<std::string, std::less<>> kOrigins{"https://chat.example"};
constexpr WebSocketMask kMask{1, 2, 3, 4};

/// RFC 6455 section 1.3, with our protocol; `more` is further header lines.
std::string request(std::string_view more = {}) {
  return "GET / HTTP/1.1\r\nHost: station.example:8810\r\nUpgrade: websocket\r\n"
         "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, dim.2023\r\n" +
         std::string(more) + "\r\n";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// The code of the close frame at the end of what a station said.
unsigned close_code(std::string_view said) {
  if (said.size() < 4 || said[said.size() - 4] != '\x88') return 0;
  return read_big_endian<std::uint16_t>(said.substr(said.size() - 2));
}

class WebStation : public testing::Test {
 protected:
  std::string say(std::string_view bytes) {
    stream.feed(bytes, plain);
    return std::exchange(stream.output(), {});
  }
  void open() {
    ASSERT_THAT(say(request()), StartsWith("HTTP/1.1 101 "));
    ASSERT_TRUE(stream.is_open());
  }
  /// What is said to a first request.
  static std::string answer_to(std::string_view bytes) {
    WebStream fresh(kOrigins);
    std::string nothing;
    fresh.feed(bytes, nothing);
    EXPECT_EQ(fresh.is_over(), !fresh.output().starts_with("HTTP/1.1 101 ")) << fresh.output();
    EXPECT_EQ(nothing, "");
    return fresh.output();
  }

  WebStream stream{kOrigins};
  std::string plain;
};

TEST_F(WebStation, TakesAnUpgradeInAnyPiecesAndWhatIsBehindIt) {
  const std::string all = request() + write_websocket(WebSocketKind::binary, "packet", kMask);
  std::string said;
  for (const char byte : all) said += say({&byte, 1});
  EXPECT_EQ(said,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: dim.2023\r\n\r\n");
  EXPECT_EQ(plain, "packet");
  EXPECT_EQ(say(write_websocket(WebSocketKind::text, " and text", kMask)), "");
  EXPECT_EQ(plain, "packet and text");
}

TEST_F(WebStation, A42_NothingIsCompressedWhateverIsOffered) {
  const std::string said = answer_to(request("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  EXPECT_THAT(said, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(said, testing::Not(HasSubstr("Extensions")));
}

TEST_F(WebStation, S22_AForeignPageIsRefusedWith403) {
  EXPECT_THAT(answer_to(request("Origin: https://chat.example\r\n")), StartsWith("HTTP/1.1 101 "));
  for (const char* origin :
       {"https://evil.example", "null", "https://chat.example.evil", "http://chat.example",
        "https://chat.example:444", "https://chat.example\r\nOrigin: https://chat.example"}) {
    EXPECT_THAT(answer_to(request("Origin: " + std::string(origin) + "\r\n")),
                StartsWith("HTTP/1.1 403 "))
        << origin;
  }
}

TEST_F(WebStation, S22_FramesThatAreWrongCloseWithTheCodeOfTheRfc) {
  const std::string huge = std::string("\x82\xff") + "\x80" + std::string(7, '\0') + "mask";
  struct Case {
    const char* what;
    std::string frames;
    unsigned code;
  };
  const std::vector<Case> cases = {
      {"2^63 bytes", huge, 1009},
      {"no mask", write_websocket(WebSocketKind::binary, "x"), 1002},
      {"no UTF-8", write_websocket(WebSocketKind::text, "\xff\xfe", kMask), 1007},
      {"reserved bits", "\xc2\x80mask", 1002},
      {"before the log-in more than a packet of 8800",
       write_websocket(WebSocketKind::binary, std::string(kWebEarlyMessage + 1, 'x'), kMask), 1009},
      {"a continuation of nothing", write_websocket(WebSocketKind::continuation, "x", kMask), 1002},
  };
  for (const Case& one : cases) {
    WebStream fresh(kOrigins);
    std::string nothing;
    fresh.feed(request(), nothing);
    fresh.output() = {};
    fresh.feed(one.frames, nothing);
    EXPECT_EQ(close_code(fresh.output()), one.code) << one.what;
    EXPECT_TRUE(fresh.is_over()) << one.what;
    EXPECT_TRUE(fresh.error()) << one.what;
    EXPECT_EQ(nothing, "") << one.what;
  }
}

TEST_F(WebStation, S22_AMillionEmptyFragmentsAreOverAfterAThousand) {
  open();
  std::string said = say(write_websocket(WebSocketKind::binary, "", kMask, false));
  const std::string empty = write_websocket(WebSocketKind::continuation, "", kMask, false);
  std::size_t sent = 1;
  while (!stream.is_over() && sent < 1'000'000) {
    said += say(empty);
    ++sent;
  }
  EXPECT_EQ(sent, kWebFragments + 1);
  EXPECT_EQ(close_code(said), 1008U);
}

TEST_F(WebStation, MessagesGrowWithTheLogIn) {
  open();
  stream.proven();
  const std::string packet(kWebMessage, 'x');
  EXPECT_EQ(say(write_websocket(WebSocketKind::binary, packet, kMask)), "");
  EXPECT_EQ(plain.size(), packet.size());
  EXPECT_EQ(close_code(say(write_websocket(WebSocketKind::binary, packet + "x", kMask))), 1009U);
}

TEST_F(WebStation, PingsAndTheCloseAreAnswered) {
  open();
  EXPECT_EQ(say(write_websocket(WebSocketKind::ping, "beat", kMask)),
            "\x8a\x04"
            "beat");
  EXPECT_EQ(say(write_websocket(WebSocketKind::pong, "x", kMask)), "");
  EXPECT_EQ(close_code(say(write_websocket(WebSocketKind::close, "\x03\xe9", kMask))), 1000U);
  EXPECT_TRUE(stream.is_over());
  EXPECT_FALSE(stream.error());
  stream.write("too late");
  stream.close();
  EXPECT_EQ(stream.output(), "");
}

TEST_F(WebStation, WritesAPacketAMessage) {
  stream.write("too early");
  EXPECT_EQ(stream.output(), "");
  open();
  stream.write("one");
  stream.write("two");
  EXPECT_EQ(std::exchange(stream.output(), {}), "\x82\x03one\x82\x03two");
  stream.close();
  EXPECT_EQ(close_code(stream.output()), 1000U);
}

TEST_F(WebStation, S22_RequestsThatAreNoUpgradeAreToldWhatWouldBeRight) {
  struct Case {
    std::string bytes;
    const char* status;
    const char* words;
  };
  const std::string good = request();
  const std::vector<Case> cases = {
      {replaced(good, "GET /", "GET /index.html"), "404", "nothing here but /"},
      {replaced(good, "GET /", "POST /"), "405", "only GET"},
      {replaced(good, "Upgrade: websocket\r\n", ""), "426", "over WebSocket"},
      {replaced(good, "keep-alive, Upgrade", "keep-alive"), "426", "over WebSocket"},
      {replaced(good, "Version: 13", "Version: 8"), "426", "is 13"},
      {replaced(good, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "400", "16 bytes"},
      {replaced(good, "\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), "400",
       "16 bytes"},
      {replaced(good, "dim.2023", "dim.2024"), "400", "names dim.2023"},
      {replaced(good, "HTTP/1.1", "HTTP/1.0"), "400", "HTTP/1.1"},
      {replaced(good, "Host: station.example:8810\r\n", ""), "400", "Host"},
      {replaced(good, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n"), "400", "no body"},
      {replaced(good, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"), "400", "no body"},
      {replaced(good, "Host: ", "Host : "), "400", "header lines"},
      {"version: dim/2023\noperation: CONNECT\r\n\r\n", "400", "GET / HTTP/1.1"},
      {std::string("\0\1\2\r\n\r\n", 7), "400", "GET / HTTP/1.1"},
      {request("X: " + std::string(kWebHead, 'x') + "\r\n"), "431", "8 KiB"},
      {std::string(kWebHead, 'x'), "431", "8 KiB"},
  };
  for (const Case& one : cases) {
    const std::string said = answer_to(one.bytes);
    EXPECT_THAT(said, StartsWith("HTTP/1.1 " + std::string(one.status) + " ")) << one.bytes;
    EXPECT_THAT(said, HasSubstr(one.words)) << one.bytes;
    EXPECT_THAT(said, HasSubstr("Connection: close\r\n"));
  }
}

TEST_F(WebStation, M06_NothingThatIsSaidOverHttpCanBeTakenForAPage) {
  for (const std::string& bytes :
       {replaced(request(), "GET /", "GET /x.svg"), replaced(request(), "GET", "POST"),
        request("Origin: <script>alert(1)</script>\r\n"), std::string("<svg/>\r\n\r\n")}) {
    const std::string said = answer_to(bytes);
    EXPECT_THAT(said, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(said, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(said, HasSubstr("Content-Security-Policy: default-src 'none'; sandbox\r\n"));
    EXPECT_THAT(said, testing::Not(HasSubstr("<"))) << "nothing of the request comes back";
  }
}

/// A client and a station that talk with each other.
TEST(WebStream, BothSidesUnderstandEachOther) {
  OsRandom random;
  WebStream client("2001:db8::7", 443, random);
  WebStream station(kOrigins);
  EXPECT_THAT(client.output(), HasSubstr("Host: [2001:db8::7]:443\r\n"));
  std::string to_client;
  std::string to_station;
  const auto carry = [&] {
    for (int i = 0; i < 3; ++i) {
      station.feed(std::exchange(client.output(), {}), to_station);
      client.feed(std::exchange(station.output(), {}), to_client);
    }
  };
  carry();
  ASSERT_TRUE(client.is_open());
  station.proven();
  const std::string packet(limits::kTextContent, 'p');
  client.write(packet);
  station.write("answer");
  carry();
  EXPECT_EQ(to_station, packet);
  EXPECT_EQ(to_client, "answer");
  client.close();
  carry();
  EXPECT_TRUE(client.is_over());
  EXPECT_TRUE(station.is_over());
  EXPECT_FALSE(station.error());
}

TEST(WebStream, AClientRefusesWhatIsNoUpgrade) {
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Protocol: dim.2023\r\nSec-WebSocket-Accept: ";
  for (const auto& [bytes, code] : std::vector<std::pair<std::string, Errc>>{
           {good + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", Errc::bad_request},
           {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", Errc::forbidden},
           {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Errc::bad_request},
           {"SSH-2.0-x\r\n\r\n", Errc::bad_request},
           {std::string(kWebHead, 'x'), Errc::too_large}}) {
    OsRandom random;
    WebStream client("station.example", 443, random);
    std::string plain;
    client.feed(bytes, plain);
    ASSERT_TRUE(client.is_over()) << bytes;
    ASSERT_TRUE(client.error()) << bytes;
    EXPECT_EQ(client.error()->code, code) << bytes;
  }
}

}  // namespace
}  // namespace dim
