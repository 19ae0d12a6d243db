#include "dim/store/memory_posts.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace dim {
namespace {

/// ASCII in lower case; everything but letters, digits and what is not ASCII ends a word.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : spaced_words(text)) {
    const bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      static_cast<unsigned char>(c) >= 0x80;
    if (part) {
      out.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!out.back().empty()) {
      out.emplace_back();
    }
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

bool holds(const std::vector<std::string>& text, const std::vector<std::string>& phrase) {
  return !std::ranges::search(text, phrase).empty() || phrase.empty();
}

/// Those of these that `author` has uploaded: only these a message of theirs holds.
std::vector<Guid> own_of(const MemoryMedia& media, std::vector<Guid> all,
                         const std::string& author) {
  std::erase_if(all, [&](const Guid& one) {
    const auto found = media.media(one);
    return !found || found->owner != author;
  });
  return all;
}

}  // namespace

Written MemoryPosts::apply(const PutHubChange& put) {
  std::int64_t& number = numbers_[put.hub];
  if (put.number != number + 1) return {Accepted::conflict, {}};
  number = put.number;
  changes_.push_back(
      {static_cast<std::int64_t>(changes_.size()) + 1, put.hub, put.number, put.change});
  return {};
}

Written MemoryPosts::apply(const RequireHub& require) const {
  const auto number = numbers_.find(require.hub);
  const bool holds = (number == numbers_.end() ? 0 : number->second) >= require.number;
  return {holds ? Accepted::stored : Accepted::conflict, {}};
}

Written MemoryPosts::apply(const PutPost& put) {
  if (const Row* row = find(put.post.guid)) {
    const Post& first = row->first;
    const bool same = row->post.state != PostState::destroyed &&
                      first.channel == put.post.channel && first.author == put.post.author &&
                      first.reply == put.post.reply && first.content == put.post.content &&
                      first.thread == put.post.thread && first.mentions == put.post.mentions &&
                      first.expires == put.post.expires;
    if (!same) return {Accepted::conflict, {}};
    return {Accepted::repeated, {row->post.cursor}};
  }
  Row row{.post = put.post, .first = put.post};
  row.post.cursor = row.post.changed = ++newest_[put.post.channel];
  places_.emplace(put.post.guid, next_row_);
  Written out{Accepted::stored, {row.post.cursor}};
  rows_.emplace(next_row_++, std::move(row));
  media_.use(own_of(media_, put.media, put.post.author), put.post.channel, put.post.guid, 1);
  return out;
}

Written MemoryPosts::apply(const ChangePost& change) {
  const auto place = places_.find(change.guid);
  if (place == places_.end()) return {Accepted::conflict, {}};
  Row& row = rows_.at(place->second);
  Post& post = row.post;
  Written again{Accepted::repeated, {post.changed}};
  MemoryMedia::Gone gone;
  if (post.state == PostState::destroyed) {
    const bool same = change.act == PostAct::destroy || change.act == PostAct::erase;
    return same ? again : Written{Accepted::conflict, {}};
  }
  if (post.state == PostState::deleted && change.act != PostAct::destroy)
    return change.act == PostAct::erase ? again : Written{Accepted::conflict, {}};
  switch (change.act) {
    case PostAct::edit:
      if (post.state == PostState::removed) return {Accepted::conflict, {}};
      if (post.content == change.text) return again;
      if (change.revision && *change.revision != post.revision) return {Accepted::conflict, {}};
      row.earlier.push_back(
          {post.revision, post.edited != 0 ? post.edited : post.time, post.content});
      post.content = change.text;
      post.edited = change.time;
      ++post.revision;
      if (change.media) {
        media_.use(own_of(media_, *change.media, post.author), post.channel, post.guid,
                   post.revision);
      } else {
        media_.carry_on(post.channel, post.guid, post.revision - 1, post.revision);
      }
      if (row.earlier.size() > kPostRevisions) {
        gone =
            media_.let_go(post.channel, post.guid, false, change.time, row.earlier.front().number);
        row.earlier.erase(row.earlier.begin());
      }
      break;
    case PostAct::hide:
    case PostAct::show: {
      if (post.state == PostState::removed) return {Accepted::conflict, {}};
      const PostState next = change.act == PostAct::hide ? PostState::hidden : PostState::shown;
      if (post.state == next) return again;
      post.state = next;
      break;
    }
    case PostAct::take_back:
      if (post.state == PostState::removed) return again;
      post.state = PostState::removed;
      post.content.clear();
      post.mentions.clear();
      row.earlier.clear();
      gone = media_.let_go(post.channel, post.guid, false, change.time);
      break;
    case PostAct::erase:
    case PostAct::destroy:
      post.state = change.act == PostAct::destroy ? PostState::destroyed : PostState::deleted;
      post.content.clear();
      post.mentions.clear();
      post.pinned = 0;
      row.earlier.clear();
      row.reactions.clear();
      if (change.act == PostAct::destroy) apply(CloseReports{change.guid});
      gone = media_.let_go(post.channel, post.guid, change.act == PostAct::destroy, change.time);
      break;
    case PostAct::react:
      if (!row.reactions.emplace(change.text, change.who).second) return again;
      break;
    case PostAct::unreact:
      if (row.reactions.erase({change.text, change.who}) == 0) return again;
      break;
    case PostAct::pin:
      if (post.pinned != 0) return again;
      post.pinned = change.time;
      break;
    case PostAct::unpin:
      if (post.pinned == 0) return again;
      post.pinned = 0;
      break;
  }
  post.changed = ++newest_[post.channel];
  return {.cursors = {post.changed}, .freed = gone.freed, .held = gone.held};
}

