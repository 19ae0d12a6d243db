// A copy of a station's store beside the station that works with it (F81, N6): one moment of the
// database, with the keys of that moment. What was destroyed before it is destroyed in the copy
// too; what is destroyed afterwards is not.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/crypto/digest.h"

namespace dim {

struct CopiedBlob {
  std::int64_t id = 0;               ///< the name of its file in the folder media
  std::optional<Digest32> digest{};  ///< SHA-256 of its bytes; nothing while it is uploaded
};

/// Of one file of keys: which it is, and how many keys in it were destroyed.
struct CopiedKeys {
  std::int64_t kind = 0, number = 0, destroyed = 0;
  bool operator==(const CopiedKeys&) const = default;
};

struct CopiedStore {
  std::vector<std::string> files{};  ///< in `to`: station.db and its files of keys
  std::vector<CopiedBlob> blobs{};   ///< whose files belong to it, and lie where they did
  std::vector<CopiedKeys> keys{};
  std::size_t unused_damaged = 0;  ///< pages that nothing uses; they are not in the copy
};

/// Into the folder `to`, which is empty. `stopped`: nobody works with `folder`, whose lock the
/// caller holds; then nothing is left behind there. Sessions, codes that let new people in, and
/// one-time prekeys are not in the copy: such are good once, and may be used up or taken back
/// meanwhile. Cursors
/// of inboxes and channels go on 2^24 later: what is given out between now and the use of the copy
/// is not given out again. Holds up nobody who writes; the log grows until it is made.
/// Errc::not_found: no store is there; edition: of another format than this program's; unavailable:
/// keys are destroyed faster than they are copied; internal: a page that something uses is not what
/// was written (checked_vfs.h); insufficient_storage and io as usual.
Result<CopiedStore> copy_store(const std::string& folder, const std::string& to, bool stopped);

/// Whether keys have been destroyed there since the copy was made: messages that the copy brings
/// back. Said before whoever destroys them is answered.
Result<bool> destroyed_since(const std::string& folder, const CopiedStore& copy, bool stopped);

/// What the operator has set there (dim/store/operator.h); empty: nothing.
Result<std::string> setting_beside(const std::string& folder, std::string_view kind,
                                   std::string_view key, bool stopped);

/// Of these files the ones that `folder` still has to have: the others went since the copy was
/// made.
Result<std::vector<std::int64_t>> blobs_still_there(const std::string& folder,
                                                    std::span<const std::int64_t> ids,
                                                    bool stopped);

/// In the copy: these files are gone, and what was uploaded as them is deleted.
Status forget_blobs(const std::string& copy, std::span<const std::int64_t> ids);

}  // namespace dim
