#include <gtest/gtest.h>

#include "dim/base/hex.h"
#include "dim/crypto/asymmetric.h"
#include "dim/crypto/der.h"
#include "dim/crypto/os_random.h"
#include "dim/crypto/pem.h"

namespace dim {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// Made with the openssl program for these tests; the scalar and the point as it prints them.
constexpr std::string_view kScalar =
    "128c4118b59d8b8fb5a526dac51cc9600262853e8d58da30b2b71aaaea3ee1f7";
constexpr std::string_view kX = "f1864ff68834d8b16635c95f9c14b83d2e38161e1ae503a41c000002d56f466c";
constexpr std::string_view kY = "f5fc29d84b41d06ff97be2a40f5cf6fab398f5bbf84576c4a496576 6b7effab9";
constexpr std::string_view kSec1 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHQCAQEEIBKMQRi1nYuPtaUm2sUcyWACYoU+jVjaMLK3GqrqPuH3oAcGBSuBBAAK\n"
    "oUQDQgAE8YZP9og02LFmNclfnBS4PS44Fh4a5QOkHAAAAtVvRmz1/CnYS0HQb/l7\n"
    "4qQPXPb6s5j1u/hFdsSklldmt+/6uQ==\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr std::string_view kPkcs8 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgEoxBGLWdi4+1pSbaxRzJ\n"
    "YAJihT6NWNowsrcaquo+4fehRANCAATxhk/2iDTYsWY1yV+cFLg9LjgWHhrlA6Qc\n"
    "AAAC1W9GbPX8KdhLQdBv+XvipA9c9vqzmPW7+EV2xKSWV2a37/q5\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view kSpki =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE8YZP9og02LFmNclfnBS4PS44Fh4a5QOk\n"
    "HAAAAtVvRmz1/CnYS0HQb/l74qQPXPb6s5j1u/hFdsSklldmt+/6uQ==\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kSpkiCompressed =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDYwEAYHKoZIzj0CAQYFK4EEAAoDIgAD8YZP9og02LFmNclfnBS4PS44Fh4a5QOk\n"
    "HAAAAtVvRmw=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kP256Sec1 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEICqHC+kceB2jhGeDlcboIjdk9HOWhToj991IRhb8gCS+oAoGCCqGSM49\n"
    "AwEHoUQDQgAEexoStM3UyaMVZiLTdBRjMUKHWDNzXNhRgqp2c/JpgGG/ll6bqglg\n"
    "2il8bBLOiZdv4pPTVfihgau9E6KxjoKsZw==\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr std::string_view kP256Pkcs8 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKocL6Rx4HaOEZ4OV\n"
    "xugiN2T0c5aFOiP33UhGFvyAJL6hRANCAAR7GhK0zdTJoxVmItN0FGMxQodYM3Nc\n"
    "2FGCqnZz8mmAYb+WXpuqCWDaKXxsEs6Jl2/ik9NV+KGBq70TorGOgqxn\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view kP256Spki =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEexoStM3UyaMVZiLTdBRjMUKHWDNz\n"
    "XNhRgqp2c/JpgGG/ll6bqglg2il8bBLOiZdv4pPTVfihgau9E6KxjoKsZw==\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kP256Point =
    "047b1a12b4cdd4c9a3156622d3741463314287583373 "
    "5cd85182aa7673f2698061bf965e9baa0960da297c6c12ce89976fe293d355f8a181abbd13a2b18e82ac67";
// Order of the group (SEC 2 section 2.4.1).
constexpr std::string_view kOrder =
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

std::string without_spaces(std::string_view text) {
  std::string out(text);
  std::erase(out, ' ');
  return out;
}
Bytes point() { return hex("04" + without_spaces(kX) + without_spaces(kY)); }
EcPrivateKey private_key() { return std::move(EcPrivateKey::from_scalar(hex(kScalar)).value()); }

/// a - b for numbers of 32 bytes with a >= b.
Bytes subtract(ByteView a, ByteView b) {
  Bytes out(32);
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int digit = a[i] - b[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    out[i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  return out;
}

/// 32 bytes of a number.
Bytes padded(ByteView magnitude) {
  Bytes out(32 - magnitude.size(), 0);
  out.insert(out.end(), magnitude.begin(), magnitude.end());
  return out;
}
ByteView trimmed(ByteView number) {
  while (!number.empty() && number[0] == 0) number = number.subspan(1);
  return number;
}

struct Pair {
  Bytes r, s;  // 32 bytes each
};
Pair read_signature(ByteView signature) {
  der::Reader outer(signature);
  der::Reader pair(outer.next(der::kSequence));
  Pair out{padded(pair.integer()), padded(pair.integer())};
  EXPECT_TRUE(pair.done() && outer.done());
  return out;
}
Bytes write_signature(ByteView r, ByteView s) {
  return der::element(der::kSequence, {der::integer(trimmed(r)), der::integer(trimmed(s))});
}

TEST(EcKey, ReadsEveryFormAsTheSameKey) {
  for (const std::string_view pem : {kSec1, kPkcs8}) {
    const auto key = EcPrivateKey::from_pem(pem);
    ASSERT_TRUE(key) << to_string(key.error());
    EXPECT_EQ(to_hex(key->scalar().view()), kScalar);
    EXPECT_EQ(key->public_key().point(), point());
  }
  for (const std::string_view pem : {kSpki, kSpkiCompressed}) {
    const auto key = EcPublicKey::from_pem(pem);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->point(), point());
    EXPECT_EQ(to_hex(key->compressed()), "03" + std::string(kX));
  }
  const Bytes full = point();
  for (const Bytes& form :
       {full, Bytes(full.begin() + 1, full.end()), hex("03" + std::string(kX))}) {
    const auto key = EcPublicKey::from_point(form);
    ASSERT_TRUE(key) << form.size();
    EXPECT_EQ(key->point(), full);
  }
  EXPECT_NE(EcPublicKey::from_point(hex("02" + std::string(kX)))->point(), full);
}

TEST(EcKey, WritesWhatOpensslWrites) {
  EXPECT_EQ(as_text(private_key().pem().view()), kPkcs8);
  EXPECT_EQ(private_key().public_key().pem(), kSpki);
}

TEST(EcKey, ReadsWhatTheReferenceWrites) {
  // Its PKCS#8 has version 1.
  auto der = pem_body(kPkcs8, {"PRIVATE KEY"});
  ASSERT_TRUE(der);
  Bytes changed(der->der.view().begin(), der->der.view().end());
  ASSERT_EQ(changed[5], 0);
  changed[5] = 1;
  const auto key = EcPrivateKey::from_pem(as_text(make_pem("PRIVATE KEY", changed).view()));
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->scalar().view()), kScalar);
  changed[5] = 2;
  EXPECT_FALSE(EcPrivateKey::from_pem(as_text(make_pem("PRIVATE KEY", changed).view())));
}

