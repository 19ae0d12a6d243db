// The envelope of a message of N1: what every frame and payload has as associated data, and what
// the sending device signs so that stations can check it (`"sigv":"n1"`).
#pragma once
#include <span>
#include <string>
#include <utility>

#include "dim/native/device_keys.h"

namespace dim::native {

struct Envelope {
  Id sender;           ///< with the terminal of the sending device where it has one
  Id target;           ///< the group where there is one, else the receiver; without terminal
  Millis time = 0;     ///< milliseconds; on the wire the same as seconds
  std::string guid{};  ///< 32 lower-case hexadecimal digits
  std::string type{};  ///< the outer content type as text
};

/// One key of a message: for whom ("ID" or "ID/terminal") and the frame.
using FrameFor = std::pair<std::string, Bytes>;

/// The canonical envelope, the `ad` of seal, open, seal_payload and open_payload: context
/// "dim/2023 n1 message", then lp(sender) | lp(device) | lp(target) | lp(time) | lp(guid) |
/// lp(type) | lp(key hash of the sending device).
Bytes envelope_ad(const Envelope& envelope, const DevicePublic& sender);

/// What is signed: context "dim/2023 n1 envelope", the same fields, SHA-256(data), and SHA-256 over
/// lp(name) | lp(frame) of each key in the order of their names.
Bytes signing_input(const Envelope& envelope, const DevicePublic& sender, ByteView data,
                    std::span<const FrameFor> keys);

Signature64 sign_envelope(const Envelope& envelope, const DeviceKeys& sender, ByteView data,
                          std::span<const FrameFor> keys);
/// Errc::signature, also when a name stands twice among the keys.
Status verify_envelope(const Envelope& envelope, const DevicePublic& sender, ByteView data,
                       std::span<const FrameFor> keys, ByteView signature);

}  // namespace dim::native
