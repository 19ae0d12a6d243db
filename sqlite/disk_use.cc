#include "sqlite/disk_use.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "sqlite/database.h"
#include "sqlite/schema.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHubRows = 1'000;

/// Where a table or index belongs, by the beginning of its name.
constexpr std::pair<std::string_view, std::string_view> kTables[] = {
    {"post_text", "indexes"},    {"shown", "indexes"},        {"channel_use", "indexes"},
    {"post", "channels"},        {"revision", "channels"},    {"reaction", "channels"},
    {"erasure", "channels"},     {"expected", "channels"},    {"part", "channels"},
    {"mark", "channels"},        {"channel", "channels"},     {"key_file", "channels"},
    {"doomed", "channels"},      {"msg", "waiting"},          {"inbox", "waiting"},
    {"user", "waiting"},         {"acked", "waiting"},        {"seen", "waiting"},
    {"identity", "people"},      {"document", "people"},      {"name", "people"},
    {"resume", "people"},        {"hub_change", "hubs"},      {"blob", "files-table"},
    {"media", "files-table"},    {"thread", "indexes"},       {"mention", "indexes"},
    {"notify", "channels"},      {"report", "channels"},      {"swept", "channels"},
    {"prekey", "people"},        {"prekey_device", "people"}, {"setting", "operator"},
    {"audit", "operator"},       {"sqlite_schema", "schema"}, {"sqlite_sequence", "schema"},
    {"media_use", "files-table"}};

constexpr std::string_view kParts[] = {"channels",    "indexes",  "waiting", "people",  "hubs",
                                       "files-table", "operator", "schema",  "tables",  "free",
                                       "log",         "keys",     "files",   "reserve", "other"};

std::string_view part_of_table(std::string_view name, bool is_index) {
  if (is_index) return "indexes";
  for (const auto& [begin, part] : kTables) {
    if (name == begin || (begin == "post_text" && name.starts_with(begin))) return part;
  }
  return "tables";
}

std::string_view part_of_file(const fs::path& below) {
  const std::string name = below.string();
  if (name.starts_with("media/")) return "files";
  if (name == "station.reserve") return "reserve";
  if (name == "station.db-wal" || name == "station.db-shm" || name == "station.db-synced")
    return "log";
  if (name.starts_with("station.db-") || name.starts_with("station.keys")) return "keys";
  return "other";
}

struct Files {
  std::int64_t database = 0;
  std::int64_t log = 0;  // station.db-wal
  std::map<std::string_view, std::int64_t> parts;
};

/// Files come and go while a station works: what is gone counts nothing.
Result<Files> read_files(const std::string& folder) {
  Files out;
  std::error_code error;
  fs::recursive_directory_iterator next(folder, fs::directory_options::skip_permission_denied,
                                        error);
  if (error) return fail(Errc::not_found, "the data folder cannot be read");
  for (; next != fs::recursive_directory_iterator(); next.increment(error)) {
    if (error) return fail(Errc::io, "the data folder cannot be read to its end");
    std::error_code gone;
    if (!next->is_regular_file(gone) || gone) continue;
    const auto size = static_cast<std::int64_t>(next->file_size(gone));
    if (gone) continue;
    const fs::path below = next->path().lexically_relative(folder);
    if (below == "station.db") {
      out.database = size;
      continue;
    }
    if (below == "station.db-wal") out.log = size;
    out.parts[part_of_file(below)] += size;
  }
  return out;
}

struct Tree {
  std::string name;
  bool is_index = false;
};

Result<std::vector<Tree>> read_trees(Database& db) {
  Statement all;
  if (auto ready =
          all.prepare(db,
                      "SELECT name, type FROM sqlite_schema WHERE rootpage > 0 UNION ALL SELECT "
                      "'sqlite_schema', 'table'");
      !ready)
    return std::unexpected(ready.error());
  std::vector<Tree> out;
  Use scan(all);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({scan.text(0), scan.text(1) == "index"});
  }
}

/// Bytes of the pages of each part of the database.
Status read_tables(Database& db, std::map<std::string_view, std::int64_t>& parts) {
  const auto trees = read_trees(db);
  if (!trees) return std::unexpected(trees.error());
  Statement size;
  if (auto ready = size.prepare(
          db, "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ? AND aggregate = 1");
      !ready)
    return ready;
  for (const Tree& tree : *trees) {
    Use use(size);
    const auto row = use.bind(tree.name).step();
    if (!row) return std::unexpected(row.error());
    parts[part_of_table(tree.name, tree.is_index)] += use.integer(0);
  }
  return {};
}

