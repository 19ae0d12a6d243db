// Hubs and channels of the store in memory. Inside of MemoryStore, under its mutex.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dim/store/memory_media.h"
#include "dim/store/store.h"

namespace dim {

class MemoryPosts final {
 public:
  /// `media` must outlive it.
  explicit MemoryPosts(MemoryMedia& media) : media_(media) {}
  Written apply(const PutHubChange& put);
  Written apply(const RequireHub& require) const;
  Written apply(const PutPost& put);
  Written apply(const ChangePost& change);
  Written apply(const PutErasure& put);
  Written apply(const PutReport& put);
  Written apply(const CloseReports& close);
  Written apply(const PutMark& put);
  Written apply(const PutLevel& put);
  Written apply(const ExpirePosts& expire);
  Written apply(const DropChannel& drop);
  Written apply(const ForgetChannelWords& forget);
  Written apply(const Shred& shred);
  Written apply(const ExpectErasures& expect);

  std::vector<StoredHubChange> hub_changes(std::int64_t row, std::size_t limit) const;
  std::optional<Post> post(const Guid& guid) const;
  std::vector<Post> posts(const Guid& channel, const PostPage& page) const;
  std::vector<PostRevision> revisions(const Guid& guid, std::int64_t after,
                                      std::size_t bytes) const;
  std::vector<std::string> erasures(const Guid& guid) const;
  std::vector<ExpectedErasure> expected_erasures(const std::string& object) const;
  ReadState read_state(const Guid& channel, const std::string& user) const;
  ChannelUse use(const Guid& channel) const;
  void drop_marks(const std::string& user);
  std::vector<StoredReport> reports(std::span<const Guid> channels, std::int64_t row,
                                    std::size_t limit) const;
  Millis next_expiry() const;
  Millis last_swept() const { return swept_; }
  std::vector<FoundPost> search(std::span<const Guid> channels, std::string_view words,
                                std::int64_t place, std::size_t limit) const;

 private:
  struct Row {
    Post post;
    Post first;  // as it was made
    std::vector<PostRevision> earlier{};
    std::set<std::pair<std::string, std::string>> reactions{};  // symbol, user
    std::map<std::string, std::string> erasures{};              // by user
  };
  Post shown(const Row& row) const;
  const Row* find(const Guid& guid) const;

  MemoryMedia& media_;
  std::vector<StoredHubChange> changes_;
  std::map<std::string, std::int64_t> numbers_;
  std::map<std::int64_t, Row> rows_;  // in order of making
  std::int64_t next_row_ = 1;
  std::map<Guid, std::int64_t> places_;
  std::map<Guid, Cursor> newest_;
  std::map<std::pair<Guid, std::string>, Cursor> marks_;
  std::map<std::pair<Guid, std::string>, NotifyLevel> levels_;
  Millis swept_ = 0;
  std::map<std::int64_t, StoredReport> reports_;
  std::int64_t next_report_ = 1;
  std::map<std::string, std::map<std::string, std::string>> expected_;  // object, user
};

}  // namespace dim
