// The secret of a live stream: how it comes to the other person, and the keys that are made of it
// (docs/protocol/live.md section 6).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/crypto/sframe.h"
#include "dim/engine/engine.h"
#include "dim/packet/guid.h"

namespace dim {

inline constexpr std::size_t kStreamSecret = 32;  ///< bytes

/// `{"secret":…}`: what a stream in a channel carries, in a public hub as it is, in a private one
/// sealed.
std::string plain_stream_secret(const Secret& secret);
/// Errc::content when it is none.
Result<Secret> read_stream_secret(std::string_view text);

/// A message to one person, as JSON text. Errors of seal().
Result<std::string> seal_stream_secret(const Guid& stream, const Secret& secret, const Id& to,
                                       const Account& from, const Directory& directory, Millis now,
                                       Random& random);
/// Errc::content: it is not that of `stream`; Errc::signature: it is not from `author`, or was not
/// sealed; else as open().
Result<Secret> open_stream_secret(std::string_view content, const Guid& stream, const Id& author,
                                  const Account& reader, Directory& directory, Millis now);

/// The key of one joining of one sender.
Result<SframeKey> stream_key(const Secret& secret, const Guid& stream, const Id& sender,
                             std::uint64_t key_id);

}  // namespace dim
