#include "sqlite/post_writer.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

#include "dim/crypto/digest.h"

namespace dim {
namespace {

/// What makes a message "the same" when it comes again.
std::array<std::uint8_t, 16> digest_of(const Post& post) {
  Bytes all;
  append_field(all, ByteView(post.channel.bytes()));
  append_field(all, as_bytes(post.author));
  append_field(all, post.reply ? ByteView(post.reply->bytes()) : ByteView{});
  const Digest32 full = sha256({ByteView(all), as_bytes(post.content)});
  std::array<std::uint8_t, 16> out{};
  std::copy_n(full.begin(), out.size(), out.begin());
  return out;
}

bool readable(PostState state) { return state == PostState::shown || state == PostState::hidden; }

}  // namespace

std::string channel_word(std::int64_t channel) { return "c" + std::to_string(channel); }

struct PostWriter::Row {
  std::int64_t id = 0, channel = 0;
  Cursor cursor = 0, changed = 0;
  std::int64_t revision = 0;
  Millis time = 0, edited = 0, pinned = 0;
  PostState state = PostState::shown;
  std::string content;
};

Status PostWriter::start(Database& db) {
  const std::initializer_list<std::pair<Statement*, std::string_view>> statements = {
      {&find_number_, "SELECT max(number) FROM hub_change WHERE hub = ?"},
      {&add_change_, "INSERT INTO hub_change(hub, number, change) VALUES(?, ?, ?)"},
      {&find_channel_, "SELECT id, newest FROM channel WHERE guid = ?"},
      {&add_channel_, "INSERT INTO channel(guid) VALUES(?) RETURNING id"},
      {&step_channel_, "UPDATE channel SET newest = newest + 1 WHERE id = ? RETURNING newest"},
      {&drop_channel_, "UPDATE channel SET dropped = 1 WHERE guid = ?"},
      {&find_dropped_, "SELECT id FROM channel WHERE dropped = 1 LIMIT 1"},
      {&forget_channel_, "DELETE FROM channel WHERE id = ?"},
      {&find_post_,
       "SELECT id, channel, cursor, changed, revision, time, edited, pinned, state, content, "
       "digest "
       "FROM post WHERE guid = ?"},
      {&add_post_,
       "INSERT INTO post(channel, cursor, changed, guid, digest, time, author, reply, content) "
       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"},
      {&set_post_,
       "UPDATE post SET changed = ?, revision = ?, edited = ?, pinned = ?, state = ?, content = ? "
       "WHERE id = ?"},
      {&add_revision_, "INSERT INTO revision VALUES(?, ?, ?, ?)"},
      {&drop_oldest_, "DELETE FROM revision WHERE post = ? AND number <= ?"},
      {&drop_revisions_, "DELETE FROM revision WHERE post = ?"},
      {&add_reaction_, "INSERT OR IGNORE INTO reaction VALUES(?, ?, ?) RETURNING post"},
      {&drop_reaction_,
       "DELETE FROM reaction WHERE post = ? AND symbol = ? AND user = ? RETURNING post"},
      {&drop_reactions_, "DELETE FROM reaction WHERE post = ?"},
      {&add_text_, "INSERT INTO post_text(rowid, words, place) VALUES(?, ?, ?)"},
      {&drop_text_,
       "INSERT INTO post_text(post_text, rowid, words, place) VALUES('delete', ?, ?, ?)"},
      {&set_mark_,
       "INSERT INTO mark VALUES(?, ?, ?) ON CONFLICT(channel, user) DO UPDATE SET upto = "
       "max(upto, excluded.upto)"},
      {&drop_marks_, "DELETE FROM mark WHERE channel = ?"},
      {&some_posts_, "SELECT id, state, content FROM post WHERE channel = ? LIMIT ?"},
      {&drop_post_, "DELETE FROM post WHERE id = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return {};
}

void PostWriter::stop() {
  for (Statement* statement :
       {&find_number_,   &add_change_,     &find_channel_,   &add_channel_,    &step_channel_,
        &drop_channel_,  &find_dropped_,   &forget_channel_, &find_post_,      &add_post_,
        &set_post_,      &add_revision_,   &drop_oldest_,    &drop_revisions_, &add_reaction_,
        &drop_reaction_, &drop_reactions_, &add_text_,       &drop_text_,      &set_mark_,
        &drop_marks_,    &some_posts_,     &drop_post_}) {
    statement->finish();
  }
}

Result<Written> PostWriter::put(const PutHubChange& write) {
  Use find(find_number_);
  const auto row = find.bind(write.hub).step();
  if (!row) return std::unexpected(row.error());
  if (write.number != find.integer(0) + 1) return Written{Accepted::conflict, {}};
  if (auto done = Use(add_change_).bind(write.hub).bind(write.number).bind(write.change).run();
      !done)
    return std::unexpected(done.error());
  return Written{};
}

Result<Cursor> PostWriter::next_cursor(std::int64_t channel) {
  Use step(step_channel_);
  const auto row = step.bind(channel).step();
  if (!row) return std::unexpected(row.error());
  const Cursor out = step.integer(0);
  if (const auto end = step.step(); !end) return std::unexpected(end.error());
  return out;
}

Result<PostWriter::Place> PostWriter::next_place(const Guid& channel) {
  Place out;
  {
    Use find(find_channel_);
    const auto row = find.bind(ByteView(channel.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) out.channel = find.integer(0);
  }
  if (out.channel == 0) {
    Use add(add_channel_);
    const auto row = add.bind(ByteView(channel.bytes())).step();
    if (!row) return std::unexpected(row.error());
    out.channel = add.integer(0);
    if (const auto end = add.step(); !end) return std::unexpected(end.error());
  }
  const auto cursor = next_cursor(out.channel);
  if (!cursor) return std::unexpected(cursor.error());
  out.cursor = *cursor;
  return out;
}

Status PostWriter::index(std::int64_t post, std::int64_t channel, std::string_view content,
                         bool in) {
  const std::string words = spaced_words(content);
  const std::string place = channel_word(channel);
  return Use(in ? add_text_ : drop_text_).bind(post).bind(words).bind(place).run();
}

Result<Written> PostWriter::put(const PutPost& write) {
  const Post& post = write.post;
  const auto digest = digest_of(post);
  {
    Use find(find_post_);
    const auto row = find.bind(ByteView(post.guid.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      if (!std::ranges::equal(find.blob(10), digest)) return Written{Accepted::conflict, {}};
      return Written{Accepted::repeated, {find.integer(2)}};
    }
  }
  const auto place = next_place(post.channel);
  if (!place) return std::unexpected(place.error());
  std::int64_t id = 0;
  {
    Use add(add_post_);
    const auto row = add.bind(place->channel)
                         .bind(place->cursor)
                         .bind(place->cursor)
                         .bind(ByteView(post.guid.bytes()))
                         .bind(ByteView(digest))
                         .bind(post.time)
                         .bind(post.author)
                         .bind(post.reply ? ByteView(post.reply->bytes()) : ByteView{})
                         .bind(as_bytes(post.content))
                         .step();
    if (!row) return std::unexpected(row.error());
    id = add.integer(0);
    if (const auto end = add.step(); !end) return std::unexpected(end.error());
  }
  if (auto done = index(id, place->channel, post.content, true); !done)
    return std::unexpected(done.error());
  return Written{Accepted::stored, {place->cursor}};
}

Result<Written> PostWriter::put(const ChangePost& write) {
  Row row;
  {
    Use find(find_post_);
    const auto found = find.bind(ByteView(write.guid.bytes())).step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return Written{Accepted::conflict, {}};
    row = {find.integer(0), find.integer(1), find.integer(2),
           find.integer(3), find.integer(4), find.integer(5),
           find.integer(6), find.integer(7), static_cast<PostState>(find.integer(8)),
           find.text(9)};
  }
  if (row.state == PostState::deleted) {
    if (write.act == PostAct::erase) return Written{Accepted::repeated, {row.changed}};
    return Written{Accepted::conflict, {}};
  }
  if (write.act == PostAct::react || write.act == PostAct::unreact) return react(write, row);
  return change(write, row);
}

Result<Written> PostWriter::react(const ChangePost& write, const Row& row) {
  {
    Use use(write.act == PostAct::react ? add_reaction_ : drop_reaction_);
    const auto did = use.bind(row.id).bind(write.text).bind(write.who).step();
    if (!did) return std::unexpected(did.error());
    if (!*did) return Written{Accepted::repeated, {row.changed}};
    if (const auto end = use.step(); !end) return std::unexpected(end.error());
  }
  const auto cursor = next_cursor(row.channel);
  if (!cursor) return std::unexpected(cursor.error());
  if (auto done = Use(set_post_)
                      .bind(*cursor)
                      .bind(row.revision)
                      .bind(row.edited)
                      .bind(row.pinned)
                      .bind(static_cast<std::int64_t>(row.state))
                      .bind(as_bytes(row.content))
                      .bind(row.id)
                      .run();
      !done)
    return std::unexpected(done.error());
  return Written{Accepted::stored, {*cursor}};
}

Result<Written> PostWriter::change(const ChangePost& write, const Row& row) {
  Row next = row;
  Written again{Accepted::repeated, {row.changed}};
  Written conflict{Accepted::conflict, {}};
  switch (write.act) {
    case PostAct::edit:
      if (row.state == PostState::removed) return conflict;
      if (row.content == write.text) return again;
      if (write.revision && *write.revision != row.revision) return conflict;
      if (auto done = Use(add_revision_)
                          .bind(row.id)
                          .bind(row.revision)
                          .bind(row.edited != 0 ? row.edited : row.time)
                          .bind(as_bytes(row.content))
                          .run();
          !done)
        return std::unexpected(done.error());
      if (row.revision > static_cast<std::int64_t>(kPostRevisions)) {
        const std::int64_t oldest = row.revision - static_cast<std::int64_t>(kPostRevisions);
        if (auto done = Use(drop_oldest_).bind(row.id).bind(oldest).run(); !done)
          return std::unexpected(done.error());
      }
      next.content = write.text;
      next.edited = write.time;
      ++next.revision;
      break;
    case PostAct::hide:
    case PostAct::show:
      if (row.state == PostState::removed) return conflict;
      next.state = write.act == PostAct::hide ? PostState::hidden : PostState::shown;
      if (next.state == row.state) return again;
      break;
    case PostAct::take_back:
      if (row.state == PostState::removed) return again;
      next.state = PostState::removed;
      break;
    case PostAct::erase:
      next.state = PostState::deleted;
      next.pinned = 0;
      break;
    case PostAct::pin:
      if (row.pinned != 0) return again;
      next.pinned = write.time;
      break;
    case PostAct::unpin:
      if (row.pinned == 0) return again;
      next.pinned = 0;
      break;
    case PostAct::react:
    case PostAct::unreact:
      break;
  }
  if (!readable(next.state)) {
    next.content.clear();
    if (auto done = Use(drop_revisions_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
  }
  if (next.state == PostState::deleted) {
    if (auto done = Use(drop_reactions_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
  }
  if (row.state != next.state || row.content != next.content) {
    // The index has what is shown, and must be told what it had.
    if (row.state == PostState::shown) {
      if (auto done = index(row.id, row.channel, row.content, false); !done)
        return std::unexpected(done.error());
    }
    if (next.state == PostState::shown) {
      if (auto done = index(row.id, row.channel, next.content, true); !done)
        return std::unexpected(done.error());
    }
  }
  const auto cursor = next_cursor(row.channel);
  if (!cursor) return std::unexpected(cursor.error());
  if (auto done = Use(set_post_)
                      .bind(*cursor)
                      .bind(next.revision)
                      .bind(next.edited)
                      .bind(next.pinned)
                      .bind(static_cast<std::int64_t>(next.state))
                      .bind(as_bytes(next.content))
                      .bind(row.id)
                      .run();
      !done)
    return std::unexpected(done.error());
  return Written{Accepted::stored, {*cursor}};
}

Result<Written> PostWriter::put(const PutMark& write) {
  std::int64_t channel = 0;
  Cursor upto = 0;
  {
    Use find(find_channel_);
    const auto row = find.bind(ByteView(write.channel.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return Written{};  // nothing was ever written there
    channel = find.integer(0);
    upto = std::min(write.upto, find.integer(1));
  }
  if (auto done = Use(set_mark_).bind(channel).bind(write.user).bind(upto).run(); !done)
    return std::unexpected(done.error());
  return Written{};
}

Result<Written> PostWriter::put(const DropChannel& write) {
  if (auto done = Use(drop_channel_).bind(ByteView(write.channel.bytes())).run(); !done)
    return std::unexpected(done.error());
  return Written{};
}

Status PostWriter::forget(std::int64_t post) {
  for (Statement* statement : {&drop_revisions_, &drop_reactions_, &drop_post_}) {
    if (auto done = Use(*statement).bind(post).run(); !done) return done;
  }
  return {};
}

Result<bool> PostWriter::sweep(std::size_t budget) {
  std::int64_t channel = 0;
  {
    Use find(find_dropped_);
    const auto row = find.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return false;
    channel = find.integer(0);
  }
  struct Old {
    std::int64_t id;
    PostState state;
    std::string content;
  };
  std::vector<Old> old;
  {
    Use some(some_posts_);
    some.bind(channel).bind(static_cast<std::int64_t>(budget));
    for (;;) {
      const auto row = some.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      old.push_back({some.integer(0), static_cast<PostState>(some.integer(1)), some.text(2)});
    }
  }
  for (const Old& one : old) {
    if (one.state == PostState::shown) {
      if (auto done = index(one.id, channel, one.content, false); !done)
        return std::unexpected(done.error());
    }
    if (auto done = forget(one.id); !done) return std::unexpected(done.error());
  }
  if (old.size() < budget) {
    for (Statement* statement : {&drop_marks_, &forget_channel_}) {
      if (auto done = Use(*statement).bind(channel).run(); !done)
        return std::unexpected(done.error());
    }
  }
  return true;
}

}  // namespace dim
