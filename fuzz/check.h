// What the fuzz targets share: a claim that ends the program when it is false.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace dim::fuzz {

inline void must(bool claim) {
  if (!claim) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace dim::fuzz
