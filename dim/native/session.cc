#include "dim/native/session.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "dim/crypto/digest.h"
#include "dim/crypto/xchacha.h"
#include "dim/native/frame.h"
#include "dim/native/kdf.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::uint32_t kNoMore = UINT32_MAX;  // numbers of a chain end in front of it

std::unexpected<Error> small_order() {
  return fail(Errc::native, "a key of the peer is of small order: no secret can come of it");
}

/// Session AD | head of the frame | lp(ad).
Bytes associated(const Session& session, ByteView head, ByteView ad) {
  Bytes out(session.ad.begin(), session.ad.end());
  append(out, head);
  append_field(out, ad);
  return out;
}

/// Of a message key and what the frame is bound to. A state that comes out of a backup has message
/// keys that were used already: other messages must not meet under one key and nonce.
MessageKeys keys_of(const Secret& message_key, ByteView ad) { return {message_key, sha256(ad)}; }

/// Walks a chain up to `number`; the keys on the way go to `skipped`.
Status walk(Secret& chain, std::uint32_t from, std::uint32_t number, const Key32& ratchet,
            Millis now, std::vector<SkippedKey>& skipped) {
  if (number - from > kMostJump)
    return fail(Errc::native, "the frame leaves out more than 1,000 messages of its chain");
  for (std::uint32_t i = from; i < number; ++i) {
    skipped.push_back({ratchet, i, now, message_key(chain)});
    chain = next_chain(chain);
  }
  return {};
}

Result<Secret> open_with(const Session& session, const Frame& frame, const Secret& key,
                         ByteView ad) {
  const MessageKeys keys = keys_of(key, ad);
  if (!equal_secret(keys.commitment(), frame.commitment))
    return fail(Errc::native, "the frame was not sealed with the key of its number");
  auto plaintext =
      xchacha_open(keys.key(), keys.nonce(), associated(session, frame.head, ad), frame.sealed);
  if (!plaintext)
    return fail(Errc::native, "the frame or its envelope is not as the sender has sealed it");
  return plaintext;
}

/// Whether a frame with a first part can be of this session at all.
bool may_begin(const Session& session, const Frame& frame) {
  return !frame.header.first ||
         (!session.first && frame.header.first->ephemeral == session.ephemeral);
}

void drop_old(std::vector<SkippedKey>& skipped, Millis now) {
  std::erase_if(skipped, [&](const SkippedKey& key) { return now - key.since > kSkippedMs; });
  if (skipped.size() > kMostSkipped) {
    skipped.erase(skipped.begin(),
                  skipped.begin() + static_cast<std::ptrdiff_t>(skipped.size() - kMostSkipped));
  }
}

bool is_of(const SkippedKey& key, const FrameHeader& header) {
  return key.number == header.number && key.ratchet == header.ratchet;
}

Result<Opened> open_skipped(const Session& session, const Frame& frame, std::size_t index,
                            ByteView ad, Millis now) {
  auto plaintext = open_with(session, frame, session.skipped[index].key, ad);
  if (!plaintext) return std::unexpected(plaintext.error());
  Session next = session.clone();
  next.skipped.erase(next.skipped.begin() + static_cast<std::ptrdiff_t>(index));
  drop_old(next.skipped, now);
  return Opened{std::move(next), std::move(*plaintext)};
}

/// The DH outputs of X3DH as the side has them that holds `keys`.
Result<std::vector<Secret>> agree_all(
    std::initializer_list<std::pair<const AgreementKey*, const Key32*>> keys) {
  std::vector<Secret> out;
  for (const auto& [ours, theirs] : keys) {
    if (ours == nullptr || theirs == nullptr) continue;
    auto output = ours->agree(*theirs);
    if (!output) return small_order();
    out.push_back(std::move(*output));
  }
  return out;
}

Status check_own(const DeviceKeys& own, const Party& me) {
  if (me.keys.sig != own.sig.public_key() || me.keys.dh != own.dh.public_key())
    return fail(Errc::native, "the visa of this device has other keys than the device");
  return {};
}

}  // namespace

