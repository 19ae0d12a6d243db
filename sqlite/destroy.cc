// What is destroyed, or dropped: messages, channels and the words of hubs, slice by slice, and the
// keys of all of it (docs/adr/0008-destroy.md). The other half of PostWriter.
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "sqlite/post_writer.h"
#include "sqlite/schema.h"

namespace dim {
Result<Written> PostWriter::put(const ExpectErasures& write) {
  for (const std::string& user : write.users) {
    if (auto done = Use(expect_).bind(write.object).bind(user).run(); !done)
      return std::unexpected(done.error());
  }
  return Written{};
}

/// Bytes of the same number over those that stand there: nothing is moved, so no page keeps a copy.
Result<Written> PostWriter::put(const ForgetChannelWords& write) {
  struct Less {
    std::int64_t id;
    std::string change;
  };
  std::vector<Less> all;
  {
    const std::string guid = write.channel.text();  // outlives the scan
    Use scan(changes_of_);
    scan.bind(write.hub).bind(guid);
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      if (auto less = without_words(scan.text(1), write.channel))
        all.push_back({scan.integer(0), std::move(*less)});
    }
  }
  for (const Less& one : all) {
    if (auto done = Use(set_change_).bind(one.change).bind(one.id).run(); !done)
      return std::unexpected(done.error());
  }
  return Written{};
}

/// True while more is left. The changes go last, so that a station that is stopped on the way finds
/// some; the newest first, so that these can still be folded.
Result<bool> PostWriter::shred_changes(const std::string& hub, std::int64_t number) {
  {
    // In the log of acts stays who did what; why they did it is a text of the hub.
    std::size_t cleared = 0;
    Use clear(clear_reasons_);
    clear.bind(hub).bind(static_cast<std::int64_t>(kShredChanges));
    for (;; ++cleared) {
      const auto row = clear.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
    }
    if (cleared == kShredChanges) return true;
  }
  struct Text {
    std::int64_t id, bytes;
  };
  std::vector<Text> some;
  {
    Use scan(some_changes_);
    scan.bind(hub).bind(number).bind(static_cast<std::int64_t>(kShredChanges));
    for (;;) {
      const auto row = scan.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      some.push_back({scan.integer(0), scan.integer(1)});
    }
  }
  for (const Text& one : some) {
    const std::string spaces(static_cast<std::size_t>(one.bytes), ' ');
    if (auto done = Use(set_change_).bind(spaces).bind(one.id).run(); !done)
      return std::unexpected(done.error());
  }
  return some.size() == kShredChanges;
}

Result<Written> PostWriter::put(const Shred& write) {
  for (const Guid& channel : write.channels) {
    std::int64_t number = 0;
    bool known = false;
    {
      Use find(find_gone_);
      const auto row = find.bind(ByteView(channel.bytes())).step();
      if (!row) return std::unexpected(row.error());
      if (!*row) continue;  // nothing was written there, or nothing is left
      number = find.integer(0);
      known = find.integer(1) == kDestroyed;
    }
    if (!known) {  // it was deleted before
      if (auto done = Use(drop_channel_).bind(kDestroyed).bind(ByteView(channel.bytes())).run();
          !done)
        return std::unexpected(done.error());
    }
    const auto more = sweep_channel(number, true, kShredPosts);
    if (!more) return std::unexpected(more.error());
    return Written{};
  }
  if (!write.hub.empty()) {
    const auto more = shred_changes(write.hub, write.number);
    if (!more) return std::unexpected(more.error());
    if (*more) return Written{};
  }
  cut_ = true;
  return Written{Accepted::repeated, {}};
}

Status PostWriter::forget(std::int64_t post) {
  for (Statement* statement :
       {&drop_revisions_, &drop_reactions_, &drop_erasures_, &drop_reports_, &drop_post_}) {
    if (auto done = Use(*statement).bind(post).run(); !done) return done;
  }
  return {};
}

Result<bool> PostWriter::sweep(std::size_t budget) {
  std::int64_t channel = 0;
  bool destroy = false;
  {
    Use find(find_dropped_);
    const auto row = find.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return false;
    channel = find.integer(0);
    destroy = find.integer(1) == kDestroyed;
  }
  if (const auto more = sweep_channel(channel, destroy, budget); !more) return more;
  return true;
}

/// The oldest ones first. A part of the index is made anew when the last message of the channel in
/// it has gone; until then the channel has another message there, so that a process that is killed
/// comes back to it.
Result<bool> PostWriter::sweep_channel(std::int64_t channel, bool destroy, std::size_t budget) {
  struct Old {
    std::int64_t id;
    PostState state;
    Bytes guid;
    Bytes sealed;
  };
  std::vector<Old> old;
  {
    Use some(some_posts_);
    some.bind(channel).bind(static_cast<std::int64_t>(budget) + 1);
    for (;;) {
      const auto row = some.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      old.push_back({some.integer(0), static_cast<PostState>(some.integer(1)),
                     Bytes(some.blob(2).begin(), some.blob(2).end()),
                     Bytes(some.blob(3).begin(), some.blob(3).end())});
    }
  }
  if (old.empty()) {
    cut_ = true;  // what the pages held of its name and its readers leaves the log as well
    for (Statement* statement :
         {&drop_marks_, &forget_mentions_, &forget_levels_, &forget_channel_}) {
      if (auto done = Use(*statement).bind(channel).run(); !done)
        return std::unexpected(done.error());
    }
    return false;
  }
  const auto part = part_of(old.front().id, 0);
  if (!part) return std::unexpected(part.error());
  std::int64_t end = 0;
  {
    Use find(part_range_);
    const auto row = find.bind(*part).bind(INT64_MAX).step();
    if (!row) return std::unexpected(row.error());
    end = *row ? find.integer(3) : INT64_MAX;
  }
  const auto next = std::ranges::find_if(old, [&](const Old& one) { return one.id >= end; });
  const bool part_done = next != old.end() || old.size() <= budget;
  const auto upto = std::min(static_cast<std::size_t>(next - old.begin()), budget);
  std::int64_t uses = 0;
  bool stopped = false;
  for (const Old& one : std::span(old).first(upto)) {
    if (stopped = uses >= kUsesStep; stopped) break;
    if (one.state == PostState::shown) {
      const auto content = keys_->open(one.id, one.guid, one.sealed);
      if (!content && content.error().code != Errc::internal)
        return std::unexpected(content.error());
      if (content) {
        if (auto done = index(one.id, channel, *content, false); !done)
          return std::unexpected(done.error());
      }
    }
    const auto gone = uses_.let_go(channel, one.id, destroy);
    if (!gone) return std::unexpected(gone.error());
    uses += gone->freed + gone->held;
    if (auto done = forget(one.id); !done) return std::unexpected(done.error());
    if (one.state == PostState::destroyed) continue;
    if (auto done = doom(kKeysOfPosts, one.id); !done) return std::unexpected(done.error());
  }
  if (part_done && !stopped) stale_.insert(*part);
  return true;
}