TEST(EcKey, S09_RefusesPointsThatAreNotOnTheCurve) {
  Bytes off = point();
  off.back() ^= 0x01;
  const Bytes all_ones(32, 0xFF);
  Bytes beyond = {0x02};
  beyond.insert(beyond.end(), all_ones.begin(), all_ones.end());  // X is not below p
  Bytes hybrid = point();
  hybrid[0] = 0x07;  // Y is odd, so libsecp256k1 alone would take it
  Bytes wrong_tag = point();
  wrong_tag[0] = 0x05;
  const Bytes zeros(65, 0);
  Bytes zero_xy = zeros;
  zero_xy[0] = 0x04;
  for (const Bytes& bad :
       {off, beyond, hybrid, wrong_tag, zeros, zero_xy, Bytes(64, 0), Bytes(33, 0), Bytes{0x00},
        Bytes{}, Bytes(66, 4), hex(without_spaces(kP256Point)),
        hex("02"
            "0000000000000000000000000000000000000000000000000000000000000005")}) {
    const auto key = EcPublicKey::from_point(bad);
    ASSERT_FALSE(key) << to_hex(bad);
    EXPECT_EQ(key.error().code, Errc::key);
  }
}

TEST(EcKey, S09_RefusesP256InPlaceOfSecp256k1) {
  EXPECT_FALSE(EcPublicKey::from_pem(kP256Spki));
  EXPECT_FALSE(EcPrivateKey::from_pem(kP256Pkcs8));
  EXPECT_FALSE(EcPrivateKey::from_pem(kP256Sec1));
}

