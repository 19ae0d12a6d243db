#include "sqlite/post_reads.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <sstream>
#include <utility>

namespace dim {
namespace {

#define DIM_POST_COLUMNS                                                                         \
  "post.id, post.channel, cursor, changed, guid, time, author, reply, revision, edited, state, " \
  "pinned, content, thread, mentions, expires "

Result<Guid> guid_in(ByteView bytes) {
  std::array<std::uint8_t, 16> raw{};
  if (bytes.size() != raw.size())
    return fail(Errc::internal, "a stored GUID is damaged; restore the store from a backup");
  std::ranges::copy(bytes, raw.begin());
  return Guid::from_bytes(raw);
}

/// The words as a query of one part of the index: all of them, each as the sequence of its parts.
/// Empty when there are none.
std::string query_of(WordIndex& index, std::string_view words,
                     const std::vector<std::int64_t>& channels, const Secret& key) {
  std::string all;
  std::istringstream in{std::string(words)};
  for (std::string word; in >> word;) {
    const std::string blind = index.words(word, key);
    if (!blind.empty()) all += (all.empty() ? "\"" : " AND \"") + blind + '"';
  }
  if (all.empty()) return all;
  std::string out = "{words} : (" + all + ") AND {place} : (";
  for (std::size_t i = 0; i < channels.size(); ++i)
    out += (i == 0 ? "" : " OR ") + WordIndex::channel(channels[i], key);
  return out + ")";
}

}  // namespace

/// Those that are searched, by number and by GUID.
struct PostTableReads::Channels {
  std::vector<std::int64_t> numbers;
  std::vector<Guid> named;
};

Status PostTableReads::start(Database& db, PostKeys& keys) {
  keys_ = &keys;
  if (auto ready = words_.start(db); !ready) return ready;
  const std::initializer_list<std::pair<Statement*, std::string_view>> statements = {
      {&changes_,
       "SELECT id, hub, number, change FROM hub_change WHERE id > ? ORDER BY id LIMIT ?"},
      {&find_channel_, "SELECT id, newest FROM channel WHERE guid = ? AND dropped = 0"},
      {&channel_guid_, "SELECT guid FROM channel WHERE id = ? AND dropped = 0"},
      {&find_post_, "SELECT " DIM_POST_COLUMNS "FROM post WHERE guid = ?"},
      {&revisions_,
       "SELECT number, time, content FROM revision WHERE post = ? AND number > ? ORDER BY number "
       "LIMIT ?"},
      {&reactions_,
       "SELECT symbol, count(*) AS many FROM reaction WHERE post = ? GROUP BY symbol ORDER BY many "
       "DESC, symbol"},
      {&state_,
       // Whole blocks behind the mark from their counts, the rest of its own block one by one.
       "SELECT newest, upto, (SELECT coalesce(sum(number), 0) FROM shown WHERE channel = id AND "
       "author = '' AND block > upto >> 10) - (SELECT coalesce(sum(number), 0) FROM shown WHERE "
       "channel = id AND author = ?2 AND block > upto >> 10) + (SELECT count(*) FROM post WHERE "
       "post.channel = state.id AND cursor > upto AND cursor < ((upto >> 10) + 1) << 10 AND "
       "post.state = 0 AND author <> ?2) FROM (SELECT channel.id AS id, newest, "
       "coalesce(mark.upto, 0) AS upto FROM channel LEFT JOIN mark ON mark.channel = channel.id "
       "AND mark.user = ?2 "
       "WHERE channel.guid = ?1) AS state"},
      {&mentions_,
       // Numbers of cursors, because one message may mention somebody twice: as everyone too.
       "SELECT coalesce((SELECT level FROM notify WHERE notify.channel = channel.id AND user = "
       "?2), 0), (SELECT count(DISTINCT mention.cursor) FROM mention JOIN post ON post.channel = "
       "mention.channel AND post.cursor = mention.cursor WHERE mention.channel = channel.id AND "
       "mention.user IN (?2, '') AND mention.cursor > ?3 AND post.state = 0 AND author <> ?2) FROM "
       "channel WHERE guid = ?1"},
      {&reports_,
       "SELECT report.id, post.id, post.guid, report.channel, report.user, report.time, author, "
       "post.time, report.revision, report.text, report.content FROM report JOIN post ON post.id = "
       "report.post WHERE report.id > ? ORDER BY report.id"},
      {&answers_, "SELECT answers, newest FROM thread WHERE root = ?"},
      {&expiry_, "SELECT coalesce(min(expires), 0) FROM post WHERE expires <> 0"},
      {&swept_, "SELECT time FROM swept"},
      {&search_,
       "SELECT " DIM_POST_COLUMNS
       "FROM post_text JOIN post ON post.id = post_text.rowid WHERE post_text MATCH ? AND "
       "post_text.rowid < ? AND post_text.rowid >= ? ORDER BY post_text.rowid DESC LIMIT ?"},
      {&erasures_,
       "SELECT receipt FROM erasure JOIN post ON post.id = erasure.post WHERE guid = ? ORDER BY "
       "user"},
      {&expected_, "SELECT user, receipt FROM expected WHERE object = ? ORDER BY user"},
      {&parts_, "SELECT id, first FROM part WHERE first < ? ORDER BY first DESC"},
      {&forward_, "SELECT " DIM_POST_COLUMNS
                  "FROM post WHERE channel = ? AND cursor > ? ORDER BY cursor LIMIT ?"},
      {&backward_, "SELECT " DIM_POST_COLUMNS
                   "FROM post WHERE channel = ? AND cursor < ? ORDER BY cursor DESC LIMIT ?"},
      {&changed_, "SELECT " DIM_POST_COLUMNS
                  "FROM post WHERE channel = ? AND changed > ? ORDER BY changed LIMIT ?"},
      {&thread_forward_,
       "SELECT " DIM_POST_COLUMNS
       "FROM post WHERE thread = ?4 AND thread <> x'' AND cursor > ?2 AND channel = ?1 ORDER BY "
       "cursor LIMIT ?3"},
      {&thread_backward_,
       "SELECT " DIM_POST_COLUMNS
       "FROM post WHERE thread = ?4 AND thread <> x'' AND cursor < ?2 AND channel = ?1 ORDER BY "
       "cursor DESC LIMIT ?3"},
      {&pinned_, "SELECT " DIM_POST_COLUMNS
                 "FROM post WHERE channel = ? AND cursor < ? AND pinned <> 0 ORDER BY cursor DESC "
                 "LIMIT ?"},
  };
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return {};
}

void PostTableReads::stop() {
  for (Statement* statement :
       {&changes_,  &find_channel_, &channel_guid_,   &find_post_,       &revisions_, &reactions_,
        &state_,    &search_,       &parts_,          &erasures_,        &forward_,   &backward_,
        &changed_,  &pinned_,       &thread_forward_, &thread_backward_, &reports_,   &answers_,
        &mentions_, &expiry_,       &swept_,          &expected_}) {
    statement->finish();
  }
  words_.stop();
}

Result<std::vector<StoredHubChange>> PostTableReads::hub_changes(std::int64_t row,
                                                                 std::size_t limit) {
  std::vector<StoredHubChange> out;
  Use find(changes_);
  find.bind(row).bind(static_cast<std::int64_t>(limit));
  for (;;) {
    const auto found = find.step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return out;
    out.push_back({find.integer(0), find.text(1), find.integer(2), find.text(3)});
  }
}

Result<std::optional<std::int64_t>> PostTableReads::channel_of(const Guid& guid) {
  Use find(find_channel_);
  const auto found = find.bind(ByteView(guid.bytes())).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  return find.integer(0);
}

Result<Post> PostTableReads::read(Use& row, const Guid& channel) {
  auto guid = guid_in(row.blob(4));
  if (!guid) return std::unexpected(guid.error());
  Post out{.guid = *guid,
           .channel = channel,
           .cursor = row.integer(2),
           .changed = row.integer(3),
           .time = row.integer(5),
           .author = row.text(6),
           .revision = row.integer(8),
           .edited = row.integer(9),
           .state = static_cast<PostState>(row.integer(10)),
           .pinned = row.integer(11)};
  auto content = keys_->open(row.integer(0), row.blob(4), row.blob(12));
  // What is damaged is one message: the others of its page can be read.
  if (!content && content.error().code != Errc::internal) return std::unexpected(content.error());
  out.damaged = !content;
  if (content) out.content = std::move(*content);
  if (const ByteView reply = row.blob(7); !reply.empty()) {
    auto to = guid_in(reply);
    if (!to) return std::unexpected(to.error());
    out.reply = *to;
  }
  if (const ByteView thread = row.blob(13); !thread.empty()) {
    auto root = guid_in(thread);
    if (!root) return std::unexpected(root.error());
    out.thread = *root;
  }
  std::istringstream mentions(row.text(14));
  for (std::string who; mentions >> who;) out.mentions.push_back(who);
  out.expires = row.integer(15);
  if (auto done = add_reactions(row.integer(0), out); !done) return std::unexpected(done.error());
  if (auto done = add_answers(out); !done) return std::unexpected(done.error());
  return out;
}

Status PostTableReads::add_reactions(std::int64_t id, Post& post) {
  if (post.changed == post.cursor) return {};  // nothing has happened to it
  Use find(reactions_);
  find.bind(id);
  for (;;) {
    const auto found = find.step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return {};
    post.reactions.push_back({find.text(0), find.integer(1)});
  }
}

Status PostTableReads::add_answers(Post& post) {
  if (post.thread) return {};  // threads have one level
  Use find(answers_);
  const auto found = find.bind(ByteView(post.guid.bytes())).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  post.answers = find.integer(0);
  post.answered = find.integer(1);
  return {};
}

Result<std::vector<StoredReport>> PostTableReads::reports(std::span<const Guid> channels,
                                                          std::int64_t row, std::size_t limit) {
  std::vector<StoredReport> out;
  std::map<std::int64_t, Guid> wanted;
  for (const Guid& channel : channels) {
    const auto number = channel_of(channel);
    if (!number) return std::unexpected(number.error());
    if (*number) wanted.emplace(**number, channel);
  }
  Use list(reports_);
  list.bind(row);
  while (out.size() < limit) {
    const auto found = list.step();
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    const auto channel = wanted.find(list.integer(3));
    if (channel == wanted.end()) continue;
    const auto guid = guid_in(list.blob(2));
    if (!guid) return std::unexpected(guid.error());
    auto text = keys_->open(list.integer(1), list.blob(2), list.blob(9));
    if (!text) return std::unexpected(text.error());
    auto content = keys_->open(list.integer(1), list.blob(2), list.blob(10));
    if (!content) return std::unexpected(content.error());
    out.push_back({.row = list.integer(0),
                   .post = *guid,
                   .channel = channel->second,
                   .user = list.text(4),
                   .text = std::move(*text),
                   .time = list.integer(5),
                   .author = list.text(6),
                   .written = list.integer(7),
                   .revision = list.integer(8),
                   .content = std::move(*content)});
  }
  return out;
}

Result<Millis> PostTableReads::next_expiry() {
  Use find(expiry_);
  const auto found = find.step();
  if (!found) return std::unexpected(found.error());
  return find.integer(0);
}

Result<Millis> PostTableReads::last_swept() {
  Use find(swept_);
  const auto found = find.step();
  if (!found) return std::unexpected(found.error());
  return *found ? find.integer(0) : 0;
}

Result<std::optional<Post>> PostTableReads::post(const Guid& guid) {
  Use find(find_post_);
  const auto found = find.bind(ByteView(guid.bytes())).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  Use owner(channel_guid_);
  const auto channel = owner.bind(find.integer(1)).step();
  if (!channel) return std::unexpected(channel.error());
  if (!*channel) return std::nullopt;  // dropped, and not yet swept
  auto named = guid_in(owner.blob(0));
  if (!named) return std::unexpected(named.error());
  auto out = read(find, *named);
  if (!out) return std::unexpected(out.error());
  return std::move(*out);
}

Result<std::vector<Post>> PostTableReads::posts(const Guid& channel, const PostPage& page) {
  std::vector<Post> out;
  const auto number = channel_of(channel);
  if (!number) return std::unexpected(number.error());
  if (!*number) return out;
  Statement* const statements[] = {&forward_, &backward_, &changed_, &pinned_};
  Statement* statement = statements[static_cast<std::size_t>(page.order)];
  if (page.thread)
    statement = page.order == PostPage::Order::forward ? &thread_forward_ : &thread_backward_;
  Use find(*statement);
  find.bind(**number).bind(page.from).bind(static_cast<std::int64_t>(page.limit));
  if (page.thread) find.bind(ByteView(page.thread->bytes()));
  std::size_t bytes = 0;
  for (;;) {
    const auto found = find.step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return out;
    auto post = read(find, channel);
    if (!post) return std::unexpected(post.error());
    bytes += post->content.size();
    if (bytes > page.bytes && !out.empty()) return out;
    out.push_back(std::move(*post));
  }
}

Result<std::vector<PostRevision>> PostTableReads::revisions(const Guid& guid, std::int64_t after,
                                                            std::size_t bytes) {
  std::vector<PostRevision> out;
  Use find(find_post_);
  const auto found = find.bind(ByteView(guid.bytes())).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return out;
  const auto key = keys_->posts().get(find.integer(0));
  if (!key) {
    // A message that was destroyed has none, and no earlier texts; of a damaged one they are lost.
    if (key.error().code == Errc::internal) return out;
    return std::unexpected(key.error());
  }
  Use list(revisions_);
  list.bind(find.integer(0)).bind(after).bind(static_cast<std::int64_t>(kPostRevisions));
  std::size_t size = 0;
  for (;;) {
    const auto row = list.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    auto content = keys_->open(*key, find.blob(4), list.blob(2));
    if (!content && content.error().code == Errc::internal) continue;  // this text alone is damaged
    if (!content) return std::unexpected(content.error());
    PostRevision one{list.integer(0), list.integer(1), std::move(*content)};
    size += one.content.size();
    if (size > bytes && !out.empty()) return out;
    out.push_back(std::move(one));
  }
}

Result<std::vector<std::string>> PostTableReads::erasures(const Guid& guid) {
  std::vector<std::string> out;
  Use list(erasures_);
  list.bind(ByteView(guid.bytes()));
  for (;;) {
    const auto row = list.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back(list.text(0));
  }
}

Result<std::vector<ExpectedErasure>> PostTableReads::expected_erasures(const std::string& object) {
  std::vector<ExpectedErasure> out;
  Use list(expected_);
  list.bind(object);
  for (;;) {
    const auto row = list.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({list.text(0), list.text(1)});
  }
}

Result<ReadState> PostTableReads::read_state(const Guid& channel, const std::string& user) {
  Use find(state_);
  const auto found = find.bind(ByteView(channel.bytes())).bind(user).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return ReadState{};
  ReadState out{.upto = find.integer(1), .newest = find.integer(0), .unread = find.integer(2)};
  Use own(mentions_);
  const auto more = own.bind(ByteView(channel.bytes())).bind(user).bind(out.upto).step();
  if (!more) return std::unexpected(more.error());
  if (*more) {
    out.level = static_cast<NotifyLevel>(own.integer(0));
    out.mentions = own.integer(1);
  }
  return out;
}

Result<std::vector<FoundPost>> PostTableReads::search(std::span<const Guid> channels,
                                                      std::string_view words, std::int64_t place,
                                                      std::size_t limit) {
  std::vector<FoundPost> out;
  Channels in;
  for (const Guid& channel : channels) {
    const auto number = channel_of(channel);
    if (!number) return std::unexpected(number.error());
    if (!*number) continue;
    in.numbers.push_back(**number);
    in.named.push_back(channel);
  }
  if (in.numbers.empty()) return out;
  const std::int64_t before = place == 0 ? INT64_MAX : place;
  Use parts(parts_);
  parts.bind(before);
  while (out.size() < limit) {
    const auto part = parts.step();
    if (!part) return std::unexpected(part.error());
    if (!*part) break;
    const auto key = keys_->words().get(parts.integer(0));
    // R14: nothing is found any more in that part alone.
    if (!key && key.error().code == Errc::internal) continue;
    if (!key) return std::unexpected(key.error());
    const std::string query = query_of(words_, words, in.numbers, *key);
    if (query.empty()) break;
    if (auto done = search_part(parts.integer(1), query, before, in, limit, out); !done)
      return std::unexpected(done.error());
  }
  return out;
}

Status PostTableReads::search_part(std::int64_t first, const std::string& query,
                                   std::int64_t before, const Channels& in, std::size_t limit,
                                   std::vector<FoundPost>& out) {
  Use find(search_);
  find.bind(query).bind(before).bind(first).bind(static_cast<std::int64_t>(limit - out.size()));
  for (;;) {
    const auto found = find.step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return {};
    const auto at = std::ranges::find(in.numbers, find.integer(1));
    if (at == in.numbers.end()) continue;
    auto post = read(find, in.named[static_cast<std::size_t>(at - in.numbers.begin())]);
    if (!post) return std::unexpected(post.error());
    out.push_back({find.integer(0), std::move(*post)});
  }
}

Result<std::size_t> PostTableReads::count_damaged(Database& db) {
  std::size_t damaged = 0;
  for (const char* sql :
       {"SELECT id, guid, content FROM post WHERE content <> x''",
        "SELECT post.id, guid, revision.content FROM revision JOIN post ON post.id = post"}) {
    Statement all;
    if (auto ready = all.prepare(db, sql); !ready) return std::unexpected(ready.error());
    Use scan(all);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      if (!keys_->open(scan.integer(0), scan.blob(1), scan.blob(2))) ++damaged;
    }
  }
  return damaged;
}

}  // namespace dim
