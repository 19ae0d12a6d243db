#include "dim/crypto/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/os_random.h"

namespace dim {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Equatable = requires(const T& a, const T& b) { a == b; };

// What must not compile, stated as what may not be true (A38, A43).
static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);
static_assert(!Streamable<Secret>);
static_assert(!Equatable<Secret>,
              "== takes a time that depends on the bytes; equal_secret does not");
static_assert(!std::is_convertible_v<Secret, ByteView>, "a secret is read by name only");
static_assert(!std::is_convertible_v<Secret, Bytes>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<ByteView, Secret>);
static_assert(!std::is_convertible_v<std::size_t, Secret>);
static_assert(!std::is_copy_constructible_v<EcPrivateKey>);
static_assert(!Streamable<EcPrivateKey>);
static_assert(!Streamable<RsaPrivateKey>);
// A key that exists has passed its checks: there are no empty ones.
static_assert(!std::is_default_constructible_v<RsaPublicKey>);
static_assert(!std::is_default_constructible_v<RsaPrivateKey>);
static_assert(!std::is_default_constructible_v<EcPublicKey>);
static_assert(!std::is_default_constructible_v<EcPrivateKey>);
// The detectors themselves: they would accept an ordinary type.
static_assert(Streamable<std::string> && Equatable<Bytes> &&
              std::is_convertible_v<Bytes, ByteView>);

TEST(Secret, StartsAsZeros) {
  const Secret secret(40);
  EXPECT_EQ(secret.size(), 40U);
  EXPECT_EQ(Bytes(secret.view().begin(), secret.view().end()), Bytes(40, 0));
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret(0).empty());
}

TEST(Secret, MovingLeavesNothingBehind) {
  Secret first = Secret::copy_of(as_bytes("top secret"));
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(as_text(second.view()), "top secret");
  Secret third = Secret::copy_of(as_bytes("other"));
  third = std::move(second);
  EXPECT_EQ(as_text(third.view()), "top secret");
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  Secret& same = third;
  third = std::move(same);
  EXPECT_EQ(as_text(third.view()), "top secret");
}

TEST(Secret, CloneOwnsItsBytes) {
  Secret first = Secret::copy_of(as_bytes("abc"));
  const Secret second = first.clone();
  first.writable()[0] = 'x';
  EXPECT_EQ(as_text(second.view()), "abc");
  first.wipe();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(as_text(second.view()), "abc");
}

TEST(Secret, WipingOverwritesTheBytes) {
  Bytes bytes = to_bytes("to be forgotten");
  wipe(bytes);
  EXPECT_EQ(bytes, Bytes(15, 0));
  std::string text = "a passphrase that is too long for the small buffer of a string";
  const char* const at = text.data();
  const std::size_t size = text.size();
  wipe(text);
  EXPECT_TRUE(text.empty());
  // Capacity is kept, so the old place still belongs to the string; what stood there is gone.
  text.resize(size);
  EXPECT_EQ(text.data(), at);
  EXPECT_EQ(text.find("passphrase"), std::string::npos);
  wipe(std::span<std::uint8_t>());
}

TEST(Secret, ComparesWholeContents) {
  const Bytes a = {1, 2, 3};
  EXPECT_TRUE(equal_secret(a, Bytes{1, 2, 3}));
  EXPECT_FALSE(equal_secret(a, Bytes{1, 2, 4}));
  EXPECT_FALSE(equal_secret(a, Bytes{0, 2, 3}));
  EXPECT_FALSE(equal_secret(a, Bytes{1, 2}));
  EXPECT_FALSE(equal_secret(a, {}));
  EXPECT_TRUE(equal_secret({}, {}));
}

TEST(OsRandom, A24_GivesOtherBytesEveryTime) {
  OsRandom random;
  EXPECT_NE(random.array<32>(), random.array<32>());
  EXPECT_NE(random.u64(), random.u64());
  const Secret a = Secret::random(64, random);
  const Secret b = Secret::random(64, random);
  EXPECT_EQ(a.size(), 64U);
  EXPECT_FALSE(equal_secret(a.view(), b.view()));
  random.fill({});
}

TEST(OsRandom, A24_EveryByteValueComesAboutAsOftenAsAnother) {
  OsRandom random;
  std::array<double, 256> counts{};
  constexpr int rounds = 64;
  for (int i = 0; i < rounds; ++i) {
    for (const std::uint8_t byte : random.array<4096>()) ++counts[byte];
  }
  // Chi square with 255 degrees of freedom: above 420 once in 10^10 runs.
  const double expected = rounds * 4096 / 256.0;
  double chi_square = 0;
  for (const double count : counts)
    chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 420);
}

}  // namespace
}  // namespace dim
