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

template <class Header>
bool waits(const Decoded<Header>& decoded) {
  return std::holds_alternative<NeedMore>(decoded);
}

struct Candidate {
  std::size_t at = std::string_view::npos;
  bool whole = false;
};

// The first header of which `magic` is a part, `magic_at` bytes behind its start; one that waits
// for bytes counts unless only `whole` ones do.
template <class Read>
Candidate find_header(std::string_view bytes, std::string_view magic, std::size_t magic_at,
                      Read read, bool whole) {
  for (std::size_t at = bytes.find(magic, magic_at + 1); at != std::string_view::npos;
       at = bytes.find(magic, at + 1)) {
    const auto decoded = read(bytes.substr(at - magic_at));
    if (is_one(decoded)) return {at - magic_at, true};
    if (!whole && waits(decoded)) return {at - magic_at, false};
  }
  return {};
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
  if (waits(request) || waits(mtp) || waits(mars)) return NeedMore{};

  // Nothing begins at the start: look behind it, for so little as whole headers. The first counts,
  // also when its end has still to come: what is found must not change with more bytes.
  constexpr std::size_t kLongestHeader = 32;
  if (first_bytes.size() < kLongestHeader) return NeedMore{};
  const bool all = first_bytes.size() >= limits::kDetectJunk;
  const std::string_view junk = first_bytes.substr(0, limits::kDetectJunk);
  const Candidate mtp_header = find_header(junk, "DIM", 0, read_mtp_header, all);
  constexpr std::string_view kMarsVersionField("\0\0\0\xc8\0\0", 6);
  const Candidate mars_header = find_header(junk, kMarsVersionField, 4, read_mars_header, all);
  if (mtp_header.at != mars_header.at) {
    const bool is_mtp = mtp_header.at < mars_header.at;
    if (!(is_mtp ? mtp_header : mars_header).whole) return NeedMore{};
    return is_mtp ? Framing::mtp : Framing::mars;
  }
  if (!all) return NeedMore{};
  return Error{Errc::bad_request, "neither MTP nor Mars nor WebSocket"};
}

}  // namespace dim
