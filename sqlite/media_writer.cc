#include "sqlite/media_writer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dim {
namespace {

constexpr std::size_t kRunning = 64;  // uploads whose hash goes along
constexpr std::size_t kBuffer = 256 * 1024;
constexpr std::int64_t kDeadStep = 32;    // files that one slice of a DESTROY removes
constexpr std::size_t kMostOrphans = 32;  // more than a crash leaves

constexpr std::string_view kFind =
    "SELECT media.owner, media.state, media.size, media.blob, blob.have, media.touched, blob.digest"
    " FROM media LEFT JOIN blob ON blob.id = media.blob WHERE media.guid = ?";

StoredMedia read_row(Use& row) {
  StoredMedia out;
  out.owner = row.text(0);
  out.state = static_cast<MediaState>(row.integer(1));
  out.size = row.integer(2);
  out.blob = row.integer(3);
  const ByteView have = row.blob(4);
  if (out.state == MediaState::open) out.have.assign(have.begin(), have.end());
  out.touched = row.integer(5);
  return out;
}

Result<Guid> read_guid(Use& row, int column) {
  std::array<std::uint8_t, 16> bytes{};
  const ByteView stored = row.blob(column);
  std::copy_n(stored.begin(), std::min(stored.size(), bytes.size()), bytes.begin());
  const auto out = Guid::from_bytes(bytes);
  if (!out) return fail(Errc::internal, "a stored GUID is damaged");
  return *out;
}

Written refused(const Error& error) { return {Accepted::stored, {}, error}; }
/// What cannot be read concerns one object: the others go on.
Written unreadable(const Error& error) {
  if (error.code == Errc::unavailable) return refused(error);
  return refused({Errc::internal, "a file of media cannot be read; restore it from a backup"});
}
Written repeated() { return {Accepted::repeated, {}, {}}; }

}  // namespace

Status MediaWriter::start(Database& db, BlobDisk* disk) {
  disk_ = disk;
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_media_, kFind},
      {&find_uploads_, "SELECT count(*) FROM media WHERE owner = ? AND state = 0"},
      {&find_used_,
       "SELECT total(CASE WHEN state < 2 THEN max(size, ?1) ELSE ?1 END) FROM media WHERE owner ="
       " ?2"},
      {&find_blob_, "SELECT id FROM blob WHERE digest = ? AND size = ? AND state = 1"},
      {&add_blob_, "INSERT INTO blob(size, refs, state, have) VALUES(?, 1, 0, ?)"},
      {&add_media_,
       "INSERT INTO media(guid, owner, state, size, blob, touched) VALUES(?, ?, ?, ?, ?, ?)"},
      {&set_media_, "UPDATE media SET state = ?, blob = ?, touched = ? WHERE guid = ?"},
      {&drop_media_, "DELETE FROM media WHERE guid = ?"},
      {&set_have_, "UPDATE blob SET have = ? WHERE id = ?"},
      {&set_digest_, "UPDATE blob SET digest = ?, state = 1, have = x'' WHERE id = ?"},
      {&add_reference_, "UPDATE blob SET refs = refs + 1 WHERE id = ?"},
      {&drop_reference_,
       "UPDATE blob SET refs = refs - 1, state = CASE refs WHEN 1 THEN 2 ELSE state END WHERE id ="
       " ?"},
      {&dead_blobs_, "SELECT id FROM blob WHERE state = 2 LIMIT ?"},
      {&drop_blob_, "DELETE FROM blob WHERE id = ?"},
      {&stale_, "SELECT guid, blob FROM media WHERE state = 0 AND touched < ? LIMIT ?"},
      {&old_, "SELECT guid, blob FROM media WHERE state = 1 AND touched < ? LIMIT ?"},
      {&marks_, "SELECT guid, blob FROM media WHERE state > 1 AND touched < ? LIMIT ?"},
      {&point_, "UPDATE media SET touched = ? WHERE guid = ?"},
      {&move_media_, "UPDATE media SET blob = ?1 WHERE blob = ?2"},
      {&kill_blob_, "UPDATE blob SET refs = 0, state = 2 WHERE id = ?"},
      {&doom_blob_, "UPDATE blob SET refs = 0, state = 3 WHERE id = ?"},
      {&doomed_blobs_, "SELECT id FROM blob WHERE state = 3 LIMIT ?"},
      {&drop_uses_, "DELETE FROM media_use WHERE media = ?"},
      {&blob_place_, "SELECT size, have, refs, state FROM blob WHERE id = ?"},
      {&move_references_,
       "UPDATE blob SET refs = refs + (SELECT refs FROM blob WHERE id = ?2) WHERE id = ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return disk_ == nullptr ? Status{} : remove_orphans(db);
}

