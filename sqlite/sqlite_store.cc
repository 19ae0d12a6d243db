#include "sqlite/sqlite_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "dim/crypto/os_random.h"
#include "dim/store/rules.h"
#include "sqlite/checked_vfs.h"
#include "sqlite/database.h"
#include "sqlite/folder_lock.h"
#include "sqlite/log_check.h"
#include "sqlite/log_mover.h"
#include "sqlite/post_reads.h"
#include "sqlite/record.h"
#include "sqlite/reserve.h"
#include "sqlite/schema.h"
#include "sqlite/store_writer.h"
#include "sqlite/waiting.h"

namespace dim {
namespace {

constexpr std::size_t kSweepFrom = 1'024;  // dead rows; fewer wait for a quiet moment
constexpr std::size_t kSliceRows = 128;    // of one idle transaction: somebody may come meanwhile
constexpr std::size_t kSweepMore = 4;      // rows of a commit, beside two for each write
constexpr Millis kForgetEveryMs = 24 * 3'600'000;
constexpr std::size_t kPageBytes = kDatabasePageBytes;
constexpr std::size_t kForcedCheckpoint = 8;  // times the log that tidy() would have moved
constexpr std::size_t kSliceKeys = 4'096;
constexpr int kLong = 16;          // the same
constexpr Millis kHeldMs = 1'000;  // between two looks at a long log that a reader holds
constexpr int kLastPages = 64;     // moved by the thread that commits, in half a millisecond

}  // namespace

struct SqliteStore::Impl {
  Impl(SqliteOptions given, std::string where)
      : options(std::move(given)),
        folder(std::move(where)),
        waiting(options.cached_users),
        writer(waiting, options.limits, options.media, options.audit) {}

  Status open();
  Status prepare_reads();
  using Alone = std::unique_lock<std::mutex>;
  Result<std::vector<Written>> transact(std::span<const Write> batch, Alone& alone);
  /// Commits what was written since begin(), and overwrites what it has doomed.
  Status finish(Alone& alone);
  /// Moves the whole log into the database, as far as readers let it. Waits for none of them unless
  /// `patient`: commits would wait too.
  Status checkpoint(int mode, bool patient = false);
  void log_began() { moved_pages = verified_pages = held_pages = long_until = 0; }
  /// Of the first `reached` pages of the log, `moved_pages` were moved.
  void note_moved(int reached);
  /// A reader, a backup say, was in the way not long ago: each try looks at the whole log.
  bool is_held() const;
  /// So much was left behind by a reader that it takes seconds: the mover does it, and nobody waits
  /// for it as long as the log does not become twice what it was then.
  bool is_long() const;
  void send_mover();
  int checkpoint_pages() const { return static_cast<int>(options.checkpoint_bytes / kPageBytes); }
  /// Beside the commits what there is much of, at once what there is little of.
  Status move_some();
  /// What the mover has done since.
  Status take_moved();
  Result<bool> idle_slice(Millis now, Alone& alone);
  Database& reads() { return options.exclusive ? writer.db() : reader; }
  /// Whether what comes leaves the room that is kept for a full disk.
  Result<bool> may_add();
  /// What a failed transaction leaves: everything as before, or a store that has stopped.
  void undo(const Error& error);

