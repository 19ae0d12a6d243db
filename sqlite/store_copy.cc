#include "sqlite/store_copy.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "sqlite/checked_vfs.h"
#include "sqlite/database.h"
#include "sqlite/schema.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr int kTries = 20;  // a rotation of keys or a DESTROY during the copying of the keys
constexpr std::string_view kName = "/station.db";
// Cursors go on far behind those that were given out between the copy and its use: whoever has read
// up to one of these would take what comes under them for read. All of an inbox moves, so that what
// waits in it stays where it is among the rest. Secrets that work once may have been used up or
// taken back by then.
constexpr const char* kBegins =
    "DELETE FROM resume;"
    "DELETE FROM setting WHERE kind = 'code';"
    "DELETE FROM prekey;"
    "INSERT INTO acked SELECT id, 0 FROM user WHERE id NOT IN (SELECT user FROM acked);"
    "UPDATE acked SET upto = upto + 16777216;"
    "UPDATE inbox SET cursor = cursor + 16777216;"
    "UPDATE channel SET newest = newest + 16777216;"
    "PRAGMA wal_checkpoint(TRUNCATE)";
constexpr std::string_view kKinds[] = {"keys", "words"};

/// The database beside whoever works with it. What SQLite makes to read, and a stopped station
/// would find, goes with it.
class Beside {
 public:
  /// `damaged`: as CheckedVfs::make() takes it.
  Status open(const std::string& folder, bool stopped,
              std::vector<std::uint32_t>* damaged = nullptr) {
    const std::string path = folder + std::string(kName);
    std::error_code error;
    if (!fs::is_regular_file(path, error))
      return fail(Errc::not_found, "there is no station.db in the data folder");
    if (stopped) {
      for (const char* end : {"-shm", "-wal"}) {
        if (!fs::exists(path + end, error)) made_.push_back(path + end);
      }
    }
    auto vfs = CheckedVfs::make("", false, damaged);
    if (!vfs) return std::unexpected(vfs.error());
    vfs_ = std::move(*vfs);
    if (auto done = db_.open(path, SQLITE_OPEN_READWRITE, vfs_->name()); !done) return done;
    sqlite3_busy_timeout(db_.handle(), 2'000);
    sqlite3_db_config(db_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return db_.run("PRAGMA query_only=ON; PRAGMA cache_size=-2048");
  }
  ~Beside() {
    db_.close();
    std::error_code error;
    for (const std::string& file : made_) {
      if (file.ends_with("-shm") || fs::file_size(file, error) == 0) fs::remove(file, error);
    }
  }
  Database& db() { return db_; }

 private:
  std::unique_ptr<CheckedVfs> vfs_;
  Database db_;
  std::vector<std::string> made_;
};

/// A database that nobody else has open, with the checksums of its pages.
class Copy {
 public:
  Status open(const std::string& folder, int flags) {
    auto vfs = CheckedVfs::make("");
    if (!vfs) return std::unexpected(vfs.error());
    vfs_ = std::move(*vfs);
    if (auto done =
            db_.open(folder + std::string(kName), SQLITE_OPEN_READWRITE | flags, vfs_->name());
        !done)
      return done;
    // Synced by whoever makes a backup of it.
    return db_.run("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON");
  }
  Database& db() { return db_; }

 private:
  std::unique_ptr<CheckedVfs> vfs_;
  Database db_;
};

Result<std::vector<CopiedKeys>> key_files(Database& db) {
  Statement all;
  if (auto ready = all.prepare(db, "SELECT kind, number, destroyed FROM key_file ORDER BY kind");
      !ready)
    return std::unexpected(ready.error());
  std::vector<CopiedKeys> out;
  Use scan(all);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({scan.integer(0), scan.integer(1), scan.integer(2)});
  }
}

/// The file may be written to meanwhile: by slots, which no row of the copy knows.
Status copy_keys(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (!error) fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
  if (!error) return {};
  if (error == std::errc::no_space_on_device)
    return fail(Errc::insufficient_storage, "no space for the copy of the keys");
  if (error == std::errc::no_such_file_or_directory)
    return fail(Errc::not_found, "a file of keys is not there");
  return fail(Errc::io, "a file of keys cannot be copied");
}

/// A transaction of `db` that sees one moment, and the files of keys of that moment in `to`. False:
/// a key went in between.
Result<bool> take_moment(Database& db, const std::string& folder, const std::string& to,
                         bool stopped, CopiedStore& out) {
  std::vector<std::string>& names = out.files;
  if (auto done = db.run("BEGIN"); !done) return std::unexpected(done.error());
  const auto then = key_files(db);
  if (!then) return std::unexpected(then.error());
  names.clear();
  Status copied;
  for (const CopiedKeys& one : *then) {
    if (one.kind < 0 || one.kind >= static_cast<std::int64_t>(std::size(kKinds)))
      return fail(Errc::internal, "the store names a file of keys of no known kind");
    std::string name = "station.db-";
    name += kKinds[static_cast<std::size_t>(one.kind)];
    name += std::to_string(one.number);
    copied = copy_keys(folder + "/" + name, to + "/" + name);
    if (!copied) break;
    names.push_back(std::move(name));
  }
  // Whoever destroys a key has said so in the database before; a file that has been replaced is
  // named there no more.
  Beside later;
  if (auto done = later.open(folder, stopped); !done) return std::unexpected(done.error());
  const auto now = key_files(later.db());
  if (!now) return std::unexpected(now.error());
  if (*now == *then) {
    if (!copied) return std::unexpected(copied.error());
    out.keys = *then;
    return true;
  }
  std::error_code error;
  for (const std::string& name : names) fs::remove(to + "/" + name, error);
  if (auto done = db.run("ROLLBACK"); !done) return std::unexpected(done.error());
  return false;
}

Status copy_pages(Database& from, Database& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return std::unexpected(database_error(to.handle()));
  const int rc = sqlite3_backup_step(backup, -1);
  const int end = sqlite3_backup_finish(backup);
  if (rc == SQLITE_DONE && end == SQLITE_OK) return {};
  return std::unexpected(database_error(to.handle()));
}

Result<std::vector<CopiedBlob>> blobs_of(Database& db) {
  Statement all;
  // Others are without references; the copy removes them when it is opened, as the station does.
  if (auto ready =
          all.prepare(db, "SELECT id, state, digest FROM blob WHERE state < 2 ORDER BY id");
      !ready)
    return std::unexpected(ready.error());
  std::vector<CopiedBlob> out;
  Use scan(all);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    CopiedBlob one{.id = scan.integer(0)};
    const ByteView digest = scan.blob(2);
    if (scan.integer(1) == 1 && digest.size() == 32)
      std::ranges::copy(digest, one.digest.emplace().begin());
    out.push_back(one);
  }
}

