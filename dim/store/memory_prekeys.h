// Prekeys in memory: the part of MemoryStore that dim/store/prekeys.h is about.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "dim/store/store.h"

namespace dim {

class MemoryPrekeys {
 public:
  Written apply(const PutPrekeys& put);
  Written apply(const TakePrekey& take);
  Written apply(const DropPrekeys& drop);
  void drop_all(const std::string& user);
  std::vector<StoredPrekeys> of(const std::string& user) const;

 private:
  struct Device {
    StoredPrekeys row;
    std::map<std::uint32_t, std::string> one_time;
  };
  std::map<std::pair<std::string, std::string>, Device> devices_;  // by user and terminal
};

}  // namespace dim
