// Who is logged in: sessions by GUID and by user, tokens in memory only.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dim/crypto/secret.h"
#include "dim/identity/id.h"
#include "dim/identity/keys.h"
#include "dim/packet/guid.h"
#include "dim/packet/packet.h"
#include "dim/store/store.h"
#include "server/quotas.h"

namespace dim {

struct LinkState;

/// What the disk knows of a session's resume secret: SHA-256 of the one that works, and of the one
/// before it. The one before still works until the new one is known to have arrived (`confirmed`);
/// after that its use is theft.
struct ResumeState {
  std::string current;   ///< hex
  std::string previous;  ///< hex, empty at first
  bool confirmed = true;

  std::string text() const;  ///< form of StoredResume::secret_sha256
  static ResumeState parse(std::string_view text);
  enum class Match : std::uint8_t { good, used, unknown };
  Match match(ByteView secret) const;
};

struct UserSession {
  UserSession(const Guid& session_guid, std::string session_user)
      : guid(session_guid), user(std::move(session_user)), id(Id::parse(user)), inbox(user) {}
  Guid guid;
  std::string user;   ///< ID text without terminal
  Result<Id> id;      ///< the same, parsed
  std::string inbox;  ///< whose place in the queue it reads: `user`, or `user/terminal`
  Secret token;
  Millis token_until = 0;  ///< monotonic
  Checksum checksum = Checksum::sha256;
  bool bound = false;  ///< the control lane had a channel binding
  ResumeState resume;
  Millis expires = 0;      ///< wall clock, of token and resume secret
  Millis last_active = 0;  ///< monotonic
  std::array<LinkState*, 5> lanes{};
  std::vector<PublicKey> keys;  ///< meta key and visa keys, where messages are to be verified
  Cursor acked = 0;
};

class SessionTable {
 public:
  /// A session with that GUID must not exist.
  UserSession& add(const Guid& guid, std::string user);
  UserSession* find(const Guid& guid);
  const std::vector<UserSession*>& of(std::string_view user) const;
  /// Forgets it; its links must have been let go before.
  void remove(UserSession& session);
  /// The one of the user that was silent longest, when there are `limit` or more.
  UserSession* oldest_beyond(std::string_view user, std::size_t limit) const;

  /// A session whose connection ended and that may be resumed. Returns the one that has to be given
  /// up for it when the user has more than `limit` of them.
  std::optional<Guid> detach(const std::string& user, const Guid& guid, std::size_t limit);
  void attach(const std::string& user, const Guid& guid);

  std::size_t size() const { return sessions_.size(); }
  template <class Visit>
  void each(Visit visit) {
    for (auto& [guid, session] : sessions_) visit(*session);
  }

 private:
  std::map<Guid, std::unique_ptr<UserSession>> sessions_;
  std::unordered_map<std::string, std::vector<UserSession*>, TextHash, std::equal_to<>> users_;
  std::unordered_map<std::string, std::vector<Guid>> detached_;  // oldest first
};

}  // namespace dim
