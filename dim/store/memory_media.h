// The media half of MemoryStore.
#pragma once
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dim/store/media.h"
#include "dim/store/store.h"

namespace dim {

class MemoryMedia {
 public:
  void set_limits(const MediaLimits& limits) { limits_ = limits; }
  Written apply(const OpenMedia& open);
  Written apply(const PutPiece& put);
  Written apply(const CheckMedia& check);
  Written apply(const DropMedia& drop);
  Written apply(const DestroyMedia& destroy);
  std::optional<StoredMedia> media(const Guid& guid) const;
  Result<std::string> media_bytes(const StoredMedia& media, std::int64_t first,
                                  std::size_t size) const;
  /// Files of a user and their bytes, those that are there.
  std::pair<std::int64_t, std::int64_t> used_by(const std::string& user) const;
  void drop_all(const std::string& user, Millis now);
  void tidy(Millis now);
  std::size_t blobs() const { return blobs_.size(); }

  /// A text of a message in a channel, by its revision, uses these.
  void use(std::span<const Guid> media, const Guid& channel, const Guid& post,
           std::int64_t revision);
  /// The text of `from` uses nothing that the one of `to` does not.
  void carry_on(const Guid& channel, const Guid& post, std::int64_t from, std::int64_t to);
  struct Gone {
    std::int64_t freed = 0, held = 0;  ///< as of Written
  };
  /// The texts of a message up to `revision` are gone.
  Gone let_go(const Guid& channel, const Guid& post, bool destroy, Millis now,
              std::int64_t revision = std::numeric_limits<std::int64_t>::max());
  /// A message to a person uses those of these that `author` has uploaded, until arrived().
  void wait(std::span<const Guid> media, const std::string& author, const Guid& message);
  void arrived(const Guid& message, Millis now);
  std::vector<Guid> channels(const Guid& guid, std::size_t limit) const;
  bool sent(const Guid& guid) const;
  std::vector<Guid> with(const Digest32& digest, std::int64_t size, std::size_t limit) const;

 private:
  /// A message in a channel; without a channel one that waits; without either it says that one has
  /// waited.
  using User = std::pair<std::optional<Guid>, std::optional<Guid>>;
  /// What becomes of an object that one message less uses. False: it stays, or its bytes do.
  bool leaves(const Guid& guid, bool destroy, Millis now);

  struct Blob {
    std::string bytes;
    std::optional<Digest32> digest;  // of complete ones
    std::size_t references = 0;
  };
  std::int64_t blob_of(const Digest32& digest, std::int64_t size) const;
  void release(std::int64_t blob);

  MediaLimits limits_;
  std::map<Guid, StoredMedia> media_;
  std::map<std::int64_t, Blob> blobs_;
  std::map<Guid, std::map<User, std::int64_t>> uses_;  // the newest revision that names it
  std::int64_t next_blob_ = 1;
};

}  // namespace dim
