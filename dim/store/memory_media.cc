#include "dim/store/memory_media.h"

#include <utility>

namespace dim {
namespace {

Written refused(const Error& error) { return {Accepted::stored, {}, error}; }
Written repeated() { return {Accepted::repeated, {}, {}}; }

}  // namespace

std::int64_t MemoryMedia::blob_of(const Digest32& digest, std::int64_t size) const {
  for (const auto& [id, blob] : blobs_) {
    if (blob.digest == digest && static_cast<std::int64_t>(blob.bytes.size()) == size) return id;
  }
  return 0;
}

void MemoryMedia::release(std::int64_t blob) {
  const auto found = blobs_.find(blob);
  if (found != blobs_.end() && --found->second.references == 0) blobs_.erase(found);
}

Written MemoryMedia::apply(const OpenMedia& open) {
  if (const auto found = media_.find(open.guid); found != media_.end()) {
    if (const auto error = refuse_open(found->second, open)) return refused(*error);
    const auto blob = blobs_.find(found->second.blob);
    if (found->second.state == MediaState::complete && open.digest &&
        (blob == blobs_.end() || blob->second.digest != open.digest)) {
      return refused({Errc::conflict, "this object is complete, with another digest"});
    }
    return repeated();
  }
  std::size_t uploads = 0;
  std::int64_t used = 0;
  for (const auto& [guid, one] : media_) {
    if (one.owner != open.owner) continue;
    used += media_charge(one.state > MediaState::complete ? 0 : one.size);
    if (one.state == MediaState::open) ++uploads;
  }
  if (const auto error = refuse_new(open, limits_, uploads, used)) return refused(*error);
  StoredMedia fresh;
  fresh.owner = open.owner;
  fresh.size = open.size;
  fresh.touched = open.time;
  fresh.blob = open.digest && open.known ? blob_of(*open.digest, open.size) : 0;
  if (fresh.blob != 0) {
    fresh.state = MediaState::complete;
  } else {
    fresh.blob = next_blob_++;
    fresh.have = no_blocks(open.size);
    blobs_[fresh.blob].bytes.resize(static_cast<std::size_t>(open.size));
  }
  ++blobs_[fresh.blob].references;
  media_.emplace(open.guid, std::move(fresh));
  return {};
}

Written MemoryMedia::apply(const PutPiece& put) {
  if (const auto error = refuse_change(media(put.guid), put.owner)) return refused(*error);
  StoredMedia& known = media_.at(put.guid);
  if (auto right = check_piece(put.first, put.bytes.size(), known.size); !right)
    return refused(right.error());
  std::string& bytes = blobs_.at(known.blob).bytes;
  const std::int64_t from = put.first / limits::kMediaBlock;
  const std::int64_t to = media_blocks(put.first + static_cast<std::int64_t>(put.bytes.size()));
  bool fresh = false;
  for (std::int64_t block = from; block < to; ++block) {
    if (known.state != MediaState::complete && !has_block(known.have, block)) {
      fresh = true;
      continue;
    }
    const auto at = static_cast<std::size_t>(block * limits::kMediaBlock - put.first);
    const std::string_view part =
        std::string_view(put.bytes).substr(at, static_cast<std::size_t>(limits::kMediaBlock));
    if (std::string_view(bytes).substr(static_cast<std::size_t>(block * limits::kMediaBlock),
                                       part.size()) != part)
      return refused({Errc::conflict, "other bytes than these are there already"});
  }
  if (!fresh) return repeated();
  bytes.replace(static_cast<std::size_t>(put.first), put.bytes.size(), put.bytes);
  for (std::int64_t block = from; block < to; ++block) add_block(known.have, block);
  known.touched = put.time;
  return {};
}

Written MemoryMedia::apply(const CheckMedia& check) {
  const auto found = media_.find(check.guid);
  if (found == media_.end() || !found->second.whole() || found->second.owner != check.owner)
    return repeated();
  StoredMedia& known = found->second;
  Blob& blob = blobs_.at(known.blob);
  if (sha256(as_bytes(blob.bytes)) != check.digest) {
    release(known.blob);
    media_.erase(found);
    return refused({Errc::bad_request,
                    "the bytes have another digest than announced; the upload was discarded"});
  }
  if (const std::int64_t same = blob_of(check.digest, known.size); same != 0) {
    ++blobs_.at(same).references;
    release(std::exchange(known.blob, same));
  } else {
    blob.digest = check.digest;
  }
  known.state = MediaState::complete;
  known.have.clear();
  known.touched = check.time;
  return {};
}

Written MemoryMedia::apply(const DropMedia& drop) {
  if (const auto error = refuse_change(media(drop.guid), drop.owner)) return refused(*error);
  StoredMedia& known = media_.at(drop.guid);
  release(std::exchange(known.blob, 0));
  if (known.state == MediaState::open) {
    media_.erase(drop.guid);
    return {};
  }
  known.state = drop.as;
  known.have.clear();
  known.touched = drop.time;
  uses_.erase(drop.guid);
  return {};
}

Written MemoryMedia::apply(const DestroyMedia& destroy) {
  const auto known = media_.find(destroy.guid);
  if (known != media_.end() && known->second.state == MediaState::destroyed &&
      known->second.owner == destroy.owner)
    return {Accepted::repeated, {0}, {}};
  if (const auto error = refuse_change(media(destroy.guid), destroy.owner)) return refused(*error);
  StoredMedia& one = known->second;
  const auto others = static_cast<Cursor>(blobs_.at(one.blob).references) - 1;
  release(std::exchange(one.blob, 0));
  one.state = MediaState::destroyed;
  one.have.clear();
  one.touched = destroy.time;
  uses_.erase(destroy.guid);
  return {Accepted::repeated, {others}, {}};
}

std::optional<StoredMedia> MemoryMedia::media(const Guid& guid) const {
  const auto found = media_.find(guid);
  return found == media_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> MemoryMedia::media_bytes(const StoredMedia& media, std::int64_t first,
                                             std::size_t size) const {
  const auto found = blobs_.find(media.blob);
  if (found == blobs_.end()) return fail(Errc::not_found, "the object was removed meanwhile");
  return found->second.bytes.substr(static_cast<std::size_t>(first), size);
}

std::pair<std::int64_t, std::int64_t> MemoryMedia::used_by(const std::string& user) const {
  std::pair<std::int64_t, std::int64_t> out{0, 0};
  for (const auto& [guid, one] : media_) {
    if (one.owner != user || one.state > MediaState::complete) continue;
    ++out.first;
    out.second += one.size;
  }
  return out;
}

void MemoryMedia::drop_all(const std::string& user, Millis now) {
  std::vector<Guid> all;
  for (const auto& [guid, one] : media_) {
    if (one.owner == user && one.state <= MediaState::complete) all.push_back(guid);
  }
  for (const Guid& guid : all)
    apply(DropMedia{.guid = guid, .owner = user, .as = MediaState::deleted, .time = now});
}

void MemoryMedia::use(std::span<const Guid> media, const Guid& channel, const Guid& post,
                      std::int64_t revision) {
  for (const Guid& guid : media) {
    const auto found = media_.find(guid);
    if (found == media_.end() || found->second.state != MediaState::complete) continue;
    uses_[guid][User{channel, post}] = revision;
    found->second.touched = kMediaHeld;
  }
}

void MemoryMedia::carry_on(const Guid& channel, const Guid& post, std::int64_t from,
                           std::int64_t to) {
  for (auto& [guid, users] : uses_) {
    const auto one = users.find(User{channel, post});
    if (one != users.end() && one->second == from) one->second = to;
  }
}

bool MemoryMedia::leaves(const Guid& guid, bool destroy, Millis now) {
  const auto& users = uses_[guid];
  StoredMedia& one = media_.at(guid);
  if (!users.empty()) {
    // Nobody waits for it any more: it may grow old.
    if (users.rbegin()->first == User{}) one.touched = now;
    return false;
  }
  uses_.erase(guid);
  const auto blob = blobs_.find(one.blob);
  const bool shared = blob != blobs_.end() && blob->second.references > 1;
  release(std::exchange(one.blob, 0));
  one.state = destroy ? MediaState::destroyed : MediaState::deleted;
  one.touched = now;
  return !shared;
}

MemoryMedia::Gone MemoryMedia::let_go(const Guid& channel, const Guid& post, bool destroy,
                                      Millis now, std::int64_t revision) {
  std::vector<Guid> mine;
  for (auto& [guid, users] : uses_) {
    const auto one = users.find(User{channel, post});
    if (one == users.end() || one->second > revision) continue;
    users.erase(one);
    mine.push_back(guid);
  }
  Gone out;
  for (const Guid& guid : mine) {
    ++(leaves(guid, destroy, now) ? out.freed : out.held);
  }
  return out;
}

void MemoryMedia::wait(std::span<const Guid> media, const std::string& author,
                       const Guid& message) {
  for (const Guid& guid : media) {
    const auto found = media_.find(guid);
    if (found == media_.end() || found->second.state != MediaState::complete ||
        found->second.owner != author)
      continue;
    uses_[guid][User{}] = 0;
    uses_[guid][User{std::nullopt, message}] = 0;
    found->second.touched = kMediaHeld;
  }
}

void MemoryMedia::arrived(const Guid& message, Millis now) {
  std::vector<Guid> mine;
  for (auto& [guid, users] : uses_) {
    if (users.erase(User{std::nullopt, message}) != 0) mine.push_back(guid);
  }
  for (const Guid& guid : mine) leaves(guid, false, now);
}

std::vector<Guid> MemoryMedia::channels(const Guid& guid, std::size_t limit) const {
  std::vector<Guid> out;
  const auto found = uses_.find(guid);
  if (found == uses_.end()) return out;
  for (const auto& [user, revision] : found->second) {
    if (out.size() == limit) break;
    if (user.first && (out.empty() || out.back() != *user.first)) out.push_back(*user.first);
  }
  return out;
}

bool MemoryMedia::sent(const Guid& guid) const {
  const auto found = uses_.find(guid);
  return found != uses_.end() && found->second.contains(User{});
}

std::vector<Guid> MemoryMedia::with(const Digest32& digest, std::int64_t size,
                                    std::size_t limit) const {
  std::vector<Guid> out;
  const std::int64_t blob = blob_of(digest, size);
  for (const auto& [guid, one] : media_) {
    if (blob != 0 && out.size() < limit && one.blob == blob) out.push_back(guid);
  }
  return out;
}

void MemoryMedia::tidy(Millis now) {
  for (auto at = media_.begin(); at != media_.end();) {
    StoredMedia& one = at->second;
    const bool stale = one.state == MediaState::open && one.touched < now - limits_.upload_ms;
    const bool old = one.state > MediaState::complete && one.touched < now - kSeenMs;
    if (limits_.keep_ms > 0 && one.state == MediaState::complete &&
        one.touched < now - limits_.keep_ms) {
      release(std::exchange(one.blob, 0));
      one.state = MediaState::deleted;
      one.touched = now;
      uses_.erase(at->first);
    }
    if (stale) release(one.blob);
    at = stale || old ? media_.erase(at) : std::next(at);
  }
}

}  // namespace dim
