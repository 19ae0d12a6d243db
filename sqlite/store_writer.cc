#include "sqlite/store_writer.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <utility>

#include "dim/store/inbox_share.h"
#include "sqlite/record.h"

namespace dim {

Status StoreWriter::start(BlobDisk* blobs, PostKeys& keys) {
  const std::initializer_list<std::pair<Statement*, std::string_view>> statements = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&find_seen_, "SELECT digest, cursors FROM seen WHERE guid = ?"},
      {&add_seen_, "INSERT INTO seen VALUES(?, ?, ?, ?)"},
      {&scan_seen_, "SELECT guid, time FROM seen WHERE guid > ? ORDER BY guid LIMIT ?"},
      {&drop_seen_, "DELETE FROM seen WHERE guid = ?"},
      {&add_msg_, "INSERT INTO msg VALUES(?, ?)"},
      {&next_msg_, "SELECT id, body FROM msg WHERE id >= ? ORDER BY id LIMIT 1"},
      {&drop_msg_, "DELETE FROM msg WHERE id = ?"},
      {&add_row_, "INSERT INTO inbox VALUES(?, ?, ?, ?, ?)"},
      {&drop_row_, "DELETE FROM inbox WHERE id = ?"},
      {&find_user_,
       "SELECT user.id, coalesce(upto, 0) FROM user LEFT JOIN acked ON acked.user = user.id WHERE "
       "name = ?"},
      {&add_user_, "INSERT INTO user VALUES(?, ?)"},
      {&set_acked_,
       "INSERT INTO acked VALUES(?, ?) ON CONFLICT(user) DO UPDATE SET upto = excluded.upto"},
      {&find_name_, "SELECT owner FROM name WHERE name = ?"},
      {&add_name_, "INSERT INTO name VALUES(?, ?, ?)"},
      {&set_identity_, "INSERT OR REPLACE INTO identity VALUES(?, ?, ?)"},
      {&find_document_,
       "SELECT time, document FROM document WHERE id = ? AND type = ? AND terminal = ?"},
      {&set_document_, "INSERT OR REPLACE INTO document VALUES(?, ?, ?, ?, ?)"},
      {&set_resume_, "INSERT OR REPLACE INTO resume VALUES(?, ?, ?, ?)"},
      {&drop_resume_, "DELETE FROM resume WHERE session = ?"},
      {&drop_expired_,
       "DELETE FROM resume WHERE session IN (SELECT session FROM resume WHERE expires < ? LIMIT "
       "?)"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db_, sql); !ready) return ready;
  }
  if (auto ready = posts_.start(db_, keys); !ready) return ready;
  if (auto ready = media_.start(db_, blobs); !ready) return ready;
  if (auto ready = uses_.start(db_); !ready) return ready;
  if (auto ready = operator_.start(db_); !ready) return ready;
  if (auto ready = prekeys_.start(db_); !ready) return ready;
  const auto last_row = db_.integer(
      "SELECT max(ifnull((SELECT max(id) FROM inbox), 0), ifnull((SELECT max(id) FROM msg), 0))");
  if (!last_row) return std::unexpected(last_row.error());
  const auto last_user = db_.integer("SELECT max(id) FROM user");
  if (!last_user) return std::unexpected(last_user.error());
  next_row_ = *last_row + 1;
  next_user_ = *last_user + 1;
  return load_waiting();
}

void StoreWriter::stop() {
  for (Statement* statement :
       {&begin_,         &commit_,       &rollback_,   &find_seen_,   &add_seen_,    &scan_seen_,
        &drop_seen_,     &add_msg_,      &next_msg_,   &drop_msg_,    &add_row_,     &drop_row_,
        &find_user_,     &add_user_,     &set_acked_,  &find_name_,   &add_name_,    &set_identity_,
        &find_document_, &set_document_, &set_resume_, &drop_resume_, &drop_expired_}) {
    statement->finish();
  }
  posts_.stop();
  uses_.stop();
  media_.stop();
  operator_.stop();
  prekeys_.stop();
  db_.close();
}

Status StoreWriter::load_waiting() {
  Statement rows;
  Statement name;
  if (auto ready =
          rows.prepare(db_, "SELECT id, user, cursor, place, bytes FROM inbox ORDER BY id");
      !ready)
    return ready;
  if (auto ready = name.prepare(db_,
                                "SELECT name, coalesce(upto, 0) FROM user LEFT JOIN acked ON "
                                "acked.user = user.id WHERE user.id = ?");
      !ready) {
    return ready;
  }
  std::unordered_map<std::int64_t, Waiting::Inbox*> inboxes;
  Use scan(rows);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto [known, fresh] = inboxes.try_emplace(scan.integer(1), nullptr);
    if (fresh) {
      Use find(name);
      const auto found = find.bind(known->first).step();
      if (!found) return std::unexpected(found.error());
      if (!*found)
        return fail(Errc::internal,
                    "the store's inbox log names an unknown user; restore it from a backup");
      known->second = &waiting_.insert(find.text(0), known->first, find.integer(1), false);
    }
    waiting_.load(*known->second,
                  {scan.integer(2), scan.integer(0), static_cast<std::uint32_t>(scan.integer(3)),
                   static_cast<std::uint32_t>(scan.integer(4)),
                   static_cast<std::uint32_t>(scan.integer(4) >> 32)});
  }
  waiting_.loaded();
  return {};
}

