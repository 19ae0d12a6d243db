// What one transaction of the store does to media. Part of StoreWriter. Bytes go into files
// (blob_disk.h) and are synced before the transaction that tells of them; files whose last
// reference went are removed after the transaction that says so, and never numbered so again.
#pragma once
#include <map>
#include <set>

#include "dim/crypto/os_random.h"
#include "dim/crypto/sha256.h"
#include "dim/store/store.h"
#include "sqlite/blob_disk.h"
#include "sqlite/database.h"

namespace dim {

class MediaWriter {
 public:
  explicit MediaWriter(MediaLimits limits) : limits_(limits) {}

  /// `disk` must outlive it; null: media are refused. Removes files that nothing refers to.
  Status start(Database& db, BlobDisk* disk);
  void stop();

  Result<Written> put(const OpenMedia& write);
  Result<Written> put(const PutPiece& write);
  Result<Written> put(const CheckMedia& write);
  Result<Written> put(const DropMedia& write);
  Result<Written> put(const DestroyMedia& write);

  /// Ends a complete object that no message uses any more, as its owner would (media_uses.h).
  /// False: others have the same bytes, which stay.
  Result<bool> end_unused(const Guid& guid, bool destroy, Millis time);
  /// Are there files whose objects are gone: bytes to be overwritten, or files to be removed?
  Result<bool> has_gone();
  /// One slice of that, of what was committed as such. True while more is left.
  Result<bool> end_some();

  /// Before the transaction is committed: its bytes are on the disk.
  Status sync() {
    to_hash_ = limits::kMediaHashed;
    to_overwrite_ = limits::kMediaOverwritten;
    return wrote_ ? sync_files() : Status{};
  }
  void committed() {
    doomed_now_.clear();
    released_now_.clear();
  }
  /// The transaction did not happen.
  void forget() {
    doomed_now_.clear();
    released_now_.clear();
    to_hash_ = limits::kMediaHashed;
    to_overwrite_ = limits::kMediaOverwritten;
    running_.clear();
    overwritten_.clear();
  }

  /// Is there something for sweep()?
  Result<bool> has_work(Millis now);
  /// Removes up to `budget` of stale uploads, old objects, old marks of removal, and files.
  Status sweep(Millis now, std::size_t budget);

 private:
  struct Row {
    StoredMedia media;
    std::optional<Digest32> digest;  // of a complete one
  };
  Result<std::optional<Row>> find(const Guid& guid);
  Result<bool> same_bytes(const StoredMedia& media, std::int64_t first, std::string_view bytes,
                          bool& fresh);
  Status release(std::int64_t blob);
  Result<bool> has_doomed();
  Result<bool> overwrite_some();
  /// Files whose last reference went in an earlier transaction, at most `most`. False: none is left
  /// but those of this one.
  Result<bool> remove_dead(std::int64_t most);
  Status sync_files();
  /// Goes on hashing as far as this transaction may.
  Status hash_on(const StoredMedia& media);
  Status discard(const Guid& guid, std::int64_t blob);
  Status merge(const Digest32& digest, const StoredMedia& upload);
  Status end(const Guid& guid, std::int64_t blob, MediaState as, Millis time);
  Status doom(const Guid& guid, std::int64_t blob, Millis time);
  Status remove_orphans(Database& db);
  /// Goes on writing noise over a blob, as far as this transaction may. True: that, and its sync,
  /// are done, and the blob is gone.
  Result<bool> overwrite(std::int64_t blob);

  /// SHA-256 of an upload up to a place.
  struct Running {
    Sha256 hash;
    std::int64_t upto = 0;
    std::uint64_t used = 0;  // the one that was used longest ago makes room
  };
  Running& running(std::int64_t blob);

  MediaLimits limits_;
  BlobDisk* disk_ = nullptr;
  bool wrote_ = false;
  std::int64_t to_hash_ =
      limits::kMediaHashed;  // bytes that this transaction may still read for digests
  std::int64_t to_overwrite_ = limits::kMediaOverwritten;  // the same for noise
  std::map<std::int64_t, std::int64_t> overwritten_;       // blobs, up to where
  std::set<std::int64_t> doomed_now_;  // in this transaction: noise waits until that is on the disk
  std::set<std::int64_t> released_now_;  // the same of files that may be removed
  OsRandom noise_;
  std::uint64_t uses_ = 0;
  std::map<std::int64_t, Running> running_;  // by blob; bounded
  Bytes buffer_;

  Statement find_media_, find_uploads_, find_used_, find_blob_, add_blob_, add_media_, set_media_,
      drop_media_, set_have_, set_digest_, drop_blob_, add_reference_, drop_reference_, dead_blobs_,
      stale_, old_, marks_, point_, move_media_, move_references_, kill_blob_, doom_blob_,
      doomed_blobs_, blob_place_, drop_uses_;
};

/// Reads of media. Part of SqliteStore, under its read mutex.
class MediaTableReads {
 public:
  Status start(Database& db);
  void stop();
  Result<std::optional<StoredMedia>> media(const Guid& guid);
  Result<std::vector<Guid>> channels(const Guid& guid, std::size_t limit);
  Result<bool> sent(const Guid& guid);
  Result<std::vector<Guid>> with(const Digest32& digest, std::int64_t size, std::size_t limit);

 private:
  Statement find_, next_channel_, sent_, with_;
};

}  // namespace dim
