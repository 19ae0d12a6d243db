// Reads of hubs and channels. Part of SqliteStore, under its read mutex.
#pragma once
#include "dim/store/store.h"
#include "sqlite/database.h"
#include "sqlite/post_keys.h"
#include "sqlite/word_index.h"

namespace dim {

class PostTableReads {
 public:
  Status start(Database& db, PostKeys& keys);
  void stop();

  Result<std::vector<StoredHubChange>> hub_changes(std::int64_t row, std::size_t limit);
  Result<std::optional<Post>> post(const Guid& guid);
  Result<std::vector<Post>> posts(const Guid& channel, const PostPage& page);
  Result<std::vector<PostRevision>> revisions(const Guid& guid, std::int64_t after,
                                              std::size_t bytes);
  Result<std::vector<std::string>> erasures(const Guid& guid);
  Result<std::vector<ExpectedErasure>> expected_erasures(const std::string& object);
  Result<ReadState> read_state(const Guid& channel, const std::string& user);
  Result<std::vector<StoredReport>> reports(std::span<const Guid> channels, std::int64_t row,
                                            std::size_t limit);
  Result<Millis> next_expiry();
  Result<Millis> last_swept();
  Result<std::vector<FoundPost>> search(std::span<const Guid> channels, std::string_view words,
                                        std::int64_t place, std::size_t limit);
  /// How many messages or earlier texts do not open with their keys.
  Result<std::size_t> count_damaged(Database& db);

 private:
  struct Channels;
  Status search_part(std::int64_t first, const std::string& query, std::int64_t before,
                     const Channels& in, std::size_t limit, std::vector<FoundPost>& out);

  Result<std::optional<std::int64_t>> channel_of(const Guid& guid);
  Result<Post> read(Use& row, const Guid& channel);
  Status add_reactions(std::int64_t id, Post& post);
  Status add_answers(Post& post);

  Statement changes_, find_channel_, channel_guid_, find_post_, revisions_, reactions_, state_,
      search_, parts_, erasures_, expected_;
  PostKeys* keys_ = nullptr;
  WordIndex words_;
  Statement forward_, backward_, changed_, pinned_, thread_forward_, thread_backward_;
  Statement reports_;
  Statement answers_, mentions_, expiry_, swept_;
};

}  // namespace dim
