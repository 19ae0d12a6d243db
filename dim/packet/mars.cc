#include "dim/packet/mars.h"

#include <algorithm>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::size_t kHeader = 20;
constexpr std::size_t kLongestUsual = 32;  // the reference waits for so much before it skips
constexpr std::size_t kMagicAt = 4;
// Version 200, and the upper bytes of a command.
constexpr std::string_view kMagic("\x00\x00\x00\xc8\x00\x00\x00", 7);
constexpr std::string_view kSnLine = "Mars SN:";

Error bad(Literal hint) { return Error{Errc::bad_request, hint.view}; }

bool known(std::uint32_t command) { return command == 3 || command == 6 || command == 10001; }

}  // namespace

Decoded<MarsHeader> read_mars_header(std::string_view bytes) {
  if (bytes.size() >= 4) {
    const auto size = read_big_endian<std::uint32_t>(bytes);
    if (size < kHeader || size > limits::kMarsHeader) return bad("a header has 20 to 1024 bytes");
  }
  if (bytes.size() >= 8 && read_big_endian<std::uint32_t>(bytes.substr(4)) != kMarsVersion) {
    return bad("the version is 200");
  }
  if (bytes.size() >= 12 && !known(read_big_endian<std::uint32_t>(bytes.substr(8)))) {
    return bad("commands are 3, 6 and 10001");
  }
  if (bytes.size() < kHeader) return NeedMore{};
  MarsHeader header{
      .command = static_cast<MarsCommand>(read_big_endian<std::uint32_t>(bytes.substr(8))),
      .seq = read_big_endian<std::uint32_t>(bytes.substr(12)),
      .body_length = read_big_endian<std::uint32_t>(bytes.substr(16)),
      .size = read_big_endian<std::uint32_t>(bytes)};
  if (bytes.size() < header.size) return NeedMore{};
  return header;
}

std::string write_mars(const MarsHeader& header, std::string_view options, std::string_view body) {
  std::string out;
  out.reserve(kHeader + options.size() + body.size());
  append_big_endian(out, static_cast<std::uint32_t>(kHeader + options.size()));
  append_big_endian(out, kMarsVersion);
  append_big_endian(out, static_cast<std::uint32_t>(header.command));
  append_big_endian(out, header.seq);
  append_big_endian(out, static_cast<std::uint32_t>(body.size()));
  out += options;
  out += body;
  return out;
}

MarsPayload read_mars_payload(std::string_view body) {
  if (!body.starts_with(kSnLine)) return {std::nullopt, body};
  const std::size_t end = body.find('\n', kSnLine.size());
  if (end == std::string_view::npos) return {std::nullopt, body};
  const auto sn = from_base64(body.substr(kSnLine.size(), end - kSnLine.size()));
  MarsPayload out{std::nullopt, body.substr(end + 1)};
  if (sn && sn->size() == 4) out.sn = read_big_endian<std::uint32_t>(as_text(*sn));
  return out;
}

std::string mars_sn_line(std::uint32_t sn) {
  std::string bytes;
  append_big_endian(bytes, sn);
  return std::string(kSnLine) + to_base64(as_bytes(bytes)) + "\n";
}

void MarsReader::skip(std::size_t count) {
  buffer_.drop(count);
  dropped_ += count;
  scanned_ = 0;
}

bool MarsReader::seek() {
  for (;;) {
    const std::string_view held = buffer_.held();
    if (held.empty()) return false;
    auto header = read_mars_header(held);
    if (auto* found = std::get_if<MarsHeader>(&header)) {
      header_ = *found;
      scanned_ = 0;
      return true;
    }
    // A header with more options than usual may still be coming.
    if (std::holds_alternative<NeedMore>(header) || held.size() < kLongestUsual) return false;
    const std::size_t next = held.find(kMagic, std::max<std::size_t>(scanned_, kMagicAt + 1));
    if (next != std::string_view::npos) {
      skip(next - kMagicAt);
      continue;
    }
    scanned_ = held.size() - (kMagic.size() - 1);
    if (held.size() < limits::kFrameJunk) return false;
    skip(scanned_ - kMagicAt);  // what is left may be the beginning of the next header
    return false;
  }
}

Decoded<MarsFrame> MarsReader::next() {
  if (!header_ && !seek()) return NeedMore{};
  const MarsHeader& header = *header_;
  if (header.body_length > body_limit_) {
    return Error{Errc::too_large, "the body of a frame is longer than this side takes"};
  }
  const std::string_view held = buffer_.held();
  if (held.size() < header.size + header.body_length) return NeedMore{};
  MarsFrame frame{header, std::string(held.substr(kHeader, header.size - kHeader)),
                  std::string(held.substr(header.size, header.body_length))};
  buffer_.drop(header.size + header.body_length);
  header_.reset();
  return frame;
}

}  // namespace dim
