#include "dim/store/memory_prekeys.h"

#include <algorithm>

namespace dim {

Written MemoryPrekeys::apply(const PutPrekeys& put) {
  const std::pair place{put.user, put.terminal};
  const auto found = devices_.find(place);
  Device device;
  if (found != devices_.end() && found->second.row.device == put.device) device = found->second;
  for (const StoredOneTimeKey& one : put.one_time) {
    if (one.id <= device.row.newest) continue;
    device.one_time.emplace(one.id, one.key);
    device.row.newest = one.id;
  }
  if (device.one_time.size() > limits::kOneTimeKeys) return {Accepted::full, {}};
  device.row.terminal = put.terminal;
  device.row.device = put.device;
  device.row.time = put.time;
  device.row.signed_key = put.signed_key;
  device.row.last_resort = put.last_resort;
  devices_[place] = std::move(device);
  return {};
}

Written MemoryPrekeys::apply(const TakePrekey& take) {
  const auto found = devices_.find({take.user, take.terminal});
  if (found == devices_.end() || found->second.row.device != take.device ||
      found->second.one_time.empty())
    return {Accepted::conflict, {}};
  auto first = found->second.one_time.extract(found->second.one_time.begin());
  Written out;
  out.prekey = std::move(first.mapped());
  return out;
}

Written MemoryPrekeys::apply(const DropPrekeys& drop) {
  const auto found = devices_.find({drop.user, drop.terminal});
  if (found == devices_.end() || found->second.row.device != drop.device) return {};
  if (drop.only_one_time)
    found->second.one_time.clear();
  else
    devices_.erase(found);
  return {};
}

void MemoryPrekeys::drop_all(const std::string& user) {
  std::erase_if(devices_, [&](const auto& one) { return one.first.first == user; });
}

std::vector<StoredPrekeys> MemoryPrekeys::of(const std::string& user) const {
  std::vector<StoredPrekeys> out;
  for (auto next = devices_.lower_bound({user, ""}); next != devices_.end(); ++next) {
    if (next->first.first != user) break;
    out.push_back(next->second.row);
    out.back().one_time = next->second.one_time.size();
  }
  return out;
}

}  // namespace dim
