// Kinds of symmetric*.json, asymmetric*.json and digests*.json.
#include <algorithm>

#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/os_random.h"
#include "dim/identity/keys.h"
#include "dim/identity/ted.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

Outcome compare_expected(const Case& test, const JsonObject& got) {
  const JsonObject* expected = test.expected.object();
  return expected != nullptr ? compare_members(*expected, got, {"reference_result_hex"})
                             : std::nullopt;
}

// Outcome of something that gives bytes: the verdict, then the bytes as hex under `name`.
template <class T>
Outcome compare_bytes(const Case& test, std::string_view name, const Result<T>& bytes) {
  if (auto wrong = check_verdict(test, bytes.has_value())) return wrong;
  JsonObject got;
  if constexpr (std::is_same_v<T, Secret>) {
    got.set(name, bytes ? Json(to_hex(bytes->view())) : Json());
  } else {
    got.set(name, bytes ? Json(to_hex(*bytes)) : Json());
  }
  return compare_expected(test, got);
}

Outcome digest(const Case& test, const Accounts&) {
  const Bytes data = hex_member(test.input, "data_hex");
  JsonObject got;
  got.set("md5", to_hex(md5(data)));
  got.set("sha1", to_hex(sha1(data)));
  got.set("sha256", to_hex(sha256(data)));
  got.set("ripemd160", to_hex(ripemd160(data)));
  got.set("keccak256", to_hex(keccak256(data)));
  if (auto wrong = check_verdict(test, true)) return wrong;
  return compare_expected(test, got);
}

Outcome aes_encrypt(const Case& test, const Accounts&) {
  const auto key = SymmetricKey::parse(object_member(test.input, "key"), Reading::codec);
  const auto iv =
      key ? find_iv(test.input, *key, Reading::codec) : Result<AesIv>(std::unexpected(key.error()));
  const auto cipher = iv ? key->encrypt(hex_member(test.input, "plaintext_hex"), *iv)
                         : Result<Bytes>(std::unexpected(iv.error()));
  return compare_bytes(test, "ciphertext_hex", cipher);
}

Outcome aes_decrypt(const Case& test, const Accounts&) {
  const auto key = SymmetricKey::parse(object_member(test.input, "key"), Reading::codec);
  const auto iv = key ? find_iv(object_member(test.input, "params"), *key, Reading::codec)
                      : Result<AesIv>(std::unexpected(key.error()));
  const auto plain = iv ? key->decrypt(hex_member(test.input, "ciphertext_hex"), *iv)
                        : Result<Secret>(std::unexpected(iv.error()));
  return compare_bytes(test, "plaintext_hex", plain);
}

Outcome plain_key(const Case& test, const Accounts&) {
  const JsonObject& object = object_member(test.input, "key");
  if (SymmetricKey::parse(object))
    return differs("PLAIN at the trust boundary", "reject", "accept");
  const auto key = SymmetricKey::parse(object, Reading::codec);
  if (auto wrong = check_verdict(test, key.has_value())) return wrong;
  if (!key) return std::nullopt;
  const Bytes plain = hex_member(test.input, "plaintext_hex");
  const auto cipher = key->encrypt(plain, AesIv{});
  const auto back =
      cipher ? key->decrypt(*cipher, AesIv{}) : Result<Secret>(std::unexpected(cipher.error()));
  if (!back || !std::ranges::equal(back->view(), plain))
    return differs("the plain text again", true, false);
  JsonObject got;
  got.set("ciphertext_hex", to_hex(*cipher));
  got.set("key_data_hex", to_hex(key->data()));
  return compare_expected(test, got);
}

Json key_json(const SymmetricKey& key) {
  auto object = parse_json(as_text(key.json().view()));
  return object ? std::move(*object) : Json();
}

Outcome password_key(const Case& test, const Accounts&) {
  const SymmetricKey key = SymmetricKey::of_password(text_member(test.input, "passphrase"));
  const Digest16 digest = md5(key.data());
  JsonObject got;
  got.set("key", key_json(key));
  got.set("digest", to_base64(ByteView(digest).first(6)));
  if (auto wrong = check_verdict(test, true)) return wrong;
  return compare_expected(test, got);
}

Outcome file_decrypt(const Case& test, const Accounts&) {
  return compare_bytes(test, "plaintext_hex",
                       decrypt_file(object_member(test.input, "content"),
                                    hex_member(test.input, "ciphertext_hex"), Reading::codec));
}

Outcome symmetric_key_parse(const Case& test) {
  const auto key = SymmetricKey::parse(object_member(test.input, "key"), Reading::codec);
  if (auto wrong = check_verdict(test, key.has_value())) return wrong;
  JsonObject got;
  got.set("key", key ? key_json(*key) : Json());
  return compare_expected(test, got);
}

