// What a station keeps, behind one narrow synchronous interface. Writes come in batches: a batch is on the disk, whole,
// when commit() returns, or not at all. One thread commits; reads may come from that thread or another.
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

namespace dim {

/// Position in one user's inbox, counted up from 1 by the store; never reused, not even after removal.
using Cursor = std::int64_t;

/// A message that waits for its receiver, exactly as it will be pushed.
struct StoredMessage {
  Cursor cursor = 0;
  Guid guid;
  Millis time = 0;        ///< when the station accepted it
  std::string author;     ///< ID text
  std::string type;       ///< "message", "receipt"
  std::string content;    ///< the bytes as they came (a signed object is never re-serialised)
};

/// How an earlier or this CREATE of the same GUID ended.
enum class Accepted : std::uint8_t { stored, repeated /* same content: answer as the first time */, conflict /* 407 */, full /* 506 */ };

struct PutMessage {
  StoredMessage message;              ///< cursor is set by the store, one for each receiver
  std::vector<std::string> receivers; ///< inbox owners (ID without terminal)
};
struct PutName { std::string name; std::string id; Millis time = 0; };           ///< first owner keeps it
struct PutIdentity { std::string id; std::string meta; bool pinned = false; };    ///< meta JSON (A02 rules are the engine's)
struct PutDocument { std::string id; std::string type; std::string terminal; Millis time = 0; std::string document; };
struct AckInbox { std::string user; Cursor upto = 0; };                            ///< delivered: removes everything up to it
struct PutResume { std::string user; Guid session; std::string secret_sha256; Millis expires = 0; };
struct DropResume { Guid session; };

using Write = std::variant<PutMessage, PutName, PutIdentity, PutDocument, AckInbox, PutResume, DropResume>;

/// Outcome of one write of a batch, in the order of the batch. `cursors` goes with PutMessage, one for each receiver.
struct Written {
  Accepted accepted = Accepted::stored;
  std::vector<Cursor> cursors;
};

struct StoredDocument { std::string type; std::string terminal; Millis time = 0; std::string document; };
struct StoredIdentity { std::string meta; bool pinned = false; };
struct StoredResume { std::string user; std::string secret_sha256; Millis expires = 0; };

class Store {
 public:
  virtual ~Store() = default;

  /// Durable when it returns (fdatasync done). Errc::insufficient_storage: nothing of the batch is stored and the store
  /// goes on; any other error: nothing of the batch may be acknowledged and the process must end (security.md 4.1).
  virtual Result<std::vector<Written>> commit(std::span<const Write> batch) = 0;

  /// Messages after `after` in order, at most `limit`, and at most `bytes` of content (at least one).
  virtual Result<std::vector<StoredMessage>> inbox(const std::string& user, Cursor after, std::size_t limit,
                                                   std::size_t bytes) = 0;
  virtual Result<std::optional<StoredIdentity>> identity(const std::string& id) = 0;
  virtual Result<std::vector<StoredDocument>> documents(const std::string& id) = 0;
  virtual Result<std::optional<std::string>> owner_of(const std::string& name) = 0;
  virtual Result<std::optional<StoredResume>> resume(const Guid& session) = 0;
  /// Newest cursor ever given to that inbox, 0 when none.
  virtual Result<Cursor> newest(const std::string& user) = 0;
};

/// Limits that commit() enforces for each inbox; beyond them PutMessage is Accepted::full.
struct InboxLimits { std::size_t messages; std::size_t bytes; };

}  // namespace dim
