// What one transaction of the store does, write by write.
#pragma once
#include <string>
#include <vector>

#include "dim/store/rules.h"
#include "dim/store/store.h"
#include "sqlite/database.h"
#include "sqlite/media_uses.h"
#include "sqlite/media_writer.h"
#include "sqlite/operator_tables.h"
#include "sqlite/post_writer.h"
#include "sqlite/prekey_tables.h"
#include "sqlite/waiting.h"

namespace dim {

/// Between begin() and commit() or rollback(), on the thread that commits. Drafts in `waiting` what
/// the transaction does to inboxes; the caller publishes or discards it.
class StoreWriter {
 public:
  StoreWriter(Waiting& waiting, InboxLimits limits, MediaLimits media, AuditLimits audit)
      : waiting_(waiting), limits_(limits), media_(media), operator_(audit) {}

  Database& db() { return db_; }
  /// Prepares the statements and reads the inbox log into `waiting`.
  Status start(BlobDisk* blobs, PostKeys& keys);
  void stop();

  Status begin();
  /// Before commit(): everything but the commit itself, and what has to follow it.
  Result<PostWriter::After> prepare();
  Status commit();
  /// What the transaction has doomed is overwritten, on the disk. Errc::io in all failures.
  Status destroy();
  /// Leaves the database as it was before begin().
  Status rollback();

  Result<Written> apply(const Write& write);
  /// Removes up to `budget` delivered rows, oldest first, with the messages nobody waits for any
  /// more.
  Status sweep(std::size_t budget);
  /// Forgets GUIDs accepted before `before`, from `from` on in order of GUIDs. The place to go on
  /// at, empty at the end. GUIDs whose own time (version 7) lies in [before, fresh] are skipped:
  /// they cannot be that old.
  Result<Bytes> forget(const Bytes& from, Millis before, Millis fresh, std::size_t budget);
  Status drop_expired(Millis now, std::size_t budget);
  /// Takes what was accepted before `before` out of up to `budget` inboxes, as if it had been
  /// acknowledged. True while more may be left.
  Result<bool> expire(Millis before, std::size_t budget);
  /// Removes up to `budget` messages of channels that were deleted. True while more may be left.
  Result<bool> sweep_channels(std::size_t budget) { return posts_.sweep(budget); }
  MediaWriter& media() { return media_; }
  MediaUses& uses() { return uses_; }
  PostWriter& posts() { return posts_; }
  OperatorWriter& acts() { return operator_; }

 private:
  Result<Written> put(const PutMessage& write);
  Result<Written> put(const PutName& write);
  Result<Written> put(const PutIdentity& write);
  Result<Written> put(const PutDocument& write);
  Result<Written> put(const AckInbox& write);
  Result<Written> put(const ForgetGuid& write);
  Result<Written> put(const PutResume& write);
  Result<Written> put(const DropResume& write);
  Result<Written> put(const OpenMedia& write) { return media_.put(write); }
  Result<Written> put(const PutPiece& write) { return media_.put(write); }
  Result<Written> put(const CheckMedia& write) { return media_.put(write); }
  Result<Written> put(const DropMedia& write) { return media_.put(write); }
  Result<Written> put(const DestroyMedia& write) { return media_.put(write); }
  Result<Written> put(const PutSetting& write) { return operator_.put(write); }
  Result<Written> put(const PutAudit& write) { return operator_.put(write); }
  Result<Written> put(const DropUser& write);
  Result<Written> put(const PutPrekeys& write) { return prekeys_.put(write); }
  Result<Written> put(const TakePrekey& write) { return prekeys_.put(write); }
  Result<Written> put(const DropPrekeys& write) { return prekeys_.put(write); }
  Result<Written> put(const PutPost& write);
  Result<Written> put(const ChangePost& write);
  Result<Written> put(const ExpirePosts& write);
  Result<Written> put(const DropChannel& write);
  Result<Written> put(const Shred& write);
  template <class Other>
  Result<Written> put(const Other& write) {
    return posts_.put(write);
  }
  /// nullptr: unknown and not `make`.
  Result<Waiting::Inbox*> inbox_of(const std::string& user, bool make);
  Status load_waiting();
  Result<std::int64_t> first_since(Millis time);

  Waiting& waiting_;
  InboxLimits limits_;
  Database db_;
  MediaWriter media_;
  MediaUses uses_{media_};
  PostWriter posts_{uses_};
  OperatorWriter operator_;
  PrekeyWriter prekeys_;
  std::int64_t next_row_ = 1;
  std::int64_t next_user_ = 1;
  Bytes record_;
  Bytes cursors_;
  std::vector<DeadRow> swept_;
  std::vector<Waiting::Inbox*> receivers_;

  Statement begin_, commit_, rollback_;
  Statement find_seen_, add_seen_, scan_seen_, drop_seen_;
  Statement add_msg_, next_msg_, drop_msg_, add_row_, drop_row_;
  Statement find_user_, add_user_, set_acked_;
  Statement find_name_, add_name_, set_identity_, find_document_, set_document_;
  Statement set_resume_, drop_resume_, drop_expired_;
};

/// Cursors as the table `seen` keeps them: seven bits a byte, low ones first, the top bit set in
/// all but a number's last.
void encode_cursors(const std::vector<Cursor>& cursors, Bytes& out);
/// Errc::internal when `bytes` is no such list.
Result<std::vector<Cursor>> decode_cursors(ByteView bytes);

}  // namespace dim