Outcome key_parse(const Case& test, const Accounts&) {
  const JsonObject& object = object_member(test.input, "key");
  const std::string& type = text_member(test.input, "type");
  if (type != "private" && type != "public") return symmetric_key_parse(test);
  if (type == "public") {
    const auto key = PublicKey::parse(object);
    return compare_bytes(test, "data_hex",
                         key ? Result<Bytes>(key->data()) : std::unexpected(key.error()));
  }
  const auto key = PrivateKey::parse(object);
  if (auto wrong = check_verdict(test, key.has_value())) return wrong;
  const JsonObject* expected = test.expected.object();
  if (!key || expected == nullptr) return std::nullopt;
  JsonObject got;
  got.set("data_hex", to_hex(key->data().view()));
  if (auto wrong = compare_members(*expected, got, {"public_key"})) return wrong;
  // The PEM text may differ in its line ends; the key may not.
  const auto other = PublicKey::parse(object_member(*expected, "public_key"));
  const bool same =
      !expected->contains("public_key") || (other && other->data() == key->public_key().data() &&
                                            other->is_ec() == key->public_key().is_ec());
  return same ? std::nullopt
              : std::optional(
                    differs("public_key", *expected->find("public_key"), key->public_key().json()));
}

Result<Bytes> base64_input(const Case& test, std::string_view name) {
  return from_base64_lenient(text_member(test.input, name));
}

Outcome rsa_sign(const Case& test, const Accounts&) {
  const auto key = PrivateKey::parse(object_member(test.input, "private_key"));
  if (auto wrong = check_verdict(test, key.has_value())) return wrong;
  if (!key) return std::nullopt;
  JsonObject got;
  got.set("signature_b64", to_base64(key->sign(hex_member(test.input, "data_hex"))));
  return compare_expected(test, got);
}

Outcome verify(const Case& test, const Accounts&) {
  const auto key = PublicKey::parse(object_member(test.input, "public_key"));
  const auto signature = base64_input(test, "signature_b64");
  const bool valid =
      key && signature && key->verify(hex_member(test.input, "data_hex"), *signature);
  if (auto wrong = check_verdict(test, valid)) return wrong;
  JsonObject got;
  got.set("valid", valid);
  return compare_expected(test, got);
}

// Decryption never tells that padding was bad: it gives other bytes instead (A22). So a case that
// must be rejected passes when there are no bytes or when they are no message key, which is where
// every receiver stops.
Outcome rsa_decrypt(const Case& test, const Accounts&) {
  const auto key = PrivateKey::parse(object_member(test.input, "private_key"));
  const auto cipher = base64_input(test, "ciphertext_b64");
  const auto plain = key && cipher ? key->decrypt(*cipher)
                                   : Result<Secret>(fail(Errc::decrypt, "a case without key"));
  if (test.accepts() || !plain) return compare_bytes(test, "plaintext_hex", plain);
  const auto object = parse_json_object(as_text(plain->view()));
  const bool usable = object && SymmetricKey::parse(*object, Reading::codec);
  const JsonObject* expected = test.expected.object();
  const std::string* named = expected != nullptr ? expected->text("plaintext_hex") : nullptr;
  const bool true_plain = named != nullptr && *named == to_hex(plain->view());
  return check_verdict(test, usable || true_plain);
}

Outcome rsa_encrypt_too_long(const Case& test, const Accounts&) {
  const auto key = PublicKey::parse(object_member(test.input, "public_key"));
  if (!key) return differs("a public key", "readable", to_string(key.error()));
  const Json* length = test.input.find("plaintext_len");
  OsRandom random;
  const auto cipher = key->encrypt(
      Bytes(length != nullptr ? static_cast<std::size_t>(length->number()) : 0, 0x78), random);
  if (auto wrong = check_verdict(test, cipher.has_value())) return wrong;
  JsonObject got;
  got.set("error", !cipher);
  return compare_expected(test, got);
}

Outcome key_match(const Case& test, const Accounts&) {
  const auto own = PrivateKey::parse(object_member(test.input, "private_key"));
  const auto other = PublicKey::parse(object_member(test.input, "public_key"));
  const Bytes challenge = to_bytes("do these two belong together?");
  const bool match = own && other && other->verify(challenge, own->sign(challenge));
  if (auto wrong = check_verdict(test, match)) return wrong;
  JsonObject got;
  got.set("match", match);
  return compare_expected(test, got);
}

}  // namespace

void add_crypto_checks(CheckTable& table) {
  table["digest"] = digest;
  table["aes_encrypt"] = aes_encrypt;
  table["aes_decrypt"] = aes_decrypt;
  table["plain_key"] = plain_key;
  table["password_key"] = password_key;
  table["file_decrypt"] = file_decrypt;
  table["key_parse"] = key_parse;
  table["rsa_sign"] = rsa_sign;
  table["rsa_verify"] = verify;
  table["ecc_verify"] = verify;
  table["rsa_decrypt"] = rsa_decrypt;
  table["rsa_encrypt_too_long"] = rsa_encrypt_too_long;
  table["key_match"] = key_match;
}

}  // namespace dim::vectors
