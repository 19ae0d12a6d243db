#include "dim/native/peer_sessions.h"

#include <algorithm>

#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::uint8_t kVersion = 1;

std::unexpected<Error> none_kept() {
  return fail(Errc::native, "what is kept as the sessions with a device is none");
}

}  // namespace

PeerSessions PeerSessions::clone() const {
  PeerSessions out;
  out.all.reserve(all.size());
  for (const Session& session : all) out.all.push_back(session.clone());
  return out;
}

void PeerSessions::add(Session session) {
  all.insert(all.begin(), std::move(session));
  while (all.size() > kMostSessions) all.pop_back();
}

void PeerSessions::keep_only(const Digest32& peer_keys) {
  std::erase_if(all, [&](const Session& session) { return session.peer_keys != peer_keys; });
}

Secret PeerSessions::write() const {
  std::vector<Secret> parts;
  std::size_t size = 2;
  for (const Session& session : all) {
    parts.push_back(session.write());
    size += 4 + parts.back().size();
  }
  Secret out(size);
  auto to = out.writable().begin();
  *to++ = kVersion;
  *to++ = static_cast<std::uint8_t>(parts.size());
  for (const Secret& part : parts) {
    Bytes length;
    append_number(length, static_cast<std::uint32_t>(part.size()));
    to = std::ranges::copy(length, to).out;
    to = std::ranges::copy(part.view(), to).out;
  }
  return out;
}

Result<PeerSessions> PeerSessions::read(ByteView bytes) {
  FieldReader in(bytes);
  const auto version = in.number<std::uint8_t>();
  const auto count = in.number<std::uint8_t>();
  if (!in.good() || version != kVersion || count > kMostSessions) return none_kept();
  PeerSessions out;
  for (int i = 0; i < int{count}; ++i) {
    const auto length = in.number<std::uint32_t>();
    auto session = Session::read(in.bytes(length));
    if (!session) return std::unexpected(session.error());
    out.all.push_back(std::move(*session));
  }
  if (!in.complete()) return none_kept();
  return out;
}

Result<bool> begins_session(const PeerSessions& sessions, ByteView frame) {
  const auto first = first_part(frame);
  if (!first) return std::unexpected(first.error());
  return first->has_value() && std::ranges::none_of(sessions.all, [&](const Session& session) {
           return session.ephemeral == (*first)->ephemeral;
         });
}

Result<Bytes> seal(PeerSessions& sessions, ByteView plaintext, ByteView ad, Random& random) {
  if (sessions.empty())
    return fail(Errc::native, "there is no session with this device yet; begin one");
  return seal(sessions.all.front(), plaintext, ad, random);
}

Result<OpenedBy> open(const PeerSessions& sessions, ByteView frame, ByteView ad, Millis now) {
  if (sessions.empty()) return fail(Errc::native, "there is no session with this device");
  Error error{};
  for (std::size_t i = 0; i < sessions.all.size(); ++i) {
    auto opened = open(sessions.all[i], frame, ad, now);
    if (!opened) {
      if (i == 0) error = opened.error();
      continue;
    }
    OpenedBy out{sessions.clone(), std::move(opened->plaintext)};
    // A frame that came late, by a key that was kept, says nothing of what the peer uses now.
    const bool newest = opened->next.theirs != sessions.all[i].theirs ||
                        opened->next.received != sessions.all[i].received;
    out.next.all[i] = std::move(opened->next);
    if (newest) {
      const auto at = out.next.all.begin() + static_cast<std::ptrdiff_t>(i);
      std::rotate(out.next.all.begin(), at, at + 1);
    }
    return out;
  }
  return std::unexpected(error);
}

}  // namespace dim::native