Written MemoryPosts::apply(const PutErasure& put) {
  if (!put.object.empty()) {
    const auto object = expected_.find(put.object);
    if (object == expected_.end()) return {Accepted::conflict, {}};
    const auto user = object->second.find(put.user);
    if (user == object->second.end()) return {Accepted::conflict, {}};
    if (!user->second.empty()) return {Accepted::repeated, {}};
    user->second = put.receipt;
    return {};
  }
  if (!put.post) return {Accepted::conflict, {}};
  const auto place = places_.find(*put.post);
  if (place == places_.end()) return {Accepted::conflict, {}};
  Row& row = rows_.at(place->second);
  if (row.post.state != PostState::destroyed) return {Accepted::conflict, {}};
  const bool first = row.erasures.emplace(put.user, put.receipt).second;
  return {first ? Accepted::stored : Accepted::repeated, {}};
}

std::vector<std::string> MemoryPosts::erasures(const Guid& guid) const {
  std::vector<std::string> out;
  if (const Row* row = find(guid)) {
    for (const auto& [user, receipt] : row->erasures) out.push_back(receipt);
  }
  return out;
}

Written MemoryPosts::apply(const PutReport& put) {
  const Row* row = find(put.post);
  if (row == nullptr || row->post.state == PostState::deleted ||
      row->post.state == PostState::destroyed)
    return {Accepted::conflict, {}};
  for (const auto& [number, one] : reports_) {
    if (one.post == put.post && one.user == put.user) return {Accepted::repeated, {}};
  }
  const Post& post = row->post;
  reports_.emplace(next_report_, StoredReport{.row = next_report_,
                                              .post = put.post,
                                              .channel = post.channel,
                                              .user = put.user,
                                              .text = put.text,
                                              .time = put.time,
                                              .author = post.author,
                                              .written = post.time,
                                              .revision = post.revision,
                                              .content = post.content});
  ++next_report_;
  return {};
}

Written MemoryPosts::apply(const CloseReports& close) {
  const auto about = [&](const auto& entry) { return entry.second.post == close.post; };
  return {std::erase_if(reports_, about) > 0 ? Accepted::stored : Accepted::repeated, {}};
}

std::vector<StoredReport> MemoryPosts::reports(std::span<const Guid> channels, std::int64_t row,
                                               std::size_t limit) const {
  std::vector<StoredReport> out;
  for (const auto& [number, one] : reports_) {
    if (number > row && out.size() < limit &&
        std::ranges::find(channels, one.channel) != channels.end())
      out.push_back(one);
  }
  return out;
}