TEST(EcKey, RefusesScalarsOutsideTheGroup) {
  for (const std::string_view scalar :
       {std::string_view("0000000000000000000000000000000000000000000000000000000000000000"),
        kOrder,
        std::string_view("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        std::string_view("01"), std::string_view("")}) {
    EXPECT_FALSE(EcPrivateKey::from_scalar(hex(scalar))) << scalar;
  }
  EXPECT_TRUE(EcPrivateKey::from_scalar(
      hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140")));
  EXPECT_FALSE(EcPrivateKey::from_scalar(hex(std::string(kScalar) + "00")));
}

TEST(EcKey, RefusesEveryTruncatedOrPaddedDer) {
  const auto body = pem_body(kSpki, {"PUBLIC KEY"});
  const ByteView spki = body->der.view();
  for (std::size_t size = 0; size < spki.size(); ++size)
    EXPECT_FALSE(EcPublicKey::from_der(spki.first(size)));
  Bytes longer(spki.begin(), spki.end());
  longer.push_back(0);
  EXPECT_FALSE(EcPublicKey::from_der(longer));
  EXPECT_TRUE(EcPublicKey::from_der(spki));

  for (const auto& [pem, label] : {std::pair{kSec1, std::string_view("EC PRIVATE KEY")},
                                   {kPkcs8, std::string_view("PRIVATE KEY")}}) {
    const auto whole = pem_body(pem, {label});
    for (std::size_t size = 1; size < whole->der.size(); ++size) {
      EXPECT_FALSE(
          EcPrivateKey::from_pem(as_text(make_pem(label, whole->der.view().first(size)).view())))
          << size;
    }
    Bytes trailing(whole->der.view().begin(), whole->der.view().end());
    trailing.push_back(0);
    EXPECT_FALSE(EcPrivateKey::from_pem(as_text(make_pem(label, trailing).view())));
  }
}

TEST(EcKey, RefusesAPrivateKeyWithThePublicHalfOfAnother) {
  const auto whole = pem_body(kSec1, {"EC PRIVATE KEY"});
  Bytes der(whole->der.view().begin(), whole->der.view().end());
  const Bytes other = EcPrivateKey::from_scalar(
                          hex("0000000000000000000000000000000000000000000000000000000000000007"))
                          ->public_key()
                          .point();
  std::ranges::copy(other, der.end() - 65);
  EXPECT_FALSE(EcPrivateKey::from_pem(as_text(make_pem("EC PRIVATE KEY", der).view())));
  std::ranges::copy(point(), der.end() - 65);
  EXPECT_TRUE(EcPrivateKey::from_pem(as_text(make_pem("EC PRIVATE KEY", der).view())));
}

TEST(EcKey, GeneratedKeysDifferAndWork) {
  OsRandom random;
  const EcPrivateKey a = EcPrivateKey::generate(random);
  const EcPrivateKey b = EcPrivateKey::generate(random);
  EXPECT_NE(a.public_key().point(), b.public_key().point());
  const Bytes signature = a.sign(as_bytes("x"));
  EXPECT_TRUE(a.public_key().verify(as_bytes("x"), signature));
  EXPECT_FALSE(b.public_key().verify(as_bytes("x"), signature));
  EXPECT_EQ(a.clone().sign(as_bytes("x")), signature);
  EXPECT_EQ(EcPrivateKey::from_pem(as_text(a.pem().view()))->public_key().point(),
            a.public_key().point());
}

TEST(Ecdsa, SignsAsRfc6979WithLowS) {
  // Published for the private key 1 on secp256k1 with SHA-256 by several Bitcoin libraries.
  const auto key = EcPrivateKey::from_scalar(
      hex("0000000000000000000000000000000000000000000000000000000000000001"));
  ASSERT_TRUE(key);
  struct Vector {
    std::string_view text, r, s;
  };
  for (const auto& [text, r, s] : {
           Vector{"Satoshi Nakamoto",
                  "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8",
                  "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
           Vector{"All those moments will be lost in time, like tears in rain. Time to die...",
                  "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b",
                  "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
       }) {
    const Bytes signature = key->sign(as_bytes(text));
    EXPECT_EQ(to_hex(read_signature(signature).r), r);
    EXPECT_EQ(to_hex(read_signature(signature).s), s);
    EXPECT_TRUE(key->public_key().verify(as_bytes(text), signature));
  }
}

TEST(Ecdsa, VerifiesOnlyItsOwnData) {
  const EcPrivateKey key = private_key();
  const Bytes signature = key.sign(as_bytes("sign me"));
  EXPECT_TRUE(key.public_key().verify(as_bytes("sign me"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("sign me."), signature));
  EXPECT_FALSE(key.public_key().verify({}, signature));
  EXPECT_TRUE(key.public_key().verify({}, key.sign({})));
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    Bytes changed = signature;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(key.public_key().verify(as_bytes("sign me"), changed)) << bit;
  }
}

TEST(Ecdsa, A07_HighSIsAcceptedAndNeverWritten) {
  const EcPrivateKey key = private_key();
  const Bytes half = hex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
  for (const std::string_view text : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    const auto [r, s] = read_signature(key.sign(as_bytes(text)));
    EXPECT_LE(s, half);
    const Bytes high = write_signature(r, subtract(hex(kOrder), s));
    EXPECT_TRUE(key.public_key().verify(as_bytes(text), high));
  }
}

TEST(Ecdsa, A07_J14_RefusesEveryOtherEncoding) {
  const EcPublicKey key = private_key().public_key();
  const ByteView data = as_bytes("sign me");
  // r and s of 31 to 33 bytes occur; this one has the plain shape, so that each change below is the
  // only one.
  std::string text;
  Pair pair;
  Bytes good;
  for (int i = 0;; ++i) {
    text = "sign me " + std::to_string(i);
    good = private_key().sign(as_bytes(text));
    pair = read_signature(good);
    if (pair.r[0] != 0 && pair.r[0] < 0x80 && pair.s[0] != 0) break;
  }
  ASSERT_EQ(good.size(), 70U);
  const auto verify = [&](const Bytes& signature) { return key.verify(as_bytes(text), signature); };
  ASSERT_TRUE(verify(good));
  ASSERT_TRUE(verify(write_signature(pair.r, pair.s)));

  const auto sequence = [](std::initializer_list<Bytes> parts) {
    Bytes contents;
    for (const Bytes& part : parts) contents.insert(contents.end(), part.begin(), part.end());
    return der::element(der::kSequence, {contents});
  };
  const Bytes r = der::integer(pair.r);
  const Bytes s = der::integer(pair.s);
  const auto raw_integer = [](Bytes contents) { return der::element(der::kInteger, {contents}); };
  const auto prefixed = [](std::uint8_t byte, Bytes rest) {
    rest.insert(rest.begin(), byte);
    return rest;
  };
  Bytes trailing = good;
  trailing.push_back(0);
  Bytes long_form = {0x30, 0x81, 0x44};  // a length below 128 in two bytes
  long_form.insert(long_form.end(), good.begin() + 2, good.end());
  Bytes indefinite = {0x30, 0x80};
  indefinite.insert(indefinite.end(), good.begin() + 2, good.end());
  indefinite.insert(indefinite.end(), {0, 0});
  Bytes long_integer = {0x02, 0x81, 0x20};
  long_integer.insert(long_integer.end(), pair.r.begin(), pair.r.end());
  Bytes negative = pair.r;
  negative[0] |= 0x80;
  Bytes raw = pair.r;
  raw.insert(raw.end(), pair.s.begin(), pair.s.end());
  const Bytes order = hex(kOrder);
  Bytes s_plus_order = prefixed(0, pair.s);
  int carry = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int sum = s_plus_order[i + 1] + order[i] + carry;
    s_plus_order[i + 1] = static_cast<std::uint8_t>(sum);
    carry = sum >> 8;
  }
  s_plus_order[0] = static_cast<std::uint8_t>(carry);
  const Bytes zero = {0x02, 0x01, 0x00};
  const std::vector<std::pair<std::string, Bytes>> bad = {
      {"trailing byte", trailing},
      {"trailing byte inside", sequence({r, s, Bytes{0}})},
      {"third integer", sequence({r, s, zero})},
      {"one integer", sequence({r})},
      {"empty sequence", sequence({})},
      {"long form", long_form},
      {"indefinite length", indefinite},
      {"long form of an integer", sequence({long_integer, s})},
      {"leading zero in r", sequence({raw_integer(prefixed(0, pair.r)), s})},
      {"leading zero in s", sequence({r, raw_integer(prefixed(0, Bytes(trimmed(pair.s).begin(),
                                                                       trimmed(pair.s).end())))})},
      {"negative r", sequence({raw_integer(negative), s})},
      {"r = 0", sequence({zero, s})},
      {"s = 0", sequence({r, zero})},
      {"r without bytes", sequence({raw_integer({}), s})},
      {"r = n", sequence({der::integer(order), s})},
      {"s = n", sequence({r, der::integer(order)})},
      {"s + n", sequence({r, der::integer(trimmed(s_plus_order))})},
      {"r of 40 bytes", sequence({raw_integer(Bytes(40, 0x11)), s})},
      {"set instead of sequence", der::element(0x31, {r, s})},
      {"octet strings", sequence({der::element(der::kOctetString, {pair.r}), s})},
      {"raw r and s", raw},
      {"nothing", {}},
  };
  // "leading zero in s" is one only if s has no top bit, and low s never has it.
  for (const auto& [what, signature] : bad) EXPECT_FALSE(verify(signature)) << what;
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(verify(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))))
        << size;
  EXPECT_FALSE(key.verify(data, good));
}

}  // namespace
}  // namespace dim