  SqliteOptions options;
  std::string folder;
  FolderLock lock;
  Reserve reserve;
  OsRandom os_random;
  std::unique_ptr<CheckedVfs> vfs;
  std::unique_ptr<PostKeys> keys;
  std::unique_ptr<BlobFolder> folder_of_blobs;
  BlobDisk* blobs = nullptr;
  Waiting waiting;
  std::mutex read_mutex;  // the reading connection; in exclusive mode the writing one too
  StoreWriter writer;
  Database reader;
  PostTableReads posts;
  MediaTableReads media_rows;
  OperatorTableReads acts;
  PrekeyTableReads prekeys;
  Statement find_msg, find_identity, find_documents, find_name, find_resume, find_newest;
  std::size_t torn_bytes = 0;
  bool broken = false;
  bool closed = false;
  std::unique_ptr<LogMover> mover;  // none in exclusive mode
  int log_pages = 0;
  int moved_pages = 0;     // of them, known to be in the database
  int verified_pages = 0;  // of them, read since they were written
  int held_pages = 0;      // how long the log was when much of it could not be moved; 0: it could
  int long_until = 0;      // pages of the log
  Millis held_at = 0;
  std::uint64_t log_begins = 0;
  std::uint64_t mover_log = 0;  // log_begins of when the mover was sent off
  int mover_to = 0;             // and up to where
  Millis forgot_at = INT64_MIN;
  bool forgetting = false;
  bool expiring = false;
  bool dropping = true;  // channels of which an earlier run may have left something
  Bytes forget_from;
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() { static_cast<void>(close()); }

Status SqliteStore::close() {
  Impl& impl = *impl_;
  if (impl.closed) return {};
  impl.closed = true;
  Status moved;
  if (!impl.broken) moved = impl.checkpoint(SQLITE_CHECKPOINT_TRUNCATE, true);
  for (Statement* statement : {&impl.find_msg, &impl.find_identity, &impl.find_documents,
                               &impl.find_name, &impl.find_resume, &impl.find_newest}) {
    statement->finish();
  }
  impl.mover.reset();
  impl.posts.stop();
  impl.media_rows.stop();
  impl.acts.stop();
  impl.prekeys.stop();
  impl.reader.close();
  impl.writer.stop();
  impl.keys.reset();
  impl.lock = {};
  return moved;
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& folder,
                                                       const SqliteOptions& options) {
  auto impl = std::make_unique<Impl>(options, folder);
  if (auto done = impl->open(); !done) {
    impl->writer.stop();
    return std::unexpected(done.error());
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

Status SqliteStore::Impl::open() {
  const std::string path = folder + "/station.db";
  auto made = CheckedVfs::make(options.vfs);
  if (!made) return std::unexpected(made.error());
  vfs = std::move(*made);
  if (options.vfs.empty()) {
    auto taken = FolderLock::take(folder);
    if (!taken) return std::unexpected(taken.error());
    lock = std::move(*taken);
    // SQLite would make it readable for all; its other files take over this one's mode.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
    if (options.reserve_bytes) reserve = Reserve(folder, *options.reserve_bytes);
    if (auto done = sync_folder(folder); !done) return done;
  }
  sqlite3_vfs* const disk = sqlite3_vfs_find(options.vfs.empty() ? nullptr : options.vfs.c_str());
  const auto torn = check_log(disk, path);
  if (!torn) return std::unexpected(torn.error());
  torn_bytes = *torn;
  if (auto done = writer.db().open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs->name());
      !done) {
    return done;
  }
  if (auto done = prepare_database(writer.db(), options.exclusive); !done) return done;
  sqlite3_wal_hook(
      writer.db().handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        auto& impl = *static_cast<Impl*>(self);
        impl.log_pages = pages;
        const std::uint64_t begins = impl.vfs->log_begins();
        if (std::exchange(impl.log_begins, begins) != begins) impl.log_began();
        return SQLITE_OK;
      },
      this);
  // Each run begins with an empty log: what an earlier one left unfinished in it can never look
  // like this one's.
  if (auto done = checkpoint(SQLITE_CHECKPOINT_TRUNCATE, true);
      !done && done.error().code != Errc::insufficient_storage) {
    return done;
  }
  blobs = options.blobs;
  if (blobs == nullptr && options.vfs.empty()) {
    auto files = BlobFolder::open(folder + "/media");
    if (!files) return std::unexpected(files.error());
    folder_of_blobs = std::move(*files);
    blobs = folder_of_blobs.get();
  }
  auto opened = PostKeys::open(writer.db(), disk, path,
                               options.random != nullptr ? *options.random : os_random);
  if (!opened) return std::unexpected(opened.error());
  keys = std::move(*opened);
  if (auto done = writer.start(blobs, *keys); !done) return done;
  if (!options.exclusive) {
    if (auto done = reader.open(path, SQLITE_OPEN_READWRITE, vfs->name()); !done) return done;
    sqlite3_busy_timeout(reader.handle(), 2'000);
    if (auto done =
            reader.run("PRAGMA query_only=ON; PRAGMA cache_size=-16384; PRAGMA cell_size_check=ON");
        !done) {
      return done;
    }
    auto started = LogMover::start(path, vfs->name());
    if (!started) return std::unexpected(started.error());
    mover = std::move(*started);
  }
  return prepare_reads();
}

Status SqliteStore::Impl::prepare_reads() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_msg, "SELECT body FROM msg WHERE id = ?"},
      {&find_identity, "SELECT meta, pinned FROM identity WHERE id = ?"},
      {&find_documents,
       "SELECT type, terminal, time, document FROM document WHERE id = ? ORDER BY type, terminal"},
      {&find_name, "SELECT owner FROM name WHERE name = ?"},
      {&find_resume, "SELECT user, secret, expires FROM resume WHERE session = ?"},
      {&find_newest, "SELECT upto FROM acked JOIN user ON user.id = acked.user WHERE name = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(reads(), sql); !ready) return ready;
  }
  if (auto ready = posts.start(reads(), *keys); !ready) return ready;
  if (auto ready = media_rows.start(reads()); !ready) return ready;
  if (auto ready = acts.start(reads()); !ready) return ready;
  return prekeys.start(reads());
}

void SqliteStore::Impl::undo(const Error& error) {
  const bool undone = writer.rollback().has_value();
  waiting.discard();
  if (!undone || error.code != Errc::insufficient_storage) broken = true;
}

Result<std::vector<Written>> SqliteStore::Impl::transact(std::span<const Write> batch,
                                                         Alone& alone) {
  if (auto done = writer.begin(); !done) return std::unexpected(done.error());
  if (waiting.dead() >= kSweepFrom) {
    // Pages that become free here take the batch's messages: removal then writes next to nothing of
    // its own.
    if (auto done = writer.sweep(2 * batch.size() + kSweepMore); !done)
      return std::unexpected(done.error());
  }
  std::vector<Written> out;
  out.reserve(batch.size());
  for (const Write& write : batch) {
    if (is_void(write, out) || lacks_ground(batch, out)) {
      out.push_back({Accepted::conflict, {}});
      continue;
    }
    if (std::holds_alternative<DropChannel>(write)) dropping = true;
    auto written = writer.apply(write);
    if (!written) return std::unexpected(written.error());
    out.push_back(std::move(*written));
  }
  if (auto done = finish(alone); !done) return std::unexpected(done.error());
  return out;
}

Result<bool> SqliteStore::Impl::may_add() {
  if (reserve.whole() || reserve.restore()) return true;
  // What was deleted has left room within the database.
  const auto free = writer.db().integer("PRAGMA freelist_count");
  if (!free) return std::unexpected(free.error());
  return *free * static_cast<std::int64_t>(kPageBytes) >= reserve.bytes();
}

Status SqliteStore::Impl::finish(Alone& alone) {
  const auto after = writer.prepare();
  if (!after) return std::unexpected(after.error());
  const bool follows = after->destroy || after->cut;
  // A reader would hold up the cutting of the log, or meet something whose key is gone.
  if (follows && !alone.owns_lock()) alone = Alone(read_mutex);
  if (auto done = writer.commit(); !done || !follows) return done;
  if (auto done = writer.destroy(); !done) return done;
  if (!after->cut) return {};
  // The pages that held it are written over where they stand, and the log is cut. On a full disk
  // that waits for room: what is there opens no more.
  if (auto done = checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
      !done && done.error().code != Errc::insufficient_storage)
    return fail(Errc::io, "the disk failed while something was destroyed; check it");
  return {};
}

Result<std::vector<Written>> SqliteStore::commit(std::span<const Write> batch) {
  Impl& impl = *impl_;
  if (impl.broken)
    return fail(Errc::io, "the store stopped after a failure of the disk; end the process");
  if (batch.empty()) return std::vector<Written>{};
  Impl::Alone alone;
  if (impl.options.exclusive) alone = Impl::Alone(impl.read_mutex);
  if (!impl.reserve.whole() && adds_messages(batch)) {
    const auto may = impl.may_add();
    if (!may) return std::unexpected(may.error());
    if (!*may)
      return fail(Errc::insufficient_storage, "the disk is full; what makes room is taken");
  }
  auto out = impl.transact(batch, alone);
  if (!out) impl.undo(out.error());
  if (!out && out.error().code == Errc::insufficient_storage && !impl.broken &&
      !adds_messages(batch) && makes_room(batch) && impl.reserve.release()) {
    out = impl.transact(batch, alone);
    if (!out) impl.undo(out.error());
  }
  if (!out) return out;
  impl.waiting.publish();
  if (static_cast<std::size_t>(impl.log_pages) * kPageBytes >=
          kForcedCheckpoint * impl.options.checkpoint_bytes &&
      !impl.is_held()) {
    // Nobody calls tidy(), or a reader held the log each time. The batch is durable whatever comes
    // of this.
    const auto moved = impl.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    if (!moved && moved.error().code != Errc::insufficient_storage) impl.broken = true;
  }
  return out;
}

Status SqliteStore::Impl::checkpoint(int mode, bool patient) {
  if (!patient && is_long()) {
    if (mover->busy()) return {};
    if (auto taken = take_moved(); !taken) return taken;
    if (is_long()) {
      if (!is_held()) send_mover();
      return {};
    }
  }
  if (mover) mover->wait();
  if (auto taken = take_moved(); !taken) return taken;
  // A bad page found half way would leave the database between two states.
  if (auto right = verify_log(writer.db(), std::max(moved_pages, verified_pages), log_pages);
      !right)
    return right;
  verified_pages = log_pages;
  if (!patient) sqlite3_busy_timeout(writer.db().handle(), 0);
  const auto state = move_log(writer.db(), mode);
  sqlite3_busy_timeout(writer.db().handle(), kBusyMs);
  if (!state) return std::unexpected(state.error());
  if (!*state) return {};  // somebody else is at it: next time
  log_pages = (**state).cut ? 0 : (**state).frames;
  if ((**state).cut) {
    log_began();
  } else {
    moved_pages = (**state).moved;
    note_moved(log_pages);
  }
  return {};
}

void SqliteStore::Impl::note_moved(int reached) {
  held_pages = reached - moved_pages > std::max(checkpoint_pages(), kLastPages) ? log_pages : 0;
  if (held_pages != 0) long_until = 2 * log_pages;
}

bool SqliteStore::Impl::is_long() const {
  return mover && log_pages < long_until && log_pages - moved_pages > kLong * checkpoint_pages();
}

bool SqliteStore::Impl::is_held() const {
  return held_pages != 0 && log_pages < held_pages + held_pages / 16 + checkpoint_pages();
}

Status SqliteStore::Impl::take_moved() {
  if (!mover) return {};
  const auto done = mover->take();
  if (!done) return {};
  if (!*done) return std::unexpected((*done).error());
  if (mover_log != log_begins) return {};
  moved_pages = std::max(moved_pages, **done);
  verified_pages = std::max(verified_pages, mover_to);
  note_moved(mover_to);
  return {};
}

Status SqliteStore::Impl::move_some() {
  if (mover && mover->busy()) return {};
  if (auto taken = take_moved(); !taken) return taken;
  if (static_cast<std::size_t>(log_pages) * kPageBytes < options.checkpoint_bytes ||
      moved_pages >= log_pages || is_held()) {
    return {};
  }
  // The thread never gets to the end of a log that grows: the last pages are moved between two
  // commits, and the next one begins the log anew.
  if (!mover || log_pages - moved_pages <= kLastPages) return checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  send_mover();
  return {};
}

void SqliteStore::Impl::send_mover() {
  mover_log = log_begins;
  mover_to = log_pages;
  mover->begin(std::max(moved_pages, verified_pages), log_pages);
}

Result<bool> SqliteStore::Impl::idle_slice(Millis now, Alone& alone) {
  if (!forgetting &&
      (forgot_at == INT64_MIN || now >= forgot_at + kForgetEveryMs || now < forgot_at)) {
    forgetting = expiring = true;
    forgot_at = now;
    forget_from.clear();
  }
  const auto media = writer.media().has_work(now);
  if (!media) return std::unexpected(media.error());
  if (!waiting.has_dead() && !forgetting && !expiring && !dropping && !*media) {
    const auto rotating = writer.posts().rotate(now, kSliceKeys);
    if (!rotating) return std::unexpected(rotating.error());
    if (*rotating) return true;
    if (log_pages == 0) return false;
    if (mover && mover->busy()) return true;
    if (auto taken = take_moved(); !taken) return std::unexpected(taken.error());
    if (held_pages != 0 && now >= held_at && now < held_at + kHeldMs) return false;
    held_at = now;
    if (is_long()) {
      send_mover();
      return true;
    }
    if (auto done = checkpoint(SQLITE_CHECKPOINT_TRUNCATE); !done)
      return std::unexpected(done.error());
    return false;
  }
  const auto work = [&]() -> Status {
    if (auto done = writer.begin(); !done) return done;
    writer.uses().tell_time(now);
    // First: files go whose rows were committed as gone, and not by this transaction.
    if (*media) {
      if (auto swept = writer.media().sweep(now, kSliceRows / 4); !swept) return swept;
    }
    if (auto done = writer.sweep(kSliceRows); !done) return done;
    if (forgetting) {
      if (auto done = writer.drop_expired(now, kSliceRows); !done) return done;
      if (auto done = writer.acts().forget_acts(now, kSliceRows); !done) return done;
      auto next = writer.forget(forget_from, now - kSeenMs, now + kForgetEveryMs, kSliceRows);
      if (!next) return std::unexpected(next.error());
      forget_from = std::move(*next);
      forgetting = !forget_from.empty();
    }
    if (expiring) {
      const auto more = writer.expire(now - kSeenMs, kSliceRows / 4);
      if (!more) return std::unexpected(more.error());
      expiring = *more;
    }
    if (dropping) {
      const auto more = writer.sweep_channels(kSliceRows / 4);
      if (!more) return std::unexpected(more.error());
      dropping = *more;
    }
    return finish(alone);
  };
  if (auto done = work(); !done) {
    undo(done.error());
    return std::unexpected(done.error());
  }
  waiting.publish();
  return true;
}

Result<bool> SqliteStore::tidy(Millis now, bool idle) {
  Impl& impl = *impl_;
  if (impl.broken)
    return fail(Errc::io, "the store stopped after a failure of the disk; end the process");
  Impl::Alone alone;
  if (impl.options.exclusive) alone = Impl::Alone(impl.read_mutex);
  if (auto done = impl.move_some(); !done) {
    if (done.error().code != Errc::insufficient_storage) impl.broken = true;
    return std::unexpected(done.error());
  }
  if (!idle) return false;
  auto more = impl.idle_slice(now, alone);
  if (!more && more.error().code != Errc::insufficient_storage) impl.broken = true;
  return more;
}

Result<std::vector<StoredMessage>> SqliteStore::inbox(const std::string& user, Cursor after,
                                                      std::size_t limit, std::size_t bytes) {
  Impl& impl = *impl_;
  const std::vector<WaitingRow> rows = impl.waiting.read(user, after, limit, bytes);
  std::vector<StoredMessage> out;
  if (rows.empty()) return out;
  out.reserve(rows.size());
  const std::scoped_lock lock(impl.read_mutex);
  for (const WaitingRow& row : rows) {
    Use find(impl.find_msg);
    const auto found = find.bind(row.message()).step();
    Result<StoredMessage> message =
        fail(Errc::internal, "a stored message is missing; salvage the store");
    if (!found) {
      message = std::unexpected(found.error());
    } else if (*found) {
      message = decode_record(row.message(), find.blob(0));
    } else if (!impl.waiting.still_waits(user, row.cursor)) {
      continue;  // acknowledged and removed while we read
    }
    if (!message) {
      if (!out.empty()) break;
      return std::unexpected(Error{message.error().code, message.error().hint,
                                   static_cast<std::uint32_t>(row.cursor)});
    }
    message->cursor = row.cursor;
    out.push_back(std::move(*message));
  }
  return out;
}

Result<std::optional<StoredIdentity>> SqliteStore::identity(const std::string& id) {
  const std::scoped_lock lock(impl_->read_mutex);
  Use find(impl_->find_identity);
  const auto row = find.bind(id).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return StoredIdentity{find.text(0), find.integer(1) != 0};
}

Result<std::vector<StoredDocument>> SqliteStore::documents(const std::string& id) {
  const std::scoped_lock lock(impl_->read_mutex);
  Use find(impl_->find_documents);
  find.bind(id);
  std::vector<StoredDocument> out;
  for (;;) {
    const auto row = find.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({find.text(0), find.text(1), find.integer(2), find.text(3)});
  }
}

Result<std::optional<std::string>> SqliteStore::owner_of(const std::string& name) {
  const std::scoped_lock lock(impl_->read_mutex);
  Use find(impl_->find_name);
  const auto row = find.bind(name).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return find.text(0);
}

Result<std::optional<StoredResume>> SqliteStore::resume(const Guid& session) {
  const std::scoped_lock lock(impl_->read_mutex);
  Use find(impl_->find_resume);
  const auto row = find.bind(ByteView(session.bytes())).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return StoredResume{find.text(0), find.text(1), find.integer(2)};
}

Result<Cursor> SqliteStore::newest(const std::string& user) {
  if (const auto known = impl_->waiting.newest(user)) return *known;
  // Not in memory: nothing waits, so everything ever given was acknowledged.
  const std::scoped_lock lock(impl_->read_mutex);
  Use find(impl_->find_newest);
  const auto row = find.bind(user).step();
  if (!row) return std::unexpected(row.error());
  return *row ? find.integer(0) : 0;
}

Result<std::vector<StoredHubChange>> SqliteStore::hub_changes(std::int64_t row, std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.hub_changes(row, limit);
}

Result<std::optional<Post>> SqliteStore::post(const Guid& guid) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.post(guid);
}

