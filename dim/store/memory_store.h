// The store's rules in memory: for simulations and tests, deterministic, gone with the process.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>

#include "dim/base/limits.h"
#include "dim/store/memory_media.h"
#include "dim/store/memory_posts.h"
#include "dim/store/memory_prekeys.h"
#include "dim/store/rules.h"
#include "dim/store/store.h"

namespace dim {

/// Threads: every call may come from any thread.
class MemoryStore : public Store {
 public:
  explicit MemoryStore(InboxLimits limits = {limits::kInboxMessages, limits::kInboxBytes});

  Result<std::vector<Written>> commit(std::span<const Write> batch) override;
  Result<bool> tidy(Millis now, bool idle) override;
  Result<std::vector<StoredMessage>> inbox(const std::string& user, Cursor after, std::size_t limit,
                                           std::size_t bytes) override;
  Result<std::optional<StoredIdentity>> identity(const std::string& id) override;
  Result<std::vector<StoredDocument>> documents(const std::string& id) override;
  Result<std::optional<std::string>> owner_of(const std::string& name) override;
  Result<std::optional<StoredResume>> resume(const Guid& session) override;
  Result<Cursor> newest(const std::string& user) override;
  Result<std::vector<StoredHubChange>> hub_changes(std::int64_t row, std::size_t limit) override;
  Result<std::optional<Post>> post(const Guid& guid) override;
  Result<std::vector<Post>> posts(const Guid& channel, const PostPage& page) override;
  Result<std::vector<PostRevision>> revisions(const Guid& guid, std::int64_t after,
                                              std::size_t bytes) override;
  Result<std::vector<std::string>> erasures(const Guid& guid) override;
  Result<std::vector<ExpectedErasure>> expected_erasures(const std::string& object) override;
  Result<ReadState> read_state(const Guid& channel, const std::string& user) override;
  Result<std::vector<StoredReport>> reports(std::span<const Guid> channels, std::int64_t row,
                                            std::size_t limit) override;
  Result<Millis> next_expiry() override;
  Result<Millis> last_swept() override;
  Result<std::vector<FoundPost>> search(std::span<const Guid> channels, std::string_view words,
                                        std::int64_t place, std::size_t limit) override;
  Result<std::optional<StoredMedia>> media(const Guid& guid) override;
  Result<std::string> media_bytes(const StoredMedia& media, std::int64_t first,
                                  std::size_t size) override;
  Result<std::vector<Guid>> media_channels(const Guid& guid, std::size_t limit) override;
  Result<bool> media_sent(const Guid& guid) override;
  Result<std::vector<Guid>> media_with(const Digest32& digest, std::int64_t size,
                                       std::size_t limit) override;
  Result<std::vector<StoredSetting>> settings() override;
  Result<std::vector<StoredAudit>> audit(const std::optional<std::string>& hub, std::int64_t before,
                                         std::size_t limit) override;
  Result<std::vector<std::string>> identities(const std::string& after, std::size_t limit) override;
  Result<UserUse> user_use(const std::string& user) override;
  Result<ChannelUse> channel_use(const Guid& channel) override;
  Result<std::vector<StoredPrekeys>> prekeys(const std::string& user) override;
  void set_audit_limits(const AuditLimits& limits) { audit_limits_ = limits; }
  void set_media_limits(const MediaLimits& limits) { media_.set_limits(limits); }
  /// Objects of bytes, whoever refers to them.
  std::size_t blobs() const { return media_.blobs(); }

 private:
  struct Inbox {
    Cursor newest = 0;
    std::size_t bytes = 0;
    std::deque<StoredMessage> waiting;
  };
  struct Seen {
    ContentDigest digest;
    Millis time;
    std::vector<Cursor> cursors;
  };

  Written apply(const PutMessage& put);
  Written apply(const PutName& put);
  Written apply(const PutIdentity& put);
  Written apply(const PutDocument& put);
  Written apply(const AckInbox& ack);
  Written apply(const ForgetGuid& forget);
  Written apply(const PutResume& put);
  Written apply(const DropResume& drop);
  Written apply(const OpenMedia& open) { return media_.apply(open); }
  Written apply(const PutPiece& put) { return media_.apply(put); }
  Written apply(const CheckMedia& check) { return media_.apply(check); }
  Written apply(const DropMedia& drop) { return media_.apply(drop); }
  Written apply(const DestroyMedia& destroy) { return media_.apply(destroy); }
  Written apply(const PutSetting& put);
  Written apply(const PutAudit& put);
  Written apply(const DropUser& drop);
  Written apply(const PutPrekeys& put) { return prekeys_.apply(put); }
  Written apply(const TakePrekey& take) { return prekeys_.apply(take); }
  Written apply(const DropPrekeys& drop) { return prekeys_.apply(drop); }
  template <class Other>
  Written apply(const Other& other) {
    return posts_.apply(other);
  }
  /// The oldest message of an inbox leaves it.
  void take_first(Inbox& inbox, Millis now);

  InboxLimits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Inbox> inboxes_;
  std::map<Guid, Seen> seen_;
  std::unordered_map<std::string, std::string> names_;
  std::unordered_map<std::string, StoredIdentity> identities_;
  std::map<std::tuple<std::string, std::string, std::string>, StoredDocument> documents_;
  std::map<Guid, StoredResume> resumes_;
  std::map<std::pair<std::string, std::string>, std::string> settings_;
  std::deque<StoredAudit> audit_;
  std::int64_t next_audit_ = 1;
  AuditLimits audit_limits_;
  MemoryMedia media_;
  MemoryPrekeys prekeys_;
  MemoryPosts posts_{media_};
  std::map<Guid, std::size_t> carrying_;  // messages that use media: in how many inboxes they wait
  Millis told_ = 0;                       // the time as the last message or tidy() had it
};

}  // namespace dim