void MediaWriter::stop() {
  for (Statement* statement :
       {&find_media_, &find_uploads_,  &find_used_,      &find_blob_,  &add_blob_,
        &add_media_,  &set_media_,     &drop_media_,     &set_have_,   &set_digest_,
        &drop_blob_,  &add_reference_, &drop_reference_, &dead_blobs_, &stale_,
        &old_,        &marks_,         &point_,          &move_media_, &move_references_,
        &kill_blob_,  &doom_blob_,     &doomed_blobs_,   &blob_place_, &drop_uses_}) {
    statement->finish();
  }
  running_.clear();
}

/// A crash between the making of a file and the row that tells of it, or between a removed row and
/// the removal of its file. Many of them are no crash: the database is another one.
Status MediaWriter::remove_orphans(Database& db) {
  auto files = disk_->list();
  if (!files) return std::unexpected(files.error());
  if (files->size() > kMostOrphans) {
    const auto known = db.integer("SELECT count(*) FROM (SELECT 1 FROM blob LIMIT 1)");
    if (!known) return std::unexpected(known.error());
    if (*known == 0) {
      return fail(Errc::conflict,
                  "the folder media holds files of which the database knows none; put back the "
                  "database that belongs to them, or move the folder away");
    }
  }
  Statement find;
  if (auto ready = find.prepare(db, "SELECT 1 FROM blob WHERE id = ?"); !ready) return ready;
  for (const std::int64_t id : *files) {
    Use use(find);
    const auto row = use.bind(id).step();
    if (!row) return std::unexpected(row.error());
    if (*row) continue;
    if (auto done = disk_->remove(id); !done) return done;
  }
  return {};
}

Result<std::optional<MediaWriter::Row>> MediaWriter::find(const Guid& guid) {
  Use use(find_media_);
  const auto found = use.bind(ByteView(guid.bytes())).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  Row out{.media = read_row(use), .digest = {}};
  const ByteView digest = use.blob(6);
  if (digest.size() == 32) std::ranges::copy(digest, out.digest.emplace().begin());
  return out;
}

