// The packet reader: one piece or many, the same packets; what is written reads back as it was.
#include <cstdlib>
#include <string>

#include "dim/packet/reader.h"

namespace {

using namespace dim;

std::string all_of(std::string_view bytes, std::size_t piece) {
  PacketReader reader({.lane = Lane::text, .checksum_required = false, .crc32c_agreed = true});
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece));
    while (true) {
      auto next = reader.next();
      if (std::holds_alternative<std::monostate>(next)) break;
      if (const auto* bad = std::get_if<BadPacket>(&next)) {
        out +=
            "bad " + std::to_string(status_of(bad->error.code)) + (bad->fatal ? " fatal\n" : "\n");
        if (bad->fatal) return out;
        continue;
      }
      const auto& packet = std::get<Packet>(next);
      const std::string written = write_packet(packet, Checksum::crc32c);
      out += written;
      PacketReader again({.lane = Lane::text, .checksum_required = false, .crc32c_agreed = true});
      again.feed(written);
      auto twice = again.next();
      const auto* same = std::get_if<Packet>(&twice);
      if (same == nullptr || write_packet(*same, Checksum::crc32c) != written) std::abort();
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = all_of(bytes, size + 1);
  if (all_of(bytes, 7) != whole || (size < 2'000 && all_of(bytes, 1) != whole)) std::abort();
  return 0;
}
