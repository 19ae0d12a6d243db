#include "sqlite/vault.h"

#include <sqlite3.h>

#include <algorithm>

#include "dim/crypto/digest.h"
#include "dim/crypto/symmetric.h"

namespace dim {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kProbe = "dim vault 1";

Error io_error(sqlite3* db) {
  switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_FULL:
      return {Errc::insufficient_storage, "the disk is full; free some space and try again"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::unavailable, "another program is writing to this home; try again"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return {Errc::io, "the home's database cannot be written; check owner and permissions"};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {Errc::io, "the home's database is damaged; restore it from a backup"};
    default:
      return {Errc::io, "the home's database failed; see the disk's state"};
  }
}

/// Resets a statement when the caller is done with it, so that it can be used again.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  void bind(int index, ByteView bytes) {
    sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  }
  void bind(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }
  int step() { return sqlite3_step(statement_); }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  ByteView blob(int column) {
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column)),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

struct Vault::Impl {
  sqlite3* db = nullptr;
  Secret name_key;
  Secret body_key;
  Random& random;
  int depth = 0;
  sqlite3_stmt* get = nullptr;
  sqlite3_stmt* insert = nullptr;
  sqlite3_stmt* replace = nullptr;
  sqlite3_stmt* erase = nullptr;
  sqlite3_stmt* list = nullptr;
  sqlite3_stmt* newest = nullptr;
  sqlite3_stmt* count = nullptr;
  sqlite3_stmt* erase_through = nullptr;

  explicit Impl(Random& source) : random(source) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    for (sqlite3_stmt* statement :
         {get, insert, replace, erase, list, newest, count, erase_through}) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(db);
  }

  Digest32 name_of(std::string_view bucket, std::string_view key) const {
    Bytes input;
    append_field(input, as_bytes(bucket));
    append_field(input, as_bytes(key));
    return hmac_sha256(name_key.view(), input);
  }

  Result<std::string> unsealed(ByteView body, ByteView name) const {
    auto plain = unbox(body_key, body, name);
    if (!plain)
      return fail(Errc::io,
                  "a value in the home's database does not decrypt; it was changed on disk");
    return to_text(plain->view());
  }

  Status run(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      return std::unexpected(io_error(db));
    return {};
  }

  /// Rows of a two-column result (place, name, body).
  Result<std::vector<Row>> rows(Use& use) {
    std::vector<Row> out;
    int rc = 0;
    while ((rc = use.step()) == SQLITE_ROW) {
      auto body = unsealed(use.blob(2), use.blob(1));
      if (!body) return std::unexpected(body.error());
      out.push_back({use.integer(0), std::move(*body)});
    }
    if (rc != SQLITE_DONE) return std::unexpected(io_error(db));
    return out;
  }
};

