#include "sqlite/database.h"

#include <cerrno>

namespace dim {

Error database_error(sqlite3* db) {
  const int code = sqlite3_extended_errcode(db);
  const int cause = sqlite3_system_errno(db);
  const bool quota = cause == ENOSPC || cause == EDQUOT;
  // A full disk shows as IOERR where SQLite extends files by hand; after fsync it is no longer an
  // honest "full".
  if ((code & 0xff) == SQLITE_FULL ||
      ((code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_WRITE) && quota)) {
    return {Errc::insufficient_storage, "the disk of the data folder is full; free some space"};
  }
  if (code == SQLITE_IOERR_DATA) {
    return {Errc::internal,
            "a stored page has a wrong checksum; restore it from a backup or salvage the store"};
  }
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Errc::internal,
              "the store's database is damaged; restore it from a backup or salvage it"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::conflict, "another process holds the store's database; stop it first"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return {
          Errc::forbidden,
          "the store's files cannot be written; check owner and permissions of the data folder"};
    default:
      return {Errc::io,
              "the disk failed under the store's database; check it before the next start"};
  }
}

Status Database::open(const std::string& path, int flags, const char* vfs) {
  if (sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
    return std::unexpected(database_error(db_));
  }
  sqlite3_extended_result_codes(db_, 1);
  // The last close would checkpoint; after a failed sync nothing may be written any more.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return {};
}

void Database::close() {
  sqlite3_close_v2(db_);
  db_ = nullptr;
}

Status Database::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(database_error(db_));
  return {};
}

Result<std::int64_t> Database::integer(const char* sql) {
  Statement statement;
  if (auto ready = statement.prepare(*this, sql); !ready) return std::unexpected(ready.error());
  Use use(statement);
  const auto row = use.step();
  if (!row) return std::unexpected(row.error());
  return *row ? use.integer(0) : 0;
}

Status Statement::prepare(Database& db, std::string_view sql) {
  if (sqlite3_prepare_v3(db.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw_, nullptr) != SQLITE_OK) {
    return std::unexpected(database_error(db.handle()));
  }
  return {};
}

void Statement::finish() {
  sqlite3_finalize(raw_);
  raw_ = nullptr;
}

}  // namespace dim
