// SHA-256 of what comes in parts, as files do.
#pragma once
#include <memory>

#include "dim/crypto/digest.h"

namespace dim {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&& other) noexcept;
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(ByteView data);
  /// Of all that was added; nothing may be added afterwards.
  Digest32 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dim