Result<std::vector<Post>> SqliteStore::posts(const Guid& channel, const PostPage& page) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.posts(channel, page);
}

Result<std::vector<PostRevision>> SqliteStore::revisions(const Guid& guid, std::int64_t after,
                                                         std::size_t bytes) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.revisions(guid, after, bytes);
}

Result<std::vector<ExpectedErasure>> SqliteStore::expected_erasures(const std::string& object) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.expected_erasures(object);
}

Result<std::vector<std::string>> SqliteStore::erasures(const Guid& guid) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.erasures(guid);
}

Result<ReadState> SqliteStore::read_state(const Guid& channel, const std::string& user) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.read_state(channel, user);
}

Result<std::vector<StoredReport>> SqliteStore::reports(std::span<const Guid> channels,
                                                       std::int64_t row, std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.reports(channels, row, limit);
}

Result<Millis> SqliteStore::next_expiry() {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.next_expiry();
}

Result<Millis> SqliteStore::last_swept() {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.last_swept();
}

Result<std::vector<FoundPost>> SqliteStore::search(std::span<const Guid> channels,
                                                   std::string_view words, std::int64_t place,
                                                   std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->posts.search(channels, words, place, limit);
}

Result<std::optional<StoredMedia>> SqliteStore::media(const Guid& guid) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->media_rows.media(guid);
}

