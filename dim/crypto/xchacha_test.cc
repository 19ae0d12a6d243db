#include "dim/crypto/xchacha.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim {
namespace {

Bytes row(int from, int count) {
  Bytes out;
  for (int i = 0; i < count; ++i) out.push_back(static_cast<std::uint8_t>(from + i));
  return out;
}

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
TEST(XChaCha, SealsAsTheDraftSays) {
  const Bytes plain = to_bytes(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.");
  const Bytes ad = from_hex("50515253c0c1c2c3c4c5c6c7").value();
  const Bytes sealed = xchacha_seal(row(0x80, 32), row(0x40, 24), ad, plain);
  EXPECT_EQ(to_hex(sealed),
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a8"
            "2f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369"
            "488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf"
            "49");
  const auto opened = xchacha_open(row(0x80, 32), row(0x40, 24), ad, sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_text(opened->view()), to_text(plain));
}

TEST(XChaCha, NothingThatWasChangedOpens) {
  const Bytes key = row(1, 32);
  const Bytes nonce = row(2, 24);
  const Bytes ad = row(3, 7);
  const Bytes sealed = xchacha_seal(key, nonce, ad, row(4, 20));
  const auto refused = [&](const Bytes& k, const Bytes& n, const Bytes& a, const Bytes& s) {
    const auto out = xchacha_open(k, n, a, s);
    return !out && out.error().code == Errc::decrypt;
  };
  EXPECT_FALSE(refused(key, nonce, ad, sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes wrong = sealed;
    wrong[i] ^= 0x80;
    EXPECT_TRUE(refused(key, nonce, ad, wrong)) << i;
    EXPECT_TRUE(
        refused(key, nonce, ad, Bytes(sealed.begin(), sealed.begin() + static_cast<long>(i))))
        << i;
  }
  EXPECT_TRUE(refused(row(2, 32), nonce, ad, sealed));
  EXPECT_TRUE(refused(key, row(3, 24), ad, sealed));
  EXPECT_TRUE(refused(key, nonce, row(3, 6), sealed));
}

TEST(XChaCha, SealsNothingToo) {
  const Bytes sealed = xchacha_seal(row(1, 32), row(2, 24), {}, {});
  EXPECT_EQ(sealed.size(), kXChaChaTag);
  const auto opened = xchacha_open(row(1, 32), row(2, 24), {}, sealed);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->empty());
}

}  // namespace
}  // namespace dim
