#include "dim/store/memory_store.h"

#include <algorithm>
#include <utility>

#include "dim/store/inbox_share.h"
#include "dim/store/rules.h"

namespace dim {

MemoryStore::MemoryStore(InboxLimits limits) : limits_(limits) {}

Result<std::vector<Written>> MemoryStore::commit(std::span<const Write> batch) {
  const std::scoped_lock lock(mutex_);
  std::vector<Written> out;
  out.reserve(batch.size());
  for (const Write& write : batch) {
    if (is_void(write, out) || lacks_ground(batch, out)) {
      out.push_back({Accepted::conflict, {}});
      continue;
    }
    out.push_back(std::visit([this](const auto& one) { return apply(one); }, write));
  }
  return out;
}

Written MemoryStore::apply(const PutMessage& put) {
  const ContentDigest digest = content_digest(put);
  if (const auto seen = seen_.find(put.message.guid); seen != seen_.end()) {
    if (seen->second.digest != digest) return {Accepted::conflict, {}};
    return {Accepted::repeated, seen->second.cursors};
  }
  const std::size_t size = put.message.content.size();
  for (std::size_t i = 0; i < put.receivers.size(); ++i) {
    const std::string& receiver = put.receivers[i];
    const Inbox& inbox = inboxes_[receiver];
    const auto is_full = [&] {
      if (inbox.waiting.size() >= limits_.messages || inbox.bytes + size > limits_.bytes)
        return true;
      if (!beyond_share(limits_, inbox.waiting.size(), inbox.bytes, size) ||
          owns_inbox(put.message.author, receiver))
        return false;
      std::size_t messages = 0, bytes = 0;
      for (const StoredMessage& one : inbox.waiting) {
        if (one.author != put.message.author) continue;
        ++messages;
        bytes += one.content.size();
      }
      return beyond_share(limits_, messages, bytes, size);
    };
    if (is_full() && i < put.acked.size()) apply(AckInbox{receiver, put.acked[i]});
    if (is_full()) return {Accepted::full, {}};
  }
  Written out;
  std::unordered_map<std::string_view, Cursor> places;
  for (const std::string& receiver : put.receivers) {
    const auto [place, fresh] = places.try_emplace(receiver, 0);
    if (fresh) {
      Inbox& inbox = inboxes_[receiver];
      place->second = ++inbox.newest;
      inbox.bytes += size;
      inbox.waiting.push_back(put.message);
      inbox.waiting.back().cursor = place->second;
    }
    out.cursors.push_back(place->second);
  }
  told_ = std::max(told_, put.message.time);
  if (!put.media.empty() && !places.empty()) {
    media_.wait(put.media, put.message.author, put.message.guid);
    carrying_[put.message.guid] = places.size();
  }
  seen_.emplace(put.message.guid, Seen{digest, put.message.time, out.cursors});
  return out;
}

Written MemoryStore::apply(const PutName& put) {
  const auto [entry, fresh] = names_.try_emplace(put.name, put.id);
  if (fresh) return {};
  return {entry->second == put.id ? Accepted::repeated : Accepted::conflict, {}};
}

Written MemoryStore::apply(const PutIdentity& put) {
  identities_[put.id] = {put.meta, put.pinned};
  return {};
}

Written MemoryStore::apply(const PutDocument& put) {
  const StoredDocument document{put.type, put.terminal, put.time, put.document};
  const auto [entry, fresh] = documents_.try_emplace({put.id, put.type, put.terminal}, document);
  if (fresh) return {};
  const Accepted accepted = judge_document(entry->second, put);
  if (accepted == Accepted::stored) entry->second = document;
  return {accepted, {}};
}

Written MemoryStore::apply(const AckInbox& ack) {
  const auto found = inboxes_.find(ack.user);
  if (found == inboxes_.end()) return {};
  Inbox& inbox = found->second;
  while (!inbox.waiting.empty() && inbox.waiting.front().cursor <= ack.upto)
    take_first(inbox, told_);
  return {};
}

void MemoryStore::take_first(Inbox& inbox, Millis now) {
  const StoredMessage& first = inbox.waiting.front();
  inbox.bytes -= first.content.size();
  if (const auto carries = carrying_.find(first.guid);
      carries != carrying_.end() && --carries->second == 0) {
    media_.arrived(first.guid, now);
    carrying_.erase(carries);
  }
  inbox.waiting.pop_front();
}

Written MemoryStore::apply(const ForgetGuid& forget) {
  seen_.erase(forget.guid);
  return {};
}

Written MemoryStore::apply(const PutResume& put) {
  resumes_[put.session] = {put.user, put.secret_sha256, put.expires};
  return {};
}

Written MemoryStore::apply(const DropResume& drop) {
  resumes_.erase(drop.session);
  return {};
}

Written MemoryStore::apply(const PutSetting& put) {
  if (put.value.empty()) {
    settings_.erase({put.kind, put.key});
  } else {
    settings_[{put.kind, put.key}] = put.value;
  }
  return {};
}

Written MemoryStore::apply(const PutAudit& put) {
  audit_.push_back({next_audit_++, put.entry});
  while (static_cast<std::int64_t>(audit_.size()) > audit_limits_.entries ||
         audit_.front().entry.time < put.entry.time - audit_limits_.keep_ms)
    audit_.pop_front();
  return {};
}

Written MemoryStore::apply(const DropUser& drop) {
  const std::string device = drop.user + "/";
  for (auto& [owner, inbox] : inboxes_) {
    if (owner != drop.user && !owner.starts_with(device)) continue;
    while (!inbox.waiting.empty()) take_first(inbox, drop.time);
  }
  std::erase_if(documents_, [&](const auto& one) { return std::get<0>(one.first) == drop.user; });
  std::erase_if(names_, [&](const auto& one) { return one.second == drop.user; });
  std::erase_if(resumes_, [&](const auto& one) { return one.second.user == drop.user; });
  identities_.erase(drop.user);
  prekeys_.drop_all(drop.user);
  posts_.drop_marks(drop.user);
  media_.drop_all(drop.user, drop.time);
  return {};
}

Result<std::vector<Guid>> MemoryStore::media_channels(const Guid& guid, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return media_.channels(guid, limit);
}

Result<bool> MemoryStore::media_sent(const Guid& guid) {
  const std::scoped_lock lock(mutex_);
  return media_.sent(guid);
}

Result<std::vector<Guid>> MemoryStore::media_with(const Digest32& digest, std::int64_t size,
                                                  std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return media_.with(digest, size, limit);
}

Result<std::vector<StoredSetting>> MemoryStore::settings() {
  const std::scoped_lock lock(mutex_);
  std::vector<StoredSetting> out;
  for (const auto& [place, value] : settings_) out.push_back({place.first, place.second, value});
  return out;
}

Result<std::vector<StoredAudit>> MemoryStore::audit(const std::optional<std::string>& hub,
                                                    std::int64_t before, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  std::vector<StoredAudit> out;
  for (auto one = audit_.rbegin(); one != audit_.rend() && out.size() < limit; ++one) {
    if (before != 0 && one->row >= before) continue;
    if (!hub || one->entry.hub == *hub) out.push_back(*one);
  }
  return out;
}

Result<std::vector<std::string>> MemoryStore::identities(const std::string& after,
                                                         std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [id, identity] : identities_) {
    if (id > after) out.push_back(id);
  }
  std::ranges::sort(out);
  out.resize(std::min(out.size(), limit));
  return out;
}