/// These pages came with a wrong checksum, and must not get a right one from us.
Status mark_damaged(const std::string& file, const std::vector<std::uint32_t>& pages) {
  std::fstream db(file, std::ios::binary | std::ios::in | std::ios::out);
  for (const std::uint32_t page : pages) {
    const std::streamoff sum = std::streamoff{page} * kDatabasePageBytes - 1;
    const int last = db.seekg(sum).get();
    db.seekp(sum).put(static_cast<char>(last ^ 0xff));
  }
  db.close();
  if (db) return {};
  return fail(Errc::io, "the copy of the database cannot be written");
}

/// The copy again, with what is in use and nothing else, which reads all of that with its
/// checksums.
Status leave_unused(const std::string& folder) {
  const std::string fresh = folder + std::string(kName) + "-used";
  {
    Copy all;
    if (auto done = all.open(folder, 0); !done) return done;
    Statement into;
    if (auto ready = into.prepare(all.db(), "VACUUM INTO ?"); !ready) return ready;
    if (auto done = Use(into).bind(fresh).run(); !done) return done;
  }
  std::error_code error;
  fs::rename(fresh, folder + std::string(kName), error);
  if (error) return fail(Errc::io, "the copy of the database cannot be put in its place");
  return {};
}

Status copy_moment(const std::string& folder, const std::string& to, bool stopped,
                   CopiedStore& out) {
  std::vector<std::uint32_t> damaged;
  {
    Beside source;
    if (auto done = source.open(folder, stopped, &damaged); !done) return done;
    const auto format = source.db().integer("PRAGMA user_version");
    if (!format) return std::unexpected(format.error());
    if (*format != kStoreFormat)
      return fail(
          Errc::edition,
          "the store is of another version; start this one's dimd once, or use that version");
    for (int tries = 0;; ++tries) {
      if (tries == kTries)
        return fail(Errc::unavailable,
                    "messages are destroyed faster than their keys can be copied; try again");
      const auto taken = take_moment(source.db(), folder, to, stopped, out);
      if (!taken) return std::unexpected(taken.error());
      if (*taken) break;
    }
    Copy copy;
    if (auto done = copy.open(to, SQLITE_OPEN_CREATE); !done) return done;
    if (auto done = copy_pages(source.db(), copy.db()); !done) return done;
    if (auto done = source.db().run("ROLLBACK"); !done) return done;
  }
  if (damaged.empty()) return {};
  std::ranges::sort(damaged);
  damaged.erase(std::ranges::unique(damaged).begin(), damaged.end());
  out.unused_damaged = damaged.size();
  if (auto done = mark_damaged(to + std::string(kName), damaged); !done) return done;
  return leave_unused(to);
}

}  // namespace

