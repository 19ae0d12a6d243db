// What a client keeps on its disk: named values and ordered lists in one SQLite file, every body
// encrypted, every key a keyed digest. Whoever reads the file without the key learns sizes, counts
// and order of writing, and nothing else.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/crypto/secret.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dim {

class Vault {
 public:
  struct Row {
    std::int64_t place = 0;  ///< order of first writing in the whole vault, from 1
    std::string body;
  };

  /// `path` may be ":memory:". `key` has 32 bytes; a wrong one is Errc::key. Durable: WAL,
  /// synchronous=FULL.
  static Result<Vault> open(const std::string& path, const Secret& key, Random& random);
  Vault(Vault&&) noexcept;
  Vault& operator=(Vault&&) noexcept;
  ~Vault();

  Result<std::optional<std::string>> get(std::string_view bucket, std::string_view key);
  Result<std::optional<Row>> row(std::string_view bucket, std::string_view key);
  Result<bool> contains(std::string_view bucket, std::string_view key);
  /// Writes or replaces; a replaced value keeps its place.
  Status put(std::string_view bucket, std::string_view key, std::string_view body);
  Status erase(std::string_view bucket, std::string_view key);
  /// Rows of a bucket with place > `after`, in order, at most `limit`.
  Result<std::vector<Row>> list(std::string_view bucket, std::int64_t after = 0,
                                std::size_t limit = 1'000'000);
  /// The newest `limit` rows with place < `before`, oldest first.
  Result<std::vector<Row>> newest(std::string_view bucket, std::size_t limit,
                                  std::int64_t before = INT64_MAX);
  Result<std::int64_t> count(std::string_view bucket);
  /// Drops the rows of a bucket with place <= `place`.
  Status erase_through(std::string_view bucket, std::int64_t place);

  /// What was erased and replaced is in none of the vault's files any more: the log is moved and
  /// cut. Errc::unavailable: another program is reading; try again.
  Status scrub();

  /// All of `work` or nothing. Nested calls join the outer transaction.
  Status transaction(const std::function<Status()>& work);

 private:
  struct Impl;
  explicit Vault(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
