// Sealing and opening messages: the only code that sees plain text and private keys together.
// Order when reading (security.md 2.6): size, JSON, IDs, meta, signature, replay, decrypt, padding,
// UTF-8, JSON, type, sn, time, bind. Nothing of a message is believed before its signature has
// verified.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "dim/engine/account.h"
#include "dim/engine/directory.h"
#include "dim/engine/failed_decrypts.h"
#include "dim/engine/key_ring.h"
#include "dim/engine/proofs.h"
#include "dim/engine/verify.h"
#include "dim/message/message.h"

namespace dim {

/// How far a message can be trusted, as the user reads it.
enum class Label : std::uint8_t {
  secure,              ///< "secure": native suite
  secure_old,          ///< "secure, old protocol": encrypted, signed, addressee proven by `bind`
  addressee_unproven,  ///< "old protocol, addressee not proven": a reference peer
  not_encrypted,       ///< "not encrypted": broadcast form
};
std::string_view to_string(Label label);

/// The place of a message in what its sender wrote to one conversation (A13).
struct Chain {
  std::int64_t seq = 0;  ///< counted from 1
  std::string prev{};    ///< base64 of the message_hash before, empty for the first
};

/// content -> sealed -> signed, for a person, a station or a broadcast ID. Adds `bind`, `seq`,
/// `prev`; 16 spaces in front and padding to 320 * 2^k bytes (A10); a fresh AES key and IV each
/// time; `keys` for each visa of the receiver. Errc::not_found when no key of the receiver is
/// known; Errc::conflict when the receiver has two metas with proof (A02); Errc::content for a
/// content without type, sn or time; Errc::too_large over 640 KiB; Errc::plain_not_allowed for a
/// plain form that A09 forbids; Errc::not_implemented for a group (seal_group).
Result<SignedMessage> seal(const PlainMessage& message, const Account& sender,
                           const Directory& directory, const Chain& chain, Random& random);

/// The same with the keys that the directory has for the receiver (Directory::message_keys), for
/// who seals on another thread. Errc::not_found when there are none.
Result<SignedMessage> seal(const PlainMessage& message, const Account& sender,
                           std::span<const std::pair<std::string, PublicKey>> recipients,
                           const Chain& chain, Random& random);

/// As `seal`, to a group whose ID is the receiver: encrypted once, `keys` for all devices of all
/// `members`, `group` exposed. copy_for_member (message/delivery.h) makes each member's copy.
/// Errc::not_found when a member has no known key.
Result<SignedMessage> seal_group(const PlainMessage& message, std::span<const Id> members,
                                 const Account& sender, const Directory& directory,
                                 const Chain& chain, Random& random);

/// A message that verified and was read. Only `open` makes one.
struct Opened {
  PlainMessage message;  ///< content with old names completed (protocol/wire.h)
  Label label = Label::addressee_unproven;
  Digest32 hash{};
  std::optional<Chain> chain{};
  bool late = false;  ///< arrived more than 5 min after its signed time (A13)
};

/// Has this hash been opened before? Asked after verification, before decryption (A12). True: drop
/// it.
using SeenBefore = std::function<bool(const Digest32&)>;

/// What differs between readers.
struct OpenRules {
  Reading reading =
      Reading::strict;      ///< codec: what the reference's formats allow, for test vectors
  KeyRing* keys = nullptr;  ///< remembers keys of peers that leave them out later
  FailedDecrypts* failed = nullptr;  ///< of this message's sender, counted up here (A22)
  std::optional<Id> station{};  ///< a client's own station on this very link: its plain handshake
                                ///< and document answers are taken (A09, case E)
};

/// Verifies, then decrypts and checks the content. Errc::not_found, ::signature, ::conflict
/// (verify.h), ::replay; Errc::decrypt, one and the same for every cause of failed decryption, also
/// when nothing was tried because `failed` is full (A22, J17–J20); Errc::plain_not_allowed (A09,
/// J10),
/// ::content (J21), ::rebound (A08, J22), ::bad_request when it is for somebody else.
/// The sender's meta is pinned by the signature; attached metas and documents are learnt (A05).
Result<Opened> open(const SignedMessage& message, const Account& receiver, Directory& directory,
                    const SeenBefore& seen_before, Millis now, const OpenRules& rules = {});

/// A12: commands that change state (login, report, block and mute with a list, group history) are
/// refused with Errc::content when their signed time is more than 10 min ago.
Status check_command_age(const JsonObject& content, Millis now);

}  // namespace dim