Result<CopiedStore> copy_store(const std::string& folder, const std::string& to, bool stopped) {
  CopiedStore out;
  if (auto done = copy_moment(folder, to, stopped, out); !done)
    return std::unexpected(done.error());
  Copy copy;
  if (auto done = copy.open(to, 0); !done) return std::unexpected(done.error());
  if (auto done = copy.db().run(kBegins); !done) return std::unexpected(done.error());
  auto blobs = blobs_of(copy.db());
  if (!blobs) return std::unexpected(blobs.error());
  out.blobs = std::move(*blobs);
  out.files.emplace_back("station.db");
  return out;
}

Result<bool> destroyed_since(const std::string& folder, const CopiedStore& copy, bool stopped) {
  Beside source;
  if (auto done = source.open(folder, stopped); !done) return std::unexpected(done.error());
  const auto now = key_files(source.db());
  if (!now) return std::unexpected(now.error());
  return *now != copy.keys;
}

Result<std::string> setting_beside(const std::string& folder, std::string_view kind,
                                   std::string_view key, bool stopped) {
  Beside source;
  if (auto done = source.open(folder, stopped); !done) return std::unexpected(done.error());
  Statement find;
  if (auto ready =
          find.prepare(source.db(), "SELECT value FROM setting WHERE kind = ? AND key = ?");
      !ready)
    return std::unexpected(ready.error());
  Use use(find);
  const auto row = use.bind(kind).bind(key).step();
  if (!row) return std::unexpected(row.error());
  return *row ? use.text(0) : std::string();
}

Result<std::vector<std::int64_t>> blobs_still_there(const std::string& folder,
                                                    std::span<const std::int64_t> ids,
                                                    bool stopped) {
  Beside source;
  if (auto done = source.open(folder, stopped); !done) return std::unexpected(done.error());
  Statement find;
  if (auto ready = find.prepare(source.db(), "SELECT 1 FROM blob WHERE id = ? AND state < 2");
      !ready)
    return std::unexpected(ready.error());
  std::vector<std::int64_t> out;
  for (const std::int64_t id : ids) {
    Use use(find);
    const auto row = use.bind(id).step();
    if (!row) return std::unexpected(row.error());
    if (*row) out.push_back(id);
  }
  return out;
}

Status forget_blobs(const std::string& copy, std::span<const std::int64_t> ids) {
  Copy store;
  if (auto done = store.open(copy, 0); !done) return done;
  // 3: MediaState::deleted.
  Statement leave, forget, drop;
  if (auto ready = leave.prepare(store.db(),
                                 "DELETE FROM media_use WHERE media IN (SELECT guid FROM media "
                                 "WHERE blob = ?)");
      !ready)
    return ready;
  // One that a message has used has no age; it is as old as what was swept last.
  if (auto ready = forget.prepare(
          store.db(),
          "UPDATE media SET state = 3, blob = 0, touched = CASE touched WHEN 9223372036854775807 "
          "THEN (SELECT max(time) FROM swept) ELSE touched END WHERE blob = ?");
      !ready)
    return ready;
  if (auto ready = drop.prepare(store.db(), "DELETE FROM blob WHERE id = ?"); !ready) return ready;
  for (const std::int64_t id : ids) {
    if (auto done = Use(leave).bind(id).run(); !done) return done;
    if (auto done = Use(forget).bind(id).run(); !done) return done;
    if (auto done = Use(drop).bind(id).run(); !done) return done;
  }
  leave.finish();
  forget.finish();
  drop.finish();
  return store.db().run("PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace dim
