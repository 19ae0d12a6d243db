// Keys and accounts for tests: those of vectors/, and keys that must be refused.
#pragma once
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "dim/base/json.h"
#include "dim/crypto/pem.h"
#include "dim/identity/keys.h"

namespace dim::testing {

/// vectors/accounts.json or accounts_2026.json: name to {id, meta, visa, identity_private_key, …}.
/// Tests run in the root of the tree; ends the test program when the file is not there.
inline const JsonObject& accounts(std::string_view file = "accounts.json") {
  static std::map<std::string, JsonObject, std::less<>> read;
  if (const auto known = read.find(file); known != read.end()) return known->second;
  std::ifstream stream("vectors/" + std::string(file), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto object = parse_json_object(text);
  if (!object) std::abort();
  return read.emplace(std::string(file), std::move(*object)).first->second;
}

/// The object `member` of account `name`.
inline const JsonObject& account(std::string_view name, std::string_view member,
                                 std::string_view file = "accounts.json") {
  return *accounts(file).find(name)->object()->find(member)->object();
}

/// One DER element (X.690).
inline Bytes der(std::uint8_t tag, ByteView body) {
  Bytes out{tag};
  if (body.size() < 128) {
    out.push_back(static_cast<std::uint8_t>(body.size()));
  } else {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(body.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(body.size()));
    if (body.size() < 256) out = {tag, 0x81, static_cast<std::uint8_t>(body.size())};
  }
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

inline Bytes der_integer(Bytes value) {
  while (value.size() > 1 && value[0] == 0 && value[1] < 0x80) value.erase(value.begin());
  if (value.empty() || value[0] >= 0x80) value.insert(value.begin(), 0);
  return der(0x02, value);
}

/// A public RSA key object with any modulus and exponent, well formed whatever the numbers are.
inline JsonObject rsa_object(const Bytes& modulus, const Bytes& exponent) {
  Bytes numbers = der_integer(modulus);
  const Bytes e = der_integer(exponent);
  numbers.insert(numbers.end(), e.begin(), e.end());
  JsonObject object;
  object.set("algorithm", "RSA");
  object.set("data", as_text(make_pem("RSA PUBLIC KEY", der(0x30, numbers)).view()));
  return object;
}

/// The modulus of an RSA key of 1024 or 2048 bits.
inline Bytes modulus_of(const PublicKey& key) {
  const Bytes spki = key.data();
  // … BIT STRING { 00, SEQUENCE { INTEGER 00 | modulus, INTEGER 01 00 01 } }: the exponent takes
  // the last 5 bytes.
  const std::size_t bytes = spki.size() > 200 ? 256 : 128;
  return {spki.end() - 5 - static_cast<std::ptrdiff_t>(bytes), spki.end() - 5};
}

}  // namespace dim::testing