// --- what is destroyed

Status PostWriter::doom(std::int64_t kind, std::int64_t slot) {
  doomed_.push_back({kind, slot});
  if (auto done = Use(add_doomed_).bind(kind).bind(slot).run(); !done) return done;
  return Use(count_destroyed_).bind(kind).run();
}

/// What the index holds of a part, again under another key.
Status PostWriter::remake(std::int64_t part) {
  std::int64_t first = 0, posts = 0, bytes = 0, end = 0;
  {
    Use find(part_range_);
    const auto row = find.bind(part).bind(INT64_MAX).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    first = find.integer(0);
    posts = find.integer(1);
    bytes = find.integer(2);
    end = find.integer(3);
  }
  // A damaged one finds nothing any more: what the index has under it is left as it is.
  const auto old = keys_->words().get(part);
  if (!old && old.error().code != Errc::internal) return std::unexpected(old.error());
  if (auto done = Use(drop_part_).bind(part).run(); !done) return done;
  std::int64_t again = 0;
  {
    Use add(add_part_);
    if (auto done = add.bind(first).bind(posts).bind(bytes).run(); !done) return done;
    again = add.inserted();
  }
  const auto fresh = keys_->words().put(again);
  if (!fresh) return std::unexpected(fresh.error());
  struct One {
    std::int64_t id, channel;
    Bytes guid, sealed;
  };
  constexpr std::size_t kSome = 64;  // of up to 64 KiB
  for (std::int64_t from = first;;) {
    std::vector<One> some;
    {
      Use scan(part_posts_);
      scan.bind(from).bind(end).bind(static_cast<std::int64_t>(kSome));
      for (;;) {
        const auto row = scan.step();
        if (!row) return std::unexpected(row.error());
        if (!*row) break;
        some.push_back({scan.integer(0), scan.integer(1),
                        Bytes(scan.blob(2).begin(), scan.blob(2).end()),
                        Bytes(scan.blob(3).begin(), scan.blob(3).end())});
      }
    }
    for (const One& one : some) {
      const auto content = keys_->open(one.id, one.guid, one.sealed);
      if (!content && content.error().code == Errc::internal) continue;
      if (!content) return std::unexpected(content.error());
      if (old) {
        if (auto done = index_with(*old, one.id, one.channel, *content, false); !done) return done;
      }
      if (auto done = index_with(*fresh, one.id, one.channel, *content, true); !done) return done;
    }
    if (some.size() < kSome) return doom(kKeysOfWords, part);
    from = some.back().id + 1;
  }
}

Status PostWriter::begin() { return forgetful_ ? Use(drop_doomed_).run() : Status{}; }

Result<PostWriter::After> PostWriter::finish() {
  for (const std::int64_t part : stale_) {
    if (auto done = remake(part); !done) return std::unexpected(done.error());
  }
  stale_.clear();
  for (KeySlots* slots : {&keys_->posts(), &keys_->words()}) {
    if (auto done = slots->sync(); !done) return std::unexpected(done.error());
  }
  return After{.destroy = !doomed_.empty(), .cut = cut_};
}

Status PostWriter::destroy() {
  cut_ = false;
  if (!doomed_.empty()) forgetful_ = true;
  for (const Doomed& one : doomed_) {
    if (auto done = keys_->of_kind(one.kind).destroy(one.slot); !done) return done;
  }
  doomed_.clear();
  for (KeySlots* slots : {&keys_->posts(), &keys_->words()}) {
    if (auto done = slots->sync(); !done) return done;
  }
  return {};
}

void PostWriter::forget() {
  stale_.clear();
  cut_ = false;
  doomed_.clear();
}

Result<bool> PostWriter::rotate(Millis now, std::size_t slots) {
  std::int64_t kind = 0;
  {
    Use due(due_);
    const auto row = due.bind(kRotateDestroyed).bind(now - kRotateMs).step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return false;
    kind = due.integer(0);
  }
  KeySlots& file = keys_->of_kind(kind);
  const auto whole = file.rotate(slots);
  if (!whole) return std::unexpected(whole.error());
  if (!*whole) return true;
  if (auto done = Use(set_file_).bind(file.number() + 1).bind(now).bind(kind).run(); !done)
    return std::unexpected(done.error());
  if (auto done = file.finish_rotation(); !done) return std::unexpected(done.error());
  return true;
}

}  // namespace dim