Session Session::clone() const {
  Session out{.ad = ad,
              .peer_keys = peer_keys,
              .ephemeral = ephemeral,
              .first = first,
              .root = root.clone(),
              .own = own.clone(),
              .theirs = theirs,
              .sending = sending.clone(),
              .receiving = receiving.clone(),
              .sent = sent,
              .received = received,
              .before = before};
  out.skipped.reserve(skipped.size());
  for (const SkippedKey& key : skipped)
    out.skipped.push_back({key.ratchet, key.number, key.since, key.key.clone()});
  return out;
}

Result<Session> initiate(const DeviceKeys& own, const Party& me, const Party& peer,
                         const PrekeyBundle& bundle, Random& random) {
  if (auto mine = check_own(own, me); !mine) return std::unexpected(mine.error());
  if (bundle.terminal != peer.device.terminal())
    return fail(Errc::native, "the prekey bundle is of another device than the visa");
  if (!bundle.verify(peer.device, peer.keys))
    return fail(Errc::native, "a prekey is not signed by the key in the visa of its device");
  const Key32* second = nullptr;
  FirstPart first{.sender_keys = me.keys.hash(),
                  .sender_rev = me.rev,
                  .receiver_rev = peer.rev,
                  .signed_id = bundle.signed_prekey.id};
  if (bundle.one_time) {
    second = &bundle.one_time->key;
    first.second_kind = PrekeyKind::one_time;
    first.second_id = bundle.one_time->id;
  } else if (bundle.last_resort) {
    second = &bundle.last_resort->key;
    first.second_kind = PrekeyKind::last_resort;
    first.second_id = bundle.last_resort->id;
  }
  const Key32& signed_key = bundle.signed_prekey.key;
  const auto ephemeral = AgreementKey::generate(random);
  first.ephemeral = ephemeral.public_key();
  const auto outputs = agree_all({{&own.dh, &signed_key},
                                  {&ephemeral, &peer.keys.dh},
                                  {&ephemeral, &signed_key},
                                  {&ephemeral, second}});
  if (!outputs) return std::unexpected(outputs.error());
  auto ratchet = AgreementKey::generate(random);
  const auto output = ratchet.agree(signed_key);
  if (!output) return small_order();
  RootStep step = root_step(x3dh_secret(*outputs), *output);
  return Session{.ad = session_ad(me, peer),
                 .peer_keys = peer.keys.hash(),
                 .ephemeral = first.ephemeral,
                 .first = first,
                 .root = std::move(step.root),
                 .own = std::move(ratchet),
                 .theirs = signed_key,
                 .sending = std::move(step.chain),
                 .receiving = {}};
}

Result<Opened> accept(const DeviceKeys& own, const Party& me, const Party& peer,
                      const PrekeySecret& signed_prekey, const PrekeySecret* second, ByteView frame,
                      ByteView ad, Millis now) {
  if (auto mine = check_own(own, me); !mine) return std::unexpected(mine.error());
  const auto parsed = first_part(frame);
  if (!parsed) return std::unexpected(parsed.error());
  if (!*parsed) return fail(Errc::native, "the frame does not begin a session");
  const FirstPart& first = **parsed;
  if (first.sender_keys != peer.keys.hash())
    return fail(Errc::native, "the frame goes by other keys of its sender than the known visa has");
  if (first.sender_rev > peer.rev)
    return fail(Errc::native, "the frame goes by a newer visa of its sender than the known one");
  if (first.receiver_rev > me.rev)
    return fail(Errc::native, "the frame goes by a newer visa of this device than its own");
  if (signed_prekey.kind != PrekeyKind::signed_prekey || signed_prekey.id != first.signed_id)
    return fail(Errc::native, "the frame goes by another signed prekey");
  if (first.second_kind
          ? second == nullptr || second->kind != *first.second_kind || second->id != first.second_id
          : second != nullptr)
    return fail(Errc::native, "the frame goes by another one-time or last-resort prekey");
  const auto outputs = agree_all({{&signed_prekey.key, &peer.keys.dh},
                                  {&own.dh, &first.ephemeral},
                                  {&signed_prekey.key, &first.ephemeral},
                                  {second != nullptr ? &second->key : nullptr, &first.ephemeral}});
  if (!outputs) return std::unexpected(outputs.error());
  Party sender = peer;
  sender.rev = first.sender_rev;
  Party receiver = me;
  receiver.rev = first.receiver_rev;
  const Session session{.ad = session_ad(sender, receiver),
                        .peer_keys = first.sender_keys,
                        .ephemeral = first.ephemeral,
                        .root = x3dh_secret(*outputs),
                        .own = signed_prekey.key.clone(),
                        .sending = {},
                        .receiving = {}};
  return open(session, frame, ad, now);
}

