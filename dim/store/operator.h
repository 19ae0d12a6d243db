// What a station keeps of its operator and of moderators: settings, and a log of their acts. And
// what it tells an operator of its users and channels.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/packet/guid.h"

namespace dim {

/// Something that the operator has set: one text for a kind and a key. An empty one takes it away.
struct PutSetting {
  std::string kind;  ///< "ban", "disabled", "frozen", "quota", "registration", "code"
  std::string key;
  std::string value{};
};

/// An act of a moderator or operator (F76). Never what somebody has written.
struct AuditEntry {
  Millis time = 0;
  std::string hub{};     ///< ID; empty: of the station as a whole
  std::string who{};     ///< ID of a user, or "operator:UID"
  std::string act{};     ///< operation and type, as "CREATE ban"
  std::string whom{};    ///< ID of whom it is about, or an address
  std::string object{};  ///< GUID
  std::string reason{};
  bool operator==(const AuditEntry&) const = default;
};

/// The store forgets the oldest ones beyond its AuditLimits.
struct PutAudit {
  AuditEntry entry;
  /// Of the write before it in the batch: `conflict`, and nothing is kept, unless that one is
  /// `stored`.
  bool of_previous = false;
};

/// Everything of a user but what they wrote in channels: identity, documents, prekeys, names,
/// sessions, what waits for them, marks; their files go as if they had deleted them. Cursors of
/// their inboxes are not used again.
struct DropUser {
  std::string user;
  Millis time = 0;
};

struct StoredSetting {
  std::string kind, key, value;
  bool operator==(const StoredSetting&) const = default;
};

struct StoredAudit {
  std::int64_t row = 0;  ///< counted up from 1, never used again
  AuditEntry entry;
};

struct AuditLimits {
  std::int64_t entries = 100'000;
  Millis keep_ms = Millis{365} * 24 * 3'600'000;
};

/// What one user takes of the station, in rows and bytes.
struct UserUse {
  std::int64_t waiting = 0, waiting_bytes = 0;  ///< in their inboxes
  std::int64_t documents = 0, document_bytes = 0;
  std::int64_t files = 0, file_bytes = 0;  ///< uploaded and not deleted
  std::vector<std::string> names;
};

/// Messages of a channel that still have a text, and the bytes of their texts and earlier texts as
/// the store keeps them.
struct ChannelUse {
  std::int64_t messages = 0, bytes = 0;
};

/// The reading half; see Store for threads and errors.
class OperatorReads {
 public:
  virtual ~OperatorReads() = default;
  /// In order of kinds and keys.
  virtual Result<std::vector<StoredSetting>> settings() = 0;
  /// Newest first, from before `before` (0: the newest), at most `limit`; with `hub` those of one.
  virtual Result<std::vector<StoredAudit>> audit(const std::optional<std::string>& hub,
                                                 std::int64_t before, std::size_t limit) = 0;
  /// IDs that have an identity here, behind `after` in their order: users, and groups too.
  virtual Result<std::vector<std::string>> identities(const std::string& after,
                                                      std::size_t limit) = 0;
  virtual Result<UserUse> user_use(const std::string& user) = 0;
  virtual Result<ChannelUse> channel_use(const Guid& channel) = 0;
};

}  // namespace dim
