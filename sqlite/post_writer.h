// What one transaction of the store does to hubs and channels. Part of StoreWriter.
#pragma once
#include <set>
#include <vector>

#include "dim/store/store.h"
#include "sqlite/database.h"
#include "sqlite/media_uses.h"
#include "sqlite/post_keys.h"
#include "sqlite/word_index.h"

namespace dim {

class PostWriter {
 public:
  /// `uses` must outlive it.
  explicit PostWriter(MediaUses& uses) : uses_(uses) {}
  /// Prepares its statements, and destroys the keys that an earlier run has left doomed.
  Status start(Database& db, PostKeys& keys);
  void stop();

  Result<Written> put(const PutHubChange& write);
  Result<Written> put(const RequireHub& write);
  Result<Written> put(const PutPost& write);
  Result<Written> put(const ChangePost& write);
  Result<Written> put(const PutErasure& write);
  Result<Written> put(const PutReport& write);
  Result<Written> put(const CloseReports& write);
  Result<Written> put(const PutMark& write);
  Result<Written> put(const PutLevel& write);
  Result<Written> put(const ExpirePosts& write);
  Result<Written> put(const DropChannel& write);
  Result<Written> put(const ForgetChannelWords& write);
  Result<Written> put(const Shred& write);
  Result<Written> put(const ExpectErasures& write);
  /// Destroys up to `budget` messages of dropped channels, of one part of the index. True while
  /// more may be left.
  Result<bool> sweep(std::size_t budget);

  /// In a transaction, before its first write: forgets what was destroyed after the last one.
  Status begin();
  /// What has to follow when the transaction is committed.
  struct After {
    bool destroy = false;  ///< destroy()
    bool cut = false;      ///< what its pages held has to leave the log, before the answer
  };
  /// Before it is committed: its own keys are on the disk.
  Result<After> finish();
  void committed() { forgetful_ = false; }
  /// After that: keys of what it has destroyed are overwritten, on the disk.
  Status destroy();
  /// The transaction did not happen.
  void forget();

  /// Moves a slice of keys into fresh files when it is time for that: kRotateDestroyed keys were
  /// destroyed, or one and kRotateMs ago. Between transactions; true while more is left.
  Result<bool> rotate(Millis now, std::size_t slots);

  static constexpr std::int64_t kRotateDestroyed = 1'000;
  static constexpr Millis kRotateMs = 24 * 3'600'000;
  /// A part of the index takes no more messages or bytes than this: it is made anew, between two
  /// answers, when something of it is destroyed.
  static constexpr std::int64_t kPartPosts = 4'096, kPartBytes = 512 * 1'024;
  /// Of one Shred: messages, or changes of a hub.
  static constexpr std::size_t kShredPosts = 256, kShredChanges = 2'048;

 private:
  static constexpr std::int64_t kDeleted = 1, kDestroyed = 2;  // channel.dropped
  struct Row;
  struct Doomed {
    std::int64_t kind = 0, slot = 0;
  };
  /// The number of a channel, made when it is new, and its next cursor.
  struct Place {
    std::int64_t channel = 0;
    Cursor cursor = 0;
  };
  Result<Place> next_place(const Guid& channel);
  /// The number of a channel, made when it is new.
  Result<std::int64_t> number_of(const Guid& channel);
  Result<Cursor> next_cursor(std::int64_t channel);
  Result<Written> change(const ChangePost& write, const Row& row);
  Result<Written> react(const ChangePost& write, const Row& row);
  Status index(std::int64_t post, std::int64_t channel, std::string_view content, bool in);
  Status index_with(const Secret& key, std::int64_t post, std::int64_t channel,
                    std::string_view content, bool in);
  Result<std::int64_t> part_of(std::int64_t post, std::size_t bytes);
  Result<std::int64_t> next_id();
  Status forget(std::int64_t post);
  Status drop_mentions(const Row& row);
  Result<std::vector<Row>> expired(const ExpirePosts& write);
  Result<bool> sweep_channel(std::int64_t channel, bool destroy, std::size_t budget);
  Result<bool> shred_changes(const std::string& hub, std::int64_t number);
  Status doom(std::int64_t kind, std::int64_t slot);
  Status remake(std::int64_t part);

  MediaUses& uses_;
  PostKeys* keys_ = nullptr;
  WordIndex words_;
  std::set<std::int64_t> stale_;  // parts of which something was destroyed in this transaction
  std::vector<Doomed> doomed_;    // by this transaction
  std::int64_t newest_id_ = 0;    // given in this run: a slot that is doomed is not used again
  bool forgetful_ = false;        // rows of `doomed` whose keys are destroyed
  bool cut_ = false;
  Statement find_number_, add_change_;
  Statement find_channel_, add_channel_, step_channel_, drop_channel_, find_dropped_, find_gone_,
      forget_channel_;
  Statement find_post_, add_post_, set_post_, add_revision_, drop_oldest_, drop_revisions_,
      newest_post_, clear_digest_;
  Statement add_reaction_, drop_reaction_, drop_reactions_, add_erasure_, drop_erasures_;
  Statement add_text_, drop_text_, set_mark_, drop_marks_, some_posts_, drop_post_;
  Statement find_part_, add_part_, fill_part_, part_range_, drop_part_, part_posts_;
  Statement add_report_, close_reports_, drop_reports_;
  Statement add_mention_, drop_mention_, clear_mentions_, forget_mentions_, set_level_,
      forget_levels_, old_posts_, over_posts_, set_swept_;
  Statement changes_of_, set_change_, some_changes_, clear_reasons_, expect_, sign_expected_,
      find_expected_;
  Statement add_doomed_, drop_doomed_, count_destroyed_, due_, set_file_;
};

}  // namespace dim