Result<Bytes> seal(Session& session, ByteView plaintext, ByteView ad, Random& random) {
  if (plaintext.size() > kMostPlaintext)
    return fail(Errc::too_large, "a frame carries at most 3,800 bytes");
  const bool turn = session.sending.empty();
  if (turn && !session.theirs) return fail(Errc::native, "the session has no key of the peer yet");
  if (!turn && session.sent == kNoMore)
    return fail(Errc::native, "the chain is used up; begin a new session");
  if (turn) {
    auto own = AgreementKey::generate(random);
    const auto output = own.agree(*session.theirs);
    if (!output) return small_order();
    RootStep step = root_step(session.root, *output);
    session.own = std::move(own);
    session.root = std::move(step.root);
    session.sending = std::move(step.chain);
    session.before = session.sent;
    session.sent = 0;
  }
  const MessageKeys keys = keys_of(message_key(session.sending), ad);
  Bytes frame = write_head(keys.commitment(), {.first = session.first,
                                               .ratchet = session.own.public_key(),
                                               .before = session.before,
                                               .number = session.sent});
  append(frame, xchacha_seal(keys.key(), keys.nonce(), associated(session, frame, ad), plaintext));
  session.sending = next_chain(session.sending);
  ++session.sent;
  return frame;
}

Result<Opened> open(const Session& session, ByteView frame, ByteView ad, Millis now) {
  const auto parsed = parse_frame(frame);
  if (!parsed) return std::unexpected(parsed.error());
  const FrameHeader& header = parsed->header;
  if (!may_begin(session, *parsed))
    return fail(Errc::native, "the frame begins another session than this");

  for (std::size_t i = 0; i < session.skipped.size(); ++i) {
    const SkippedKey& key = session.skipped[i];
    if (is_of(key, header) && now - key.since <= kSkippedMs)
      return open_skipped(session, *parsed, i, ad, now);
  }

  const bool turn = session.receiving.empty() || header.ratchet != *session.theirs;
  if (!turn && header.number < session.received)
    return fail(Errc::native, "the frame was opened before, or came too late");
  if (header.number == kNoMore) return fail(Errc::native, "no chain has a frame of this number");
  std::vector<SkippedKey> passed;
  Secret root;
  Secret chain = session.receiving.clone();
  if (turn) {
    if (!chain.empty() && header.before > session.received) {
      auto walked = walk(chain, session.received, header.before, *session.theirs, now, passed);
      if (!walked) return std::unexpected(walked.error());
    }
    const auto output = session.own.agree(header.ratchet);
    if (!output) return small_order();
    RootStep step = root_step(session.root, *output);
    root = std::move(step.root);
    chain = std::move(step.chain);
  }
  auto walked =
      walk(chain, turn ? 0 : session.received, header.number, header.ratchet, now, passed);
  if (!walked) return std::unexpected(walked.error());
  auto plaintext = open_with(session, *parsed, message_key(chain), ad);
  if (!plaintext) return std::unexpected(plaintext.error());

  Session next = session.clone();
  next.first.reset();
  next.receiving = next_chain(chain);
  next.received = header.number + 1;
  if (turn) {
    next.root = std::move(root);
    next.theirs = header.ratchet;
    next.sending.wipe();
  }
  std::ranges::move(passed, std::back_inserter(next.skipped));
  drop_old(next.skipped, now);
  return Opened{std::move(next), std::move(*plaintext)};
}

}  // namespace dim::native
