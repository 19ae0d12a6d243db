// What one transaction of the store does to hubs and channels. Part of StoreWriter.
#pragma once
#include "dim/store/store.h"
#include "sqlite/database.h"

namespace dim {

class PostWriter {
 public:
  Status start(Database& db);
  void stop();

  Result<Written> put(const PutHubChange& write);
  Result<Written> put(const PutPost& write);
  Result<Written> put(const ChangePost& write);
  Result<Written> put(const PutMark& write);
  Result<Written> put(const DropChannel& write);
  /// Removes up to `budget` messages of dropped channels. True while more may be left.
  Result<bool> sweep(std::size_t budget);

 private:
  struct Row;
  /// The number of a channel, made when it is new, and its next cursor.
  struct Place {
    std::int64_t channel = 0;
    Cursor cursor = 0;
  };
  Result<Place> next_place(const Guid& channel);
  Result<Cursor> next_cursor(std::int64_t channel);
  Result<Written> change(const ChangePost& write, const Row& row);
  Result<Written> react(const ChangePost& write, const Row& row);
  Status index(std::int64_t post, std::int64_t channel, std::string_view content, bool in);
  Status forget(std::int64_t post);

  Statement find_number_, add_change_;
  Statement find_channel_, add_channel_, step_channel_, drop_channel_, find_dropped_,
      forget_channel_;
  Statement find_post_, add_post_, set_post_, add_revision_, drop_oldest_, drop_revisions_;
  Statement add_reaction_, drop_reaction_, drop_reactions_;
  Statement add_text_, drop_text_, set_mark_, drop_marks_, some_posts_, drop_post_;
};

/// "c7": what the index of words knows a channel by.
std::string channel_word(std::int64_t channel);

}  // namespace dim
