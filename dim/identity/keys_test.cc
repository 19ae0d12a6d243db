#include "dim/identity/keys.h"

#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/crypto/os_random.h"
#include "testing/keys.h"

namespace dim {
namespace {

using testing::account;

PublicKey rsa_key() { return *PublicKey::parse(*account("rsauser", "meta").find("key")->object()); }

JsonObject key_object(std::string_view algorithm, std::string_view data) {
  JsonObject object;
  object.set("algorithm", algorithm);
  object.set("data", data);
  return object;
}

JsonObject aes(const Bytes& bytes) { return key_object("AES", to_base64(bytes)); }

TEST(PublicKey, EccFormsAreOneKey) {
  OsRandom random;
  const PublicKey key = PrivateKey::generate_ec(random).public_key();
  const std::string hex = to_hex(key.data());
  ASSERT_EQ(hex.size(), 130U);
  const std::string compressed =
      to_hex(*EcPublicKey::from_point(key.data())->compressed().begin() == 2 ? Bytes{2}
                                                                             : Bytes{3}) +
      hex.substr(2, 64);
  for (const std::string& data : {hex, hex.substr(2), compressed, *key.json().text("data")}) {
    const auto parsed = PublicKey::parse(key_object("ECC", data));
    ASSERT_TRUE(parsed) << data;
    EXPECT_EQ(parsed->data(), key.data());
    EXPECT_FALSE(parsed->can_encrypt());
  }
}

TEST(PublicKey, CompressedFlagChangesWhatAddressesAreMadeOf) {
  OsRandom random;
  JsonObject object = PrivateKey::generate_ec(random).public_key().json();
  object.set("compressed", true);
  EXPECT_EQ(PublicKey::parse(object)->data().size(), 33U);
}

TEST(PublicKey, SignaturesOfBothAlgorithmsVerify) {
  OsRandom random;
  const auto rsa = PrivateKey::generate_rsa(2048);
  ASSERT_TRUE(rsa);
  const PrivateKey ec = PrivateKey::generate_ec(random);
  const Bytes data = to_bytes("data");
  for (const PrivateKey* own : {&ec, &*rsa}) {
    const auto key = PublicKey::parse(own->public_key().json());
    ASSERT_TRUE(key);
    Bytes signature = own->sign(data);
    EXPECT_TRUE(key->verify(data, signature));
    EXPECT_FALSE(key->verify(to_bytes("other"), signature));
    signature[signature.size() / 2] ^= 1;
    EXPECT_FALSE(key->verify(data, signature));
  }
}

TEST(PublicKey, J13_EmptyAndForeignSignaturesAreFalse) {
  OsRandom random;
  for (const PublicKey& key : {PrivateKey::generate_ec(random).public_key(), rsa_key()}) {
    EXPECT_FALSE(key.verify(as_bytes("data"), {}));
    EXPECT_FALSE(key.verify({}, {}));
    EXPECT_FALSE(key.verify(as_bytes("data"), Bytes(127)));
    EXPECT_FALSE(key.verify(as_bytes("data"), Bytes(128)));
    EXPECT_FALSE(key.verify(as_bytes("data"), Bytes(129)));
  }
}

TEST(PublicKey, I09_UnknownAlgorithmIs401) {
  for (const std::string_view algorithm : {"XYZ", "AES", "PLAIN", "ecc", ""}) {
    const auto key = PublicKey::parse(key_object(algorithm, "00"));
    ASSERT_FALSE(key);
    EXPECT_EQ(status_of(key.error().code), 401) << algorithm;
  }
  EXPECT_FALSE(PublicKey::parse({}));
}

TEST(PublicKey, A02_RsaExponentMustBe65537) {
  const Bytes modulus = testing::modulus_of(rsa_key());
  const auto control = PublicKey::parse(testing::rsa_object(modulus, {1, 0, 1}));
  ASSERT_TRUE(control) << to_string(control.error())
                       << ": the objects of this test are well formed";
  EXPECT_EQ(control->data(), rsa_key().data());

  OsRandom random;
  Bytes large(127);
  random.fill(large);
  large.front() |= 0x40;
  large.back() |= 1;
  for (const Bytes& exponent :
       {large, Bytes{3}, Bytes{1}, Bytes{1, 0, 0}, Bytes{1, 0, 3}, Bytes{1, 0, 0, 0, 1}}) {
    const auto key = PublicKey::parse(testing::rsa_object(modulus, exponent));
    ASSERT_FALSE(key);
    EXPECT_EQ(status_of(key.error().code), 402);
  }
}

TEST(PublicKey, S08_RsaModulusMustBeOddAndOfARightSize) {
  Bytes modulus = testing::modulus_of(rsa_key());
  EXPECT_FALSE(
      PublicKey::parse(testing::rsa_object(Bytes(modulus.end() - 64, modulus.end()), {1, 0, 1})))
      << "512 bits";
  Bytes giant(16'385 / 8 + 1, 0xFF);
  EXPECT_FALSE(PublicKey::parse(testing::rsa_object(giant, {1, 0, 1})));
  modulus.back() &= 0xFE;
  EXPECT_FALSE(PublicKey::parse(testing::rsa_object(modulus, {1, 0, 1}))) << "even";
}

TEST(PublicKey, S09_RefusesPointsOffTheCurve) {
  OsRandom random;
  std::string hex = to_hex(PrivateKey::generate_ec(random).public_key().data());
  hex.back() = hex.back() == '0' ? '1' : '0';
  EXPECT_FALSE(PublicKey::parse(key_object("ECC", hex)));
  EXPECT_FALSE(PublicKey::parse(key_object("ECC", "00")));
  EXPECT_FALSE(PublicKey::parse(key_object("ECC", "04" + std::string(128, '0'))));
  constexpr std::string_view kP256 =
      "-----BEGIN PUBLIC "
      "KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
      "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
  EXPECT_FALSE(PublicKey::parse(key_object("ECC", kP256))) << "P-256 is another curve";
}

TEST(PublicKey, I12_RefusesPrivateKeysAndSaysSo) {
  for (const std::string_view name : {"identity_private_key", "message_private_key"}) {
    const auto key = PublicKey::parse(account("alice", name));
    ASSERT_FALSE(key);
    EXPECT_EQ(status_of(key.error().code), 402);
    EXPECT_THAT(std::string(key.error().hint), ::testing::HasSubstr("private key"));
  }
  const auto scalar = PublicKey::parse(key_object("ECC", std::string(64, '1')));
  ASSERT_FALSE(scalar);
  EXPECT_THAT(std::string(scalar.error().hint), ::testing::HasSubstr("private key"));
}

TEST(PublicKey, WritesKeySizeInBytes) {
  const auto own = PrivateKey::generate_rsa(2048);
  ASSERT_TRUE(own);
  EXPECT_EQ(*own->public_key().json().find("keySize"), Json(256));
}

TEST(PrivateKey, ComesBackFromItsJson) {
  OsRandom random;
  const auto rsa = PrivateKey::generate_rsa(2048);
  ASSERT_TRUE(rsa);
  const PrivateKey ec = PrivateKey::generate_ec(random);
  for (const PrivateKey* own : {&ec, &*rsa}) {
    const auto object = parse_json_object(as_text(own->json().view()));
    ASSERT_TRUE(object);
    const auto again = PrivateKey::parse(*object);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->public_key().data(), own->public_key().data());
    EXPECT_EQ(to_hex(again->data().view()), to_hex(own->data().view()));
  }
}

TEST(PrivateKey, OnlyRsaDecrypts) {
  OsRandom random;
  const auto rsa = PrivateKey::generate_rsa(2048);
  ASSERT_TRUE(rsa);
  const SymmetricKey key = SymmetricKey::generate(random);
  const auto cipher = rsa->public_key().encrypt(key.json().view(), random);
  ASSERT_TRUE(cipher);
  const auto plain = rsa->decrypt(*cipher);
  ASSERT_TRUE(plain);
  EXPECT_EQ(as_text(plain->view()), as_text(key.json().view()));
  const PrivateKey ec = PrivateKey::generate_ec(random);
  EXPECT_FALSE(ec.decrypt(*cipher));
  EXPECT_FALSE(ec.public_key().encrypt(as_bytes("x"), random));
}

TEST(SymmetricKey, ComesBackFromItsJsonOf76Bytes) {
  OsRandom random;
  const SymmetricKey key = SymmetricKey::generate(random);
  const Secret text = key.json();
  EXPECT_EQ(text.size(), 76U) << "the size that an RSA key of 1024 bits has room for";
  const auto again = SymmetricKey::parse(*parse_json_object(as_text(text.view())));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_hex(again->data()), to_hex(key.data()));
  EXPECT_TRUE(again->decrypt(*key.encrypt(as_bytes("hello"), AesIv{}), AesIv{}));
}

TEST(SymmetricKey, TakesShortNames) {
  JsonObject object;
  object.set("A", "AES");
  object.set("D", to_base64(Bytes(32, 7)));
  EXPECT_TRUE(SymmetricKey::parse(object));
  object.set("data", to_base64(Bytes(32, 7)));
  EXPECT_FALSE(SymmetricKey::parse(object)) << "both forms at once";
}

TEST(SymmetricKey, A06_TakesAes256CbcOnly) {
  EXPECT_TRUE(SymmetricKey::parse(aes(Bytes(32))));
  std::vector<JsonObject> objects = {key_object("PLAIN", ""),
                                     key_object("DES", to_base64(Bytes(8))),
                                     aes(Bytes(16)),
                                     aes(Bytes(24)),
                                     aes(Bytes(31)),
                                     aes(Bytes(33)),
                                     aes({}),
                                     key_object("AES", "!"),
                                     JsonObject()};
  JsonObject ecb = aes(Bytes(32));
  ecb.set("mode", "ECB");
  objects.push_back(ecb);
  JsonObject padding = aes(Bytes(32));
  padding.set("padding", "NoPadding");
  objects.push_back(padding);
  for (const JsonObject& object : objects) {
    const auto key = SymmetricKey::parse(object);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error(), SymmetricKey::parse(key_object("PLAIN", "")).error());
    EXPECT_EQ(key.error().hint, SymmetricKey::parse(key_object("PLAIN", "")).error().hint)
        << "J17: one error for all";
  }
}

