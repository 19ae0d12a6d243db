// Memory given back.
#pragma once

namespace dim {

/// Empties a string or vector and frees its room, which `= {}` keeps.
template <class Container>
void release(Container& container) {
  Container().swap(container);
}

}  // namespace dim