Result<UserUse> MemoryStore::user_use(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  UserUse out;
  for (const auto& [owner, inbox] : inboxes_) {
    if (owner != user && !owner.starts_with(user + "/")) continue;
    out.waiting += static_cast<std::int64_t>(inbox.waiting.size());
    out.waiting_bytes += static_cast<std::int64_t>(inbox.bytes);
  }
  for (const auto& [place, document] : documents_) {
    if (std::get<0>(place) != user) continue;
    ++out.documents;
    out.document_bytes += static_cast<std::int64_t>(document.document.size());
  }
  for (const auto& [name, owner] : names_) {
    if (owner == user) out.names.push_back(name);
  }
  std::ranges::sort(out.names);
  std::tie(out.files, out.file_bytes) = media_.used_by(user);
  return out;
}

Result<ChannelUse> MemoryStore::channel_use(const Guid& channel) {
  const std::scoped_lock lock(mutex_);
  return posts_.use(channel);
}

Result<std::vector<StoredPrekeys>> MemoryStore::prekeys(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  return prekeys_.of(user);
}

Result<std::optional<StoredMedia>> MemoryStore::media(const Guid& guid) {
  const std::scoped_lock lock(mutex_);
  return media_.media(guid);
}
Result<std::string> MemoryStore::media_bytes(const StoredMedia& media, std::int64_t first,
                                             std::size_t size) {
  const std::scoped_lock lock(mutex_);
  return media_.media_bytes(media, first, size);
}

