// The station's store in one SQLite file: a log of messages, an append-only log of who waits for
// them with its index in memory, and small tables beside. WAL, synchronous=FULL, secure_delete.
// docs/adr/0003-sqlite-group-commit.md says why.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "dim/base/limits.h"
#include "dim/base/random.h"
#include "dim/store/store.h"
#include "sqlite/blob_disk.h"

namespace dim {

struct SqliteOptions {
  InboxLimits limits{limits::kInboxMessages, limits::kInboxBytes};
  /// Written log (bytes) after which it is copied into the database, beside the batches; in
  /// exclusive mode between two of them.
  std::size_t checkpoint_bytes = 1 * limits::kMiB;
  /// Users without waiting messages that are kept in memory.
  std::size_t cached_users = 100'000;
  MediaLimits media{};
  AuditLimits audit{};
  /// Where the bytes of media lie; null: in the folder `media` beside the database, or nowhere with
  /// a `vfs` (media are refused then). Must outlive the store.
  BlobDisk* blobs = nullptr;
  /// An SQLite VFS to work on, for simulated disks; empty: the system's. With one, no lock file is
  /// made.
  std::string vfs;
  /// One connection for reads and writes, no thread and no shared memory file: what a simulated
  /// disk needs.
  bool exclusive = false;
  /// Of keys; null: the operating system's. Must outlive the store.
  Random* random = nullptr;
  /// Room that is kept for what makes room and for bans when the disk is full (reserve.h); nothing:
  /// what is there stays as it is, and is not used.
  std::optional<std::int64_t> reserve_bytes{};
};

/// One thread calls commit() and tidy(); reads may come from any thread at the same time and see
/// what was committed. After an error of commit() or tidy() other than insufficient_storage every
/// later commit() is Errc::io.
class SqliteStore : public Store {
 public:
  /// The store in `folder` (made with mode 0700 when absent): station.db, its -wal and -shm, its
  /// files of keys (key_slots.h), station.lock. Errc::conflict: another station holds the folder
  /// (exit 75). Errc::edition: written by a newer version (78), nothing is changed.
  /// Errc::forbidden: not writable (73). Errc::insufficient_storage: full (74). Errc::internal:
  /// damaged; a torn last record is not damage and is cut. Errc::io: the disk failed (70).
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& folder,
                                                   const SqliteOptions& options = {});
  /// close(), its outcome ignored.
  ~SqliteStore() override;
  /// Moves the log into the database and closes the files; no other call may follow. Not needed for
  /// durability, but the last chance to hear of damage in the log (Errc::internal), which the next
  /// open() could take for a torn write.
  Status close();

  Result<std::vector<Written>> commit(std::span<const Write> batch) override;
  Result<bool> tidy(Millis now, bool idle) override;
  Result<std::vector<StoredMessage>> inbox(const std::string& user, Cursor after, std::size_t limit,
                                           std::size_t bytes) override;
  Result<std::optional<StoredIdentity>> identity(const std::string& id) override;
  Result<std::vector<StoredDocument>> documents(const std::string& id) override;
  Result<std::optional<std::string>> owner_of(const std::string& name) override;
  Result<std::optional<StoredResume>> resume(const Guid& session) override;
  Result<Cursor> newest(const std::string& user) override;
  Result<std::vector<StoredHubChange>> hub_changes(std::int64_t row, std::size_t limit) override;
  Result<std::optional<Post>> post(const Guid& guid) override;
  Result<std::vector<Post>> posts(const Guid& channel, const PostPage& page) override;
  Result<std::vector<PostRevision>> revisions(const Guid& guid, std::int64_t after,
                                              std::size_t bytes) override;
  Result<std::vector<std::string>> erasures(const Guid& guid) override;
  Result<std::vector<ExpectedErasure>> expected_erasures(const std::string& object) override;
  Result<ReadState> read_state(const Guid& channel, const std::string& user) override;
  Result<std::vector<StoredReport>> reports(std::span<const Guid> channels, std::int64_t row,
                                            std::size_t limit) override;
  Result<Millis> next_expiry() override;
  Result<Millis> last_swept() override;
  Result<std::vector<FoundPost>> search(std::span<const Guid> channels, std::string_view words,
                                        std::int64_t place, std::size_t limit) override;
  Result<std::optional<StoredMedia>> media(const Guid& guid) override;
  Result<std::string> media_bytes(const StoredMedia& media, std::int64_t first,
                                  std::size_t size) override;
  Result<std::vector<Guid>> media_channels(const Guid& guid, std::size_t limit) override;
  Result<bool> media_sent(const Guid& guid) override;
  Result<std::vector<Guid>> media_with(const Digest32& digest, std::int64_t size,
                                       std::size_t limit) override;

  Result<std::vector<StoredSetting>> settings() override;
  Result<std::vector<StoredAudit>> audit(const std::optional<std::string>& hub, std::int64_t before,
                                         std::size_t limit) override;
  Result<std::vector<std::string>> identities(const std::string& after, std::size_t limit) override;
  Result<UserUse> user_use(const std::string& user) override;
  Result<ChannelUse> channel_use(const Guid& channel) override;
  Result<std::vector<StoredPrekeys>> prekeys(const std::string& user) override;

  /// Bytes of an unfinished write that opening has cut off the end of the log; to be counted and
  /// logged.
  std::size_t torn_bytes() const;
  /// Reads every page and record again: how many messages, of inboxes and channels, are damaged.
  /// Errc::internal when the database itself is.
  Result<std::size_t> verify();

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