Written MemoryPosts::apply(const PutMark& put) {
  Cursor& mark = marks_[{put.channel, put.user}];
  const auto newest = newest_.find(put.channel);
  mark = std::max(mark, std::min(put.upto, newest == newest_.end() ? 0 : newest->second));
  return {};
}

Written MemoryPosts::apply(const PutLevel& put) {
  levels_[{put.channel, put.user}] = put.level;
  return {};
}

Written MemoryPosts::apply(const ExpirePosts& expire) {
  swept_ = std::max(swept_, expire.now);
  Cursor count = 0;
  std::erase_if(rows_, [&](const auto& entry) {
    const Post& post = entry.second.post;
    const bool over = expire.channel ? post.channel == *expire.channel && post.time < expire.before
                                     : post.expires != 0 && post.expires <= expire.before;
    if (!over || count == static_cast<Cursor>(kExpireStep)) return false;
    places_.erase(post.guid);
    apply(CloseReports{post.guid});
    media_.let_go(post.channel, post.guid, false, expire.now);
    ++count;
    return true;
  });
  if (count == 0) return {Accepted::repeated, {}};
  return {Accepted::stored, {count}};
}

Millis MemoryPosts::next_expiry() const {
  Millis out = 0;
  for (const auto& [number, row] : rows_) {
    const Millis at = row.post.expires;
    if (at != 0 && (out == 0 || at < out)) out = at;
  }
  return out;
}

Written MemoryPosts::apply(const DropChannel& drop) {
  std::erase_if(rows_, [&](const auto& entry) {
    if (entry.second.post.channel != drop.channel) return false;
    const Post& post = entry.second.post;
    places_.erase(post.guid);
    apply(CloseReports{post.guid});
    media_.let_go(post.channel, post.guid, drop.destroy, drop.time);
    return true;
  });
  const auto in_it = [&](const auto& entry) { return entry.first.first == drop.channel; };
  std::erase_if(marks_, in_it);
  std::erase_if(levels_, in_it);
  return {};
}

Written MemoryPosts::apply(const ForgetChannelWords& forget) {
  for (StoredHubChange& one : changes_) {
    if (one.hub != forget.hub) continue;
    if (auto less = without_words(one.change, forget.channel)) one.change = std::move(*less);
  }
  return {};
}

Written MemoryPosts::apply(const Shred& shred) {
  for (StoredHubChange& one : changes_) {
    if (one.hub == shred.hub && one.number < shred.number)
      one.change.assign(one.change.size(), ' ');
  }
  return {Accepted::repeated, {}};
}

Written MemoryPosts::apply(const ExpectErasures& expect) {
  for (const std::string& user : expect.users) expected_[expect.object].emplace(user, "");
  return {};
}

std::vector<ExpectedErasure> MemoryPosts::expected_erasures(const std::string& object) const {
  std::vector<ExpectedErasure> out;
  if (const auto found = expected_.find(object); found != expected_.end()) {
    for (const auto& [user, receipt] : found->second) out.push_back({user, receipt});
  }
  return out;
}

std::vector<StoredHubChange> MemoryPosts::hub_changes(std::int64_t row, std::size_t limit) const {
  std::vector<StoredHubChange> out;
  for (const StoredHubChange& one : changes_) {
    if (one.row > row && out.size() < limit) out.push_back(one);
  }
  return out;
}

const MemoryPosts::Row* MemoryPosts::find(const Guid& guid) const {
  const auto place = places_.find(guid);
  return place == places_.end() ? nullptr : &rows_.at(place->second);
}

Post MemoryPosts::shown(const Row& row) const {
  Post out = row.post;
  for (const auto& [number, other] : rows_) {
    if (other.post.thread != out.guid || other.post.state != PostState::shown) continue;
    ++out.answers;
    out.answered = other.post.cursor;
  }
  for (const auto& [symbol, user] : row.reactions) {
    if (out.reactions.empty() || out.reactions.back().symbol != symbol)
      out.reactions.push_back({symbol, 0});
    ++out.reactions.back().count;
  }
  std::ranges::sort(out.reactions, [](const ReactionCount& a, const ReactionCount& b) {
    return a.count != b.count ? a.count > b.count : a.symbol < b.symbol;
  });
  return out;
}

