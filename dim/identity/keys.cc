#include "dim/identity/keys.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/pem.h"
#include "dim/identity/ted.h"

namespace dim {
namespace {

constexpr std::size_t kKeyText = 16 * limits::kKiB;

bool is_rsa(std::string_view algorithm) {
  return algorithm == "RSA" || algorithm == "SHA256withRSA" || algorithm == "RSA/ECB/PKCS1Padding";
}

bool is_ecc(std::string_view algorithm) {
  return algorithm == "ECC" || algorithm == "SHA256withECDSA";
}

bool is_aes(std::string_view algorithm) {
  return algorithm == "AES" || algorithm == "AES/CBC/PKCS7Padding";
}

struct KeyText {
  std::string_view algorithm, data;
};

Result<KeyText> key_text(const JsonObject& object) {
  const std::string* algorithm = object.text("algorithm");
  if (algorithm == nullptr)
    return fail(Errc::bad_request, "a key needs its algorithm: RSA, ECC or AES");
  if (!is_rsa(*algorithm) && !is_ecc(*algorithm))
    return fail(Errc::bad_request, "unknown algorithm of a key; use ECC or RSA");
  const std::string* data = object.text("data");
  if (data == nullptr || data->empty()) return fail(Errc::key, "a key needs its data");
  if (data->size() > kKeyText) return fail(Errc::key, "the data of a key is too long");
  return KeyText{*algorithm, *data};
}

bool is_compressed(const JsonObject& object) {
  const Json* flag = object.find("compressed");
  if (flag == nullptr) return false;
  if (const bool* value = flag->boolean()) return *value;
  return flag->number() != 0;
}

bool is_pem(std::string_view data) { return data.find("-----BEGIN ") != std::string_view::npos; }

Result<EcPublicKey> parse_ec_public(std::string_view data) {
  if (is_pem(data)) return EcPublicKey::from_pem(data);
  if (data.size() == 64)
    return fail(Errc::key,
                "this looks like a private key: a public one has 66, 128 or 130 hex digits");
  const auto point = from_hex(data);
  if (!point || (data.size() != 66 && data.size() != 128 && data.size() != 130)) {
    return fail(Errc::key, "a public ECC key is PEM, or 66, 128 or 130 hex digits");
  }
  return EcPublicKey::from_point(*point);
}

Result<EcPrivateKey> parse_ec_private(std::string_view data) {
  if (is_pem(data)) return EcPrivateKey::from_pem(data);
  auto scalar = from_hex(data);
  if (!scalar || data.size() != 64)
    return fail(Errc::key, "a private ECC key is PEM or 64 hex digits");
  auto key = EcPrivateKey::from_scalar(*scalar);
  wipe(*scalar);
  return key;
}

JsonObject rsa_object(std::string data, int bits) {
  JsonObject object;
  object.set("algorithm", "RSA");
  object.set("data", std::move(data));
  object.set("mode", "ECB");
  object.set("padding", "PKCS1");
  object.set("digest", "SHA256");
  object.set("keySize", (bits + 7) / 8);
  return object;
}

JsonObject ec_object(std::string data) {
  JsonObject object;
  object.set("algorithm", "ECC");
  object.set("data", std::move(data));
  object.set("curve", "secp256k1");
  object.set("digest", "SHA256");
  return object;
}

// `{"algorithm": .., "data": <pem>` and then `rest`, in one buffer that never moves and is wiped.
Secret private_json(std::string_view algorithm, const Secret& pem, std::string_view rest) {
  std::string out;
  out.reserve(2 * pem.size() + rest.size() + 64);
  out.append("{\"algorithm\": \"").append(algorithm).append("\", \"data\": \"");
  for (const char c : as_text(pem.view())) {
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out.append("\", ").append(rest).append("}");
  Secret secret = Secret::copy_of(as_bytes(out));
  wipe(out);
  return secret;
}

std::unexpected<Error> bad_message_key() {
  return fail(Errc::key, "not a usable message key; AES with 32 bytes is");
}

// The member under its full or its short name; nothing when it stands twice or not at all.
const Json* twin(const JsonObject& object, std::string_view name, std::string_view brief) {
  const Json* full = object.find(name);
  const Json* other = object.find(brief);
  if (full != nullptr && other != nullptr) return nullptr;
  return full != nullptr ? full : other;
}

bool only_allows(const JsonObject& object, std::string_view name, std::string_view value) {
  const Json* member = object.find(name);
  return member == nullptr || (member->text() != nullptr && *member->text() == value);
}

const Json* find_present(const JsonObject& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const Json* value = object.find(name); value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

Result<AesIv> read_iv(const Json& value, Reading reading) {
  const auto bytes = read_data(value, reading);
  AesIv iv{};
  if (!bytes || bytes->size() != iv.size())
    return fail(Errc::decrypt, "an IV is base64 of 16 bytes");
  std::ranges::copy(*bytes, iv.begin());
  return iv;
}

bool right_key_size(std::size_t bytes, Reading reading) {
  return bytes == kAesKeyBytes || (reading == Reading::codec && (bytes == 16 || bytes == 24));
}

}  // namespace

PublicKey::PublicKey(Key key, JsonObject json)
    : key_(std::move(key)), json_(std::make_shared<const JsonObject>(std::move(json))) {}

Result<PublicKey> PublicKey::parse(const JsonObject& object) {
  const auto text = key_text(object);
  if (!text) return std::unexpected(text.error());
  if (text->data.find("PRIVATE KEY-----") != std::string_view::npos) {
    return fail(Errc::key, "this is a private key; never give it away, and make a new one");
  }
  if (is_rsa(text->algorithm)) {
    auto key = RsaPublicKey::from_pem(text->data);
    if (!key) return std::unexpected(key.error());
    return PublicKey(Key(std::move(*key)), object);
  }
  auto key = parse_ec_public(text->data);
  if (!key) return std::unexpected(key.error());
  return PublicKey(Key(*key), object);
}

PublicKey PublicKey::of(EcPublicKey key) {
  JsonObject object = ec_object(key.pem());
  return {Key(key), std::move(object)};
}

PublicKey PublicKey::of(RsaPublicKey key) {
  JsonObject object = rsa_object(key.pem(), key.bits());
  return {Key(std::move(key)), std::move(object)};
}

bool PublicKey::verify(ByteView data, ByteView signature) const {
  return std::visit([&](const auto& key) { return key.verify(data, signature); }, key_);
}

Result<Bytes> PublicKey::encrypt(ByteView plain, Random& random) const {
  if (const auto* key = std::get_if<RsaPublicKey>(&key_)) return key->encrypt(plain, random);
  return fail(Errc::key, "an ECC key cannot encrypt; a message key must be RSA");
}

Bytes PublicKey::data() const {
  if (const auto* key = std::get_if<RsaPublicKey>(&key_)) return key->spki_der();
  const auto& key = std::get<EcPublicKey>(key_);
  return is_compressed(*json_) ? key.compressed() : key.point();
}

PrivateKey PrivateKey::generate_ec(Random& random) {
  return PrivateKey(Key(EcPrivateKey::generate(random)));
}

Result<PrivateKey> PrivateKey::generate_rsa(int bits) {
  auto key = RsaPrivateKey::generate(bits);
  if (!key) return std::unexpected(key.error());
  return PrivateKey(Key(std::move(*key)));
}

Result<PrivateKey> PrivateKey::parse(const JsonObject& object) {
  const auto text = key_text(object);
  if (!text) return std::unexpected(text.error());
  if (is_rsa(text->algorithm)) {
    auto key = RsaPrivateKey::from_pem(text->data);
    if (!key) return std::unexpected(key.error());
    return PrivateKey(Key(std::move(*key)));
  }
  auto key = parse_ec_private(text->data);
  if (!key) return std::unexpected(key.error());
  return PrivateKey(Key(std::move(*key)));
}

Bytes PrivateKey::sign(ByteView data) const {
  return std::visit([&](const auto& key) { return key.sign(data); }, key_);
}

Result<Secret> PrivateKey::decrypt(ByteView cipher) const {
  if (const auto* key = std::get_if<RsaPrivateKey>(&key_)) return key->decrypt(cipher);
  return fail(Errc::key, "an ECC key cannot decrypt; a message key must be RSA");
}

PublicKey PrivateKey::public_key() const {
  return std::visit([](const auto& key) { return PublicKey::of(key.public_key()); }, key_);
}

Secret PrivateKey::json() const {
  if (const auto* rsa = std::get_if<RsaPrivateKey>(&key_)) {
    const std::string size = std::to_string((rsa->public_key().bits() + 7) / 8);
    return private_json(
        "RSA", rsa->pem(),
        R"("mode": "ECB", "padding": "PKCS1", "digest": "SHA256", "keySize": )" + size);
  }
  return private_json("ECC", std::get<EcPrivateKey>(key_).pem(),
                      R"("curve": "secp256k1", "digest": "SHA256")");
}

Secret PrivateKey::data() const {
  const auto* rsa = std::get_if<RsaPrivateKey>(&key_);
  if (rsa == nullptr) return std::get<EcPrivateKey>(key_).scalar();
  const Secret pem = rsa->pem();
  auto body = pem_body(as_text(pem.view()), {"RSA PRIVATE KEY"});
  return body ? std::move(body->der) : Secret();
}

SymmetricKey SymmetricKey::generate(Random& random) {
  return {Secret::random(kAesKeyBytes, random), std::nullopt, false};
}

Result<SymmetricKey> SymmetricKey::parse(const JsonObject& object, Reading reading) {
  const Json* algorithm = twin(object, "algorithm", "A");
  if (algorithm == nullptr || algorithm->text() == nullptr) return bad_message_key();
  if (*algorithm->text() == "PLAIN" && reading == Reading::codec)
    return SymmetricKey({}, std::nullopt, true);
  if (!is_aes(*algorithm->text())) return bad_message_key();
  if (!only_allows(object, "mode", "CBC") || !only_allows(object, "padding", "PKCS7"))
    return bad_message_key();

  const Json* data = twin(object, "data", "D");
  if (data == nullptr) return bad_message_key();
  auto bytes = read_data(*data, reading);
  if (!bytes || !right_key_size(bytes->size(), reading)) return bad_message_key();
  Secret key = Secret::copy_of(*bytes);
  wipe(*bytes);

  std::optional<AesIv> iv;
  if (const Json* value = find_present(object, {"iv", "IV", "I"})) {
    const auto parsed = read_iv(*value, reading);
    if (!parsed) return bad_message_key();
    iv = *parsed;
  }
  return SymmetricKey(std::move(key), iv, false);
}

SymmetricKey SymmetricKey::of_password(std::string_view password) {
  const Digest32 digest = sha256(as_bytes(password));
  if (password.size() > kAesKeyBytes) return {Secret::copy_of(digest), std::nullopt, false};
  Secret key(kAesKeyBytes);
  const auto rest = std::ranges::copy_n(digest.begin(),
                                        static_cast<std::ptrdiff_t>(kAesKeyBytes - password.size()),
                                        key.writable().begin());
  std::ranges::copy(as_bytes(password), rest.out);
  return {std::move(key), std::nullopt, false};
}

SymmetricKey SymmetricKey::clone() const { return {key_.clone(), iv_, plain_}; }

Secret SymmetricKey::json() const {
  std::string data = to_base64(key_.view());
  std::string out;
  out.reserve(data.size() + 64);
  out.append(plain_ ? R"({"algorithm": "PLAIN)" : R"({"algorithm": "AES", "data": ")")
      .append(data)
      .append("\"}");
  Secret secret = Secret::copy_of(as_bytes(out));
  wipe(data);
  wipe(out);
  return secret;
}

Result<Bytes> SymmetricKey::encrypt(ByteView plain, const AesIv& iv) const {
  if (plain_) return Bytes(plain.begin(), plain.end());
  return aes_cbc_encrypt(key_, iv, plain, AesKeys::any_size);  // parse has checked the size
}

Result<Secret> SymmetricKey::decrypt(ByteView cipher, const AesIv& iv) const {
  if (plain_) return Secret::copy_of(cipher);
  return aes_cbc_decrypt(key_, iv, cipher, AesKeys::any_size);
}

Result<AesIv> find_iv(const JsonObject& object, const SymmetricKey& key, Reading reading) {
  if (const Json* value = find_present(object, {"IV", "iv"})) return read_iv(*value, reading);
  return key.iv().value_or(AesIv{});
}

Result<Secret> decrypt_file(const JsonObject& content, ByteView cipher, Reading reading) {
  const Json* object = find_present(content, {"key", "password"});
  if (object == nullptr || object->object() == nullptr)
    return fail(Errc::key, "the file came without its key");
  const auto key = SymmetricKey::parse(*object->object(), reading);
  if (!key) return std::unexpected(key.error());
  const auto iv = find_iv(content, *key, reading);
  if (!iv) return std::unexpected(iv.error());
  return key->decrypt(cipher, *iv);
}

}  // namespace dim