Result<Written> MediaWriter::put(const OpenMedia& write) {
  if (disk_ == nullptr) return refused({Errc::not_implemented, "this station keeps no media"});
  const auto known = find(write.guid);
  if (!known) return std::unexpected(known.error());
  if (*known) {
    const Row& row = **known;
    if (const auto error = refuse_open(row.media, write)) return refused(*error);
    if (row.media.state == MediaState::complete && write.digest && row.digest != write.digest)
      return refused({Errc::conflict, "this object is complete, with another digest"});
    return repeated();
  }
  std::size_t uploads = 0;
  std::int64_t used = 0;
  {
    Use count(find_uploads_);
    const auto row = count.bind(write.owner).step();
    if (!row) return std::unexpected(row.error());
    uploads = static_cast<std::size_t>(count.integer(0));
    Use sum(find_used_);
    const auto total = sum.bind(media_charge(0)).bind(write.owner).step();
    if (!total) return std::unexpected(total.error());
    used = sum.integer(0);
  }
  if (const auto error = refuse_new(write, limits_, uploads, used)) return refused(*error);
  std::int64_t blob = 0;
  if (write.digest && write.known) {
    Use same(find_blob_);
    const auto row = same.bind(ByteView(*write.digest)).bind(write.size).step();
    if (!row) return std::unexpected(row.error());
    if (*row) blob = same.integer(0);
  }
  const bool complete = blob != 0;
  if (complete) {
    if (auto done = Use(add_reference_).bind(blob).run(); !done)
      return std::unexpected(done.error());
  } else {
    const Bytes have = no_blocks(write.size);
    Use add(add_blob_);
    if (auto done = add.bind(write.size).bind(ByteView(have)).run(); !done)
      return std::unexpected(done.error());
    blob = add.inserted();
  }
  if (auto done = Use(add_media_)
                      .bind(ByteView(write.guid.bytes()))
                      .bind(write.owner)
                      .bind(std::int64_t{complete ? 1 : 0})
                      .bind(write.size)
                      .bind(blob)
                      .bind(write.time)
                      .run();
      !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

/// Compares the blocks that are there; `fresh` when some are not.
Result<bool> MediaWriter::same_bytes(const StoredMedia& media, std::int64_t first,
                                     std::string_view bytes, bool& fresh) {
  for (std::size_t at = 0; at < bytes.size(); at += limits::kMediaBlock) {
    const std::int64_t place = first + static_cast<std::int64_t>(at);
    if (media.state != MediaState::complete &&
        !has_block(media.have, place / limits::kMediaBlock)) {
      fresh = true;
      continue;
    }
    const std::string_view part = bytes.substr(at, limits::kMediaBlock);
    buffer_.resize(part.size());
    if (auto done = disk_->read(media.blob, place, buffer_); !done)
      return std::unexpected(done.error());
    if (as_text(buffer_) != part) return false;
  }
  return true;
}

Result<Written> MediaWriter::put(const PutPiece& write) {
  auto known = find(write.guid);
  if (!known) return std::unexpected(known.error());
  const auto media = *known ? std::optional((*known)->media) : std::nullopt;
  if (const auto error = refuse_change(media, write.owner)) return refused(*error);
  if (disk_ == nullptr) return refused({Errc::not_implemented, "this station keeps no media"});
  StoredMedia& upload = (*known)->media;
  if (auto right = check_piece(write.first, write.bytes.size(), upload.size); !right)
    return refused(right.error());
  bool fresh = false;
  const auto same = same_bytes(upload, write.first, write.bytes, fresh);
  if (!same) return unreadable(same.error());
  if (!*same) return refused({Errc::conflict, "other bytes than these are there already"});
  if (!fresh) return repeated();

  const ByteView bytes = as_bytes(write.bytes);
  wrote_ = true;
  if (auto done = disk_->write(upload.blob, write.first, bytes); !done) {
    if (done.error().code == Errc::unavailable) return refused(done.error());
    return std::unexpected(done.error());
  }
  const std::int64_t end = write.first + static_cast<std::int64_t>(bytes.size());
  for (std::int64_t block = write.first / limits::kMediaBlock; block < media_blocks(end); ++block)
    add_block(upload.have, block);
  if (auto done = Use(set_have_).bind(ByteView(upload.have)).bind(upload.blob).run(); !done)
    return std::unexpected(done.error());
  if (auto done = Use(point_).bind(write.time).bind(ByteView(write.guid.bytes())).run(); !done)
    return std::unexpected(done.error());
  // What comes in order is hashed on the way, and need not be read for it.
  if (write.first == 0 || running_.contains(upload.blob)) {
    Running& hashed = running(upload.blob);
    if (hashed.upto == write.first) {
      hashed.hash.add(bytes);
      hashed.upto = end;
    }
  }
  return Written{};
}

MediaWriter::Running& MediaWriter::running(std::int64_t blob) {
  if (!running_.contains(blob) && running_.size() >= kRunning) {
    running_.erase(std::ranges::min_element(running_, {},
                                            [](const auto& entry) { return entry.second.used; }));
  }
  Running& out = running_[blob];
  out.used = ++uses_;
  return out;
}

Status MediaWriter::hash_on(const StoredMedia& media) {
  Running& hashed = running(media.blob);
  while (to_hash_ > 0 && hashed.upto < media.size) {
    buffer_.resize(
        std::min<std::size_t>(kBuffer, static_cast<std::size_t>(media.size - hashed.upto)));
    if (auto done = disk_->read(media.blob, hashed.upto, buffer_); !done) return done;
    hashed.hash.add(buffer_);
    hashed.upto += static_cast<std::int64_t>(buffer_.size());
    to_hash_ -= static_cast<std::int64_t>(buffer_.size());
  }
  return {};
}

/// The upload is as if it had never begun.
Status MediaWriter::discard(const Guid& guid, std::int64_t blob) {
  running_.erase(blob);
  if (auto done = Use(drop_media_).bind(ByteView(guid.bytes())).run(); !done) return done;
  return release(blob);
}

Result<Written> MediaWriter::put(const CheckMedia& write) {
  auto known = find(write.guid);
  if (!known) return std::unexpected(known.error());
  if (!*known || !(*known)->media.whole() || disk_ == nullptr) return repeated();
  const StoredMedia& upload = (*known)->media;
  if (upload.owner != write.owner) return repeated();
  if (to_hash_ <= 0 && upload.size > 0) return Written{};  // in another transaction
  if (auto done = hash_on(upload); !done) {
    // What is not there will not come back: who uploads must be able to begin anew.
    const bool lost = done.error().code == Errc::not_found || done.error().code == Errc::internal;
    if (!lost) return unreadable(done.error());
    if (auto gone = discard(write.guid, upload.blob); !gone) return std::unexpected(gone.error());
    return refused(
        {Errc::internal,
         "the station has lost bytes of this upload, which was discarded; send it anew"});
  }
  if (running_[upload.blob].upto < upload.size) return Written{};
  const Digest32 digest = running_[upload.blob].hash.finish();
  running_.erase(upload.blob);
  if (digest != write.digest) {
    if (auto done = discard(write.guid, upload.blob); !done) return std::unexpected(done.error());
    return refused({Errc::bad_request,
                    "the bytes have another digest than announced; the upload was discarded"});
  }
  if (auto done = merge(digest, upload); !done) return std::unexpected(done.error());
  if (auto done = Use(set_digest_).bind(ByteView(digest)).bind(upload.blob).run(); !done)
    return std::unexpected(done.error());
  if (auto done = end(write.guid, upload.blob, MediaState::complete, write.time); !done)
    return std::unexpected(done.error());
  return Written{};
}

/// Of two files with the same bytes the one that was hashed just now stays: nobody has looked at
/// the other since it was written.
Status MediaWriter::merge(const Digest32& digest, const StoredMedia& upload) {
  std::int64_t old = 0;
  {
    Use same(find_blob_);
    const auto row = same.bind(ByteView(digest)).bind(upload.size).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    old = same.integer(0);
  }
  if (auto done = Use(move_media_).bind(upload.blob).bind(old).run(); !done) return done;
  if (auto done = Use(move_references_).bind(upload.blob).bind(old).run(); !done) return done;
  released_now_.insert(old);
  return Use(kill_blob_).bind(old).run();
}

Result<Written> MediaWriter::put(const DropMedia& write) {
  auto known = find(write.guid);
  if (!known) return std::unexpected(known.error());
  const auto media = *known ? std::optional((*known)->media) : std::nullopt;
  if (const auto error = refuse_change(media, write.owner)) return refused(*error);
  if (media->state == MediaState::open) {  // nobody knows of it: no mark is needed
    if (auto done = discard(write.guid, media->blob); !done) return std::unexpected(done.error());
    return Written{};
  }
  if (auto done = release(media->blob); !done) return std::unexpected(done.error());
  if (auto done = end(write.guid, 0, write.as, write.time); !done)
    return std::unexpected(done.error());
  return Written{};
}

Result<Written> MediaWriter::put(const DestroyMedia& write) {
  auto known = find(write.guid);
  if (!known) return std::unexpected(known.error());
  const auto media = *known ? std::optional((*known)->media) : std::nullopt;
  if (media && media->state == MediaState::destroyed && media->owner == write.owner) {
    if (media->blob == 0) return Written{Accepted::repeated, {0}, {}};
    if (doomed_now_.contains(media->blob)) return Written{Accepted::stored, {0}, {}};
    const auto done = overwrite(media->blob);
    if (!done && done.error().code == Errc::unavailable) return refused(done.error());
    if (!done) return std::unexpected(done.error());
    if (!*done) return Written{Accepted::stored, {0}, {}};
    if (auto set = end(write.guid, 0, MediaState::destroyed, write.time); !set)
      return std::unexpected(set.error());
    return Written{Accepted::repeated, {0}, {}};
  }
  if (const auto error = refuse_change(media, write.owner)) return refused(*error);
  if (disk_ == nullptr) return refused({Errc::not_implemented, "this station keeps no media"});
  std::int64_t others = 0;
  {
    Use place(blob_place_);
    const auto row = place.bind(media->blob).step();
    if (!row) return std::unexpected(row.error());
    others = place.integer(2) - 1;
  }
  running_.erase(media->blob);
  if (others > 0) {
    if (auto done = release(media->blob); !done) return std::unexpected(done.error());
    if (auto done = end(write.guid, 0, MediaState::destroyed, write.time); !done)
      return std::unexpected(done.error());
    return Written{Accepted::repeated, {others}, {}};
  }
  if (auto done = doom(write.guid, media->blob, write.time); !done)
    return std::unexpected(done.error());
  return Written{Accepted::stored, {0}, {}};
}

/// The intent; noise comes when it is on the disk.
Status MediaWriter::doom(const Guid& guid, std::int64_t blob, Millis time) {
  doomed_now_.insert(blob);
  if (auto done = Use(doom_blob_).bind(blob).run(); !done) return done;
  return end(guid, blob, MediaState::destroyed, time);
}

Result<bool> MediaWriter::end_unused(const Guid& guid, bool destroy, Millis time) {
  const auto known = find(guid);
  if (!known) return std::unexpected(known.error());
  if (!*known || (*known)->media.state != MediaState::complete) return true;
  const std::int64_t blob = (*known)->media.blob;
  bool last = true;
  {
    Use place(blob_place_);
    const auto row = place.bind(blob).step();
    if (!row) return std::unexpected(row.error());
    last = !*row || place.integer(2) <= 1;
  }
  if (destroy && last) {
    if (auto done = doom(guid, blob, time); !done) return std::unexpected(done.error());
    return true;
  }
  if (auto done = release(blob); !done) return std::unexpected(done.error());
  const MediaState as = destroy ? MediaState::destroyed : MediaState::deleted;
  if (auto done = end(guid, 0, as, time); !done) return std::unexpected(done.error());
  return last;
}

Result<bool> MediaWriter::has_gone() {
  if (disk_ == nullptr) return false;
  {
    Use dead(dead_blobs_);
    const auto row = dead.bind(std::int64_t{1}).step();
    if (!row || *row) return row;
  }
  return has_doomed();
}

Result<bool> MediaWriter::end_some() {
  const auto dead = remove_dead(kDeadStep);
  if (!dead || *dead) return dead;
  const auto doomed = overwrite_some();
  // What became so in this very transaction waits for the next.
  if (!doomed || *doomed) return doomed;
  return has_gone();
}

Result<bool> MediaWriter::remove_dead(std::int64_t most) {
  if (disk_ == nullptr) return false;
  std::vector<std::int64_t> dead;
  {
    Use scan(dead_blobs_);
    scan.bind(most + static_cast<std::int64_t>(released_now_.size()));
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      if (!released_now_.contains(scan.integer(0))) dead.push_back(scan.integer(0));
    }
  }
  for (const std::int64_t blob : dead) {
    running_.erase(blob);
    if (auto done = disk_->remove(blob); !done) return std::unexpected(done.error());
    if (auto done = Use(drop_blob_).bind(blob).run(); !done) return std::unexpected(done.error());
  }
  return !dead.empty();
}

Result<bool> MediaWriter::has_doomed() {
  Use doomed(doomed_blobs_);
  return doomed.bind(std::int64_t{1}).step();
}

Result<bool> MediaWriter::overwrite_some() {
  if (disk_ == nullptr) return false;
  std::int64_t next = 0;
  bool some = false;
  {
    Use scan(doomed_blobs_);
    scan.bind(static_cast<std::int64_t>(doomed_now_.size()) + 1);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      some = true;
      if (!doomed_now_.contains(scan.integer(0))) next = scan.integer(0);
    }
  }
  if (next == 0) return some;
  if (const auto gone = overwrite(next); !gone) return std::unexpected(gone.error());
  return true;
}