Vault::Vault(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Vault::Vault(Vault&&) noexcept = default;
Vault& Vault::operator=(Vault&&) noexcept = default;
Vault::~Vault() = default;

Result<Vault> Vault::open(const std::string& path, const Secret& key, Random& random) {
  if (key.size() != 32) return fail(Errc::key, "a vault's key has 32 bytes");
  auto impl = std::make_unique<Impl>(random);
  impl->name_key = Secret::copy_of(hmac_sha256(key.view(), as_bytes("dim vault names")));
  impl->body_key = Secret::copy_of(hmac_sha256(key.view(), as_bytes("dim vault bodies")));
  if (sqlite3_open_v2(path.c_str(), &impl->db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return std::unexpected(io_error(impl->db));
  }
  sqlite3_busy_timeout(impl->db, 5'000);
  if (auto status =
          impl->run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                    "PRAGMA journal_size_limit=1048576;");
      !status) {
    return std::unexpected(status.error());
  }
  sqlite3_stmt* version = nullptr;
  if (sqlite3_prepare_v2(impl->db, "PRAGMA user_version", -1, &version, nullptr) != SQLITE_OK) {
    return std::unexpected(io_error(impl->db));
  }
  const int rc = sqlite3_step(version);
  const int format = rc == SQLITE_ROW ? sqlite3_column_int(version, 0) : 0;
  sqlite3_finalize(version);
  if (rc != SQLITE_ROW) return std::unexpected(io_error(impl->db));
  if (format > kFormat) return fail(Errc::io, "this home was written by a newer dim; use that one");
  if (format == 0) {
    if (auto status =
            impl->run("BEGIN IMMEDIATE;"
                      "CREATE TABLE IF NOT EXISTS entry(place INTEGER PRIMARY KEY AUTOINCREMENT,"
                      " bucket BLOB NOT NULL, name BLOB NOT NULL UNIQUE, body BLOB NOT NULL);"
                      "CREATE INDEX IF NOT EXISTS entry_bucket ON entry(bucket, place);"
                      "PRAGMA user_version=1; COMMIT;");
        !status) {
      return std::unexpected(status.error());
    }
  }
  const auto prepare = [&](sqlite3_stmt*& statement, const char* sql) {
    return sqlite3_prepare_v3(impl->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) ==
           SQLITE_OK;
  };
  if (!prepare(impl->get, "SELECT place, name, body FROM entry WHERE name=?1") ||
      !prepare(impl->insert, "INSERT INTO entry(bucket, name, body) VALUES(?1, ?2, ?3)") ||
      !prepare(impl->replace, "UPDATE entry SET body=?3 WHERE name=?2") ||
      !prepare(impl->erase, "DELETE FROM entry WHERE name=?1") ||
      !prepare(impl->list,
               "SELECT place, name, body FROM entry WHERE bucket=?1 AND place>?2 ORDER BY place "
               "LIMIT ?3") ||
      !prepare(impl->newest,
               "SELECT place, name, body FROM entry WHERE bucket=?1 AND place<?2 ORDER BY place "
               "DESC LIMIT ?3") ||
      !prepare(impl->count, "SELECT count(*) FROM entry WHERE bucket=?1") ||
      !prepare(impl->erase_through, "DELETE FROM entry WHERE bucket=?1 AND place<=?2")) {
    return std::unexpected(io_error(impl->db));
  }
  Vault vault(std::move(impl));
  auto probe = vault.get("vault", "probe");
  if (!probe) return fail(Errc::key, "the key or passphrase does not open this home");
  if (!*probe) {
    sqlite3_stmt* any = nullptr;
    sqlite3_prepare_v2(vault.impl_->db, "SELECT 1 FROM entry LIMIT 1", -1, &any, nullptr);
    const bool used = sqlite3_step(any) == SQLITE_ROW;
    sqlite3_finalize(any);
    if (used) return fail(Errc::key, "the key or passphrase does not open this home");
    if (auto status = vault.put("vault", "probe", kProbe); !status)
      return std::unexpected(status.error());
  }
  return vault;
}

Result<std::optional<Vault::Row>> Vault::row(std::string_view bucket, std::string_view key) {
  const Digest32 name = impl_->name_of(bucket, key);
  Use use(impl_->get);
  use.bind(1, name);
  auto rows = impl_->rows(use);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

Result<std::optional<std::string>> Vault::get(std::string_view bucket, std::string_view key) {
  auto found = row(bucket, key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  return std::move((*found)->body);
}

Result<bool> Vault::contains(std::string_view bucket, std::string_view key) {
  const Digest32 name = impl_->name_of(bucket, key);
  Use use(impl_->get);
  use.bind(1, name);
  const int rc = use.step();
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) return std::unexpected(io_error(impl_->db));
  return rc == SQLITE_ROW;
}

Status Vault::put(std::string_view bucket, std::string_view key, std::string_view body) {
  const Digest32 name = impl_->name_of(bucket, key);
  auto boxed = box(impl_->body_key, as_bytes(body), name, impl_->random);
  if (!boxed) return std::unexpected(boxed.error());
  {
    Use use(impl_->replace);
    use.bind(2, name);
    use.bind(3, *boxed);
    if (use.step() != SQLITE_DONE) return std::unexpected(io_error(impl_->db));
    if (sqlite3_changes(impl_->db) > 0) return {};
  }
  Use use(impl_->insert);
  use.bind(1, impl_->name_of("bucket", bucket));
  use.bind(2, name);
  use.bind(3, *boxed);
  if (use.step() != SQLITE_DONE) return std::unexpected(io_error(impl_->db));
  return {};
}

Status Vault::erase(std::string_view bucket, std::string_view key) {
  const Digest32 name = impl_->name_of(bucket, key);
  Use use(impl_->erase);
  use.bind(1, name);
  if (use.step() != SQLITE_DONE) return std::unexpected(io_error(impl_->db));
  return {};
}

Result<std::vector<Vault::Row>> Vault::list(std::string_view bucket, std::int64_t after,
                                            std::size_t limit) {
  Use use(impl_->list);
  use.bind(1, impl_->name_of("bucket", bucket));
  use.bind(2, after);
  use.bind(3, static_cast<std::int64_t>(limit));
  return impl_->rows(use);
}

Result<std::vector<Vault::Row>> Vault::newest(std::string_view bucket, std::size_t limit,
                                              std::int64_t before) {
  Use use(impl_->newest);
  use.bind(1, impl_->name_of("bucket", bucket));
  use.bind(2, before);
  use.bind(3, static_cast<std::int64_t>(limit));
  auto rows = impl_->rows(use);
  if (rows) std::ranges::reverse(*rows);
  return rows;
}

Result<std::int64_t> Vault::count(std::string_view bucket) {
  Use use(impl_->count);
  use.bind(1, impl_->name_of("bucket", bucket));
  if (use.step() != SQLITE_ROW) return std::unexpected(io_error(impl_->db));
  return use.integer(0);
}

Status Vault::erase_through(std::string_view bucket, std::int64_t place) {
  Use use(impl_->erase_through);
  use.bind(1, impl_->name_of("bucket", bucket));
  use.bind(2, place);
  if (use.step() != SQLITE_DONE) return std::unexpected(io_error(impl_->db));
  return {};
}

Status Vault::scrub() {
  const int rc =
      sqlite3_wal_checkpoint_v2(impl_->db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (rc != SQLITE_OK) return std::unexpected(io_error(impl_->db));
  return {};
}

Status Vault::transaction(const std::function<Status()>& work) {
  if (impl_->depth > 0) return work();
  if (auto status = impl_->run("BEGIN IMMEDIATE"); !status) return status;
  ++impl_->depth;
  Status done = work();
  --impl_->depth;
  if (!done) {
    (void)impl_->run("ROLLBACK");
    return done;
  }
  if (auto status = impl_->run("COMMIT"); !status) {
    (void)impl_->run("ROLLBACK");
    return status;
  }
  return {};
}

}  // namespace dim