std::optional<Post> MemoryPosts::post(const Guid& guid) const {
  const Row* row = find(guid);
  if (row == nullptr) return std::nullopt;
  return shown(*row);
}

std::vector<Post> MemoryPosts::posts(const Guid& channel, const PostPage& page) const {
  using enum PostPage::Order;
  std::vector<Post> out;
  for (const auto& [number, row] : rows_) {
    const Post& post = row.post;
    if (post.channel != channel || (page.thread && post.thread != page.thread)) continue;
    const bool in = page.order == forward    ? post.cursor > page.from
                    : page.order == changes  ? post.changed > page.from
                    : page.order == backward ? post.cursor < page.from
                                             : post.cursor < page.from && post.pinned != 0;
    if (in) out.push_back(shown(row));
  }
  if (page.order == changes) std::ranges::sort(out, {}, &Post::changed);
  if (page.order == backward || page.order == pinned) std::ranges::reverse(out);
  std::size_t bytes = 0, count = 0;
  for (const Post& post : out) {
    bytes += post.content.size();
    if (count == page.limit || (bytes > page.bytes && count > 0)) break;
    ++count;
  }
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(count), out.end());
  return out;
}

std::vector<PostRevision> MemoryPosts::revisions(const Guid& guid, std::int64_t after,
                                                 std::size_t bytes) const {
  std::vector<PostRevision> out;
  const Row* row = find(guid);
  if (row == nullptr) return out;
  std::size_t size = 0;
  for (const PostRevision& one : row->earlier) {
    if (one.number <= after) continue;
    size += one.content.size();
    if (size > bytes && !out.empty()) break;
    out.push_back(one);
  }
  return out;
}

ChannelUse MemoryPosts::use(const Guid& channel) const {
  ChannelUse out;
  for (const auto& [number, row] : rows_) {
    if (row.post.channel != channel) continue;
    if (!row.post.content.empty()) ++out.messages;
    out.bytes += static_cast<std::int64_t>(row.post.content.size());
    for (const PostRevision& one : row.earlier)
      out.bytes += static_cast<std::int64_t>(one.content.size());
  }
  return out;
}

void MemoryPosts::drop_marks(const std::string& user) {
  std::erase_if(marks_, [&](const auto& entry) { return entry.first.second == user; });
  std::erase_if(levels_, [&](const auto& entry) { return entry.first.second == user; });
}

ReadState MemoryPosts::read_state(const Guid& channel, const std::string& user) const {
  ReadState out;
  if (const auto mark = marks_.find({channel, user}); mark != marks_.end()) out.upto = mark->second;
  if (const auto newest = newest_.find(channel); newest != newest_.end())
    out.newest = newest->second;
  for (const auto& [number, row] : rows_) {
    const Post& post = row.post;
    if (post.channel != channel || post.cursor <= out.upto || post.author == user ||
        post.state != PostState::shown)
      continue;
    ++out.unread;
    const bool meant = std::ranges::any_of(
        post.mentions, [&](const std::string& one) { return one == user || one == kEveryone; });
    if (meant) ++out.mentions;
  }
  if (const auto level = levels_.find({channel, user}); level != levels_.end())
    out.level = level->second;
  return out;
}

std::vector<FoundPost> MemoryPosts::search(std::span<const Guid> channels, std::string_view words,
                                           std::int64_t place, std::size_t limit) const {
  std::vector<FoundPost> out;
  std::vector<std::vector<std::string>> phrases;
  std::istringstream in{std::string(words)};
  for (std::string word; in >> word;) phrases.push_back(words_of(word));
  if (phrases.empty()) return out;
  for (auto next = rows_.rbegin(); next != rows_.rend() && out.size() < limit; ++next) {
    const auto& [number, row] = *next;
    if (place != 0 && number >= place) continue;
    if (row.post.state != PostState::shown ||
        std::ranges::find(channels, row.post.channel) == channels.end())
      continue;
    const auto text = words_of(indexed_text(row.post.content));
    if (std::ranges::all_of(phrases, [&](const auto& phrase) { return holds(text, phrase); }))
      out.push_back({number, shown(row)});
  }
  return out;
}

}  // namespace dim