/// Of an upload the blocks that are there: the others have no room on the disk.
Result<bool> MediaWriter::overwrite(std::int64_t blob) {
  std::int64_t size = 0;
  Bytes have;
  {
    Use place(blob_place_);
    const auto row = place.bind(blob).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return true;
    size = place.integer(0);
    have.assign(place.blob(1).begin(), place.blob(1).end());
  }
  std::int64_t& upto = overwritten_[blob];
  for (; upto < size; upto += limits::kMediaBlock) {
    if (!have.empty() && !has_block(have, upto / limits::kMediaBlock)) continue;
    if (to_overwrite_ <= 0) return false;
    buffer_.resize(static_cast<std::size_t>(std::min(limits::kMediaBlock, size - upto)));
    noise_.fill(buffer_);
    wrote_ = true;
    if (auto done = disk_->write(blob, upto, buffer_); !done) return std::unexpected(done.error());
    to_overwrite_ -= limits::kMediaBlock;
  }
  if (wrote_) {
    if (auto done = sync_files(); !done) return std::unexpected(done.error());
  }
  overwritten_.erase(blob);
  if (auto done = disk_->remove(blob); !done) return std::unexpected(done.error());
  if (auto done = Use(drop_blob_).bind(blob).run(); !done) return std::unexpected(done.error());
  return true;
}

