// Finds words in what a home keeps, as a station finds them in what it keeps (docs/protocol/hubs.md
// section 7): whole words, without regard to case and accents; of Chinese, Japanese and Korean also
// a part.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"

namespace dim {

class WordSearch {
 public:
  /// For texts that hold all these words. Errc::internal: this SQLite has no full-text search.
  static Result<WordSearch> of(std::string_view words);
  WordSearch(WordSearch&&) noexcept;
  WordSearch& operator=(WordSearch&&) noexcept;
  ~WordSearch();

  /// There is something to look for: not only signs.
  bool has_words() const;
  bool is_in(std::string_view text);
  /// A number for each word of a text, or of what is looked for: equal words have equal ones.
  void add_numbers(std::string_view text, std::vector<std::uint32_t>& out);
  std::vector<std::uint32_t> wanted() const;

 private:
  struct Impl;
  explicit WordSearch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
