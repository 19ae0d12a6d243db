// What a station keeps, behind one narrow synchronous interface. Writes come in batches: a batch is
// on the disk, whole, when commit() returns, or not at all. One thread commits; reads may come from
// that thread or another.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/packet/guid.h"
#include "dim/store/media.h"
#include "dim/store/operator.h"
#include "dim/store/posts.h"
#include "dim/store/prekeys.h"

namespace dim {

// A Cursor is a position in one user's inbox, counted up from 1 by the store; never reused, not
// even after removal.

/// A message that waits for its receiver, exactly as it will be pushed.
struct StoredMessage {
  Cursor cursor = 0;
  Guid guid;
  Millis time = 0;      ///< when the station accepted it
  std::string author;   ///< ID text
  std::string type;     ///< "message", "receipt"
  std::string content;  ///< the bytes as they came (a signed object is never re-serialised)
};

/// How a write ended.
/// PutMessage: `repeated` is the same GUID with the same author, type, content and receivers
/// (answer as the first time), `conflict` the same GUID with anything else. Both hold after
/// delivery and restart too, for kSeenMs. `full`: an inbox of a receiver is at its limit; no
/// receiver got the message and the GUID may be tried again. PutName: `repeated` for the owner,
/// `conflict` for anybody else. PutDocument: `repeated` for the stored bytes at the stored time,
/// `conflict` for anything not newer than what is stored. posts.h says it of hubs and channels,
/// media.h of media, prekeys.h of prekeys.
/// Every other write is always `stored`.
enum class Accepted : std::uint8_t { stored, repeated, conflict /* 407 */, full /* 506 */ };

/// How long a GUID is remembered after the station accepted it (milliseconds).
inline constexpr Millis kSeenMs = Millis{90} * 24 * 3'600'000;

struct PutMessage {
  StoredMessage message;               ///< cursor is set by the store, one for each receiver
  std::vector<std::string> receivers;  ///< inbox owners (ID without terminal)
  /// What each of them is known to have, in their order, 0 for nothing; may be empty. An inbox at
  /// its limit first loses that, as by AckInbox.
  std::vector<Cursor> acked{};
  /// Objects that its author has uploaded, and that it uses while it waits (media.h); others are
  /// left out.
  std::vector<Guid> media{};
};
struct PutName {
  std::string name;
  std::string id;
  Millis time = 0;
};  ///< first owner keeps it
struct PutIdentity {
  std::string id;
  std::string meta;
  bool pinned = false;
};  ///< meta JSON (A02 rules are the engine's)
struct PutDocument {
  std::string id;
  std::string type;
  std::string terminal;
  Millis time = 0;
  std::string document;
};
struct AckInbox {
  std::string user;
  Cursor upto = 0;
};  ///< delivered: removes everything up to it
/// The GUID of a message that has left without being delivered may be stored again.
struct ForgetGuid {
  Guid guid;
};
struct PutResume {
  std::string user;
  Guid session;
  std::string secret_sha256;
  Millis expires = 0;
};
struct DropResume {
  Guid session;
};

using Write =
    std::variant<PutMessage, PutName, PutIdentity, PutDocument, AckInbox, ForgetGuid, PutResume,
                 DropResume, PutHubChange, RequireHub, PutPost, ChangePost, PutErasure, PutReport,
                 CloseReports, PutMark, PutLevel, ExpirePosts, DropChannel, ForgetChannelWords,
                 Shred, ExpectErasures, OpenMedia, PutPiece, CheckMedia, DropMedia, DestroyMedia,
                 PutSetting, PutAudit, DropUser, PutPrekeys, TakePrekey, DropPrekeys>;

/// Outcome of one write of a batch, in the order of the batch. `cursors` goes with PutMessage that
/// is stored or repeated: one for each receiver in their order; a receiver named twice has one
/// place, told twice. With PutPost and ChangePost it is one, of the channel; DestroyMedia has its
/// own use of it.
struct Written {
  Accepted accepted = Accepted::stored;
  std::vector<Cursor> cursors{};
  std::optional<Error> refused{};  ///< of media: why nothing was done (media.h)
  std::string prekey{};            ///< of TakePrekey: the one-time key
  /// Of ChangePost: objects of media that went with the text, and those that stay because something
  /// else uses them, or has their bytes.
  std::int64_t freed = 0, held = 0;
  bool unfinished = false;  ///< of ChangePost::destroy: bytes are still to be overwritten (Shred)
};

struct StoredDocument {
  std::string type;
  std::string terminal;
  Millis time = 0;
  std::string document;
};
struct StoredIdentity {
  std::string meta;
  bool pinned = false;
};
struct StoredResume {
  std::string user;
  std::string secret_sha256;
  Millis expires = 0;
};

class Store : public PostReads, public MediaReads, public OperatorReads, public PrekeyReads {
 public:
  /// Durable when it returns (fdatasync done). Errc::insufficient_storage: nothing of the batch is
  /// stored and the store goes on; any other error: nothing of the batch may be acknowledged and
  /// the process must end (security.md 4.1).
  virtual Result<std::vector<Written>> commit(std::span<const Write> batch) = 0;

  /// Housekeeping by the thread that commits, when no answer waits for it. `idle` false: between
  /// two batches, only what cannot wait; `idle` true: one slice of a few milliseconds of everything
  /// (removal of delivered bytes, of GUIDs older than kSeenMs, of expired resume secrets). True
  /// while more is left. An error is as fatal as one of commit(), insufficient_storage excepted.
  virtual Result<bool> tidy(Millis /*now*/, bool /*idle*/) { return false; }

  /// Messages after `after` in order, at most `limit`, and at most `bytes` of content (at least
  /// one). A record whose checksum is wrong ends the page before it; as the first of a page it is
  /// Errc::internal with its cursor in `at` (modulo 2^32), and the rest is reached with `after` =
  /// that cursor.
  virtual Result<std::vector<StoredMessage>> inbox(const std::string& user, Cursor after,
                                                   std::size_t limit, std::size_t bytes) = 0;
  virtual Result<std::optional<StoredIdentity>> identity(const std::string& id) = 0;
  virtual Result<std::vector<StoredDocument>> documents(const std::string& id) = 0;
  virtual Result<std::optional<std::string>> owner_of(const std::string& name) = 0;
  virtual Result<std::optional<StoredResume>> resume(const Guid& session) = 0;
  /// Newest cursor ever given to that inbox, 0 when none.
  virtual Result<Cursor> newest(const std::string& user) = 0;
};

/// Limits that commit() enforces for each inbox; beyond them PutMessage is Accepted::full.
struct InboxLimits {
  std::size_t messages;
  std::size_t bytes;
};

}  // namespace dim
