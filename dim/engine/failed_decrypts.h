// How often messages of one sender could not be decrypted lately. Whoever may try without end can
// learn from how a receiver reacts to broken cipher texts, so after a few nothing more is tried for
// a while (A22).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/time.h"

namespace dim {

inline constexpr std::size_t kFailedDecrypts = 20;      // of one sender …
inline constexpr Millis kFailedDecryptsMs = 3'600'000;  // … in so many milliseconds

/// The newest failures of one sender, as a value that its owner keeps.
class FailedDecrypts {
 public:
  FailedDecrypts() = default;
  /// As text() wrote it; what cannot be read counts as no failure.
  static FailedDecrypts parse(std::string_view text);
  std::string text() const;

  bool may_try(Millis now) const;
  void add(Millis now);
  friend bool operator==(const FailedDecrypts&, const FailedDecrypts&) = default;

 private:
  std::vector<Millis> times_;  // the newest kFailedDecrypts
};

}  // namespace dim
