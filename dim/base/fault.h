// Deliberate defects, of which the program dimd-faulty has one switched on by $DIM_FAULT, so that
// tests/conformance can show that the conformance suite finds them. In every other program
// DIM_FAULT(...) is the word false and nothing else.
#pragma once

#ifdef DIM_FAULTS
#include <cstdlib>
#include <string_view>

namespace dim {

inline bool fault(std::string_view name) {
  static const char* const chosen = std::getenv("DIM_FAULT");
  return chosen != nullptr && name == chosen;
}

}  // namespace dim

/// Whether the defect `name`, a literal, is on.
#define DIM_FAULT(name) (::dim::fault("DIMFAULT:" name))
#else
#define DIM_FAULT(name) false
#endif
