// How a key comes from a passphrase: what a program writes beside the things the key opens (A43).
#pragma once
#include "dim/base/json.h"
#include "dim/crypto/symmetric.h"

namespace dim {

/// Salt and cost of Argon2id; no secret. As JSON: {"kind": "passphrase", "salt": 16 bytes in
/// base64, "passes": 3, "memory": bytes}.
class PassphraseLock {
 public:
  static PassphraseLock make(Random& random, const Argon2Cost& cost = {});
  /// Errc::key for another kind, a member that is missing, or a cost that no program writes: below
  /// what Argon2id takes, more than 64 passes or 4 GiB.
  static Result<PassphraseLock> parse(const JsonObject& object);
  /// Sets the members above.
  void write_to(JsonObject& object) const;

  /// The key of 32 bytes. Takes a second and the memory of the cost: meant to.
  Result<Secret> key(const Secret& passphrase) const;

 private:
  std::array<std::uint8_t, 16> salt_{};
  Argon2Cost cost_;
};

}  // namespace dim
