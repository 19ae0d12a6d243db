#include "dim/crypto/sframe.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }
std::string hex(ByteView bytes) { return to_hex(bytes); }

// RFC 9605 appendix C.1: some rows of the table.
TEST(Sframe, HeadersAreThoseOfRfc9605) {
  struct Row {
    std::uint64_t key_id, counter;
    std::string_view bytes;
  };
  for (const Row& row :
       {Row{0, 0, "00"}, Row{0, 1, "01"}, Row{0, 0xff, "08ff"}, Row{0, 0x100, "090100"},
        Row{1, 0xffff, "19ffff"}, Row{0xff, 0, "80ff"}, Row{0xff, 0x10000, "8aff010000"},
        Row{0x123, 0x4567, "9901234567"},
        Row{0xffffffffffffffff, 0xffffffffffffffff, "ffffffffffffffffffffffffffffffffff"}}) {
    EXPECT_EQ(hex(SframeHeader{.key_id = row.key_id, .counter = row.counter}.write()), row.bytes);
    const Bytes bytes = hex(row.bytes);
    const auto read = SframeHeader::parse(bytes);
    ASSERT_TRUE(read.has_value()) << row.bytes;
    EXPECT_EQ(read->key_id, row.key_id);
    EXPECT_EQ(read->counter, row.counter);
    EXPECT_EQ(read->bytes, bytes.size());
    EXPECT_FALSE(SframeHeader::parse(ByteView(bytes).first(bytes.size() - 1)).has_value());
  }
  for (const std::string_view longer : {"0807", "090001", "8000", "900001"})
    EXPECT_FALSE(SframeHeader::parse(hex(longer)).has_value()) << longer;
}

constexpr std::string_view kMetadata = "4945544620534672616d65205747";
constexpr std::string_view kPlain = "64726166742d696574662d736672616d652d656e63";
constexpr std::string_view kSealed =
    "9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb";

SframeKey key_of(std::uint64_t key_id) {
  return SframeKey::make(key_id, Secret::copy_of(hex("000102030405060708090a0b0c0d0e0f"))).value();
}

// RFC 9605 appendix C.3, cipher suite 0x0004.
TEST(Sframe, SealsAsRfc9605Does) {
  SframeKey key = key_of(0x123);
  EXPECT_EQ(hex(key.seal(0x4567, hex(kMetadata), hex(kPlain)).value()), kSealed);
  EXPECT_EQ(hex(key.open(hex(kSealed), hex(kMetadata)).value()), kPlain);
}

TEST(Sframe, M11_OpensNothingThatWasChanged) {
  SframeKey key = key_of(0x123);
  for (std::size_t at = 0; at < kSealed.size() / 2; ++at) {
    Bytes changed = hex(kSealed);
    changed[at] ^= 1;
    EXPECT_FALSE(key.open(changed, hex(kMetadata)).has_value()) << at;
  }
  EXPECT_FALSE(key.open(hex(kSealed), hex("00")).has_value()) << "other metadata";
  EXPECT_FALSE(key_of(0x124).open(hex(kSealed), hex(kMetadata)).has_value()) << "another key";
  const Bytes sealed = hex(kSealed);
  for (const std::size_t size : {0U, 1U, 5U, 20U})
    EXPECT_FALSE(key.open(ByteView(sealed).first(size), hex(kMetadata)).has_value()) << size;
}

TEST(Sframe, ACounterIsNeverUsedAgain) {
  SframeKey key = key_of(1);
  EXPECT_TRUE(key.seal(5, {}, hex("00")).has_value());
  EXPECT_EQ(key.seal(5, {}, hex("01")).error().code, Errc::conflict);
  EXPECT_EQ(key.seal(4, {}, hex("01")).error().code, Errc::conflict);
  EXPECT_TRUE(key.seal(6, {}, {}).has_value());
  EXPECT_EQ(SframeKey::make(1, Secret(15)).error().code, Errc::key);
}

}  // namespace
}  // namespace dim