TEST(SymmetricKey, A06_SizeInBitsIsIgnored) {
  JsonObject object = aes(Bytes(32));
  object.set("sizeInBits", 128);
  EXPECT_EQ(SymmetricKey::parse(object)->data().size(), 32U);
}

TEST(FindIv, TakesMessageBeforeKeyAndUpperBeforeLower) {
  const auto iv = [](std::uint8_t byte) {
    AesIv out;
    out.fill(byte);
    return out;
  };
  JsonObject key_with_iv = aes(Bytes(32));
  key_with_iv.set("iv", to_base64(iv(1)));
  const auto plain = SymmetricKey::parse(aes(Bytes(32)));
  const auto key = SymmetricKey::parse(key_with_iv);
  ASSERT_TRUE(plain && key);
  JsonObject message;
  EXPECT_EQ(find_iv(message, *plain), AesIv{});
  EXPECT_EQ(find_iv(message, *key), iv(1));
  message.set("iv", to_base64(iv(2)));
  EXPECT_EQ(find_iv(message, *key), iv(2));
  message.set("IV", to_base64(iv(3)));
  EXPECT_EQ(find_iv(message, *key), iv(3));
  message.set("IV", nullptr);
  EXPECT_EQ(find_iv(message, *key), iv(2));
}

TEST(FindIv, J19_RefusesWrongSizes) {
  const auto key = SymmetricKey::parse(aes(Bytes(32)));
  for (const std::size_t size : {std::size_t{15}, std::size_t{17}, std::size_t{8}}) {
    JsonObject message;
    message.set("IV", to_base64(Bytes(size)));
    EXPECT_EQ(find_iv(message, *key).error().code, Errc::decrypt);
  }
  JsonObject message;
  message.set("IV", "not base64!");
  EXPECT_EQ(find_iv(message, *key).error().code, Errc::decrypt);
}

TEST(DecryptFile, NeedsKeyAndWholeBlocks) {
  OsRandom random;
  const SymmetricKey key = SymmetricKey::generate(random);
  const AesIv iv = random.array<16>();
  JsonObject content;
  Bytes cipher = *key.encrypt(as_bytes("a picture"), iv);
  EXPECT_EQ(decrypt_file(content, cipher).error().code, Errc::key);
  content.set("key", *parse_json(as_text(key.json().view())));
  content.set("IV", to_base64(iv));
  const auto plain = decrypt_file(content, cipher);
  ASSERT_TRUE(plain);
  EXPECT_EQ(as_text(plain->view()), "a picture");
  cipher.pop_back();
  EXPECT_EQ(decrypt_file(content, cipher).error().code, Errc::decrypt);
}

}  // namespace
}  // namespace dim
