#include "dim/packet/transport_detect.h"

#include "dim/packet/mars.h"
#include "dim/packet/mtp.h"
#include "dim/packet/websocket.h"

namespace dim {
namespace {

template <class Header>
bool is_one(const Decoded<Header>& decoded) {
  return std::holds_alternative<Header>(decoded);
}

// Where the first header is of which `magic` is a part, `magic_at` bytes behind its start; npos
// when there is none.
template <class Read>
std::size_t find_header(std::string_view bytes, std::string_view magic, std::size_t magic_at,
                        Read read) {
  for (std::size_t at = bytes.find(magic, magic_at + 1); at != std::string_view::npos;
       at = bytes.find(magic, at + 1)) {
    if (is_one(read(bytes.substr(at - magic_at)))) return at - magic_at;
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view to_string(Framing framing) {
  switch (framing) {
    case Framing::mtp:
      return "MTP";
    case Framing::mars:
      return "Mars";
    case Framing::websocket:
      return "WebSocket";
  }
  return "";
}

Decoded<Framing> detect_framing(std::string_view first_bytes) {
  const auto request = read_websocket_request(first_bytes);
  if (is_one(request)) return Framing::websocket;
  const auto mtp = read_mtp_header(first_bytes);
  if (is_one(mtp)) return Framing::mtp;
  const auto mars = read_mars_header(first_bytes);
  if (is_one(mars)) return Framing::mars;
  const auto waits = [](const auto& decoded) { return std::holds_alternative<NeedMore>(decoded); };
  if (waits(request) || waits(mtp) || waits(mars)) return NeedMore{};

  // Nothing begins at the start: look behind it, for so little as whole headers. The first counts.
  constexpr std::size_t kLongestHeader = 32;
  if (first_bytes.size() < kLongestHeader) return NeedMore{};
  const std::size_t mtp_at = find_header(first_bytes, "DIM", 0, read_mtp_header);
  constexpr std::string_view kMarsVersionField("\0\0\0\xc8\0\0", 6);
  const std::size_t mars_at = find_header(first_bytes, kMarsVersionField, 4, read_mars_header);
  if (mtp_at != mars_at) return mtp_at < mars_at ? Framing::mtp : Framing::mars;
  if (first_bytes.size() < limits::kDetectJunk) return NeedMore{};
  return Error{Errc::bad_request, "neither MTP nor Mars nor WebSocket"};
}

}  // namespace dim
