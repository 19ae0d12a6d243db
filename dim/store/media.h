// What a station keeps of media: objects of bytes that it cannot read, stored in blocks, and who
// refers to them. docs/protocol/media.md.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/base/limits.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"
#include "dim/packet/guid.h"
#include "dim/packet/range.h"

namespace dim {

namespace limits {
inline constexpr std::int64_t kMediaBlock = 65'536;  // bytes: pieces begin and end at these
inline constexpr std::int64_t kMediaLeastCharge = kMediaBlock;  // of an object, or what is left
inline constexpr std::int64_t kMediaObjectBytes = std::int64_t{2} << 30;
inline constexpr std::int64_t kMediaUserBytes = std::int64_t{2} << 30;
inline constexpr std::size_t kMediaUploads = 16;                // open ones of a user
inline constexpr std::int64_t kMediaUploadMs = 24 * 3'600'000;  // without a new piece
inline constexpr std::size_t kMediaIncoming = 4 * kMiB;   // of a connection, waiting for the disk
inline constexpr std::size_t kMediaInflight = 16 * kMiB;  // the same of all connections
inline constexpr std::int64_t kMediaHashed = 16 * kMiB;   // read for digests in one transaction
inline constexpr std::int64_t kMediaOverwritten = 16 * kMiB;  // in one transaction
inline constexpr std::size_t kMediaRanges = 100;              // named in one answer
inline constexpr std::size_t kMediaOfMessage = 100;           // objects that one message uses
}  // namespace limits

/// What one store allows.
struct MediaLimits {
  std::int64_t object_bytes = limits::kMediaObjectBytes;
  std::int64_t user_bytes = limits::kMediaUserBytes;  ///< media_charge() of all of a user
  std::size_t uploads = limits::kMediaUploads;
  Millis upload_ms = limits::kMediaUploadMs;
  /// Of what no message uses, after completion or its last waiting message; 0: until the owner
  /// takes it away.
  Millis keep_ms = 0;
};

enum class MediaState : std::uint8_t {
  open = 0,       ///< pieces are missing, or not checked yet
  complete = 1,   ///< its bytes have the digest that was announced
  removed = 2,    ///< taken back by the owner
  deleted = 3,    ///< deleted by the owner, or by age
  destroyed = 4,  ///< its bytes were overwritten, unless others have the same
};

/// How media writes end: Written::refused says what was wrong, as the packet's answer says it. Else
/// `stored`, or `repeated` when it was so before.

/// Begins an upload, or names it again. With `digest`, `known` and a complete object of that digest
/// and size in the store, it is complete at once. Refused: conflict (another's GUID, another size
/// or digest), gone, too_large, too_many_requests (uploads), insufficient_storage (user_bytes).
struct OpenMedia {
  Guid guid;
  std::string owner{};
  std::int64_t size = 0;
  std::optional<Digest32> digest{};
  Millis time = 0;
  bool known = true;  ///< its owner may have bytes of this digest that are there
};

/// `bytes` from `first` on: whole blocks, or up to the end. Refused: not_found, forbidden
/// (another's upload), gone, bad_request (not at blocks), too_large (beyond the size), conflict
/// (other bytes than those that are there), internal or unavailable (those cannot be read).
struct PutPiece {
  Guid guid;
  std::string owner{};
  std::int64_t first = 0;
  std::string bytes{};
  Millis time = 0;
};

/// One slice of checking an upload that is whole: again until StoredMedia::state is complete.
/// Nothing happens to the upload of another owner. Refused: bad_request when the digest is another
/// one, internal when bytes were lost, and then the upload is discarded and the GUID free; internal
/// or unavailable when they cannot be read now.
struct CheckMedia {
  Guid guid;
  std::string owner{};
  Digest32 digest{};
  Millis time = 0;
};

/// The reference goes, and of a complete object a mark stays; the bytes go with the last one.
/// Refused: not_found, forbidden, gone.
struct DropMedia {
  Guid guid;
  std::string owner{};
  MediaState as = MediaState::deleted;
  Millis time = 0;
};

/// One slice of overwriting an object: again until it is `repeated`. The first one takes the
/// reference; when no other is left the bytes are written over with noise, on the disk, and freed.
/// A process that is killed on the way goes on at its next start. Refused: not_found, forbidden,
/// gone (removed or deleted before). Written::cursors has one number: how many other objects have
/// the same bytes, which stay then.
struct DestroyMedia {
  Guid guid;
  std::string owner{};
  Millis time = 0;
};

/// N14: messages name the objects that they use, with PutPost, ChangePost and PutMessage. Of those
/// that are not complete, or not their author's, nothing is noted. With the last message of a
/// channel that uses it, and where no message to a person has named it, an object is deleted
/// (StoredMedia::state), or destroyed where that message was; its bytes go as by DropMedia or
/// DestroyMedia. What a message to a person names does not age as long as the message waits, and
/// ages anew from then on. The owner may end it at any time.
inline constexpr Millis kMediaHeld = std::numeric_limits<Millis>::max();

struct StoredMedia {
  std::string owner{};
  MediaState state = MediaState::open;
  std::int64_t size = 0;
  std::int64_t blob = 0;  ///< what holds the bytes; 0 when gone
  Bytes have{};           ///< while open: a bit for each block, the lowest one first
  /// Last piece, completion, last waiting message that used it, or removal; kMediaHeld while a
  /// message uses it.
  Millis touched = 0;
  bool whole() const;  ///< open, and every block is there
};

/// The reading half; see Store for threads and errors.
class MediaReads {
 public:
  virtual ~MediaReads() = default;
  virtual Result<std::optional<StoredMedia>> media(const Guid& guid) = 0;
  /// `size` bytes of a complete object from `first` on, which must be within it. Errc::not_found
  /// when it was removed meanwhile.
  virtual Result<std::string> media_bytes(const StoredMedia& media, std::int64_t first,
                                          std::size_t size) = 0;
  /// Channels in which messages use it, at most `limit`.
  virtual Result<std::vector<Guid>> media_channels(const Guid& guid, std::size_t limit) = 0;
  /// Whether a message to a person has ever named it, or may have, before that was noted.
  virtual Result<bool> media_sent(const Guid& guid) = 0;
  /// Complete objects with these bytes, at most `limit`.
  virtual Result<std::vector<Guid>> media_with(const Digest32& digest, std::int64_t size,
                                               std::size_t limit) = 0;
};

/// Blocks of so many bytes.
std::int64_t media_blocks(std::int64_t size);
/// No block yet.
Bytes no_blocks(std::int64_t size);
bool has_block(ByteView have, std::int64_t block);
void add_block(Bytes& have, std::int64_t block);
/// The first `most` missing ranges, in order.
std::vector<ByteRange> missing_ranges(ByteView have, std::int64_t size, std::size_t most);
bool has_all_blocks(ByteView have, std::int64_t size);

/// Whether a piece lies where pieces may lie.
Status check_piece(std::int64_t first, std::size_t bytes, std::int64_t size);

/// What refuses an OpenMedia whatever is in the store.
std::optional<Error> refuse_open(const StoredMedia& known, const OpenMedia& write);
/// What an object counts of the room of its user: its size, and not less than a block, for its row
/// has a price too. What is left of a removed one counts as an empty one.
std::int64_t media_charge(std::int64_t size);
/// What refuses a new one; `used` is media_charge() of all that the user has.
std::optional<Error> refuse_new(const OpenMedia& write, const MediaLimits& limits,
                                std::size_t uploads, std::int64_t used);
/// What refuses a piece or a removal, by somebody who is or is not the owner.
std::optional<Error> refuse_change(const std::optional<StoredMedia>& known, std::string_view who);

}  // namespace dim
