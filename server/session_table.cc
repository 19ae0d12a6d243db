#include "server/session_table.h"

#include <algorithm>

#include "dim/base/hex.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::size_t kHexDigest = 64;
constexpr std::size_t kDetachedUsers = 100'000;

}  // namespace

std::string ResumeState::text() const {
  if (previous.empty()) return current;
  return current + (confirmed ? ",x" : ",u") + previous;
}

ResumeState ResumeState::parse(std::string_view text) {
  ResumeState state;
  state.current = text.substr(0, kHexDigest);
  if (text.size() == 2 * kHexDigest + 2 && text[kHexDigest] == ',') {
    state.confirmed = text[kHexDigest + 1] != 'u';
    state.previous = text.substr(kHexDigest + 2);
  }
  return state;
}

ResumeState::Match ResumeState::match(ByteView secret) const {
  const std::string hash = to_hex(sha256(secret));
  if (equal_secret(as_bytes(hash), as_bytes(current))) return Match::good;
  if (previous.empty() || !equal_secret(as_bytes(hash), as_bytes(previous))) return Match::unknown;
  // The answer that carried the newer secret may have been lost; then nobody has used it, and the
  // old one is good.
  return confirmed ? Match::used : Match::good;
}

UserSession& SessionTable::add(const Guid& guid, std::string user) {
  auto session = std::make_unique<UserSession>(guid, std::move(user));
  UserSession& out = *session;
  users_[out.user].push_back(&out);
  sessions_.emplace(guid, std::move(session));
  return out;
}

UserSession* SessionTable::find(const Guid& guid) {
  const auto found = sessions_.find(guid);
  return found == sessions_.end() ? nullptr : found->second.get();
}

const std::vector<UserSession*>& SessionTable::of(std::string_view user) const {
  static const std::vector<UserSession*> kNone;
  const auto found = users_.find(user);
  return found == users_.end() ? kNone : found->second;
}

void SessionTable::remove(UserSession& session) {
  const auto found = users_.find(session.user);
  if (found != users_.end()) {
    std::erase(found->second, &session);
    if (found->second.empty()) users_.erase(found);
  }
  sessions_.erase(Guid(session.guid));
}

UserSession* SessionTable::oldest_beyond(std::string_view user, std::size_t limit) const {
  const auto& all = of(user);
  if (all.size() < limit) return nullptr;
  return *std::ranges::min_element(all, {},
                                   [](const UserSession* session) { return session->last_active; });
}

std::optional<Guid> SessionTable::detach(const std::string& user, const Guid& guid,
                                         std::size_t limit) {
  auto found = detached_.find(user);
  if (found == detached_.end()) {
    if (detached_.size() >= kDetachedUsers) return std::nullopt;
    found = detached_.emplace(user, std::vector<Guid>{}).first;
  }
  auto& list = found->second;
  std::erase(list, guid);
  list.push_back(guid);
  if (list.size() <= limit) return std::nullopt;
  const Guid given_up = list.front();
  list.erase(list.begin());
  return given_up;
}

void SessionTable::attach(const std::string& user, const Guid& guid) {
  const auto found = detached_.find(user);
  if (found == detached_.end()) return;
  std::erase(found->second, guid);
  if (found->second.empty()) detached_.erase(found);
}

}  // namespace dim
