// Random packets, cut at random places: what goes in comes out.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dim/base/limits.h"
#include "dim/packet/reader_testing.h"

namespace dim {
namespace {

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  std::string key() {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
    std::string out(1, kLetters[below(26)]);
    for (std::size_t size = below(12); size > 0; --size)
      out.push_back(kLetters[below(kLetters.size())]);
    return out;
  }

  std::string value() {
    constexpr std::string_view kPieces[] = {"a",          "Z", "7",      ":",      " x",
                                            "#",          "[", "\"\"\"", "\u00E9", "\u4F60",
                                            "\U0001F600", "%", "'",      "|"};
    std::string out = "v";
    for (std::size_t size = below(40); size > 0; --size) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  std::string content() {
    constexpr std::string_view kPieces[] = {"\n",         "\r\n",         "\"\"\"",
                                            "\n\"\"\"\n", "\n\"\"\"\n\n", "version: dim/2023\n",
                                            "x",          "\xFF",         std::string_view("\0", 1),
                                            "\r",         "text "};
    std::string out;
    for (std::size_t size = below(30); size > 0; --size) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  Packet packet() {
    Packet out = below(3) == 0 ? Packet::response(static_cast<int>(100 + below(500)))
                               : Packet::request(static_cast<Operation>(below(8)));
    if (below(2) == 0)
      out.set(out.is_response() ? "reply" : "id", std::to_string(below(1'000'000)));
    for (std::size_t count = below(8); count > 0; --count) out.set("x-" + key(), value());
    if (below(2) == 0) out.content = content();
    return out;
  }

 private:
  std::mt19937 random_;
};

bool same(const Packet& a, const Packet& b) {
  return a.operation == b.operation && a.code == b.code && a.fields == b.fields &&
         a.content == b.content;
}

TEST(RoundTrip, P43_P44_AnyPacketsInAnySegmentation) {
  Maker make(2023);
  for (int run = 0; run < 500; ++run) {
    std::vector<Packet> packets;
    std::string wire;
    for (std::size_t count = 1 + make.below(8); count > 0; --count) {
      packets.push_back(make.packet());
      wire +=
          write_packet(packets.back(), make.below(2) == 0 ? Checksum::sha256 : Checksum::crc32c);
      wire.append(make.below(3), '\n');
    }
    PacketReader reader({.lane = Lane::text, .checksum_required = true, .crc32c_agreed = true});
    Outcomes out;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t size = 1 + make.below(run % 3 == 0 ? 3 : 200);
      reader.feed(std::string_view(wire).substr(at, size));
      at += size;
      if (make.below(4) != 0) drain(reader, out);
    }
    drain(reader, out);
    ASSERT_EQ(out.size(), packets.size()) << summary(out);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      ASSERT_TRUE(std::holds_alternative<Packet>(out[i])) << summary(out);
      ASSERT_TRUE(same(std::get<Packet>(out[i]), packets[i])) << write_packet(packets[i]);
    }
    ASSERT_EQ(reader.buffered(), 0U);
    ASSERT_FALSE(reader.in_packet());
  }
}

TEST(RoundTrip, P45_BrokenPacketsReadTheSameInAnySegmentation) {
  Maker make(45);
  for (int run = 0; run < 3'000; ++run) {
    std::string wire;
    for (std::size_t count = 1 + make.below(3); count > 0; --count)
      wire += write_packet(make.packet());
    for (std::size_t count = 1 + make.below(3); count > 0; --count) {
      constexpr std::string_view kNoise = "\n\r\":|x 0\xC3";
      const std::size_t at = make.below(wire.size());
      switch (make.below(3)) {
        case 0:
          wire.erase(at, 1);
          break;
        case 1:
          wire.insert(at, 1, kNoise[make.below(kNoise.size())]);
          break;
        default:
          wire[at] = kNoise[make.below(kNoise.size())];
      }
    }
    (void)said(wire, {.crc32c_agreed = true});
    ASSERT_FALSE(testing::Test::HasFailure()) << wire;
  }
}

}  // namespace
}  // namespace dim
