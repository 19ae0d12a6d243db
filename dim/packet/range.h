// Ranges of bytes, as operations on media name them: `first-last`, both counted from 0, both
// included.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"

namespace dim {

struct ByteRange {
  std::int64_t first = 0;
  std::int64_t last = 0;  ///< not before `first`

  /// Two numbers of 1 to 18 digits with one dash between them. Errc::bad_request for anything else,
  /// as `5-2`, `-1` or several ranges (M10).
  static Result<ByteRange> parse(std::string_view text);
  std::string text() const;
  std::int64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

/// `[0-65535, 131072-200000]`: in order, without touching each other. Errc::bad_request otherwise.
Result<std::vector<ByteRange>> parse_ranges(const std::vector<std::string>& items);
/// The same list as a header value.
std::string ranges_text(const std::vector<ByteRange>& ranges);

}  // namespace dim