Status MediaWriter::end(const Guid& guid, std::int64_t blob, MediaState as, Millis time) {
  if (as > MediaState::complete) {
    if (auto done = Use(drop_uses_).bind(ByteView(guid.bytes())).run(); !done) return done;
  }
  return Use(set_media_)
      .bind(static_cast<std::int64_t>(as))
      .bind(blob)
      .bind(time)
      .bind(ByteView(guid.bytes()))
      .run();
}

Status MediaWriter::release(std::int64_t blob) {
  released_now_.insert(blob);
  return Use(drop_reference_).bind(blob).run();
}

Status MediaWriter::sync_files() {
  if (auto done = disk_->sync(); !done) return done;
  wrote_ = false;
  return {};
}

Result<bool> MediaWriter::has_work(Millis now) {
  if (disk_ == nullptr) return false;
  {
    Use dead(dead_blobs_);
    const auto row = dead.bind(std::int64_t{1}).step();
    if (!row) return std::unexpected(row.error());
    if (*row) return true;
    const auto doomed = has_doomed();
    if (!doomed || *doomed) return doomed;
  }
  const std::pair<Statement*, Millis> ages[] = {
      {&stale_, now - limits_.upload_ms}, {&marks_, now - kSeenMs}, {&old_, now - limits_.keep_ms}};
  for (const auto& [statement, before] : ages) {
    if (statement == &old_ && limits_.keep_ms == 0) continue;
    Use use(*statement);
    const auto row = use.bind(before).bind(std::int64_t{1}).step();
    if (!row) return std::unexpected(row.error());
    if (*row) return true;
  }
  return false;
}