Result<std::vector<Guid>> SqliteStore::media_channels(const Guid& guid, std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->media_rows.channels(guid, limit);
}

Result<bool> SqliteStore::media_sent(const Guid& guid) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->media_rows.sent(guid);
}

Result<std::vector<Guid>> SqliteStore::media_with(const Digest32& digest, std::int64_t size,
                                                  std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->media_rows.with(digest, size, limit);
}

Result<std::string> SqliteStore::media_bytes(const StoredMedia& media, std::int64_t first,
                                             std::size_t size) {
  if (impl_->blobs == nullptr) return fail(Errc::not_found, "this station keeps no media");
  std::string out(size, '\0');
  if (auto done = impl_->blobs->read(media.blob, first,
                                     {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
      !done) {
    return std::unexpected(done.error());
  }
  return out;
}

Result<std::vector<StoredSetting>> SqliteStore::settings() {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->acts.settings();
}

Result<std::vector<StoredAudit>> SqliteStore::audit(const std::optional<std::string>& hub,
                                                    std::int64_t before, std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->acts.audit(hub, before, limit);
}

Result<std::vector<std::string>> SqliteStore::identities(const std::string& after,
                                                         std::size_t limit) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->acts.identities(after, limit);
}

Result<UserUse> SqliteStore::user_use(const std::string& user) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->acts.user_use(user);
}

