// RSA keys as plain numbers: read from DER, checked, written back. No private operation happens
// here.
#pragma once
#include <optional>

#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim::rsa {

/// Big-endian, without leading zeros; borrowed from the DER they were read from.
struct PublicNumbers {
  ByteView n, e;
};
struct PrivateNumbers {
  ByteView n, e, d, p, q, dp, dq, qi;
};

/// X.509 SubjectPublicKeyInfo (RFC 5280) or PKCS#1 RSAPublicKey (RFC 8017 appendix A.1.1).
std::optional<PublicNumbers> read_public(ByteView der);
/// The RSAPrivateKey (RFC 8017 appendix A.1.2, two primes) that `der` is, or that its PKCS#8 form
/// (RFC 5958) wraps.
std::optional<ByteView> find_private(ByteView der);
std::optional<PrivateNumbers> read_private(ByteView pkcs1);
Bytes write_spki(const PublicNumbers& key);

int bits(ByteView number);
/// e = 65537, 1024 to 4096 bits, odd n without a factor below 2^16 (A02, S08); Errc::key. Below 1
/// ms.
Status check(const PublicNumbers& key);
/// Fermat's test with base 2: false for every prime, and for a modulus of two large primes only by
/// a chance that does not come. From a prime modulus everybody computes the private exponent (S08).
/// Takes an odd number; 0.2 ms for 1024 bits, 1.3 for 2048, 4.5 for 3072, 15 for 4096. The last
/// thousand or so that were composite are remembered, as the same keys come again and again.
bool composite(ByteView n);
/// True when the numbers belong together: n = pq, d, dp, dq undo e, qi undoes q. Primality is not
/// tested.
bool consistent(const PrivateNumbers& key);

}  // namespace dim::rsa
