#include "dim/crypto/sha256.h"

#include <openssl/evp.h>

#include <cassert>

namespace dim {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  [[maybe_unused]] const int done = EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
  assert(done == 1);
}
Sha256::Sha256(Sha256&& other) noexcept = default;
Sha256& Sha256::operator=(Sha256&& other) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(ByteView data) {
  [[maybe_unused]] const int done = EVP_DigestUpdate(state_->context, data.data(), data.size());
  assert(done == 1);
}

Digest32 Sha256::finish() {
  Digest32 out{};
  [[maybe_unused]] const int done = EVP_DigestFinal_ex(state_->context, out.data(), nullptr);
  assert(done == 1);
  return out;
}

}  // namespace dim