Status StoreWriter::begin() {
  if (auto done = Use(begin_).run(); !done) return done;
  return posts_.begin();
}

Result<PostWriter::After> StoreWriter::prepare() {
  if (auto synced = media_.sync(); !synced) return std::unexpected(synced.error());
  return posts_.finish();
}

Status StoreWriter::commit() {
  if (auto done = Use(commit_).run(); !done) return done;
  swept_.clear();
  posts_.committed();
  media_.committed();
  uses_.committed();
  return {};
}

Status StoreWriter::destroy() {
  if (auto done = posts_.destroy(); !done)
    return fail(Errc::io, "the disk failed while keys were destroyed; check it");
  return {};
}

Status StoreWriter::rollback() {
  media_.forget();
  uses_.forget();
  posts_.forget();
  for (const DeadRow& row : swept_) waiting_.push_dead(row);
  swept_.clear();
  if (!db_.in_transaction()) return {};  // SQLite has rolled back by itself
  return Use(rollback_).run();
}

Result<Written> StoreWriter::apply(const Write& write) {
  return std::visit([this](const auto& one) { return put(one); }, write);
}

Result<Waiting::Inbox*> StoreWriter::inbox_of(const std::string& user, bool make) {
  if (Waiting::Inbox* inbox = waiting_.find(user)) return inbox;
  Use find(find_user_);
  const auto row = find.bind(user).step();
  if (!row) return std::unexpected(row.error());
  if (*row) return &waiting_.insert(user, find.integer(0), find.integer(1), false);
  if (!make) return nullptr;
  const std::int64_t id = next_user_++;
  if (auto done = Use(add_user_).bind(id).bind(user).run(); !done)
    return std::unexpected(done.error());
  return &waiting_.insert(user, id, 0, true);
}