Status read_channels(Database& db, std::vector<DiskChannel>& out) {
  Statement all;
  if (auto ready = all.prepare(
          db,
          "SELECT guid, coalesce(messages, 0), coalesce(channel_use.bytes, 0), dropped, "
          "coalesce(files.bytes, 0) FROM channel LEFT JOIN channel_use ON "
          "channel_use.channel = channel.id LEFT JOIN (SELECT channel, "
          "sum(size) AS bytes FROM (SELECT DISTINCT media_use.channel AS "
          "channel, blob.id, blob.size AS size FROM media_use JOIN media ON "
          "media.guid = media_use.media JOIN blob ON blob.id = media.blob "
          "WHERE media_use.channel > 0) GROUP BY channel) AS files ON "
          "files.channel = channel.id ORDER BY 3 DESC, 1");
      !ready)
    return ready;
  Use scan(all);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    std::array<std::uint8_t, 16> bytes{};
    const ByteView stored = scan.blob(0);
    std::copy_n(stored.begin(), std::min(stored.size(), bytes.size()), bytes.begin());
    const auto guid = Guid::from_bytes(bytes);
    if (!guid) continue;
    out.push_back(
        {*guid, {scan.integer(1), scan.integer(2)}, scan.integer(3) != 0, scan.integer(4)});
  }
}

/// Bytes of files by what holds them, and those that nothing does.
Status read_files_table(Database& db, DiskUse& out) {
  Statement sums;
  if (auto ready = sums.prepare(
          db,
          "SELECT kind, sum(size) FROM (SELECT blob.size AS size, max(CASE WHEN media.state = 0 "
          "THEN 0 WHEN EXISTS(SELECT 1 FROM media_use WHERE media_use.media = media.guid AND "
          "channel > 0) THEN 3 WHEN EXISTS(SELECT 1 FROM media_use WHERE media_use.media = "
          "media.guid AND holder > 0) THEN 2 ELSE 1 END) AS kind FROM blob JOIN media ON "
          "media.blob "
          "= blob.id WHERE blob.state = 1 GROUP BY blob.id) GROUP BY kind");
      !ready)
    return ready;
  Use scan(sums);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::int64_t bytes = scan.integer(1);
    if (scan.integer(0) == 3) out.files.channels = bytes;
    if (scan.integer(0) == 2) out.files.waiting = bytes;
    if (scan.integer(0) == 1) out.files.unused = bytes;
  }
  const auto gone = db.integer("SELECT coalesce(sum(size), 0) FROM blob WHERE state > 1");
  if (!gone) return std::unexpected(gone.error());
  out.files.gone = *gone;
  Statement unused;
  if (auto ready = unused.prepare(
          db,
          "SELECT guid, owner, size, touched FROM media WHERE state = 1 AND NOT EXISTS(SELECT 1 "
          "FROM media_use WHERE media_use.media = media.guid AND (channel > 0 OR holder > 0)) "
          "ORDER BY size DESC, guid");
      !ready)
    return ready;
  Use all(unused);
  for (;;) {
    const auto row = all.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    std::array<std::uint8_t, 16> bytes{};
    const ByteView stored = all.blob(0);
    std::copy_n(stored.begin(), std::min(stored.size(), bytes.size()), bytes.begin());
    if (const auto guid = Guid::from_bytes(bytes))
      out.unused.push_back({*guid, all.text(1), all.integer(2), all.integer(3)});
  }
}

Status read_users(Database& db, std::vector<DiskUser>& out) {
  // An inbox is of a user, or of one device of theirs: user/terminal.
  constexpr std::pair<std::string_view, std::int64_t DiskUser::*> kSums[] = {
      {"SELECT name, sum(bytes & 4294967295) FROM inbox JOIN user ON user.id = inbox.user GROUP BY "
       "name",
       &DiskUser::waiting},
      {"SELECT id, sum(length(CAST(document AS BLOB))) FROM document GROUP BY id",
       &DiskUser::documents},
      {"SELECT id, length(CAST(meta AS BLOB)) FROM identity", &DiskUser::documents},
      {"SELECT owner, sum(size) FROM media WHERE state < 2 GROUP BY owner", &DiskUser::files}};
  std::map<std::string, DiskUser> all;
  for (const auto& [sql, to] : kSums) {
    Statement sum;
    if (auto ready = sum.prepare(db, sql); !ready) return ready;
    Use scan(sum);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      std::string id = scan.text(0);
      id.resize(std::min(id.find('/'), id.size()));
      DiskUser& one = all[id];
      one.id = id;
      one.*to += scan.integer(1);
    }
  }
  for (auto& [id, one] : all) out.push_back(std::move(one));
  std::ranges::sort(out, {}, [](const DiskUser& one) { return std::pair(-one.all(), one.id); });
  return {};
}