Result<bool> MemoryStore::tidy(Millis now, bool idle) {
  if (!idle) return false;
  const std::scoped_lock lock(mutex_);
  told_ = now;
  std::erase_if(seen_, [now](const auto& entry) { return entry.second.time < now - kSeenMs; });
  for (auto& [user, inbox] : inboxes_) {
    while (!inbox.waiting.empty() && inbox.waiting.front().time < now - kSeenMs)
      take_first(inbox, now);
  }
  std::erase_if(resumes_, [now](const auto& entry) { return entry.second.expires < now; });
  media_.tidy(now);
  return false;
}

Result<std::vector<StoredMessage>> MemoryStore::inbox(const std::string& user, Cursor after,
                                                      std::size_t limit, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  std::vector<StoredMessage> out;
  const auto found = inboxes_.find(user);
  if (found == inboxes_.end()) return out;
  const auto& waiting = found->second.waiting;
  auto next = std::ranges::upper_bound(waiting, after, {}, &StoredMessage::cursor);
  std::size_t total = 0;
  for (; next != waiting.end() && out.size() < limit; ++next) {
    total += next->content.size();
    if (total > bytes && !out.empty()) break;
    out.push_back(*next);
  }
  return out;
}

Result<std::optional<StoredIdentity>> MemoryStore::identity(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = identities_.find(id);
  if (found == identities_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<StoredDocument>> MemoryStore::documents(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  std::vector<StoredDocument> out;
  for (auto next = documents_.lower_bound({id, "", ""}); next != documents_.end(); ++next) {
    if (std::get<0>(next->first) != id) break;
    out.push_back(next->second);
  }
  return out;
}

Result<std::optional<std::string>> MemoryStore::owner_of(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<StoredResume>> MemoryStore::resume(const Guid& session) {
  const std::scoped_lock lock(mutex_);
  const auto found = resumes_.find(session);
  if (found == resumes_.end()) return std::nullopt;
  return found->second;
}

Result<Cursor> MemoryStore::newest(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  const auto found = inboxes_.find(user);
  return found == inboxes_.end() ? 0 : found->second.newest;
}

Result<std::vector<StoredHubChange>> MemoryStore::hub_changes(std::int64_t row, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return posts_.hub_changes(row, limit);
}
Result<std::optional<Post>> MemoryStore::post(const Guid& guid) {
  const std::scoped_lock lock(mutex_);
  return posts_.post(guid);
}
Result<std::vector<Post>> MemoryStore::posts(const Guid& channel, const PostPage& page) {
  const std::scoped_lock lock(mutex_);
  return posts_.posts(channel, page);
}
Result<std::vector<PostRevision>> MemoryStore::revisions(const Guid& guid, std::int64_t after,
                                                         std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  return posts_.revisions(guid, after, bytes);
}
Result<std::vector<std::string>> MemoryStore::erasures(const Guid& guid) {
  const std::scoped_lock lock(mutex_);
  return posts_.erasures(guid);
}
Result<std::vector<ExpectedErasure>> MemoryStore::expected_erasures(const std::string& object) {
  const std::scoped_lock lock(mutex_);
  return posts_.expected_erasures(object);
}

Result<ReadState> MemoryStore::read_state(const Guid& channel, const std::string& user) {
  const std::scoped_lock lock(mutex_);
  return posts_.read_state(channel, user);
}
Result<std::vector<StoredReport>> MemoryStore::reports(std::span<const Guid> channels,
                                                       std::int64_t row, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return posts_.reports(channels, row, limit);
}
Result<Millis> MemoryStore::next_expiry() {
  const std::scoped_lock lock(mutex_);
  return posts_.next_expiry();
}
Result<Millis> MemoryStore::last_swept() {
  const std::scoped_lock lock(mutex_);
  return posts_.last_swept();
}
Result<std::vector<FoundPost>> MemoryStore::search(std::span<const Guid> channels,
                                                   std::string_view words, std::int64_t place,
                                                   std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return posts_.search(channels, words, place, limit);
}

}  // namespace dim
