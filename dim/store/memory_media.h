// The media half of MemoryStore.
#pragma once
#include <map>
#include <string>
#include <utility>

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

 private:
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
  std::int64_t next_blob_ = 1;
};

}  // namespace dim