Status read_hubs(Database& db, std::vector<StoredHubChange>& out) {
  Statement some;
  if (auto ready = some.prepare(
          db, "SELECT id, hub, number, change FROM hub_change WHERE id > ? ORDER BY id LIMIT ?");
      !ready)
    return ready;
  for (std::int64_t last = 0;;) {
    const std::size_t before = out.size();
    Use scan(some);
    scan.bind(last).bind(static_cast<std::int64_t>(kHubRows));
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      out.push_back({scan.integer(0), scan.text(1), scan.integer(2), scan.text(3)});
      last = scan.integer(0);
    }
    if (out.size() - before < kHubRows) return {};
  }
}

Status read_database(Database& db, DiskUse& out, std::map<std::string_view, std::int64_t>& parts,
                     std::int64_t& size) {
  const auto format = db.integer("PRAGMA user_version");
  if (!format) return std::unexpected(format.error());
  if (*format != kStoreFormat)
    return fail(Errc::edition,
                "the store is of another version; start this one's dimd once, or use that version");
  if (auto done = read_tables(db, parts); !done) return done;
  if (auto done = read_channels(db, out.channels); !done) return done;
  if (auto done = read_users(db, out.users); !done) return done;
  if (auto done = read_files_table(db, out); !done) return done;
  if (auto done = read_hubs(db, out.hub_changes); !done) return done;
  const auto pages = db.integer("PRAGMA page_count");
  const auto page = db.integer("PRAGMA page_size");
  if (!pages || !page) return std::unexpected(!pages ? pages.error() : page.error());
  size = *pages * *page;
  return {};
}

}  // namespace

std::int64_t DiskUse::part(std::string_view name) const {
  const auto found = std::ranges::find(parts, name, &DiskPart::name);
  return found == parts.end() ? 0 : found->bytes;
}

Result<DiskUse> read_disk_use(const std::string& folder, bool stopped) {
  const std::string path = folder + "/station.db";
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return fail(Errc::not_found, "there is no station.db in the data folder");
  // What SQLite makes to read, and a stopped station would find.
  std::vector<std::string> made;
  if (stopped) {
    for (const char* end : {"-shm", "-wal"}) {
      if (!fs::exists(path + end, error)) made.push_back(path + end);
    }
  }
  DiskUse out;
  std::map<std::string_view, std::int64_t> parts;
  std::int64_t size = 0;
  Status done;
  {
    // Without the station's checksums: those of a log that another process writes are not known.
    Database db;
    done = db.open(path, SQLITE_OPEN_READWRITE, nullptr);
    if (done) {
      sqlite3_busy_timeout(db.handle(), 2'000);
      // What the log holds is the station's to move, or to find damaged.
      sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
      done = db.run("PRAGMA query_only=ON; PRAGMA cache_size=-2048");
      if (done) done = read_database(db, out, parts, size);
    }
  }
  for (const std::string& file : made) {
    // An empty log and its index say nothing.
    if (file.ends_with("-shm") || fs::file_size(file, error) == 0) fs::remove(file, error);
  }
  if (!done) return std::unexpected(done.error());
  auto files = read_files(folder);
  if (!files) return std::unexpected(files.error());
  // Pages that are in the log and not in the database yet count where they belong.
  const std::int64_t ahead = std::clamp<std::int64_t>(size - files->database, 0, files->log);
  std::int64_t tables = 0;
  for (const auto& [name, bytes] : parts) tables += bytes;
  for (const auto& [name, bytes] : files->parts) {
    parts[name] += bytes;
    out.total += bytes;
  }
  out.total += files->database;
  parts["log"] -= ahead;
  // Of a station that works meanwhile it may be some pages off; it never makes the sum wrong.
  parts["free"] += files->database + ahead - tables;
  for (const std::string_view name : kParts) out.parts.push_back({std::string(name), parts[name]});
  DiskFiles& by = out.files;
  by.uploads =
      std::max<std::int64_t>(0, out.part("files") - by.channels - by.waiting - by.unused - by.gone);
  return out;
}

}  // namespace dim