Result<Written> StoreWriter::put(const PutMessage& write) {
  const StoredMessage& message = write.message;
  const ContentDigest digest = content_digest(write);
  {
    Use find(find_seen_);
    const auto row = find.bind(ByteView(message.guid.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      if (!std::ranges::equal(find.blob(0), digest)) return Written{Accepted::conflict, {}};
      auto cursors = decode_cursors(find.blob(1));
      if (!cursors) return std::unexpected(cursors.error());
      return Written{Accepted::repeated, std::move(*cursors)};
    }
  }

  const std::size_t size = message.content.size();
  const std::uint32_t author = author_mark(message.author);
  receivers_.clear();
  for (std::size_t i = 0; i < write.receivers.size(); ++i) {
    const std::string& receiver = write.receivers[i];
    const auto found = inbox_of(receiver, true);
    if (!found) return std::unexpected(found.error());
    Waiting::Inbox& inbox = **found;
    waiting_.draft(inbox);
    const auto is_full = [&] {
      if (inbox.draft_count() >= limits_.messages || inbox.draft_bytes + size > limits_.bytes)
        return true;
      if (!beyond_share(limits_, inbox.draft_count(), inbox.draft_bytes, size) ||
          owns_inbox(message.author, receiver))
        return false;
      const auto [messages, bytes] = inbox.draft_of(author);
      return beyond_share(limits_, messages, bytes, size);
    };
    if (is_full() && i < write.acked.size()) {
      if (auto done = put(AckInbox{receiver, write.acked[i]}); !done)
        return std::unexpected(done.error());
    }
    if (is_full()) return Written{Accepted::full, {}};
    receivers_.push_back(&inbox);
  }

  const std::int64_t first = next_row_;
  Written out;
  out.cursors.reserve(receivers_.size());
  std::uint32_t place = 0;
  for (Waiting::Inbox* inbox : receivers_) {
    const bool again = !inbox->added.empty() && inbox->added.back().row >= first;
    if (!again) {
      const WaitingRow row{inbox->draft_newest + 1, first + place, place,
                           static_cast<std::uint32_t>(size), author};
      if (auto done = Use(add_row_)
                          .bind(row.row)
                          .bind(inbox->user)
                          .bind(row.cursor)
                          .bind(place)
                          .bind(std::int64_t{row.author} << 32 | row.bytes)
                          .run();
          !done) {
        return std::unexpected(done.error());
      }
      waiting_.draft_add(*inbox, row);
      ++place;
    }
    out.cursors.push_back(inbox->draft_newest);
  }
  if (place > 0) {
    next_row_ += place;
    encode_record(first, message, record_);
    if (auto done = Use(add_msg_).bind(first).bind(ByteView(record_)).run(); !done)
      return std::unexpected(done.error());
    if (place > 1) waiting_.draft_shared(first, place);
    uses_.tell_time(message.time);
    if (auto done = uses_.wait(write.media, message.author, first); !done)
      return std::unexpected(done.error());
  }
  encode_cursors(out.cursors, cursors_);
  if (auto done = Use(add_seen_)
                      .bind(ByteView(message.guid.bytes()))
                      .bind(ByteView(digest))
                      .bind(message.time)
                      .bind(ByteView(cursors_))
                      .run();
      !done) {
    return std::unexpected(done.error());
  }
  return out;
}

Result<Written> StoreWriter::put(const PutPost& write) {
  uses_.tell_time(write.post.time);
  return posts_.put(write);
}

Result<Written> StoreWriter::put(const ChangePost& write) {
  uses_.tell_time(write.time);
  auto out = posts_.put(write);
  if (!out || write.act != PostAct::destroy || out->accepted == Accepted::conflict) return out;
  if (out->accepted == Accepted::stored && !out->unfinished) return out;
  // What went with an earlier REMOVE or DELETE of it is to be off the disk as well.
  const auto gone = media_.has_gone();
  if (!gone) return std::unexpected(gone.error());
  out->unfinished = *gone;
  return out;
}

Result<Written> StoreWriter::put(const ExpirePosts& write) {
  uses_.tell_time(write.now);
  return posts_.put(write);
}

Result<Written> StoreWriter::put(const DropChannel& write) {
  uses_.tell_time(write.time);
  return posts_.put(write);
}

Result<Written> StoreWriter::put(const Shred& write) {
  auto out = posts_.put(write);
  if (!out || out->accepted == Accepted::stored) return out;
  const auto more = media_.end_some();
  // Too many files are open: later.
  if (!more && more.error().code == Errc::unavailable) return Written{Accepted::conflict, {}};
  if (!more) return std::unexpected(more.error());
  out->accepted = *more ? Accepted::stored : Accepted::repeated;
  return out;
}

Result<Written> StoreWriter::put(const PutName& write) {
  Use find(find_name_);
  const auto row = find.bind(write.name).step();
  if (!row) return std::unexpected(row.error());
  if (*row) return Written{find.text(0) == write.id ? Accepted::repeated : Accepted::conflict, {}};
  if (auto done = Use(add_name_).bind(write.name).bind(write.id).bind(write.time).run(); !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const PutIdentity& write) {
  if (auto done =
          Use(set_identity_).bind(write.id).bind(write.meta).bind(std::int64_t{write.pinned}).run();
      !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const PutDocument& write) {
  {
    Use find(find_document_);
    const auto row = find.bind(write.id).bind(write.type).bind(write.terminal).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      const Accepted accepted =
          judge_document({write.type, write.terminal, find.integer(0), find.text(1)}, write);
      if (accepted != Accepted::stored) return Written{accepted, {}};
    }
  }
  if (auto done = Use(set_document_)
                      .bind(write.id)
                      .bind(write.type)
                      .bind(write.terminal)
                      .bind(write.time)
                      .bind(write.document)
                      .run();
      !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const AckInbox& write) {
  const auto inbox = inbox_of(write.user, false);
  if (!inbox) return std::unexpected(inbox.error());
  if (*inbox == nullptr || !waiting_.draft_ack(**inbox, write.upto)) return Written{};
  if (auto done = Use(set_acked_).bind((*inbox)->user).bind((*inbox)->draft_acked).run(); !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const ForgetGuid& write) {
  if (auto done = Use(drop_seen_).bind(ByteView(write.guid.bytes())).run(); !done)
    return std::unexpected(done.error());
  return Written{};
}

Result<Written> StoreWriter::put(const PutResume& write) {
  if (auto done = Use(set_resume_)
                      .bind(ByteView(write.session.bytes()))
                      .bind(write.user)
                      .bind(write.secret_sha256)
                      .bind(write.expires)
                      .run();
      !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const DropResume& write) {
  if (auto done = Use(drop_resume_).bind(ByteView(write.session.bytes())).run(); !done) {
    return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> StoreWriter::put(const DropUser& write) {
  const auto owners = operator_.inboxes_of(write.user);
  if (!owners) return std::unexpected(owners.error());
  for (const std::string& owner : *owners) {
    const auto inbox = inbox_of(owner, false);
    if (!inbox) return std::unexpected(inbox.error());
    if (*inbox == nullptr) continue;
    waiting_.draft(**inbox);
    if (auto done = put(AckInbox{owner, (*inbox)->draft_newest}); !done) return done;
  }
  const auto files = operator_.media_of(write.user);
  if (!files) return std::unexpected(files.error());
  for (const Guid& file : *files) {
    auto done = media_.put(DropMedia{file, write.user, MediaState::deleted, write.time});
    if (!done) return done;
  }
  if (auto done = operator_.drop_rows_of(write.user); !done) return std::unexpected(done.error());
  if (auto done = prekeys_.drop_all(write.user); !done) return std::unexpected(done.error());
  return Written{};
}

Status StoreWriter::sweep(std::size_t budget) {
  for (; budget > 0 && waiting_.has_dead(); --budget) {
    const DeadRow row = waiting_.pop_dead();
    swept_.push_back(row);
    if (auto done = Use(drop_row_).bind(row.row).run(); !done) return done;
    if (!row.last) continue;
    if (auto done = Use(drop_msg_).bind(row.message).run(); !done) return done;
    if (auto done = uses_.arrived(row.message); !done) return done;
  }
  return {};
}

Result<Bytes> StoreWriter::forget(const Bytes& from, Millis before, Millis fresh,
                                  std::size_t budget) {
  const auto bound = [](Millis time) {
    Bytes out(16, 0);
    for (std::size_t i = 0; i < 6; ++i)
      out[i] = static_cast<std::uint8_t>(std::max<Millis>(time, 0) >> (40 - 8 * i));
    return out;
  };
  const Bytes skip_from = bound(before);
  const Bytes skip_to = bound(fresh);
  std::vector<Bytes> old;
  Bytes last;
  bool skipped = false;
  {
    Use scan(scan_seen_);
    scan.bind(ByteView(from)).bind(static_cast<std::int64_t>(budget));
    std::size_t rows = 0;
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      ++rows;
      last.assign(scan.blob(0).begin(), scan.blob(0).end());
      if (last > skip_from && last < skip_to) {
        last = skip_to;
        skipped = true;
        break;
      }
      if (scan.integer(1) < before) old.push_back(last);
    }
    if (!skipped && rows < budget) last.clear();
  }
  for (const Bytes& guid : old) {
    if (auto done = Use(drop_seen_).bind(ByteView(guid)).run(); !done)
      return std::unexpected(done.error());
  }
  return last;
}

Status StoreWriter::drop_expired(Millis now, std::size_t budget) {
  return Use(drop_expired_).bind(now).bind(static_cast<std::int64_t>(budget)).run();
}

/// The row of the first message that was accepted at `time` or later. Rows and times grow together.
Result<std::int64_t> StoreWriter::first_since(Millis time) {
  std::int64_t low = 1;
  std::int64_t high = next_row_;  // no message of before is at or behind it
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    Use next(next_msg_);
    const auto row = next.bind(middle).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) {
      high = middle;
      continue;
    }
    const std::int64_t id = next.integer(0);
    const auto message = decode_record(id, next.blob(1));
    // Of a damaged one the time is not known: it and what is behind it stay.
    if (message && message->time < time) {
      low = id + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<bool> StoreWriter::expire(Millis before, std::size_t budget) {
  const auto first = first_since(before);
  if (!first) return std::unexpected(first.error());
  const auto old = waiting_.older_than(*first, budget);
  for (const auto& [inbox, upto] : old) {
    if (!waiting_.draft_ack(*inbox, upto)) continue;
    if (auto done = Use(set_acked_).bind(inbox->user).bind(inbox->draft_acked).run(); !done)
      return std::unexpected(done.error());
  }
  return old.size() == budget;
}

void encode_cursors(const std::vector<Cursor>& cursors, Bytes& out) {
  out.clear();
  for (const Cursor cursor : cursors) {
    auto rest = static_cast<std::uint64_t>(cursor);
    for (; rest >= 0x80; rest >>= 7) out.push_back(static_cast<std::uint8_t>(rest | 0x80));
    out.push_back(static_cast<std::uint8_t>(rest));
  }
}

Result<std::vector<Cursor>> decode_cursors(ByteView bytes) {
  std::vector<Cursor> out;
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::uint8_t byte : bytes) {
    if (shift > 56) return fail(Errc::internal, "a stored list of cursors is damaged");
    value |= std::uint64_t{byte & 0x7fU} << shift;
    shift += 7;
    if (byte & 0x80) continue;
    out.push_back(static_cast<Cursor>(value));
    value = 0;
    shift = 0;
  }
  if (shift != 0) return fail(Errc::internal, "a stored list of cursors is damaged");
  return out;
}

}  // namespace dim
