#include "dim/packet/transport_detect.h"

#include <gtest/gtest.h>

#include "dim/packet/mars.h"
#include "dim/packet/mtp.h"
#include "dim/packet/websocket.h"

namespace dim {
namespace {

std::optional<Framing> found(std::string_view bytes) {
  const auto decoded = detect_framing(bytes);
  const auto* framing = std::get_if<Framing>(&decoded);
  return framing != nullptr ? std::optional(*framing) : std::nullopt;
}

bool waits(std::string_view bytes) {
  return std::holds_alternative<NeedMore>(detect_framing(bytes));
}

TEST(TransportDetect, FindsEachFromItsHeaderAndWaitsBefore) {
  const std::string mtp = write_mtp({.type = MtpType::message, .sn = 7}, "{}").substr(0, 16);
  const std::string mars = write_mars({.seq = 7}, {}, "{}").substr(0, 20);
  const std::string websocket = write_websocket_request("h", "key");
  for (const auto& [bytes, framing] :
       {std::pair(mtp, Framing::mtp), {mars, Framing::mars}, {websocket, Framing::websocket}}) {
    EXPECT_EQ(found(bytes), framing);
    EXPECT_EQ(found(bytes + "and what follows"), framing);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_TRUE(waits(bytes.substr(0, cut))) << to_string(framing) << " " << cut;
    }
  }
}

TEST(TransportDetect, FindsMtpAndMarsBehindJunk) {
  const std::string junk = "DIM? 0000 a lot of other bytes ";
  EXPECT_EQ(found(junk + write_mtp({.sn = 7}, "{}")), Framing::mtp);
  EXPECT_EQ(found(junk + write_mars({.seq = 7}, {}, "{}")), Framing::mars);
  EXPECT_TRUE(waits(junk + "GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n"))
      << "an upgrade comes first or not at all";
}

TEST(TransportDetect, WhatIsFoundBehindJunkDoesNotChangeWithMoreBytes) {
  const std::string options = "...." + write_mtp({.sn = 7}, "{}") + std::string(60, '.');
  const std::string stream = std::string(40, 'x') + write_mars({.seq = 7}, options, "{}");
  ASSERT_EQ(found(stream), Framing::mars);
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    const auto framing = found(stream.substr(0, cut));
    EXPECT_TRUE(!framing || framing == Framing::mars) << cut;
  }
}

TEST(TransportDetect, A33_JunkIsNotCollected) {
  EXPECT_TRUE(waits(std::string(limits::kDetectJunk - 1, 'x')));
  EXPECT_TRUE(std::holds_alternative<Error>(detect_framing(std::string(limits::kDetectJunk, 'x'))));
}

}  // namespace
}  // namespace dim
