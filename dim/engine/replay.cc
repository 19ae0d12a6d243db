#include "dim/engine/replay.h"

#include <cstring>

namespace dim {

std::size_t ReplaySet::Hash::operator()(const Digest32& digest) const {
  std::size_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);  // a digest is as random as a hash can be
  return out;
}

bool ReplaySet::insert(const Digest32& hash, Millis now) {
  while (!order_.empty() && order_.front().first < now - kReplayLife) {
    hashes_.erase(order_.front().second);
    order_.pop_front();
  }
  if (!hashes_.insert(hash).second) return false;
  order_.emplace_back(now, hash);
  return true;
}

}  // namespace dim
