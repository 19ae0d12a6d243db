// What the index of words holds instead of words: numbers that only the key of its part makes out
// of them. So a search goes on as before, and what is left of an index whose key was destroyed, in
// pages, logs and on the disk, says nothing.
#pragma once
#include <sqlite3.h>

#include <string>
#include <string_view>
#include <vector>

#include "dim/crypto/secret.h"
#include "sqlite/database.h"

namespace dim {

/// Of one connection; not for two threads at once.
class WordIndex {
 public:
  WordIndex() = default;
  WordIndex(const WordIndex&) = delete;
  WordIndex& operator=(const WordIndex&) = delete;
  ~WordIndex() { stop(); }

  Status start(Database& db);
  /// Before the database is closed.
  void stop();

  /// The words of `text` in order, without regard to case and accents (FTS5's unicode61), each as
  /// 13 letters and digits, with spaces between. `key` has 32 bytes.
  std::string words(std::string_view text, const Secret& key);
  /// The same as they are, for who searches without an index.
  std::vector<std::string> plain(std::string_view text);
  /// A channel by its number.
  static std::string channel(std::int64_t channel, const Secret& key);

 private:
  void forget(std::size_t longest);
  fts5_tokenizer calls_{};
  Fts5Tokenizer* tokenizer_ = nullptr;
};

}  // namespace dim
