// Numbers of repetitions as security.md asks for them, where a commit does with fewer:
// `./dev test --long`.
#pragma once
#include <cstdlib>

namespace dim {

inline bool long_form() {
  const char* const wanted = std::getenv("DIM_TEST_LONG");
  return wanted != nullptr && *wanted != '\0';
}

}  // namespace dim
