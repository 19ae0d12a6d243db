#include "sqlite/media_uses.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dim {

Status MediaUses::start(Database& db) {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_, "SELECT state, owner FROM media WHERE guid = ?"},
      {&find_author_, "SELECT author FROM post WHERE id = ?"},
      {&hold_,
       "INSERT INTO media_use VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = "
       "excluded.revision"},
      {&held_, "UPDATE media SET touched = ?1 WHERE guid = ?2 AND touched <> ?1"},
      {&carry_,
       "UPDATE media_use SET revision = ?4 WHERE channel = ?1 AND holder = ?2 AND revision = ?3"},
      {&drop_,
       "DELETE FROM media_use WHERE channel = ? AND holder = ? AND revision <= ? RETURNING media"},
      {&drop_waiting_, "DELETE FROM media_use WHERE channel = 0 AND holder = ? RETURNING media"},
      {&users_,
       "SELECT channel, holder FROM media_use WHERE media = ? ORDER BY channel DESC, holder DESC "
       "LIMIT 1"},
      {&age_, "UPDATE media SET touched = ? WHERE guid = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  const auto swept = db.integer("SELECT max(time) FROM swept");
  if (!swept) return std::unexpected(swept.error());
  now_ = *swept;
  Statement waiting;
  if (auto ready = waiting.prepare(
          db, "SELECT DISTINCT holder FROM media_use WHERE channel = 0 AND holder <> 0");
      !ready)
    return ready;
  Use scan(waiting);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    carrying_.insert(scan.integer(0));
  }
}

void MediaUses::stop() {
  for (Statement* statement :
       {&find_, &find_author_, &hold_, &held_, &carry_, &drop_, &users_, &age_, &drop_waiting_})
    statement->finish();
}

void MediaUses::forget() {
  for (const std::int64_t message : left_) carrying_.insert(message);
  left_.clear();
}

Status MediaUses::hold(const Guid& object, std::int64_t channel, std::int64_t holder,
                       std::int64_t revision) {
  if (auto done =
          Use(hold_).bind(ByteView(object.bytes())).bind(channel).bind(holder).bind(revision).run();
      !done)
    return done;
  return Use(held_).bind(kMediaHeld).bind(ByteView(object.bytes())).run();
}

Result<bool> MediaUses::is_own(const Guid& object, const std::string& author) {
  Use find(find_);
  const auto row = find.bind(ByteView(object.bytes())).step();
  if (!row || !*row) return row;
  return static_cast<MediaState>(find.integer(0)) == MediaState::complete && find.text(1) == author;
}

Status MediaUses::use(std::span<const Guid> objects, std::int64_t channel, std::int64_t post,
                      std::int64_t revision) {
  if (objects.empty()) return {};
  std::string author;
  {
    Use find(find_author_);
    const auto row = find.bind(post).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    author = find.text(0);
  }
  for (const Guid& object : objects) {
    const auto own = is_own(object, author);
    if (!own) return std::unexpected(own.error());
    if (!*own) continue;
    if (auto done = hold(object, channel, post, revision); !done) return done;
  }
  return {};
}

Status MediaUses::carry_on(std::int64_t channel, std::int64_t post, std::int64_t from,
                           std::int64_t to) {
  return Use(carry_).bind(channel).bind(post).bind(from).bind(to).run();
}

Result<std::vector<Guid>> MediaUses::take(Use& uses) {
  std::vector<Guid> out;
  for (;;) {
    const auto row = uses.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    std::array<std::uint8_t, 16> bytes{};
    const ByteView stored = uses.blob(0);
    std::copy_n(stored.begin(), std::min(stored.size(), bytes.size()), bytes.begin());
    const auto guid = Guid::from_bytes(bytes);
    if (!guid) return fail(Errc::internal, "a stored GUID is damaged");
    out.push_back(*guid);
  }
}

Result<bool> MediaUses::leaves(const Guid& object, bool destroy) {
  {
    Use users(users_);
    const auto row = users.bind(ByteView(object.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      // Nobody waits for it any more: it may grow old.
      if (users.integer(0) == 0 && users.integer(1) == 0) {
        if (auto done = Use(age_).bind(now_).bind(ByteView(object.bytes())).run(); !done)
          return std::unexpected(done.error());
      }
      return false;
    }
  }
  return media_.end_unused(object, destroy, now_);
}

Result<MediaUses::Gone> MediaUses::let_go(std::int64_t channel, std::int64_t post, bool destroy,
                                          std::int64_t revision) {
  Gone out;
  std::vector<Guid> objects;
  {
    Use drop(drop_);
    auto taken = take(drop.bind(channel).bind(post).bind(revision));
    if (!taken) return std::unexpected(taken.error());
    objects = std::move(*taken);
  }
  for (const Guid& object : objects) {
    const auto gone = leaves(object, destroy);
    if (!gone) return std::unexpected(gone.error());
    ++(*gone ? out.freed : out.held);
  }
  return out;
}

Status MediaUses::wait(std::span<const Guid> objects, const std::string& author,
                       std::int64_t message) {
  for (const Guid& object : objects) {
    const auto own = is_own(object, author);
    if (!own) return std::unexpected(own.error());
    if (!*own) continue;
    for (const std::int64_t holder : {std::int64_t{0}, message}) {
      if (auto done = hold(object, 0, holder, 0); !done) return done;
    }
    carrying_.insert(message);
  }
  return {};
}

Status MediaUses::arrived(std::int64_t message) {
  if (carrying_.erase(message) == 0) return {};
  left_.push_back(message);
  std::vector<Guid> objects;
  {
    Use drop(drop_waiting_);
    auto taken = take(drop.bind(message));
    if (!taken) return std::unexpected(taken.error());
    objects = std::move(*taken);
  }
  for (const Guid& object : objects) {
    if (const auto gone = leaves(object, false); !gone) return std::unexpected(gone.error());
  }
  return {};
}

}  // namespace dim
