#include "dim/crypto/sha256.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

TEST(Sha256, PartsGiveWhatTheWholeGives) {
  Bytes data(200'003);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  for (const std::size_t part : {1'000'000UL, 65'536UL, 63UL}) {
    Sha256 hash;
    for (std::size_t at = 0; at < data.size(); at += part)
      hash.add(ByteView(data).subspan(at, std::min(part, data.size() - at)));
    EXPECT_EQ(hash.finish(), sha256(data)) << part;
  }
}

TEST(Sha256, OfNothing) { EXPECT_EQ(Sha256().finish(), sha256(ByteView{})); }

}  // namespace
}  // namespace dim
