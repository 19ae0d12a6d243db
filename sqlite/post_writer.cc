#include "sqlite/post_writer.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/crypto/digest.h"
#include "sqlite/schema.h"

namespace dim {
namespace {

/// IDs have no spaces.
std::string mentions_text(const std::vector<std::string>& mentions) {
  std::string out;
  for (const std::string& one : mentions) out += (out.empty() ? "" : " ") + one;
  return out;
}

/// As the table of mentions names whom one is about.
std::string_view mentioned(const std::string& who) {
  return who == kEveryone ? std::string_view{} : std::string_view(who);
}

/// What makes a message "the same" when it comes again. Keyed, so that whoever guesses a short text
/// cannot find out from what a disk remembers whether it was that.
std::array<std::uint8_t, 16> digest_of(const Post& post, const Secret& key) {
  Bytes all;
  append_field(all, ByteView(post.channel.bytes()));
  append_field(all, as_bytes(post.author));
  append_field(all, post.reply ? ByteView(post.reply->bytes()) : ByteView{});
  append_field(all, as_bytes(post.content));
  // As it was before there were these, so that what is stored keeps its digest.
  if (post.thread || !post.mentions.empty() || post.expires != 0) {
    append_field(all, post.thread ? ByteView(post.thread->bytes()) : ByteView{});
    append_field(all, as_bytes(mentions_text(post.mentions)));
    append_field(all, as_bytes(std::to_string(post.expires)));
  }
  const Digest32 full = hmac_sha256(key.view(), all);
  std::array<std::uint8_t, 16> out{};
  std::copy_n(full.begin(), out.size(), out.begin());
  return out;
}

/// Nothing of what is damaged (security.md R14): it is lost, and what goes on beside it goes on.
template <typename T>
Result<std::optional<T>> unless_damaged(Result<T> read) {
  if (read) return std::optional<T>(std::move(*read));
  if (read.error().code != Errc::internal) return std::unexpected(read.error());
  return std::optional<T>();
}

bool readable(PostState state) { return state == PostState::shown || state == PostState::hidden; }

}  // namespace

struct PostWriter::Row {
  std::int64_t id = 0, channel = 0;
  Cursor changed = 0;
  std::int64_t revision = 0;
  Millis time = 0, edited = 0, pinned = 0;
  PostState state = PostState::shown;
  Bytes guid{};
  Bytes sealed{};
  Cursor cursor = 0;
  std::string mentions{};
};

Status PostWriter::start(Database& db, PostKeys& keys) {
  keys_ = &keys;
  if (auto ready = words_.start(db); !ready) return ready;
  const std::initializer_list<std::pair<Statement*, std::string_view>> statements = {
      {&find_number_, "SELECT max(number) FROM hub_change WHERE hub = ?"},
      {&add_change_, "INSERT INTO hub_change(hub, number, change) VALUES(?, ?, ?)"},
      {&find_channel_, "SELECT id, newest FROM channel WHERE guid = ?"},
      {&add_channel_, "INSERT INTO channel(guid) VALUES(?) RETURNING id"},
      {&step_channel_, "UPDATE channel SET newest = newest + 1 WHERE id = ? RETURNING newest"},
      {&drop_channel_, "UPDATE channel SET dropped = max(dropped, ?) WHERE guid = ?"},
      {&find_dropped_, "SELECT id, dropped FROM channel WHERE dropped <> 0 LIMIT 1"},
      {&find_gone_, "SELECT id, dropped FROM channel WHERE guid = ? AND dropped <> 0"},
      {&forget_channel_, "DELETE FROM channel WHERE id = ?"},
      {&find_post_,
       "SELECT id, channel, cursor, changed, revision, time, edited, pinned, state, content, "
       "digest, guid, mentions "
       "FROM post WHERE guid = ?"},
      {&newest_post_,
       "SELECT max(coalesce((SELECT max(id) FROM post), 0), coalesce((SELECT max(first) FROM "
       "part), "
       "0))"},
      {&add_post_,
       "INSERT INTO post(id, channel, cursor, changed, guid, digest, time, author, reply, content, "
       "thread, mentions, expires) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&set_post_,
       "UPDATE post SET changed = ?, revision = ?, edited = ?, pinned = ?, state = ?, content = ? "
       "WHERE id = ?"},
      {&clear_digest_, "UPDATE post SET digest = x'' WHERE id = ?"},
      {&add_revision_, "INSERT INTO revision VALUES(?, ?, ?, ?)"},
      {&drop_oldest_, "DELETE FROM revision WHERE post = ? AND number <= ?"},
      {&drop_revisions_, "DELETE FROM revision WHERE post = ?"},
      {&add_reaction_, "INSERT OR IGNORE INTO reaction VALUES(?, ?, ?) RETURNING post"},
      {&drop_reaction_,
       "DELETE FROM reaction WHERE post = ? AND symbol = ? AND user = ? RETURNING post"},
      {&add_erasure_, "INSERT OR IGNORE INTO erasure VALUES(?, ?, ?) RETURNING post"},
      {&drop_erasures_, "DELETE FROM erasure WHERE post = ?"},
      {&drop_reactions_, "DELETE FROM reaction WHERE post = ?"},
      {&add_text_, "INSERT INTO post_text(rowid, words, place) VALUES(?, ?, ?)"},
      {&drop_text_,
       "INSERT INTO post_text(post_text, rowid, words, place) VALUES('delete', ?, ?, ?)"},
      {&set_mark_,
       "INSERT INTO mark VALUES(?, ?, ?) ON CONFLICT(channel, user) DO UPDATE SET upto = "
       "max(upto, excluded.upto)"},
      {&drop_marks_, "DELETE FROM mark WHERE channel = ?"},
      {&add_report_,
       "INSERT OR IGNORE INTO report(post, channel, user, time, revision, text, content) VALUES(?, "
       "?, ?, ?, ?, ?, ?) RETURNING id"},
      {&close_reports_,
       "DELETE FROM report WHERE post = (SELECT id FROM post WHERE guid = ?) RETURNING id"},
      {&drop_reports_, "DELETE FROM report WHERE post = ?"},
      {&add_mention_, "INSERT OR IGNORE INTO mention VALUES(?, ?, ?)"},
      {&drop_mention_, "DELETE FROM mention WHERE channel = ? AND user = ? AND cursor = ?"},
      {&clear_mentions_, "UPDATE post SET mentions = '' WHERE id = ?"},
      {&forget_mentions_, "DELETE FROM mention WHERE channel = ?"},
      {&set_level_, "INSERT OR REPLACE INTO notify VALUES(?, ?, ?)"},
      {&forget_levels_, "DELETE FROM notify WHERE channel = ?"},
      {&old_posts_,
       "SELECT id, channel, cursor, time, state, content, guid, mentions FROM post WHERE channel = "
       "(SELECT channel.id FROM channel WHERE channel.guid = ?) ORDER BY cursor LIMIT ?"},
      {&over_posts_,
       "SELECT id, channel, cursor, time, state, content, guid, mentions FROM post WHERE expires "
       "<> "
       "0 AND expires <= ? ORDER BY expires LIMIT ?"},
      {&set_swept_, "UPDATE swept SET time = max(time, ?)"},
      {&some_posts_,
       "SELECT id, state, guid, content FROM post WHERE channel = ? ORDER BY cursor LIMIT ?"},
      {&drop_post_, "DELETE FROM post WHERE id = ?"},
      {&find_part_,
       "SELECT id, posts, bytes, EXISTS(SELECT 1 FROM part AS later WHERE later.first > part.first)"
       " FROM part WHERE first <= ? ORDER BY first DESC LIMIT 1"},
      {&add_part_, "INSERT INTO part(first, posts, bytes) VALUES(?, ?, ?)"},
      {&fill_part_, "UPDATE part SET posts = posts + 1, bytes = bytes + ? WHERE id = ?"},
      {&part_range_,
       "SELECT first, posts, bytes, coalesce((SELECT min(later.first) FROM part AS later WHERE "
       "later.first > part.first), ?2) FROM part WHERE id = ?1"},
      {&drop_part_, "DELETE FROM part WHERE id = ?"},
      {&part_posts_,
       "SELECT id, channel, guid, content FROM post WHERE id >= ? AND id < ? AND state = 0 "
       "ORDER BY id LIMIT ?"},
      {&changes_of_,
       "SELECT id, change FROM hub_change WHERE hub = ? AND instr(change, ?) > 0 ORDER BY id"},
      {&set_change_, "UPDATE hub_change SET change = ? WHERE id = ?"},
      {&some_changes_,
       "SELECT id, length(CAST(change AS BLOB)) FROM hub_change WHERE hub = ? AND number < ? AND "
       "change GLOB '{*' ORDER BY number DESC LIMIT ?"},
      {&clear_reasons_,
       "UPDATE audit SET reason = replace(hex(zeroblob(length(CAST(reason AS BLOB)))), '00', ' ') "
       "WHERE id IN (SELECT id FROM audit WHERE hub = ? AND trim(reason) <> '' LIMIT ?) RETURNING "
       "id"},
      {&expect_, "INSERT OR IGNORE INTO expected(object, user) VALUES(?, ?)"},
      {&sign_expected_,
       "UPDATE expected SET receipt = ? WHERE object = ? AND user = ? AND receipt = '' RETURNING "
       "user"},
      {&find_expected_, "SELECT receipt FROM expected WHERE object = ? AND user = ?"},
      {&add_doomed_, "INSERT OR IGNORE INTO doomed VALUES(?, ?)"},
      {&drop_doomed_, "DELETE FROM doomed"},
      {&count_destroyed_, "UPDATE key_file SET destroyed = destroyed + 1 WHERE kind = ?"},
      {&due_, "SELECT kind FROM key_file WHERE destroyed >= ? OR (destroyed > 0 AND since < ?)"},
      {&set_file_, "UPDATE key_file SET number = ?, destroyed = 0, since = ? WHERE kind = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  Statement left;
  if (auto ready = left.prepare(db, "SELECT kind, slot FROM doomed"); !ready) return ready;
  {
    Use scan(left);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      doomed_.push_back({scan.integer(0), scan.integer(1)});
    }
  }
  return destroy();
}

void PostWriter::stop() {
  for (Statement* statement :
       {&find_number_,  &find_gone_,      &add_change_,      &find_channel_,   &add_channel_,
        &step_channel_, &drop_channel_,   &find_dropped_,    &forget_channel_, &find_post_,
        &add_post_,     &set_post_,       &add_revision_,    &drop_oldest_,    &drop_revisions_,
        &add_reaction_, &drop_reaction_,  &drop_reactions_,  &add_text_,       &drop_text_,
        &set_mark_,     &drop_marks_,     &some_posts_,      &drop_post_,      &newest_post_,
        &clear_digest_, &find_part_,      &add_part_,        &fill_part_,      &part_range_,
        &drop_part_,    &part_posts_,     &add_doomed_,      &drop_doomed_,    &count_destroyed_,
        &due_,          &set_file_,       &add_erasure_,     &drop_erasures_,  &add_mention_,
        &drop_mention_, &clear_mentions_, &forget_mentions_, &set_level_,      &forget_levels_,
        &old_posts_,    &add_report_,     &close_reports_,   &drop_reports_,   &over_posts_,
        &set_swept_,    &changes_of_,     &set_change_,      &some_changes_,   &clear_reasons_,
        &expect_,       &sign_expected_,  &find_expected_}) {
    statement->finish();
  }
  words_.stop();
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

Result<Written> PostWriter::put(const RequireHub& write) {
  Use find(find_number_);
  const auto row = find.bind(write.hub).step();
  if (!row) return std::unexpected(row.error());
  return Written{find.integer(0) >= write.number ? Accepted::stored : Accepted::conflict, {}};
}

Result<Cursor> PostWriter::next_cursor(std::int64_t channel) {
  Use step(step_channel_);
  const auto row = step.bind(channel).step();
  if (!row) return std::unexpected(row.error());
  const Cursor out = step.integer(0);
  if (const auto end = step.step(); !end) return std::unexpected(end.error());
  return out;
}

Result<std::int64_t> PostWriter::number_of(const Guid& channel) {
  {
    Use find(find_channel_);
    const auto row = find.bind(ByteView(channel.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) return find.integer(0);
  }
  Use add(add_channel_);
  const auto row = add.bind(ByteView(channel.bytes())).step();
  if (!row) return std::unexpected(row.error());
  const std::int64_t out = add.integer(0);
  if (const auto end = add.step(); !end) return std::unexpected(end.error());
  return out;
}

Result<PostWriter::Place> PostWriter::next_place(const Guid& channel) {
  Place out;
  const auto number = number_of(channel);
  if (!number) return std::unexpected(number.error());
  out.channel = *number;
  const auto cursor = next_cursor(out.channel);
  if (!cursor) return std::unexpected(cursor.error());
  out.cursor = *cursor;
  return out;
}

Status PostWriter::index_with(const Secret& key, std::int64_t post, std::int64_t channel,
                              std::string_view content, bool in) {
  const std::string_view text = indexed_text(content);
  if (text.empty()) return {};
  const std::string words = words_.words(text, key);
  const std::string place = WordIndex::channel(channel, key);
  return Use(in ? add_text_ : drop_text_).bind(post).bind(words).bind(place).run();
}

Status PostWriter::index(std::int64_t post, std::int64_t channel, std::string_view content,
                         bool in) {
  const auto part = part_of(post, 0);
  if (!part) return std::unexpected(part.error());
  const auto key = unless_damaged(keys_->words().get(*part));
  if (!key) return std::unexpected(key.error());
  // Without its key nothing is found in that part any more.
  return *key ? index_with(**key, post, channel, content, in) : Status{};
}

/// The part of a message; `bytes`: it is new there, and the first one makes room for itself.
Result<std::int64_t> PostWriter::part_of(std::int64_t post, std::size_t bytes) {
  std::int64_t part = 0;
  bool full = true;
  {
    Use find(find_part_);
    const auto row = find.bind(post).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      part = find.integer(0);
      const bool last = find.integer(3) == 0;
      full = last && (find.integer(1) >= kPartPosts || find.integer(2) >= kPartBytes);
    }
  }
  if (bytes == 0) return part;
  if (!full) {
    if (auto done = Use(fill_part_).bind(static_cast<std::int64_t>(bytes)).bind(part).run(); !done)
      return std::unexpected(done.error());
    return part;
  }
  Use add(add_part_);
  if (auto done = add.bind(post).bind(std::int64_t{1}).bind(static_cast<std::int64_t>(bytes)).run();
      !done)
    return std::unexpected(done.error());
  part = add.inserted();
  if (auto key = keys_->words().put(part); !key) return std::unexpected(key.error());
  return part;
}

Result<std::int64_t> PostWriter::next_id() {
  Use find(newest_post_);
  const auto row = find.step();
  if (!row) return std::unexpected(row.error());
  newest_id_ = std::max(newest_id_, find.integer(0)) + 1;
  return newest_id_;
}

Result<Written> PostWriter::put(const PutPost& write) {
  const Post& post = write.post;
  {
    Use find(find_post_);
    const auto row = find.bind(ByteView(post.guid.bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      if (static_cast<PostState>(find.integer(8)) == PostState::destroyed)
        return Written{Accepted::conflict, {}};
      const auto key = unless_damaged(keys_->posts().get(find.integer(0)));
      if (!key) return std::unexpected(key.error());
      // Of a damaged one nobody can say that it is the same.
      if (!*key || !std::ranges::equal(find.blob(10), digest_of(post, **key)))
        return Written{Accepted::conflict, {}};
      return Written{Accepted::repeated, {find.integer(2)}};
    }
  }
  const auto place = next_place(post.channel);
  if (!place) return std::unexpected(place.error());
  const auto id = next_id();
  if (!id) return std::unexpected(id.error());
  const auto key = keys_->posts().put(*id);
  if (!key) return std::unexpected(key.error());
  const auto sealed = keys_->seal(*key, ByteView(post.guid.bytes()), post.content);
  if (!sealed) return std::unexpected(sealed.error());
  if (auto done = Use(add_post_)
                      .bind(*id)
                      .bind(place->channel)
                      .bind(place->cursor)
                      .bind(place->cursor)
                      .bind(ByteView(post.guid.bytes()))
                      .bind(ByteView(digest_of(post, *key)))
                      .bind(post.time)
                      .bind(post.author)
                      .bind(post.reply ? ByteView(post.reply->bytes()) : ByteView{})
                      .bind(ByteView(*sealed))
                      .bind(post.thread ? ByteView(post.thread->bytes()) : ByteView{})
                      .bind(mentions_text(post.mentions))
                      .bind(post.expires)
                      .run();
      !done)
    return std::unexpected(done.error());
  for (const std::string& who : post.mentions) {
    if (auto done =
            Use(add_mention_).bind(place->channel).bind(mentioned(who)).bind(place->cursor).run();
        !done)
      return std::unexpected(done.error());
  }
  const auto part = part_of(*id, post.content.size() + 1);
  if (!part) return std::unexpected(part.error());
  if (auto done = index(*id, place->channel, post.content, true); !done)
    return std::unexpected(done.error());
  if (auto done = uses_.use(write.media, place->channel, *id, 1); !done)
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
    row = {find.integer(0),
           find.integer(1),
           find.integer(3),
           find.integer(4),
           find.integer(5),
           find.integer(6),
           find.integer(7),
           static_cast<PostState>(find.integer(8)),
           Bytes(find.blob(11).begin(), find.blob(11).end()),
           Bytes(find.blob(9).begin(), find.blob(9).end()),
           find.integer(2),
           find.text(12)};
  }
  if (row.state == PostState::destroyed) {
    const bool same = write.act == PostAct::destroy || write.act == PostAct::erase;
    return same ? Written{Accepted::repeated, {row.changed}} : Written{Accepted::conflict, {}};
  }
  if (row.state == PostState::deleted && write.act != PostAct::destroy) {
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
                      .bind(ByteView(row.sealed))
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
  const auto before = unless_damaged(keys_->open(row.id, row.guid, row.sealed));
  if (!before) return std::unexpected(before.error());
  if (!*before) return conflict;
  std::string content = **before;
  MediaUses::Gone gone;
  switch (write.act) {
    case PostAct::edit:
      if (row.state == PostState::removed) return conflict;
      if (**before == write.text) return again;
      if (write.revision && *write.revision != row.revision) return conflict;
      if (auto done = Use(add_revision_)
                          .bind(row.id)
                          .bind(row.revision)
                          .bind(row.edited != 0 ? row.edited : row.time)
                          .bind(ByteView(row.sealed))
                          .run();
          !done)
        return std::unexpected(done.error());
      content = write.text;
      next.edited = write.time;
      ++next.revision;
      if (auto done = write.media
                          ? uses_.use(*write.media, row.channel, row.id, next.revision)
                          : uses_.carry_on(row.channel, row.id, row.revision, next.revision);
          !done)
        return std::unexpected(done.error());
      if (row.revision > static_cast<std::int64_t>(kPostRevisions)) {
        const std::int64_t oldest = row.revision - static_cast<std::int64_t>(kPostRevisions);
        if (auto done = Use(drop_oldest_).bind(row.id).bind(oldest).run(); !done)
          return std::unexpected(done.error());
        const auto left = uses_.let_go(row.channel, row.id, false, oldest);
        if (!left) return std::unexpected(left.error());
        gone = *left;
      }
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
    case PostAct::destroy:
      next.state = write.act == PostAct::erase ? PostState::deleted : PostState::destroyed;
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
    content.clear();
    if (auto done = drop_mentions(row); !done) return std::unexpected(done.error());
    if (auto done = Use(drop_revisions_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
    const auto left = uses_.let_go(row.channel, row.id, next.state == PostState::destroyed);
    if (!left) return std::unexpected(left.error());
    gone = *left;
  }
  if (next.state == PostState::deleted || next.state == PostState::destroyed) {
    if (auto done = Use(drop_reactions_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
  }
  if (row.state != next.state || **before != content) {
    // The index has what is shown, and must be told what it had.
    if (row.state == PostState::shown) {
      if (auto done = index(row.id, row.channel, **before, false); !done)
        return std::unexpected(done.error());
    }
    if (next.state == PostState::shown) {
      if (auto done = index(row.id, row.channel, content, true); !done)
        return std::unexpected(done.error());
    }
  }
  if (content.empty()) {
    next.sealed.clear();
  } else if (content != **before) {
    const auto key = keys_->posts().get(row.id);
    if (!key) return std::unexpected(key.error());
    auto sealed = keys_->seal(*key, row.guid, content);
    if (!sealed) return std::unexpected(sealed.error());
    next.sealed = std::move(*sealed);
  }
  if (next.state == PostState::destroyed) {
    if (auto done = Use(clear_digest_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
    if (auto done = Use(drop_reports_).bind(row.id).run(); !done)
      return std::unexpected(done.error());
    if (auto done = doom(kKeysOfPosts, row.id); !done) return std::unexpected(done.error());
    cut_ = true;
    const auto part = part_of(row.id, 0);
    if (!part) return std::unexpected(part.error());
    stale_.insert(*part);
  }
  const auto cursor = next_cursor(row.channel);
  if (!cursor) return std::unexpected(cursor.error());
  if (auto done = Use(set_post_)
                      .bind(*cursor)
                      .bind(next.revision)
                      .bind(next.edited)
                      .bind(next.pinned)
                      .bind(static_cast<std::int64_t>(next.state))
                      .bind(ByteView(next.sealed))
                      .bind(row.id)
                      .run();
      !done)
    return std::unexpected(done.error());
  // Files of its own that may still be on the disk: those that go now, and those that went before,
  // with its texts. A DESTROY of a message that has had none waits for nobody's.
  const bool files = gone.freed > 0 || !readable(row.state) ||
                     row.revision > static_cast<std::int64_t>(kPostRevisions);
  return Written{.cursors = {*cursor},
                 .freed = gone.freed,
                 .held = gone.held,
                 .unfinished = write.act == PostAct::destroy && files};
}

Result<Written> PostWriter::put(const PutErasure& write) {
  if (!write.object.empty()) {
    {
      Use sign(sign_expected_);
      const auto signs = sign.bind(write.receipt).bind(write.object).bind(write.user).step();
      if (!signs) return std::unexpected(signs.error());
      if (*signs) {
        if (const auto end = sign.step(); !end) return std::unexpected(end.error());
        return Written{};
      }
    }
    Use find(find_expected_);
    const auto known = find.bind(write.object).bind(write.user).step();
    if (!known) return std::unexpected(known.error());
    return Written{*known ? Accepted::repeated : Accepted::conflict, {}};
  }
  std::int64_t id = 0;
  if (!write.post) return Written{Accepted::conflict, {}};
  {
    Use find(find_post_);
    const auto row = find.bind(ByteView(write.post->bytes())).step();
    if (!row) return std::unexpected(row.error());
    if (!*row || static_cast<PostState>(find.integer(8)) != PostState::destroyed)
      return Written{Accepted::conflict, {}};
    id = find.integer(0);
  }
  Use add(add_erasure_);
  const auto first = add.bind(id).bind(write.user).bind(write.receipt).step();
  if (!first) return std::unexpected(first.error());
  if (!*first) return Written{Accepted::repeated, {}};
  if (const auto end = add.step(); !end) return std::unexpected(end.error());
  return Written{};
}

Result<Written> PostWriter::put(const PutReport& write) {
  const Guid& guid = write.post;
  Use find(find_post_);
  const auto row = find.bind(ByteView(guid.bytes())).step();
  if (!row) return std::unexpected(row.error());
  const auto state = *row ? static_cast<PostState>(find.integer(8)) : PostState::destroyed;
  if (state == PostState::deleted || state == PostState::destroyed)
    return Written{Accepted::conflict, {}};
  const auto key = unless_damaged(keys_->posts().get(find.integer(0)));
  if (!key) return std::unexpected(key.error());
  if (!*key) return Written{Accepted::conflict, {}};
  const auto sealed = keys_->seal(**key, ByteView(guid.bytes()), write.text);
  if (!sealed) return std::unexpected(sealed.error());
  Use add(add_report_);
  const auto first = add.bind(find.integer(0))
                         .bind(find.integer(1))
                         .bind(write.user)
                         .bind(write.time)
                         .bind(find.integer(4))
                         .bind(ByteView(*sealed))
                         .bind(find.blob(9))
                         .step();
  if (!first) return std::unexpected(first.error());
  if (!*first) return Written{Accepted::repeated, {}};
  if (const auto end = add.step(); !end) return std::unexpected(end.error());
  return Written{};
}

Result<Written> PostWriter::put(const CloseReports& write) {
  Use close(close_reports_);
  close.bind(ByteView(write.post.bytes()));
  Written out{Accepted::repeated, {}};
  for (;;) {
    const auto row = close.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.accepted = Accepted::stored;
  }
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

Result<Written> PostWriter::put(const PutLevel& write) {
  const auto channel = number_of(write.channel);
  if (!channel) return std::unexpected(channel.error());
  const auto level = static_cast<std::int64_t>(write.level);
  if (auto done = Use(set_level_).bind(*channel).bind(write.user).bind(level).run(); !done)
    return std::unexpected(done.error());
  return Written{};
}

Result<Written> PostWriter::put(const DropChannel& write) {
  const std::int64_t as = write.destroy ? kDestroyed : kDeleted;
  if (auto done = Use(drop_channel_).bind(as).bind(ByteView(write.channel.bytes())).run(); !done)
    return std::unexpected(done.error());
  return Written{};
}

Status PostWriter::drop_mentions(const Row& row) {
  if (row.mentions.empty()) return {};
  std::istringstream all(row.mentions);
  for (std::string who; all >> who;) {
    if (auto done =
            Use(drop_mention_).bind(row.channel).bind(mentioned(who)).bind(row.cursor).run();
        !done)
      return done;
  }
  return Use(clear_mentions_).bind(row.id).run();
}

/// Those of one part of the index at most, which is made anew without them.
Result<std::vector<PostWriter::Row>> PostWriter::expired(const ExpirePosts& write) {
  std::vector<Row> out;
  Use some(write.channel ? old_posts_ : over_posts_);
  if (write.channel) {
    some.bind(ByteView(write.channel->bytes()));
  } else {
    some.bind(write.before);
  }
  some.bind(static_cast<std::int64_t>(kExpireStep));
  std::int64_t first_part = 0;
  for (;;) {
    const auto row = some.step();
    if (!row) return std::unexpected(row.error());
    if (!*row || (write.channel && some.integer(3) >= write.before)) return out;
    const auto part = part_of(some.integer(0), 0);
    if (!part) return std::unexpected(part.error());
    if (out.empty()) first_part = *part;
    if (*part != first_part) return out;
    out.push_back({.id = some.integer(0),
                   .channel = some.integer(1),
                   .state = static_cast<PostState>(some.integer(4)),
                   .guid = Bytes(some.blob(6).begin(), some.blob(6).end()),
                   .sealed = Bytes(some.blob(5).begin(), some.blob(5).end()),
                   .cursor = some.integer(2),
                   .mentions = some.text(7)});
  }
}

Result<Written> PostWriter::put(const ExpirePosts& write) {
  if (auto done = Use(set_swept_).bind(write.now).run(); !done)
    return std::unexpected(done.error());
  const auto all = expired(write);
  if (!all) return std::unexpected(all.error());
  if (all->empty()) return Written{Accepted::repeated, {}};
  std::int64_t ended = 0, uses = 0;
  for (const Row& row : *all) {
    if (uses >= kUsesStep) break;
    if (row.state == PostState::shown) {
      const auto content = unless_damaged(keys_->open(row.id, row.guid, row.sealed));
      if (!content) return std::unexpected(content.error());
      if (*content) {
        if (auto done = index(row.id, row.channel, **content, false); !done)
          return std::unexpected(done.error());
      }
    }
    if (row.state != PostState::destroyed) {
      if (auto done = doom(kKeysOfPosts, row.id); !done) return std::unexpected(done.error());
    }
    if (auto done = drop_mentions(row); !done) return std::unexpected(done.error());
    const auto gone = uses_.let_go(row.channel, row.id, false);
    if (!gone) return std::unexpected(gone.error());
    uses += gone->freed + gone->held;
    if (auto done = forget(row.id); !done) return std::unexpected(done.error());
    ++ended;
  }
  const auto part = part_of(all->front().id, 0);
  if (!part) return std::unexpected(part.error());
  stale_.insert(*part);
  cut_ = true;
  return Written{Accepted::stored, {Cursor{ended}}};
}

}  // namespace dim
