#include "dim/crypto/file_seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dim/base/hex.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

Secret key_of(std::uint8_t byte) { return Secret::copy_of(Bytes(32, byte)); }

Bytes some_file(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 253);
  return out;
}

std::vector<Bytes> sealed(const Bytes& file, const Secret& key) {
  auto seal = FileSeal::make(key).value();
  const std::int64_t chunks = chunk_count(sealed_size(static_cast<std::int64_t>(file.size())));
  std::vector<Bytes> out(static_cast<std::size_t>(chunks));
  for (std::int64_t i = 0; i < chunks; ++i) {
    const auto at = static_cast<std::size_t>(i * kPlainChunk);
    const ByteView part =
        ByteView(file).subspan(at, std::min(file.size() - at, std::size_t{kPlainChunk}));
    EXPECT_TRUE(seal.seal(i, i + 1 == chunks, part, out[static_cast<std::size_t>(i)]));
  }
  return out;
}

Result<Bytes> opened(const std::vector<Bytes>& chunks, const Secret& key) {
  auto seal = FileSeal::make(key).value();
  Bytes out;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (auto done = seal.open(static_cast<std::int64_t>(i), i + 1 == chunks.size(), chunks[i], out);
        !done)
      return std::unexpected(done.error());
  }
  return out;
}

TEST(FileSeal, OpensWhatItSealedAtEverySize) {
  for (const std::size_t size : {0UL, 1UL, 65'519UL, 65'520UL, 65'521UL, 131'040UL, 300'000UL}) {
    const Bytes file = some_file(size);
    const auto chunks = sealed(file, key_of(1));
    std::int64_t total = 0;
    for (const Bytes& chunk : chunks) total += static_cast<std::int64_t>(chunk.size());
    EXPECT_EQ(total, sealed_size(static_cast<std::int64_t>(size)));
    EXPECT_EQ(plain_size(total).value(), static_cast<std::int64_t>(size));
    const auto again = opened(chunks, key_of(1));
    ASSERT_TRUE(again) << size;
    EXPECT_EQ(*again, file);
  }
}

TEST(FileSeal, A41_NothingThatWasChangedOpens) {
  const Bytes file = some_file(200'000);
  const auto good = sealed(file, key_of(1));
  ASSERT_EQ(good.size(), 4U);
  const auto refused = [&](const std::vector<Bytes>& chunks, std::uint8_t key = 1) {
    const auto out = opened(chunks, key_of(key));
    return !out && out.error().code == Errc::decrypt;
  };
  EXPECT_TRUE(refused(good, 2)) << "another key";
  auto bad = good;
  bad[2][100] ^= 1;
  EXPECT_TRUE(refused(bad)) << "a bit";
  bad = good;
  bad[1].back() ^= 1;
  EXPECT_TRUE(refused(bad)) << "a bit of a tag";
  bad = good;
  std::swap(bad[0], bad[1]);
  EXPECT_TRUE(refused(bad)) << "swapped";
  bad = good;
  bad.pop_back();
  EXPECT_TRUE(refused(bad)) << "cut off";
  bad = good;
  bad.push_back(good[3]);
  EXPECT_TRUE(refused(bad)) << "continued";
  bad = good;
  bad.erase(bad.begin() + 1);
  EXPECT_TRUE(refused(bad)) << "left out";
  bad = good;
  bad[3].resize(15);
  EXPECT_TRUE(refused(bad)) << "shorter than a tag";
}

TEST(FileSeal, ReadsFromAnyChunkOn) {
  const Bytes file = some_file(200'000);
  const auto chunks = sealed(file, key_of(3));
  auto seal = FileSeal::make(key_of(3)).value();
  Bytes out;
  ASSERT_TRUE(seal.open(2, false, chunks[2], out));
  EXPECT_TRUE(std::ranges::equal(out, ByteView(file).subspan(2 * kPlainChunk, kPlainChunk)));
}

TEST(FileSeal, BytesStayTheSame) {
  // AES-256-GCM, key 32 x 01, nonce 0^11 01, associated data "dim/2023 file 1": computed with
  // Python's cryptography 48.0.0.
  const auto empty = sealed({}, key_of(1));
  EXPECT_EQ(to_hex(empty.at(0)), "f737e3e87d5ecf77de08a5fe783e7a40");
  const auto text = sealed(to_bytes("Hello"), key_of(1));
  EXPECT_EQ(to_hex(text.at(0)), "f3bffcebb3539a2567c02f11c0dbf372d1f2c737bd");
}

TEST(FileSeal, SizesThatNoFileHas) {
  const std::int64_t large = sealed_size(std::int64_t{1} << 53);  // more than a JSON number tells
  for (const std::int64_t size :
       {-1L, 0L, 15L, 65'536L + 15, 2 * 65'536L + 1, large, INT64_MAX, INT64_MIN})
    EXPECT_FALSE(plain_size(size)) << size;
  EXPECT_FALSE(FileSeal::make(Secret::copy_of(Bytes(16, 1))));
}

}  // namespace
}  // namespace dim
