#include "dim/packet/websocket.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim {
namespace {

using namespace std::string_literals;

constexpr WebSocketMask kMask{0x37, 0xfa, 0x21, 0x3d};

std::string unhex(std::string_view hex) { return to_text(from_hex(hex).value()); }

WebSocketMessage only(std::string_view stream) {
  WebSocketReader reader;
  reader.feed(stream);
  auto next = reader.next();
  EXPECT_TRUE(std::holds_alternative<WebSocketMessage>(next));
  EXPECT_EQ(reader.held(), "");
  return std::get<WebSocketMessage>(next);
}

std::uint16_t refused(std::string_view stream,
                      WebSocketReader::Masks masks = WebSocketReader::Masks::either) {
  WebSocketReader reader({.masks = masks});
  reader.feed(stream);
  for (;;) {
    auto next = reader.next();
    if (std::holds_alternative<NeedMore>(next)) return 0;
    if (const auto* error = std::get_if<Error>(&next)) {
      EXPECT_TRUE(std::holds_alternative<Error>(reader.next())) << "once over, over for good";
      return websocket_close_code(*error);
    }
  }
}

// The examples of RFC 6455 section 5.7.
TEST(WebSocket, ReadsAndWritesTheExamplesOfTheRfc) {
  EXPECT_EQ(write_websocket(WebSocketKind::text, "Hello"), unhex("810548656c6c6f"));
  EXPECT_EQ(write_websocket(WebSocketKind::text, "Hello", kMask), unhex("818537fa213d7f9f4d5158"));
  EXPECT_EQ(only(unhex("810548656c6c6f")).payload, "Hello");
  EXPECT_EQ(only(unhex("818537fa213d7f9f4d5158")).payload, "Hello");
  EXPECT_EQ(only(unhex("010348656c80026c6f")).payload, "Hello");
  EXPECT_EQ(only(unhex("890548656c6c6f")).kind, WebSocketKind::ping);
  EXPECT_EQ(only(unhex("8a8537fa213d7f9f4d5158")).kind, WebSocketKind::pong);
  const std::string bytes(256, 'b');
  EXPECT_EQ(write_websocket(WebSocketKind::binary, bytes), unhex("827e0100") + bytes);
  const std::string more(65'536, 'm');
  EXPECT_EQ(write_websocket(WebSocketKind::binary, more), unhex("827f0000000000010000") + more);
  EXPECT_EQ(write_websocket_close(1009), unhex("880203f1"));
}

TEST(WebSocket, LengthsRoundTripAroundEveryLimit) {
  for (const std::size_t size :
       std::initializer_list<std::size_t>{0, 1, 125, 126, 127, 65'535, 65'536, 100'000}) {
    const std::string payload(size, 'p');
    EXPECT_EQ(only(write_websocket(WebSocketKind::binary, payload)).payload, payload);
    EXPECT_EQ(only(write_websocket(WebSocketKind::binary, payload, kMask)).payload, payload);
  }
}

// The reference cuts behind the second.
TEST(WebSocket, AMessageMayHaveAnyNumberOfFragments) {
  for (const std::size_t count : {1U, 2U, 3U, 10U, 1'000U}) {
    std::string stream, whole;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string part = std::to_string(i) + "é";
      whole += part;
      // In the middle of a character: only the whole message is checked.
      stream += write_websocket(i == 0 ? WebSocketKind::text : WebSocketKind::continuation,
                                part.substr(0, part.size() - 1), kMask, false);
      if (i == 1) stream += write_websocket(WebSocketKind::ping, "between", kMask);
      stream += write_websocket(WebSocketKind::continuation, part.substr(part.size() - 1), kMask,
                                i + 1 == count);
    }
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
      WebSocketReader reader;
      std::vector<WebSocketMessage> got;
      for (std::size_t at = 0; at < stream.size(); at += piece) {
        reader.feed(std::string_view(stream).substr(at, piece));
        for (;;) {
          auto next = reader.next();
          auto* message = std::get_if<WebSocketMessage>(&next);
          if (message == nullptr) break;
          got.push_back(std::move(*message));
        }
      }
      ASSERT_EQ(got.size(), count > 1 ? 2U : 1U);
      EXPECT_EQ(got.back().payload, whole);
      EXPECT_EQ(got.back().kind, WebSocketKind::text);
      EXPECT_EQ(got.back().fragments, 2 * count);
      if (count > 1) {
        EXPECT_EQ(got.front().payload, "between");
      }
    }
  }
}

TEST(WebSocket, WhatBreaksTheRfcIs1002) {
  for (const char* stream : {
           "c100", "a100", "9100",          // reserved bits
           "8300", "8700", "8b00", "8f00",  // reserved opcodes
           "0900", "0800",                  // control frames in fragments
           "897e0000", "887e007e",          // and long ones
           "8000", "0000",                  // continues nothing
           "01008100", "01008200",          // begins another inside
           "880103",                        // half a close code
       }) {
    EXPECT_EQ(refused(unhex(stream)), 1002) << stream;
  }
  EXPECT_EQ(refused(unhex("8100"), WebSocketReader::Masks::required), 1002);
  EXPECT_EQ(refused(unhex("818000000000"), WebSocketReader::Masks::refused), 1002);
  EXPECT_EQ(refused(unhex("818000000000"), WebSocketReader::Masks::required), 0);
}

TEST(WebSocket, TextThatIsNoUtf8Is1007) {
  EXPECT_EQ(refused(write_websocket(WebSocketKind::text, "\xc3")), 1007);
  EXPECT_EQ(refused(write_websocket(WebSocketKind::text, "\xed\xa0\x80")), 1007);
  EXPECT_EQ(refused(write_websocket(WebSocketKind::binary, "\xc3")), 0);
}

TEST(WebSocket, A33_LengthsOverTheLimitAre1009BeforeTheirBytesCome) {
  EXPECT_EQ(refused(unhex("827f0000000000100001")), 1009);
  EXPECT_EQ(refused(unhex("827fffffffffffffffff")), 1009);
  EXPECT_EQ(refused(unhex("827f0000000000100000")), 0);
  const std::string half(limits::kFrameBody / 2, 'x');
  const std::string two = write_websocket(WebSocketKind::binary, half, {}, false) +
                          write_websocket(WebSocketKind::continuation, half, {}, false);
  EXPECT_EQ(refused(two), 0);
  EXPECT_EQ(refused(two + unhex("8001")), 1009) << "fragments count together";
}

constexpr std::string_view kRequest =
    "GET /any?path HTTP/1.1\r\nHost: h:9394\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "sec-WEBSOCKET-key:  dGhlIHNhbXBsZSBub25jZQ== \r\nSec-WebSocket-Version: 13\r\n\r\n";

TEST(WebSocketUpgrade, AnswersAsTheReferenceByteForByte) {
  auto decoded = read_websocket_request(std::string(kRequest) + "rest");
  ASSERT_TRUE(std::holds_alternative<WebSocketRequest>(decoded));
  const auto& request = std::get<WebSocketRequest>(decoded);
  EXPECT_EQ(request.size, kRequest.size());
  EXPECT_EQ(write_websocket_answer(request.key),
            "HTTP/1.1 101 Switching Protocol\r\nServer: DIM-Station\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nWebSocket-Protocol: DIMP\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  for (std::size_t cut = 0; cut < kRequest.size(); ++cut) {
    EXPECT_TRUE(std::holds_alternative<NeedMore>(read_websocket_request(kRequest.substr(0, cut))))
        << cut;
  }
}

TEST(WebSocketUpgrade, RefusesWhatIsNoUpgrade) {
  const auto refused_request = [](const std::string& request) {
    return std::holds_alternative<Error>(read_websocket_request(request));
  };
  EXPECT_TRUE(refused_request("POST / HTTP/1.1\r\n"));
  EXPECT_TRUE(refused_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_TRUE(refused_request("GET / HTTP/1.1\r\nSec-WebSocket-Key:\r\n\r\n"));
  EXPECT_TRUE(refused_request("GET / \r\nSec-WebSocket-Key: a\r\n\r\nHTTP/"));
  EXPECT_TRUE(refused_request("GET /" + std::string(600, 'x')));
}

TEST(WebSocketUpgrade, A33_ARequestHasAtMost8KiB) {
  const std::string request = "GET / HTTP/1.1\r\nX: " + std::string(limits::kUpgradeRequest, 'x');
  EXPECT_TRUE(std::holds_alternative<NeedMore>(
      read_websocket_request(request.substr(0, limits::kUpgradeRequest - 1))));
  auto decoded = read_websocket_request(request);
  ASSERT_TRUE(std::holds_alternative<Error>(decoded));
  EXPECT_EQ(std::get<Error>(decoded).code, Errc::too_large);
}

TEST(WebSocketUpgrade, AClientAcceptsTheAnswerToItsKeyOnly) {
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  auto request = read_websocket_request(write_websocket_request("[::1]:9394", key));
  ASSERT_TRUE(std::holds_alternative<WebSocketRequest>(request));
  EXPECT_EQ(std::get<WebSocketRequest>(request).key, key);
  const std::string answer = write_websocket_answer(key);
  auto size = read_websocket_answer(answer + "frames", key);
  ASSERT_TRUE(std::holds_alternative<std::size_t>(size));
  EXPECT_EQ(std::get<std::size_t>(size), answer.size());
  EXPECT_TRUE(std::holds_alternative<NeedMore>(read_websocket_answer(answer.substr(0, 40), key)));
  EXPECT_TRUE(std::holds_alternative<Error>(read_websocket_answer(answer, "another")));
  EXPECT_TRUE(std::holds_alternative<Error>(read_websocket_answer("HTTP/1.1 404 No\r\n\r\n", key)));
}

}  // namespace
}  // namespace dim
