// What the tests of the store share; included by tests only.
#pragma once
#include <stdlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "dim/store/store.h"

namespace dim {

inline constexpr Millis kTestTime = 1'790'000'000'000;

/// A version 7 GUID of kTestTime, different for each number.
inline Guid guid(int number) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 6; ++i)
    bytes[i] = static_cast<std::uint8_t>(kTestTime >> (40 - 8 * i));
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  for (std::size_t i = 0; i < 4; ++i)
    bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return *Guid::from_bytes(bytes);
}

inline PutMessage message(int number, std::string content, std::vector<std::string> receivers) {
  return {{0, guid(number), kTestTime, "alice", "message", std::move(content)},
          std::move(receivers)};
}

/// A fresh folder that goes with its object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "dim-store-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) abort();
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Names of typed tests that run against the store in memory and the one on disk.
template <class Memory>
class BackendNames {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, Memory> ? "Memory" : "Sqlite";
  }
};

}  // namespace dim
