// Loops that the compiler must see through, index by index.
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

namespace dim {

/// Calls `work` with 0 to N-1 as constants (std::integral_constant), in order. For arithmetic whose
/// indexes and shifts have to be constants, or whose chains shall run side by side.
template <std::size_t N>
void unrolled(auto work) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (work(std::integral_constant<std::size_t, I>()), ...);
  }(std::make_index_sequence<N>());
}

}  // namespace dim
