// Receipts: what a receiver says of a message, and when to believe it (A16, J29).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dim/engine/engine.h"

namespace dim {

/// Names the message by the GUID its sender gave it and by its message_hash. Reference peers know
/// neither: theirs names the message by its signature.
struct Receipt {
  std::string guid{};
  Digest32 hash{};
  bool read = false;                 ///< shown to a person, not only delivered to a device
  std::optional<Bytes> signature{};  ///< of the message it is about, where the receipt tells it
};

/// How far an own message has got. Only grows.
enum class Delivery : std::uint8_t { sent, delivered, read };
std::string_view to_string(Delivery delivery);

/// An own message that waits for receipts.
struct SentMessage {
  Id receiver;
  std::string guid{};
  Digest32 hash{};
  Bytes signature{};
  Delivery delivery = Delivery::sent;
};

/// The content of a receipt that our clients understand; no answer to a receipt is ever made.
JsonObject receipt_content(const Receipt& receipt, Millis now, Random& random);
/// As above and with the `origin` that reference clients look for: the envelope of `original`
/// without data and keys.
JsonObject make_receipt(const SignedMessage& original, const Opened& opened, std::string_view guid,
                        bool read, Millis now, Random& random);

/// Nothing when the content is no receipt, or one that names no message.
std::optional<Receipt> read_receipt(const Opened& opened);

/// A16: a receipt counts when its signer is the receiver of a message we sent with that hash and
/// GUID (reference peers: with that signature). Errc::forbidden otherwise: ignore it. A receipt
/// that came unencrypted is never believed.
Result<Delivery> check_receipt(const Receipt& receipt, const Opened& opened,
                               const SentMessage& sent);

}  // namespace dim
