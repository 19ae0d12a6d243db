// Which messages wait for whom: the index of the inbox log, in memory, 32 bytes a message. The log
// on disk is only appended to and read once at start, so that accepting a message never touches a
// page of its receiver.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dim/store/store.h"

namespace dim {

/// A row of the inbox log. The message's row is `row - place`: `place` counts its receivers from 0.
struct WaitingRow {
  Cursor cursor = 0;
  std::int64_t row = 0;
  std::uint32_t place = 0;
  std::uint32_t bytes = 0;
  std::uint32_t author =
      0;  ///< author_mark of inbox_share.h, 0 where an earlier version did not write it

  std::int64_t message() const { return row - place; }
};

/// Delivered to its receiver, still on the disk. `last`: nobody else waits for the message.
struct DeadRow {
  std::int64_t row = 0;
  std::int64_t message = 0;
  bool last = false;

  bool operator>(const DeadRow& other) const { return row > other.row; }
};

/// One thread drafts and publishes; any thread reads what is published.
class Waiting {
 public:
  /// One user's inbox. What a transaction does to it is drafted beside the published state.
  struct Inbox {
    std::int64_t user = 0;
    Cursor newest = 0;
    Cursor acked = 0;
    std::size_t bytes = 0;
    std::vector<WaitingRow> rows;  ///< published, from `head`
    std::size_t head = 0;
    bool touched = false;  // the draft, writer only
    Cursor draft_newest = 0;
    Cursor draft_acked = 0;
    std::size_t draft_bytes = 0;
    std::size_t draft_head = 0;  // counts through `rows`, then `added`
    std::vector<WaitingRow> added;

    std::size_t draft_count() const {
      return rows.size() + added.size() - draft_head;
    }  ///< after draft()
    /// What waits of an author, after draft(): messages and bytes.
    std::pair<std::size_t, std::size_t> draft_of(std::uint32_t author) const;
  };

  explicit Waiting(std::size_t cached_users)
      : cached_users_(cached_users), evict_at_(cached_users) {}

  /// At start, in order of rows. `acked` is what the user had acknowledged.
  void load(Inbox& inbox, const WaitingRow& row);
  /// After the last load(): messages of which every receiver has acknowledged become dead.
  void loaded();

  /// Writer: the inbox of a user, nullptr when it is not in memory.
  Inbox* find(const std::string& user);
  /// Writer: a user that is not in memory. `fresh`: it is new in this transaction and goes with it.
  Inbox& insert(const std::string& user, std::int64_t id, Cursor acked, bool fresh);
  /// Opens the draft of an inbox; again does nothing. The draft_ calls do it too.
  void draft(Inbox& inbox);
  void draft_add(Inbox& inbox, const WaitingRow& row);
  /// Everything up to `upto`, clamped to the newest. False: nothing new.
  bool draft_ack(Inbox& inbox, Cursor upto);
  /// A message with several receivers.
  void draft_shared(std::int64_t message, std::uint32_t receivers) {
    shared_added_.push_back({message, receivers});
  }
  /// Writer: inboxes in which messages with rows below `message` wait, each with the cursor of the
  /// last of them; at most `most`.
  std::vector<std::pair<Inbox*, Cursor>> older_than(std::int64_t message, std::size_t most);
  void publish();
  void discard();

  bool has_dead() const { return !dead_.empty(); }
  std::size_t dead() const { return dead_.size(); }
  DeadRow pop_dead();
  void push_dead(const DeadRow& row) { dead_.push(row); }

  /// Reader: rows after `after`, at most `limit`, at most `bytes` (at least one).
  std::vector<WaitingRow> read(const std::string& user, Cursor after, std::size_t limit,
                               std::size_t bytes);
  bool still_waits(const std::string& user, Cursor cursor);
  /// Nothing when the user is not in memory.
  std::optional<Cursor> newest(const std::string& user);

 private:
  struct Shared {
    std::int64_t message;
    std::uint32_t receivers;
  };

  void bury(const WaitingRow& row);
  void compact(Inbox& inbox);
  void evict();

  std::size_t cached_users_;
  std::size_t evict_at_;
  std::mutex mutex_;  // users_ and the published half of each inbox
  std::unordered_map<std::string, std::unique_ptr<Inbox>> users_;
  std::vector<Inbox*> touched_;
  std::vector<std::string> fresh_;
  std::vector<Shared> shared_added_;
  std::unordered_map<std::int64_t, std::uint32_t>
      shared_;  // messages with several receivers: how many still wait
  std::vector<DeadRow> loaded_dead_;
  std::priority_queue<DeadRow, std::vector<DeadRow>, std::greater<>>
      dead_;  // oldest first: whole pages become free
};

}  // namespace dim
