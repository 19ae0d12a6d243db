// Turns received bytes into packets, one connection at a time, in any segmentation.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "dim/packet/packet.h"

namespace dim {

/// What the peer sent that cannot be a packet. `fatal`: framing is lost, answer and close; otherwise the offending
/// packet has been skipped exactly and the next one can be read.
struct BadPacket {
  Error error;
  bool fatal = true;
  std::string reply;  ///< its `id`, when that much could be read
};

class PacketReader {
 public:
  struct Options {
    Lane lane = Lane::control;
    bool checksum_required = false;  ///< after CONNECT (P24)
    bool crc32c_agreed = false;      ///< P25
  };
  explicit PacketReader(Options options) : options_(options) {}

  /// Takes all of `bytes`. Memory held is bounded by header limit + content limit of the lane.
  void feed(std::string_view bytes);
  /// The next packet, the reason why there is none that can be trusted, or nothing: feed more.
  std::variant<std::monostate, Packet, BadPacket> next();
  /// True while the beginning of a packet is held (slow-peer rules apply), with how many bytes have come for it.
  bool in_packet() const;
  std::size_t packet_bytes() const;
  /// Bytes held and not consumed: the TLS-upgrade rule asks for it (A45, P34).
  std::size_t buffered() const;
  void set_options(Options options) { options_ = options; }

 private:
  Options options_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t skip_ = 0;        // content bytes still to skip after 411
  std::size_t scanned_ = 0;     // where the search for the header's end goes on
  std::size_t empty_lines_ = 0;
};

}  // namespace dim
