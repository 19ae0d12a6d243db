// A session between two devices: X3DH begins it, the Double Ratchet carries it. Values: opening
// takes a session and gives the next one, so that a frame that does not open changes nothing (J32).
// Nobody but the two devices can open a frame; a later session opens no earlier frame.
//
//   frame = suite (1) | commitment (32) | kind (1) | first part (89, kind 1 only)
//         | ratchet key (32) | length of the chain before (4) | number (4) | sealed plaintext
#pragma once
#include <optional>
#include <vector>

#include "dim/native/party.h"
#include "dim/native/prekeys.h"
#include "dim/native/suite.h"

namespace dim::native {

/// What stands in front of each frame until the peer has answered: enough to accept the session.
/// Nothing of it is secret, and nothing of it is true before accept() has opened the frame.
struct FirstPart {
  Key32 ephemeral{};               ///< of the initiator; names the session
  Digest32 sender_keys{};          ///< DevicePublic::hash of the initiator
  std::uint64_t sender_rev = 0;    ///< of the initiator's visa, as the initiator has it
  std::uint64_t receiver_rev = 0;  ///< of the receiver's visa, as the initiator knows it
  std::uint32_t signed_id = 0;     ///< the receiver's signed prekey
  /// The second prekey and its kind, one_time or last_resort; nothing where there was none.
  std::optional<PrekeyKind> second_kind{};
  std::uint32_t second_id = 0;
  bool operator==(const FirstPart&) const = default;
};

/// The first part of a frame, nothing for a frame without one. Errc::native for bytes that are no
/// frame of N1: unknown or reserved suite, wrong size.
Result<std::optional<FirstPart>> first_part(ByteView frame);

/// A key of a message that has not come yet.
struct SkippedKey {
  Key32 ratchet{};
  std::uint32_t number = 0;
  Millis since = 0;
  Secret key;
};

struct Session {
  Digest32 ad{};                     ///< session_ad of both
  Digest32 peer_keys{};              ///< DevicePublic::hash of the peer: other keys, other session
  Key32 ephemeral{};                 ///< of the initiator: the session's name
  std::optional<FirstPart> first{};  ///< initiator only, until the peer has answered
  Secret root;
  AgreementKey own;                   ///< our ratchet pair
  std::optional<Key32> theirs{};      ///< the peer's ratchet key; nothing before the first frame
  Secret sending;                     ///< chain key; empty: the next seal() turns the ratchet
  Secret receiving;                   ///< chain key; empty before the first frame
  std::uint32_t sent = 0;             ///< in the sending chain
  std::uint32_t received = 0;         ///< in the receiving chain: the number that comes next
  std::uint32_t before = 0;           ///< length of the sending chain before
  std::vector<SkippedKey> skipped{};  ///< oldest first

  Session clone() const;
  /// What the home keeps; secret, and everything of it.
  Secret write() const;
  /// Errc::native for bytes that write() cannot have made.
  static Result<Session> read(ByteView bytes);
};

struct Opened {
  Session next;  ///< to be stored with what was opened, in one transaction
  Secret plaintext;
};

/// Begins a session with a device of somebody (X3DH as its initiator). `me` and `peer` as in the
/// visas that this side knows. Errc::native when a signature of the bundle is not the peer's, when
/// the bundle is of another device, or a key in it is of small order.
Result<Session> initiate(const DeviceKeys& own, const Party& me, const Party& peer,
                         const PrekeyBundle& bundle, Random& random);

/// Accepts the session that `frame` begins and opens the frame. `peer` and `me` as in the newest
/// visas; `signed_prekey` and `second` are those that first_part() names (`second` null where it
/// names none). Errc::native when they are others, when the sender's keys are not those of `peer`,
/// when the frame goes by a newer visa than `me` or `peer` (get it first, then try again), and for
/// everything that open() refuses. A frame that was accepted before must not come here again: see
/// PeerSessions.
Result<Opened> accept(const DeviceKeys& own, const Party& me, const Party& peer,
                      const PrekeySecret& signed_prekey, const PrekeySecret* second, ByteView frame,
                      ByteView ad, Millis now);

/// Seals up to kMostPlaintext bytes; `ad` is the canonical envelope (envelope.h). `session` moves
/// on when it succeeds, and is to be stored before the frame leaves. Errc::too_large; Errc::native
/// after 2^32
/// - 1 frames without an answer.
Result<Bytes> seal(Session& session, ByteView plaintext, ByteView ad, Random& random);

/// Opens a frame. Errc::native for one that is no frame of N1 or of this session, was opened
/// before, leaves out more than 1,000 messages of a chain, was changed, or has another `ad`. `now`
/// decides which skipped keys are too old.
Result<Opened> open(const Session& session, ByteView frame, ByteView ad, Millis now);

}  // namespace dim::native