Status MediaWriter::sweep(Millis now, std::size_t budget) {
  if (disk_ == nullptr) return {};
  const auto most = static_cast<std::int64_t>(budget);
  // Files first: their rows were committed as dead before this transaction.
  if (const auto dead = remove_dead(most); !dead) return std::unexpected(dead.error());
  // What an earlier run was to overwrite, or a request whose end nobody waited for.
  if (const auto more = overwrite_some(); !more && more.error().code != Errc::unavailable)
    return std::unexpected(more.error());
  struct Old {
    Guid guid;
    std::int64_t blob;
  };
  const auto some = [&](Statement& statement, Millis before) -> Result<std::vector<Old>> {
    std::vector<Old> out;
    Use scan(statement);
    scan.bind(before).bind(most);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return out;
      const auto guid = read_guid(scan, 0);
      if (!guid) return std::unexpected(guid.error());
      out.push_back({*guid, scan.integer(1)});
    }
  };
  auto stale = some(stale_, now - limits_.upload_ms);
  if (!stale) return std::unexpected(stale.error());
  for (const Old& one : *stale) {
    if (auto done = release(one.blob); !done) return done;
    if (auto done = Use(drop_media_).bind(ByteView(one.guid.bytes())).run(); !done) return done;
  }
  if (limits_.keep_ms > 0) {
    auto old = some(old_, now - limits_.keep_ms);
    if (!old) return std::unexpected(old.error());
    for (const Old& one : *old) {
      if (auto done = release(one.blob); !done) return done;
      if (auto done = end(one.guid, 0, MediaState::deleted, now); !done) return done;
    }
  }
  auto marks = some(marks_, now - kSeenMs);
  if (!marks) return std::unexpected(marks.error());
  for (const Old& one : *marks) {
    if (auto done = Use(drop_media_).bind(ByteView(one.guid.bytes())).run(); !done) return done;
  }
  return {};
}

