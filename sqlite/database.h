// The few lines between SQLite's C interface and ours: one connection, its statements, its errors.
#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {

/// What the last failure of `db` means: insufficient_storage (disk or quota full), internal (stored
/// bytes are damaged), conflict (held by another process), forbidden (not writable), io (everything
/// else: the disk cannot be trusted).
Error database_error(sqlite3* db);

/// One connection. Not for two threads at once.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { close(); }

  Status open(const std::string& path, int flags, const char* vfs);
  void close();
  /// Statements without results.
  Status run(const char* sql);
  /// First column of the first row; 0 when there is no row.
  Result<std::int64_t> integer(const char* sql);
  sqlite3* handle() const { return db_; }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

 private:
  sqlite3* db_ = nullptr;
};

/// A prepared statement; must not outlive its database.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { finish(); }

  Status prepare(Database& db, std::string_view sql);
  void finish();

 private:
  friend class Use;
  sqlite3_stmt* raw_ = nullptr;
};

/// One execution of a statement: bind from 1, step, read columns from 0; resets at the end. Bound
/// bytes are borrowed until then.
class Use {
 public:
  explicit Use(Statement& statement) : raw_(statement.raw_) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { sqlite3_reset(raw_); }

  Use& bind(std::int64_t value) {
    sqlite3_bind_int64(raw_, ++bound_, value);
    return *this;
  }
  Use& bind(std::string_view text) {
    sqlite3_bind_text64(raw_, ++bound_, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Use& bind(ByteView bytes) {
    if (bytes.empty()) {
      sqlite3_bind_zeroblob(raw_, ++bound_, 0);
    } else {
      sqlite3_bind_blob64(raw_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
    }
    return *this;
  }

  /// SQLite's way of passing an object of the given kind to a function.
  Use& bind_pointer(void* object, const char* kind) {
    sqlite3_bind_pointer(raw_, ++bound_, object, kind, nullptr);
    return *this;
  }

  /// True: a row is there. False: done.
  Result<bool> step() {
    const int rc = sqlite3_step(raw_);
    if (rc == SQLITE_ROW) return true;
    if (rc == SQLITE_DONE) return false;
    return std::unexpected(database_error(sqlite3_db_handle(raw_)));
  }
  /// For statements without rows.
  Status run() {
    const auto row = step();
    if (!row) return std::unexpected(row.error());
    return {};
  }

  /// The row id that run() has made.
  std::int64_t inserted() const { return sqlite3_last_insert_rowid(sqlite3_db_handle(raw_)); }

  std::int64_t integer(int column) { return sqlite3_column_int64(raw_, column); }
  /// Valid until the next step.
  ByteView blob(int column) {
    const void* data = sqlite3_column_blob(raw_, column);
    return {static_cast<const std::uint8_t*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(raw_, column))};
  }
  std::string text(int column) { return to_text(blob(column)); }

 private:
  sqlite3_stmt* raw_;
  int bound_ = 0;
};

}  // namespace dim