Result<ChannelUse> SqliteStore::channel_use(const Guid& channel) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->acts.channel_use(channel);
}

Result<std::vector<StoredPrekeys>> SqliteStore::prekeys(const std::string& user) {
  const std::scoped_lock lock(impl_->read_mutex);
  return impl_->prekeys.prekeys(user);
}

std::size_t SqliteStore::torn_bytes() const { return impl_->torn_bytes; }

Result<std::size_t> SqliteStore::verify() {
  const std::scoped_lock lock(impl_->read_mutex);
  Statement check;
  if (auto ready = check.prepare(impl_->reads(), "PRAGMA integrity_check(1)"); !ready)
    return std::unexpected(ready.error());
  {
    Use use(check);
    const auto row = use.step();
    if (!row) return std::unexpected(row.error());
    if (!*row || use.text(0) != "ok")
      return fail(Errc::internal, "the store's database is damaged; restore it or salvage it");
  }
  Statement all;
  if (auto ready = all.prepare(impl_->reads(), "SELECT id, body FROM msg"); !ready)
    return std::unexpected(ready.error());
  Use scan(all);
  std::size_t damaged = 0;
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (!decode_record(scan.integer(0), scan.blob(1))) ++damaged;
  }
  const auto posts = impl_->posts.count_damaged(impl_->reads());
  if (!posts) return posts;
  return damaged + *posts;
}

}  // namespace dim
