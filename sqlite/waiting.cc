#include "sqlite/waiting.h"

#include <algorithm>

#include "dim/base/release.h"

namespace dim {

void Waiting::load(Inbox& inbox, const WaitingRow& row) {
  inbox.newest = std::max(inbox.newest, row.cursor);
  if (row.cursor <= inbox.acked) {
    loaded_dead_.push_back({row.row, row.message(), false});
    if (row.place > 0) shared_.try_emplace(row.message(), 0);
    return;
  }
  inbox.rows.push_back(row);
  inbox.bytes += row.bytes;
  if (row.place > 0) {
    // The first receiver's row may be gone already, or may have come before this one: counted in
    // loaded().
    shared_.try_emplace(row.message(), 0);
  }
}

void Waiting::loaded() {
  if (!shared_.empty()) {
    for (const auto& [name, inbox] : users_) {
      for (const WaitingRow& row : inbox->rows) {
        if (const auto found = shared_.find(row.message()); found != shared_.end()) ++found->second;
      }
    }
  }
  for (DeadRow& row : loaded_dead_) {
    const auto found = shared_.find(row.message);
    row.last = found == shared_.end() || found->second == 0;
    dead_.push(row);
  }
  std::erase_if(shared_, [](const auto& entry) { return entry.second == 0; });
  release(loaded_dead_);
}

Waiting::Inbox* Waiting::find(const std::string& user) {
  const auto found = users_.find(user);
  return found == users_.end() ? nullptr : found->second.get();
}

Waiting::Inbox& Waiting::insert(const std::string& user, std::int64_t id, Cursor acked,
                                bool fresh) {
  auto inbox = std::make_unique<Inbox>();
  inbox->user = id;
  inbox->newest = acked;
  inbox->acked = acked;
  if (fresh) fresh_.push_back(user);
  const std::scoped_lock lock(mutex_);
  return *users_.insert_or_assign(user, std::move(inbox)).first->second;
}

void Waiting::draft(Inbox& inbox) {
  if (inbox.touched) return;
  inbox.touched = true;
  inbox.draft_newest = inbox.newest;
  inbox.draft_acked = inbox.acked;
  inbox.draft_bytes = inbox.bytes;
  inbox.draft_head = inbox.head;
  touched_.push_back(&inbox);
}

void Waiting::draft_add(Inbox& inbox, const WaitingRow& row) {
  draft(inbox);
  inbox.draft_newest = row.cursor;
  inbox.draft_bytes += row.bytes;
  inbox.added.push_back(row);
}

bool Waiting::draft_ack(Inbox& inbox, Cursor upto) {
  draft(inbox);
  upto = std::min(upto, inbox.draft_newest);
  if (upto <= inbox.draft_acked) return false;
  inbox.draft_acked = upto;
  const std::size_t published = inbox.rows.size();
  for (; inbox.draft_head < published + inbox.added.size(); ++inbox.draft_head) {
    const WaitingRow& row = inbox.draft_head < published
                                ? inbox.rows[inbox.draft_head]
                                : inbox.added[inbox.draft_head - published];
    if (row.cursor > upto) break;
    inbox.draft_bytes -= row.bytes;
  }
  return true;
}

std::pair<std::size_t, std::size_t> Waiting::Inbox::draft_of(std::uint32_t author) const {
  std::size_t messages = 0, sum = 0;
  for (std::size_t i = draft_head; i < rows.size() + added.size(); ++i) {
    const WaitingRow& row = i < rows.size() ? rows[i] : added[i - rows.size()];
    if (row.author != author) continue;
    ++messages;
    sum += row.bytes;
  }
  return {messages, sum};
}

std::vector<std::pair<Waiting::Inbox*, Cursor>> Waiting::older_than(std::int64_t message,
                                                                    std::size_t most) {
  std::vector<std::pair<Inbox*, Cursor>> out;
  for (const auto& [name, inbox] : users_) {
    const auto begin = inbox->rows.begin() + static_cast<std::ptrdiff_t>(inbox->head);
    const auto end = std::find_if(begin, inbox->rows.end(), [message](const WaitingRow& row) {
      return row.message() >= message;
    });
    if (end == begin) continue;
    out.emplace_back(inbox.get(), std::prev(end)->cursor);
    if (out.size() == most) break;
  }
  return out;
}

void Waiting::publish() {
  for (const Shared& shared : shared_added_) shared_.emplace(shared.message, shared.receivers);
  shared_added_.clear();
  const std::scoped_lock lock(mutex_);
  for (Inbox* inbox : touched_) {
    inbox->rows.insert(inbox->rows.end(), inbox->added.begin(), inbox->added.end());
    inbox->added.clear();
    inbox->touched = false;
    inbox->newest = inbox->draft_newest;
    inbox->acked = inbox->draft_acked;
    inbox->bytes = inbox->draft_bytes;
    for (; inbox->head < inbox->draft_head; ++inbox->head) bury(inbox->rows[inbox->head]);
    compact(*inbox);
  }
  touched_.clear();
  fresh_.clear();
  evict();
}

void Waiting::discard() {
  shared_added_.clear();
  for (Inbox* inbox : touched_) {
    inbox->added.clear();
    inbox->touched = false;
  }
  touched_.clear();
  const std::scoped_lock lock(mutex_);
  for (const std::string& user : fresh_) users_.erase(user);
  fresh_.clear();
}

void Waiting::bury(const WaitingRow& row) {
  bool last = true;
  if (const auto found = shared_.find(row.message()); found != shared_.end()) {
    last = --found->second == 0;
    if (last) shared_.erase(found);
  }
  dead_.push({row.row, row.message(), last});
}

void Waiting::compact(Inbox& inbox) {
  if (inbox.head == inbox.rows.size() && inbox.rows.capacity() > 64) {
    release(inbox.rows);
    inbox.head = 0;
  } else if (inbox.head * 2 >= inbox.rows.size()) {
    inbox.rows.erase(inbox.rows.begin(),
                     inbox.rows.begin() + static_cast<std::ptrdiff_t>(inbox.head));
    inbox.head = 0;
  }
}

void Waiting::evict() {
  if (users_.size() <= evict_at_) return;
  std::erase_if(users_,
                [](const auto& entry) { return entry.second->rows.size() == entry.second->head; });
  evict_at_ = std::max(cached_users_, 2 * users_.size());
}

DeadRow Waiting::pop_dead() {
  const DeadRow row = dead_.top();
  dead_.pop();
  return row;
}

std::vector<WaitingRow> Waiting::read(const std::string& user, Cursor after, std::size_t limit,
                                      std::size_t bytes) {
  std::vector<WaitingRow> out;
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(user);
  if (found == users_.end()) return out;
  const std::vector<WaitingRow>& rows = found->second->rows;
  auto next = std::upper_bound(
      rows.begin() + static_cast<std::ptrdiff_t>(found->second->head), rows.end(), after,
      [](Cursor cursor, const WaitingRow& row) { return cursor < row.cursor; });
  std::size_t total = 0;
  for (; next != rows.end() && out.size() < limit; ++next) {
    total += next->bytes;
    if (total > bytes && !out.empty()) break;
    out.push_back(*next);
  }
  return out;
}

bool Waiting::still_waits(const std::string& user, Cursor cursor) {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(user);
  return found != users_.end() && cursor > found->second->acked;
}

std::optional<Cursor> Waiting::newest(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  const auto found = users_.find(user);
  if (found == users_.end()) return std::nullopt;
  return found->second->newest;
}

}  // namespace dim
