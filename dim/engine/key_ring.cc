#include "dim/engine/key_ring.h"

#include <algorithm>

namespace dim {
namespace {

constexpr std::size_t kKeysEach = 4;
constexpr std::size_t kDirections = 10'000;

}  // namespace

void KeyRing::remember(const Id& sender, const Id& target, const SymmetricKey& key) {
  Direction direction{sender.bare().text(), target.bare().text()};
  auto found = keys_.find(direction);
  if (found == keys_.end()) {
    if (order_.size() >= kDirections) {
      keys_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(direction);
    found = keys_.emplace(std::move(direction), std::deque<SymmetricKey>()).first;
  }
  std::deque<SymmetricKey>& kept = found->second;
  const bool known = std::any_of(kept.begin(), kept.end(), [&](const SymmetricKey& other) {
    return equal_secret(other.data(), key.data());
  });
  if (known) return;
  kept.push_front(key.clone());
  if (kept.size() > kKeysEach) kept.pop_back();
}

const std::deque<SymmetricKey>& KeyRing::find(const Id& sender, const Id& target) const {
  const auto found = keys_.find({sender.bare().text(), target.bare().text()});
  return found != keys_.end() ? found->second : none_;
}

}  // namespace dim
