// RSA keys under which anybody signs, and a signature that fits two keys: what S08, A02 and J15 are
// about. Included by tests only.
#pragma once
#include <string>
#include <string_view>

#include "dim/base/base64.h"
#include "dim/base/json.h"
#include "dim/crypto/pem.h"

namespace dim::testing {

// Duplicate-signature key selection (Blake-Wilson and Menezes, 1999) against the meta of "rosa".
// Whoever saw her fingerprint s chose primes p and q of 512 bits for which p-1 and q-1 have no
// factor above 2^16, took the discrete logarithm of the padded digest to the base s modulo each,
// and had the exponent e of 1023 bits for which s^e is that digest modulo n = pq. e is odd and
// prime to (p-1)(q-1), so the forger has a private exponent too and signs with it.
inline constexpr std::string_view kForgedSeed = "rosa";
inline constexpr std::string_view kForgedFingerprint =
    "oyT/tWwaizkn1Ivl76WNcUfqsk2jJrCjj/WErDPM4h16MMyXacyGHXRewSIaQjeg4X734y4THQhfFrP9cOnE4pKBxb"
    "K1d3KsuEMuTpgYQeZwC2+SHJMRVygxWyKsPyIoKGE4CAmjmCuQ9yBECgfJLOZmT9l/lMLqe0kOqB73VVs=";
inline constexpr std::string_view kForgedVictim =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC+NEICpimLN2Akdu5BF+xKWrBd\n"
    "B76pSFdnwREv4Z5RzouiTN0y3hiylWPVNBvxmc/isxubYi0/F69F8GD91YROhIhe\n"
    "ZYbg9HcjufPUnshIktoEK6ixt4UfZvH1BgEXprZHE08GG6wl3o2+FVGAKKA4uFX3\n"
    "7HSQvQWH4BeTtAnQAQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
/// The forged key: SubjectPublicKeyInfo in base64.
inline constexpr std::string_view kForgedSpki =
    "MIIBHzANBgkqhkiG9w0BAQEFAAOCAQwAMIIBBwKBgQDdgDnBx0Car1qyqy8dO755ZnXDH2uP3ZonE96rpcepOPlcio"
    "eF4WfXTnhttQ9JrqnOFLxN11VXn0H0JFWz7snn1DOG2QNJn9VfG5vNPuSgD84xV0dD+BMQ3EpAe3HyhIJiYHnH6ZyL"
    "NjTt3mO1Emglm1bBLUMEQgPuIMjdMkLJDQKBgEw5CFYkkAZh4ornpxWMNs/OhmsC+rVgBDKQCCasJYiMcur8r3GIgK"
    "0mszknvBiZsaGipk+7KNgTaF4KOlBTPxbTUyvIlsON0A1TTBlaMroe2v3cwMC4WaERMKn/3re2ZOgRkwHwa98PbH3D"
    "9b2CoIC92anGuBp4rfgwIIstemdR";

// A modulus that is a prime, that of RFC 2409 section 6.2, with 65537: everybody has its private
// exponent, the inverse of 65537 modulo n - 1, and with it was signed "petra".
inline constexpr std::string_view kPrimeSeed = "petra";
inline constexpr std::string_view kPrimeFingerprint =
    "ELuRODI1V8W1D/uLHwRBX1SE3y/ZzEHJJ1dFYUh6R087OlQUVAZmRegeDyKDoK9hYMGIVF3jrfcZzHm4JwkFNaqcsd"
    "9Zb8Bm7jIhsSTL7GxA85FagxgoHVY6zTnFHH6fnB3e79aI+7BRbb7zvjNyC3pZc94QI3OaamWm9FKwMas=";
inline constexpr std::string_view kPrimeSpki =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQD//////////8kP2qIhaMI0xMZii4DcHNEpAk4IimfMdAILvqY7E5"
    "siUUoIeY40BN3vlRmzzTpDGzArCm3yXxQ3T+E1bW1RwkXkhbV2Yl5+xvRMQummN+1rC/9ctvQGt+3uOGv7Womfpa6f"
    "JBF8Sx/mSShmUezmU4H//////////wIDAQAB";

inline std::string pem_of(std::string_view spki) {
  return std::string(as_text(make_pem("PUBLIC KEY", from_base64(spki).value()).view()));
}
inline JsonObject rsa_meta(std::string_view pem, std::string_view seed,
                           std::string_view fingerprint) {
  JsonObject key;
  key.set("algorithm", "RSA");
  key.set("data", pem);
  JsonObject meta;
  meta.set("type", 1);
  meta.set("seed", seed);
  meta.set("fingerprint", fingerprint);
  meta.set("key", std::move(key));
  return meta;
}
inline JsonObject victim_meta() { return rsa_meta(kForgedVictim, kForgedSeed, kForgedFingerprint); }
inline JsonObject forged_meta() {
  return rsa_meta(pem_of(kForgedSpki), kForgedSeed, kForgedFingerprint);
}
inline JsonObject prime_meta() {
  return rsa_meta(pem_of(kPrimeSpki), kPrimeSeed, kPrimeFingerprint);
}

}  // namespace dim::testing
