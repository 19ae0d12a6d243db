#include "server/backup_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "server/admin_channel.h"
#include "server/key_file.h"
#include "server/store_failure.h"
#include "sqlite/folder_lock.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_copy.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256 * 1'024;
constexpr int kTries = 20;  // to copy a database in which nothing is destroyed meanwhile
constexpr std::string_view kPart = "restore.part-";
constexpr std::string_view kUnfinished = ".part-";
constexpr std::string_view kMedia = "media/";

/// An open file; closed with the object.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  static File to_read(const std::string& path) {
    return File(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  /// Made anew, for its owner only.
  static File to_write(const std::string& path) {
    return File(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  }
  explicit operator bool() const { return fd_ >= 0; }

  Result<std::size_t> read(std::span<std::uint8_t> out) {
    for (;;) {
      const ssize_t got = ::read(fd_, out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return fail(Errc::io, "a file cannot be read");
    }
  }
  Status write(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0 && (errno == ENOSPC || errno == EDQUOT))
        return fail(Errc::insufficient_storage, "no space is left on the disk");
      if (done < 0) return fail(Errc::io, "a file cannot be written");
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return {};
  }
  Status sync() {
    if (::fsync(fd_) == 0) return {};
    return fail(errno == ENOSPC ? Errc::insufficient_storage : Errc::io, "the disk takes no more");
  }
  Result<std::int64_t> size() const {
    struct stat state{};
    if (::fstat(fd_, &state) != 0) return fail(Errc::io, "a file cannot be read");
    return std::int64_t{state.st_size};
  }

 private:
  int fd_ = -1;
};

/// A folder of ours that nobody else holds; -1: it is none, or somebody works in it.
int hold_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat state{};
  if (fd >= 0 && ::fstat(fd, &state) == 0 && state.st_uid == ::geteuid() &&
      (state.st_mode & 07777U) == 0700 && ::flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

/// A folder that goes with its object, and with all that is in it. Held while it is there.
class Staging {
 public:
  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code error;
    if (made_) fs::remove_all(path_, error);
    if (held_ >= 0) ::close(held_);
  }
  /// Of a name that nothing has: `beginning` and six letters.
  bool make(const std::string& beginning) {
    path_ = beginning + "XXXXXX";
    made_ = ::mkdtemp(path_.data()) != nullptr;
    if (made_) held_ = hold_folder(path_);
    return made_;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
  int held_ = -1;
};

/// What a backup that was killed has left in this folder: keys and a database, whatever its name.
void sweep(const std::string& folder) {
  constexpr std::size_t kLetters = 6;
  std::error_code error;
  std::vector<fs::path> left;
  for (const auto& one : fs::directory_iterator(folder, error)) {
    const std::string name = one.path().filename().string();
    const std::size_t at = name.rfind(kUnfinished);
    if (at == std::string::npos || name.size() != at + kUnfinished.size() + kLetters) continue;
    left.push_back(one.path());
  }
  for (const fs::path& path : left) {
    const int held = hold_folder(path.string());
    if (held < 0) continue;
    // Only what is full of our own files: an empty one may be that of somebody who begins.
    std::size_t files = 0, ours = 0;
    for (const auto& one : fs::directory_iterator(path, error)) {
      const std::string name = one.path().filename().string();
      ++files;
      if (one.symlink_status(error).type() == fs::file_type::regular &&
          (name == "backup" || name.starts_with("station.db")))
        ++ours;
    }
    if (!error && files > 0 && files == ours) fs::remove_all(path, error);
    ::close(held);
  }
}

std::unexpected<Failure> failed(Exit code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

/// Of a backup's own file and its folder.
Failure file_failure(const std::string& file, const Error& error) {
  const Exit code = error.code == Errc::insufficient_storage ? Exit::disk_full
                    : error.code == Errc::forbidden          ? Exit::not_writable
                                                             : Exit::failed;
  return {code, fmt::format("{}: {}", file, error.hint)};
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

/// One file into the backup; SHA-256 of the bytes that went in. Nothing: it is not there.
Result<std::optional<Digest32>> put(BackupWriter& to, const std::string& name,
                                    const std::string& path, BackupReport& report) {
  File from = File::to_read(path);
  if (!from) {
    if (errno == ENOENT) return std::nullopt;
    return fail(Errc::io, "a file of the station cannot be read");
  }
  const auto size = from.size();
  if (!size) return std::unexpected(size.error());
  if (auto done = to.begin({name, *size}); !done) return std::unexpected(done.error());
  Sha256 hash;
  Bytes buffer(kPiece);
  // As long as it was when it was opened: an upload may go on, and may be overwritten in place.
  for (std::int64_t left = *size; left > 0;) {
    const auto most = static_cast<std::size_t>(std::min<std::int64_t>(left, kPiece));
    const auto got = from.read(std::span(buffer).first(most));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(Errc::io, "a file of the station has become shorter");
    const ByteView bytes = ByteView(buffer).first(*got);
    hash.add(bytes);
    if (auto done = to.add(bytes); !done) return std::unexpected(done.error());
    left -= static_cast<std::int64_t>(*got);
  }
  if (auto done = to.end(); !done) return std::unexpected(done.error());
  report.files.push_back({name, *size});
  return hash.finish();
}

/// What of each file of media went into the backup.
using PutMedia = std::map<std::int64_t, Digest32>;

/// The files of media that are not in it yet: those that are complete, or those whose upload goes
/// on, which have no file before their first piece.
Status put_media(BackupWriter& to, const std::string& data, const CopiedStore& store, bool complete,
                 PutMedia& media, BackupReport& report) {
  for (const CopiedBlob& blob : store.blobs) {
    if (blob.digest.has_value() != complete || media.contains(blob.id)) continue;
    const std::string name = std::string(kMedia) + std::to_string(blob.id);
    const auto digest = put(to, name, data + "/" + name, report);
    if (!digest) return std::unexpected(digest.error());
    if (*digest) media.emplace(blob.id, **digest);
  }
  return {};
}

/// The database, and the files of media. What was destroyed meanwhile, which takes as long as there
/// are files, must not come back out of a backup that ends afterwards: then the database is copied
/// once more.
Result<CopiedStore> put_moment(BackupWriter& to, const std::string& data,
                               const std::string& staging, bool stopped, PutMedia& media,
                               BackupReport& report) {
  for (int tries = 0; tries < kTries; ++tries) {
    auto store = copy_store(data, staging, stopped);
    if (!store) return store;
    if (auto done = put_media(to, data, *store, true, media, report); !done)
      return std::unexpected(done.error());
    const auto late = destroyed_since(data, *store, stopped);
    if (!late) return std::unexpected(late.error());
    if (!*late) return store;
    std::error_code error;
    for (const std::string& name : store->files) fs::remove(staging + "/" + name, error);
  }
  return fail(Errc::unavailable,
              "messages are destroyed faster than the database can be copied; try again");
}

Status write_backup(BackupWriter& to, const std::string& data, const std::string& staging,
                    bool stopped, BackupReport& report) {
  PutMedia media;
  const auto store = put_moment(to, data, staging, stopped, media, report);
  if (!store) return std::unexpected(store.error());
  if (auto done = put_media(to, data, *store, false, media, report); !done) return done;
  // Deleted since the copy was made, or damaged; what is damaged is told, and costs nobody the
  // rest.
  std::vector<std::int64_t> other, gone;
  for (const CopiedBlob& blob : store->blobs) {
    const auto found = media.find(blob.id);
    if (blob.digest && (found == media.end() || found->second != *blob.digest))
      other.push_back(blob.id);
  }
  const auto still = blobs_still_there(data, other, stopped);
  if (!still) return std::unexpected(still.error());
  std::ranges::set_difference(other, *still, std::back_inserter(gone));
  for (const std::int64_t id : *still)
    report.damaged.push_back(std::string(kMedia) + std::to_string(id));
  if (store->unused_damaged > 0)
    report.damaged.push_back(
        fmt::format("{} page(s) of station.db that nothing uses, left out", store->unused_damaged));
  report.gone = static_cast<std::int64_t>(gone.size());
  if (!gone.empty()) {
    if (auto done = forget_blobs(staging, gone); !done) return done;
  }
  for (const std::string& name : store->files) {
    const auto done = put(to, name, staging + "/" + name, report);
    if (!done) return std::unexpected(done.error());
    if (!*done) return fail(Errc::io, "a file of the copy has vanished");
  }
  const auto config = put(to, "dimd.toml", data + "/dimd.toml", report);
  if (!config) return std::unexpected(config.error());
  const auto keys = put(to, "station.keys", key_file(data), report);
  if (!keys) return std::unexpected(keys.error());
  if (!*keys) return fail(Errc::not_found, "station.keys is not there");
  return to.finish();
}

std::string size_text(std::int64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1'024 && unit + 1 < std::size(kUnits); ++unit) value /= 1'024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

/// Reads the backup; what goes wrong is named with the file in it.
std::expected<std::vector<BackupEntry>, Failure> read_backup(const std::string& file,
                                                             const BackupReader::Visitor& visitor) {
  File from = File::to_read(file);
  if (!from) return failed(Exit::usage, fmt::format("{}: this file cannot be read", file));
  BackupReader reader([&from](std::span<std::uint8_t> out) { return from.read(out); });
  auto files = reader.read(visitor);
  if (files) return std::move(*files);
  std::string where;
  if (files.error().code == Errc::internal && !reader.where().empty())
    where = fmt::format(" ({} or behind it)", reader.where());
  Failure why = file_failure(file, files.error());
  return failed(why.code, why.text + where);
}

/// Whether a station can begin with what was read: nothing is restored in part.
std::expected<void, Failure> complete(const std::string& file,
                                      const std::vector<BackupEntry>& files) {
  for (const char* needed : {"station.keys", "station.db"}) {
    if (std::ranges::find(files, needed, &BackupEntry::name) == files.end())
      return failed(Exit::failed, fmt::format("{}: {} is not in this backup", file, needed));
  }
  return {};
}

/// Every file of the backup into `folder`.
std::expected<std::vector<BackupEntry>, Failure> unpack(const std::string& file,
                                                        const std::string& folder) {
  File to;
  BackupReader::Visitor visitor;
  visitor.begin = [&](const BackupEntry& entry) -> Status {
    to = File::to_write(folder + "/" + entry.name);
    if (to) return {};
    if (errno == ENOSPC || errno == EDQUOT)
      return fail(Errc::insufficient_storage, "no space is left for what is in it");
    return fail(Errc::forbidden, "the data folder cannot be written");
  };
  visitor.bytes = [&](ByteView bytes) { return to.write(bytes); };
  visitor.end = [&]() -> Status {
    const Status done = to.sync();
    to = File();
    return done;
  };
  return read_backup(file, visitor);
}

/// Opens what was unpacked as a station does, and reads all of it.
std::expected<void, Failure> try_out(const std::string& folder) {
  const auto card = load_card(folder);
  if (!card) return std::unexpected(card.error());
  auto store = SqliteStore::open(folder);
  if (!store) return std::unexpected(store_failure(folder, store.error()));
  const auto damaged = (*store)->verify();
  if (!damaged) return std::unexpected(store_failure(folder, damaged.error()));
  if (auto closed = (*store)->close(); !closed)
    return std::unexpected(store_failure(folder, closed.error()));
  if (*damaged != 0)
    return failed(Exit::failed, fmt::format("{} messages in this backup cannot be read; take "
                                            "another one",
                                            *damaged));
  return {};
}

/// From `part` up into `data`, the keys last: without them no station begins there.
bool move_up(const std::string& part, const std::string& data) {
  std::error_code error;
  std::vector<fs::path> names;
  for (const auto& one : fs::directory_iterator(part, error))
    names.push_back(one.path().filename());
  if (error || !sync_folder(part + "/media")) return false;
  std::ranges::partition(names, [](const fs::path& name) { return name != "station.keys"; });
  for (const fs::path& name : names) {
    if (name == "station.lock") continue;
    if (name == "station.keys" && !sync_folder(data)) return false;
    fs::rename(fs::path(part) / name, fs::path(data) / name, error);
    if (error) return false;
  }
  return sync_folder(data).has_value();
}

}  // namespace

std::string backup_text(const BackupReport& report, const std::string& file, bool json) {
  std::int64_t bytes = 0, media = 0, media_bytes = 0;
  for (const BackupEntry& one : report.files) {
    bytes += one.size;
    if (!one.name.starts_with(kMedia)) continue;
    ++media;
    media_bytes += one.size;
  }
  if (json) {
    JsonObject out;
    out.set("file", file);
    out.set("bytes", bytes);
    out.set("media", media);
    out.set("media_bytes", media_bytes);
    out.set("gone", report.gone);
    JsonArray damaged, others;
    for (const std::string& one : report.damaged) damaged.emplace_back(one);
    out.set("damaged", std::move(damaged));
    for (const BackupEntry& one : report.files) {
      if (!one.name.starts_with(kMedia)) others.emplace_back(one.name);
    }
    out.set("files", std::move(others));
    return write_json(out) + "\n";
  }
  std::string out;
  for (const BackupEntry& one : report.files) {
    if (!one.name.starts_with(kMedia))
      out += fmt::format("{:>12}  {}\n", size_text(one.size), one.name);
  }
  out += fmt::format("{:>12}  {} files of users\n{:>12}  in all, in {}\n", size_text(media_bytes),
                     media, size_text(bytes), file);
  if (report.gone > 0)
    out += fmt::format("{} files were deleted while the backup was made, and are not in it\n",
                       report.gone);
  for (const std::string& one : report.damaged)
    out += fmt::format("damaged at the station already: {}\n", one);
  return out;
}

std::expected<BackupReport, Failure> make_backup(const std::string& data, const std::string& file) {
  std::error_code error;
  // The lock would make what is not there.
  if (!fs::is_regular_file(data + "/station.db", error) || !have_keys(data))
    return failed(Exit::usage,
                  fmt::format("{}: no station is there; name its folder with --data", data));
  if (fs::is_directory(file, error))
    return failed(Exit::usage, fmt::format("{}: this is a folder; name a file", file));
  const fs::path own = fs::weakly_canonical(data, error);
  const fs::path there = fs::weakly_canonical(parent_of(file), error);
  if (std::mismatch(own.begin(), own.end(), there.begin(), there.end()).first == own.end())
    return failed(Exit::usage,
                  fmt::format("{}: a backup goes elsewhere than into the station's own "
                              "folder, best to another disk",
                              file));
  ::umask(077);
  const auto lock = FolderLock::take(data);
  if (!lock && lock.error().code != Errc::conflict)
    return std::unexpected(store_failure(data, lock.error()));
  sweep(parent_of(file));
  Staging staging;
  if (!staging.make(file + std::string(kUnfinished)))
    return failed(Exit::not_writable,
                  fmt::format("{}: cannot be made there; name a folder that may be written", file));
  const std::string fresh = staging.path() + "/backup";
  File to = File::to_write(fresh);
  if (!to) return failed(Exit::not_writable, fmt::format("{}: cannot be made there", file));
  BackupWriter writer([&to](ByteView bytes) { return to.write(bytes); });
  BackupReport report;
  auto done = write_backup(writer, data, staging.path(), lock.has_value(), report);
  if (done) done = to.sync();
  if (!done && done.error().code == Errc::insufficient_storage)
    return failed(Exit::disk_full, fmt::format("{}: no space for the backup, which needs room for "
                                               "the database twice",
                                               file));
  if (!done && done.error().code == Errc::internal)
    return failed(Exit::keys,
                  fmt::format("{}: the store is damaged ({}); no backup was made, and {} is as it "
                              "was. Keep the backups that you have",
                              data, done.error().hint, file));
  if (!done && done.error().code == Errc::edition)
    return std::unexpected(store_failure(data, done.error()));
  if (!done)
    return failed(Exit::failed, fmt::format("{}: no backup was made: {}", data, done.error().hint));
  fs::rename(fresh, file, error);
  if (error || !sync_folder(parent_of(file)))
    return failed(Exit::not_writable, fmt::format("{}: cannot be made there", file));
  return report;
}

std::expected<BackupReport, Failure> verify_backup(const std::string& file) {
  auto files = read_backup(file, {});
  if (!files) return std::unexpected(files.error());
  if (auto whole = complete(file, *files); !whole) return std::unexpected(whole.error());
  return BackupReport{.files = std::move(*files)};
}

std::expected<BackupReport, Failure> restore_backup(const std::string& file,
                                                    const std::string& data) {
  std::error_code error;
  for (const auto& one : fs::directory_iterator(data, error)) {
    if (one.path().filename().string().starts_with(kPart))
      return failed(
          Exit::usage,
          fmt::format("{}: a restore has not ended here ({}); when none is at work, remove "
                      "what is in the folder, and restore again",
                      data, one.path().filename().string()));
  }
  if (fs::exists(data, error) && !fs::is_empty(data, error))
    return failed(Exit::usage,
                  fmt::format("{}: this folder is not empty; a backup is restored into a new one, "
                              "and never over a station",
                              data));
  // It is read twice: nothing is written before all of it is known to be right.
  if (fs::exists(file, error) && !fs::is_regular_file(file, error))
    return failed(Exit::usage, fmt::format("{}: this is no file; a backup is restored out of one, "
                                           "so decrypt it into a file first",
                                           file));
  auto report = verify_backup(file);
  if (!report) return report;
  ::umask(077);
  auto lock = FolderLock::take(data);
  if (!lock) return std::unexpected(store_failure(data, lock.error()));
  {
    Staging part;
    if (!part.make(data + "/" + std::string(kPart)) ||
        ::mkdir((part.path() + "/media").c_str(), 0700) != 0)
      return failed(Exit::not_writable, fmt::format("{}: the folder cannot be written", data));
    if (auto files = unpack(file, part.path()); !files) {
      fs::remove(data + "/station.lock", error);
      return std::unexpected(files.error());
    }
    if (auto right = try_out(part.path()); !right) {
      fs::remove(data + "/station.lock", error);
      return std::unexpected(right.error());
    }
    if (!move_up(part.path(), data))
      return failed(Exit::not_writable,
                    fmt::format("{}: what was restored cannot be moved into place; empty the "
                                "folder and try again",
                                data));
  }
  return report;
}

}  // namespace dim
