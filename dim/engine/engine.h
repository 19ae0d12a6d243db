// Sealing and opening messages: the only code that sees plain text and private keys together.
// Order when reading (security.md 2.6): size, JSON, IDs, meta, signature, replay, decrypt, padding, UTF-8, JSON, type,
// sn, time, bind. Nothing of a message is believed before its signature has verified.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dim/engine/account.h"
#include "dim/engine/directory.h"
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
  std::int64_t seq = 0;   ///< counted from 1
  std::string prev;        ///< base64 of the message_hash before, empty for the first
};

/// content -> sealed -> signed, for a person, a station or a broadcast ID. Adds `bind`, `seq`, `prev`; 16 spaces in front and
/// padding to 320 * 2^k bytes (A10); a fresh AES key and IV each time; `keys` for each visa of the receiver.
/// Errc::not_found when no key of the receiver is known.
Result<SignedMessage> seal(const PlainMessage& message, const Account& sender, const Directory& directory,
                           const Chain& chain, Random& random);

/// Signature over the bytes of `data` by the sender's meta key or visa key (A01, A03). Errc::signature, or
/// Errc::not_found when the sender's meta is unknown.
Status verify(const SignedMessage& message, const Directory& directory, Millis now);

struct Opened {
  PlainMessage message;
  Label label = Label::addressee_unproven;
  Digest32 hash{};
  std::optional<Chain> chain;
  bool late = false;   ///< signed time and envelope time are more than 5 min apart, or older than what was shown
};

/// Has this hash been opened before? Asked after verification, before decryption (A12). True: drop it.
using SeenBefore = std::function<bool(const Digest32&)>;

/// Verifies, then decrypts and checks the content. One error for every cause of failed decryption (A22).
Result<Opened> open(const SignedMessage& message, const Account& receiver, Directory& directory,
                    const SeenBefore& seen_before, Millis now);

/// The signing input and proofs of CONNECT (docs/protocol/connect.md).
struct ConnectInput {
  bool station = false;  ///< role of the signer
  std::string station_id, author_id;
  std::uint16_t port = 8800;
  Bytes channel_binding, challenge, nonce;
  std::string offered, chosen;
};
Bytes connect_signing_input(const ConnectInput& input);
Digest32 port_proof(ByteView token, std::uint16_t port, ByteView channel_binding);
/// Signed by stations over a name record (A26).
Bytes name_signing_input(std::string_view name, std::string_view owner, std::string_view time);

/// 60 digits in 12 groups of 5, the same on both sides: SHA-512 iterated 5,200 times over both IDs and meta digests (3.8).
std::string safety_number(const Id& a, const Meta& meta_a, const Id& b, const Meta& meta_b);

}  // namespace dim
