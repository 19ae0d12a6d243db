// Which framing a connection of the dimchat world has, from its first bytes
// (docs/protocol/dimchat-frames.md section 1).
#pragma once
#include <cstdint>
#include <string_view>
#include <variant>

#include "dim/packet/frame_buffer.h"

namespace dim {

enum class Framing : std::uint8_t { mtp, mars, websocket };
std::string_view to_string(Framing framing);

/// All bytes of the connection so far. WebSocket has its request at the start; MTP and Mars a
/// header at the start, or behind bytes that are nothing, once more of those are there than a
/// header has. Errc::bad_request when over 4 KiB hold none of them.
Decoded<Framing> detect_framing(std::string_view first_bytes);

}  // namespace dim
