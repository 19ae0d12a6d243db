#include "dim/crypto/secret.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "dim/crypto/locked_memory.h"

namespace dim {

Secret::Secret(std::size_t size) : data_(take_locked(size)), size_(size) {}

Secret Secret::copy_of(ByteView bytes) {
  Secret out(bytes.size());
  std::ranges::copy(bytes, out.data_);
  return out;
}

Secret Secret::random(std::size_t size, Random& random) {
  Secret out(size);
  random.fill(out.writable());
  return out;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  give_locked(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

bool equal_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) sodium_memzero(bytes.data(), bytes.size());
}

void wipe(std::string& text) {
  if (!text.empty()) sodium_memzero(text.data(), text.size());
  text.clear();
}

}  // namespace dim
