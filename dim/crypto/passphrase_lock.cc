#include "dim/crypto/passphrase_lock.h"

#include <algorithm>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::string_view kKind = "passphrase";
constexpr std::int64_t kMostPasses = 64;
constexpr std::int64_t kLeastMemory = 8'192;
constexpr std::int64_t kMostMemory = std::int64_t{4} << 30;

const std::int64_t* number(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  return value == nullptr ? nullptr : value->integer();
}

}  // namespace

PassphraseLock PassphraseLock::make(Random& random, const Argon2Cost& cost) {
  PassphraseLock lock;
  lock.salt_ = random.array<16>();
  lock.cost_ = cost;
  return lock;
}

Result<PassphraseLock> PassphraseLock::parse(const JsonObject& object) {
  const std::string* kind = object.text("kind");
  if (kind == nullptr || *kind != kKind) return fail(Errc::key, "this lock has no passphrase");
  const std::string* salt_text = object.text("salt");
  const std::int64_t* passes = number(object, "passes");
  const std::int64_t* memory = number(object, "memory");
  const auto salt = salt_text == nullptr ? Result<Bytes>(Bytes{}) : from_base64(*salt_text);
  PassphraseLock lock;
  if (!salt || salt->size() != lock.salt_.size() || passes == nullptr || *passes < 1 ||
      *passes > kMostPasses || memory == nullptr || *memory < kLeastMemory ||
      *memory > kMostMemory) {
    return fail(Errc::key, "salt, passes or memory of this lock is damaged");
  }
  std::ranges::copy(*salt, lock.salt_.begin());
  lock.cost_ = {.passes = static_cast<std::uint64_t>(*passes),
                .memory_bytes = static_cast<std::size_t>(*memory)};
  return lock;
}

void PassphraseLock::write_to(JsonObject& object) const {
  object.set("kind", std::string(kKind));
  object.set("salt", to_base64(salt_));
  object.set("passes", static_cast<std::int64_t>(cost_.passes));
  object.set("memory", static_cast<std::int64_t>(cost_.memory_bytes));
}

Result<Secret> PassphraseLock::key(const Secret& passphrase) const {
  return derive_key(passphrase.view(), salt_, cost_);
}

}  // namespace dim
