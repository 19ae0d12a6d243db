// The three forms of a DIMP message: plain (content readable), sealed (encrypted), signed (what
// travels).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/time.h"
#include "dim/identity/id.h"
#include "dim/identity/reading.h"

namespace dim {

/// Who to whom and when. In the reference's form nothing of it is signed (A08): `bind` inside the
/// content repairs that.
struct Envelope {
  Id sender;
  Id receiver;
  double time = 0;            ///< seconds since 1970, as on the wire; 0 when missing
  std::optional<Id> group{};  ///< exposed group
  std::string type{};         ///< content type as text ("1"), a hint; empty when missing
  JsonObject extra{};  ///< further members to write (SDT, GF, meta, visa, …); empty in what was
                       ///< received: there SignedMessage::json has them
};

/// A message between writing and sealing, or after opening. `content` is a JSON object; its meaning
/// is dim/protocol.
struct PlainMessage {
  Envelope envelope;
  JsonObject content{};
};

/// One encrypted message key: for an ID or ID/terminal.
using MessageKey = std::pair<std::string, Bytes>;

struct SealedMessage {
  Envelope envelope;
  Bytes data{};        ///< cipher text, or the JSON text itself for a broadcast
  bool plain = false;  ///< broadcast form: `data` is text
  Bytes iv{};  ///< 16 bytes, empty when missing; any other length came from a field that is no IV
               ///< (J19)
  std::vector<MessageKey> keys{};  ///< field `keys`
  std::optional<Bytes> key{};      ///< field `key`, the form of 2025
};

/// What arrives. `json` keeps every field as it came (unknown ones too, short names written out);
/// relaying sends `wire`, never a rewrite.
struct SignedMessage {
  SealedMessage sealed;
  Bytes signature{};
  JsonObject json{};
  std::string wire{};  ///< the bytes as received, empty for one made here

  /// Reading::codec: a binary field that cannot be decoded is left empty, so that verifying or
  /// decrypting fails instead of parsing. Strict JSON; twin and short keys of wire.md 2 understood,
  /// both forms at once refused (A34, J02). Checks J08–J12: Errc::json, ::id, ::bad_request,
  /// ::encoding, or ::too_large beyond 1 MiB. Says nothing about the signature: that needs the
  /// sender's keys (engine/verify.h). `known`: IDs that most likely stand in the envelope (null:
  /// none); a text that is one of theirs is taken without being parsed again.
  static Result<SignedMessage> parse(std::string_view text, Reading reading = Reading::strict,
                                     const AddressTable& addresses = {},
                                     std::span<const Id* const> known = {});
  static Result<SignedMessage> from_json(JsonObject object, Reading reading = Reading::strict,
                                         const AddressTable& addresses = {},
                                         std::span<const Id* const> known = {});
};

/// True where the reference's rule makes a message plain text: receiver or exposed group is a
/// broadcast ID.
bool is_plain(const Envelope& envelope);

/// Reference field order; `keys` where there are keys, `key` only where `sealed.key` is set
/// (wire-2026.md 7). Attached metas and documents get their twin fields (wire.md 2.1).
JsonObject to_json(const SignedMessage& message);
std::string write_message(const SignedMessage& message, JsonStyle style = JsonStyle::reference);

/// SHA-256(sender | data | receiver-or-group), each behind its length, IDs without terminal: what
/// the replay set and receipts know a message by (A07, A12). The same for every device's copy and
/// every member's copy.
Digest32 message_hash(const SignedMessage& message);
Digest32 message_hash(const SealedMessage& message);

/// Time as the reference accepts it: number, or number as text; 0 for missing, negative or anything
/// else (wire.md 2).
double read_seconds(const Json* value);

}  // namespace dim