Status MediaTableReads::start(Database& db) {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_, kFind},
      {&next_channel_,
       "SELECT id, guid FROM channel WHERE id = (SELECT min(channel) FROM media_use WHERE media "
       "= ? AND channel > ?)"},
      {&sent_, "SELECT 1 FROM media_use WHERE media = ? AND channel = 0 AND holder = 0"},
      {&with_,
       "SELECT media.guid FROM blob JOIN media ON media.blob = blob.id WHERE blob.digest = ? AND "
       "blob.size = ? AND blob.state = 1 AND media.state = 1 LIMIT ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return {};
}
void MediaTableReads::stop() {
  for (Statement* statement : {&find_, &next_channel_, &sent_, &with_}) statement->finish();
}

Result<std::vector<Guid>> MediaTableReads::channels(const Guid& guid, std::size_t limit) {
  std::vector<Guid> out;
  for (std::int64_t last = 0; out.size() < limit;) {
    Use next(next_channel_);
    const auto row = next.bind(ByteView(guid.bytes())).bind(last).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    last = next.integer(0);
    if (const auto channel = read_guid(next, 1)) out.push_back(*channel);
  }
  return out;
}

Result<bool> MediaTableReads::sent(const Guid& guid) {
  return Use(sent_).bind(ByteView(guid.bytes())).step();
}

Result<std::vector<Guid>> MediaTableReads::with(const Digest32& digest, std::int64_t size,
                                                std::size_t limit) {
  std::vector<Guid> out;
  Use found(with_);
  found.bind(ByteView(digest)).bind(size).bind(static_cast<std::int64_t>(limit));
  for (;;) {
    const auto row = found.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    if (const auto guid = read_guid(found, 0)) out.push_back(*guid);
  }
}

Result<std::optional<StoredMedia>> MediaTableReads::media(const Guid& guid) {
  Use use(find_);
  const auto row = use.bind(ByteView(guid.bytes())).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_row(use);
}

}  // namespace dim
